"""What a household can be asked: who is in it, who was, and which No. KK it had. Every reading is written down."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from pydantic import Field
from sqlalchemy import select

from services.registry.commands import Request
from services.registry.models import Household, Person
from services.registry.people_models import HouseholdNumber, PastMember
from services.registry.queries import mask_name
from sinergi.auth import Actor, covers, permit
from sinergi.db import Tx
from sinergi.problems import Refused


class ReadHousehold(Request):
    """One household, for a purpose that goes into the audit."""

    household_id: UUID
    purpose: str = Field(min_length=3, max_length=200)


@permit("household.read")
async def read_household(what: ReadHousehold, actor: Actor, tx: Tx) -> dict[str, Any]:
    """A household with its members and its past; who lives or lived outside the actor's area is masked."""
    household = await tx.get(Household, what.household_id)
    members, dead = await _members(household.id, tx), await _members(household.id, tx, "dead")
    if not _sees(actor, household, members):
        raise Refused("outside-your-area", f"This lies outside your area {actor.area}.", "forbidden")
    past = await _past(household.id, tx)
    seen = dict.fromkeys([person.id for person in (*members, *dead)] + [person.id for _, person in past])
    await tx.audit("household.read", "person", list(seen), f"{what.purpose} (household {household.id})")
    head = next((str(person.id) for person in members if person.is_head), None)
    return {
        "id": str(household.id),
        "version": household.version,
        "area": household.area,
        "kk": household.kk,
        "head_id": head,
        "members": [_member(person, actor) for person in members],
        "died": [_member(person, actor) | {"died_on": person.died_on} for person in dead],
        "past_members": [_past_member(row, person, actor) for row, person in past],
        "numbers": [_number(row) for row in await _numbers(household.id, tx)],
    }


async def _members(household_id: UUID, tx: Tx, state: str = "active") -> Sequence[Person]:
    rows = select(Person).where(Person.household_id == household_id, Person.state == state)
    return (await tx.session.scalars(rows.order_by(Person.is_head.desc(), Person.birth_date, Person.id))).all()


async def _past(household_id: UUID, tx: Tx) -> list[tuple[PastMember, Person]]:
    rows = select(PastMember, Person).join(Person, Person.id == PastMember.person_id)
    found = await tx.session.execute(rows.where(PastMember.household_id == household_id).order_by(PastMember.id))
    return [(row, person) for row, person in found]


async def _numbers(household_id: UUID, tx: Tx) -> Sequence[HouseholdNumber]:
    rows = select(HouseholdNumber).where(HouseholdNumber.household_id == household_id)
    return (await tx.session.scalars(rows.order_by(HouseholdNumber.id))).all()


def _sees(actor: Actor, household: Household, members: Sequence[Person]) -> bool:
    """A household lies where its row says; one of a list that says nothing, where its members live."""
    areas = [household.area] if household.area else [person.area for person in members]
    return any(covers(actor.area, area) for area in areas) or actor.area == "*"


def _name(person: Person, actor: Actor) -> str:
    return person.name if covers(actor.area, person.area) else mask_name(person.name)


def _member(person: Person, actor: Actor) -> dict[str, Any]:
    return {
        "person_id": str(person.id),
        "version": person.version,
        "name": _name(person, actor),
        "sex": person.sex,
        "birth_year": person.birth_date.year if person.birth_date else None,
        "relation": person.relation,
        "is_head": person.is_head,
        "area": person.area,
    }


def _past_member(row: PastMember, person: Person, actor: Actor) -> dict[str, Any]:
    told = ("relation", "is_head", "from_on", "until_on", "reason", "by", "to_household_id")
    return {"person_id": str(person.id), "name": _name(person, actor)} | {name: getattr(row, name) for name in told}


def _number(row: HouseholdNumber) -> dict[str, Any]:
    return {"kk": row.kk, "from_on": row.from_on, "until_on": row.until_on, "reason": row.reason}


class FindHousehold(Request):
    """Households by No. KK, the present one and those of the past."""

    kk: str = Field(pattern="^[0-9]{1,16}$")
    purpose: str = Field(min_length=3, max_length=200)


@permit("household.read")
async def find_household(what: FindHousehold, actor: Actor, tx: Tx) -> dict[str, Any]:
    """The households of the actor's area that have or had this No. KK, the present one first."""
    had = select(HouseholdNumber.household_id).where(HouseholdNumber.kk == what.kk)
    rows = select(Household).where((Household.kk == what.kk) | Household.id.in_(had))
    known = (await tx.session.scalars(rows)).all()
    found = [one for one in known if _sees(actor, one, await _members(one.id, tx))]
    found.sort(key=lambda household: (household.kk != what.kk, household.id))
    await tx.audit("household.find", "household", [household.id for household in found], what.purpose)
    return {"items": [_found(household, what.kk) for household in found]}


def _found(household: Household, kk: str) -> dict[str, Any]:
    return {"id": str(household.id), "version": household.version, "area": household.area, "now": household.kk == kk}
