"""Puts one batch of good rows into the registry: records, and the persons and households they speak of.

Set-based, a handful of statements a batch. A record with a NIK that a person owns speaks of that person; without a
NIK, or with one that its own list has given to an earlier row, it makes a person of its own, marked `unmatched`.
What the registry knew first stays, gaps are filled, the newest desil wins; each field names the record it came from.
"""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

import asyncpg

from services.registry.models import Import
from services.registry.rules import Checked
from services.registry.seal import Seal
from sinergi.db import Tx, new_id

_CLEANED = (
    *("kk", "nik", "name", "name_key", "birthplace", "birth_date", "sex", "address", "rt", "rw", "area"),
    *("relation", "is_head", "desil", "desil_period", "need"),
)
COLUMNS = ("id", "import_id", "row", "source", "observed_on", "person_id", "link", *_CLEANED, "warnings")

_BATCH = "r.import_id = $1 AND r.row BETWEEN $2 AND $3"

#: the first row of this list that gives a NIK speaks for it
_FIRST_OF_ITS_NIK = """r.nik IS NOT NULL AND NOT EXISTS (
    SELECT FROM records e WHERE e.import_id = r.import_id AND e.nik = r.nik AND e.row < r.row)"""

_PAGE = "INSERT INTO raw_pages VALUES ($1, $2, $3, $4)"
_HOUSEHOLDS = """
    INSERT INTO households (id, version, kk, area)
    SELECT id, 0, kk, area FROM unnest($1::uuid[], $2::bytea[], $3::text[]) AS new(id, kk, area)
    ON CONFLICT (kk) DO NOTHING"""

_LINK = f"""
    UPDATE records r SET person_id = p.id, link = 'nik' FROM persons p
    WHERE {_BATCH} AND p.nik = r.nik AND p.nik IS NOT NULL AND NOT p.unmatched AND {_FIRST_OF_ITS_NIK}"""

_NEW = f"""
    INSERT INTO persons (id, version, nik, name, name_key, birthplace, birth_date, sex, area, address, rt, rw,
                         household_id, kk, relation, is_head, desil, desil_period, state, unmatched, record_id, sources,
                         keys)
    SELECT r.person_id, 0, r.nik, r.name, r.name_key, r.birthplace, r.birth_date, r.sex, r.area, r.address, r.rt, r.rw,
           h.id, r.kk, r.relation, r.is_head, r.desil, r.desil_period, 'active', NOT ({_FIRST_OF_ITS_NIK}), r.id,
           '{{}}', '{{}}'
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
    tx: Tx, job: Import, good: Sequence[Checked], raw: Sequence[str], span: tuple[int, int]
) -> tuple[int, int]:
    """Insert the good rows of a batch, whose row numbers lie in `span`; returns persons made and records matched.

    `raw`: each row as it came, as JSON. The transaction must have begun, and hold the import's row.
    """
    connection, import_id = await _raw_connection(tx), job.id
    await connection.copy_records_to_table("records", columns=COLUMNS, records=_records(job, good))
    await connection.execute(_PAGE, import_id, *span, Seal.current().page("\n".join(raw), f"{import_id}:{span[0]}"))
    areas = {one.values["kk"]: one.values["area"] for one in good if one.values["kk"]}
    numbers = Seal.current().kk.seal_many(list(areas))
    await connection.execute(_HOUSEHOLDS, [new_id() for _ in numbers], numbers, list(areas.values()))
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


def _records(job: Import, rows: Sequence[Checked]) -> list[tuple[Any, ...]]:
    seal, day = Seal.current(), job.created_at.date()
    kks = seal.kk.seal_many([row.values.get("kk") for row in rows])
    niks = seal.nik.seal_many([row.values.get("nik") for row in rows])
    return [
        (
            *(new_id(), job.id, row.number, job.source, day, new_id(), "new", kk, nik),
            *(row.values.get(name) for name in _CLEANED[2:]),
            row.warnings,
        )
        for row, kk, nik in zip(rows, kks, niks, strict=True)
    ]


def _count(status: str) -> int:
    return int(status.rsplit(" ", 1)[1])
