"""Writes the two lists, the ministry's and the city's, and the truth that only a test may read."""

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from copy import copy
from dataclasses import dataclass, replace
from pathlib import Path
from random import Random
from typing import Literal, get_args

from sinergi_operator.samples.mistakes import break_row, make_mistakes, take_nik
from sinergi_operator.samples.people import Home, Person, Population
from sinergi_operator.samples.places import Area, load_area
from sinergi_operator.samples.tables import Write, open_table

HouseholdSize = Literal["nation", "crowded"]

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
    *("baris_kota_2", "galat_kota_2", "pindah"),
)
_XLSX_ROWS = 1_000_000  # a sheet ends at 1,048,576 rows; a longer city list is written as CSV
# 85 % of the people are in both lists. Whole families are missing from one list, and single people too.
_FAMILY_ON_ONE = 0.08
_PERSON_ON_ONE = 1 - 0.85 / (1 - _FAMILY_ON_ONE)
_MOVED = 0.01  # share of the households that the city's list shows at a new address, with a new KK
_TWICE = 0.003  # share of the people in the city's list who stand in it twice
_WAITING = 8  # so many second rows wait to be written: they follow the first by 2,700 rows on average
_ANOTHERS_NIK = 0.0005  # share of the rows that show the NIK of another member of the household
_NOWHERE = ("", "")


@dataclass(frozen=True, slots=True)
class SampleFiles:
    """What `generate` wrote. Rows do not count the header; mistaken, broken and second rows are among the rows.

    `in_both` counts people, and so does `city_twice`: those who have a second row in the city's list.
    """

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
    city_twice: int


class _List:
    """One of the two lists while it is written: `mistaken` and `broken` are shares of its rows."""

    def __init__(self, write: Write, row: Callable[[Person], Sequence[str]], mistaken: float, broken: float) -> None:
        self._write = write
        self._row = row
        self._broken_share = broken
        self._faulty_share = broken + mistaken
        self.rows = self.mistaken = self.broken = 0

    def add(self, rng: Random, area: Area, household: list[Person], place: int) -> tuple[str, str]:
        """Write a member's row, sometimes with faults; returns its number (header = 1) and the faults."""
        person, fault, chance = household[place], "", rng.random()
        if chance < self._faulty_share:
            person = copy(person)
            if chance < self._broken_share:
                fault = break_row(rng, area, person)
                self.broken += 1
            else:
                anothers = chance < self._broken_share + _ANOTHERS_NIK and take_nik(rng, household, person)
                fault = "nik-of-family" if anothers else make_mistakes(rng, area, person)
                self.mistaken += 1
        return self._add(person), fault

    def add_again(self, rng: Random, area: Area, person: Person, first: str) -> tuple[str, str]:
        """Write the person's second row with other mistakes than the `first`; returns its number and the mistakes."""
        typed, fault = person, first
        while fault == first:
            typed = copy(person)
            fault = make_mistakes(rng, area, typed)
        self.mistaken += 1
        return self._add(typed), fault

    def _add(self, person: Person) -> str:
        self.rows += 1
        self._write(self._row(person))
        return str(self.rows + 1)


@dataclass(frozen=True, slots=True)
class _Twice:
    """Someone whose second row in the city's list is still to come; `truth` is the truth up to there."""

    person: Person
    truth: Sequence[str]
    fault: str
    moved: str


class _Pair:
    """Both lists and the truth while they are written, household by household."""

    def __init__(
        self, ministry: _List, city: _List, truth: Write, area: Area, rng: Random, *, nik: bool, kk: bool
    ) -> None:
        self._ministry, self._city, self._truth = ministry, city, truth
        self._area, self._rng = area, rng
        self._nik, self._kk = nik, kk
        self._waiting: list[_Twice] = []
        self.in_both = self.twice = 0

    def fill(self, population: Population, people: int, progress: Callable[[int], None]) -> None:
        """Write so many people, then the second rows that still wait."""
        written = 0
        for household in population.households():
            household = household[: people - written]
            self._add_household(household, population)
            before, written = written, written + len(household)
            if written // 1000 > before // 1000 or written == people:
                progress(written)
            if written == people:
                break
        while self._waiting:
            self._add_again(0)

    def _add_household(self, household: list[Person], population: Population) -> None:
        known = [_known(person) for person in household]
        self._hide(household)
        in_city = self._in_city(household, population)
        moved = "" if in_city is household else "ya"
        together = _on_lists(self._rng, _FAMILY_ON_ONE)
        for place, truth in enumerate(known):
            lists = together if together != (True, True) else _on_lists(self._rng, _PERSON_ON_ONE)
            self._add_person(truth, household if lists[0] else None, in_city if lists[1] else None, place, moved)

    def _hide(self, household: list[Person]) -> None:
        """Take the numbers away that neither list is to show."""
        if not self._nik:
            for person in household:
                person.nik = ""
        if not self._kk:
            _settle(household, replace(household[0].home, kk=""))

    def _in_city(self, household: list[Person], population: Population) -> list[Person]:
        """The household as the city knows it: itself, or copies at another address if it moved."""
        if self._rng.random() >= _MOVED:
            return household
        home, copies = population.moved(household[0].home), [copy(person) for person in household]
        _settle(copies, home if self._kk else replace(home, kk=""))
        return copies

    def _add_person(
        self,
        known: Sequence[str],
        in_ministry: list[Person] | None,
        in_city: list[Person] | None,
        place: int,
        moved: str,
    ) -> None:
        rng, area = self._rng, self._area
        here = self._ministry.add(rng, area, in_ministry, place) if in_ministry else _NOWHERE
        there = self._city.add(rng, area, in_city, place) if in_city else _NOWHERE
        truth = (*known, here[0], there[0], here[1], there[1])
        self.in_both += bool(in_ministry and in_city)
        if in_city and rng.random() < _TWICE:
            self._wait(_Twice(in_city[place], truth, there[1], moved))
        else:
            self._truth((*truth, *_NOWHERE, moved))

    def _wait(self, twice: _Twice) -> None:
        self._waiting.append(twice)
        self.twice += 1
        if len(self._waiting) > _WAITING:
            self._add_again(int(self._rng.random() * len(self._waiting)))

    def _add_again(self, at: int) -> None:
        twice = self._waiting.pop(at)
        again = self._city.add_again(self._rng, self._area, twice.person, twice.fault)
        self._truth((*twice.truth, *again, twice.moved))


