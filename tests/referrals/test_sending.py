"""Sending: the service must exist and serve the area, the dues are counted, an ended referral can be replaced."""

from datetime import datetime
from typing import Any
from uuid import uuid4

import httpx2 as httpx
import pytest

from tests.harness.stack import Running
from tests.referrals.conftest import Give, Send, a_referral


@pytest.mark.parametrize(
    ("other", "slug"),
    [
        ({"service": "no-such-thing"}, "no-such-service"),
        ({"service": "jakarta-only", "area": "31.74.01"}, "no-such-service"),
        ({"client_id": "Budi"}, "request-not-valid"),
        ({"reason": "because the family is poor"}, "request-not-valid"),
        ({"documents": ["3174010101900001"]}, "request-not-valid"),
        ({"area": "Jakarta"}, "request-not-valid"),
        ({"replaces": str(uuid4())}, "not-found"),
    ],
)
async def test_what_cannot_be_sent_is_refused(other: dict[str, Any], slug: str, worker: httpx.AsyncClient) -> None:
    answer = await worker.post("/referrals", json=a_referral(**other))
    assert answer.json()["type"] == f"urn:sinergi:problem:{slug}"


async def test_a_service_is_not_asked_outside_its_areas(referrals: Running) -> None:
    async with referrals.client("social_worker", area="31") as of_the_province:
        answer = await of_the_province.post("/referrals", json=a_referral(area="31.71.02"))
    assert (answer.status_code, answer.json()["type"]) == (422, "urn:sinergi:problem:out-of-area")


async def test_the_dues_follow_the_services_hours(send: Send, worker: Any) -> None:
    coached = await send()
    read = (await worker.get(f"/referrals/{coached['id']}")).json()
    asked = datetime.fromisoformat(read["requested_at"])
    hours = [
        (datetime.fromisoformat(read[due]) - asked).total_seconds() / 3600 for due in ("acknowledge_due", "decide_due")
    ]
    assert hours == [24, 48]
    assert read["finish_due"] is None


async def test_an_ended_referral_is_replaced_once_and_both_facts_are_told(
    send: Send, give: Give, worker: Any, told: Any
) -> None:
    request = a_referral()
    old = (await give("decline", await send(**request))).json()
    new = await send(**request, replaces=old["id"])
    assert (await told(old["id"]))[-1] == ("core koperasi", "sinergi.referral.rerouted.v1", 3)
    assert (await worker.get(f"/referrals/{old['id']}")).json()["replaced_by"] == new["id"]
    assert (await give("decline", new)).status_code == 200
    again = await worker.post("/referrals", json={**request, "replaces": old["id"]})
    assert (again.status_code, again.json()["type"]) == (409, "urn:sinergi:problem:not-replaceable")


async def test_neither_an_open_referral_nor_another_clients_is_replaced(send: Send, give: Give, worker: Any) -> None:
    open_one = await send()
    ended = (await give("decline", await send())).json()
    for old in (open_one, ended):
        answer = await worker.post("/referrals", json=a_referral(replaces=old["id"]))
        assert answer.json()["type"] == "urn:sinergi:problem:not-replaceable"


async def test_after_the_end_the_same_service_can_be_asked_again(send: Send, give: Give) -> None:
    request = a_referral()
    await give("decline", await send(**request))
    assert (await send(**request))["state"] == "requested"


async def test_lists_are_paged_by_side_and_state(referrals: Running, send: Send) -> None:
    sent = [await send(service="izin-usaha-mikro", area="31.74.07") for _ in range(3)]
    async with referrals.client("desk_officer", agency="bptsp", area="31.74.07") as officer:
        first = (await officer.get("/referrals?side=received&state=requested&size=2")).json()
        second = (await officer.get("/referrals?side=received&state=requested&size=2&page=2")).json()
        assert first["total"] == 3
        listed = [item["id"] for item in first["items"] + second["items"]]
        assert listed == [one["id"] for one in reversed(sent)]
        assert (await officer.get("/referrals?side=sent")).json()["total"] == 0
        assert (await officer.get("/referrals?size=101")).status_code == 422


async def test_a_sending_agency_that_is_connected_hears_its_own_referral(referrals: Running, told: Any) -> None:
    async with referrals.client("social_worker", agency="bptsp", area="31") as sender:
        referral = (await sender.post("/referrals", json=a_referral())).json()
    assert await told(referral["id"]) == [("core koperasi bptsp", "sinergi.referral.requested.v1", 1)]
