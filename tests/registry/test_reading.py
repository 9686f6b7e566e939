"""The reading stage: whatever form a list has, and whichever road a row takes, the rules say the same of it."""

import json
import os
import signal
import subprocess
import sys
from datetime import date, timedelta
from pathlib import Path

import duckdb
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from services.registry.cleaning import name_key
from services.registry.layouts import match_header
from services.registry.reading import CHECKED, STAGED, bad_rows, raw_pages
from services.registry.seal import Seal
from sinergi_operator.samples.lists import CITY_COLUMNS, MINISTRY_COLUMNS
from tests.registry.lists import city_row, ministry_csv, ministry_row
from tests.registry.staging import (
    IMPORT,
    SEAL,
    assert_as_the_rules_say,
    broken,
    good,
    members,
    raw,
    rows_of,
    staged,
)

ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def _seal(monkeypatch: pytest.MonkeyPatch) -> None:
    """This module's seal, and afterwards again the one that was in use."""
    monkeypatch.setattr(Seal, "_current", SEAL)


# ------------------------------------------------------------------- two roads

texts = st.one_of(
    st.sampled_from(["", "-", " ", "=1+1", "@SUM(A1)", "+62 812", "-5", "- (belum ada)", "  ya  ", 'a "b" c', "a\\b"]),
    st.text("ABC abc.,'/0123456789-()&é\u00a0", max_size=12),
)
numbers = st.one_of(
    st.sampled_from(["", "-", "0", "0" * 16, "3174011501900001", "3174015501900001", "317401150190000X", "31 74"]),
    st.from_regex(r"3174[0-9]{12}", fullmatch=True),
)
day = st.dates(date(1870, 1, 1), date.today() + timedelta(days=400))
days = st.one_of(
    day.map("{:%d-%m-%Y}".format),
    day.map("{:%d/%m/%Y}".format),
    day.map("{:%Y-%m-%d}".format),
    st.sampled_from(["", "-", "31-02-1990", "15-01-1990", "1.1.1990", "32888", "kemarin", "15-01-1990 "]),
)
names = st.one_of(
    st.sampled_from(["H. Moh. Soerjono, S.Pd", "Siti", "St. Aminah", "...", "", "O'Neil", "Drs H", "ALM", "H ALM"]),
    st.text("ABDEHIJMOSTabdehijmost.,'- ", max_size=20),
)
CELLS = {
    "NO_KK": numbers,
    "NIK": numbers,
    "NAMA_LENGKAP": names,
    "TEMPAT_LAHIR": texts,
    "TGL_LAHIR": days,
    "JENIS_KELAMIN": st.sampled_from(["L", "P", "l", "", "-", "Laki-laki", "PEREMPUAN", "X"]),
    "ALAMAT": texts,
    "RT": st.sampled_from(["1", "001", "", "-", "0", "12", "a"]),
    "RW": st.sampled_from(["7", "000", "007"]),
    "KODE_KELURAHAN": st.sampled_from(["31.74.01.1001", "3174011001", "31.71.01.1001", "31.74", "", "31.74.01.9999"]),
    "HUBUNGAN": st.sampled_from(["KEPALA KELUARGA", "Kepala", "istri", "", "-", "KK"]),
    "DESIL": st.sampled_from(["1", "10", "05", "11", "", "-"]),
    "PERIODE_DESIL": st.sampled_from(["2026-Q2", "", "-"]),
}


IN_THE_CITY = [
    *(CELLS[name] for name in MINISTRY_COLUMNS[:7]),
    st.sampled_from(["003/007", "3/7", "-", "/", "3", "000/007", " 3/7", "a/b", ""]),
    texts,
    texts,
    *(CELLS[name] for name in ("KODE_KELURAHAN", "HUBUNGAN")),
    st.sampled_from(["Fakir miskin", "lansia terlantar", "", "-", " - ", "0", "Apa saja"]),
]
LISTS = {
    MINISTRY_COLUMNS: (ministry_row, list(CELLS.values())),
    CITY_COLUMNS: (city_row, IN_THE_CITY),
}


@st.composite
def any_list(draw: st.DrawFn) -> bytes:
    """A list whose rows are plain but for a few cells, so that most tests of a cell decide about its row."""
    columns = draw(st.sampled_from(list(LISTS)))
    make, cells = LISTS[columns]
    rows = []
    for one in members(draw(st.integers(1, 50))):
        row = make(one)
        for place in draw(st.sets(st.integers(0, len(row) - 1), max_size=3)):
            row[place] = draw(cells[place])
        rows.append(row)
    return ministry_csv(rows, columns, draw(st.sampled_from([";", ",", "\t", "|"])))


@given(content=any_list())
@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_sql_and_the_rules_say_the_same_of_every_row(content: bytes, tmp_path: Path) -> None:
    name = f"{len(list(tmp_path.iterdir()))}.csv"
    found = staged(content, tmp_path, name)
    assert_as_the_rules_say(found, tmp_path / name)


def test_plain_rows_never_go_through_the_rules_one_by_one(tmp_path: Path) -> None:
    rows = [ministry_row(one) for one in members(500)]
    rows[7][2] = "Andr\u00e9"
    found = staged(ministry_csv(rows), tmp_path)
    assert [one["row"] for one in rows_of(found.work / CHECKED)] == [9]
    assert len(good(found)) == 500


