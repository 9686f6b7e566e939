"""What the registry tells about people reaches the open cases of its clients, once, and nobody else's."""

from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import date
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import event as sql_event
from sqlalchemy import text

from sinergi.events import (
    GroupDissolved,
    HouseholdMerged,
    HouseholdSplit,
    ImportPersonsChanged,
    PersonChanged,
    PersonDied,
    PersonMerged,
    PersonMoved,
    PersonUnmerged,
)
from tests.cases.reporting import Office, done, offices
from tests.cases.story import besides_duties
from tests.harness.stack import Running, caught_up, eventually

Publish = Callable[..., Awaitable[str]]


@pytest.fixture
async def both(cases: Running) -> AsyncIterator[tuple[Office, Office]]:
    async with offices(cases) as them:
        yield them


@pytest.fixture
def heard(nats: Any) -> Callable[[], Awaitable[None]]:
    """`await heard()` waits until everything told was handled."""

    async def wait() -> None:
        await eventually(lambda: caught_up(nats, "REGISTRY", "cases-registry"))

    return wait


Heard = Callable[[], Awaitable[None]]


async def kinds(office: Office, case: dict[str, Any]) -> list[str]:
    """What the worker has to do in the case."""
    return [one["kind"] for one in besides_duties((await office.read(case["id"]))["tasks"]) if not one["done_at"]]


async def test_a_death_is_a_task_once_and_is_taken_back(
    both: tuple[Office, Office], publish_fact: Publish, heard: Heard
) -> None:
    jember, _ = both
    person = str(uuid4())
    case = await jember.case(client_id=person)
    died = PersonDied(person_id=person, died_on=date(2026, 11, 1))
    event_id = await publish_fact(died, person, 1)
    await publish_fact(died, person, 1, event_id=event_id)
    await publish_fact(died, person, 2)
    await heard()
    assert await kinds(jember, case) == ["person-died"]
    assert (await jember.read(case["id"]))["version"] == case["version"]
    await publish_fact(PersonChanged(person_id=person, fields=["name"]), person, 3)
    await heard()
    assert await kinds(jember, case) == ["person-died"]
    await publish_fact(PersonChanged(person_id=person, fields=["died_on"]), person, 4)
    await heard()
    assert await kinds(jember, case) == ["death-undone"]


async def test_facts_out_of_order_are_followed_in_order(
    both: tuple[Office, Office], publish_fact: Publish, heard: Heard
) -> None:
    jember, _ = both
    old, survivor = str(uuid4()), str(uuid4())
    case = await jember.case(client_id=old)
    await publish_fact(PersonUnmerged(person_id=survivor, restored=[old]), survivor, 2)
    await publish_fact(PersonMerged(person_id=survivor, merged=[old]), survivor, 1)
    await heard()
    read = await jember.read(case["id"])
    done_here = [one["what"] for one in read["history"]]
    assert (read["client_id"], done_here) == (old, ["open", "client_merged", "client_unmerged", "client_unmerged"])
    assert await kinds(jember, case) == ["client-unmerged"]


async def test_a_merged_client_keeps_the_case_under_the_survivor(
    both: tuple[Office, Office], publish_fact: Publish, heard: Heard
) -> None:
    jember, probolinggo = both
    old, survivor = str(uuid4()), str(uuid4())
    case = await jember.case(client_id=old)
    await publish_fact(PersonMerged(person_id=survivor, merged=[old, str(uuid4())]), survivor, 1)
    await heard()
    assert (await jember.read(case["id"]))["client_id"] == survivor
    again = {"client_kind": "person", "client_id": survivor, "area": "35.13", "way_in": "walk-in"}
    assert (await probolinggo.worker.post("/cases", json=again)).status_code == 409


async def test_two_open_cases_of_one_person_are_a_task_for_both_and_neither_is_closed(
    both: tuple[Office, Office], publish_fact: Publish, heard: Heard
) -> None:
    jember, probolinggo = both
    old, survivor = str(uuid4()), str(uuid4())
    younger, older = await jember.case(client_id=old), await probolinggo.case(client_id=survivor)
    await publish_fact(PersonMerged(person_id=survivor, merged=[old]), survivor, 1)
    await heard()
    for office, case, other in ((jember, younger, older), (probolinggo, older, younger)):
        read = await office.read(case["id"])
        (task,) = besides_duties(read["tasks"])
        assert (task["kind"], read["closed_at"]) == ("second-open-case", None)
        assert other["id"].replace("-", "")[-8:].upper() in task["note"]
    await publish_fact(PersonUnmerged(person_id=survivor, restored=[old]), survivor, 2)
    await heard()
    assert await kinds(jember, younger) == []


