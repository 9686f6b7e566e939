"""One person by hand: entered, after the likely twin was looked for; named by a NIK later; moved; died."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from typing import Any, Literal
from uuid import UUID

from pydantic import Field
from pydantic.json_schema import SkipJsonSchema
from sqlalchemy import select, text

from services.registry import marks, moves
from services.registry.clusters import take_turn
from services.registry.commands import Request
from services.registry.golden import connection_of
from services.registry.households import FROM_THE_PATH, KELURAHAN
from services.registry.incremental import Twin, twins
from services.registry.locking import lock_living, lock_person
from services.registry.membership import UNKNOWN, Relation, Why, head_of, household_with, note, relate
from services.registry.models import Household, Person
from services.registry.ppks import NEEDS
from services.registry.queries import mask_name
from services.registry.rules import Checked
from services.registry.statements import owner_of, refuse_owned, state, understood
from services.registry.verdicts import Judged, judge
from sinergi.auth import Actor, covers, permit
from sinergi.db import Tx, new_id
from sinergi.events import PersonChanged, PersonDied, PersonRegistered
from sinergi.problems import Refused


class OnPerson(Request):
    """A command on a person as the actor last saw him or her, with why, and what proves it."""

    person_id: SkipJsonSchema[UUID] = FROM_THE_PATH
    expected_version: int = Field(ge=0)
    reason: str = Field(min_length=3, max_length=300)
    evidence: str | None = Field(None, min_length=3, max_length=300)


def remember(person: Person, kind: str, on: date, cmd: OnPerson, actor: Actor, tx: Tx) -> None:
    """Keep why a person changed; `date-in-future` for a day that has not come."""
    note(person, kind, Why(on, cmd.reason, actor.id).checked(), tx, cmd.evidence)


# ----------------------------------------------------------------------- entry


class Provisional(Request):
    """What is known of somebody whose identity is not: the letter of a homeless person (SKOT), where he was found."""

    skot_number: str | None = Field(None, max_length=60)
    found_at: str | None = Field(None, max_length=200)
    found_on: date | None = None
    estimated_birth_year: int | None = Field(None, ge=1880, le=2200)


class PersonFields(Request):
    """The fields of a list, for one person; no NIK is normal. Who has no known name is entered under an alias."""

    nik: str | None = Field(None, pattern="^[0-9]{16}$")
    kk: str | None = Field(None, pattern="^[0-9]{16}$")
    name: str | None = Field(None, max_length=120)
    alias: str | None = Field(None, min_length=2, max_length=120)
    birthplace: str | None = Field(None, max_length=100)
    birth_date: date | None = None
    sex: Literal["L", "P"] | None = None
    area: str = Field(pattern=KELURAHAN)
    address: str | None = Field(None, max_length=200)
    rt: str | None = Field(None, pattern="^[0-9]{1,3}$")
    rw: str | None = Field(None, pattern="^[0-9]{1,3}$")
    relation: Relation | Literal["KEPALA KELUARGA"] | None = None
    need: str | None = Field(None, max_length=60)
    provisional: Provisional | None = None

    def checked(self) -> Checked:
        """The values as the registry keeps them, by the rules of a list."""
        if self.need and self.need not in NEEDS:
            raise Refused("need-unknown", "There is no such category of need.")
        fields = self.model_dump(include=set(_LISTED)) | {"name": self.name or self.alias}
        return understood(fields)


_LISTED = (
    *("nik", "kk", "name", "birthplace", "birth_date", "sex", "area", "address", "rt", "rw", "relation", "need"),
)


class CheckPerson(PersonFields):
    """Who may be this person already? `purpose` goes into the audit."""

    purpose: str = Field(min_length=3, max_length=200)


@permit("person.register")
async def check_person(what: CheckPerson, actor: Actor, tx: Tx) -> dict[str, Any]:
    """The likely twins, masked, with the reasons in words; also outside the actor's area, as people move."""
    actor.within(area=what.area)
    found = await _twins(what.checked(), tx)
    rows = await tx.session.scalars(select(Person).where(Person.id.in_([twin.person_id for twin in found])))
    people = {person.id: person for person in rows}
    await tx.audit("person.check", "person", list(people), what.purpose)
    return {"items": [_shown(twin, people[twin.person_id], actor) for twin in found if twin.person_id in people]}


def _shown(twin: Twin, person: Person, actor: Actor) -> dict[str, Any]:
    return {
        "person_id": str(person.id),
        "name_masked": mask_name(person.name),
        "nik_masked": "*" * 12 + person.nik[-4:] if person.nik else None,
        "birth_year": person.birth_date.year if person.birth_date else None,
        "area": person.area,
        "in_your_area": covers(actor.area, person.area),
        "state": person.state,
        "bits": round(twin.bits, 1),
        "reasons": _reasons(twin),
    }


def _reasons(twin: Twin) -> list[dict[str, Any]]:
    """The comparison in words, what weighs most first; it tells no value."""
    return [{name: one[name] for name in ("field", "text_id", "text_en")} for one in twin.reasons]


