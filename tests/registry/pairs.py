"""Made-up persons straight in the tables, each with records of its own, and what a clerk says about pairs of them."""

from collections.abc import Sequence
from datetime import date
from itertools import count
from typing import Any
from uuid import UUID

from sqlalchemy import text, update

from services.registry import golden
from services.registry.cleaning import name_key
from services.registry.models import Person, Record
from services.registry.verdicts_models import Review
from sinergi.auth import Actor, service_actor
from sinergi.db import Database, new_id
from sinergi.permissions import Role
from tests.registry.lists import TEBET_TIMUR

_numbers = count(1)
CLERK = Actor("clerk-1", Role.OPERATOR, "dinsos", "31.74")
REASON = "berkas diperiksa"


def fresh_nik() -> str:
    """A NIK that nobody has."""
    return f"3174990101{next(_numbers):06}"


def fresh_kk() -> str:
    """A No. KK that nobody has."""
    return f"3174990202{next(_numbers):06}"


async def a_person(db: Database, **fields: Any) -> UUID:
    """A person of whom one record speaks; `fields` are the record's."""
    person_id = new_id()
    async with db.begin() as tx:
        area = fields.get("area", TEBET_TIMUR)
        row = {"id": person_id, "version": 0, "state": "active", "name": "?", "name_key": "?", "area": area}
        tx.add(Person(**row, is_head=False, unmatched=True, sources={}, keys=[]))
        await tx.session.flush()
        tx.add(_record(person_id, fields))
        await golden.recompute(await golden.connection_of(tx), [person_id])
    return person_id


async def a_record(db: Database, person_id: UUID, *, counted: bool = True, **fields: Any) -> UUID:
    """One more record that speaks of a person."""
    async with db.begin() as tx:
        record = _record(person_id, fields)
        tx.add(record)
        if counted:
            await golden.recompute(await golden.connection_of(tx), [person_id])
        return record.id


async def recompute(db: Database, *persons: UUID) -> list[tuple[UUID, list[str]]]:
    """Make the golden records of these persons anew."""
    async with db.begin() as tx:
        return await golden.recompute(await golden.connection_of(tx), persons)


async def set_fields(db: Database, person_id: UUID, **fields: Any) -> None:
    """Write over what a person's row says."""
    async with db.begin() as tx:
        await tx.session.execute(update(Person).where(Person.id == person_id).values(**fields))


def _record(person_id: UUID, fields: dict[str, Any]) -> Record:
    name = fields.get("name", f"Orang {next(_numbers)}")
    said = {
        "source": "ministry",
        "observed_on": date(2026, 6, 1),
        "link": "new",
        "name": name,
        "name_key": name_key(name),
        "area": TEBET_TIMUR,
        "is_head": False,
        "warnings": [],
    }
    return Record(id=new_id(), person_id=person_id, **said | fields)


async def a_review(db: Database, one: UUID, other: UUID, **fields: Any) -> UUID:
    """A pair in the queue."""
    low, high = sorted((one, other))
    row = {"id": new_id(), "low_id": low, "high_id": high, "bits": 2.0, "reason": "score", "area": TEBET_TIMUR}
    async with db.begin() as tx:
        review = Review(**row | {"state": "open"} | fields)
        tx.add(review)
        return review.id


async def rows_of(db: Database, persons: Sequence[UUID]) -> dict[UUID, dict[str, Any]]:
    """Every field of the persons, except the version (it only ever grows)."""
    async with db.begin() as tx:
        found = await tx.session.execute(text("SELECT * FROM persons WHERE id = ANY(:ids)"), {"ids": list(persons)})
        rows = {row["id"]: dict(row) for row in found.mappings()}
    return {id: {name: value for name, value in row.items() if name != "version"} for id, row in rows.items()}


async def person_of(db: Database, person_id: UUID) -> Person:
    """The person as the mapper reads it: numbers are opened."""
    async with db.begin(service_actor("registry")) as tx:
        return await tx.get(Person, person_id)


def pair(one: UUID, other: UUID, verdict: str = "same", **more: Any) -> dict[str, Any]:
    """A verdict as it is sent."""
    return {"first_id": str(one), "second_id": str(other), "verdict": verdict, **more}
