"""What a human says about two persons counts, in bulk, whoever says it, and can be taken back as if never said."""

import asyncio
import json
from datetime import date
from itertools import pairwise
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import text

from services.registry.models import Group, GroupMember
from sinergi.db import Database, new_id
from tests.harness.stack import Running
from tests.registry.pairs import (
    REASON,
    a_person,
    a_record,
    fresh_kk,
    fresh_nik,
    pair,
    person_of,
    rows_of,
    set_fields,
)


@pytest.fixture
def db(registry: Running) -> Database:
    return registry.context.db


async def post(registry: Running, path: str, body: dict[str, Any], **who: Any) -> Any:
    headers = {"Idempotency-Key": who.pop("key")} if "key" in who else None
    async with registry.client(who.pop("role", "operator"), **who) as client:
        return await client.post(path, json={"reason": REASON, **body}, headers=headers)


async def judge(registry: Running, *pairs: dict[str, Any], **who: Any) -> list[dict[str, Any]]:
    answer = await post(registry, "/reviews/verdicts", {"pairs": pairs}, **who)
    assert answer.status_code == 200, answer.text
    results: list[dict[str, Any]] = answer.json()["results"]
    return results


async def merge(registry: Running, *persons: UUID) -> None:
    results = await judge(registry, *(pair(persons[0], other) for other in persons[1:]))
    assert [one["result"] for one in results] == ["applied"] * (len(persons) - 1), results


async def unmerge(registry: Running, db: Database, person: UUID, **who: Any) -> Any:
    version = (await person_of(db, person)).version
    return await post(registry, f"/persons/{person}/unmerge", {"expected_version": version}, **who)


def outcomes(results: list[dict[str, Any]]) -> list[str]:
    return [
        one["problem"]["type"].rsplit(":", 1)[-1] if one["result"] == "refused" else one["result"] for one in results
    ]


def slug(answer: Any) -> str:
    return str(answer.json()["type"]).rsplit(":", 1)[-1]


async def told(db: Database, person: UUID) -> list[tuple[int, str, dict[str, Any]]]:
    """The facts about a person: (version, type, body)."""
    query = """SELECT version, headers->>'ce-type', convert_from(body, 'UTF8')::text FROM outbox
               WHERE aggregate_id = :id AND audience = 'core' ORDER BY seq"""
    async with db.begin() as tx:
        rows = await tx.session.execute(text(query), {"id": person})
        return [(version, kind, json.loads(body)) for version, kind, body in rows]


# ------------------------------------------------------------------- judging


async def test_two_who_are_the_same_become_the_older_one_and_it_is_told(registry: Running, db: Database) -> None:
    older, younger = await a_person(db, birthplace="Tegal"), await a_person(db, address="Jl. Baru")
    assert outcomes(await judge(registry, pair(younger, older))) == ["applied"]
    survivor, gone = await person_of(db, older), await person_of(db, younger)
    assert (gone.state, gone.survivor_id, survivor.state, survivor.survivor_id) == ("merged", older, "active", None)
    assert (survivor.birthplace, survivor.address) == ("Tegal", "Jl. Baru")
    fact = {"person_id": str(older), "merged": [str(younger)]}
    assert await told(db, older) == [(1, "sinergi.person.merged.v1", fact)]


async def test_a_verdict_is_never_about_a_person_and_itself(registry: Running, db: Database) -> None:
    person = await a_person(db)
    assert outcomes(await judge(registry, pair(person, person))) == ["verdict-on-oneself"]


async def test_in_bulk_each_pair_has_its_own_result_and_the_good_ones_count(registry: Running, db: Database) -> None:
    a, b, c, d = [await a_person(db) for _ in range(4)]
    results = await judge(registry, pair(a, b), pair(a, uuid4()), pair(c, d, "different"), pair(b, a), pair(c, d))
    assert outcomes(results) == ["applied", "not-found", "applied", "unchanged", "verdict-known"]
    assert (await person_of(db, b)).survivor_id == a
    assert (await person_of(db, d)).state == "active"


async def test_whoever_was_judged_different_never_comes_into_one_cluster(registry: Running, db: Database) -> None:
    a, b, c, d = [await a_person(db) for _ in range(4)]
    await judge(registry, pair(a, d, "different"), pair(a, b), pair(c, d))
    (refused,) = await judge(registry, pair(b, c))
    assert outcomes([refused]) == ["verdict-conflict"]
    assert refused["problem"]["pair"] == [str(a), str(d)]
    assert outcomes(await judge(registry, pair(d, c, "different"), pair(a, c, "different"))) == [
        "verdict-known",
        "applied",
    ]


