"""Bad rows go back to their sender as a workbook, and come in again corrected, under the numbers that they had."""

import re
from collections.abc import Collection, Iterator, Sequence

from xlsxwriter.worksheet import Worksheet

from services.registry.files import OpenList, Row
from services.registry.layouts import ROW_COLUMN, ROW_FIELD, Columns
from services.registry.xlsx import CELL_CHARACTERS

#: the last column of the workbook: which rules the row broke, in words
FAULT_COLUMN = "Kesalahan"

#: rule -> what is wrong, as the sender of the list reads it
IN_WORDS: dict[str, str] = {
    "row-broken": "Jumlah sel tidak sama dengan judul.",
    "row-too-long": "Baris terlalu panjang.",
    "quote-unclosed": "Tanda kutip tidak ditutup.",
    "cell-too-long": "Sel lebih dari 500 huruf.",
    "control-character": "Ada karakter yang bukan teks.",
    "formula-in-cell": "Sel berisi rumus, bukan nilai.",
    "name-empty": "Nama kosong.",
    "nik-not-16-digits": "NIK harus 16 angka. Kosongkan bila tidak ada.",
    "birth-date-unreadable": "Tanggal tidak ada. Tulis tanggal-bulan-tahun.",
    "birth-date-in-future": "Tanggal lahir di masa depan.",
    "sex-unknown": "Jenis kelamin bukan L atau P.",
    "area-unknown": "Tidak ada kelurahan atau desa dengan kode ini.",
    "area-outside-scope": "Kelurahan di luar wilayah pengirim.",
    "desil-unknown": "Desil adalah angka 1 sampai 10.",
    "row-not-to-correct": "Nomor di kolom Baris bukan nomor baris yang harus diperbaiki, atau ada dua kali.",
}

#: what a spreadsheet obeys: a formula, or the start of an exchange of data
_OBEYED = re.compile(r"\s*[=+@\t\r]|\s*-.")
_GUARDED = re.compile(r"'\s*[=+\-@\t\r]")


def guarded(cell: str) -> str:
    """The cell so that no spreadsheet obeys it: behind a `'`."""
    return f"'{cell}" if _OBEYED.match(cell) else cell


def unguarded(cell: str) -> str:
    """What `guarded` was given: a formula that comes back unchanged is still one."""
    return cell[1:] if _GUARDED.match(cell) else cell


def rows_to_correct(opened: OpenList, rows: Collection[int]) -> tuple[Columns, Iterator[Row]]:
    """The list's own columns, and its corrected rows, whose numbers must be among `rows`, each once."""
    header, places = opened.columns.header, opened.columns.places
    number = places[ROW_FIELD]
    kept = [place for place, name in enumerate(header) if place != number and name != FAULT_COLUMN]
    moved = {field: kept.index(place) for field, place in places.items() if field != ROW_FIELD}
    return Columns([header[place] for place in kept], moved), _numbered(opened.rows, number, kept, set(rows))


def _numbered(rows: Iterator[Row], number: int, kept: Sequence[int], waiting: set[int]) -> Iterator[Row]:
    for row in rows:
        if row.broken or len(row.cells) <= max(*kept, number):
            yield Row(row.number, row.cells, row.broken or "row-broken")
            continue
        cells = [unguarded(row.cells[place]) for place in kept]
        text = row.cells[number].strip().removesuffix(".0")
        at = int(text) if re.fullmatch("[0-9]{1,9}", text) else -1
        if at in waiting:
            waiting.remove(at)
            yield Row(at, cells)
        else:
            yield Row(row.number, cells, "row-not-to-correct")


def write_header(sheet: Worksheet, header: Sequence[str]) -> None:
    """The first row of the workbook: the row's number, the list's own columns, and what is wrong."""
    for place, name in enumerate((ROW_COLUMN, *map(guarded, header), FAULT_COLUMN)):
        sheet.write_string(0, place, name)


def write_rows(sheet: Worksheet, at: int, width: int, rows: Sequence[tuple[int, list[str], list[str]]]) -> None:
    """Bad rows from row `at` of the sheet on: (number, cells, rules). Cells are text: a NIK keeps its digits."""
    for below, (number, cells, rules) in enumerate(rows):
        sheet.write_number(at + below, 0, number)
        for place, cell in enumerate(cells[:width]):
            sheet.write_string(at + below, place + 1, guarded(cell)[:CELL_CHARACTERS])
        sheet.write_string(at + below, width + 1, " ".join(IN_WORDS[rule] for rule in rules))
