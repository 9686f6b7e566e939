"""The reading stage: any list (CSV, XLSX, Parquet) becomes checked rows in files of one shape, in bounded memory.

Every row is judged by the rules (rules.py); plain rows, which are nearly all, are judged by the same rules in SQL
(plain.py). The files are written whole or not at all, and the last one says that all are there: a worker that was
killed reads again, or finds the work done. They hold people's data, so their folder is private.

`good.parquet` has one row for each good row (plain.TYPES), `bad.parquet` one for each rule that a row broke.
"""

import json
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager
from dataclasses import asdict, dataclass
from itertools import chain
from pathlib import Path
from typing import Any
from uuid import UUID

import duckdb

from services.registry.cells import CELLS, cells_of, parted, write_cells
from services.registry.corrections import rows_to_correct
from services.registry.desk import BAD, GOOD, MEMORY, Desk, Progress
from services.registry.files import OpenList, Row, open_list
from services.registry.layouts import ROW_FIELD, Columns
from services.registry.linkage.keys import text
from services.registry.plain import TYPES, learn, prepare, understood
from services.registry.rules import Checked, check
from services.registry.seal import Seal
from services.registry.workplace import scratch, spill_of, whole
from services.registry.xlsx import Limits

STAGED, CHECKED, BAD_ROWS = "staged.json", "checked.parquet", "bad_rows.parquet"
PAGE_ROWS = 1000
#: so many pages are held at a time while they are sealed
PAGES = 50
#: a row of a workbook has at most a hundred cells of at most 32,767 characters
LINE_BYTES = 1 << 26

_JSON = json.JSONEncoder(ensure_ascii=False)
_CHECKED = {**TYPES, "raw": "VARCHAR"}
_FAULTS = {"row": "INTEGER", "column": "VARCHAR", "rule": "VARCHAR", "value_masked": "VARCHAR"}
_CELLS = {"row": "INTEGER", "cells": "VARCHAR"}
#: the first table of a join stays the one that streams: it alone is long
_AS_WRITTEN = "join_order,build_side_probe_side"


@dataclass(frozen=True, slots=True)
class Staged:
    """A list that was read. `columns` is its header, with the place of each field; rows are counted without it."""

    work: Path
    columns: Columns
    header_row: int | None
    encoding: str | None
    rows_good: int
    rows_bad: int

    @property
    def good(self) -> Path:
        """The good rows; rows with near numbers lie near each other, but whoever needs an order must sort."""
        return self.work / GOOD

    @property
    def bad(self) -> Path:
        """The rules that rows broke: row, column, rule, value_masked."""
        return self.work / BAD

    @property
    def rows_read(self) -> int:
        """Good and bad rows."""
        return self.rows_good + self.rows_bad


def read_list(
    path: Path,
    filename: str,
    columns: Mapping[str, str] | None,
    scope: str,
    limits: Limits,
    work: Path,
    progress: Progress,
    *,
    rows: Collection[int] | None = None,
) -> Staged:
    """Read the list at `path`, handed in as `filename`, to files in the folder `work`; at once if that was done before.

    `columns`: {field: column}, when no known layout has this header. `scope`: wilayah code of whoever sent it.
    `rows`: for a correction, the numbers of the rows that may be corrected. Blocking and all CPU: runs in a thread or
    a process of its own. `Refused` as `files.open_list`.
    """
    if (work / STAGED).exists():
        return _load(work)
    opened = open_list(path, filename, limits, columns)
    progress(0.05)
    with closing(_open_desk(work)) as desk:
        prepare(desk)
        if ROW_FIELD in opened.columns.places:
            staged = _stage_correction(desk, opened, scope, work, rows or ())
        else:
            staged = _stage(desk, path, opened, scope, work, progress)
    with whole(work / STAGED) as part:
        part.write_text(json.dumps(_saved(staged)))
    progress(1.0)
    return staged


