"""What can be done with a household: split, merge, move, another head. One head each; a person is in one at most.

Everybody who changes a household holds its members' rows, then its own (locking.py), and expects the version that he
saw: whoever comes second reads it again.
"""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any
from uuid import UUID

from pydantic import Field
from pydantic.json_schema import SkipJsonSchema

from services.registry.commands import Request
from services.registry.locking import lock_whole
from services.registry.membership import (
    UNKNOWN,
    Relation,
    Why,
    new_household,
    note,
    place_of,
    relate,
    relation_of,
    renumber,
    the_head,
    transfer,
)
from services.registry.models import Household, Person
from services.registry.statements import given, state, understood
from sinergi.auth import Actor, permit
from sinergi.db import Tx
from sinergi.events import HouseholdChanged, HouseholdMerged, HouseholdSplit, PersonChanged, PersonMoved
from sinergi.problems import Refused

FROM_THE_PATH = UUID(int=0)
KELURAHAN = r"^[0-9]{2}\.[0-9]{2}\.[0-9]{2}\.[0-9]{4}$"


class OnHousehold(Request):
    """A command on a household as the actor last saw it, with the day since when it is so, and why.

    `relations`: person -> what he is to the head from now on; who is not named stays what he was.
    """

    household_id: SkipJsonSchema[UUID] = FROM_THE_PATH
    expected_version: int = Field(ge=0)
    on: date
    reason: str = Field(min_length=3, max_length=300)
    relations: dict[UUID, Relation] = Field(default_factory=dict, max_length=100)

    def why(self, actor: Actor) -> Why:
        """As it goes into the history; `date-in-future` for a day that has not come."""
        return Why(self.on, self.reason, actor.id).checked()


class SplitHousehold(OnHousehold):
    """These members are a household of their own (pecah KK), with a new No. KK or none yet.

    `head_id`: its head. `staying_head_id`: the head of those who stay; needed when the old one leaves.
    """

    persons: list[UUID] = Field(min_length=1, max_length=100)
    head_id: UUID
    staying_head_id: UUID | None = None
    kk: str | None = Field(None, pattern="^[0-9]{16}$")


@permit("household.change")
async def split_household(cmd: SplitHousehold, actor: Actor, tx: Tx) -> dict[str, Any]:
    """Members leave into a new household."""
    why = cmd.why(actor)
    households, members = await lock_whole({cmd.household_id: cmd.expected_version}, actor, tx)
    old = households[cmd.household_id]
    movers, stayers = _parted(members[old.id], cmd.persons)
    head, staying_head = the_head(movers, cmd.head_id), the_head(stayers, cmd.staying_head_id)
    new = await new_household(cmd.kk, old.area or head.area, why, tx)
    for person in movers:
        await transfer(person, new, relation_of(person, head, cmd.relations), why, tx)
        tx.emit(_moved(person, person.area), of=person)
    await _lead(stayers, old, staying_head, cmd.relations, why, tx)
    ids = sorted(str(person.id) for person in movers)
    tx.emit(HouseholdSplit(household_id=str(old.id), new_household_id=str(new.id), persons=ids), of=old)
    return _answer(old) | {"new_household_id": str(new.id)}


def _parted(members: Sequence[Person], leaving: Sequence[UUID]) -> tuple[list[Person], list[Person]]:
    """Who leaves, and who stays; both are somebody."""
    strangers = set(leaving) - {person.id for person in members}
    if strangers:
        raise Refused("not-a-member", "Somebody is not in this household.", persons=sorted(map(str, strangers)))
    movers = [person for person in members if person.id in leaving]
    stayers = [person for person in members if person.id not in leaving]
    if not stayers:
        raise Refused("nobody-stays", "Everybody would leave: move the household, or give it another No. KK.")
    return movers, stayers


async def _lead(
    members: Sequence[Person], household: Household, head: Person, told: Mapping[UUID, Any], why: Why, tx: Tx
) -> None:
    """Make this one the head, and the others what they are to him; who changes is told of."""
    for person in members:
        relation = relation_of(person, head, told)
        after = relation, person is head, household.kk or person.kk
        if (person.relation, person.is_head, person.kk) != after:
            changed = await relate(person, household, relation, tx)
            note(person, "related", why, tx)
            tx.emit(PersonChanged(person_id=str(person.id), fields=changed), of=person)


class MergeHouseholds(OnHousehold):
    """The members of the other household come into this one, and live where its head lives; the other is empty then.

    `head_id`: the head of all, if it is not the one of this household.
    """

    other_id: UUID
    other_version: int = Field(ge=0)
    head_id: UUID | None = None


