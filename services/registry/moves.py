"""How one person comes from one household into another, or into one of his own."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import func, select

from services.registry.locking import lock_households
from services.registry.membership import Why, new_household, relate, transfer
from services.registry.models import Household, Person
from sinergi.auth import Actor
from sinergi.db import Tx, found
from sinergi.events import HouseholdChanged, PersonMoved
from sinergi.problems import Refused


@dataclass(frozen=True, slots=True)
class Move:
    """A person, whose row is held, the place (area, address, rt, rw), and the household that he joins, if any."""

    person: Person
    place: Mapping[str, Any]
    household_id: UUID | None
    household_version: int | None
    relation: str


async def carry_out(move: Move, why: Why, actor: Actor, tx: Tx) -> None:
    """Move the person, and tell of it. Refused: `head-leaves`, `household-elsewhere`, `version-conflict`."""
    person, left = move.person, move.person.area
    households = await lock_households([one for one in (person.household_id, move.household_id) if one], tx)
    old = households.get(person.household_id) if person.household_id else None
    if move.household_id:
        await _join(move, found(households.get(move.household_id), Household), old, why, actor, tx)
    elif old and not await others_of(person, tx):
        await _take_along(person, old, move.place, tx)
    else:
        await _leave_alone(move, old, why, tx)
    household = str(person.household_id)
    tx.emit(
        PersonMoved(person_id=str(person.id), from_area=left, to_area=person.area, household_id=household), of=person
    )


async def others_of(person: Person, tx: Tx) -> int:
    """How many others live in the person's household."""
    others = (Person.household_id == person.household_id, Person.state == "active", Person.id != person.id)
    return await tx.session.scalar(select(func.count()).select_from(Person).where(*others)) or 0


async def tell_of_newcomer(person: Person, tx: Tx) -> None:
    """Somebody was entered with a No. KK whose household is known: it has a member more."""
    if person.household_id and await others_of(person, tx):
        _tell_households(tx, await tx.lock(Household, person.household_id))


async def _join(move: Move, new: Household, old: Household | None, why: Why, actor: Actor, tx: Tx) -> None:
    """Into a household that lies in the actor's area, and where the person moves to."""
    actor.within(area=new.area or "")
    if move.household_version != new.version:
        sentence = "The household was changed meanwhile. Read it again, then decide."
        raise Refused("version-conflict", sentence, "conflict", version=new.version)
    if new.area != move.place["area"]:
        raise Refused("household-elsewhere", "The household lives in another kelurahan.", area=new.area)
    if old and old.id == new.id:
        raise Refused("already-a-member", "The person is in this household.", "conflict")
    await _refuse_leaving_head(move.person, tx)
    await transfer(move.person, new, move.relation, why, tx, move.place)
    _tell_households(tx, *filter(None, (old, new)))


async def _take_along(person: Person, household: Household, place: Mapping[str, Any], tx: Tx) -> None:
    """Who lives alone moves with the household."""
    household.area = place["area"]
    await relate(person, household, None, tx, place)
    tx.emit(HouseholdChanged(household_id=str(household.id), fields=["area"]), of=household)


async def _leave_alone(move: Move, old: Household | None, why: Why, tx: Tx) -> None:
    """Into a household of one's own, without a No. KK so far."""
    await _refuse_leaving_head(move.person, tx)
    own = await new_household(None, move.place["area"], why, tx)
    await transfer(move.person, own, None, why, tx, move.place)
    _tell_households(tx, *filter(None, (old,)))


async def _refuse_leaving_head(person: Person, tx: Tx) -> None:
    if person.is_head and person.household_id and await others_of(person, tx):
        sentence = "The head of a household leaves it: name another head first, or move the whole household."
        raise Refused("head-leaves", sentence, "conflict", household_id=str(person.household_id))


def _tell_households(tx: Tx, *households: Household) -> None:
    for household in households:
        tx.emit(HouseholdChanged(household_id=str(household.id), fields=["members"]), of=household)