async def _twins(checked: Checked, tx: Tx) -> list[Twin]:
    return await twins(await connection_of(tx), checked.values)


class RegisterPerson(PersonFields):
    """Enter a person, and why. `not_the_same`: the twins at which somebody looked, and who they are not."""

    reason: str = Field("entered by hand", min_length=3, max_length=300)
    evidence: str | None = Field(None, min_length=3, max_length=300)
    not_the_same: list[UUID] = Field(default_factory=list, max_length=20)


#: who enters people of one kecamatan at the same time does so one after the other: else both see no twin
_ONE_AT_A_TIME = text("SELECT pg_advisory_xact_lock(hashtext('entry ' || :district))")


@permit("person.register")
async def register_person(cmd: RegisterPerson, actor: Actor, tx: Tx) -> dict[str, Any]:
    """Enter a person whom the registry does not know. Refused: `person-likely-known`, with who it may be and why."""
    actor.within(area=cmd.area)
    checked = cmd.checked()
    await tx.session.execute(_ONE_AT_A_TIME, {"district": cmd.area.rsplit(".", 1)[0]})
    if cmd.not_the_same:
        await take_turn(tx)
    found = await _twins(checked, tx)
    _refuse_twins(found, cmd.not_the_same)
    if checked.values["is_head"]:
        await _refuse_second_head(checked.values["kk"], tx)
    person = await _enter(cmd, checked, tx)
    note(person, "registered", Why(date.today(), cmd.reason, actor.id), tx, cmd.evidence)
    await _tell_apart(person, [twin for twin in found if twin.person_id in cmd.not_the_same], actor, tx)
    await moves.tell_of_newcomer(person, tx)
    provisional = person.nik is None
    tx.emit(PersonRegistered(person_id=str(person.id), area=person.area, provisional=provisional), of=person)
    told = {"unmatched": person.unmatched, "provisional": provisional, "warnings": checked.warnings}
    return _answer(person) | told


def _refuse_twins(found: Sequence[Twin], seen: Sequence[UUID]) -> None:
    unseen = [one for one in found if one.stops_an_entry and one.person_id not in seen]
    likely = [{"person_id": str(one.person_id), "reasons": _reasons(one)} for one in unseen]
    if likely:
        sentence = "The registry probably knows this person. Open who it may be, or say that it is not the same."
        raise Refused("person-likely-known", sentence, "conflict", candidates=likely)


async def _refuse_second_head(kk: str | None, tx: Tx) -> None:
    household = await household_with(kk, tx) if kk else None
    if household and await head_of(household.id, tx):
        sentence = "The household of this No. KK has a head. Enter the person as a member, then change the head."
        raise Refused("household-has-head", sentence, "conflict", household_id=str(household.id))


async def _enter(cmd: RegisterPerson, checked: Checked, tx: Tx) -> Person:
    """A person of whom nothing is known, and then the statement from which everything comes."""
    blank = {"name": "", "name_key": "", "area": "", "is_head": False, "unmatched": True, "sources": {}, "keys": []}
    person = Person(id=new_id(), version=0, state="active", alias=cmd.alias, **blank)
    person.provisional = cmd.provisional.model_dump(mode="json", exclude_none=True) if cmd.provisional else None
    tx.add(person)
    await tx.session.flush()
    await state(person, checked, "entry", tx)
    return person


async def _tell_apart(person: Person, seen: Sequence[Twin], actor: Actor, tx: Tx) -> None:
    """Remember who the new person is not, wherever they live: nothing is said about them but that."""
    pairs = [Judged(first_id=person.id, second_id=twin.person_id, verdict="different") for twin in seen]
    judged = await judge(pairs, "said at entry", replace(actor, area="*"), tx) if pairs else []
    for one in judged:
        if one["result"] == "refused":
            raise Refused.of(one["problem"])


# -------------------------------------------------------------------- identity


class BindIdentity(OnPerson):
    """The person's NIK has become known."""

    nik: str = Field(pattern="^[0-9]{16}$")


@permit("person.bind")
async def bind_identity(cmd: BindIdentity, actor: Actor, tx: Tx) -> dict[str, Any]:
    """Give a person who has no NIK of his own one. When another person owns it, the two are judged to be one.

    Refused: `nik-bound`; `nik-known`, with the owner's id, for roles that do not judge; what a verdict is refused for.
    """
    owner = await owner_of(cmd.nik, tx)
    if owner and owner != cmd.person_id:
        return await _same_as(owner, cmd, actor, tx)
    person = await lock_person(cmd.person_id, cmd.expected_version, actor, tx)
    if person.nik and not person.unmatched:
        raise Refused("nik-bound", "This person has a NIK. Propose a change if it is wrong.", "conflict")
    checked = understood({"nik": cmd.nik, "birth_date": person.birth_date, "sex": person.sex})
    if not checked.values["nik"]:
        raise Refused("nik-empty", "A NIK does not consist of zeros.")
    remember(person, "bound", date.today(), cmd, actor, tx)
    changed = await state(person, Checked(1, values={"nik": cmd.nik}, warnings=checked.warnings), "entry", tx)
    await refuse_owned(cmd.nik, person.id, tx)  # somebody else was first, a moment ago
    tx.emit(PersonChanged(person_id=str(person.id), fields=changed or ["nik"]), of=person)
    return _answer(person) | {"warnings": checked.warnings}


