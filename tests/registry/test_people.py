"""Reading people: masked until opened, inside one's area, each reading written down, disclosed as asked."""

import json
from collections.abc import Sequence
from typing import Any
from uuid import uuid4

import pytest
from nats.aio.client import Client

from tests.harness.stack import Running
from tests.registry.conftest import HandIn
from tests.registry.lists import Someone, ministry_csv, ministry_row, people, someone

PURPOSE = "verifikasi bantuan"


async def known(hand_in: HandIn, members: Sequence[Someone]) -> None:
    await hand_in(ministry_csv([ministry_row(one) for one in members]))


async def search(registry: Running, scope: str = "31.74", **what: Any) -> dict[str, Any]:
    async with registry.client(area=scope) as client:
        answer = await client.post("/persons/search", json={"purpose": PURPOSE, **what})
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found


async def id_of(registry: Running, one: Someone) -> str:
    (item,) = (await search(registry, nik=one.nik))["items"]
    return str(item["id"])


async def audit_of(registry: Running, person_id: str) -> list[dict[str, Any]]:
    async with registry.client("auditor") as client:
        answer = await client.get("/audit", params={"subject_kind": "person", "subject_id": person_id})
        items: list[dict[str, Any]] = answer.json()["items"]
        return items


async def test_a_search_by_nik_finds_the_person_masked(hand_in: HandIn, registry: Running) -> None:
    one = someone()
    await known(hand_in, [one])
    found = await search(registry, nik=one.nik)
    assert found["total"] == 1
    assert one.nik not in json.dumps(found)
    assert one.name.upper() not in json.dumps(found)
    assert found["items"][0]["nik_masked"].endswith(one.nik[-4:])
    assert found["items"][0]["birth_year"] == one.born.year


async def test_a_search_by_part_of_a_name_stays_inside_the_area(hand_in: HandIn, registry: Running) -> None:
    one = someone(name="Vorvubadak Wulkenfrit Sekali", area="31.74.05.1001")
    await known(hand_in, [one])
    assert (await search(registry, name="wulken vorvub", area="31.74.05"))["total"] == 1
    assert (await search(registry, name="wulken vorvub", area="31.74.01"))["total"] == 0
    assert (await search(registry, name="wulken vorvub", scope="31.74.01"))["total"] == 0
    assert (await search(registry, name="wulken_vorvub%", area="31.74.01"))["total"] == 0


async def test_heads_of_family_of_a_kecamatan_are_listed_in_pages(hand_in: HandIn, registry: Running) -> None:
    members = [*people(3, area="31.73.05.1001"), someone(area="31.73.05.1001", relation="ANAK")]
    await hand_in(ministry_csv([ministry_row(one) for one in members]), area="31")
    found = await search(registry, scope="31", area="31.73.05", heads_only=True, size=2)
    assert (found["total"], len(found["items"])) == (3, 2)
    assert all(item["is_head"] for item in found["items"])


async def test_a_search_for_everybody_is_refused(registry: Running) -> None:
    async with registry.client() as client:
        answer = await client.post("/persons/search", json={"purpose": PURPOSE})
    assert answer.json()["type"] == "urn:sinergi:problem:search-too-wide"


async def test_somebody_of_another_area_is_neither_found_nor_opened(hand_in: HandIn, registry: Running) -> None:
    one = someone()
    await known(hand_in, [one])
    person = await id_of(registry, one)
    assert (await search(registry, scope="31.71", nik=one.nik))["items"] == []
    async with registry.client(area="31.71") as client:
        answer = await client.get(f"/persons/{person}", params={"purpose": PURPOSE})
    assert answer.json()["type"] == "urn:sinergi:problem:outside-your-area"


async def test_a_person_is_opened_with_every_record_and_source(hand_in: HandIn, registry: Running) -> None:
    one = someone()
    await known(hand_in, [one])
    person = await id_of(registry, one)
    async with registry.client() as client:
        found = (await client.get(f"/persons/{person}", params={"purpose": PURPOSE})).json()
    assert (found["nik"], found["name"], found["kk"]) == (one.nik, one.name.upper(), one.kk)
    (record,) = found["records"]
    assert (record["source"], record["raw"]["NAMA_LENGKAP"]) == ("ministry", one.name.upper())
    assert found["sources"]["name"] == record["id"]


