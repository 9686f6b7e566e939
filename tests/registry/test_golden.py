"""The golden record: each field from the record that counts most, by rules that are data; the same records always
give the same person."""

import asyncio
from datetime import date
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.registry import golden
from services.registry.keys import keys_of
from sinergi.db import Database
from tests.harness.stack import Running
from tests.registry.pairs import a_person, a_record, fresh_kk, fresh_nik, person_of, recompute, rows_of, set_fields

EARLY, LATE = date(2026, 1, 1), date(2026, 7, 1)


@pytest.fixture
def db(registry: Running) -> Database:
    return registry.context.db


def test_every_field_has_one_rule_and_each_rule_says_why() -> None:
    assert len(golden.FIELDS) == len(set(golden.FIELDS))
    assert all(rule.why and rule.order for rule in golden.RULES)


@pytest.mark.parametrize(
    ("field", "ministry", "city", "wins"),
    [
        ("name", "Siti A. Rahma", "Siti Aminah Rahmawati", "Siti A. Rahma"),
        ("birth_date", date(1980, 1, 2), date(1980, 2, 1), date(1980, 1, 2)),
        ("birthplace", "BREBES", "Jakarta", "BREBES"),
        ("sex", "P", "L", "P"),
        ("area", "31.74.01.1001", "31.74.05.1001", "31.74.05.1001"),
        ("address", "JL. LAMA", "Jl. Baru", "Jl. Baru"),
    ],
)
async def test_what_never_changes_is_taken_from_the_trusted_and_what_changes_from_the_newest(
    db: Database, field: str, ministry: Any, city: Any, wins: Any
) -> None:
    person = await a_person(db, observed_on=EARLY, **{field: ministry})
    await a_record(db, person, source="city", observed_on=LATE, **{"name": "Siti", field: city})
    assert getattr(await person_of(db, person), field) == wins


async def test_of_one_source_the_longest_name_wins(db: Database) -> None:
    person = await a_person(db, observed_on=EARLY, name="Siti Aminah Rahmawati")
    await a_record(db, person, observed_on=LATE, name="Siti A R")
    assert (await person_of(db, person)).name == "Siti Aminah Rahmawati"


async def test_a_nik_that_contradicts_its_own_row_loses(db: Database) -> None:
    right = fresh_nik()
    person = await a_person(db, nik=fresh_nik(), warnings=["nik-disagrees-with-birth-date"])
    await a_record(db, person, source="city", nik=right)
    assert (await person_of(db, person)).nik == right


async def test_the_desil_is_the_newest_periods_with_its_period(db: Database) -> None:
    person = await a_person(db, observed_on=LATE, desil=3, desil_period="2026-Q1")
    await a_record(db, person, observed_on=EARLY, desil=4, desil_period="2026-Q2")
    found = await person_of(db, person)
    assert (found.desil, found.desil_period) == (4, "2026-Q2")


async def test_an_old_address_in_another_kelurahan_is_not_mixed_with_the_new_place(db: Database) -> None:
    person = await a_person(db, observed_on=EARLY, area="31.74.01.1001", address="Jl. Lama", rt="001")
    await a_record(db, person, observed_on=LATE, area="31.74.05.1001", rt="009")
    found = await person_of(db, person)
    assert (found.area, found.address, found.rt) == ("31.74.05.1001", None, "009")


async def test_gaps_are_filled_from_whoever_knows(db: Database) -> None:
    person = await a_person(db, observed_on=LATE)
    await a_record(db, person, source="city", observed_on=EARLY, birthplace="Tegal", rt="004")
    found = await person_of(db, person)
    assert (found.birthplace, found.rt) == ("Tegal", "004")


async def test_a_record_that_speaks_of_some_fields_only_leaves_the_others(db: Database) -> None:
    person = await a_person(db, name="Budi Santoso", birth_date=date(1980, 1, 1))
    await a_record(db, person, source="request", observed_on=LATE, name="", area="", birth_date=date(1981, 1, 1))
    found = await person_of(db, person)
    assert (found.name, found.area, found.birth_date) == ("Budi Santoso", "31.74.01.1001", date(1981, 1, 1))


async def test_the_household_follows_the_kk_and_stays_while_the_kk_does(db: Database) -> None:
    kk = fresh_kk()
    head, child = await a_person(db, kk=kk, relation="KEPALA KELUARGA", is_head=True), await a_person(db, kk=kk)
    home = (await person_of(db, head)).household_id
    assert home is not None
    assert (await person_of(db, child)).household_id == home
    await a_record(db, child, observed_on=LATE, kk=fresh_kk())
    moved = (await person_of(db, child)).household_id
    assert moved not in (None, home)
    await set_fields(db, child, household_id=home)
    await a_record(db, child, observed_on=LATE, desil=2, desil_period="2026-Q3")
    assert (await person_of(db, child)).household_id == home


