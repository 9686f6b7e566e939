"""One pair in Python and a million in SQL are compared alike, and told in words that add up."""

from collections.abc import Iterator
from datetime import date
from itertools import islice
from pathlib import Path
from random import Random
from typing import Any

import duckdb
import pytest

from services.registry.linkage.blocking import clean_rest, clean_streets
from services.registry.linkage.keys import text
from services.registry.linkage.learning import Patterns, learn, plain
from services.registry.linkage.model import FIELDS, LEVELS, STRATA, Levels, Model, stratum
from services.registry.linkage.pairs import cleaned, compare
from services.registry.linkage.scoring import compare_all
from services.registry.linkage.sources import Job, Source, connect, load
from services.registry.rules import read_date
from sinergi_operator.samples.lists import ministry_row
from sinergi_operator.samples.mistakes import make_mistakes
from sinergi_operator.samples.people import Person, Population
from sinergi_operator.samples.places import load_area

PLAIN = {name: name for name in ("name", "birth_date", "sex", "nik", "area", "rt", "rw", "address")}
AREA = load_area("31.74")


def rows(seed: int, households: int) -> list[tuple[str, ...]]:
    """People with mistakes: name, birth date, sex, NIK, area, RT, RW, address."""
    rng = Random(seed)
    people = [one for family in islice(Population(AREA, Random(1)).households(), households) for one in family]
    return [_row(rng, person) for person in people]


def _row(rng: Random, person: Person) -> tuple[str, ...]:
    make_mistakes(rng, AREA, person)
    _, nik, name, _, born, sex, address, rt, rw, area, *_ = ministry_row(person)
    return name, born, sex, nik, area, rt, rw, address


def source(people: list[tuple[str, ...]]) -> Source:
    values = ", ".join(f"({', '.join(text(cell) for cell in row)})" for row in people)
    return Source(f"SELECT * FROM (VALUES {values}) AS people ({', '.join(PLAIN)})", PLAIN)


