"""PPKS categories and special groups of a person: what the lists say, and what somebody added or ended by hand."""

from collections.abc import Sequence
from datetime import date
from typing import Any
from uuid import UUID

from pydantic import Field
from sqlalchemy import bindparam, or_, select, text

from services.registry.commands import Request
from services.registry.known_models import Need
from services.registry.locking import lock_person
from services.registry.marks import mark
from services.registry.models import Person
from services.registry.ppks import NEEDS, SPECIAL_GROUPS
from sinergi.auth import Actor, permit
from sinergi.db import Tx, new_id
from sinergi.events import PersonChanged
from sinergi.problems import Refused

#: health, violence and sexual life: specific data (UU 27/2022, article 4); never part of an export
SPECIFIC = frozenset(
    ("anak-korban-kekerasan", "anak-berhadapan-hukum", "tuna-susila", "hiv-aids", "korban-napza", "korban-trafficking",
     "korban-kekerasan", "bekas-warga-binaan", "anak-disabilitas", "penyandang-disabilitas")
)  # fmt: skip

#: the person, and whoever was merged into him or her
MEMBERS = "ANY (ARRAY(SELECT id FROM persons WHERE id = :person OR survivor_id = :person))"

#: the newest list of each source that holds the person; a statement by hand that names no category says nothing of it
_LISTED = text(
    f"""SELECT DISTINCT ON (source, need) record_id, source, observed_on, need FROM (
          SELECT r.id AS record_id, r.source, r.observed_on, r.need, rank() OVER (
                   PARTITION BY r.source ORDER BY r.observed_on DESC, coalesce(r.import_id, r.id) DESC) AS place
          FROM attachments a JOIN records r ON r.id = a.record_id
          WHERE a.person_id = {MEMBERS} AND (r.import_id IS NOT NULL OR r.need IS NOT NULL)) newest
        WHERE place = 1 AND need IS NOT NULL ORDER BY source, need, record_id"""
).bindparams(bindparam("person"))


class KnownOf(Request):
    """What is known of one person, for a purpose that goes into the audit."""

    person_id: UUID
    purpose: str = Field(min_length=3, max_length=200)


class ListCategories(Request):
    """All categories."""


@permit("category.list")
async def categories(what: ListCategories, actor: Actor, tx: Tx) -> dict[str, Any]:
    """The 26 PPKS categories in the regulation's order, then the special groups."""
    return {
        "items": [
            {"code": code, "name": name, "name_en": english, "special_group": code in SPECIAL_GROUPS}
            for code, (name, english) in NEEDS.items()
        ]
    }


async def opened(what: KnownOf, action: str, actor: Actor, tx: Tx) -> Person:
    """The person who is meant, the survivor of a merge, inside the actor's area; the reading is written down."""
    person = await tx.get(Person, what.person_id)
    if person.survivor_id:
        person = await tx.get(Person, person.survivor_id)
    actor.within(area=person.area)
    await tx.audit(action, "person", [person.id], what.purpose)
    return person


@permit("need.read")
async def needs_of(what: KnownOf, actor: Actor, tx: Tx) -> dict[str, Any]:
    """The categories of a person now, each with who says so, and those that were ended by hand."""
    person = await opened(what, "need.read", actor, tx)
    members = select(Person.id).where(or_(Person.id == person.id, Person.survivor_id == person.id))
    by_hand = (await tx.session.scalars(select(Need).where(Need.person_id.in_(members)).order_by(Need.id))).all()
    listed = (await tx.session.execute(_LISTED, {"person": person.id})).mappings().all()
    now = [_from_list(row) for row in listed if not _is_ended(row, by_hand)]
    items = now + [_from_hand(need) for need in by_hand if need.until is None]
    past = [_from_hand(need) for need in by_hand if need.until is not None]
    return {"person_id": str(person.id), "version": person.version, "items": items, "past": past}


async def categories_now(person_id: UUID, tx: Tx) -> set[str]:
    """The codes of a person's categories now, for whoever has audited the reading."""
    members = select(Person.id).where(or_(Person.id == person_id, Person.survivor_id == person_id))
    by_hand = (await tx.session.scalars(select(Need).where(Need.person_id.in_(members)))).all()
    listed = (await tx.session.execute(_LISTED, {"person": person_id})).mappings().all()
    held = {row["need"] for row in listed if not _is_ended(row, by_hand)}
    return held | {need.category for need in by_hand if need.until is None}


