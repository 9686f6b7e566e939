"""Reads a Parquet list through DuckDB, its values as text, as a CSV would write them.

The file's own directory is judged before a page is unpacked: a few kilobytes can promise thousands of millions of rows
(one value, repeated), and a page can unpack to a thousand times its size.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb

from services.registry.xlsx import COLUMNS, Limits
from sinergi.problems import Refused

MEMORY = "300MB"
#: a cell is cut here, one character beyond what the rules let pass
CELL_CHARACTERS = 501
ROWS = 10_000
#: whole numbers that a double holds exactly: pandas writes a column of numbers with gaps as doubles
_EXACT = 2**53

_DIRECTORY = """
    SELECT greatest(max(file_rows), coalesce(sum(row_group_num_rows) FILTER (column_id = 0), 0))::BIGINT,
           count(*) FILTER (column_id = 0), coalesce(sum(total_uncompressed_size), 0)::BIGINT,
           greatest(coalesce(sum(total_compressed_size), 0), 1)::BIGINT
    FROM (SELECT num_rows AS file_rows FROM parquet_file_metadata({source}))
    LEFT JOIN (SELECT * FROM parquet_metadata({source})) ON true"""


def judge(path: Path, limits: Limits) -> list[str]:
    """The names of the columns, from the directory alone.

    `Refused`: `file-too-large-unpacked` by the sum of the pages, or by rows times columns; `file-damaged`.
    """
    source = _text(path)
    with _connect() as desk:
        ((rows, parts, unpacked, packed),) = _all(desk, _DIRECTORY.format(source=source))
        names = [str(one[0]) for one in _all(desk, f"SELECT column_name FROM (DESCRIBE FROM read_parquet({source}))")]
    allowed = min(limits.unpacked_bytes, packed * limits.ratio)
    if unpacked > allowed or rows * len(names) > limits.unpacked_bytes or parts > limits.parts or len(names) > COLUMNS:
        raise Refused(
            "file-too-large-unpacked",
            f"The Parquet file unpacks to {unpacked:,} bytes in {rows:,} rows of {len(names)} columns: too much.",
            unpacked_bytes=unpacked,
        )
    if not rows:
        raise Refused("file-empty", "The file has no rows.")
    return names


def select_cells(path: Path) -> str:
    """SQL that gives `row` (header = 1) and `cells`, a list of texts, of the file; `judge` it first."""
    source = _text(path)
    with _connect() as desk:
        columns = _all(desk, f"SELECT column_name, column_type FROM (DESCRIBE FROM read_parquet({source}))")
    cells = ", ".join(_cell(str(name), str(kind)) for name, kind in columns)
    return f"""SELECT (file_row_number + 2)::INTEGER AS row, [{cells}] AS cells
               FROM read_parquet({source}, file_row_number = true)"""


def read_rows(path: Path) -> Iterator[tuple[int, list[str]]]:
    """Each row's number and cells. `Refused` (`file-damaged`)."""
    statement = select_cells(path)
    with _connect() as desk:
        try:
            desk.execute(statement)
            while rows := desk.fetchmany(ROWS):
                yield from rows
        except duckdb.Error as wrong:
            raise damaged() from wrong


def damaged() -> Refused:
    """What a Parquet file that cannot be read to its end is refused with."""
    return Refused("file-damaged", "The Parquet file is damaged or cut off. Save it again and send it anew.")


def _cell(name: str, kind: str) -> str:
    """A value as text: a whole number without a fraction, as long as a double tells it exactly."""
    column = '"' + name.replace('"', '""') + '"'
    text = f"{column}::VARCHAR"
    if kind in ("DOUBLE", "FLOAT"):
        whole = f"{column} = trunc({column}) AND abs({column}) < {_EXACT}"
        text = f"CASE WHEN {whole} THEN {column}::BIGINT::VARCHAR ELSE {text} END"
    return f"coalesce(left({text}, {CELL_CHARACTERS}), '')"


def _connect() -> duckdb.DuckDBPyConnection:
    return duckdb.connect(":memory:", config={"memory_limit": MEMORY, "threads": 1})


def _all(desk: duckdb.DuckDBPyConnection, statement: str) -> list[tuple[Any, ...]]:
    try:
        return desk.execute(statement).fetchall()
    except duckdb.Error as wrong:
        raise damaged() from wrong


def _text(path: Path) -> str:
    return "'" + str(path).replace("'", "''") + "'"
