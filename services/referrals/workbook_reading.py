"""Reads a directory's workbook into rows of text, bounded: it comes from outside.

The zip's own directory is judged before anything is unpacked, and of each sheet only so many rows and columns are read
(openpyxl reads them as a stream). A cell with a formula is told as a formula, never as its stored value.
"""

import asyncio
import zipfile
from typing import Any, NamedTuple, Protocol

from openpyxl import load_workbook
from openpyxl.utils.exceptions import InvalidFileException

from services.referrals.workbook_layout import COLUMNS
from sinergi.problems import Refused

FILE_BYTES = 10 * 1024**2
UNPACKED_BYTES = 100 * 1024**2
ROWS = 50_000
CELL_CHARACTERS = 4_000


class Row(NamedTuple):
    """One row: its number as a spreadsheet counts, and its cells by column, without the empty ones."""

    number: int
    cells: dict[str, str]


Sheets = dict[str, list[Row]]


class Upload(Protocol):
    """A file that came in."""

    size: int | None
    file: Any


async def read_workbook(upload: Upload) -> Sheets:
    """The rows of each sheet that is there. Refused: `file-too-large`, `workbook-damaged`, `sheet-unknown`,
    `column-unknown`."""
    if upload.size is None or upload.size > FILE_BYTES:
        raise Refused("file-too-large", f"The workbook is larger than {FILE_BYTES // 1024**2} MB.")
    return await asyncio.to_thread(_read, upload.file)


def _read(file: Any) -> Sheets:
    try:
        with zipfile.ZipFile(file) as archive:
            if sum(part.file_size for part in archive.infolist()) > UNPACKED_BYTES:
                raise Refused("file-too-large", "The workbook unpacks to more than a directory holds.")
        book = load_workbook(file, read_only=True, data_only=False, keep_links=False)
        return {sheet.title: _rows(sheet) for sheet in book.worksheets}
    except (zipfile.BadZipFile, InvalidFileException, KeyError, ValueError, EOFError, OSError, SyntaxError) as wrong:
        raise Refused("workbook-damaged", "This is no workbook (XLSX), or it is damaged. Save it again.") from wrong


def _rows(sheet: Any) -> list[Row]:
    columns = COLUMNS.get(sheet.title)
    if columns is None:
        raise Refused("sheet-unknown", f"There is no sheet {sheet.title[:40]} in a directory: {', '.join(COLUMNS)}.")
    # one more than we know, so that a column of another name is seen
    cells = sheet.iter_rows(max_row=ROWS + 1, max_col=len(columns) + 1, values_only=True)
    header = [_text(one) for one in next(cells, ())]
    unknown = [one for one in header if one and one not in columns]
    if unknown or columns[0] not in header:
        sentence = f"The sheet {sheet.title} has the columns {', '.join(columns)}, in its first row."
        raise Refused("column-unknown", sentence)
    rows = (Row(number, _named(header, row)) for number, row in enumerate(cells, 2))
    return [row for row in rows if row.cells]


def _named(header: list[str], row: tuple[Any, ...]) -> dict[str, str]:
    texts = ((name, _text(value)) for name, value in zip(header, row, strict=False) if name)
    return {name: value for name, value in texts if value}


def _text(value: Any) -> str:
    """As somebody would have typed it: a whole number without a point."""
    if value is None:
        return ""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return str(value).strip()[: CELL_CHARACTERS + 1]
