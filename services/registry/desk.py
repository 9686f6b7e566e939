"""The desk on which a list is matched and made ready for PostgreSQL: DuckDB in bounded memory over the staged files."""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

import duckdb

from services.registry.workplace import spill_of

Desk = duckdb.DuckDBPyConnection
#: called with the share of the stage that is done, 0 to 1
Progress = Callable[[float], None]

P = ParamSpec("P")
T = TypeVar("T")

#: the files of an import's work folder: good and bad rows as read, then what was decided about them
GOOD, BAD, DECIDED, REVIEWS = "good.parquet", "bad.parquet", "decided.parquet", "reviews.parquet"
MEMORY = "300MB"


def open_desk(work: Path) -> Desk:
    """A DuckDB in bounded memory, which knows the staged list as `good`; what does not fit lies in the work folder."""
    settings: dict[str, Any] = {"memory_limit": MEMORY, "temp_directory": str(spill_of(work)), "threads": 2}
    desk = duckdb.connect(":memory:", config=settings)
    desk.execute(f"CREATE VIEW good AS SELECT * FROM read_parquet('{work / GOOD}')")
    return desk


async def in_thread(work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """What the function returns, run in a thread; whoever is cancelled waits for its end all the same.

    A thread cannot be stopped, and a desk must not be closed, nor its folder removed, under one that works there.
    """
    task = asyncio.create_task(asyncio.to_thread(work, *args, **kwargs))
    try:
        return await asyncio.shield(task)
    finally:
        while not task.done():
            with suppress(asyncio.CancelledError):
                await asyncio.wait([task])


def as_text(sealed: bytes | None) -> str:
    r"""Bytes as PostgreSQL reads them in a CSV: `\x…`, nothing for None."""
    return "" if sealed is None else rf"\x{sealed.hex()}"


def from_text(text: str) -> bytes:
    """What `as_text` wrote."""
    return bytes.fromhex(text[2:])


def add_rows(desk: Desk, table: str, columns: Sequence[Sequence[Any]], types: Sequence[str]) -> None:
    """Insert rows that Python holds, given column by column: one statement, not one for each row."""
    values = ", ".join(f"unnest(?::{kind}[])" for kind in types)
    desk.execute(f"INSERT INTO {table} SELECT {values}", list(columns))