async def test_two_who_are_one_by_way_of_others_are_not_judged_different(registry: Running, db: Database) -> None:
    a, b, c = [await a_person(db) for _ in range(3)]
    await judge(registry, pair(a, b), pair(b, c))
    assert outcomes(await judge(registry, pair(a, c, "different"))) == ["verdict-conflict"]


async def test_when_an_older_one_joins_everybody_points_to_it(registry: Running, db: Database) -> None:
    a, b, c = [await a_person(db) for _ in range(3)]
    await merge(registry, b, c)
    await merge(registry, a, c)
    assert [(await person_of(db, one)).survivor_id for one in (a, b, c)] == [None, a, a]
    assert (await told(db, a))[0][2]["merged"] == sorted([str(b), str(c)])


async def test_the_dead_and_the_living_are_not_merged(registry: Running, db: Database) -> None:
    a, b = await a_person(db), await a_person(db)
    await set_fields(db, b, state="dead", died_on=date(2026, 1, 1))
    assert outcomes(await judge(registry, pair(a, b))) == ["merge-of-dead-and-living"]


async def test_the_dead_stay_dead_through_a_merge_and_back(registry: Running, db: Database) -> None:
    a, b = await a_person(db), await a_person(db)
    for person in (a, b):
        await set_fields(db, person, state="dead", died_on=date(2026, 1, 1))
    before = await rows_of(db, [a, b])
    await merge(registry, a, b)
    await unmerge(registry, db, b)
    assert await rows_of(db, [a, b]) == before


async def test_a_stale_version_is_refused(registry: Running, db: Database) -> None:
    a, b, c = [await a_person(db) for _ in range(3)]
    await merge(registry, a, b)
    assert outcomes(await judge(registry, pair(a, c, first_version=0))) == ["version-conflict"]
    assert outcomes(await judge(registry, pair(a, c, first_version=1, second_version=0))) == ["applied"]


async def test_the_same_request_twice_counts_once(registry: Running, db: Database) -> None:
    a, b = await a_person(db), await a_person(db)
    first, second = [await judge(registry, pair(a, b), key=f"key-{a}") for _ in range(2)]
    assert first == second
    assert len(await told(db, a)) == 1


async def test_five_hundred_pairs_are_judged_at_once_and_not_one_more(registry: Running, db: Database) -> None:
    persons = [await a_person(db) for _ in range(41)]
    pairs = [pair(one, persons[40], "different") for one in persons[:40]] * 12 + [pair(persons[0], persons[1])] * 20
    assert outcomes(await judge(registry, *pairs)).count("applied") == 41
    too_many = await post(registry, "/reviews/verdicts", {"pairs": [*pairs, pairs[0]]})
    assert too_many.status_code == 422


# ---------------------------------------------------------------- concurrency


async def test_two_clerks_who_say_the_same_at_once_merge_once(registry: Running, db: Database) -> None:
    a, b = await a_person(db), await a_person(db)
    answers = await asyncio.gather(judge(registry, pair(a, b), sub="one"), judge(registry, pair(b, a), sub="two"))
    assert sorted(outcomes([*answers[0], *answers[1]])) == ["applied", "unchanged"]
    assert len(await told(db, a)) == 1


async def test_of_two_clerks_who_contradict_each_other_at_once_one_is_refused(registry: Running, db: Database) -> None:
    a, b = await a_person(db), await a_person(db)
    answers = await asyncio.gather(judge(registry, pair(a, b)), judge(registry, pair(a, b, "different")))
    assert sorted(outcomes([*answers[0], *answers[1]])) == ["applied", "verdict-known"]


async def test_a_chain_judged_by_many_at_once_is_one_cluster(registry: Running, db: Database) -> None:
    persons = [await a_person(db) for _ in range(9)]
    links = list(pairwise(persons))
    await asyncio.gather(*(judge(registry, pair(one, other)) for one, other in reversed(links)))
    assert {(await person_of(db, one)).survivor_id for one in persons[1:]} == {persons[0]}
    assert [version for version, *_ in await told(db, persons[0])] == list(
        range(1, len(await told(db, persons[0])) + 1)
    )


