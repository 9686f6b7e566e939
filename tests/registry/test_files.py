"""Reading files: what is understood, and what is refused with a clear error, in bounded memory."""

import io
import tracemalloc
import zipfile
from pathlib import Path

import pytest
import xlsxwriter
from python_calamine import CalamineWorkbook

from services.registry.files import OpenList, Row, open_list
from services.registry.xlsx import Limits
from sinergi.problems import Refused
from sinergi_operator.samples.bad import BAD_ROW, GOOD_ROWS, write_bad_files
from sinergi_operator.samples.lists import CITY_COLUMNS, generate
from tests.registry.lists import city_row, ministry_csv, ministry_row, people

LIMITS = Limits(unpacked_bytes=400 * 1024**2, ratio=200, parts=2000)


@pytest.fixture(scope="module")
def bad(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    return write_bad_files(tmp_path_factory.mktemp("bad"))


def opened(content: bytes, folder: Path, name: str = "list.csv") -> OpenList:
    path = folder / name
    path.write_bytes(content)
    return open_list(path, name, LIMITS)


def refusal(path: Path) -> Refused:
    with pytest.raises(Refused) as caught:
        list(open_list(path, path.name, LIMITS).rows)
    return caught.value


def test_a_header_that_is_not_known_names_what_is_missing(bad: dict[str, Path]) -> None:
    no = refusal(bad["wrong-header"])
    assert no.slug == "header-unknown"
    assert "NIK" in no.extra["missing"]


def test_an_empty_file_is_refused(bad: dict[str, Path]) -> None:
    assert refusal(bad["empty"]).slug == "file-empty"


def test_a_cut_off_workbook_is_refused(bad: dict[str, Path]) -> None:
    assert refusal(bad["truncated"]).slug == "file-damaged"


def test_a_text_that_calls_itself_a_workbook_is_refused(tmp_path: Path) -> None:
    (tmp_path / "list.xlsx").write_bytes(ministry_csv([]))
    assert refusal(tmp_path / "list.xlsx").slug == "not-an-xlsx"


def test_a_zip_bomb_is_refused_before_it_is_unpacked(bad: dict[str, Path]) -> None:
    tracemalloc.start()
    no = refusal(bad["zip-bomb"])
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert no.slug == "file-too-large-unpacked"
    assert peak < 2 * 1024**2


def test_two_cells_in_opposite_corners_cost_no_memory(tmp_path: Path) -> None:
    book = io.BytesIO()
    with xlsxwriter.Workbook(book) as workbook:
        sheet = workbook.add_worksheet()
        sheet.write_row(0, 0, CITY_COLUMNS)
        sheet.write_string(1_048_575, 16_383, "far away")
    tracemalloc.start()
    assert list(opened(book.getvalue(), tmp_path, "list.xlsx").rows) == []
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 8 * 1024**2


def test_a_workbook_with_a_document_type_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "list.xlsx"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("xl/workbook.xml", '<!DOCTYPE x [<!ENTITY a "aaaa">]><workbook>&a;</workbook>')
    assert refusal(path).slug == "file-damaged"


def test_a_sheet_whose_rows_go_backwards_is_refused(bad: dict[str, Path], tmp_path: Path) -> None:
    path = tmp_path / "list.xlsx"
    with zipfile.ZipFile(bad["formula-xlsx"]) as source, zipfile.ZipFile(path, "w") as target:
        for name in source.namelist():
            target.writestr(name, source.read(name).replace(b'<row r="6"', b'<row r="3"'))
    assert refusal(path).slug == "file-damaged"


def test_utf_16_with_its_mark_is_read(bad: dict[str, Path]) -> None:
    found = open_list(bad["utf-16"], "x.csv", LIMITS)
    assert found.encoding == "utf-16"
    assert found.rows_total == GOOD_ROWS
    assert len(list(found.rows)) == GOOD_ROWS


@pytest.mark.parametrize("text", ["NAMA;UMUR\nÉ;1\n", "NIK;NAMA\n"])
def test_utf_16_without_its_mark_is_an_unknown_encoding(text: str, tmp_path: Path) -> None:
    (tmp_path / "list.csv").write_bytes(text.encode("utf-16-le"))
    assert refusal(tmp_path / "list.csv").slug == "encoding-unknown"


def test_windows_letters_are_read(bad: dict[str, Path]) -> None:
    found = open_list(bad["latin-1"], "x.csv", LIMITS)
    assert found.encoding == "cp1252"
    row = next(row for row in found.rows if row.number == BAD_ROW)
    assert "RENÉ ANDRÉ" in row.cells


@pytest.mark.parametrize("delimiter", [";", ",", "\t", "|"])
def test_the_delimiter_is_found_out(delimiter: str, tmp_path: Path) -> None:
    rows = [ministry_row(one) for one in people(3)]
    found = opened(ministry_csv(rows, delimiter=delimiter), tmp_path)
    assert [row.cells for row in found.rows] == rows


def test_a_byte_order_mark_is_not_part_of_the_header(tmp_path: Path) -> None:
    rows = [ministry_row(one) for one in people(2)]
    found = opened(b"\xef\xbb\xbf" + ministry_csv(rows), tmp_path)
    assert found.encoding == "utf-8-sig"
    assert len(list(found.rows)) == 2


def test_a_quote_that_is_never_closed_costs_its_own_row_only(tmp_path: Path) -> None:
    lines = ministry_csv([ministry_row(one) for one in people(30)]).split(b"\r\n")
    lines[3] = b'"' + lines[3]
    found = list(opened(b"\r\n".join(lines), tmp_path).rows)
    assert [row.number for row in found if row.broken == "quote-unclosed"] == [4]
    assert len([row for row in found if not row.broken]) == 29


def test_a_line_break_inside_a_cell_belongs_to_the_cell(tmp_path: Path) -> None:
    rows = [ministry_row(one) for one in people(2)]
    rows[0][6] = "JL. CONTOH\nNO. 1"
    assert [row.cells for row in opened(ministry_csv(rows), tmp_path).rows] == rows


def test_a_line_without_an_end_costs_no_memory(tmp_path: Path) -> None:
    good = ministry_csv([ministry_row(one) for one in people(2)])
    content = good + b"x" * 20 * 1024**2 + b"\r\n" + good.split(b"\r\n")[1]
    path = tmp_path / "list.csv"
    path.write_bytes(content)
    tracemalloc.start()
    found = [(row.number, row.broken) for row in open_list(path, "list.csv", LIMITS).rows]
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert found == [(2, None), (3, None), (4, "row-too-long"), (5, None)]
    assert peak < 8 * 1024**2


def test_a_formula_cell_shows_its_formula_and_not_its_innocent_value(bad: dict[str, Path]) -> None:
    rows = list(open_list(bad["formula-xlsx"], "x.xlsx", LIMITS).rows)
    formula = next(row for row in rows if row.number == BAD_ROW)
    assert any(cell.startswith("=HYPERLINK") for cell in formula.cells)


def test_a_workbook_is_read_as_calamine_reads_it(tmp_path: Path) -> None:
    files = generate(tmp_path, 500, seed=7)
    ours = list(open_list(files.city, files.city.name, LIMITS).rows)
    theirs = CalamineWorkbook.from_path(files.city).get_sheet_by_index(0).to_python()[1:]
    assert [row.cells for row in ours] == [[str(cell) for cell in row] for row in theirs]


def test_shared_strings_and_numbers_are_read(tmp_path: Path) -> None:
    book = io.BytesIO()
    row = city_row(people(1)[0])
    with xlsxwriter.Workbook(book) as workbook:  # without constant_memory: shared strings
        sheet = workbook.add_worksheet()
        sheet.write_row(0, 0, CITY_COLUMNS)
        sheet.write_row(1, 0, row[:4])
        sheet.write_number(1, 4, 29221)
        sheet.write_row(1, 5, row[5:])
    cells = [*row[:4], "29221", *row[5:]]
    assert list(opened(book.getvalue(), tmp_path, "list.xlsx").rows) == [Row(2, cells)]
