"""Which known person each row of a staged list may be: a few rows are compared inside PostgreSQL, a long list against a
snapshot of all persons by the linkage engine."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from uuid import UUID

import asyncpg

from services.registry.desk import GOOD, Desk, Progress, add_rows, in_thread
from services.registry.incremental import match
from services.registry.linkage.engine import link
from services.registry.linkage.model import FIELDS, Model
from services.registry.linkage.pairs import cleaned, compare
from services.registry.linkage.sources import Job, Source
from services.registry.seal import Seal
from services.registry.snapshot import PERSONS, take_snapshot
from services.registry.workplace import scratch, spill_of

#: lists of up to so many rows are matched inside PostgreSQL
FEW = 50_000
#: what the engine may take for a longer one
MEMORY_MB = 700

#: what the comparison knows of a row and of a person
COMPARED = ("name", "birth_date", "sex", "nik", "area", "rt", "rw", "address")
_MATCHED = ("row", "kk", "name_key", *COMPARED)
_NAMES = {name: name for name in COMPARED} | {"household": "kk"}

_FOUND = f"""
    INSERT INTO found SELECT left_id, right_id::UUID, how, bits, band = 'same', to_json([{", ".join(FIELDS)}])::VARCHAR
    FROM read_parquet('{{file}}')"""

_FOUND_TYPES = ("INTEGER", "UUID", "VARCHAR", "REAL", "BOOLEAN", "VARCHAR")

_DIFFERENT = """
    SELECT low_id, high_id FROM verdicts WHERE verdict = 'different' AND withdrawn_at IS NULL
    UNION ALL SELECT high_id, low_id FROM verdicts WHERE verdict = 'different' AND withdrawn_at IS NULL"""
_PERSONS = f"SELECT id, {', '.join(COMPARED)} FROM persons WHERE id = ANY($1)"
_SURVIVORS = "SELECT id, survivor_id FROM persons WHERE survivor_id IS NOT NULL"

Fields = dict[str, Any]


async def find(connection: "asyncpg.Connection[Any]", desk: Desk, work: Path, progress: Progress) -> None:
    """Fill the desk's table `found` (row, person_id, how, bits, same, levels).

    A row is `same` as one person at most; the pairs that are not `same` are for a human. The table `doubles` is there.
    """
    if not await connection.fetchval("SELECT EXISTS (SELECT FROM persons)"):
        return
    (rows,) = desk.execute("SELECT count(*) FROM good").fetchall()[0]
    if rows <= FEW:
        await _in_postgresql(connection, desk)
    else:
        await _by_engine(connection, desk, work, progress)
        await _keep_verdicts(connection, desk)
        await _name_survivors(connection, desk)


async def _in_postgresql(connection: "asyncpg.Connection[Any]", desk: Desk) -> None:
    rows = await in_thread(_rows, desk)
    matches = await match(connection, rows)
    links = [(one.row, one.person_id, one.how, one.bits, True, one.levels) for one in matches if one.band == "same"]
    pairs = [
        (one.row, other.person_id, one.how, other.bits, False, other.levels)
        for one in matches
        if one.band == "review"
        for other in one.candidates
    ]
    found = [
        (row, str(who), how, bits, same, json.dumps(levels)) for row, who, how, bits, same, levels in links + pairs
    ]
    if found:
        add_rows(desk, "found", list(zip(*found, strict=True)), _FOUND_TYPES)


def _rows(desk: Desk) -> list[Fields]:
    """The rows as `match` takes them, without those that speak of an earlier row's person."""
    query = f"SELECT {', '.join(_MATCHED)} FROM good WHERE row NOT IN (SELECT row FROM doubles WHERE same)"
    return [dict(zip(_MATCHED, row, strict=True)) for row in desk.execute(query).fetchall()]


