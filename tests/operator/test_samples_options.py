"""What the sample lists can be made to hold, and what makes them hard: no numbers, twins, moves, shared NIKs."""

import csv
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any

import pytest

from sinergi_operator.samples import SampleFiles, generate

PEOPLE = 40_000
Rows = list[dict[str, str]]


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> SampleFiles:
    return generate(tmp_path_factory.mktemp("samples"), PEOPLE, city_csv=True)


@pytest.fixture(scope="module")
def truth(files: SampleFiles) -> Rows:
    return read(files.truth)


@pytest.fixture(scope="module")
def ministry(files: SampleFiles) -> Rows:
    return read(files.ministry)


@pytest.fixture(scope="module")
def city(files: SampleFiles) -> Rows:
    return read(files.city)


def read(path: Path) -> Rows:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file, delimiter=";"))


def at(rows: Rows, number: str) -> dict[str, str]:
    return rows[int(number) - 2]


def test_a_quarter_of_the_citys_rows_can_be_mistaken(tmp_path: Path) -> None:
    files = generate(tmp_path, 10_000, errors=(0.06, 0.25), city_csv=True)
    assert files.ministry_mistaken / files.ministry_rows == pytest.approx(0.06, abs=0.008)
    assert files.city_mistaken / files.city_rows == pytest.approx(0.25, abs=0.015)


def test_lists_without_errors_differ_from_the_truth_in_second_rows_alone(tmp_path: Path) -> None:
    files = generate(tmp_path, 3000, errors=(0, 0), broken_share=0, city_csv=True)
    assert (files.ministry_mistaken, files.ministry_broken, files.city_broken) == (0, 0, 0)
    assert files.city_mistaken == files.city_twice > 0


def test_lists_without_nik_show_none_and_the_truth_still_knows_them(tmp_path: Path) -> None:
    files = generate(tmp_path, 5000, without_nik=True, broken_share=0.02, city_csv=True)
    assert {row["NIK"] for row in read(files.ministry) + read(files.city)} == {""}
    assert sum(len(row["nik"]) == 16 for row in read(files.truth)) > 4900
    faults = Counter(fault for row in read(files.truth) for fault in row["galat_kota"].split("+"))
    assert not {fault for fault in faults if "nik" in fault}
    assert files.city_mistaken / files.city_rows == pytest.approx(0.12, abs=0.02)


def test_lists_without_kk_show_none(tmp_path: Path) -> None:
    files = generate(tmp_path, 5000, without_kk=True, city_csv=True)
    assert {row["NO_KK"] for row in read(files.ministry)} == {row["No. KK"] for row in read(files.city)} == {""}


def test_a_crowded_list_has_7_people_on_a_kk_and_heads_of_several_families(tmp_path: Path) -> None:
    files = generate(tmp_path, PEOPLE, household_size="crowded", errors=(0, 0), broken_share=0, city_csv=True)
    sizes = Counter(row["rumah_tangga"] for row in read(files.truth))
    assert PEOPLE / len(sizes) == pytest.approx(7.07, abs=0.15)
    people = Counter(row["NO_KK"] for row in read(files.ministry))
    heads = Counter(row["NO_KK"] for row in read(files.ministry) if row["HUBUNGAN"] == "KEPALA KELUARGA")
    assert max(people.values()) > 15
    assert max(heads.values()) == 4


def test_the_citys_list_can_be_a_csv_with_the_same_rows_as_the_workbook(tmp_path: Path) -> None:
    sheet, text = generate(tmp_path / "a", 500), generate(tmp_path / "b", 500, city_csv=True)
    assert (sheet.city.name, text.city.name) == ("daftar-kota.xlsx", "daftar-kota.csv")
    assert sheet.truth.read_bytes() == text.truth.read_bytes()
    assert sheet.ministry.read_bytes() == text.ministry.read_bytes()


def test_some_adults_have_no_nik_in_any_file(truth: Rows, ministry: Rows, city: Rows) -> None:
    without = [row for row in truth if not row["nik"]]
    assert 0.004 < len(without) / PEOPLE < 0.012
    assert all(int(row["tanggal_lahir"][-4:]) <= 2008 for row in without)
    for row in without:
        assert not row["baris_kementerian"] or not at(ministry, row["baris_kementerian"])["NIK"]
        assert not row["baris_kota"] or not at(city, row["baris_kota"])["NIK"]
        assert not row["baris_kota_2"] or not at(city, row["baris_kota_2"])["NIK"]