async def test_of_two_with_one_nik_the_owner_keeps_it(db: Database) -> None:
    nik = fresh_nik()
    younger_owner = [await a_person(db), await a_person(db, nik=nik)]
    await a_record(db, younger_owner[0], nik=nik)
    first, owner = [await person_of(db, one) for one in younger_owner]
    assert (first.nik, first.unmatched, owner.nik, owner.unmatched) == (nik, True, nik, False)


async def test_a_nik_that_its_owner_lets_go_is_there_for_the_next(db: Database) -> None:
    nik = fresh_nik()
    owner = await a_person(db, nik=nik, warnings=["nik-disagrees-with-sex"])
    other = await a_person(db, nik=nik)
    await a_record(db, owner, source="city", nik=fresh_nik())
    await recompute(db, other)
    assert not (await person_of(db, owner)).unmatched
    assert not (await person_of(db, other)).unmatched


async def test_two_may_swap_their_niks_at_once(db: Database) -> None:
    niks = [fresh_nik(), fresh_nik()]
    people = [await a_person(db, nik=nik, warnings=["nik-disagrees-with-sex"]) for nik in niks]
    for person, nik in zip(people, reversed(niks), strict=True):
        await a_record(db, person, counted=False, source="city", nik=nik)
    await recompute(db, *people)
    found = [await person_of(db, person) for person in people]
    assert [(one.nik, one.unmatched) for one in found] == [(niks[1], False), (niks[0], False)]


async def test_the_second_time_changes_nothing(db: Database) -> None:
    person = await a_person(db, nik=fresh_nik(), kk=fresh_kk(), birth_date=date(1970, 5, 6))
    await a_record(db, person, source="city", observed_on=LATE, address="Jl. Baru")
    before = await rows_of(db, [person])
    assert await recompute(db, person) == []
    assert await rows_of(db, [person]) == before


async def test_the_search_keys_follow_the_name_the_birth_date_and_the_area(db: Database) -> None:
    person = await a_person(db, name="Budi", birth_date=date(1970, 5, 6))
    await a_record(db, person, observed_on=LATE, name="Budi Santoso Jaya", area="31.74.05.1001")
    found = await person_of(db, person)
    assert found.keys == keys_of("BUDI SANTOSO JAYA", date(1970, 5, 6), "31.74.05.1001")


async def test_every_field_knows_its_record_source_and_date(db: Database) -> None:
    person = await a_person(db, observed_on=EARLY, birth_date=date(1970, 5, 6))
    record = await a_record(db, person, source="city", observed_on=LATE, address="Jl. Baru")
    async with db.begin() as tx:
        told = await golden.provenance(await person_of(db, person), tx)
    assert (told["birth_date"]["source"], told["birth_date"]["observed_on"]) == ("ministry", EARLY)
    assert (told["address"]["source"], told["address"]["record_id"]) == ("city", record)


FACTS = st.fixed_dictionaries(
    {
        "source": st.sampled_from(["ministry", "city", "entry", "request"]),
        "observed_on": st.sampled_from([EARLY, LATE]),
        "name": st.sampled_from(["Budi", "Budi Santoso", "Boedi S"]),
        "birth_date": st.sampled_from([None, date(1970, 1, 1), date(1971, 1, 1)]),
        "area": st.sampled_from(["31.74.01.1001", "31.74.05.1001"]),
        "address": st.sampled_from([None, "Jl. A", "Jl. B"]),
        "desil": st.sampled_from([None, 1, 2]),
        "desil_period": st.sampled_from(["2026-Q1", "2026-Q2"]),
    }
)


def test_the_same_records_give_the_same_person_whether_they_come_singly_or_at_once(registry: Running) -> None:
    with asyncio.Runner() as runner:
        db = Database(registry.context.settings, "registry")

        @settings(max_examples=25, deadline=None)
        @given(st.lists(FACTS, min_size=1, max_size=4))
        def check(facts: list[dict[str, Any]]) -> None:
            runner.run(_singly_or_at_once(db, facts))

        check()
        runner.run(db.close())


async def _singly_or_at_once(db: Database, facts: list[dict[str, Any]]) -> None:
    person = await a_person(db, **facts[0])
    for fact in facts[1:]:
        await a_record(db, person, **fact)
    before = await rows_of(db, [person])
    await set_fields(db, person, name="?", birth_date=None, address="?", desil=None, sources={}, record_id=None)
    await recompute(db, person)
    assert await rows_of(db, [person]) == before