def raw_pages(
    staged: Staged, import_id: UUID, first: int = 0, last: int | None = None
) -> Iterator[tuple[int, int, bytes]]:
    """The good rows from `first` to `last` as they came, a thousand numbers a page: (first row, last row, sealed).

    A page is JSON lines `[row, {column: cell}]`, sealed under the name `<import_id>:<first row>`.
    """
    with closing(_open_desk(staged.work)) as desk:
        (end,) = desk.execute(f"SELECT coalesce(max(row), -1) FROM {_file(staged.good)}").fetchall()[0]
        end = end if last is None else min(end, last)
        for begin in range(first, end + 1, PAGES * PAGE_ROWS):
            raw = _raw(staged, f"row BETWEEN {begin} AND {min(end, begin + PAGES * PAGE_ROWS - 1)}")
            for page, until, content in desk.execute(_PAGES.format(raw=raw)).fetchall():
                yield page, until, Seal.current().page(content, f"{import_id}:{page}")


def bad_rows(staged: Staged, import_id: UUID, first: int = 0, last: int | None = None) -> Iterator[tuple[int, bytes]]:
    """The bad rows from `first` to `last` as they came: (row, sealed), for `import_bad_rows`. Row 0 is the header.

    A row is a JSON list of its cells, sealed under the name `<import_id>:<row>`.
    """
    if first <= 0:
        yield 0, Seal.current().page(_JSON.encode(staged.columns.header), f"{import_id}:0")
    span = f"row >= {first}" + (f" AND row <= {last}" if last is not None else "")
    with closing(_open_desk(staged.work)) as desk:
        desk.execute(f"SELECT row, cells FROM {_file(staged.work / BAD_ROWS)} WHERE {span} ORDER BY row")
        while rows := desk.fetchmany(PAGE_ROWS):
            for row, cells in rows:
                yield row, Seal.current().page(cells, f"{import_id}:{row}")


_PAGES = f"""
    SELECT min(row), max(row), string_agg(raw, chr(10) ORDER BY row) FROM ({{raw}}) GROUP BY row // {PAGE_ROWS}
    ORDER BY 1"""


def _raw(staged: Staged, span: str) -> str:
    """SQL: the good rows as they came, as JSON. The cells of plain rows hold nothing that JSON escapes."""
    checked = f"SELECT row, raw FROM {_file(staged.work / CHECKED)} WHERE {span}"
    if not (staged.work / CELLS).exists():
        return checked
    cells = cells_of(staged.work, staged.header_row, len(staged.columns.header))
    pairs = ", '\", ', ".join(
        f"{text(_JSON.encode(name) + ': ' + chr(34))}, c{place}" for place, name in enumerate(staged.columns.header)
    )
    return f"""
        SELECT row, concat('[', row, ', {{', {pairs}, '"}}]') AS raw FROM {cells}
        WHERE {span} AND plain AND row IN (SELECT row FROM {_file(staged.good)} WHERE {span})
          AND row NOT IN (SELECT row FROM ({checked})) UNION ALL {checked}"""


# ------------------------------------------------------------------ the stages


def _stage(desk: Desk, path: Path, opened: OpenList, scope: str, work: Path, progress: Progress) -> Staged:
    """Plain rows by SQL, the others one by one."""
    written = write_cells(desk, path, opened, work)
    progress(0.4)
    width = len(opened.columns.header)
    desk.execute(f"CREATE VIEW cells AS FROM {cells_of(work, written.header_row, width)}")
    doubts = learn(desk, opened.columns, scope, "cells")
    progress(0.5)
    odd = _odd_rows(desk, doubts, opened.form.delimiter if opened.form else "")
    bad = _check(desk, chain(written.rest, odd), opened.columns, scope, work)
    progress(0.7)
    good = _write_good(desk, understood(opened.columns, "cells"), work)
    return Staged(work, opened.columns, written.header_row, opened.encoding, good, bad)


def _stage_correction(desk: Desk, opened: OpenList, scope: str, work: Path, rows: Collection[int]) -> Staged:
    """A few rows, each under the number that it has in the list that it corrects."""
    columns, corrected = rows_to_correct(opened, rows)
    bad = _check(desk, corrected, columns, scope, work)
    good = _write(desk, f"SELECT {', '.join(TYPES)} FROM {_file(work / CHECKED)} ORDER BY row", work / GOOD)
    return Staged(work, columns, None, opened.encoding, good, bad)


