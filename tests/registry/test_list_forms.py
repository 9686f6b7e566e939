"""The reading stage: whatever form, damage or header a list has, it is read as the rules say, or refused in words."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import duckdb
import pytest
import xlsxwriter

from services.registry.layouts import match_header, propose
from services.registry.parquet import judge
from services.registry.reading import CHECKED
from services.registry.seal import Seal
from services.registry.xlsx import Limits
from sinergi.problems import Refused
from sinergi_operator.samples.lists import CITY_COLUMNS, MINISTRY_COLUMNS
from tests.registry.lists import city_row, ministry_csv, ministry_row
from tests.registry.staging import (
    LIMITS,
    SEAL,
    assert_as_the_rules_say,
    broken,
    good,
    members,
    raw,
    rows_of,
    staged,
)


@pytest.fixture(autouse=True)
def _seal(monkeypatch: pytest.MonkeyPatch) -> None:
    """This module's seal, and afterwards again the one that was in use."""
    monkeypatch.setattr(Seal, "_current", SEAL)


# ------------------------------------------------------------- forms and damage


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
def test_every_encoding_gives_the_same_rows(encoding: str, tmp_path: Path) -> None:
    rows = [ministry_row(one) for one in members(30)]
    rows[4][2] = "Ren\u00e9 D'Arc"
    content = ministry_csv(rows).decode().encode(encoding)
    found = staged(content, tmp_path)
    assert found.encoding == encoding
    assert_as_the_rules_say(found, tmp_path / "list.csv")
    assert not (found.work / "list.utf8").exists()


@pytest.mark.parametrize(
    "damage",
    [
        lambda lines: [*lines, b"", b""],
        lambda lines: [*lines[:5], b"", b";" * 12, *lines[5:]],
        lambda lines: [*lines[:5], b"only;three;cells", *lines[5:]],
        lambda lines: [*lines[:5], lines[5] + b";;", lines[6] + b";more", *lines[7:]],
        lambda lines: [*lines[:5], b'"' + lines[5], *lines[6:]],
        lambda lines: [*lines[:5], lines[5].replace(b"JL. ", b'"JL.\n"', 1), *lines[6:]],
        lambda lines: [*lines[:5], lines[5].replace(b"JL. ", b"\x00", 1), *lines[6:]],
        lambda lines: [*lines[:5], lines[5].replace(b"JL. ", b"\x1e\x1f", 1), *lines[6:]],
        lambda lines: [*lines[:5], lines[5].replace(b"JL. ", b"JL.\r", 1), *lines[6:]],
        lambda lines: [*lines[:5], b"x" * 3_000_000, *lines[5:]],
        lambda lines: [b'"' + line.replace(b";", b'";"') + b'"' for line in lines],
        lambda lines: [line.replace(b"JAKARTA", b'"JAKARTA; SELATAN"') for line in lines],
        lambda lines: [line.replace(b"JAKARTA", b'"JAKARTA ""S"""') for line in lines],
        lambda lines: [line.replace(b"JAKARTA", b'JAK"ARTA"') for line in lines],
    ],
    ids=[
        *("empty-lines-at-the-end", "empty-lines-within", "short-row", "long-rows", "open-quote", "broken-line", "nul"),
        *("separators", "lone-cr", "endless-line", "all-quoted", "some-quoted", "quotes-in-quotes", "quotes-within"),
    ],
)
def test_a_damaged_csv_is_read_as_the_reader_for_rows_reads_it(damage: Any, tmp_path: Path) -> None:
    lines = ministry_csv([ministry_row(one) for one in members(12)]).strip().split(b"\r\n")
    found = staged(b"\r\n".join(damage(lines)), tmp_path)
    assert_as_the_rules_say(found, tmp_path / "list.csv")


def test_rows_in_quotes_take_the_fast_road(tmp_path: Path) -> None:
    lines = ministry_csv([ministry_row(one) for one in members(12)]).strip().split(b"\r\n")
    found = staged(b"\n".join(b'"' + line.replace(b";", b'";"') + b'"' for line in lines), tmp_path)
    assert (found.rows_good, rows_of(found.work / CHECKED)) == (12, [])


def test_a_workbook_gives_the_rows_of_the_same_csv(tmp_path: Path) -> None:
    rows = [city_row(one) for one in members(30)]
    rows[5][4], rows[6][2], rows[7][6] = "kemarin", "", "Jl.\nDua"
    with xlsxwriter.Workbook(str(tmp_path / "list.xlsx")) as book:
        sheet = book.add_worksheet()
        for at, row in enumerate([CITY_COLUMNS, *rows]):
            for place, cell in enumerate(row):
                sheet.write_string(at, place, cell)
    found = staged((tmp_path / "list.xlsx").read_bytes(), tmp_path, "list.xlsx")
    assert_as_the_rules_say(found, tmp_path / "list.xlsx")
    (tmp_path / "csv").mkdir()
    same = staged(ministry_csv(rows, CITY_COLUMNS), tmp_path / "csv")
    assert (good(found), broken(found)) == (good(same), broken(same))


def parquet(folder: Path, statement: str, options: str = "") -> bytes:
    with duckdb.connect() as desk:
        desk.execute(f"COPY ({statement}) TO '{folder / 'made.parquet'}' (FORMAT parquet{options})")
    return (folder / "made.parquet").read_bytes()


