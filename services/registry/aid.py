"""The aid ledger (bantuan): who already gets what, from whom, for which period; nothing twice.

Entries are never changed: one that is wrong is withdrawn, with a reason, and stays readable.
"""

from collections.abc import Iterable, Sequence
from datetime import date
from typing import Any
from uuid import UUID

from pydantic import Field, model_validator
from sqlalchemy import text

from services.registry.commands import Request
from services.registry.known_models import AidEntry
from services.registry.marks import mark
from services.registry.models import Household, Person
from services.registry.needs import MEMBERS, KnownOf, opened
from services.registry.overlaps import Recipient, Standing, standing, take_turn
from services.registry.programmes import Programmes, check_period, overlap
from sinergi.auth import Actor, permit
from sinergi.db import Tx, new_id
from sinergi.problems import Refused

_NOW = text("SELECT now()")

#: the person's own entries, those of the household, and those of its other members
_LEDGER = text(
    f"""SELECT e.*, 'person' AS whose FROM aid_entries e WHERE e.person_id = {MEMBERS}
        UNION ALL SELECT e.*, 'household' FROM aid_entries e WHERE e.household_id = :household
        UNION ALL SELECT e.*, 'member' FROM persons m JOIN aid_entries e ON e.person_id = m.id
          WHERE m.household_id = :household AND m.id <> :person AND m.survivor_id IS DISTINCT FROM :person
        ORDER BY given_on DESC, id DESC LIMIT 500"""
)
_SHOWN = (
    *("programme", "period", "amount", "kind", "giver", "given_on", "reference", "excluded_by", "by", "at"),
    *("withdrawn_at", "withdrawn_by", "withdrawn_reason", "whose"),
)


class RecordAid(Request):
    """Aid that one person or one household received: money in whole rupiah, or a kind of goods or service.

    `despite`: why it is written down although a programme that excludes it was received too; it is flagged then.
    """

    person_id: UUID | None = None
    household_id: UUID | None = None
    programme: str = Field(max_length=40)
    period: str = Field(max_length=10, description="2026, 2026-Q3 or 2026-07, as the programme pays")
    amount: int | None = Field(None, gt=0, le=10**12)
    kind: str | None = Field(None, min_length=2, max_length=100)
    giver: str = Field(pattern="^[a-z0-9-]{2,12}$", description="code of the agency")
    given_on: date
    reference: str = Field(min_length=1, max_length=100)
    despite: str | None = Field(None, min_length=3, max_length=500)

    @model_validator(mode="after")
    def one_recipient(self) -> "RecordAid":
        """One recipient, and something that was given."""
        if (self.person_id is None) == (self.household_id is None):
            raise ValueError("name a person or a household")
        if self.amount is None and self.kind is None:
            raise ValueError("name an amount or a kind")
        return self


@permit("aid.write")
async def record_aid(cmd: RecordAid, actor: Actor, tx: Tx) -> dict[str, Any]:
    """Write aid down. Refused: `programme-unknown`, `period-unknown`, `day-in-future`, `aid-twice` (with the entry
    that stands), `aid-excluded` (with the entries that exclude it; `despite` writes it down and flags it)."""
    programme = Programmes.current().get(cmd.programme)
    check_period(programme, cmd.period)
    if cmd.given_on > date.today():
        raise Refused("day-in-future", "Name today or a day in the past.")
    recipient, area = await _recipient(cmd, actor, tx)
    await take_turn(tx)
    (met,) = await standing([recipient], programme, cmd.period, tx)
    _refuse_double(met)
    excluded_by = _refuse_excluded(met, cmd.despite)
    given = cmd.model_dump(exclude={"person_id", "household_id", "despite"})
    household = recipient.household_id if recipient.person_id is None else None
    whose = {"person_id": recipient.person_id, "household_id": household}
    entry = AidEntry(id=new_id(), by=actor.id, excluded_by=excluded_by, **whose, **given)
    tx.add(entry)
    await mark([area], tx)
    return {"id": str(entry.id), "excluded_by": excluded_by}