def _is_ended(listed: Any, by_hand: Sequence[Need]) -> bool:
    """What was ended by hand stays ended until a list of a later day says it again."""
    ends = [need.until for need in by_hand if need.until and need.category == listed["need"]]
    return any(until >= listed["observed_on"] for until in ends)


def _from_list(row: Any) -> dict[str, Any]:
    said = {"since": row["observed_on"], "until": None, "source": row["source"], "record_id": str(row["record_id"])}
    return _named(row["need"]) | said | {"id": None}


def _from_hand(need: Need) -> dict[str, Any]:
    fields = ("since", "until", "source", "by", "reason", "ended_by", "ended_reason")
    return _named(need.category) | {name: getattr(need, name) for name in fields} | {"id": str(need.id)}


def _named(category: str) -> dict[str, Any]:
    name, english = NEEDS.get(category, (category, category))
    return {"category": category, "name": name, "name_en": english, "special_group": category in SPECIAL_GROUPS}


class AddNeed(Request):
    """Somebody is in a category since that day."""

    person_id: UUID
    expected_version: int
    category: str = Field(max_length=40)
    since: date
    reason: str = Field(min_length=3, max_length=500)


@permit("need.write")
async def add_need(cmd: AddNeed, actor: Actor, tx: Tx) -> dict[str, Any]:
    """Put a person into a category. Refused: `category-unknown`, `need-known`, `since-in-future`."""
    _refuse_unknown(cmd.category, cmd.since)
    person = await lock_person(cmd.person_id, cmd.expected_version, actor, tx)
    if await _standing(person.id, cmd.category, tx):
        raise Refused("need-known", "This person is in this category already.", "conflict")
    need = Need(
        id=new_id(), person_id=person.id, source="entry", by=actor.id,
        category=cmd.category, since=cmd.since, reason=cmd.reason,
    )  # fmt: skip
    tx.add(need)
    return await _told(person, need, tx)


class EndNeed(Request):
    """Somebody is no longer in a category since that day."""

    person_id: UUID
    expected_version: int
    category: str = Field(max_length=40)
    until: date
    reason: str = Field(min_length=3, max_length=500)


@permit("need.write")
async def end_need(cmd: EndNeed, actor: Actor, tx: Tx) -> dict[str, Any]:
    """Take a person out of a category, whoever said it: a list of that day or earlier does not bring it back.

    Refused: `category-unknown`, `need-not-known`, `ends-before-it-began`.
    """
    _refuse_unknown(cmd.category, cmd.until)
    person = await lock_person(cmd.person_id, cmd.expected_version, actor, tx)
    needs = await _standing(person.id, cmd.category, tx) or [await _from_lists(person.id, cmd.category, actor, tx)]
    since = max(need.since for need in needs)
    if since > cmd.until:
        raise Refused("ends-before-it-began", f"It is known since {since.isoformat()}: end it then or later.")
    for need in needs:
        need.until, need.ended_by, need.ended_reason = cmd.until, actor.id, cmd.reason
    return await _told(person, needs[0], tx)


async def _standing(person_id: UUID, category: str, tx: Tx) -> Sequence[Need]:
    """The rows by hand that hold now: one of the person, and one of each who was merged into him or her."""
    members = select(Person.id).where(or_(Person.id == person_id, Person.survivor_id == person_id))
    rows = select(Need).where(Need.person_id.in_(members), Need.category == category, Need.until.is_(None))
    return (await tx.session.scalars(rows.order_by(Need.id))).all()


async def _from_lists(person_id: UUID, category: str, actor: Actor, tx: Tx) -> Need:
    rows = (await tx.session.execute(_LISTED, {"person": person_id})).mappings()
    said = [row for row in rows if row["need"] == category]
    if not said:
        raise Refused("need-not-known", "This person is not in this category.", "conflict")
    newest = max(said, key=lambda row: row["observed_on"])
    need = Need(
        id=new_id(), person_id=person_id, source=newest["source"], by=actor.id, category=category,
        since=newest["observed_on"], reason="as listed",
    )  # fmt: skip
    tx.add(need)
    return need


def _refuse_unknown(category: str, day: date) -> None:
    if category not in NEEDS:
        raise Refused("category-unknown", "There is no such category. GET /categories lists them.")
    if day > date.today():
        raise Refused("day-in-future", "Name today or a day in the past.")


async def _told(person: Person, need: Need, tx: Tx) -> dict[str, Any]:
    await mark([person.area], tx)
    tx.emit(PersonChanged(person_id=str(person.id), fields=["needs"]), of=person)
    return {"id": str(need.id), "person_id": str(person.id), "version": person.version}