def test_a_parquet_list_gives_the_rows_of_the_same_csv(tmp_path: Path) -> None:
    rows = [ministry_row(one) for one in members(30)]
    rows[5][4], rows[6][2], rows[7][6] = "kemarin", "", "JL. \u00c9"
    same = staged(ministry_csv(rows), tmp_path)
    content = parquet(tmp_path, f"FROM read_csv('{tmp_path / 'list.csv'}', delim = ';', all_varchar = true)")
    found = staged(content, tmp_path, "list.parquet")
    assert_as_the_rules_say(found, tmp_path / "list.parquet")
    assert (good(found), broken(found)) == (good(same), broken(same))


def test_a_parquet_lists_types_become_text_as_a_list_would_write_them(tmp_path: Path) -> None:
    one = members(1)[0]
    content = parquet(
        tmp_path,
        f"""SELECT {one.kk}::BIGINT AS "NO_KK", {one.nik}::DOUBLE AS "NIK", 'Budi' AS "NAMA_LENGKAP",
              NULL AS "TEMPAT_LAHIR", DATE '{one.born}' AS "TGL_LAHIR", 'L' AS "JENIS_KELAMIN", 'Jl.' AS "ALAMAT",
              3 AS "RT", 7.0::DOUBLE AS "RW", '{one.area}' AS "KODE_KELURAHAN", '' AS "HUBUNGAN",
              2::DOUBLE AS "DESIL", '2026-Q2' AS "PERIODE_DESIL\"""",
    )
    (row,) = good(staged(content, tmp_path, "list.parquet"))
    shown = [row[name] for name in ("kk", "nik", "birth_date", "rt", "rw", "desil", "birthplace")]
    assert shown == [one.kk, one.nik, one.born, "003", "007", 2, None]


@pytest.mark.parametrize(
    ("statement", "limits"),
    [
        ("SELECT repeat('0', 300_000_000) AS x", LIMITS),
        ("SELECT 'x' AS \"NIK\" FROM range(2_000_000)", replace(LIMITS, unpacked_bytes=1_000_000)),
    ],
    ids=["one-endless-cell", "endless-rows"],
)
def test_a_parquet_bomb_is_refused_before_it_is_unpacked(statement: str, limits: Limits, tmp_path: Path) -> None:
    assert len(parquet(tmp_path, statement, ", COMPRESSION zstd")) < 100_000
    with pytest.raises(Refused) as caught:
        judge(tmp_path / "made.parquet", limits)
    assert caught.value.slug == "file-too-large-unpacked"


def test_a_parquet_file_that_is_cut_off_or_changed_is_refused(tmp_path: Path) -> None:
    (tmp_path / "rows.csv").write_bytes(ministry_csv([ministry_row(one) for one in members(50)]))
    whole = parquet(tmp_path, f"FROM read_csv('{tmp_path / 'rows.csv'}', delim = ';', all_varchar = true)")
    for content in (whole[:-100], whole[:40] + bytes(400) + whole[440:]):
        with pytest.raises(Refused) as caught:
            staged(content, tmp_path, "list.parquet")
        assert caught.value.slug == "file-damaged"


@pytest.mark.parametrize("head", [b"\x1f\x8b\x08\x00", b"Rar!\x1a", b"\x28\xb5\x2f\xfd"], ids=["gzip", "rar", "zstd"])
def test_a_packed_file_is_refused_with_what_to_do(head: bytes, tmp_path: Path) -> None:
    with pytest.raises(Refused, match="Unpack it"):
        staged(head + bytes(100), tmp_path)


# --------------------------------------------------------------------- mappings

STRANGE = ["No KTP", "Nama Anggota", "Tgl. Lahir", "JK", "Kode Desa", "Umur"]
MAPPING = {"nik": "No KTP", "name": "Nama Anggota", "birth_date": "Tgl. Lahir", "sex": "JK", "area": "Kode Desa"}


def test_an_unknown_header_is_refused_with_its_columns_and_a_proposed_mapping(tmp_path: Path) -> None:
    with pytest.raises(Refused) as caught:
        staged(ministry_csv([], STRANGE), tmp_path)
    assert caught.value.slug == "header-unknown"
    assert caught.value.extra["columns"] == STRANGE
    assert caught.value.extra["mapping"] == MAPPING


def test_a_first_row_of_people_is_not_quoted(tmp_path: Path) -> None:
    with pytest.raises(Refused) as caught:
        staged(ministry_csv([], ministry_row(members(1)[0])), tmp_path)
    assert "CONTOH" not in json.dumps(caught.value.problem()).upper()


def test_a_mapped_list_is_read_and_what_it_lacks_stays_empty(tmp_path: Path) -> None:
    one = members(1)[0]
    row = [one.nik, "Budi", f"{one.born:%d-%m-%Y}", "L", one.area, "47"]
    found = staged(ministry_csv([row], STRANGE), tmp_path, mapping=MAPPING)
    (read,) = good(found)
    assert (read["nik"], read["name"], read["birth_date"], read["kk"], read["is_head"]) == (
        one.nik,
        "Budi",
        one.born,
        None,
        False,
    )
    assert raw(found) == {2: dict(zip(STRANGE, row, strict=True))}


def test_a_known_layout_needs_no_mapping_even_when_one_is_saved() -> None:
    assert match_header(MINISTRY_COLUMNS, MAPPING) == match_header(MINISTRY_COLUMNS)


def test_both_known_layouts_are_proposed_as_they_are() -> None:
    for columns in (MINISTRY_COLUMNS, CITY_COLUMNS):
        proposed, known = propose(columns), match_header(columns)
        assert {field: columns.index(name) for field, name in proposed.items()} == known.places
