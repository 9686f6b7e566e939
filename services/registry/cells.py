"""The cells of a list, whatever its form, as one Parquet file: `row`, `plain`, `joined`, and `odd`.

The cells of a plain row (plain.py) stand in one text, `BETWEEN` each two. Another row stands in `odd` as JSON: a list
of its cells, or the line of a CSV.
"""

import csv
import json
import re
from dataclasses import dataclass
from pathlib import Path

import duckdb

from services.registry import parquet
from services.registry.desk import Desk
from services.registry.files import CHUNK, LINE_CHARACTERS, CsvForm, OpenList, Row
from services.registry.layouts import Columns
from services.registry.linkage.keys import text
from services.registry.plain import BETWEEN, ROW_CHARACTERS, pattern
from services.registry.workplace import whole

CELLS = "cells.parquet"

#: what stands in no line: a record separator, so that a line is one cell
_NOWHERE = "\x1e"
_JSON = json.JSONEncoder(ensure_ascii=False)
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")


@dataclass(frozen=True, slots=True)
class Cells:
    """The file of cells. `rest`: the few rows that it cannot hold (control characters, rows broken as a whole).

    With a `header_row` the file has every line of a CSV, and a row's number is its place; else `row` tells it.
    """

    header_row: int | None
    rest: list[Row]


def write_cells(desk: Desk, path: Path, opened: OpenList, work: Path) -> Cells:
    """Write the cells of the list at `path`. `Refused` (`file-damaged`)."""
    if opened.kind == "parquet":
        try:
            _write_cells(desk, parquet.select_cells(path), opened.columns, work)
        except duckdb.Error as wrong:
            raise parquet.damaged() from wrong
        return Cells(None, [])
    if opened.form and opened.form.whole_lines and _write_lines(desk, path, opened.form, opened.columns, work):
        return Cells(opened.form.header_row, [])
    return Cells(None, _write_rows(desk, opened, work))


def parted(joined: str | None, odd: str, delimiter: str) -> list[str]:
    """The cells of a row that stands in `joined` or else in `odd`."""
    if joined is not None:
        return joined.split(BETWEEN)
    found = json.loads(odd)
    if isinstance(found, str):
        return next(csv.reader([found], delimiter=delimiter), [])
    return [str(cell) for cell in found]


# ------------------------------------------------------------------------ csv


def _write_lines(desk: Desk, path: Path, form: CsvForm, columns: Columns, work: Path) -> bool:
    """Read a CSV line by line; whether that was possible: each line is a row, no cell runs over several."""
    if form.encoding in ("utf-8", "utf-8-sig"):
        return _write_utf8(desk, path, form, columns, work)
    copy = work / "list.utf8"
    try:
        _transcode(path, form.encoding, copy)
        return _write_utf8(desk, copy, form, columns, work)
    finally:
        copy.unlink(missing_ok=True)


def _write_utf8(desk: Desk, path: Path, form: CsvForm, columns: Columns, work: Path) -> bool:
    lines = f"""read_csv({text(str(path))}, columns = {{'line': 'VARCHAR'}}, auto_detect = false, header = false,
        delim = '{_NOWHERE}', quote = '', escape = '', comment = '')"""
    try:
        found = desk.execute(_LINES.format(lines=lines, quote='"', longest=LINE_CHARACTERS - 2)).fetchone()
        if found != (form.lines, False):
            return False
        _write(desk, _JOINED.format(lines=lines, joined=_joined(form.delimiter)), columns, work)
    except duckdb.Error:
        return False  # e.g. a line of megabytes: the reader for rows passes over it
    return True


#: how many lines there are, and whether a quote runs over a line's end or a line is too long
_LINES = """
    SELECT count(*), coalesce(bool_or(length(line) > {longest} OR (contains(line, '{quote}')
        AND (length(line) - length(replace(line, '{quote}', ''))) % 2 = 1)), false) FROM {lines}"""
