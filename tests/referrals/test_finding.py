"""Who can help here: ranked and explained; and where nobody can, that is a finding of its own."""

from collections.abc import AsyncIterator
from datetime import date, timedelta
from io import BytesIO
from typing import Any
from uuid import uuid4

import pytest
from nats.aio.client import Client
from openpyxl import load_workbook
from sqlalchemy import text

from tests.harness.stack import Running
from tests.referrals.asked import Registry, answering
from tests.referrals.conftest import LICENCE

HERE = "31.74.09.1001"
OLD = {"all": [{"fact": "age", "op": ">=", "value": 60}]}
TOMORROW = (date.today() + timedelta(days=1)).isoformat()


@pytest.fixture
async def registry(nats: Client) -> AsyncIterator[Registry]:
    async with answering(nats) as registry:
        yield registry


@pytest.fixture(scope="module")
async def operator(referrals: Running) -> AsyncIterator[Any]:
    async with referrals.client("operator") as client:
        yield client


@pytest.fixture(scope="module")
async def services(operator: Any) -> dict[str, dict[str, Any]]:
    """Services for one need, each better than the next in one thing."""
    served = LICENCE | {"desk": "penjangkauan", "needs": ["gelandangan"], "documents": []}
    entries: dict[str, dict[str, Any]] = {
        "near-with-room": served | {"areas": [HERE]},
        "far-with-room": served | {"areas": ["*"]},
        "near-but-full": served | {"areas": [HERE, "31.74"]},
        "not-for-the-young": served | {"areas": [HERE], "eligibility": OLD},
        "elsewhere": served | {"areas": ["31.73"]},
        "for-another-need": served | {"areas": [HERE], "needs": ["pemulung"]},
    }
    for code, entry in entries.items():
        (await operator.put(f"/directory/services/{code}", json=entry)).raise_for_status()
    for code, places in (("near-but-full", 0), ("near-with-room", 4)):
        capacity = {"places": places, "places_per": "month"}
        (await operator.post(f"/directory/services/{code}/capacity", json=capacity)).raise_for_status()
    return entries


async def find(client: Any, **more: Any) -> dict[str, Any]:
    answer = await client.post("/directory/find", json={"need": "gelandangan", "area": HERE, **more})
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


async def test_the_near_with_room_come_first_and_each_place_is_explained(
    services: Any, worker: Any, registry: Registry
) -> None:
    found = await find(worker)
    codes = [one["code"] for one in found["items"]]
    assert codes == ["near-with-room", "far-with-room", "near-but-full", "not-for-the-young"]
    assert registry.asked == [], "no client is named, so none is asked about"
    assert [one["id"] for one in found["items"][0]["why"]] == [
        "Memenuhi syarat",
        "4 tempat kosong",
        "Di kelurahan yang sama",
        "Belum ada catatan waktu jawab",
    ]
    assert found["items"][3]["why"][0]["en"] == "Cannot tell yet"


async def test_a_named_client_is_judged_once_for_all_services_and_the_reading_is_audited(
    services: Any, worker: Any, registry: Registry, referrals: Running
) -> None:
    client_id = str(uuid4())
    registry.people = [{"age": 66}]
    assert (await find(worker, client_id=client_id))["items"][0]["code"] == "near-with-room"
    registry.people = [{"age": 30}]
    last = (await find(worker, client_id=client_id))["items"][-1]
    assert (last["code"], last["eligibility"], last["rules"][0]["result"]) == ("not-for-the-young", "no", "no")
    assert [one["facts"] for one in registry.asked] == [{"age": []}] * 2
    async with referrals.context.db.begin() as tx:
        trail = text("SELECT actor, action, purpose FROM audit WHERE subject_id = :id")
        rows = [tuple(row) for row in await tx.session.execute(trail, {"id": client_id})]
    assert rows == [("social_worker@dinsos", "client.judged", "eligibility for gelandangan")] * 2


async def test_the_list_is_paged_and_who_may_not_look_does_not(
    services: Any, worker: Any, desk: Any, referrals: Running
) -> None:
    second = await find(worker, limit=3, page=2)
    assert ([one["code"] for one in second["items"]], second["total"]) == (["not-for-the-young"], 4)
    asked = {"need": "gelandangan", "area": "31.73.01"}
    assert (await worker.post("/directory/find", json=asked)).json()["type"].endswith("outside-your-area")
    assert (await desk.post("/directory/find", json=asked)).status_code == 403
    for wrong in ({"need": "PMKS"}, {"area": "Tebet"}, {"limit": 101}, {"client_id": "Budi"}):
        answer = await worker.post("/directory/find", json=asked | {"area": HERE} | wrong)
        assert answer.status_code == 422


async def test_a_need_that_nobody_has_room_for_is_a_gap_with_how_often_it_was_asked_for(
    services: Any, worker: Any, operator: Any, referrals: Running
) -> None:
    for _ in range(3):
        assert (await find(worker, need="korban-trafficking"))["items"] == []
    async with referrals.client("supervisor") as supervisor:
        gaps = (await supervisor.get("/directory/gaps?size=100")).json()
        first = gaps["items"][0]
        assert (first["need"], first["area"], first["unmet"], first["state"]) == (
            *("korban-trafficking", "31.74.09", 3, "nobody"),
        )
        found = {(one["need"], one["area"]): one["state"] for one in await pages(supervisor)}
        assert ("gelandangan", "31.74.09") not in found, "the service for the whole country serves it"
        assert found["pemulung", "31.74.09"] == "partly"
        assert found["pemulung", "31.74.01"] == "nobody"
        assert (await supervisor.get("/directory/gaps?area=31.73")).status_code == 403
        book = load_workbook(BytesIO((await supervisor.get("/directory/gaps.xlsx")).content))
    rows = list(book["gaps"].iter_rows(min_row=2, values_only=True))
    assert len(rows) == gaps["total"]
    assert rows[0][:4] == ("korban-trafficking", "Korban trafficking", "31.74.09", first["area_name"])
    assert (await worker.get("/directory/gaps")).status_code == 403


async def test_full_and_closed_services_leave_a_gap(services: Any, operator: Any) -> None:
    entry = LICENCE | {"needs": ["komunitas-adat-terpencil"], "areas": ["31.74"]}
    (await operator.put("/directory/services/adat", json=entry)).raise_for_status()

    async def state() -> Any:
        found = [one for one in await pages(operator) if one["need"] == "komunitas-adat-terpencil"]
        return found[0]["state"] if found else None

    assert await state() is None
    closed = {"until": TOMORROW, "reason": "Pindah kantor"}
    (await operator.post("/directory/services/adat/close", json=closed)).raise_for_status()
    assert await state() == "full"
    (await operator.post("/directory/services/adat/open", json={})).raise_for_status()
    (await operator.put("/directory/services/adat", json=entry | {"needs": []})).raise_for_status()
    assert await state() == "nobody"


async def pages(client: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    for page in range(1, 10):
        found += (await client.get(f"/directory/gaps?size=100&page={page}")).json()["items"]
    return found
