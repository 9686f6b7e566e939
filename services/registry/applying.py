"""The applying stage: puts decided rows into the registry, batch by batch, each in one transaction with the cursor.

DuckDB writes what is to be written as CSV files (`Preparer`, in a thread, one batch ahead), and COPY streams them into
the tables: records, and the persons that are new. A record of a known person that only confirms what we hold changes
nothing; for the others the golden record is made again from all records (golden.py).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Generic, TypeVar
from uuid import UUID

import asyncpg

from services.registry import golden, keys, marks, search_words
from services.registry.desk import BAD, DECIDED, REVIEWS, Desk
from services.registry.models import Import
from services.registry.reading import Staged, bad_rows, raw_pages
from sinergi.db import new_id

BATCH_ROWS = 20_000
T = TypeVar("T", bound=tuple[Any, ...])

_CLEANED = (
    *("kk", "nik", "name", "name_key", "birthplace", "birth_date", "sex", "address", "rt", "rw", "area"),
    *("relation", "is_head", "desil", "desil_period", "need"),
)
_OF_BOTH = (
    *("nik", "name", "name_key", "birthplace", "birth_date", "sex", "area", "address", "rt", "rw", "kk", "relation"),
    *("is_head", "desil", "desil_period"),
)

# ------------------------------------------------------------- prepared by DuckDB

#: the batches that are left, each with its first and its last row
_SPANS = """
    SELECT min(row), max(row) FROM (SELECT row FROM decided UNION ALL SELECT row FROM bad) WHERE row > {after}
    GROUP BY row // {rows} ORDER BY 1"""

_BATCH = "CREATE OR REPLACE TEMP TABLE batch AS SELECT * FROM decided WHERE row BETWEEN {first} AND {last} ORDER BY row"

_COUNTS = """
    SELECT count(*) AS good, count(*) FILTER (is_new) AS new, (
        SELECT count(DISTINCT row) FROM bad WHERE row BETWEEN ? AND ?) AS bad FROM batch"""

_RECORDS = f"""
    SELECT record_id AS id, '{{import_id}}' AS import_id, row, '{{source}}' AS source, '{{day}}' AS observed_on,
           person_id, link, bits, {", ".join(_CLEANED)}, '{{{{' || array_to_string(warnings, ',') || '}}}}' AS warnings
    FROM batch ORDER BY row"""

_PERSONS = f"""
    SELECT person_id AS id, 0 AS version, 'active' AS state, {", ".join(f"batch.{name}" for name in _OF_BOTH)},
           homes.id AS household_id, batch.nik IS NULL OR NOT owns_nik OR taken.nik IS NOT NULL AS unmatched,
           record_id, '{{}}' AS sources, '{{' || array_to_string(keys, ',') || '}}' AS keys
    FROM batch LEFT JOIN homes ON homes.kk = batch.kk LEFT JOIN taken ON taken.nik = batch.nik
    WHERE is_new ORDER BY row"""

_FAULTS = """
    SELECT '{import_id}' AS import_id, row, "column" AS column_name, rule, any_value(value_masked) AS value_masked
    FROM bad WHERE row BETWEEN {first} AND {last} GROUP BY ALL ORDER BY ALL"""

#: the pairs of the batch that a human must judge; a new person whose NIK somebody owns is such a pair too
_PAIRS = """
    SELECT low_id, high_id, bits, levels, reason FROM reviews WHERE row BETWEEN {first} AND {last}
    UNION ALL
    SELECT least(person_id, owner_id), greatest(person_id, owner_id), NULL, NULL, 'nik-shared'
    FROM batch JOIN taken USING (nik) WHERE is_new"""

# ---------------------------------------------------------------- done by PostgreSQL

