"""A late list against the people of the registry: who is whom as the truth says, and never who is not."""

import csv
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any, TypeAlias
from uuid import UUID, uuid4

import asyncpg
import pytest

from services.registry.choosing import Match
from services.registry.cleaning import name_key
from services.registry.incremental import match, twins
from services.registry.keys import keys_of
from services.registry.linkage.engine import link
from services.registry.linkage.sources import Job, Source
from services.registry.seal import Seal
from sinergi_operator.samples import generate
from tests.harness.stack import Running

Row = dict[str, Any]
Connection: TypeAlias = "asyncpg.Connection[Any]"

PEOPLE, AREA, KELURAHAN = 4000, "35.09", "35.09.01.1001"
#: no other test generates these people: other modules' lists stay in the registry, and must not be meant by a row
SEED = 3511
#: what a number begins with here: wherever people move, they were first registered in the same few places
_ELSEWHERE = str.maketrans("0123456789", "5678901234")
FIELDS = ("name", "name_key", "birth_date", "sex", "area", "rt", "rw", "address")
COLUMNS = (
    "id",
    "version",
    "state",
    "survivor_id",
    "nik",
    "kk",
    "household_id",
    "unmatched",
    "is_head",
    "sources",
    "keys",
)
COMPARED = ("name", "birth_date", "sex", "nik", "area", "rt", "rw", "address")


@pytest.fixture
async def connection(registry: Running) -> AsyncIterator[Connection]:
    """A connection whose people are gone after the test."""
    opened = await asyncpg.connect(registry.context.settings.database_url.get_secret_value())
    transaction = opened.transaction()
    await transaction.start()
    yield opened
    await transaction.rollback()
    await opened.close()


# ------------------------------------------------------------ people and rows


def a_row(number: int = 1, **fields: Any) -> Row:
    """A row about somebody; `fields` override."""
    one: Row = {
        **{"row": number, "nik": "3509010303800001", "kk": "3509012601200001", "name": "SUHARTONO WIBOWO"},
        **{"birth_date": date(1980, 3, 13), "sex": "L", "area": KELURAHAN, "rt": "001", "rw": "002"},
        **{"address": "JL. MELATI NO. 5"},
    }
    one |= fields
    return one | {"name_key": name_key(one["name"])}


async def know(connection: Connection, rows: Sequence[Row], survivor: UUID | None = None) -> list[UUID]:
    """Make these rows people of the registry, merged into the survivor if there is one; returns who they are."""
    homes = await households(connection, {row["kk"]: row["area"] for row in rows if row["kk"]})
    people = [uuid4() for _ in rows]
    records = [_person(who, row, homes.get(row["kk"]), survivor) for who, row in zip(people, rows, strict=True)]
    await connection.copy_records_to_table("persons", columns=(*COLUMNS, *FIELDS), records=records)
    return people


def _person(who: UUID, row: Row, home: UUID | None, survivor: UUID | None) -> tuple[Any, ...]:
    nik, kk = (seal.seal(row[name]) if row[name] else None for name, seal in _seals())
    keys = keys_of(row["name_key"], row["birth_date"], row["area"])
    state, unmatched = "merged" if survivor else "active", nik is None or survivor is not None
    values = (who, 0, state, survivor, nik, kk, home, unmatched, False, "{}", keys)
    return (*values, *(row[name] for name in FIELDS))


def _seals() -> Iterator[tuple[str, Any]]:
    yield "nik", Seal.current().nik
    yield "kk", Seal.current().kk


async def households(connection: Connection, kks: Mapping[str, str]) -> dict[str, UUID]:
    made = {kk: uuid4() for kk in kks}
    rows = [(made[kk], 0, Seal.current().kk.seal(kk), area) for kk, area in kks.items()]
    known = await connection.fetch("SELECT kk, id FROM households WHERE kk = ANY($1)", [row[2] for row in rows])
    made |= {Seal.current().kk.open(one["kk"]): one["id"] for one in known}
    new = [row for row in rows if row[2] not in {one["kk"] for one in known}]
    await connection.copy_records_to_table("households", columns=("id", "version", "kk", "area"), records=new)
    return made


