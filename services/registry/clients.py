"""Who a client is: one person, or the people of a household or a group. The reader audits what it reads of them."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import select

from services.registry.models import Group, GroupMember, Person
from sinergi.db import Tx
from sinergi.problems import Refused


async def client_of(kind: str, client_id: UUID, tx: Tx) -> tuple[dict[str, Any], Sequence[Person]]:
    """A group's or household's own data, and its people; of a merge the survivor. Refused: `not-found`."""
    if kind == "person":
        person = await tx.get(Person, client_id)
        return {}, [await tx.get(Person, person.survivor_id) if person.survivor_id else person]
    if kind == "group":
        group = await tx.get(Group, client_id)
        return {"name": group.name, "area": group.area}, [person for _, person in await members_of(group.id, tx)]
    rows = select(Person).where(Person.household_id == client_id, Person.state != "merged").order_by(Person.id)
    people = (await tx.session.scalars(rows)).all()
    if not people:
        raise Refused("not-found", "There is no such household.", "not-found")
    return {"area": people[0].area}, people


async def members_of(group_id: UUID, tx: Tx) -> list[tuple[str, Person]]:
    """The members of a group with their roles."""
    rows = select(GroupMember.role, Person).join(Person, Person.id == GroupMember.person_id)
    found = await tx.session.execute(rows.where(GroupMember.group_id == group_id).order_by(Person.id))
    return [(role, person) for role, person in found]
