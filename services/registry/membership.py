"""Who is in a household, as what, and under which No. KK; the past of both is written when something changes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Literal
from uuid import UUID

from sqlalchemy import select

from services.registry.models import Household, Person
from services.registry.people_models import HouseholdNumber, PastMember, PersonChange
from services.registry.rules import READ
from services.registry.statements import flush_numbers, given, state
from sinergi.db import Tx, new_id
from sinergi.problems import Refused

HEAD: Literal["KEPALA KELUARGA"] = "KEPALA KELUARGA"

#: the relations to the head that a Kartu Keluarga knows (Dukcapil's SHDK), without the head
Relation = Literal[
    "SUAMI",
    "ISTRI",
    "ANAK",
    "MENANTU",
    "CUCU",
    "ORANG TUA",
    "MERTUA",
    "FAMILI LAIN",
    "PEMBANTU",
    "LAINNYA",
]
#: of somebody whom nobody gave a relation
UNKNOWN: Relation = "FAMILI LAIN"


@dataclass(frozen=True, slots=True)
class Why:
    """Since which day a change holds, why, and who says so."""

    on: date
    reason: str
    by: str

    def checked(self) -> "Why":
        """Itself; `date-in-future` for a day that has not come."""
        if self.on > date.today():
            raise Refused("date-in-future", "The day has not come yet.")
        return self


def note(person: Person, kind: str, why: Why, tx: Tx, evidence: str | None = None) -> None:
    """Keep in the person's history why something changed, and what proves it."""
    told = {"kind": kind, "happened_on": why.on, "reason": why.reason, "evidence": evidence, "by": why.by}
    tx.add(PersonChange(id=new_id(), person_id=person.id, **told))


async def transfer(
    person: Person, household: Household, relation: str | None, why: Why, tx: Tx, place: Mapping[str, Any] | None = None
) -> list[str]:
    """Put a person, whose row is held, into a household as this, at this place (fields); returns what changed.

    Into a household without a No. KK the person brings the last one that is known: a record cannot say that there is
    none, and who keeps a KK stays where he is (golden.py).
    """
    await _remember(person, household, why, tx)
    person.household_id = household.id
    return await relate(person, household, relation, tx, place)


async def relate(
    person: Person, household: Household, relation: str | None, tx: Tx, place: Mapping[str, Any] | None = None
) -> list[str]:
    """Say what somebody is in his household, and where it lives; returns the fields that changed."""
    said: dict[str, Any] = {"kk": household.kk or person.kk}
    if relation:
        said |= READ["relation"](relation)
    return await state(person, given(said | dict(place or {})), "entry", tx)


def place_of(person: Person) -> dict[str, Any]:
    """Where a person lives, as fields."""
    return {name: getattr(person, name) for name in ("area", "address", "rt", "rw")}


async def _remember(person: Person, household: Household, why: Why, tx: Tx) -> None:
    """Write down what is left, and since when it was so if that was written down too."""
    tx.add(
        PastMember(
            id=new_id(),
            person_id=person.id,
            household_id=person.household_id,
            relation=person.relation,
            is_head=person.is_head,
            from_on=await _since(person, tx),
            until_on=why.on,
            to_household_id=household.id,
            reason=why.reason,
            by=why.by,
        )
    )
    await tx.session.flush()


async def _since(person: Person, tx: Tx) -> date | None:
    """When the person came to where he is, if it was a change that brought him there and not a list."""
    last = await last_membership(person, tx)
    return last.until_on if last and last.to_household_id == person.household_id else None


async def last_membership(person: Person, tx: Tx) -> PastMember | None:
    """The household that the person left last."""
    rows = select(PastMember).where(PastMember.person_id == person.id).order_by(PastMember.id.desc()).limit(1)
    return (await tx.session.scalars(rows)).one_or_none()


# --------------------------------------------------------------------- the head


def the_head(members: Sequence[Person], named: UUID | None) -> Person:
    """The one head of these people: who is named, else the only one there is. Refused: `head-needed`."""
    heads = [one for one in members if (one.id == named if named else one.is_head)]
    if len(heads) != 1:
        sentence = "A household has one head: name one of those who are in it."
        raise Refused("head-needed", sentence, persons=[str(one.id) for one in members])
    return heads[0]


def relation_of(person: Person, head: Person, told: Mapping[UUID, Any]) -> str:
    """What somebody is in a household with this head: as told, else as before."""
    if person.id == head.id:
        return person.relation if person.is_head and person.relation else HEAD
    before = person.relation if person.relation and not person.is_head else UNKNOWN
    return str(told.get(person.id, before))


async def head_of(household_id: UUID, tx: Tx, without: UUID | None = None) -> UUID | None:
    """The living head of a household, leaving one person out; None when there is none."""
    heads = select(Person.id).where(Person.household_id == household_id, Person.state == "active", Person.is_head)
    return (await tx.session.scalars(heads.where(Person.id.is_distinct_from(without)).limit(1))).one_or_none()


# ---------------------------------------------------------------------- No. KK


async def household_with(kk: str, tx: Tx) -> Household | None:
    """The household that has this No. KK now."""
    return (await tx.session.scalars(select(Household).where(Household.kk == kk))).one_or_none()


async def new_household(kk: str | None, area: str, why: Why, tx: Tx) -> Household:
    """An empty household; `kk-known` when another has the No. KK."""
    household = Household(id=new_id(), version=0, area=area)
    tx.add(household)
    await tx.session.flush()
    if kk:
        await renumber(household, kk, why, tx)
    return household


async def renumber(household: Household, kk: str | None, why: Why, tx: Tx) -> None:
    """Give a household, whose row is held, another No. KK, or none. Refused: `kk-known`."""
    if kk and (other := await household_with(kk, tx)) and other.id != household.id:
        sentence = "Another household has this No. KK. Merge the two, or look at the number again."
        raise Refused("kk-known", sentence, "conflict", household_id=str(other.id))
    await _end_number(household, why, tx)
    household.kk = kk
    if kk:
        number = {"id": new_id(), "household_id": household.id, "kk": kk, "from_on": why.on, "reason": why.reason}
        tx.add(HouseholdNumber(**number))
    await flush_numbers(tx)


async def _end_number(household: Household, why: Why, tx: Tx) -> None:
    if household.kk is None:
        return
    now = select(HouseholdNumber).where(
        HouseholdNumber.household_id == household.id, HouseholdNumber.until_on.is_(None)
    )
    number = (await tx.session.scalars(now)).one_or_none()
    if number is None:  # it came with a list: since when it has the number, nobody wrote down
        number = HouseholdNumber(id=new_id(), household_id=household.id, kk=household.kk, reason="as the lists say")
        tx.add(number)
    number.until_on = why.on
    await tx.session.flush()
