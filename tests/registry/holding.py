"""What holds of persons and verdicts whatever happened before, told by the tables alone."""

from collections.abc import Iterable, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncSession

from services.registry import golden
from services.registry.models import Person, Record
from services.registry.verdicts_models import Review, Verdict
from sinergi.db import Database, Tx, new_id
from tests.registry.pairs import recompute, rows_of

#: what a golden record says of somebody, whoever owns the NIK and whatever the records' ids
SAID = (
    *("nik", "name", "name_key", "birthplace", "birth_date", "sex", "area", "address", "rt", "rw", "kk", "relation"),
    *("is_head", "desil", "desil_period", "household_id", "keys"),
)


async def assert_all_holds(db: Database, persons: Sequence[UUID]) -> None:
    """Clusters are what the verdicts say, golden records what the records say, and facts have no gaps."""
    async with db.begin() as tx:
        rows = (await tx.session.scalars(select(Person).where(Person.id.in_(persons)))).all()
        said = (await tx.session.scalars(select(Verdict).where(Verdict.low_id.in_(persons)))).all()
    current = [one for one in said if one.withdrawn_at is None]
    clusters = components(persons, [(one.low_id, one.high_id) for one in current if one.verdict == "same"])
    for person in rows:
        root = min(clusters[person.id])
        assert person.survivor_id == (None if person.id == root else root)
        assert (person.state == "merged") == (person.id != root)
    assert not [one for one in current if one.verdict == "different" and one.high_id in clusters[one.low_id]]
    await _assert_facts(db, rows)
    await _assert_reviews(db, clusters, current)
    await _assert_golden(db, clusters)


def components(persons: Iterable[UUID], links: Iterable[tuple[UUID, UUID]]) -> dict[UUID, set[UUID]]:
    """Everybody's cluster, by walking the links."""
    near: dict[UUID, set[UUID]] = {person: set() for person in persons}
    for one, other in links:
        near[one].add(other)
        near[other].add(one)
    return {person: _reached(person, near) for person in near}


def _reached(person: UUID, near: dict[UUID, set[UUID]]) -> set[UUID]:
    reached, waiting = {person}, [person]
    while waiting:
        new = near[waiting.pop()] - reached
        reached |= new
        waiting += new
    return reached


async def _assert_facts(db: Database, rows: Sequence[Person]) -> None:
    query = text("SELECT version FROM outbox WHERE aggregate_id = :id AND audience = 'core' ORDER BY seq")
    async with db.begin() as tx:
        for person in rows:
            versions = (await tx.session.scalars(query, {"id": person.id})).all()
            assert versions == list(range(1, person.version + 1)), "the facts of a person have a gap"


async def _assert_reviews(db: Database, clusters: dict[UUID, set[UUID]], current: Sequence[Verdict]) -> None:
    apart = {(one.low_id, one.high_id) for one in current if one.verdict == "different"}
    async with db.begin() as tx:
        reviews = (await tx.session.scalars(select(Review).where(Review.low_id.in_(clusters)))).all()
    for review in reviews:
        low, high = clusters[review.low_id], clusters[review.high_id]
        told_apart = any((min(a, b), max(a, b)) in apart for a in low for b in high)
        assert (review.state == "decided") == (low is high or review.high_id in low or told_apart)


async def _assert_golden(db: Database, clusters: dict[UUID, set[UUID]]) -> None:
    """Each survivor is what somebody without a past would be of whom the same records speak; NIKs are owned once."""
    roots = sorted({min(members) for members in clusters.values()})
    before = await rows_of(db, list(clusters))
    assert await recompute(db, *roots) == []
    assert await rows_of(db, list(clusters)) == before, "a golden record was not what its records say"
    twins = await _without_past(db, {root: sorted(clusters[root]) for root in roots})
    for root, twin in twins.items():
        wrong = {name: (before[root][name], twin[name]) for name in SAID if twin[name] != before[root][name]}
        assert not wrong, f"(as it is, as its records say): {wrong}"
    owned = [row["nik"] for row in before.values() if row["nik"] and not row["unmatched"]]
    assert len(owned) == len(set(owned)), "two own one NIK"


async def _without_past(db: Database, clusters: dict[UUID, list[UUID]]) -> dict[UUID, dict[str, Any]]:
    """The golden record of each cluster's records, made in one go; nothing of it stays."""
    twins = {root: new_id() for root in clusters}
    async with db.engine.connect() as connection, AsyncSession(connection) as session:
        tx = Tx(session, "sinergi/test", None)
        for root, members in clusters.items():
            row = {"id": twins[root], "version": 0, "state": "active", "name": "?", "name_key": "?", "area": "?"}
            tx.add(Person(**row, is_head=False, unmatched=True, sources={}, keys=[]))
            await session.flush()
            await _copy_records(members, twins[root], tx)
        await golden.recompute(await golden.connection_of(tx), list(twins.values()))
        found = await session.execute(text("SELECT * FROM persons WHERE id = ANY(:ids)"), {"ids": list(twins.values())})
        rows = {row["id"]: dict(row) for row in found.mappings()}
        await session.rollback()
    return {root: rows[twin] for root, twin in twins.items()}


async def _copy_records(members: Sequence[UUID], person_id: UUID, tx: Tx) -> None:
    held = text("SELECT record_id FROM attachments WHERE person_id = ANY(:ids)")
    ids = (await tx.session.scalars(held, {"ids": list(members)})).all()
    for record in (await tx.session.scalars(select(Record).where(Record.id.in_(ids)).order_by(Record.id))).all():
        values = {column.key: getattr(record, column.key) for column in Record.__table__.columns}
        tx.add(Record(**values | {"id": new_id(), "person_id": person_id}))
    await tx.session.flush()
