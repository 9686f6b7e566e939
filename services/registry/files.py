"""Opens a list of people, CSV, XLSX or Parquet, as a stream of rows in bounded memory; refuses what cannot be read.

Encoding, delimiter and layout are found out from the file itself. Row numbers count as a spreadsheet does: the header
is row 1.
"""

import codecs
import csv
import re
from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from services.registry import parquet
from services.registry.layouts import DELIMITERS, Columns, match_header
from services.registry.xlsx import Limits, read_sheet
from sinergi.problems import Refused

CHUNK = 1 << 20
HEAD = 512
LINE_CHARACTERS = 1 << 16
#: lines that one quoted cell may run over
LINES_IN_A_CELL = 20

_CONTROL = re.compile(r"[\x00-\x08\x0e-\x1f]")
_BOMS = {codecs.BOM_UTF8: "utf-8-sig", codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16"}


@dataclass(frozen=True, slots=True)
class Row:
    """One row: its number, its cells, and the rule that it broke as a whole (then the cells mean nothing)."""

    number: int
    cells: list[str]
    broken: str | None = None


@dataclass(frozen=True, slots=True)
class CsvForm:
    """How a CSV is written. `whole_lines`: a line ends where every program says so, with LF or CRLF."""

    encoding: str
    delimiter: str
    lines: int
    whole_lines: bool
    header_row: int


@dataclass(frozen=True, slots=True)
class OpenList:
    """An open list: what its columns are, and its rows without the header. `rows_total` is None if not known.

    `kind` is csv, xlsx or parquet; a CSV has a `form`.
    """

    kind: str
    columns: Columns
    rows: Iterator[Row]
    encoding: str | None = None
    rows_total: int | None = None
    form: CsvForm | None = None


def open_list(path: Path, filename: str, limits: Limits, mapping: Mapping[str, str] | None = None) -> OpenList:
    """Open the file that was handed in under this name; `mapping` says which column means what, if no layout does.

    `Refused`: `file-gone`, `file-empty`, `not-an-xlsx`, `file-packed`, `file-damaged`, `file-too-large-unpacked`,
    `encoding-unknown`, `header-unknown`.
    """
    kind = _kind(path, filename)
    if kind == "csv":
        return _open_csv(path, mapping)
    if kind == "parquet":
        columns = match_header(parquet.judge(path, limits), mapping)
        table = parquet.read_rows(path)
        return OpenList(kind, columns, (Row(number, cells) for number, cells in table if any(cells)))
    rows = (Row(number, cells) for number, cells in read_sheet(path, limits) if any(cells))
    columns = match_header(_header(rows).cells, mapping)
    return OpenList(kind, columns, (_filled(row, len(columns.header)) for row in rows))


def _kind(path: Path, filename: str) -> str:
    try:
        with path.open("rb") as file:
            head = file.read(4)
    except FileNotFoundError as wrong:
        raise Refused("file-gone", "The file is no longer there. Send it again.") from wrong
    if not head:
        raise Refused("file-empty", "The file is empty.")
    if head.startswith(b"PK"):
        return "xlsx"
    if head == b"PAR1":
        return "parquet"
    if head.startswith((b"\x1f\x8b", b"\x28\xb5\x2f\xfd", b"Rar!", b"7z")):
        raise Refused("file-packed", "The file is packed. Unpack it and send the CSV, XLSX or Parquet itself.")
    if filename.lower().endswith((".xlsx", ".xlsm", ".xls")) or head == b"\xd0\xcf\x11\xe0":
        raise Refused("not-an-xlsx", "This is not an XLSX workbook. Save it as .xlsx or .csv and send it again.")
    return "csv"


def _header(rows: Iterator[Row]) -> Row:
    first = next(rows, None)
    if first is None:
        raise Refused("file-empty", "The file has no rows.")
    return first


def _filled(row: Row, width: int) -> Row:
    """A workbook leaves out empty cells at the end of a row."""
    row.cells.extend([""] * (width - len(row.cells)))
    return row


# ------------------------------------------------------------------------ csv


def _open_csv(path: Path, mapping: Mapping[str, str] | None) -> OpenList:
    encoding, lines, whole_lines = _encoding(path)
    delimiter = _delimiter(path, encoding)
    rows = (row for row in _csv_rows(path, encoding, delimiter) if row.broken or any(row.cells))
    header = _header(rows)
    form = CsvForm(encoding, delimiter, lines, whole_lines, header.number)
    return OpenList("csv", match_header(header.cells, mapping), rows, encoding, max(0, lines - header.number), form)


def _encoding(path: Path) -> tuple[str, int, bool]:
    """The encoding in which the whole file can be read, how many lines it has, and whether no CR stands alone."""
    with path.open("rb") as file:
        head = file.read(HEAD)
    marked = next((name for bom, name in _BOMS.items() if head.startswith(bom)), None)
    likely = ["utf-8", "cp1252"] if b"\x00" not in head else []  # two bytes a letter, and no mark to tell it
    for encoding in [marked] if marked else likely:
        found = _decodable(path, encoding)
        if found:
            return encoding, *found
    raise Refused("encoding-unknown", "The file's encoding is not known. Save it as CSV UTF-8 and send it again.")


def _decodable(path: Path, encoding: str) -> tuple[int, bool] | None:
    """How many lines the file has in this encoding, and whether no CR stands alone; None if it is not written in it."""
    decoder, lines, alone, last = codecs.getincrementaldecoder(encoding)(), 0, 0, "\n"
    with path.open("rb") as file:
        while True:
            chunk = file.read(CHUNK)
            try:
                text = decoder.decode(chunk, final=not chunk)
            except UnicodeDecodeError:
                return None
            if encoding == "cp1252" and _CONTROL.search(text):
                return None  # almost every byte is a letter there: control characters tell another encoding
            lines += text.count("\n")
            alone += text.count("\r") - text.count("\r\n") - (last == "\r" and text.startswith("\n"))
            last = text[-1:] or last
            if not chunk:
                return lines + (last != "\n"), alone == 0


def _delimiter(path: Path, encoding: str) -> str:
    """The one that cuts the first line into the most cells."""
    with path.open(encoding=encoding, newline="") as file:
        first = next((line for line in _lines(file) if line and line.strip()), "") or ""
    return max(DELIMITERS, key=first.count)


def _csv_rows(path: Path, encoding: str, delimiter: str) -> Iterator[Row]:
    with path.open(encoding=encoding, newline="") as file:
        for number, (text, broken) in enumerate(_records(file), 1):
            cells = [] if broken else next(csv.reader([text], delimiter=delimiter), [])
            yield Row(number, cells, broken)


def _records(file: TextIO) -> Iterator[tuple[str, str | None]]:
    """Each record's text, or the rule that it broke. A quote that is never closed costs its own line, no more."""
    lines, waiting = _lines(file), deque[str | None]()
    while (line := waiting.popleft() if waiting else next(lines, "")) != "":
        taken: list[str | None] = []
        text = line or ""
        while text.count('"') % 2 and len(taken) < LINES_IN_A_CELL:
            more = waiting.popleft() if waiting else next(lines, "")
            if not more:
                waiting.extendleft([more] if more is None else [])
                break
            taken.append(more)
            text += more
        if text.count('"') % 2:
            waiting.extendleft(reversed(taken))
            yield "", "quote-unclosed"
        else:
            yield text, "row-too-long" if line is None else None


def _lines(file: TextIO) -> Iterator[str | None]:
    """Each line with its end; None for one that is too long, whose rest is passed over."""
    while line := file.readline(LINE_CHARACTERS):
        if len(line) < LINE_CHARACTERS or line[-1] in "\r\n":
            yield line
            continue
        while (rest := file.readline(LINE_CHARACTERS)) and rest[-1] not in "\r\n":
            pass
        yield None
