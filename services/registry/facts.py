"""Facts of a client for rules of eligibility: codes and numbers, only those that are asked for, never a name or NIK.

The asking service keeps nothing of them. A client outside the asker's area has no facts here, so that the judgement
there is "cannot tell". What the registry does not know is None, and never guessed; what it holds as complete (PPKS
categories, aid received) is what it says, and a disability that nobody assessed is not known.
"""

from collections.abc import Callable, Coroutine, Sequence
from datetime import date
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import Field, StringConstraints
from sqlalchemy import text

from services.registry.area_sql import RECEIVING_DAYS
from services.registry.clients import client_of
from services.registry.commands import Request
from services.registry.desil import is_stale
from services.registry.models import Person
from services.registry.needs import MEMBERS, categories_now
from sinergi.auth import Actor, covers, permit
from sinergi.db import Tx

FactName = Literal["age", "sex", "desil", "categories", "disability", "programmes", "identity_known", "area", "members"]
FactCode = Annotated[str, StringConstraints(pattern=r"^[a-zA-Z][a-zA-Z0-9_-]{0,39}$")]

_DISABILITIES = text(f"SELECT DISTINCT kind FROM disabilities WHERE person_id = {MEMBERS} AND ended_at IS NULL")
#: what the person, or the household, received within a year
_PROGRAMMES = text(
    f"""SELECT DISTINCT programme FROM aid_entries
        WHERE withdrawn_at IS NULL AND given_on > current_date - {RECEIVING_DAYS}
          AND (person_id = {MEMBERS} OR household_id = :household)"""
)


class AskFacts(Request):
    """Which facts, and of those that are codes which codes matter to the asker; no others are told."""

    client_kind: Literal["person", "household", "group"]
    client_id: UUID
    facts: dict[FactName, Annotated[list[FactCode], Field(max_length=200)]]
    purpose: str = Field(min_length=3, max_length=200)
    asked_by: str = Field(max_length=200)
    agency: str = Field(pattern="^[a-z0-9-]{2,12}$")
    within: str = Field(max_length=13)


@permit("person.facts")
async def facts(what: AskFacts, actor: Actor, tx: Tx) -> dict[str, Any]:
    """`{"members": n, "people": [{fact: value or None}]}`, audited with who asked and why. Refused: `not-found`."""
    _, people = await client_of(what.client_kind, what.client_id, tx)
    seen = [one.id for one in people if covers(what.within, one.area)]
    purpose = f"{what.purpose} (agency {what.agency}, asked by {what.asked_by})"
    await tx.audit("person.facts", "person", seen, purpose)
    told = [await _of(person, what, tx) if person.id in seen else _nothing_of(what) for person in people]
    return {"people": told, "members": len(people) if seen and "members" in what.facts else None}


async def _of(person: Person, what: AskFacts, tx: Tx) -> dict[str, Any]:
    return {
        name: await _FACTS[name](person, frozenset(codes), tx) for name, codes in what.facts.items() if name in _FACTS
    }


def _nothing_of(what: AskFacts) -> dict[str, None]:
    return {name: None for name in what.facts if name in _FACTS}


async def _age(person: Person, codes: frozenset[str], tx: Tx) -> int | None:
    born, today = person.birth_date, date.today()
    if born is None:
        return None
    return today.year - born.year - ((today.month, today.day) < (born.month, born.day))


async def _sex(person: Person, codes: frozenset[str], tx: Tx) -> str | None:
    return person.sex


async def _desil(person: Person, codes: frozenset[str], tx: Tx) -> int | None:
    """A desil of a stale period is not known: it may be another by now."""
    return None if is_stale(person.desil_period) else person.desil


async def _area(person: Person, codes: frozenset[str], tx: Tx) -> str:
    return person.area


async def _identity_known(person: Person, codes: frozenset[str], tx: Tx) -> bool:
    return person.nik is not None and not person.unmatched


async def _categories(person: Person, codes: frozenset[str], tx: Tx) -> Sequence[str]:
    return sorted(codes & set(await categories_now(person.id, tx)))


async def _programmes(person: Person, codes: frozenset[str], tx: Tx) -> Sequence[str]:
    whose = {"person": person.id, "household": person.household_id}
    return sorted(codes & set(await tx.session.scalars(_PROGRAMMES, whose)))


async def _disability(person: Person, codes: frozenset[str], tx: Tx) -> Sequence[str] | None:
    known = set(await tx.session.scalars(_DISABILITIES, {"person": person.id}))
    return sorted(codes & known) if known else None


_FACTS: dict[str, Callable[[Person, frozenset[str], Tx], Coroutine[Any, Any, Any]]] = {
    "age": _age,
    "sex": _sex,
    "desil": _desil,
    "area": _area,
    "identity_known": _identity_known,
    "categories": _categories,
    "programmes": _programmes,
    "disability": _disability,
}