async def judge(connection: Connection, one: UUID, other: UUID) -> None:
    """A human says that they are different people."""
    await connection.execute(
        """INSERT INTO verdicts (id, low_id, high_id, verdict, reason, decided_by)
           VALUES ($1, $2, $3, 'different', 'twins', 'somebody')""",
        *(uuid4(), min(one, other), max(one, other)),
    )


# ------------------------------------------------------------ generated lists


class Lists:
    """Generated lists: the ministry's people, the city's rows, and who is whom by their row numbers."""

    def __init__(self, folder: Path) -> None:
        generate(folder, PEOPLE, seed=SEED, area=AREA, city_csv=True)
        self.ministry = {row["row"]: row for row in _ministry(folder)}
        self.city = {row["row"]: row for row in _city(folder)}
        self.truth = dict(self._true_pairs(folder))

    def _true_pairs(self, folder: Path) -> Iterator[tuple[int, int]]:
        for _, line in _read(folder / "kebenaran.csv"):
            for column in ("baris_kota", "baris_kota_2"):
                here, there = int(line[column] or 0), int(line["baris_kementerian"] or 0)
                if here in self.city and there in self.ministry:
                    yield here, there


def _read(file: Path) -> Iterator[tuple[int, dict[str, str]]]:
    with file.open(newline="", encoding="utf-8") as lines:
        yield from enumerate(csv.DictReader(lines, delimiter=";"), 2)


def _ministry(folder: Path) -> Iterator[Row]:
    given: set[str] = set()
    for number, line in _read(folder / "daftar-kementerian.csv"):
        names = ("NAMA_LENGKAP", "TGL_LAHIR", "NIK", "NO_KK", "JENIS_KELAMIN", "ALAMAT", "KODE_KELURAHAN")
        row = _understood(number, [line[name] for name in names], (line["RT"], line["RW"]))
        if row and (row["nik"] is None or row["nik"] not in given):
            given.add(row["nik"])
            yield row


def _city(folder: Path) -> Iterator[Row]:
    for number, line in _read(folder / "daftar-kota.csv"):
        names = ("Nama", "Tanggal Lahir", "NIK", "No. KK", "L/P", "Alamat", "Kode Kelurahan")
        row = _understood(number, [line[name] for name in names], line["RT/RW"].split("/"))
        if row:
            yield row


def _understood(number: int, cells: Sequence[str], rt_rw: Sequence[str]) -> Row | None:
    """A row as the import understands it, None if it is broken."""
    name, born, nik, kk, sex, address, area = cells
    day, month, year = (int(part) for part in born.replace("/", "-").split("-")) if born else (0, 0, 0)
    try:
        birth_date = date(year, month, day) if born else None
    except ValueError:
        return None
    if not name or (nik and not nik.isdigit()):
        return None
    numbers = {"nik": _of_elsewhere(nik), "kk": _of_elsewhere(kk), "sex": sex, "rt": rt_rw[0], "rw": rt_rw[1]}
    return a_row(number, name=name, birth_date=birth_date, area=area, address=address, **numbers)


def _of_elsewhere(number: str) -> str | None:
    """The number with another first digit: other tests' generated people cannot have it."""
    return number[:1].translate(_ELSEWHERE) + number[1:] if number else None


@pytest.fixture(scope="module")
def lists(tmp_path_factory: pytest.TempPathFactory) -> Lists:
    return Lists(tmp_path_factory.mktemp("lists"))


def f1(found: Mapping[int, UUID], truth: Mapping[int, UUID]) -> float:
    """The harmonic mean of precision and recall."""
    right = sum(truth.get(row) == person for row, person in found.items())
    return 2 * right / (len(found) + len(truth))


def same(matches: Sequence[Match]) -> dict[int, UUID]:
    return {one.row: one.person_id for one in matches if one.band == "same" and one.person_id}


async def known_lists(connection: Connection, lists: Lists) -> dict[int, UUID]:
    """The ministry's people in the registry; returns of whom each row of the city speaks."""
    people = await know(connection, list(lists.ministry.values()))
    of_row = dict(zip(lists.ministry, people, strict=True))
    return {here: of_row[there] for here, there in lists.truth.items()}