@pytest.fixture
def sql(tmp_path: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    left, right = source(rows(5, 700)), source(rows(6, 700))
    with connect(Job(left, right, tmp_path / "links.parquet", tmp_path)) as connection:
        load(connection, "l", left)
        load(connection, "r", right)
        yield connection


def in_python(row: tuple[str, ...]) -> dict[str, Any]:
    values: dict[str, Any] = {name: cell or None for name, cell in zip(PLAIN, row, strict=True)}
    values["birth_date"] = read_date(row[1])
    return cleaned(values)


def test_sql_and_python_find_the_same_levels(sql: duckdb.DuckDBPyConnection) -> None:
    """Each person against the same with other mistakes, and against the next ones of the list: family and strangers."""
    left, right = [in_python(row) for row in rows(5, 700)], [in_python(row) for row in rows(6, 700)]
    places = [(n, other) for n in range(len(left)) for other in range(n, min(n + 6, len(right)))]
    for table in ("l", "r"):
        clean_rest(sql, table, linked=False)
    sql.execute("CREATE TABLE candidates (l INTEGER, r INTEGER, household BOOLEAN)")
    sides = [list(side) for side in zip(*places, strict=True)]
    sql.execute("INSERT INTO candidates SELECT unnest(?), unnest(?), false", sides)
    clean_streets(sql)
    found = compare_all(sql)
    expected: Patterns = Patterns()
    for l_place, r_place in places:
        levels = compare(left[l_place], right[r_place])
        expected[stratum(levels, False), levels] += 1
    assert found == expected
    assert len(places) > 10_000
    assert len({levels for _, levels in found}) > 200


@pytest.mark.parametrize(
    ("field", "a", "b", "level"),
    [
        ("name", {"name": "Siti Aminah"}, {"name": "ST. AMINAH"}, 5),
        ("name", {"name": "Ahmad Fauzi"}, {"name": "A. Fauzi"}, 4),
        ("name", {"name": "Lestari Dewi"}, {"name": "Dewi Lestari"}, 4),
        ("name", {"name": "Fatimah"}, {"name": "Vatima"}, 4),
        ("name", {"name": "Budi Santoso"}, {"name": "Budi Santomo"}, 3),
        ("name", {"name": "Budi"}, {"name": "Wati"}, 0),
        ("name", {"name": ""}, {"name": "Wati"}, None),
        ("birth_date", {"birth_date": date(1980, 2, 1)}, {"birth_date": date(1980, 1, 2)}, 4),
        ("birth_date", {"birth_date": date(1980, 2, 1)}, {"birth_date": date(1980, 2, 11)}, 3),
        ("birth_date", {"birth_date": date(1980, 2, 1)}, {"nik": "3174014102800001"}, 2),
        ("birth_date", {"birth_date": date(1980, 2, 1)}, {"birth_date": date(1980, 3, 4)}, 1),
        ("birth_date", {"birth_date": date(1980, 2, 1)}, {}, None),
        ("nik", {"nik": "3174014102800001"}, {"nik": "3174014102800001"}, 4),
        ("nik", {"nik": "3174014102800001"}, {"nik": "3174014102810001"}, 3),
        ("nik", {"nik": "3174014102800001"}, {"nik": "3174014102800002"}, 2),
        ("nik", {"nik": "3174014102800001"}, {"nik": "3174014102930001"}, 1),
        ("nik", {"nik": "3174014102800001"}, {"nik": "3201010101930002"}, 0),
        ("area", {"area": "31.74.01.1001"}, {"area": "31.74.01.1002"}, 2),
        ("area", {"area": "31.74.01.1001"}, {"area": "31.71.01.1002"}, 0),
        ("rt_rw", {"rt": "001", "rw": "002"}, {"rt": "001", "rw": "003"}, 1),
        ("street", {"address": "Jl. Melati No. 5"}, {"address": "Jalan Melati no.07"}, 2),
        ("sex", {"sex": "L"}, {"sex": "P"}, 0),
    ],
)
def test_a_level_means_what_it_says(field: str, a: dict[str, Any], b: dict[str, Any], level: int | None) -> None:
    found = dict(zip(FIELDS, compare(cleaned(a), cleaned(b)), strict=True))
    assert found[field] == level


def test_who_moved_is_not_held_against_by_rt_and_street() -> None:
    here = {"area": "31.74.01.1001", "rt": "001", "rw": "002", "address": "Jl. Melati 5"}
    there = {"area": "31.74.01.1002", "rt": "009", "rw": "008", "address": "Jl. Mawar 9"}
    assert compare(cleaned(here), cleaned(there))[3:6] == (2, None, None)


SAME: Levels = (5, 5, None, 3, 2, 3, 1)
OTHER: Levels = (0, 1, 0, 2, 0, 0, 0)
SAME_NIK: Levels = (0, 0, 4, 1, None, None, 0)


@pytest.mark.parametrize("levels", [SAME, OTHER, SAME_NIK])
@pytest.mark.parametrize("household", [False, True])
def test_an_explanation_adds_up_to_the_score(levels: Levels, household: bool) -> None:
    model = Model.default()
    lines = model.explain(levels, household=household, name_share=0.001)
    bits = model.bits(levels, household=household, name_share=0.001)
    assert sum(line["bits"] for line in lines) == pytest.approx(bits)
    assert [line["field"] for line in lines][1:8] == list(FIELDS)
    assert all(line["text_id"] and line["text_en"] for line in lines)


def test_agreement_weighs_for_and_disagreement_against() -> None:
    model = Model.default()
    assert model.bits(SAME) > 10
    assert model.bits(OTHER) < -10


def test_the_same_nik_goes_to_a_person_whatever_speaks_against_it() -> None:
    assert Model.default().bits(SAME_NIK) == pytest.approx(0.5)


def test_a_rare_name_weighs_more_than_a_common_one() -> None:
    model = Model.default()
    assert model.bits(SAME, name_share=1e-6) > model.bits(SAME, name_share=1e-3)
    assert model.bits(SAME, name_share=model.name_share) == pytest.approx(model.bits(SAME))


def test_every_level_has_words_and_weights() -> None:
    for one in Model.default().strata:
        assert [len(levels) for levels in one.m] == [len(levels) for levels in one.u]
        assert [len(levels) for levels in one.m] == [len(LEVELS[name]) for name in FIELDS]


def test_a_model_survives_json() -> None:
    model = Model.default()
    assert Model.from_json(model.to_json()) == model
    with pytest.raises(KeyError):
        Model.from_json("{}")


def test_learning_finds_the_share_of_matches() -> None:
    patterns = Patterns({(1, SAME): 300, (1, (0, 5, 0, 1, None, None, 0)): 700})
    learned = learn(patterns, plain(), 1e-4)
    assert learned.strata[1].share == pytest.approx(0.3, abs=0.02)
    assert [one for place, one in enumerate(learned.strata) if place != 1] == [plain().strata[0]] * (len(STRATA) - 1)
