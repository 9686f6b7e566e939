"""Rows that a command changes, locked in one order: persons by id, then households by id."""

from collections.abc import Mapping, Sequence
from uuid import UUID

from sqlalchemy import select

from services.registry.models import Household, Person
from sinergi.auth import Actor
from sinergi.db import Tx
from sinergi.problems import Refused


async def lock_person(person_id: UUID, expected_version: int, actor: Actor, tx: Tx) -> Person:
    """A person of the actor's area, locked until the end.

    Refused: `outside-your-area`, `version-conflict`, `person-merged` (with the survivor's id).
    """
    actor.within(area=(await tx.get(Person, person_id)).area)
    person = await tx.lock(Person, person_id, expected_version)
    actor.within(area=person.area)
    if person.state == "merged":
        sentence = "This person was merged into another one: go on with that one."
        raise Refused("person-merged", sentence, "conflict", survivor_id=str(person.survivor_id))
    return person


async def lock_living(person_id: UUID, expected_version: int, actor: Actor, tx: Tx) -> Person:
    """As `lock_person`; `person-dead` for somebody who has died."""
    person = await lock_person(person_id, expected_version, actor, tx)
    if person.state == "dead":
        raise Refused("person-dead", "This person has died.", "conflict")
    return person


async def lock_people(ids: Sequence[UUID], tx: Tx) -> list[Person]:
    """These persons, as far as they exist, locked in order of their ids."""
    rows = select(Person).where(Person.id.in_(ids)).order_by(Person.id).with_for_update()
    return list(await tx.session.scalars(rows.execution_options(populate_existing=True)))


async def lock_households(ids: Sequence[UUID], tx: Tx) -> dict[UUID, Household]:
    """These households, as far as they exist, locked in order of their ids; persons are locked before."""
    rows = select(Household).where(Household.id.in_(ids)).order_by(Household.id).with_for_update()
    found = await tx.session.scalars(rows.execution_options(populate_existing=True))
    return {household.id: household for household in found}


async def lock_whole(
    expected: Mapping[UUID, int], actor: Actor, tx: Tx
) -> tuple[dict[UUID, Household], dict[UUID, list[Person]]]:
    """Households as the actor last saw them (id -> version), and the members of each, all locked.

    Refused: `not-found`, `outside-your-area`, `version-conflict`, `household-changed` (somebody came or left while
    we waited for the locks).
    """
    members = await lock_people(await _member_ids(expected, tx), tx)
    households = await lock_households(list(expected), tx)
    _refuse_elsewhere(members, households, actor)
    for household_id, version in expected.items():
        await tx.lock(Household, household_id, version)  # it exists, and is as expected
    if set(await _member_ids(expected, tx)) != {person.id for person in members}:
        sentence = "Somebody came or left meanwhile. Read the household again, then decide."
        raise Refused("household-changed", sentence, "conflict")
    return households, {one: [person for person in members if person.household_id == one] for one in expected}


async def _member_ids(households: Mapping[UUID, int], tx: Tx) -> Sequence[UUID]:
    rows = select(Person.id).where(Person.household_id.in_(list(households)), Person.state == "active")
    return (await tx.session.scalars(rows)).all()


def _refuse_elsewhere(members: Sequence[Person], households: Mapping[UUID, Household], actor: Actor) -> None:
    for person in members:
        actor.within(area=person.area)
    peopled = {person.household_id for person in members}
    for household in households.values():
        if household.id not in peopled:
            actor.within(area=household.area or "")