_OTHER = " OR ".join(
    (
        *(f"r.{name} <> p.{name}" for name in ("nik", "kk", "name_key", "birth_date", "sex", "area", "rt", "rw")),
        *(f"upper(r.{name}) <> upper(p.{name})" for name in ("birthplace", "address", "relation")),
        *(f"(r.{name} IS NOT NULL AND p.{name} IS NULL)" for name in _OF_BOTH if name not in ("name", "name_key")),
        "(r.is_head <> p.is_head AND r.relation IS NOT NULL)",
        "(r.desil IS NOT NULL AND (r.desil, coalesce(r.desil_period, '')) <> (p.desil, coalesce(p.desil_period, '')))",
    )
)
#: the persons about whom a record of this batch says something else than we hold
_CHANGED = f"""
    SELECT DISTINCT s.id, s.area FROM records r JOIN persons p ON p.id = r.person_id
    JOIN persons s ON s.id = coalesce(p.survivor_id, p.id)
    WHERE r.import_id = $1 AND r.row BETWEEN $2 AND $3 AND r.link <> 'new'
      AND (p.survivor_id IS NOT NULL OR {_OTHER}) ORDER BY 1"""

#: the smallest area that holds both
_COMMON_AREA = """CASE WHEN low.area = high.area THEN low.area
    WHEN left(low.area, 8) = left(high.area, 8) THEN left(low.area, 8)
    WHEN left(low.area, 5) = left(high.area, 5) THEN left(low.area, 5)
    WHEN left(low.area, 2) = left(high.area, 2) THEN left(low.area, 2) ELSE '' END"""
#: a pair that was queued or judged before does not come back
_QUEUE = f"""
    INSERT INTO reviews (id, low_id, high_id, bits, levels, reason, area, import_id)
    SELECT new.id, new.low_id, new.high_id, new.bits, new.levels::jsonb, new.reason, {_COMMON_AREA}, $1
    FROM unnest($2::uuid[], $3::uuid[], $4::uuid[], $5::real[], $6::text[], $7::text[])
         AS new(id, low_id, high_id, bits, levels, reason)
         JOIN persons low ON low.id = new.low_id JOIN persons high ON high.id = new.high_id
    WHERE NOT EXISTS (SELECT FROM verdicts v WHERE v.low_id = new.low_id AND v.high_id = new.high_id
                      AND v.withdrawn_at IS NULL)
    ON CONFLICT (low_id, high_id) DO NOTHING"""


@dataclass(frozen=True, slots=True)
class Batch:
    """The rows from `first` to `last`, both with it, counted, and what is to be written of them.

    `files`: table -> (CSV file, its columns). `pairs`: low_id, high_id, bits, levels, reason.
    """

    first: int
    last: int
    good: int
    new: int
    bad: int
    files: dict[str, tuple[Path, list[str]]]
    pairs: list[tuple[Any, ...]]
    names: list[str]
    areas: list[str]
    pages: list[tuple[int, int, bytes]]
    bad_rows: list[tuple[int, bytes]]


@dataclass(slots=True)
class Applied:
    """What a batch changed: the golden records with the fields that are other now, and the pairs queued for review."""

    changed: dict[UUID, list[str]] = field(default_factory=dict)
    pairs: int = 0


class UpTo(Generic[T]):
    """Rows in the order of their first value, a row's number, given out as the batches come to them."""

    def __init__(self, rows: Iterator[T]) -> None:
        self._rows, self._held = rows, list[T]()

    def take(self, last: int) -> list[T]:
        """Those whose number is `last` at most, and which were not given out before."""
        while not self._held or self._held[-1][0] <= last:
            following = next(self._rows, None)
            if following is None:
                break
            self._held.append(following)
        taken = [row for row in self._held if row[0] <= last]
        del self._held[: len(taken)]
        return taken