async def _same_as(owner: UUID, cmd: BindIdentity, actor: Actor, tx: Tx) -> dict[str, Any]:
    """The NIK is known: the person is its owner, by a verdict that can be taken back."""
    if not actor.may("verdict.judge"):
        await refuse_owned(cmd.nik, cmd.person_id, tx)
    pair = Judged(first_id=cmd.person_id, second_id=owner, verdict="same", first_version=cmd.expected_version)
    (judged,) = await judge([pair], cmd.reason, actor, tx)
    if judged["result"] == "refused":
        raise Refused.of(judged["problem"] | {"person_id": str(owner)})
    person = await tx.get(Person, cmd.person_id)
    remember(person, "bound", date.today(), cmd, actor, tx)
    return _answer(person) | {"survivor_id": str(person.survivor_id) if person.survivor_id else None}


# ----------------------------------------------------------------------- death


class RecordDeath(OnPerson):
    """A person has died; `evidence` names the document or the witness."""

    died_on: date
    evidence: str = Field(min_length=3, max_length=300)


@permit("person.record_death")
async def record_death(cmd: RecordDeath, actor: Actor, tx: Tx) -> dict[str, Any]:
    """The person has died. `household_needs_head`: who lives on in the household has no head now."""
    person = await lock_living(cmd.person_id, cmd.expected_version, actor, tx)
    if person.birth_date and cmd.died_on < person.birth_date:
        raise Refused("died-before-birth", "The death lies before the birth date.")
    remember(person, "died", cmd.died_on, cmd, actor, tx)
    person.state, person.died_on = "dead", cmd.died_on
    await marks.mark([person.area], tx)
    tx.emit(PersonDied(person_id=str(person.id), died_on=cmd.died_on), of=person)
    needs_head = person.is_head and await moves.others_of(person, tx)
    return _answer(person) | {"household_needs_head": bool(needs_head)}


class UndoDeath(OnPerson):
    """The person is alive: the death was recorded by mistake."""

    relation: Relation = UNKNOWN


@permit("person.undo_death")
async def undo_death(cmd: UndoDeath, actor: Actor, tx: Tx) -> dict[str, Any]:
    """As it was before. Who was head, and has been followed by another, comes back as `relation` of that one."""
    person = await lock_person(cmd.person_id, cmd.expected_version, actor, tx)
    if person.state != "dead":
        raise Refused("person-not-dead", "No death of this person is recorded.", "conflict")
    remember(person, "death-undone", date.today(), cmd, actor, tx)
    person.state, person.died_on = "active", None
    await marks.mark([person.area], tx)
    fields = ["died_on"]
    if person.is_head and person.household_id:
        household = await tx.lock(Household, person.household_id)
        if await head_of(household.id, tx, without=person.id):
            fields += await relate(person, household, cmd.relation, tx)
    tx.emit(PersonChanged(person_id=str(person.id), fields=fields), of=person)
    return _answer(person)


# ------------------------------------------------------------------------ moves


class MovePerson(OnPerson):
    """A person lives elsewhere: alone, or in the household that is named, as `relation` of its head.

    The person lies in the actor's area until now; where to, is anywhere. A head whose household stays behind hands it
    over first; a whole household moves by its own command. Without an address, the household's counts.
    """

    on: date
    area: str = Field(pattern=KELURAHAN)
    address: str | None = Field(None, max_length=200)
    rt: str | None = Field(None, pattern="^[0-9]{1,3}$")
    rw: str | None = Field(None, pattern="^[0-9]{1,3}$")
    household_id: UUID | None = None
    household_version: int | None = Field(None, ge=0)
    relation: Relation = UNKNOWN


@permit("person.move")
async def move_person(cmd: MovePerson, actor: Actor, tx: Tx) -> dict[str, Any]:
    """The person leaves the household, or takes it along when nobody else is in it."""
    where = {name: getattr(cmd, name) for name in ("area", "address", "rt", "rw")}
    place = understood(where).values
    person = await lock_living(cmd.person_id, cmd.expected_version, actor, tx)
    remember(person, "moved", cmd.on, cmd, actor, tx)
    move = moves.Move(person, place, cmd.household_id, cmd.household_version, cmd.relation)
    await moves.carry_out(move, Why(cmd.on, cmd.reason, actor.id), actor, tx)
    return _answer(person) | {"household_id": str(person.household_id)}


def _answer(person: Person) -> dict[str, Any]:
    return {"id": str(person.id), "version": person.version, "state": person.state}
