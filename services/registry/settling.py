"""Around the applying of a list: before it the households of new persons are made, after it the indexes are tidied.

The list was matched against the persons of a moment ago; what people entered since is found here. Should somebody come
between once more, a unique index refuses the batch, and the worker begins here again.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any
from uuid import UUID

import asyncpg

from services.registry import keys
from services.registry.desk import Desk, add_rows, as_text, from_text, in_thread
from services.registry.workplace import scratch

#: numbers that one query asks for
_ASKED = 20_000

_WANTED = """
    CREATE OR REPLACE TEMP TABLE wanted AS
    SELECT kk, min(row) AS row, arg_min(area, row) AS area FROM decided
    WHERE is_new AND kk IS NOT NULL AND row > {after} GROUP BY kk"""
_HOMES = """
    CREATE OR REPLACE TEMP TABLE homes AS
    SELECT wanted.kk, coalesce(known.id, ('{begin}-b{middle}' || printf('%08x', row))::UUID) AS id, area,
           known.id IS NULL AS is_missing FROM wanted LEFT JOIN known USING (kk)"""
_NEW_HOMES = "SELECT id, 0 AS version, kk, area FROM homes WHERE is_missing ORDER BY id"

_NIKS = "SELECT nik FROM decided WHERE is_new AND owns_nik AND nik IS NOT NULL AND row > {after}"
_KNOWN_HOMES = "SELECT kk, id FROM households WHERE kk = ANY($1::bytea[])"
_GROWN = "SELECT reltuples < $1::real FROM pg_class WHERE oid = 'persons'::regclass"
_OWNERS = "SELECT nik, id FROM persons WHERE nik = ANY($1::bytea[]) AND NOT unmatched"


async def settle(connection: "asyncpg.Connection[Any]", desk: Desk, import_id: UUID, after: int, work: Path) -> None:
    """For the rows after row `after`: lay `homes` (kk, id) and `taken` (nik, owner_id) on the desk, and make the
    households that are not there yet."""
    await in_thread(desk.execute, _WANTED.format(after=after))
    await _look_up(connection, desk, "SELECT kk FROM wanted", _KNOWN_HOMES, "known (kk VARCHAR, id UUID)")
    homes = _HOMES.format(begin=str(import_id)[:18], middle=import_id.hex[-7:])
    await in_thread(desk.execute, homes)
    with scratch(work / "households") as file:
        await in_thread(desk.execute, f"COPY ({_NEW_HOMES}) TO '{file}' (FORMAT csv, HEADER)")
        form = {"columns": ("id", "version", "kk", "area"), "format": "csv", "header": True}
        await connection.copy_to_table("households", source=file, timeout=600, **form)
    await _look_up(connection, desk, _NIKS.format(after=after), _OWNERS, "taken (nik VARCHAR, owner_id UUID)")


async def tidy(connection: "asyncpg.Connection[Any]", persons_new: int) -> None:
    """Make what was applied quick to find: after many new persons the planner must know that they are there."""
    await connection.execute(keys.SETTLE)
    if persons_new and await connection.fetchval(_GROWN, persons_new * 10):
        await connection.execute("ANALYZE persons, records, households, name_words")


async def _look_up(connection: "asyncpg.Connection[Any]", desk: Desk, numbers: str, query: str, table: str) -> None:
    """Make the table on the desk: the sealed numbers that the registry knows, and the id that it has for each."""
    desk.execute(f"CREATE OR REPLACE TEMP TABLE {table}")
    if not await connection.fetchval("SELECT EXISTS (SELECT FROM households) OR EXISTS (SELECT FROM persons)"):
        return
    for some in _parts([number for (number,) in await in_thread(_fetch, desk, numbers)]):
        found = await connection.fetch(query, [from_text(number) for number in some])
        columns = [as_text(number) for number, _ in found], [str(one) for _, one in found]
        add_rows(desk, table.split()[0], columns, ("VARCHAR", "UUID"))


def _fetch(desk: Desk, query: str) -> list[tuple[Any, ...]]:
    return desk.execute(query).fetchall()


def _parts(values: Sequence[str]) -> Iterator[Sequence[str]]:
    return (values[start : start + _ASKED] for start in range(0, len(values), _ASKED))