@pytest.mark.parametrize(
    ("to_area", "kind"), [("35.13.07.2001", "client-left-regency"), ("35.09.02.2001", "client-moved")]
)
async def test_a_move_asks_for_a_transfer_only_into_another_regency(
    both: tuple[Office, Office], publish_fact: Publish, heard: Heard, to_area: str, kind: str
) -> None:
    jember, _ = both
    person = str(uuid4())
    case = await jember.case(client_id=person)
    there = PersonMoved(person_id=person, from_area="35.09.01.2001", to_area=to_area, household_id=None)
    await publish_fact(there, person, 1)
    await heard()
    assert await kinds(jember, case) == [kind]


async def test_households_and_groups_that_change_are_tasks(
    both: tuple[Office, Office], publish_fact: Publish, heard: Heard
) -> None:
    jember, _ = both
    split, merged, group = str(uuid4()), str(uuid4()), str(uuid4())
    cases = [
        await jember.case(client_kind=kind, client_id=client)
        for kind, client in (("household", split), ("household", merged), ("group", group))
    ]
    left = {"new_household_id": str(uuid4()), "persons": [str(uuid4())]}
    into = str(uuid4())
    await publish_fact(HouseholdSplit(household_id=split, **left), split, 1)
    await publish_fact(HouseholdMerged(household_id=into, merged_household_id=merged, persons=[]), into, 1)
    await publish_fact(GroupDissolved(group_id=group), group, 1)
    await heard()
    assert [await kinds(jember, one) for one in cases] == [
        ["household-split"],
        ["household-merged"],
        ["group-dissolved"],
    ]


async def test_a_thousand_people_in_one_fact_cost_one_look(
    cases: Running, both: tuple[Office, Office], publish_fact: Publish, heard: Heard
) -> None:
    jember, _ = both
    people = [str(uuid4()) for _ in range(1000)]
    ours = [await jember.case(client_id=people[place]) for place in (0, 500, 999)]
    strangers = [str(uuid4()) for _ in range(1000)]
    looks: list[str] = []

    def seen(connection: Any, cursor: Any, statement: str, *rest: Any) -> None:
        looks.extend([statement] if "FROM cases" in statement and "client_id IN" in statement else [])

    sql_event.listen(cases.context.db.engine.sync_engine, "before_cursor_execute", seen)
    for number, (some, fields) in enumerate([(people, ["area"]), (strangers, ["area"]), (people, ["desil"])]):
        listed = str(uuid4())
        await publish_fact(ImportPersonsChanged(import_id=listed, persons=some, fields=fields), listed, 1)
        await heard()
        assert len(looks) == min(number + 1, 2)
    sql_event.remove(cases.context.db.engine.sync_engine, "before_cursor_execute", seen)
    assert [await kinds(jember, one) for one in ours] == [["client-data-changed"]] * 3


async def test_a_closed_case_and_one_opened_after_the_fact_are_left_alone(
    cases: Running, both: tuple[Office, Office], publish_fact: Publish, heard: Heard
) -> None:
    jember, _ = both
    person, survivor = str(uuid4()), str(uuid4())
    closed, kept = await jember.case(client_id=person), await jember.case()
    body = {"into": kept["id"], "into_expected_version": 1, "expected_version": 1}
    done(await jember.supervisor.post(f"/cases/{closed['id']}/join", json=body))
    await publish_fact(PersonMerged(person_id=survivor, merged=[person]), survivor, 1)
    await publish_fact(PersonDied(person_id=person, died_on=date(2026, 11, 1)), person, 1)
    await heard()
    read = await jember.read(closed["id"])
    assert (read["client_id"], besides_duties(read["tasks"])) == (person, [])
    later = await jember.case(client_id=person)
    async with cases.context.db.begin() as tx:
        moved = "UPDATE cases SET opened_at = now() + interval '1 hour' WHERE id = CAST(:id AS uuid)"
        await tx.session.execute(text(moved), {"id": later["id"]})
    await publish_fact(PersonDied(person_id=person, died_on=date(2026, 11, 1)), person, 2)
    await heard()
    assert await kinds(jember, later) == []
