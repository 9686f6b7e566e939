"""Writes the two lists, the ministry's and the city's, and the truth that only a test may read."""

import csv
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from copy import copy
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from random import Random

import xlsxwriter

from sinergi_operator.samples.mistakes import break_row, make_mistakes
from sinergi_operator.samples.people import Person, Population
from sinergi_operator.samples.places import Area, load_area

Write = Callable[[Sequence[str]], None]

DESIL_PERIOD = "2026-Q2"
MINISTRY_COLUMNS = (
    *("NO_KK", "NIK", "NAMA_LENGKAP", "TEMPAT_LAHIR", "TGL_LAHIR", "JENIS_KELAMIN", "ALAMAT", "RT", "RW"),
    *("KODE_KELURAHAN", "HUBUNGAN", "DESIL", "PERIODE_DESIL"),
)
CITY_COLUMNS = (
    *(
        "No. KK",
        "NIK",
        "Nama",
        "Tempat Lahir",
        "Tanggal Lahir",
        "L/P",
        "Alamat",
        "RT/RW",
        "Kelurahan",
        "Kecamatan",
    ),
    *("Kode Kelurahan", "Hubungan Keluarga", "Jenis PPKS"),
)
TRUTH_COLUMNS = (
    *("orang", "rumah_tangga", "nik", "nama", "tanggal_lahir", "jenis_kelamin"),
    *("baris_kementerian", "baris_kota", "galat_kementerian", "galat_kota"),
)
_XLSX_ROWS = 1_000_000  # a sheet ends at 1,048,576 rows; a longer city list is written as CSV
# 85 % of the people are in both lists. Whole families are missing from one list, and single people too.
_FAMILY_ON_ONE = 0.08
_PERSON_ON_ONE = 1 - 0.85 / (1 - _FAMILY_ON_ONE)


@dataclass(frozen=True, slots=True)
class SampleFiles:
    """What `generate` wrote. Rows do not count the header; mistaken and broken rows are among the rows."""

    ministry: Path
    city: Path
    truth: Path
    seed: int
    people: int
    in_both: int
    ministry_rows: int
    ministry_mistaken: int
    ministry_broken: int
    city_rows: int
    city_mistaken: int
    city_broken: int


class _List:
    """One of the two lists while it is written: `mistaken` and `broken` are shares of its rows."""

    def __init__(self, write: Write, row: Callable[[Person], Sequence[str]], mistaken: float, broken: float) -> None:
        self._write = write
        self._row = row
        self._broken_share = broken
        self._faulty_share = broken + mistaken
        self.rows = self.mistaken = self.broken = 0

    def add(self, rng: Random, area: Area, person: Person) -> tuple[str, str]:
        """Write the person's row, sometimes with faults; returns its number (header = 1) and the faults."""
        fault, chance = "", rng.random()
        if chance < self._faulty_share:
            person = copy(person)
            if chance < self._broken_share:
                fault = break_row(rng, area, person)
                self.broken += 1
            else:
                fault = make_mistakes(rng, area, person)
                self.mistaken += 1
        self.rows += 1
        self._write(self._row(person))
        return str(self.rows + 1), fault


def generate(
    folder: Path,
    people: int,
    seed: int = 1,
    area: str = "31.74",
    *,
    broken_share: float = 0.002,
    progress: Callable[[int], None] | None = None,
) -> SampleFiles:
    """Write `daftar-kementerian.csv`, `daftar-kota.xlsx` and `kebenaran.csv` about so many people.

    The lists hold the same people with 85 % overlap; 3 % of the ministry's rows and 12 % of the city's have
    mistakes, and `broken_share` of the rows of each are unreadable. Above 1,000,000 people the city's list is
    `daftar-kota.csv` (a sheet holds no more rows). The same arguments give the same files, whatever the day.
    In the truth, a row's number counts the header as 1, as a spreadsheet does, and is empty where the list
    does not hold the person. `progress` is called with the number of people written so far.

    Raises ValueError for an unknown area or fewer than one person.
    """
    if people < 1:
        raise ValueError(f"people must be at least 1, not {people}")
    places, rng = load_area(area), Random(seed)
    folder.mkdir(parents=True, exist_ok=True)
    paths = folder / "daftar-kementerian.csv", _city_path(folder, people), folder / "kebenaran.csv"
    with ExitStack() as files:
        writes = [files.enter_context(_table(path)) for path in paths]
        for write, columns in zip(writes, (MINISTRY_COLUMNS, CITY_COLUMNS, TRUTH_COLUMNS), strict=True):
            write(columns)
        ministry = _List(writes[0], ministry_row, 0.03, broken_share)
        city = _List(writes[1], city_row, 0.12, broken_share)
        _fill(ministry, city, writes[2], places, rng, people, progress or (lambda number: None))
    return SampleFiles(
        ministry=paths[0],
        city=paths[1],
        truth=paths[2],
        seed=seed,
        people=people,
        in_both=ministry.rows + city.rows - people,
        ministry_rows=ministry.rows,
        ministry_mistaken=ministry.mistaken,
        ministry_broken=ministry.broken,
        city_rows=city.rows,
        city_mistaken=city.mistaken,
        city_broken=city.broken,
    )


