"""What a list changes in the registry: late lists update, doubts go to a human, and what a human said stays said."""

from collections.abc import Awaitable, Callable
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import select, text

from services.registry import candidates
from services.registry.matching import person_id
from services.registry.models import Person, Record
from sinergi.db import new_id
from tests.harness.stack import Running
from tests.registry.conftest import HandIn
from tests.registry.lists import city_csv, city_row, ministry_csv, ministry_row
from tests.registry.strangers import stranger, strangers

Facts = Callable[..., Awaitable[list[tuple[str, dict[str, Any]]]]]

ROADS = {"inside-postgresql": 50_000, "by-the-engine": 0}


@pytest.fixture(params=ROADS)
def road(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both ways of matching a list."""
    monkeypatch.setattr(candidates, "FEW", ROADS[request.param])


async def persons_of(registry: Running, import_id: str) -> list[Person]:
    async with registry.context.db.begin() as tx:
        rows = select(Person).join(Record, Record.person_id == Person.id).where(Record.import_id == import_id)
        return list(await tx.session.scalars(rows.order_by(Record.row)))


async def reviews_of(registry: Running, import_id: str) -> list[Any]:
    async with registry.context.db.begin() as tx:
        found = await tx.session.execute(
            text("SELECT low_id, high_id, reason, area FROM reviews WHERE import_id::text = :id"), {"id": import_id}
        )
        return list(found)


@pytest.mark.usefixtures("road")
async def test_a_late_list_updates_whom_it_knows_and_says_so_once(
    hand_in: HandIn, registry: Running, facts: Facts
) -> None:
    members = strangers(12)
    first = await hand_in(ministry_csv([ministry_row(one) for one in members]))
    late = [ministry_row(one) for one in members]
    for row in late[:5]:
        row[11:] = ["9", "2027-Q1"]
    done = await hand_in(ministry_csv(late))
    assert (done["persons_new"], done["persons_matched"], done["persons_changed"]) == (0, 12, 5)
    before, after = await persons_of(registry, first["id"]), await persons_of(registry, done["id"])
    assert [one.id for one in before] == [one.id for one in after]
    assert [one.desil for one in after] == [9] * 5 + [2] * 7
    (changed, body), (completed, _) = await facts("REGISTRY", done["id"])
    assert (changed, completed) == ("sinergi.import.persons_changed.v1", "sinergi.import.completed.v1")
    assert set(body["persons"]) == {str(one.id) for one in after[:5]}
    assert set(body["fields"]) == {"desil", "desil_period"}


@pytest.mark.usefixtures("road")
async def test_a_list_that_only_confirms_changes_nothing(hand_in: HandIn, facts: Facts) -> None:
    members = strangers(8)
    await hand_in(ministry_csv([ministry_row(one) for one in members]))
    done = await hand_in(city_csv([city_row(one) for one in members]), source="city")
    assert (done["persons_matched"], done["persons_changed"], done["pairs_for_review"]) == (8, 0, 0)
    assert [kind for kind, _ in await facts("REGISTRY", done["id"])] == ["sinergi.import.completed.v1"]


@pytest.mark.usefixtures("road")
async def test_one_nik_for_two_people_is_a_pair_that_a_human_judges(hand_in: HandIn, registry: Running) -> None:
    one = stranger()
    first = await hand_in(ministry_csv([ministry_row(one)]))
    done = await hand_in(ministry_csv([ministry_row(stranger(nik=one.nik))]))
    (known,), (new,) = await persons_of(registry, first["id"]), await persons_of(registry, done["id"])
    assert new.id != known.id
    assert (known.unmatched, new.unmatched) == (False, True)
    ((low, high, _, area),) = await reviews_of(registry, done["id"])
    assert {low, high} == {known.id, new.id}
    assert known.area.startswith(area)
    assert new.area.startswith(area)


async def test_a_row_that_comes_twice_in_a_list_is_one_person(hand_in: HandIn, registry: Running) -> None:
    one = stranger()
    again = ministry_row(one)
    again[2] = again[2].replace("A", "AA", 1)
    done = await hand_in(ministry_csv([ministry_row(one), again]))
    assert (done["persons_new"], done["persons_matched"]) == (1, 1)
    first, second = await persons_of(registry, done["id"])
    assert first.id == second.id


async def test_one_nik_and_one_birth_date_are_two_people_when_nothing_else_agrees(
    hand_in: HandIn, registry: Running
) -> None:
    one = stranger(name="Yohanes Kristianto")
    other = stranger(nik=one.nik, born=one.born, name="Siti Aminah")
    done = await hand_in(ministry_csv([ministry_row(one), ministry_row(other)]))
    assert (done["persons_new"], done["pairs_for_review"]) == (2, 1)
    first, second = await persons_of(registry, done["id"])
    assert (first.unmatched, second.unmatched) == (False, True)


async def test_one_nik_one_birth_date_and_one_household_are_one_person(hand_in: HandIn, registry: Running) -> None:
    one = stranger(name="Yohanes Kristianto")
    again = stranger(nik=one.nik, kk=one.kk, born=one.born, area=one.area, name="Kris")
    done = await hand_in(ministry_csv([ministry_row(one), ministry_row(again)]))
    assert (done["persons_new"], done["persons_matched"]) == (1, 1)


@pytest.mark.usefixtures("road")
async def test_two_rows_of_one_list_stay_with_the_two_whom_a_human_told_apart(
    hand_in: HandIn, registry: Running
) -> None:
    one = stranger()
    other = stranger(kk=one.kk, born=one.born, area=one.area)
    first = await persons_of(registry, (await hand_in(ministry_csv([ministry_row(one), ministry_row(other)])))["id"])
    await _tell_apart(registry, *first)
    done = await hand_in(city_csv([city_row(other), city_row(one)]), source="city")
    assert [person.id for person in await persons_of(registry, done["id"])] == [first[1].id, first[0].id]


@pytest.mark.usefixtures("road")
async def test_whom_a_human_told_apart_no_later_list_links(hand_in: HandIn, registry: Running) -> None:
    one = stranger()
    other = stranger(nik=one.nik)
    first = await hand_in(ministry_csv([ministry_row(one)]))
    second = await hand_in(ministry_csv([ministry_row(other)]))
    (known,), (apart,) = await persons_of(registry, first["id"]), await persons_of(registry, second["id"])
    await _tell_apart(registry, known, apart)
    changed = ministry_row(other)
    changed[11:] = ["7", "2027-Q1"]
    done = await hand_in(ministry_csv([changed]))
    assert [person.id for person in await persons_of(registry, done["id"])] == [apart.id]
    assert await reviews_of(registry, done["id"]) == []


async def _tell_apart(registry: Running, one: Person, other: Person) -> None:
    low, high = sorted((one.id, other.id))
    async with registry.context.db.begin() as tx:
        await tx.session.execute(
            text(
                "INSERT INTO verdicts (id, low_id, high_id, verdict, reason, decided_by) "
                "VALUES (:id, :low, :high, 'different', 'two people', 'test')"
            ),
            {"id": new_id(), "low": low, "high": high},
        )


async def test_the_persons_of_a_row_have_the_same_id_whenever_it_is_decided(hand_in: HandIn, registry: Running) -> None:
    done = await hand_in(ministry_csv([ministry_row(one) for one in strangers(3)]))
    found = await persons_of(registry, done["id"])
    assert [one.id for one in found] == [person_id(UUID(done["id"]), row) for row in (2, 3, 4)]