async def test_finding_and_opening_leave_audit_rows(hand_in: HandIn, registry: Running) -> None:
    one = someone()
    await known(hand_in, [one])
    person = await id_of(registry, one)
    async with registry.client(sub="worker-7") as client:
        await client.get(f"/persons/{person}", params={"purpose": "asesmen awal"})
    opened, found = await audit_of(registry, person)
    assert (found["action"], found["purpose"]) == ("person.search", PURPOSE)
    assert (opened["action"], opened["actor"], opened["purpose"]) == ("person.read", "worker-7", "asesmen awal")


async def test_a_person_is_not_opened_without_a_purpose(registry: Running) -> None:
    async with registry.client() as client:
        assert (await client.get(f"/persons/{uuid4()}")).status_code == 422


@pytest.mark.parametrize("role", ["desk_officer", "auditor"])
async def test_an_outsider_reads_nobody(role: str, registry: Running) -> None:
    async with registry.client(role, area="*") as client:
        assert (await client.get(f"/persons/{uuid4()}", params={"purpose": PURPOSE})).status_code == 403
        answer = await client.post("/persons/search", json={"purpose": PURPOSE, "area": "31.74"})
        assert answer.status_code == 403
    async with registry.anonymous() as client:
        assert (await client.get(f"/persons/{uuid4()}", params={"purpose": PURPOSE})).status_code == 401


async def test_the_trail_is_the_auditors_alone(registry: Running) -> None:
    async with registry.client("operator") as client:
        assert (await client.get("/audit")).status_code == 403


# ------------------------------------------------------------------ disclosure


async def ask(nats: Client, **request: Any) -> dict[str, Any]:
    whole = {"client_kind": "person", "purpose": "pembinaan", "referral_id": str(uuid4()), "agency": "koperasi"}
    reply = await nats.request("sinergi.ask.registry.disclosure", json.dumps(whole | request).encode(), timeout=5)
    answer: dict[str, Any] = json.loads(reply.data)
    return answer


async def test_a_disclosure_gives_only_the_fields_asked_for(hand_in: HandIn, registry: Running, nats: Client) -> None:
    one = someone()
    await known(hand_in, [one])
    person = await id_of(registry, one)
    answer = await ask(nats, client_id=person, fields=["name", "birth_date"])
    assert answer == {"client": {"name": one.name.upper(), "birth_date": one.born.isoformat()}}


async def test_a_disclosure_is_written_down_with_referral_and_agency(
    hand_in: HandIn, registry: Running, nats: Client
) -> None:
    one = someone()
    await known(hand_in, [one])
    person, referral = await id_of(registry, one), str(uuid4())
    await ask(nats, client_id=person, fields=["nik"], referral_id=referral)
    latest = (await audit_of(registry, person))[0]
    assert latest["action"] == "person.disclose"
    assert latest["purpose"] == f"pembinaan (referral {referral}, agency koperasi)"


async def test_a_household_is_disclosed_member_by_member(hand_in: HandIn, registry: Running, nats: Client) -> None:
    head = someone()
    await known(hand_in, [head, someone(kk=head.kk, relation="ANAK")])
    (item,) = (await search(registry, nik=head.nik))["items"]
    answer = await ask(nats, client_kind="household", client_id=item["household_id"], fields=["is_head"])
    assert sorted(member["is_head"] for member in answer["client"]["members"]) == [False, True]


async def test_a_field_that_may_not_be_disclosed_is_refused(nats: Client, registry: Running) -> None:
    answer = await ask(nats, client_id=str(uuid4()), fields=["sources"])
    assert answer["problem"]["type"] == "urn:sinergi:problem:request-not-valid"


async def test_a_disclosure_of_nobody_is_refused(nats: Client, registry: Running) -> None:
    answer = await ask(nats, client_id=str(uuid4()), fields=["name"])
    assert answer["problem"]["status"] == 404