@pytest.mark.parametrize(
    ("missing", "least"), [((), 0.997), (("kk",), 0.997), (("nik",), 0.99)], ids=["whole", "without-kk", "without-nik"]
)
async def test_a_generated_list_is_matched_as_the_truth_says(
    connection: Connection, lists: Lists, missing: Sequence[str], least: float
) -> None:
    truth = await known_lists(connection, lists)
    rows = [row | dict.fromkeys(missing) for row in lists.city.values()]
    matches = await match(connection, rows)
    assert [one.row for one in matches] == list(lists.city)
    assert f1(same(matches), truth) >= least
    assert sum(one.band == "review" for one in matches) <= 0.02 * len(matches)
    assert f1(dict(zip(same(matches), reversed(same(matches).values()), strict=True)), truth) < 0.1, "F1 tells nothing"


async def test_the_engine_decides_nearly_all_rows_alike(connection: Connection, lists: Lists, tmp_path: Path) -> None:
    people = await know(connection, list(lists.ministry.values()))
    ours = same(await match(connection, list(lists.city.values())))
    by_number = {str(number): who for number, who in zip(lists.ministry, people, strict=True)}
    theirs = {int(row): by_number[person] for row, person in engine_links(lists, tmp_path)}
    apart = {row for row in {*ours, *theirs} if ours.get(row) != theirs.get(row)}
    # of eight seeds (11 to 13, 3509 to 3513) 0.19 to 0.54 % were apart, 0.33 % on average: all links the engine missed
    # 0.3 % of the city's rows are a person's second row, which the engine, one to one, leaves out
    assert len(apart) <= 0.01 * len(lists.city), f"{len(apart)} of {len(lists.city)}"


def engine_links(lists: Lists, folder: Path) -> list[tuple[str, str]]:
    """(row, ministry's row) of the links that the engine makes by itself."""
    import duckdb

    sources = []
    for name, rows in (("city", lists.city), ("ministry", lists.ministry)):
        file = folder / f"{name}.csv"
        with file.open("w", newline="") as target:
            lines = csv.writer(target)
            lines.writerow(("id", "household", *COMPARED))
            lines.writerows((row["row"], row["kk"], *(row[field] for field in COMPARED)) for row in rows.values())
        columns = {field: field for field in ("id", "household", *COMPARED)}
        sources.append(Source(f"SELECT * FROM read_csv('{file}', all_varchar = true)", columns))
    output = folder / "links.parquet"
    link(Job(left=sources[0], right=sources[1], output=output, temp_folder=folder))
    found = duckdb.execute(f"SELECT left_id, right_id FROM read_parquet('{output}') WHERE band = 'same'").fetchall()
    return [(str(one), str(other)) for one, other in found]


# ----------------------------------------------------------- one row or two


async def test_the_same_nik_under_another_name_and_date_is_not_the_same_person(connection: Connection) -> None:
    await know(connection, [a_row()])
    (found,) = await match(connection, [a_row(name="DEWI LESTARI", birth_date=date(2001, 7, 5), sex="P", kk=None)])
    assert found.band != "same"


async def test_the_same_nik_and_date_under_another_name_waits_for_a_human(connection: Connection) -> None:
    (known,) = await know(connection, [a_row(kk=None)])
    (found,) = await match(connection, [a_row(name="DEWI LESTARI", kk=None)])
    assert (found.band, found.person_id, found.candidates[0].person_id) == ("review", known, known)


async def test_of_two_people_alike_under_one_nik_one_takes_the_row(connection: Connection) -> None:
    (one,) = await know(connection, [a_row(kk=None)])
    await connection.execute("UPDATE persons SET unmatched = true")
    (other,) = await know(connection, [a_row(kk=None)])
    (found,) = await match(connection, [a_row(kk=None)])
    assert (found.band, found.how) == ("same", "nik")
    assert found.person_id in {one, other}


async def test_a_merged_person_stands_for_the_survivor(connection: Connection) -> None:
    (survivor,) = await know(connection, [a_row(nik=None, kk=None, name="ANOTHER NAME", birth_date=date(1950, 1, 2))])
    await know(connection, [a_row()], survivor)
    by_nik, by_score = await match(connection, [a_row(1), a_row(2, nik=None, name="SUHARTONO WIBAWO", kk=None)])
    assert (by_nik.person_id, by_nik.how) == (survivor, "nik")
    assert by_score.person_id == survivor