_JOINED = "SELECT NULL::INTEGER AS row, {joined} AS joined, line AS source FROM {lines}"


def _joined(delimiter: str) -> str:
    """SQL: a line's cells, joined; NULL where a cell has a quote inside, or is quoted only in part."""
    mark = {"|": r"\|", "\t": r"\t"}.get(delimiter, delimiter)
    cell = f'(?:"[^"]*"|[^"{mark}]*)'
    simple, each = text(f"{cell}(?:{mark}{cell})*"), text(f"({cell}){mark}")
    ended = f"line || {text(delimiter)}"  # then each cell has a delimiter behind it
    cells = f"""list_transform(regexp_extract_all({ended}, {each}, 1), lambda one: trim(one, '"'))"""
    return f"""CASE WHEN contains(line, '{BETWEEN}') THEN NULL
                    WHEN NOT contains(line, '"') THEN replace(line, {text(delimiter)}, '{BETWEEN}')
                    WHEN regexp_full_match(line, {simple}) THEN array_to_string({cells}, '{BETWEEN}') END"""


def _transcode(path: Path, encoding: str, copy: Path) -> None:
    with path.open(encoding=encoding, newline="") as source, copy.open("w", encoding="utf-8", newline="") as target:
        while chunk := source.read(CHUNK):
            target.write(chunk)


# ----------------------------------------------------------------- other forms


def _write_rows(desk: Desk, opened: OpenList, work: Path) -> list[Row]:
    """Through a file of JSON lines, as the reader for rows gives them."""
    rest: list[Row] = []
    lines = work / "rows.json"
    try:
        with lines.open("w", encoding="utf-8") as file:
            for row in opened.rows:
                if row.broken or _CONTROL.search("".join(row.cells)):
                    rest.append(row)
                else:
                    file.write(_JSON.encode({"row": row.number, "cells": row.cells}) + "\n")
        source = f"""read_json({text(str(lines))}, columns = {{'row': 'INTEGER', 'cells': 'VARCHAR[]'}},
            format = 'newline_delimited', maximum_object_size = 67108864)"""
        _write_cells(desk, f"SELECT row, cells FROM {source}", opened.columns, work)
    finally:
        lines.unlink(missing_ok=True)
    return rest


def _write_cells(desk: Desk, source: str, columns: Columns, work: Path) -> None:
    """`source` gives `row` and `cells`."""
    joined = f"SELECT row, array_to_string(cells, '{BETWEEN}') AS joined, cells AS source FROM ({source})"
    _write(desk, joined, columns, work)


def _write(desk: Desk, source: str, columns: Columns, work: Path) -> None:
    """`source` gives `row`, `joined`, and what stands in `odd` when the row is not plain."""
    plain = f"""coalesce(strlen(joined) <= {ROW_CHARACTERS + len(columns.header)}
        AND regexp_full_match(joined, {text(pattern(columns))}), false)"""
    with whole(work / CELLS) as part:
        desk.execute(
            f"""COPY (SELECT row, plain, CASE WHEN plain THEN joined END AS joined,
                  CASE WHEN NOT plain THEN to_json(source) END AS odd FROM (SELECT *, {plain} AS plain FROM ({source})))
                TO {text(str(part))} (FORMAT parquet, COMPRESSION snappy)"""
        )


def cells_of(work: Path, header_row: int | None, width: int) -> str:
    """SQL: the rows of the file of cells, each with its number, and the cells of a plain row as `c0`, `c1`, …"""
    number = "row" if header_row is None else "(file_row_number + 1)::INTEGER"
    places = ", ".join(f"parts[{place + 1}] AS c{place}" for place in range(width))
    return f"""(SELECT row, plain, odd, joined, {places} FROM (
        SELECT {number} AS row, plain, odd, joined, string_split(joined, '{BETWEEN}') AS parts
        FROM read_parquet({text(str(work / CELLS))}, file_row_number = true)
        WHERE {number} > {header_row or 0}))"""