async def _by_engine(connection: "asyncpg.Connection[Any]", desk: Desk, work: Path, progress: Progress) -> None:
    with scratch(work / "persons") as persons, scratch(work / "twice") as twice, scratch(work / "engine") as links:
        await take_snapshot(connection, persons)
        await in_thread(desk.execute, f"COPY (SELECT row FROM doubles WHERE same) TO '{twice}' (FORMAT parquet)")
        await in_thread(link, _job(work, persons, twice, links, progress))
        await in_thread(desk.execute, _FOUND.format(file=links))


def _job(work: Path, persons: Path, twice: Path, links: Path, progress: Progress) -> Job:
    """The rows, without those that speak of an earlier row's person, against the persons."""
    rows = f"SELECT * FROM read_parquet('{work / GOOD}') WHERE row NOT IN (SELECT row FROM read_parquet('{twice}'))"
    return Job(
        left=Source(rows, _NAMES | {"id": "row"}),
        right=Source(PERSONS.format(file=persons), _NAMES | {"id": "id"}),
        output=links,
        temp_folder=spill_of(work),
        memory_mb=MEMORY_MB,
        progress=lambda _, share: progress(share),
    )


# -------------------------------------------------------------------- verdicts


async def _keep_verdicts(connection: "asyncpg.Connection[Any]", desk: Desk) -> None:
    """A row that would join somebody goes to whom a human told apart from him or her, when it is liker to that one, and
    no other row is that one's: of two rows of a list, the engine gave each person the liker one."""
    apart: dict[UUID, list[UUID]] = {}
    for one, other in await connection.fetch(_DIFFERENT):
        apart.setdefault(one, []).append(other)
    linked = await in_thread(_linked, desk, list(apart))
    if not linked:
        return
    wanted = {person for _, person, _ in linked} | {other for _, person, _ in linked for other in apart[person]}
    people, taken = await _people(connection, wanted), {person for _, person, _ in linked}
    model = Model.default()
    for row, person, fields in linked:
        free = [one for one in apart[person] if one not in taken]
        levels = {one: compare(fields, people[one]) for one in (person, *free)}
        best = max(levels, key=lambda one: model.bits(levels[one]))
        if best != person:
            taken = taken - {person} | {best}
            desk.execute(
                "UPDATE found SET person_id = ?, how = 'score', bits = ? WHERE row = ? AND same",
                [best, model.bits(levels[best]), row],
            )


def _linked(desk: Desk, persons: Sequence[UUID]) -> list[tuple[int, UUID, Fields]]:
    """The rows that are linked to one of these persons, with their fields."""
    desk.execute("CREATE TEMP TABLE apart (person_id UUID)")
    add_rows(desk, "apart", [[str(one) for one in persons]], ["UUID"])
    rows = desk.execute(
        f"SELECT row, person_id, {', '.join(COMPARED)} FROM found JOIN good USING (row) "
        "WHERE same AND person_id IN (SELECT person_id FROM apart) ORDER BY row"
    ).fetchall()
    return [(row, person, cleaned(dict(zip(COMPARED, fields, strict=True)))) for row, person, *fields in rows]


async def _people(connection: "asyncpg.Connection[Any]", persons: set[UUID]) -> Mapping[UUID, Fields]:
    rows = await connection.fetch(_PERSONS, list(persons))
    niks = Seal.current().nik.open_many([row["nik"] for row in rows])
    return {row["id"]: cleaned(dict(row) | {"nik": nik}) for row, nik in zip(rows, niks, strict=True)}


async def _name_survivors(connection: "asyncpg.Connection[Any]", desk: Desk) -> None:
    """Who must be judged is the survivor: a merged person is like a row of his or her own, and no more."""
    merged = await connection.fetch(_SURVIVORS)
    if merged:
        desk.execute("CREATE TEMP TABLE survivors (id UUID, survivor_id UUID)")
        add_rows(desk, "survivors", [[str(one) for one in side] for side in zip(*merged, strict=True)], ["UUID"] * 2)
        desk.execute(
            "UPDATE found SET person_id = survivors.survivor_id FROM survivors "
            "WHERE found.person_id = survivors.id AND NOT found.same"
        )