def generate(
    folder: Path,
    people: int,
    seed: int = 1,
    area: str = "31.74",
    *,
    errors: tuple[float, float] = (0.03, 0.12),
    broken_share: float = 0.002,
    without_nik: bool = False,
    without_kk: bool = False,
    household_size: HouseholdSize = "nation",
    city_csv: bool = False,
    progress: Callable[[int], None] | None = None,
) -> SampleFiles:
    """Write `daftar-kementerian.csv`, `daftar-kota.xlsx` and `kebenaran.csv` about so many people.

    The lists hold the same people with 85 % overlap. The same arguments give the same files, whatever the day.

    - `errors`: shares of the ministry's and of the city's rows that have mistakes. The NIK of another member of
      the household, which 0.05 % of the rows show, is one of them.
    - `broken_share`: share of the rows of each list that are unreadable.
    - `without_nik`, `without_kk`: no row of either list shows a NIK, or a KK number; the truth still knows the NIK.
    - `household_size`: `nation` is 3.04 people a KK; `crowded` is 7.07, several families on one KK, each with
      its head.
    - `city_csv`: the city's list is `daftar-kota.csv`, as it always is above 1,000,000 people (a sheet's limit).

    0.7 % of the adults and 3 % of the neglected elderly have no NIK, in the truth neither. 1 % of the households
    moved: the city has each member at another kelurahan and on another KK, and the truth's `pindah` says `ya`.
    0.3 % of the people in the city's list stand there twice, the second time with other mistakes, a few rows or
    some thousands later: the truth has that row in `baris_kota_2`, its mistakes in `galat_kota_2`, and tells of
    those people when their second row is written, so it is not sorted by `orang`.

    In the truth, a row's number counts the header as 1, as a spreadsheet does, and is empty where the list
    does not hold the person. `progress` is called with the number of people written so far.

    Raises ValueError for an unknown area or household size, fewer than one person, or shares that are not
    between 0 and 1, each list's sum included.
    """
    _check(people, errors, broken_share, household_size)
    places, rng = load_area(area), Random(seed)
    folder.mkdir(parents=True, exist_ok=True)
    kota = "daftar-kota.csv" if city_csv or people > _XLSX_ROWS else "daftar-kota.xlsx"
    paths = folder / "daftar-kementerian.csv", folder / kota, folder / "kebenaran.csv"
    with ExitStack() as files:
        writes = [files.enter_context(open_table(path)) for path in paths]
        for write, columns in zip(writes, (MINISTRY_COLUMNS, CITY_COLUMNS, TRUTH_COLUMNS), strict=True):
            write(columns)
        ministry = _List(writes[0], ministry_row, errors[0], broken_share)
        city = _List(writes[1], city_row, errors[1], broken_share)
        pair = _Pair(ministry, city, writes[2], places, rng, nik=not without_nik, kk=not without_kk)
        population = Population(places, rng, crowded=household_size == "crowded")
        pair.fill(population, people, progress or (lambda number: None))
    return SampleFiles(
        ministry=paths[0],
        city=paths[1],
        truth=paths[2],
        seed=seed,
        people=people,
        in_both=pair.in_both,
        ministry_rows=ministry.rows,
        ministry_mistaken=ministry.mistaken,
        ministry_broken=ministry.broken,
        city_rows=city.rows,
        city_mistaken=city.mistaken,
        city_broken=city.broken,
        city_twice=pair.twice,
    )


def _check(people: int, errors: tuple[float, float], broken: float, household_size: str) -> None:
    if people < 1:
        raise ValueError(f"people must be at least 1, not {people}")
    if household_size not in get_args(HouseholdSize):
        raise ValueError(f"household_size must be one of {', '.join(get_args(HouseholdSize))}, not {household_size!r}")
    if min(*errors, broken) < 0 or max(errors) + broken > 1:
        raise ValueError(f"shares must lie between 0 and 1, mistaken and broken rows together, not {errors}, {broken}")


def _on_lists(rng: Random, on_one: float) -> tuple[bool, bool]:
    """Whether the ministry and the city list somebody; at least one of the two does."""
    chance = rng.random()
    return chance >= on_one / 2, not on_one / 2 <= chance < on_one


def _settle(household: list[Person], home: Home) -> None:
    for person in household:
        person.home = home


def _known(person: Person) -> Sequence[str]:
    """What is true of the person, whatever the lists show."""
    return (str(person.number), str(person.home.household), person.nik, person.name, person.born, person.sex)


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