# ---------------------------------------------------------------------- areas


async def test_both_persons_lie_in_the_clerks_area(registry: Running, db: Database) -> None:
    here, there = await a_person(db), await a_person(db, area="31.71.08.1001")
    assert outcomes(await judge(registry, pair(here, there))) == ["outside-your-area"]
    assert outcomes(await judge(registry, pair(here, there), area="31")) == ["applied"]
    assert slug(await unmerge(registry, db, there, area="31.74")) == "outside-your-area"


@pytest.mark.parametrize("role", ["social_worker", "desk_officer", "auditor"])
async def test_who_has_no_part_in_matching_judges_nobody(registry: Running, role: str) -> None:
    answer = await post(registry, "/reviews/verdicts", {"pairs": [pair(uuid4(), uuid4())]}, role=role, area="*")
    assert slug(answer) == "not-permitted"


async def test_judging_and_taking_back_leave_audit_rows(registry: Running, db: Database) -> None:
    a, b = await a_person(db), await a_person(db)
    await merge(registry, a, b)
    await unmerge(registry, db, b)
    async with registry.client("auditor") as client:
        found = (await client.get("/audit", params={"subject_id": str(b)})).json()["items"]
    assert [(one["action"], one["purpose"]) for one in found] == [
        ("verdict.unmerge", REASON),
        ("verdict.judge", REASON),
    ]


# ------------------------------------------------------------------ take back


async def test_an_unmerge_restores_both_exactly_and_tells_it(registry: Running, db: Database) -> None:
    fields = {"birth_date": date(1980, 1, 1), "relation": "ANAK", "desil": 2, "desil_period": "2026-Q1"}
    a = await a_person(db, nik=fresh_nik(), kk=fresh_kk(), address="Jl. A", **fields)
    b = await a_person(db, nik=fresh_nik(), kk=fresh_kk(), area="31.74.05.1001", observed_on=date(2026, 8, 1), rt="001")
    before = await rows_of(db, [a, b])
    await merge(registry, a, b)
    assert (await rows_of(db, [a]))[a] != before[a]
    assert (await unmerge(registry, db, b)).status_code == 200
    assert await rows_of(db, [a, b]) == before
    fact = {"person_id": str(a), "restored": [str(b)]}
    assert (await told(db, a))[1:] == [(2, "sinergi.person.unmerged.v1", fact)]


@pytest.mark.parametrize("owner", ["older", "younger"])
async def test_an_unmerge_gives_a_shared_nik_back_to_whoever_owned_it(
    registry: Running, db: Database, owner: str
) -> None:
    nik = fresh_nik()
    a = await a_person(db, nik=nik if owner == "older" else None)
    b = await a_person(db, nik=nik)
    await a_record(db, a, nik=nik, source="city")
    before = await rows_of(db, [a, b])
    await merge(registry, a, b)
    assert ((await person_of(db, a)).nik, (await person_of(db, a)).unmatched) == (nik, False)
    await unmerge(registry, db, a)
    assert await rows_of(db, [a, b]) == before


async def test_what_was_taken_back_is_remembered_as_different(registry: Running, db: Database) -> None:
    a, b = await a_person(db), await a_person(db)
    await merge(registry, a, b)
    await unmerge(registry, db, a)
    assert outcomes(await judge(registry, pair(a, b))) == ["verdict-known"]
    assert slug(await unmerge(registry, db, a)) == "not-merged"


async def test_a_survivor_set_free_leaves_the_others_together(registry: Running, db: Database) -> None:
    a, b, c = [await a_person(db) for _ in range(3)]
    await judge(registry, pair(a, b), pair(b, c))
    await unmerge(registry, db, a)
    assert [(await person_of(db, one)).survivor_id for one in (a, b, c)] == [None, None, b]
    assert [kind for _, kind, _ in await told(db, a)] == ["sinergi.person.merged.v1", "sinergi.person.unmerged.v1"]
    assert await told(db, b) == [(1, "sinergi.person.merged.v1", {"person_id": str(b), "merged": [str(c)]})]


async def test_an_unmerge_from_a_stale_page_is_refused(registry: Running, db: Database) -> None:
    a, b = await a_person(db), await a_person(db)
    await merge(registry, a, b)
    assert slug(await post(registry, f"/persons/{a}/unmerge", {"expected_version": 0})) == "version-conflict"


