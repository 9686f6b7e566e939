"""Puts one batch of good rows into the registry: records, and the persons and households they speak of.

Set-based, a handful of statements a batch. A record with a NIK that a person owns speaks of that person; without a
NIK, or with one that its own list has given to an earlier row, it makes a person of its own, marked `unmatched`.
What the registry knew first stays, gaps are filled, the newest desil wins; each field names the record it came from.
"""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

import asyncpg

from services.registry.rules import Checked
from sinergi.db import Tx, new_id

_CLEANED = (
    *("kk", "nik", "name", "name_key", "birthplace", "birth_date", "sex", "address", "rt", "rw", "area"),
    *("relation", "is_head", "desil", "desil_period", "need"),
)
COLUMNS = ("id", "import_id", "row", "person_id", "raw", *_CLEANED, "warnings")

#: golden fields, and whether their source is remembered
_GOLDEN = ("nik", "name", "birthplace", "birth_date", "sex", "area", "address", "rt", "rw", "kk", "desil")

_BATCH = "r.import_id = $1 AND r.row BETWEEN $2 AND $3"

#: the first row of this list that gives a NIK speaks for it
_FIRST_OF_ITS_NIK = """r.nik IS NOT NULL AND NOT EXISTS (
    SELECT FROM records e WHERE e.import_id = r.import_id AND e.nik = r.nik AND e.row < r.row)"""

_HOUSEHOLDS = """
    INSERT INTO households (id, version, kk) SELECT id, 0, kk FROM unnest($1::uuid[], $2::text[]) AS new(id, kk)
    ON CONFLICT (kk) DO NOTHING"""

_LINK = f"""
    UPDATE records r SET person_id = p.id FROM persons p
    WHERE {_BATCH} AND p.nik = r.nik AND p.nik IS NOT NULL AND NOT p.unmatched AND {_FIRST_OF_ITS_NIK}"""

_SOURCES = ", ".join(f"'{name}', CASE WHEN r.{name} IS NOT NULL THEN r.id END" for name in _GOLDEN)
_NEW = f"""
    INSERT INTO persons (id, version, nik, name, name_key, birthplace, birth_date, sex, area, address, rt, rw,
                         household_id, kk, is_head, desil, desil_period, unmatched, sources)
    SELECT r.person_id, 0, r.nik, r.name, r.name_key, r.birthplace, r.birth_date, r.sex, r.area, r.address, r.rt, r.rw,
           h.id, r.kk, r.is_head, r.desil, r.desil_period, NOT ({_FIRST_OF_ITS_NIK}),
           jsonb_strip_nulls(jsonb_build_object({_SOURCES}))
    FROM records r LEFT JOIN households h ON h.kk = r.kk
    WHERE {_BATCH} AND NOT EXISTS (SELECT FROM persons p WHERE p.id = r.person_id)"""

_FILLED = ("birthplace", "birth_date", "sex", "address", "rt", "rw", "kk")
_NEWER_DESIL = "r.desil IS NOT NULL AND (p.desil IS NULL OR r.desil_period > coalesce(p.desil_period, ''))"
_FILL_SOURCES = ", ".join(
    f"'{name}', CASE WHEN p.{name} IS NULL AND r.{name} IS NOT NULL THEN r.id END" for name in _FILLED
)
_FILL = f"""
    UPDATE persons p SET {", ".join(f"{name} = coalesce(p.{name}, r.{name})" for name in _FILLED)},
        household_id = coalesce(p.household_id, h.id),
        is_head = p.is_head OR (r.is_head AND p.kk IS NOT DISTINCT FROM r.kk),
        desil = CASE WHEN {_NEWER_DESIL} THEN r.desil ELSE p.desil END,
        desil_period = CASE WHEN {_NEWER_DESIL} THEN r.desil_period ELSE p.desil_period END,
        sources = p.sources || jsonb_strip_nulls(jsonb_build_object(
            {_FILL_SOURCES}, 'desil', CASE WHEN {_NEWER_DESIL} THEN r.id END))
    FROM records r LEFT JOIN households h ON h.kk = r.kk
    WHERE {_BATCH} AND p.id = r.person_id"""


async def put_batch(
    tx: Tx, import_id: UUID, good: Sequence[Checked], raw: Sequence[str], span: tuple[int, int]
) -> tuple[int, int]:
    """Insert the good rows of a batch, whose row numbers lie in `span`; returns persons made and records matched.

    `raw`: each row as it came, as JSON. The transaction must have begun, and hold the import's row.
    """
    connection = await _raw_connection(tx)
    await connection.copy_records_to_table(
        "records", columns=COLUMNS, records=[_record(import_id, *one) for one in zip(good, raw, strict=True)]
    )
    numbers = sorted({one.values["kk"] for one in good if one.values["kk"]})
    await connection.execute(_HOUSEHOLDS, [new_id() for _ in numbers], numbers)
    matched = _count(await connection.execute(_LINK, import_id, *span))
    if matched:
        await connection.execute(_FILL, import_id, *span)
    new = _count(await connection.execute(_NEW, import_id, *span))
    return new, matched


async def put_faults(tx: Tx, import_id: UUID, bad: Sequence[Checked]) -> None:
    """Insert what the bad rows of a batch broke."""
    faults = {(import_id, row.number, one.column, one.rule): one.value_masked for row in bad for one in row.faults}
    await (await _raw_connection(tx)).copy_records_to_table(
        "import_errors",
        columns=("import_id", "row", "column_name", "rule", "value_masked"),
        records=[(*key, value) for key, value in faults.items()],
    )


async def _raw_connection(tx: Tx) -> "asyncpg.Connection[Any]":
    """The transaction's own connection, for COPY."""
    fairy = await (await tx.session.connection()).get_raw_connection()
    assert isinstance(fairy.driver_connection, asyncpg.Connection)
    return fairy.driver_connection


def _record(import_id: UUID, row: Checked, raw: str) -> tuple[Any, ...]:
    values = row.values
    return (
        *(new_id(), import_id, row.number, new_id(), raw),
        *(values.get(name) for name in _CLEANED),
        row.warnings,
    )


def _count(status: str) -> int:
    return int(status.rsplit(" ", 1)[1])
