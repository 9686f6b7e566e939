"""Bad input: one file for each thing that people send by mistake or on purpose, for an import to refuse."""

import csv
import io
import zipfile
from collections.abc import Sequence
from itertools import chain, islice
from pathlib import Path
from random import Random

import xlsxwriter

from sinergi_operator.samples.lists import CITY_COLUMNS, MINISTRY_COLUMNS, city_row, ministry_row
from sinergi_operator.samples.people import Person, Population
from sinergi_operator.samples.places import load_area

Row = Sequence[str]

GOOD_ROWS = 10  # in every file that can be read at all
BAD_ROW = 5  # the row at fault, where only one is; the header is row 1
_NAME = 2  # the column of the name in both lists
_DDE = "=cmd|' /C calc'!A0"  # what a spreadsheet program would run when a clerk opens a report that quotes it
_LINK = '=HYPERLINK("http://127.0.0.1/","Budi Santoso")'
_BOMB_BYTES = 128 * 1024 * 1024
_SHEET = "xl/worksheets/sheet1.xml"


def write_bad_files(folder: Path) -> dict[str, Path]:
    """Write one bad file of each kind into the folder; returns the path of each kind.

    `wrong-header`; `utf-16`; `latin-1` (row 5 has bytes that are not UTF-8); `broken-row` (row 5 ends after
    four cells); `formula-csv` and `formula-xlsx` (the name in row 5 is a formula, in the workbook with an
    innocent stored value); `zip-bomb` (a sheet of 128 MiB of zeros in less than 1 MB); `truncated` (an XLSX
    cut off); `empty` (no byte). Those with a bad row 5 hold `GOOD_ROWS` good rows besides.
    """
    folder.mkdir(parents=True, exist_ok=True)
    return {**_bad_csv(folder), **_bad_xlsx(folder)}


def _bad_csv(folder: Path) -> dict[str, Path]:
    spare, *good = [ministry_row(person) for person in _people()]
    formula, accented = _renamed(spare, _DDE), _renamed(spare, "RENÉ ANDRÉ")
    return {
        "wrong-header": _csv(folder / "judul-salah.csv", ("NAMA", "UMUR", "KOTA"), good),
        "utf-16": _csv(folder / "utf-16.csv", MINISTRY_COLUMNS, good, "utf-16"),
        "latin-1": _csv(folder / "latin-1.csv", MINISTRY_COLUMNS, _insert(good, accented), "latin-1"),
        "broken-row": _csv(folder / "baris-rusak.csv", MINISTRY_COLUMNS, _insert(good, spare[:4])),
        "formula-csv": _csv(folder / "rumus.csv", MINISTRY_COLUMNS, _insert(good, formula)),
        "empty": _bytes(folder / "kosong.csv", b""),
    }


def _bad_xlsx(folder: Path) -> dict[str, Path]:
    spare, *good = [city_row(person) for person in _people()]
    book = _workbook(good)
    return {
        "formula-xlsx": _bytes(folder / "rumus.xlsx", _workbook(_insert(good, _renamed(spare, _LINK)))),
        "zip-bomb": _bomb(folder / "bom.xlsx", book),
        "truncated": _bytes(folder / "terpotong.xlsx", book[: len(book) * 6 // 10]),
    }


def _people() -> list[Person]:
    population = Population(load_area("31.74"), Random(1))
    return list(islice(chain.from_iterable(population.households()), GOOD_ROWS + 1))


def _insert(good: list[Row], bad: Row) -> list[Row]:
    return [*good[: BAD_ROW - 2], bad, *good[BAD_ROW - 2 :]]


def _renamed(row: Row, name: str) -> Row:
    return (*row[:_NAME], name, *row[_NAME + 1 :])


def _csv(path: Path, header: Row, rows: list[Row], encoding: str = "utf-8") -> Path:
    with path.open("w", encoding=encoding, newline="") as file:
        csv.writer(file, delimiter=";").writerows([header, *rows])
    return path


def _bytes(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path


def _workbook(rows: list[Row]) -> bytes:
    """The rows as an XLSX; a cell that begins with `=` becomes a formula with a name as its stored value."""
    content = io.BytesIO()
    with xlsxwriter.Workbook(content) as book:
        sheet = book.add_worksheet("Daftar")
        for at, row in enumerate([CITY_COLUMNS, *rows]):
            for column, text in enumerate(row):
                if text.startswith("="):
                    sheet.write_formula(at, column, text, None, "Budi Santoso")
                else:
                    sheet.write_string(at, column, text)
    return content.getvalue()


def _bomb(path: Path, book: bytes) -> Path:
    """The workbook with one more row whose only cell is 128 MiB long: well-formed, and too much to unpack."""
    with (
        zipfile.ZipFile(io.BytesIO(book)) as source,
        zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as bomb,
    ):
        for name in source.namelist():
            if name != _SHEET:
                bomb.writestr(name, source.read(name))
        start, end = source.read(_SHEET).split(b"</sheetData>")
        with bomb.open(_SHEET, "w") as sheet:
            sheet.write(start + b'<row r="99"><c r="A99" t="inlineStr"><is><t>')
            for _ in range(_BOMB_BYTES // 2**20):
                sheet.write(b"0" * 2**20)
            sheet.write(b"</t></is></c></row></sheetData>" + end)
    return path