def _fill(
    ministry: _List,
    city: _List,
    truth: Write,
    area: Area,
    rng: Random,
    people: int,
    progress: Callable[[int], None],
) -> None:
    nowhere = ("", "")
    for number, (person, on_ministry, on_city) in enumerate(_listed(area, rng, people), 1):
        ministry_at = ministry.add(rng, area, person) if on_ministry else nowhere
        city_at = city.add(rng, area, person) if on_city else nowhere
        truth(_truth_row(person, ministry_at, city_at))
        if number % 1000 == 0 or number == people:
            progress(number)


def _city_path(folder: Path, people: int) -> Path:
    return folder / ("daftar-kota.xlsx" if people <= _XLSX_ROWS else "daftar-kota.csv")


def _listed(area: Area, rng: Random, people: int) -> Iterator[tuple[Person, bool, bool]]:
    """Each person with whether the ministry and the city list them (at least one of the two does)."""
    return islice(_families_listed(area, rng), people)


def _families_listed(area: Area, rng: Random) -> Iterator[tuple[Person, bool, bool]]:
    for family in Population(area, rng).households():
        together = _on_lists(rng, _FAMILY_ON_ONE)
        for person in family:
            yield person, *(together if together != (True, True) else _on_lists(rng, _PERSON_ON_ONE))


def _on_lists(rng: Random, on_one: float) -> tuple[bool, bool]:
    chance = rng.random()
    return chance >= on_one / 2, not on_one / 2 <= chance < on_one


def ministry_row(person: Person) -> Sequence[str]:
    """As the ministry writes: capitals, DD-MM-YYYY, RT and RW apart."""
    home = person.home
    return (
        *(home.kk, person.nik, person.name.upper(), person.birthplace.upper(), person.born, person.sex),
        *(home.address.upper(), home.rt, home.rw, home.kelurahan.code, person.role.upper()),
        *(str(home.desil), DESIL_PERIOD),
    )


def city_row(person: Person) -> Sequence[str]:
    """As the city writes: DD/MM/YYYY, RT/RW in one cell, kelurahan and kecamatan by name."""
    home = person.home
    kelurahan = home.kelurahan
    return (
        *(home.kk, person.nik, person.name, person.birthplace, person.born.replace("-", "/"), person.sex),
        *(home.address, f"{home.rt}/{home.rw}", kelurahan.name, kelurahan.kecamatan, kelurahan.code),
        *(person.role, person.need),
    )


def _truth_row(person: Person, ministry_at: tuple[str, str], city_at: tuple[str, str]) -> Sequence[str]:
    return (
        *(str(person.number), str(person.home.household), person.nik, person.name, person.born, person.sex),
        *(ministry_at[0], city_at[0], ministry_at[1], city_at[1]),
    )


@contextmanager
def _table(path: Path) -> Iterator[Write]:
    if path.suffix == ".xlsx":
        with _xlsx(path) as write:
            yield write
        return
    with path.open("w", encoding="utf-8", newline="") as file:
        yield csv.writer(file, delimiter=";", lineterminator="\r\n").writerow


@contextmanager
def _xlsx(path: Path) -> Iterator[Write]:
    """Text cells only: a NIK as a number would lose its last digit. Rows leave memory as they come."""
    options = {"constant_memory": True, "tmpdir": str(path.parent)}
    with xlsxwriter.Workbook(str(path), options) as book:
        book.set_properties({"title": "Daftar kota (contoh)", "created": datetime(2026, 6, 30, tzinfo=UTC)})
        sheet = book.add_worksheet("Daftar")
        at = 0

        def write(row: Sequence[str]) -> None:
            nonlocal at
            for column, text in enumerate(row):
                if text:
                    sheet.write_string(at, column, text)
            at += 1

        yield write