async def test_a_row_without_its_nik_is_found_in_the_household_that_moved(connection: Connection) -> None:
    wife: Row = {"nik": "3509015204820002", "name": "ENDANG LESTARI", "birth_date": date(1982, 4, 12), "sex": "P"}
    known = await know(connection, [a_row(), a_row(**wife)])
    moved = {"kk": "3509012601200099", "area": "35.09.02.1002", "rt": "009", "rw": "009", "address": "JL. MAWAR 1"}
    found = await match(connection, [a_row(1, **moved), a_row(2, **wife | moved | {"nik": None})])
    assert [(one.person_id, one.how, one.band) for one in found] == [
        (known[0], "nik", "same"),
        (known[1], "household", "same"),
    ]


async def test_who_stands_in_the_list_twice_is_one_person(connection: Connection) -> None:
    (known,) = await know(connection, [a_row()])
    found = await match(connection, [a_row(1), a_row(2, nik=None, name="SUHARTONO WIBOWWO")])
    assert [(one.person_id, one.band) for one in found] == [(known, "same"), (known, "same")]


async def test_a_brother_does_not_take_the_person_of_whom_another_row_speaks(connection: Connection) -> None:
    (known,) = await know(connection, [a_row()])
    brother = a_row(2, nik="3509010909850001", name="BAMBANG PRASETYO", birth_date=date(1985, 9, 9))
    found = await match(connection, [a_row(1), brother])
    assert [(one.person_id, one.band) for one in found] == [(known, "same"), (None, "new")]


async def test_a_row_between_two_people_waits_for_a_human_until_one_told_them_apart(connection: Connection) -> None:
    one, other = await know(connection, [a_row(nik=None), a_row(nik=None, name="SUHARTONO WIBOW")])
    row = a_row(nik=None)
    (doubtful,) = await match(connection, [row])
    assert (doubtful.band, [two.person_id for two in doubtful.candidates]) == ("review", [one, other])
    await judge(connection, one, other)
    (found,) = await match(connection, [row])
    assert (found.band, found.person_id) == ("same", one)


async def test_a_row_equal_to_two_people_who_were_told_apart_waits_for_a_human(connection: Connection) -> None:
    one, other = await know(connection, [a_row(nik=None), a_row(nik=None)])
    await judge(connection, one, other)
    (found,) = await match(connection, [a_row(nik=None)])
    assert (found.band, {two.person_id for two in found.candidates}) == ("review", {one, other})


async def test_an_empty_list_and_an_empty_registry_match_nobody(connection: Connection) -> None:
    assert await match(connection, []) == []
    (found,) = await match(connection, [a_row(nik=None, kk=None, name="NOBODY KNOWN", area="91.01.01.1001")])
    assert (found.band, found.person_id, found.candidates) == ("new", None, ())


# ------------------------------------------------------------------- at entry


async def test_the_likely_twin_is_shown_with_reasons_in_words(connection: Connection) -> None:
    (known,) = await know(connection, [a_row()])
    found = await twins(connection, a_row(nik=None, kk=None, name="Suhartono Wibawo"))
    assert [one.person_id for one in found] == [known]
    assert "The birth dates are the same" in {reason["text_en"] for reason in found[0].reasons}
    assert all(reason["text_id"] for reason in found[0].reasons)


async def test_who_bears_the_nik_is_shown_first_whatever_else_differs(connection: Connection) -> None:
    alike, owner = await know(
        connection, [a_row(nik=None), a_row(name="DEWI LESTARI", birth_date=date(2001, 7, 5), area="35.09.02.1002")]
    )
    found = await twins(connection, a_row())
    assert [one.person_id for one in found] == [owner, alike]


async def test_who_is_entered_by_name_and_kecamatan_alone_is_found(connection: Connection) -> None:
    (known,) = await know(connection, [a_row()])
    found = await twins(connection, {"name_key": "WIBOWO SUHARTONO", "area": KELURAHAN})
    assert [one.person_id for one in found] == [known]


async def test_nobody_is_shown_for_a_stranger(connection: Connection) -> None:
    await know(connection, [a_row()])
    assert await twins(connection, a_row(nik=None, kk=None, name="DEWI LESTARI", birth_date=date(2001, 7, 5))) == []
