"""What is known about a person: categories of need from lists and by hand, desil by period, disability."""

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from services.registry.counting import recount
from tests.harness.stack import Running
from tests.registry.known_people import PURPOSE, TODAY, Said, merge, say, settle


async def get(registry: Running, path: str, role: str = "social_worker", **more: Any) -> Any:
    async with registry.client(role, area="31.74") as client:
        answer = await client.get(path, params={"purpose": PURPOSE, **more})
        assert answer.status_code == 200, answer.text
        return answer.json()


async def post(registry: Running, path: str, body: dict[str, Any], area: str = "31.74", role: str = "operator") -> Any:
    async with registry.client(role, area=area) as client:
        return (await client.post(path, json=body)).json()


async def categories_of(registry: Running, person: UUID) -> list[str]:
    return [item["category"] for item in (await get(registry, f"/persons/{person}/needs"))["items"]]


def add(person: UUID, category: str = "fakir-miskin", version: int = 0, **more: Any) -> dict[str, Any]:
    shared = {"person_id": str(person), "category": category, "reason": "asesmen", "expected_version": version}
    return shared | {"since": TODAY.isoformat()} | more


def end(person: UUID, category: str, until: Any = TODAY, version: int = 0) -> dict[str, Any]:
    shared = {"person_id": str(person), "category": category, "reason": "sudah mampu", "expected_version": version}
    return shared | {"until": until.isoformat()}


async def test_the_26_categories_are_listed_before_the_special_groups(registry: Running) -> None:
    items = (await get(registry, "/categories"))["items"]
    assert [item["special_group"] for item in items] == [False] * 26 + [True] * 2
    assert items[0] == {
        **{"code": "anak-balita-telantar", "name": "Anak balita telantar", "special_group": False},
        "name_en": "Neglected child under five",
    }


async def test_of_each_source_the_newest_list_says_the_category(registry: Running) -> None:
    old, new = TODAY - timedelta(days=400), TODAY - timedelta(days=10)
    said = [
        *(Said("city", old, need="pemulung"), Said("city", new, need="lansia-telantar")),
        *(Said("ministry", new, need=None), Said("ministry", old, need="pengemis")),
    ]
    person = await settle(registry.context.db, said=said)
    assert await categories_of(registry, person) == ["lansia-telantar"]


async def test_a_merged_persons_list_still_says_its_category(registry: Running) -> None:
    db = registry.context.db
    survivor = await settle(db, said=[Said("ministry", need="fakir-miskin")])
    loser = await settle(db, said=[Said("city", need="pemulung")], nik=None)
    await merge(db, loser, survivor)
    assert sorted(await categories_of(registry, survivor)) == ["fakir-miskin", "pemulung"]
    assert sorted(await categories_of(registry, loser)) == ["fakir-miskin", "pemulung"]


async def test_what_a_detached_record_says_is_no_longer_the_old_persons(registry: Running) -> None:
    db, area = registry.context.db, "31.74.01.1007"
    said = [Said("ministry", need="fakir-miskin"), Said("city", need="pemulung", desil=3, period="2026-Q1")]
    person = await settle(db, area=area, said=said)
    before = await counted(registry, area)
    found = await get(registry, f"/persons/{person}/desil")
    (record,) = [item["record_id"] for item in found["items"]]
    answer = await post(registry, f"/records/{record}/detach", {"reason": "orang lain"})
    new = UUID(answer["persons"][1]["person_id"])
    assert [await categories_of(registry, one) for one in (person, new)] == [["fakir-miskin"], ["pemulung"]]
    history = [(await get(registry, f"/persons/{one}/desil"))["items"] for one in (person, new)]
    assert [[item["desil"] for item in items] for items in history] == [[], [3]]
    assert await counted(registry, area) == before, "the area's people are in as many categories as before"


async def counted(registry: Running, area: str) -> dict[str, int]:
    """How many of the kelurahan's people are in each category."""
    async with registry.context.db.begin() as tx:
        await recount(area, tx)
    async with registry.client("operator", area="31.74") as client:
        found: dict[str, int] = (await client.get(f"/areas/{area}/counts")).json()["counts"]["category"]
        return found


async def test_a_category_is_added_and_ended_by_hand_and_stays_in_the_past(registry: Running) -> None:
    person = await settle(registry.context.db)
    added = await post(registry, "/needs", add(person))
    assert added["version"] == 1
    assert await categories_of(registry, person) == ["fakir-miskin"]
    ended = await post(registry, "/needs/end", end(person, "fakir-miskin", version=1))
    assert ended["version"] == 2
    found = await get(registry, f"/persons/{person}/needs")
    assert found["items"] == []
    assert [(one["category"], one["ended_reason"]) for one in found["past"]] == [("fakir-miskin", "sudah mampu")]


async def test_what_a_list_said_is_ended_by_hand_until_a_later_list_says_it_again(registry: Running) -> None:
    db = registry.context.db
    person = await settle(db, said=[Said("city", TODAY - timedelta(days=50), need="pemulung")])
    until = TODAY - timedelta(days=20)
    assert "id" in await post(registry, "/needs/end", end(person, "pemulung", until))
    assert await categories_of(registry, person) == []
    await say(db, person, Said("city", TODAY - timedelta(days=20), need="pemulung"))
    assert await categories_of(registry, person) == []
    await say(db, person, Said("city", TODAY - timedelta(days=5), need="pemulung"))
    assert await categories_of(registry, person) == ["pemulung"]