class Preparer:
    """Makes batches of a decided list ready for PostgreSQL. All CPU: its methods run in a thread, one at a time.

    The desk has `homes` and `taken` (settling.py). `after`: the row after which the first batch begins.
    """

    def __init__(self, desk: Desk, job: Import, staged: Staged, after: int) -> None:
        self._desk, self._work = desk, staged.work
        self._import_id, self._source, self._day = job.id, job.source, job.list_date
        self._pages = UpTo(raw_pages(staged, job.id, after + 1))
        # the header goes with the first batch, as row 0
        self._bad_rows = UpTo(bad_rows(staged, job.id, 0 if after <= 1 else after + 1))
        self._spans = iter(desk.execute(_SPANS.format(after=after, rows=BATCH_ROWS)).fetchall())

    def next(self) -> Batch | None:
        """The next batch; None at the end of the list."""
        span = next(self._spans, None)
        if span is None:
            return None
        first, last = span
        self._desk.execute(_BATCH.format(first=first, last=last))
        ((good, new, bad),) = self._desk.execute(_COUNTS, [first, last]).fetchall()
        return Batch(
            first,
            last,
            good,
            new,
            bad,
            self._files(first, last),
            pairs=self._desk.execute(_PAIRS.format(first=first, last=last)).fetchall(),
            names=self._values("SELECT DISTINCT name_key FROM batch WHERE is_new"),
            areas=self._values("SELECT DISTINCT area FROM batch"),
            pages=self._pages.take(last),
            bad_rows=self._bad_rows.take(last),
        )

    def _files(self, first: int, last: int) -> dict[str, tuple[Path, list[str]]]:
        records = _RECORDS.format(import_id=self._import_id, source=self._source, day=self._day)
        faults = _FAULTS.format(import_id=self._import_id, first=first, last=last)
        return {
            table: self._write(query, self._work / f"{table}-{first}.csv")
            for table, query in (("records", records), ("persons", _PERSONS), ("import_errors", faults))
        }

    def _write(self, query: str, file: Path) -> tuple[Path, list[str]]:
        self._desk.execute(f"COPY ({query}) TO '{file}' (FORMAT csv, HEADER)")
        return file, [column for (column, *_) in self._desk.execute(f"DESCRIBE {query}").fetchall()]

    def _values(self, query: str) -> list[str]:
        return [value for (value,) in self._desk.execute(query).fetchall()]


def open_decided(desk: Desk, work: Path) -> None:
    """Let the desk know what was decided about the staged list."""
    for name, file in (("bad", BAD), ("decided", DECIDED), ("reviews", REVIEWS)):
        desk.execute(f"CREATE VIEW {name} AS SELECT * FROM read_parquet('{work / file}')")


async def put_batch(connection: "asyncpg.Connection[Any]", import_id: UUID, batch: Batch) -> Applied:
    """Write a batch. The transaction must have begun, and hold the import's row."""
    await connection.execute(keys.KEEP_SHORT)
    for table, (file, columns) in batch.files.items():
        await connection.copy_to_table(table, source=file, columns=columns, format="csv", header=True)
        file.unlink()
    await _put_raw(connection, import_id, batch)
    if batch.new:
        await search_words.learn(connection, batch.names)
    changed, areas = await _change(connection, import_id, batch) if batch.good > batch.new else ({}, set())
    await connection.execute(keys.SETTLE)
    await connection.execute(marks.MARK, sorted(areas.union(batch.areas)))
    return Applied(changed, await _queue(connection, import_id, batch.pairs) if batch.pairs else 0)


async def _put_raw(connection: "asyncpg.Connection[Any]", import_id: UUID, batch: Batch) -> None:
    """The rows as they came, sealed."""
    pages = [(import_id, *page) for page in batch.pages]
    rows = [(import_id, *row) for row in batch.bad_rows]
    await connection.copy_records_to_table("raw_pages", records=pages)
    await connection.copy_records_to_table("import_bad_rows", records=rows)


async def _change(
    connection: "asyncpg.Connection[Any]", import_id: UUID, batch: Batch
) -> tuple[dict[UUID, list[str]], set[str]]:
    """Make the golden records again that a record of the batch may change.

    Returns whose fields are other now, with these fields, and the areas where they lived before.
    """
    rows = await connection.fetch(_CHANGED, import_id, batch.first, batch.last)
    changed = await golden.recompute(connection, [row["id"] for row in rows]) if rows else []
    return {person: list(fields) for person, fields in changed if fields}, {row["area"] for row in rows}


async def _queue(connection: "asyncpg.Connection[Any]", import_id: UUID, pairs: Sequence[tuple[Any, ...]]) -> int:
    """Queue pairs that a human must judge; how many are new."""
    ids = [new_id() for _ in pairs]
    status = await connection.execute(_QUEUE, import_id, ids, *map(list, zip(*pairs, strict=True)))
    return int(status.rsplit(" ", 1)[1])