@permit("household.change")
async def merge_households(cmd: MergeHouseholds, actor: Actor, tx: Tx) -> dict[str, Any]:
    """Two households become one."""
    why = cmd.why(actor)
    if cmd.other_id == cmd.household_id:
        raise Refused("household-itself", "A household does not merge with itself.")
    expected = {cmd.household_id: cmd.expected_version, cmd.other_id: cmd.other_version}
    households, members = await lock_whole(expected, actor, tx)
    target, other = households[cmd.household_id], households[cmd.other_id]
    host = the_head(members[target.id], None if cmd.head_id in _ids(members[other.id]) else cmd.head_id)
    head = the_head(members[target.id] + members[other.id], cmd.head_id or host.id)
    await _one_number(target, other, why, tx)
    for person in members[other.id]:
        await _come_in(person, target, host, relation_of(person, head, cmd.relations), why, tx)
    await _lead(members[target.id], target, head, cmd.relations, why, tx)
    ids = sorted(str(person.id) for person in members[other.id])
    merged = HouseholdMerged(household_id=str(target.id), merged_household_id=str(other.id), persons=ids)
    tx.emit(merged, of=target)
    tx.emit(HouseholdChanged(household_id=str(other.id), fields=["kk", "members"]), of=other)
    return _answer(target)


async def _one_number(target: Household, other: Household, why: Why, tx: Tx) -> None:
    """The household's No. KK counts for all; where it has none, the other's."""
    kk = target.kk or other.kk
    await renumber(other, None, why, tx)
    if kk != target.kk:
        await renumber(target, kk, why, tx)


def _ids(members: Sequence[Person]) -> set[UUID]:
    return {person.id for person in members}


async def _come_in(person: Person, household: Household, host: Person, relation: str, why: Why, tx: Tx) -> None:
    """Into the household, and to where its head lives."""
    left = person.area
    await transfer(person, household, relation, why, tx, place_of(host))
    tx.emit(_moved(person, left), of=person)


class MoveHousehold(OnHousehold):
    """All members live elsewhere (`area` with address, RT and RW), or have another No. KK, or both."""

    area: str | None = Field(None, pattern=KELURAHAN)
    address: str | None = Field(None, max_length=200)
    rt: str | None = Field(None, pattern="^[0-9]{1,3}$")
    rw: str | None = Field(None, pattern="^[0-9]{1,3}$")
    kk: str | None = Field(None, pattern="^[0-9]{16}$")


@permit("household.change")
async def move_household(cmd: MoveHousehold, actor: Actor, tx: Tx) -> dict[str, Any]:
    """The whole household moves; its members lay in the actor's area until now."""
    why, fields = cmd.why(actor), _where(cmd)
    households, members = await lock_whole({cmd.household_id: cmd.expected_version}, actor, tx)
    household = households[cmd.household_id]
    if cmd.kk:
        await renumber(household, cmd.kk, why, tx)
        fields["kk"] = cmd.kk
    household.area = cmd.area or household.area
    for person in members[household.id]:
        await _carry(person, fields, why, tx)
    changed = sorted({"area", "kk"} & set(fields))
    tx.emit(HouseholdChanged(household_id=str(household.id), fields=changed), of=household)
    return _answer(household)


def _where(cmd: MoveHousehold) -> dict[str, Any]:
    """The place as the registry keeps it; nothing when only the No. KK is new."""
    place = {"area": cmd.area, "address": cmd.address, "rt": cmd.rt, "rw": cmd.rw}
    if cmd.area:
        return understood(place).values
    if any(place.values()) or not cmd.kk:
        raise Refused("area-missing", "Give the kelurahan of the new address, or a new No. KK.")
    return {}


async def _carry(person: Person, fields: Mapping[str, Any], why: Why, tx: Tx) -> None:
    left = person.area
    changed = await state(person, given(fields), "entry", tx)
    if "area" in fields:
        note(person, "moved", why, tx)
        tx.emit(_moved(person, left), of=person)
    elif changed:
        tx.emit(PersonChanged(person_id=str(person.id), fields=changed), of=person)


class ChangeHead(OnHousehold):
    """Another member is the head of the family. `old_head_is`: what the old one is to the new one."""

    head_id: UUID
    old_head_is: Relation = UNKNOWN


@permit("household.change")
async def change_head(cmd: ChangeHead, actor: Actor, tx: Tx) -> dict[str, Any]:
    """Make another member the head."""
    why = cmd.why(actor)
    households, members = await lock_whole({cmd.household_id: cmd.expected_version}, actor, tx)
    household, inside = households[cmd.household_id], members[cmd.household_id]
    if cmd.head_id not in _ids(inside):
        raise Refused("not-a-member", "Somebody is not in this household.", persons=[str(cmd.head_id)])
    told = {person.id: cmd.old_head_is for person in inside if person.is_head} | cmd.relations
    await _lead(inside, household, the_head(inside, cmd.head_id), told, why, tx)
    tx.emit(HouseholdChanged(household_id=str(household.id), fields=["head"]), of=household)
    return _answer(household)


def _moved(person: Person, left: str) -> PersonMoved:
    household = str(person.household_id) if person.household_id else None
    return PersonMoved(person_id=str(person.id), from_area=left, to_area=person.area, household_id=household)


def _answer(household: Household) -> dict[str, Any]:
    return {"id": str(household.id), "version": household.version}
