"""What happened to a person: identity, death, moves, households."""

from typing import Any
from uuid import UUID

from pydantic import Field
from sqlalchemy import select

from services.registry.commands import Request
from services.registry.models import Person
from services.registry.people_models import PastMember, PersonChange
from sinergi.auth import Actor, permit
from sinergi.db import Tx


class ReadHistory(Request):
    """The history of one person, for a purpose that goes into the audit."""

    person_id: UUID
    purpose: str = Field(min_length=3, max_length=200)


@permit("person.read")
async def read_history(what: ReadHistory, actor: Actor, tx: Tx) -> dict[str, Any]:
    """Oldest first; what came by lists stands in the person's records."""
    person = await tx.get(Person, what.person_id)
    actor.within(area=person.area)
    await tx.audit("person.history", "person", [person.id], what.purpose)
    changes = select(PersonChange).where(PersonChange.person_id == person.id).order_by(PersonChange.id)
    past = select(PastMember).where(PastMember.person_id == person.id).order_by(PastMember.id)
    return {
        "id": str(person.id),
        "household_id": str(person.household_id) if person.household_id else None,
        "changes": [_change(row) for row in await tx.session.scalars(changes)],
        "households": [_membership(row) for row in await tx.session.scalars(past)],
    }


def _change(row: PersonChange) -> dict[str, Any]:
    return {name: getattr(row, name) for name in ("kind", "happened_on", "reason", "evidence", "by", "at")}


def _membership(row: PastMember) -> dict[str, Any]:
    told = ("household_id", "relation", "is_head", "from_on", "until_on", "to_household_id", "reason", "by")
    return {name: getattr(row, name) for name in told}