async def _recipient(cmd: RecordAid, actor: Actor, tx: Tx) -> tuple[Recipient, str]:
    if cmd.household_id:
        household = await tx.get(Household, cmd.household_id)
        actor.within(area=household.area or "")
        return Recipient(None, household.id), household.area or ""
    person = await tx.get(Person, cmd.person_id)
    if person.survivor_id:
        person = await tx.get(Person, person.survivor_id)
    actor.within(area=person.area)
    return Recipient(person.id, person.household_id), person.area


def _refuse_double(met: Sequence[Standing]) -> None:
    doubles = [one for one in met if one.double]
    if doubles:
        sentence = "This programme was given for this period already."
        raise Refused("aid-twice", sentence, "conflict", entries=[str(one.entry_id) for one in doubles])


def _refuse_excluded(met: Sequence[Standing], despite: str | None) -> list[str]:
    """The programmes that exclude the new aid, when it is to be written down despite them."""
    excluding = sorted({one.programme for one in met if not one.double})
    if excluding and not despite:
        sentence = "A programme that excludes this one was received in this period. Say why (`despite`) to flag it."
        entries = [str(one.entry_id) for one in met]
        raise Refused("aid-excluded", sentence, "conflict", programmes=excluding, entries=entries)
    return excluding


class WithdrawAid(Request):
    """This entry is wrong: the aid was not given, or to somebody else."""

    entry_id: UUID
    reason: str = Field(min_length=3, max_length=500)


@permit("aid.write")
async def withdraw_aid(cmd: WithdrawAid, actor: Actor, tx: Tx) -> dict[str, Any]:
    """Take an entry back. Refused: `not-found`, `aid-withdrawn`."""
    entry: Any = await tx.session.get(AidEntry, cmd.entry_id, with_for_update=True)
    if entry is None:
        raise Refused("not-found", "There is no such entry.", "not-found")
    area = await _area_of(entry, tx)
    actor.within(area=area)
    if entry.withdrawn_at:
        raise Refused("aid-withdrawn", "This entry was withdrawn already.", "conflict")
    entry.withdrawn_at = (await tx.session.execute(_NOW)).scalar_one()
    entry.withdrawn_by, entry.withdrawn_reason = actor.id, cmd.reason
    await mark([area], tx)
    return {"id": str(entry.id)}


async def _area_of(entry: AidEntry, tx: Tx) -> str:
    if entry.person_id:
        return (await tx.get(Person, entry.person_id)).area
    return (await tx.get(Household, entry.household_id)).area or ""


@permit("aid.read")
async def aid_of(what: KnownOf, actor: Actor, tx: Tx) -> dict[str, Any]:
    """Who already gets what: the entries of the person, the household and its other members, the newest first.

    `doubles` names pairs of standing entries of one programme and period, as a merge may bring them together.
    """
    person = await opened(what, "aid.read", actor, tx)
    values = {"person": person.id, "household": person.household_id}
    rows = (await tx.session.execute(_LEDGER, values)).mappings().all()
    items = [{"id": str(row["id"])} | {name: row[name] for name in _SHOWN} for row in rows]
    return {"person_id": str(person.id), "items": items, "doubles": _doubles(items)}


def _doubles(items: Iterable[dict[str, Any]]) -> list[list[str]]:
    standing = [item for item in items if item["withdrawn_at"] is None]
    return [
        [one["id"], other["id"]]
        for place, one in enumerate(standing)
        for other in standing[place + 1 :]
        if one["programme"] == other["programme"] and overlap(one["period"], other["period"]) and _meet(one, other)
    ]


def _meet(one: dict[str, Any], other: dict[str, Any]) -> bool:
    programme = Programmes.current().by_code.get(one["programme"])
    if programme and programme.per == "person":
        return bool(one["whose"] == other["whose"] == "person")
    return True