async def test_ending_a_category_ends_it_for_both_who_were_merged(registry: Running) -> None:
    db = registry.context.db
    survivor, loser = await settle(db), await settle(db)
    for person in (survivor, loser):
        await post(registry, "/needs", add(person))
    await merge(db, loser, survivor)
    assert await categories_of(registry, survivor) == ["fakir-miskin"] * 2
    await post(registry, "/needs/end", end(survivor, "fakir-miskin", version=1))
    assert await categories_of(registry, survivor) == []


async def test_a_category_twice_or_unknown_or_of_tomorrow_is_refused(registry: Running) -> None:
    person = await settle(registry.context.db)
    await post(registry, "/needs", add(person))
    tomorrow = (TODAY + timedelta(days=2)).isoformat()  # two days: midnight may pass while the tests run
    for body, problem in (
        (add(person, version=1), "need-known"),
        (add(person, "fakir-kaya", 1), "category-unknown"),
        (add(person, "pengemis", 1, since=tomorrow), "day-in-future"),
        (add(person, "pengemis", 0), "version-conflict"),
    ):
        assert (await post(registry, "/needs", body))["type"] == f"urn:sinergi:problem:{problem}"


async def test_needs_of_another_area_are_neither_read_nor_written(registry: Running) -> None:
    person = await settle(registry.context.db)
    answer = await post(registry, "/needs", add(person), area="31.71")
    assert answer["type"] == "urn:sinergi:problem:outside-your-area"
    async with registry.client(area="31.71") as client:
        read = await client.get(f"/persons/{person}/needs", params={"purpose": PURPOSE})
    assert read.json()["type"] == "urn:sinergi:problem:outside-your-area"


@pytest.mark.parametrize("topic", ["needs", "desil", "disability", "aid"])
async def test_each_reading_is_written_down(topic: str, registry: Running) -> None:
    person = await settle(registry.context.db)
    await get(registry, f"/persons/{person}/{topic}")
    async with registry.client("auditor") as client:
        trail = (await client.get("/audit", params={"subject_kind": "person", "subject_id": str(person)})).json()
    assert [row["purpose"] for row in trail["items"]] == [PURPOSE]
    async with registry.client("desk_officer", area="*") as client:
        assert (await client.get(f"/persons/{person}/{topic}", params={"purpose": PURPOSE})).status_code == 403


async def test_a_change_of_needs_is_told_without_saying_which(registry: Running, facts: Any, eventually: Any) -> None:
    person = await settle(registry.context.db)
    await post(registry, "/needs", add(person, "hiv-aids"))

    async def told() -> Any:
        return await facts("REGISTRY", str(person))

    assert await eventually(told) == [
        ("sinergi.person.changed.v1", {"person_id": str(person), "fields": ["needs"]}),
    ]


# ----------------------------------------------------------------------- desil


async def test_the_desil_of_each_period_is_what_its_newest_record_says(registry: Running) -> None:
    said = [
        Said("ministry", TODAY - timedelta(days=200), desil=2, period="2026-Q1"),
        Said("ministry", TODAY - timedelta(days=100), desil=3, period="2026-Q1"),
        Said("city", TODAY - timedelta(days=300), desil=5, period="2026-Q2"),
    ]
    person = await settle(registry.context.db, said=said, desil=5, desil_period="2026-Q2")
    found = await get(registry, f"/persons/{person}/desil")
    assert [(one["desil_period"], one["desil"]) for one in found["items"]] == [("2026-Q2", 5), ("2026-Q1", 3)]
    within = {one["code"]: one["within"] for one in found["programmes"]}
    assert within == {"pkh": False, "sembako": True, "pbi-jk": True}


async def test_each_programme_says_its_source_its_date_and_what_is_uncertain(registry: Running) -> None:
    items = (await get(registry, "/programmes"))["items"]
    assert {"pkh", "sembako", "pbi-jk"} <= {item["code"] for item in items}
    assert all(item["source"] and item["as_of"] and item["note"].startswith("?") for item in items)


# ------------------------------------------------------------------ disability


def assessed(person: UUID, version: int = 0, **more: Any) -> dict[str, Any]:
    found = {"kind": "physical", "degree": "moderate", "aids": ["wheelchair"], "source": "surat dokter"}
    return {"person_id": str(person), "expected_version": version, "reason": "asesmen"} | found | more


async def test_a_disability_is_written_changed_and_ended_with_its_history(registry: Running) -> None:
    person = await settle(registry.context.db)
    await post(registry, "/disabilities", assessed(person))
    await post(registry, "/disabilities", assessed(person, 1, degree="severe", aids=["companion", "wheelchair"]))
    await post(registry, "/disabilities", assessed(person, 2, kind="sensory", aids=["hearing-aid"]))
    found = await get(registry, f"/persons/{person}/disability")
    now = {one["kind"]: (one["degree"], one["aids"]) for one in found["items"]}
    assert now == {"physical": ("severe", ["companion", "wheelchair"]), "sensory": ("moderate", ["hearing-aid"])}
    assert [(one["kind"], one["degree"]) for one in found["past"]] == [("physical", "moderate")]
    ended = {"person_id": str(person), "expected_version": 3, "kind": "sensory", "reason": "salah tulis"}
    assert "id" in await post(registry, "/disabilities/end", ended)
    again = await post(registry, "/disabilities/end", ended | {"expected_version": 4})
    assert again["type"] == "urn:sinergi:problem:disability-not-known"


async def test_a_kind_or_aid_that_is_not_known_is_refused(registry: Running) -> None:
    person = await settle(registry.context.db)
    for wrong in ({"kind": "other"}, {"aids": ["rollator"]}, {"degree": "very"}):
        answer = await post(registry, "/disabilities", assessed(person, **wrong))
        assert answer["type"] == "urn:sinergi:problem:request-not-valid"