def _odd_rows(desk: Desk, doubts: str, delimiter: str) -> Iterator[Row]:
    """The rows that SQL does not understand; those without any cell are left out."""
    cursor = desk.cursor()
    cursor.execute(
        f"""SELECT row, joined, odd FROM cells
            WHERE (NOT plain AND odd IS NOT NULL) OR (plain AND ({doubts}))"""
    )
    while rows := cursor.fetchmany(PAGE_ROWS):
        for number, joined, odd in rows:
            found = parted(joined, odd, delimiter)
            if any(found):
                yield Row(number, found)


def _check(desk: Desk, rows: Iterable[Row], columns: Columns, scope: str, work: Path) -> int:
    """Judge these rows one by one, and write down what they mean or broke; how many are bad."""
    with ExitStack() as files:
        checked, faults, cells = (
            files.enter_context(_lines(desk, work / name, shape))
            for name, shape in ((CHECKED, _CHECKED), (BAD, _FAULTS), (BAD_ROWS, _CELLS))
        )
        bad = 0
        for row in rows:
            judged = check(row, columns, scope)
            if judged.faults:
                bad += 1
                cells({"row": row.number, "cells": _JSON.encode(row.cells)})
                for fault in {(one.column, one.rule): one for one in judged.faults}.values():
                    faults({"row": row.number, **asdict(fault)})
            else:
                raw = _JSON.encode([row.number, judged.raw])
                checked({"row": row.number, "warnings": judged.warnings, "raw": raw, **_stored(judged)})
    return bad


def _stored(judged: Checked) -> dict[str, Any]:
    values = {name: value for name, value in judged.values.items() if name in TYPES}
    if values.get("birth_date"):
        values["birth_date"] = values["birth_date"].isoformat()
    return {"is_head": False} | values


@contextmanager
def _lines(desk: Desk, path: Path, shape: Mapping[str, str]) -> Iterator[Callable[[Mapping[str, Any]], None]]:
    """A function that writes a row; at the end the rows stand in the Parquet file `path`, in the order of numbers."""
    with scratch(path) as lines:
        with lines.open("w", encoding="utf-8") as file:
            yield lambda row: print(_JSON.encode(row), file=file)
        columns = ", ".join(f"{text(name)}: {text(kind)}" for name, kind in shape.items())
        source = f"""read_json({text(str(lines))}, columns = {{{columns}}}, format = 'newline_delimited',
            maximum_object_size = {LINE_BYTES})"""
        _write(desk, f"SELECT * FROM {source} ORDER BY row", path)


def _write_good(desk: Desk, understood: str, work: Path) -> int:
    """Plain rows as understood, then the others as they were checked; how many."""
    desk.execute(f"SET disabled_optimizers = '{_AS_WRITTEN}'")
    checked = f"SELECT {', '.join(TYPES)} FROM {_file(work / CHECKED)}"
    return _write(desk, f"{understood} UNION ALL {checked}", work / GOOD)


def _write(desk: Desk, statement: str, path: Path) -> int:
    """Write the rows of a statement to a Parquet file, whole or not at all; how many."""
    with whole(path) as part:
        desk.execute(f"COPY ({statement}) TO {text(str(part))} (FORMAT parquet, COMPRESSION snappy)")
        return int(desk.execute(f"SELECT count(*) FROM {_file(part)}").fetchall()[0][0])


def _open_desk(work: Path) -> Desk:
    settings: dict[str, Any] = {"memory_limit": MEMORY, "temp_directory": str(spill_of(work)), "threads": 2}
    return duckdb.connect(":memory:", config=settings)


def _file(path: Path) -> str:
    return f"read_parquet({text(str(path))})"


def _load(work: Path) -> Staged:
    saved = json.loads((work / STAGED).read_text())
    return Staged(**{**saved, "work": work, "columns": Columns(**saved["columns"])})


def _saved(staged: Staged) -> dict[str, Any]:
    return {name: value for name, value in asdict(staged).items() if name != "work"}
