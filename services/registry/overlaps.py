"""Who gets what already: the aid entries that a new one would double, or that exclude it.

A programme for persons counts by person, one for households by all members of the household.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import Uuid, bindparam, text
from sqlalchemy.dialects.postgresql import ARRAY

from services.registry.programmes import Programme, Programmes, overlap
from sinergi.db import Tx


@dataclass(frozen=True, slots=True)
class Recipient:
    """Whom the aid is for: a person (with the household that he or she lives in), or a household itself."""

    person_id: UUID | None
    household_id: UUID | None


@dataclass(frozen=True, slots=True)
class Standing:
    """An entry that a new one meets. `double`: the same programme; otherwise one that excludes it."""

    entry_id: UUID
    programme: str
    period: str
    reference: str
    double: bool


#: one at a time decides about aid: two clerks cannot both find nothing
_ONE_AT_A_TIME = text("SELECT pg_advisory_xact_lock(hashtext('registry-aid'))")

#: of each recipient all entries of these programmes: the own ones, and those of the household and its members
_ENTRIES = text(
    """SELECT t.place, e.id, e.programme, e.period, e.reference, e.own
       FROM unnest(:persons, :households) WITH ORDINALITY AS t(person, household, place),
       LATERAL (
         SELECT e.*, true AS own FROM persons m JOIN aid_entries e ON e.person_id = m.id
         WHERE m.id = t.person OR m.survivor_id = t.person
         UNION ALL
         SELECT e.*, t.person IS NULL FROM aid_entries e WHERE e.household_id = t.household
         UNION ALL
         SELECT e.*, false FROM persons m JOIN aid_entries e ON e.person_id = m.id
         WHERE m.household_id = t.household
           AND (t.person IS NULL OR m.id <> t.person AND m.survivor_id IS DISTINCT FROM t.person)) e
       WHERE e.withdrawn_at IS NULL AND e.programme = ANY (:programmes)
       ORDER BY t.place, e.id"""
).bindparams(bindparam("persons", type_=ARRAY(Uuid())), bindparam("households", type_=ARRAY(Uuid())))


async def take_turn(tx: Tx) -> None:
    """Wait until nobody else decides about aid; held until this transaction ends."""
    await tx.session.execute(_ONE_AT_A_TIME)


async def standing(recipients: Sequence[Recipient], programme: Programme, period: str, tx: Tx) -> list[list[Standing]]:
    """For each recipient the entries that the aid of this programme and period would meet; the caller has its turn."""
    excluded = Programmes.current().excluded_by(programme)
    values = {
        "persons": [one.person_id for one in recipients],
        "households": [one.household_id for one in recipients],
        "programmes": sorted(excluded | {programme.code}),
    }
    found: list[list[Standing]] = [[] for _ in recipients]
    for row in await tx.session.execute(_ENTRIES, values):
        if overlap(row.period, period) and (row.own or _shared(programme, row.programme, recipients[row.place - 1])):
            double = row.programme == programme.code
            found[row.place - 1].append(Standing(row.id, row.programme, row.period, row.reference, double))
    return found


def _shared(programme: Programme, other: str, recipient: Recipient) -> bool:
    """Whether an entry of somebody else in the household counts: one of the two is for the household as a whole."""
    known = Programmes.current().by_code.get(other)
    return recipient.person_id is None or "household" in (programme.per, known.per if known else "household")
