"""Disability of a person: which kinds, of what degree, and the aids that he or she needs, with history.

The four kinds are those of UU 8/2016 article 4(1); who has several is in several rows (its "ganda/multi"). The
degrees and aids are the assessment's words (Permensos?), kept here as data. All of it is specific data (UU 27/2022).
"""

from datetime import date
from typing import Any, Literal, get_args
from uuid import UUID

from pydantic import Field
from sqlalchemy import or_, select, text

from services.registry.commands import Request
from services.registry.known_models import Disability
from services.registry.locking import lock_person
from services.registry.marks import mark
from services.registry.models import Person
from services.registry.needs import KnownOf, opened
from sinergi.auth import Actor, permit
from sinergi.db import Tx, new_id
from sinergi.events import PersonChanged
from sinergi.problems import Refused

Kind = Literal["physical", "intellectual", "mental", "sensory"]
Degree = Literal["mild", "moderate", "severe", "unknown"]
Aid = Literal[
    "wheelchair", "crutches", "walker", "prosthesis", "orthosis", "hearing-aid", "white-cane", "glasses",
    "braille", "sign-language", "communication-aid", "special-bed", "medicine", "companion", "other",
]  # fmt: skip

#: code -> (Indonesian, English)
KINDS = {
    "physical": ("Fisik", "Physical"),
    "intellectual": ("Intelektual", "Intellectual"),
    "mental": ("Mental", "Mental"),
    "sensory": ("Sensorik", "Sensory"),
}
DEGREES = {
    "mild": ("Ringan", "Mild"),
    "moderate": ("Sedang", "Moderate"),
    "severe": ("Berat", "Severe"),
    "unknown": ("Belum dinilai", "Not assessed yet"),
}
AIDS = {
    "wheelchair": ("Kursi roda", "Wheelchair"),
    "crutches": ("Kruk", "Crutches"),
    "walker": ("Alat bantu jalan", "Walker"),
    "prosthesis": ("Kaki/tangan palsu", "Prosthesis"),
    "orthosis": ("Ortosis", "Orthosis"),
    "hearing-aid": ("Alat bantu dengar", "Hearing aid"),
    "white-cane": ("Tongkat putih", "White cane"),
    "glasses": ("Kacamata", "Glasses"),
    "braille": ("Perangkat braille", "Braille equipment"),
    "sign-language": ("Juru bahasa isyarat", "Sign language interpreter"),
    "communication-aid": ("Alat bantu komunikasi", "Communication aid"),
    "special-bed": ("Tempat tidur khusus", "Special bed"),
    "medicine": ("Obat rutin", "Regular medicine"),
    "companion": ("Pendamping", "Companion"),
    "other": ("Lainnya", "Other"),
}
assert (set(KINDS), set(DEGREES), set(AIDS)) == (set(get_args(Kind)), set(get_args(Degree)), set(get_args(Aid)))

_NOW = text("SELECT now()")
_FIELDS = ("kind", "degree", "aids", "since", "source", "by", "reason", "at", "ended_at", "ended_by", "ended_reason")


class SetDisability(Request):
    """What an assessment found; what was written before about the same kind becomes history."""

    person_id: UUID
    expected_version: int
    kind: Kind
    degree: Degree
    aids: list[Aid] = Field([], max_length=15)
    since: date | None = None
    source: str = Field(min_length=3, max_length=100, description="who says so, e.g. a doctor's letter")
    reason: str = Field(min_length=3, max_length=500)


@permit("disability.write")
async def set_disability(cmd: SetDisability, actor: Actor, tx: Tx) -> dict[str, Any]:
    """Write down one kind of disability. Refused: `day-in-future`, and as `lock_person`."""
    if cmd.since and cmd.since > date.today():
        raise Refused("day-in-future", "Name today or a day in the past.")
    person = await lock_person(cmd.person_id, cmd.expected_version, actor, tx)
    for row in await _standing(person.id, cmd.kind, tx):
        await _end(row, cmd.reason, actor, tx)
    await tx.session.flush()  # the old row ends before the new one begins: one at a time
    fields = cmd.model_dump(exclude={"person_id", "expected_version"}) | {"aids": sorted(set(cmd.aids))}
    row = Disability(id=new_id(), person_id=person.id, by=actor.id, **fields)
    tx.add(row)
    return await _told(person, row.id, tx)


class EndDisability(Request):
    """It is no longer so, or was written in error."""

    person_id: UUID
    expected_version: int
    kind: Kind
    reason: str = Field(min_length=3, max_length=500)


@permit("disability.write")
async def end_disability(cmd: EndDisability, actor: Actor, tx: Tx) -> dict[str, Any]:
    """End what is written about one kind. Refused: `disability-not-known`, and as `lock_person`."""
    person = await lock_person(cmd.person_id, cmd.expected_version, actor, tx)
    rows = await _standing(person.id, cmd.kind, tx)
    if not rows:
        raise Refused("disability-not-known", "Nothing is written about this kind of disability.", "conflict")
    for row in rows:
        await _end(row, cmd.reason, actor, tx)
    return await _told(person, rows[0].id, tx)


@permit("disability.read")
async def disability_of(what: KnownOf, actor: Actor, tx: Tx) -> dict[str, Any]:
    """The kinds of disability of a person now, and what was written before."""
    person = await opened(what, "disability.read", actor, tx)
    rows = select(Disability).where(Disability.person_id.in_(_members(person.id))).order_by(Disability.id.desc())
    found = (await tx.session.scalars(rows)).all()
    return {
        "person_id": str(person.id),
        "version": person.version,
        "items": [_shown(row) for row in found if row.ended_at is None],
        "past": [_shown(row) for row in found if row.ended_at is not None],
    }


def _members(person_id: UUID) -> Any:
    return select(Person.id).where(or_(Person.id == person_id, Person.survivor_id == person_id))


async def _standing(person_id: UUID, kind: str, tx: Tx) -> list[Disability]:
    mine = (Disability.person_id.in_(_members(person_id)), Disability.kind == kind, Disability.ended_at.is_(None))
    return list(await tx.session.scalars(select(Disability).where(*mine)))


async def _end(row: Disability, reason: str, actor: Actor, tx: Tx) -> None:
    row.ended_at = (await tx.session.execute(_NOW)).scalar_one()
    row.ended_by, row.ended_reason = actor.id, reason


def _shown(row: Disability) -> dict[str, Any]:
    names = {"kind_name": KINDS[row.kind][0], "degree_name": DEGREES[row.degree][0]}
    aids = {"aid_names": [AIDS[aid][0] for aid in row.aids]}
    return {"id": str(row.id)} | {name: getattr(row, name) for name in _FIELDS} | names | aids


async def _told(person: Person, row_id: UUID, tx: Tx) -> dict[str, Any]:
    """The fact says `needs`: that it is a disability is nobody's business who may not ask."""
    await mark([person.area], tx)
    tx.emit(PersonChanged(person_id=str(person.id), fields=["needs"]), of=person)
    return {"id": str(row_id), "person_id": str(person.id), "version": person.version}