async def test_a_withdrawn_verdict_is_as_if_it_had_never_been(registry: Running, db: Database) -> None:
    a, b = await a_person(db), await a_person(db)
    before = await rows_of(db, [a, b])
    await judge(registry, pair(a, b))
    async with registry.client("operator") as client:
        (said,) = (await client.get(f"/persons/{a}/verdicts")).json()["items"]
    assert (said["verdict"], said["reason"], said["withdrawn_at"]) == ("same", REASON, None)
    assert (await post(registry, f"/verdicts/{said['id']}/undo", {})).status_code == 200
    assert await rows_of(db, [a, b]) == before
    assert slug(await post(registry, f"/verdicts/{said['id']}/undo", {})) == "verdict-withdrawn"
    assert outcomes(await judge(registry, pair(a, b, "different"))) == ["applied"]


# --------------------------------------------------------------------- groups


async def in_a_group(db: Database, person: UUID) -> UUID:
    async with db.begin() as tx:
        group = Group(id=new_id(), version=1, kind="kube", name="KUBE", area="31.74.01", state="formed", formed_by="x")
        tx.add(group)
        await tx.session.flush()
        tx.add(GroupMember(group_id=group.id, person_id=person, role="ketua"))
        return group.id


async def members(db: Database, group: UUID) -> list[tuple[UUID, str]]:
    async with db.begin() as tx:
        query = text("SELECT person_id, role FROM group_members WHERE group_id = :id")
        return [(one, role) for one, role in await tx.session.execute(query, {"id": group})]


async def test_a_merged_members_place_goes_to_the_survivor_and_comes_back(registry: Running, db: Database) -> None:
    a, b, c = [await a_person(db) for _ in range(3)]
    group = await in_a_group(db, c)
    await merge(registry, b, c)
    await merge(registry, a, b)
    assert await members(db, group) == [(a, "ketua")]
    await unmerge(registry, db, a)
    assert await members(db, group) == [(b, "ketua")]
    await unmerge(registry, db, c)
    assert await members(db, group) == [(c, "ketua")]


async def test_two_members_of_groups_are_not_merged(registry: Running, db: Database) -> None:
    a, b = await a_person(db), await a_person(db)
    await in_a_group(db, a)
    await in_a_group(db, b)
    assert outcomes(await judge(registry, pair(a, b))) == ["merge-of-two-members"]


# -------------------------------------------------------------------- records


async def test_a_record_that_speaks_of_somebody_else_becomes_a_person(registry: Running, db: Database) -> None:
    nik = fresh_nik()
    a = await a_person(db, name="Budi Santoso", nik=nik)
    before = await rows_of(db, [a])
    record = await a_record(
        db, a, source="city", observed_on=date(2026, 9, 1), name="Siti", area="31.74.05.1001", nik=nik
    )
    answer = await post(registry, f"/records/{record}/detach", {})
    assert answer.status_code == 200, answer.text
    new = UUID(answer.json()["persons"][1]["person_id"])
    found = await person_of(db, new)
    assert (found.name, found.area, found.record_id, found.unmatched) == ("Siti", "31.74.05.1001", record, True)
    assert await rows_of(db, [a]) == before
    assert outcomes(await judge(registry, pair(a, new))) == ["verdict-known"]
    assert (await told(db, a))[0][2] == {"person_id": str(a), "restored": [str(new)]}
    async with registry.client() as client:
        shown = [
            (await client.get(f"/persons/{one}", params={"purpose": "periksa"})).json()["records"] for one in (a, new)
        ]
    assert [[one["name"] for one in records] for records in shown] == [["Budi Santoso"], ["Siti"]]
    assert slug(await post(registry, f"/records/{record}/detach", {})) == "record-detached"


async def test_an_only_record_is_not_detached(registry: Running, db: Database) -> None:
    person = await a_person(db)
    record = (await person_of(db, person)).record_id
    assert slug(await post(registry, f"/records/{record}/detach", {})) == "record-only-one"
    part = await a_record(db, person, source="request", name="", name_key="", area="", rt="002")
    assert slug(await post(registry, f"/records/{part}/detach", {})) == "record-names-nobody"
    assert slug(await post(registry, f"/records/{record}/detach", {})) == "record-only-one"  # the part names nobody