def test_the_citys_rows_take_the_fast_road_too(tmp_path: Path) -> None:
    rows = [city_row(one) for one in members(40)]
    rows[3][7], rows[4][12] = "-", "Sesuatu yang lain"
    found = staged(ministry_csv(rows, CITY_COLUMNS), tmp_path)
    assert rows_of(found.work / CHECKED) == []
    assert_as_the_rules_say(found, tmp_path / "list.csv")


def test_a_name_is_kept_as_written_beside_its_key(tmp_path: Path) -> None:
    row = ministry_row(members(1)[0])
    row[2] = "H. Moh. Soerjono"
    (one,) = good(staged(ministry_csv([row]), tmp_path))
    assert (one["name"], one["name_key"]) == ("H. Moh. Soerjono", name_key("H. Moh. Soerjono"))


def test_rows_keep_their_numbers_in_a_long_list(tmp_path: Path) -> None:
    """Long enough for several parts that are read side by side."""
    row = ministry_row(members(1)[0])
    lines = [";".join(MINISTRY_COLUMNS), *(";".join([*row[:6], f"JL. {at}", *row[7:]]) for at in range(2, 300_002))]
    lines[150_000] = lines[150_000].replace("JL.", "=JL(")
    found = staged("\n".join(lines).encode(), tmp_path)
    with duckdb.connect() as desk:
        wrong = desk.execute(f"SELECT count(*) FROM '{found.good}' WHERE address <> 'JL. ' || row").fetchall()
    assert wrong == [(0,)]
    assert (found.rows_good, [one[0] for one in broken(found)]) == (299_999, [150_001])


# ------------------------------------------------------------------ corrections


def test_corrected_rows_keep_the_numbers_of_the_list_they_correct(tmp_path: Path) -> None:
    rows = [["Baris", *MINISTRY_COLUMNS, "Kesalahan"]]
    rows += [[number, *ministry_row(members(1)[0]), "Nama kosong."] for number in ("9", "4", "5", "x", "4")]
    mapping = {field: MINISTRY_COLUMNS[place] for field, place in match_header(MINISTRY_COLUMNS).places.items()}
    mapping["row"] = "Baris"
    rows[2][3] = "'=cmd|' /C calc'!A0"
    found = staged(ministry_csv(rows[1:], rows[0]), tmp_path, mapping=mapping, rows=[4, 9, 12])
    assert [one["row"] for one in good(found)] == [9]
    assert {one[:1] + one[2:3] for one in broken(found)} == {
        (4, "formula-in-cell"),
        *((row, "row-not-to-correct") for row in (4, 5, 6)),
    }
    assert raw(found) == {9: dict(zip(MINISTRY_COLUMNS, rows[1][1:-1], strict=True))}


# ---------------------------------------------------------------- bad rows, kill


def test_bad_rows_are_sealed_as_they_came_with_the_header_as_row_zero(tmp_path: Path) -> None:
    rows = [ministry_row(one) for one in members(3)]
    rows[1][2] = "=HYPERLINK(1)"
    sealed = dict(bad_rows(staged(ministry_csv(rows), tmp_path), IMPORT))
    opened = {row: json.loads(SEAL.open_page(one, f"{IMPORT}:{row}")) for row, one in sealed.items()}
    assert opened == {0: list(MINISTRY_COLUMNS), 3: rows[1]}


def test_a_part_of_the_pages_can_be_sealed(tmp_path: Path) -> None:
    found = staged(ministry_csv([ministry_row(one) for one in members(2500)]), tmp_path)
    spans = [(first, last) for first, last, _ in raw_pages(found, IMPORT, 500, 2100)]
    assert spans == [(500, 999), (1000, 1999), (2000, 2100)]


_KILLED = """
import sys
from pathlib import Path
from services.registry import reading
from services.registry.xlsx import Limits
path, work, at = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])
seen = []
def stop(share):
    seen.append(share)
    if len(seen) == at:
        print("here", flush=True)
        sys.stdin.read()
reading.read_list(path, path.name, None, "31.74", Limits(400 * 2**20, 200, 2000), work, stop)
"""


@pytest.mark.parametrize("moment", [1, 2, 3, 4])
def test_killed_anywhere_it_reads_again_to_the_same_files(moment: int, tmp_path: Path) -> None:
    rows = [ministry_row(one) for one in members(300)]
    rows[3][2], rows[5][2] = "", "Andr\u00e9"
    path, work = tmp_path / "list.csv", tmp_path / "list.csv.work"
    path.write_bytes(ministry_csv(rows))
    work.mkdir()
    command = [sys.executable, "-c", _KILLED, str(path), str(work), str(moment)]
    paths = os.pathsep.join([str(ROOT), str(ROOT / "shared")])
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=os.environ | {"PYTHONPATH": paths}
    ) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == b"here\n"
        child.send_signal(signal.SIGKILL)
    assert not (work / STAGED).exists()
    assert_as_the_rules_say(staged(path.read_bytes(), tmp_path), path)


def test_a_list_that_was_read_is_not_read_again(tmp_path: Path) -> None:
    first = staged(ministry_csv([ministry_row(one) for one in members(5)]), tmp_path)
    before = first.good.stat().st_mtime_ns
    assert staged(b"", tmp_path) == first
    assert first.good.stat().st_mtime_ns == before


def test_no_half_file_is_left_beside_the_whole_ones(tmp_path: Path) -> None:
    found = staged(ministry_csv([ministry_row(one) for one in members(5)]), tmp_path)
    assert {path.suffix for path in found.work.iterdir()} <= {".parquet", ".json"}
    assert [path.name for path in found.work.glob("*.json")] == [STAGED]