def test_3_percent_of_the_neglected_elderly_have_no_nik(truth: Rows, city: Rows) -> None:
    listed = [row for row in truth if row["baris_kota"]]
    elderly = [row for row in listed if at(city, row["baris_kota"])["Jenis PPKS"] == "Lanjut usia telantar"]
    assert sum(not row["nik"] for row in elderly) / len(elderly) == pytest.approx(0.03, abs=0.015)


def test_some_people_stand_twice_in_the_citys_list_with_other_mistakes(files: SampleFiles, truth: Rows) -> None:
    twice = [row for row in truth if row["baris_kota_2"]]
    assert len(twice) == files.city_twice
    assert files.city_twice / files.city_rows == pytest.approx(0.003, abs=0.001)
    assert all(row["galat_kota_2"] and row["galat_kota_2"] != row["galat_kota"] for row in twice)
    assert all(int(row["baris_kota_2"]) > int(row["baris_kota"]) for row in twice)


def test_every_row_of_both_lists_belongs_to_one_person_of_the_truth(files: SampleFiles, truth: Rows) -> None:
    in_ministry = [int(row["baris_kementerian"]) for row in truth if row["baris_kementerian"]]
    in_city = [int(row[column]) for row in truth for column in ("baris_kota", "baris_kota_2") if row[column]]
    assert sorted(in_ministry) == list(range(2, files.ministry_rows + 2))
    assert sorted(in_city) == list(range(2, files.city_rows + 2))
    assert sorted(int(row["orang"]) for row in truth) == list(range(1, PEOPLE + 1))


def test_households_that_moved_have_another_kelurahan_and_kk_in_the_citys_list(
    truth: Rows, ministry: Rows, city: Rows
) -> None:
    households: dict[str, Rows] = defaultdict(list)
    for row in truth:
        households[row["rumah_tangga"]].append(row)
    moved = [members for members in households.values() if members[0]["pindah"]]
    assert len(moved) / len(households) == pytest.approx(0.01, abs=0.003)
    for members in moved:
        assert {row["pindah"] for row in members} == {"ya"}
        there = [at(city, row["baris_kota"]) for row in members if row["baris_kota"]]
        here = [at(ministry, row["baris_kementerian"]) for row in members if row["baris_kementerian"]]
        assert len({row["No. KK"] for row in there}) <= 1
        assert not {row["No. KK"] for row in there} & {row["NO_KK"] for row in here}
    clean = [row for row in truth if row["pindah"] and row["baris_kementerian"] and row["baris_kota"]]
    clean = [row for row in clean if not row["galat_kementerian"] and not row["galat_kota"]]
    kelurahan = [
        (at(ministry, row["baris_kementerian"])["KODE_KELURAHAN"], at(city, row["baris_kota"])["Kode Kelurahan"])
        for row in clean
    ]
    assert kelurahan
    assert all(before != after for before, after in kelurahan)


def test_now_and_then_somebodys_nik_is_a_family_members(truth: Rows, ministry: Rows, city: Rows) -> None:
    family: dict[str, set[str]] = defaultdict(set)
    for row in truth:
        family[row["rumah_tangga"]].add(row["nik"])
    shared = [
        (row, at(rows, row[number])["NIK"])
        for rows, number, fault in (
            (ministry, "baris_kementerian", "galat_kementerian"),
            (city, "baris_kota", "galat_kota"),
        )
        for row in truth
        if row[fault] == "nik-of-family"
    ]
    assert len(shared) / (len(ministry) + len(city)) == pytest.approx(0.0005, abs=0.00025)
    assert all(nik != row["nik"] and nik in family[row["rumah_tangga"]] for row, nik in shared)


@pytest.mark.parametrize(
    "wrong",
    [{"people": 0}, {"errors": (0.5, 1.1)}, {"errors": (-0.1, 0.1)}, {"household_size": "village"}],
    ids=["nobody", "more-than-all", "less-than-none", "unknown-size"],
)
def test_impossible_wishes_are_refused_before_a_file_is_written(tmp_path: Path, wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"people must|shares must|household_size must"):
        generate(tmp_path / "none", **({"people": 10} | wrong))
    assert not (tmp_path / "none").exists()
