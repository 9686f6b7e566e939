"""Notes: what is written about a case, once and for all. A correction is a new note in the place of the old one.

Confidential notes are sealed at rest; only the accredited who hold the case write them and read them, one by one, for
a purpose that is written down. Others learn how many there are, nothing else.
"""

from datetime import UTC, datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints
from pydantic.json_schema import SkipJsonSchema
from sqlalchemy import ColumnElement, Select, func, literal, or_, select, union_all
from sqlalchemy.orm import aliased

from services.cases.casefile import readable_case, record
from services.cases.commands import FROM_THE_PATH, Answer
from services.cases.competence import is_accredited, refuse_unaccredited
from services.cases.holding import is_held, refuse_strangers, written_case
from services.cases.models import Case
from services.cases.notes_models import Attachment, Note, Visit
from services.cases.queries import Page, Purpose, _columns
from services.cases.seal import Seal
from sinergi.auth import Actor, permit
from sinergi.db import Tx, new_id
from sinergi.problems import Refused

#: PostgreSQL stores no NUL
Words = Annotated[str, StringConstraints(min_length=1, max_length=20_000, pattern=r"^[^\x00]*$")]
#: why a confidential note is read: the reader's own words
TypedPurpose = Annotated[str, StringConstraints(min_length=5, max_length=200, pattern=r"^[^\x00]*$")]
Error = Literal["wrong-case", "wrong-person", "wrong-content", "duplicate"]


class WriteNote(BaseModel):
    """Write a note; `supersedes` names the note in whose place it stands. `at`: when what it tells of happened."""

    model_config = ConfigDict(extra="forbid")
    case_id: SkipJsonSchema[UUID] = FROM_THE_PATH
    kind: Literal["contact", "observation", "supervision", "progress"]
    about: Literal["client", "family", "carer", "other"]
    at: AwareDatetime
    text: Words
    confidential: bool = False
    supersedes: UUID | None = None


class MarkNote(BaseModel):
    """Say that a note was entered in error: it stays, marked."""

    model_config = ConfigDict(extra="forbid")
    case_id: SkipJsonSchema[UUID] = FROM_THE_PATH
    note_id: SkipJsonSchema[UUID] = FROM_THE_PATH
    expected_version: int = Field(ge=0)
    error: Error


class ReadTimeline(Page):
    """The notes and visits of a case, the newest first."""

    purpose: Purpose = "casework"


class TimelineOf(ReadTimeline):
    """The same, of this case."""

    case_id: UUID


class ReadConfidential(BaseModel):
    """One confidential note, and why it is read."""

    case_id: UUID
    note_id: UUID
    purpose: TypedPurpose


@permit("note.write")
async def write_note(cmd: WriteNote, actor: Actor, tx: Tx) -> Answer:
    """Write a note. The supervisor writes of supervision, whoever works on the case of the rest."""
    case = await written_case(cmd.case_id, actor, tx, supervising=cmd.kind == "supervision")
    if cmd.at > datetime.now(UTC):
        raise Refused("in-the-future", "A note tells of what has happened: give a time that has passed.")
    if cmd.confidential:
        await refuse_unaccredited(actor, tx)
    if cmd.supersedes:
        await _supersede(cmd, case, actor, tx)
    note = _note(cmd, actor)
    tx.add(note)
    await tx.session.flush()
    record(case, "write_note", actor, tx, cmd.kind)
    return Answer(id=note.id, version=note.version, state=note.state)


@permit("note.mark_error")
async def mark_note(cmd: MarkNote, actor: Actor, tx: Tx) -> Answer:
    """Mark a note as entered in error: its author may, and the case's supervisor."""
    note = await note_of(cmd.case_id, cmd.note_id, tx)
    case = await written_case(cmd.case_id, actor, tx, supervising=note.author != actor.id)
    if note.confidential:
        await refuse_unaccredited(actor, tx)
    note = await tx.lock(Note, note.id, cmd.expected_version)
    if note.error:
        raise Refused("note-already-marked", "This note is already marked as an error.", "conflict", state=note.state)
    note.error, note.error_by, note.error_at = cmd.error, actor.id, datetime.now(UTC)
    note.version += 1
    record(case, "mark_note", actor, tx, cmd.error)
    return Answer(id=note.id, version=note.version, state=note.state)


@permit("note.read")
async def read_timeline(what: TimelineOf, actor: Actor, tx: Tx) -> dict[str, Any]:
    """A page of the case's notes and visits; of confidential notes only their number, and for the accredited a line."""
    case = await readable_case(what.case_id, actor, tx)
    accredited = await opens_confidential(case, actor, tx)
    await tx.audit("note.list", "case", [case.id], what.purpose)
    notes, visits = (Note.case_id == case.id, _open_to(accredited)), (Visit.case_id == case.id,)
    return {
        "items": await _page(what, _places(notes, visits), tx),
        "total": await _count(Note, notes, tx) + await _count(Visit, visits, tx),
        "confidential_notes": await _count(Note, (Note.case_id == case.id, Note.confidential), tx),
        "accredited": accredited,
    }


@permit("note.read_confidential")
async def read_confidential(what: ReadConfidential, actor: Actor, tx: Tx) -> dict[str, Any]:
    """The text of a confidential note, for an accredited holder of the case."""
    case = await readable_case(what.case_id, actor, tx)
    await refuse_strangers(case, actor, tx)
    await refuse_unaccredited(actor, tx)
    note = await note_of(what.case_id, what.note_id, tx)
    await tx.audit("note.read_confidential", "note", [note.id], what.purpose)
    text = note.text if note.sealed is None else Seal.current().open(note.sealed, _seal_name(note.id))
    return {**_columns(note), "sealed": None, "text": text, "state": note.state}


async def opens_confidential(case: Case, actor: Actor, tx: Tx) -> bool:
    """Whether the actor holds this case and is accredited."""
    return await is_held(case, actor, tx) and await is_accredited(actor.id, actor.agency, tx)


async def note_of(case_id: UUID, note_id: UUID, tx: Tx) -> Note:
    """The note, if it is of this case."""
    note = await tx.get(Note, note_id)
    if note.case_id != case_id:
        raise Refused("not-found", "There is no such note in this case.", "not-found")
    return note


def _note(cmd: WriteNote, actor: Actor) -> Note:
    note_id = new_id()
    sealed = Seal.current().close(cmd.text, _seal_name(note_id)) if cmd.confidential else None
    return Note(
        id=note_id,
        case_id=cmd.case_id,
        version=0,
        kind=cmd.kind,
        about=cmd.about,
        at=cmd.at,
        confidential=cmd.confidential,
        text=None if sealed else cmd.text,
        sealed=sealed,
        supersedes=cmd.supersedes,
        author=actor.id,
        role=actor.role.value,
    )


def _seal_name(note_id: UUID) -> str:
    return f"note:{note_id}"


async def _supersede(cmd: WriteNote, case: Case, actor: Actor, tx: Tx) -> None:
    """A correction: of one's own note of the same kind, once, and what was confidential stays so."""
    old = await note_of(case.id, cmd.supersedes or FROM_THE_PATH, tx)
    if old.author != actor.id or old.kind != cmd.kind:
        raise Refused("not-your-note", "Correct your own notes, each by one of its kind.", "forbidden")
    if old.confidential and not cmd.confidential:
        raise Refused("stays-confidential", "What takes the place of a confidential note is confidential.")
    await tx.lock(Note, old.id)
    if await tx.session.scalar(select(func.count()).select_from(Note).where(Note.supersedes == old.id)):
        raise Refused("note-superseded", "This note was corrected already: correct the newer one.", "conflict")


def _open_to(accredited: bool) -> ColumnElement[bool]:
    return Note.confidential.is_not(None) if accredited else Note.confidential.is_(False)


def _places(notes: tuple[Any, ...], visits: tuple[Any, ...]) -> Select[Any]:
    """Where each note and visit stands in the timeline; both halves are served by an index (case_id, at, id)."""
    of_notes = select(literal("note").label("what"), Note.id, Note.at).where(*notes)
    of_visits = select(literal("visit").label("what"), Visit.id, Visit.at).where(*visits)
    places = union_all(of_notes, of_visits).subquery()
    return select(places).order_by(places.c.at.desc(), places.c.id.desc())


async def _page(what: TimelineOf, places: Select[Any], tx: Tx) -> list[dict[str, Any]]:
    case_id = what.case_id
    found = (await tx.session.execute(places.limit(what.size).offset(what.skip))).all()
    notes = await _notes([one.id for one in found if one.what == "note"], tx)
    visits = {one.id: _columns(one) for one in await _rows(Visit, [one.id for one in found if one.what == "visit"], tx)}
    files = await _files(case_id, [one.id for one in found], tx)
    return [
        {"what": one.what, **(notes if one.what == "note" else visits)[one.id], "attachments": files.get(one.id, [])}
        for one in found
    ]


async def _notes(ids: list[UUID], tx: Tx) -> dict[UUID, dict[str, Any]]:
    """As the timeline shows them: no sealed bytes, and by which note each was superseded."""
    later = aliased(Note)
    pairs = await tx.session.execute(select(later.supersedes, later.id).where(later.supersedes.in_(ids)))
    newer = {old: new for old, new in pairs}
    return {
        one.id: _columns(one) | {"sealed": None, "state": one.state, "superseded_by": newer.get(one.id)}
        for one in await _rows(Note, ids, tx)
    }


async def _files(case_id: UUID, ids: list[UUID], tx: Tx) -> dict[UUID, list[dict[str, Any]]]:
    """The attachments of these notes and visits; the index of a case's attachments serves it."""
    on_them = (Attachment.case_id == case_id, or_(Attachment.note_id.in_(ids), Attachment.visit_id.in_(ids)))
    found: dict[UUID, list[dict[str, Any]]] = {}
    for one in (await tx.session.scalars(select(Attachment).where(*on_them).order_by(Attachment.id))).all():
        found.setdefault(one.note_id or one.visit_id or one.id, []).append(shown(one))
    return found


def shown(attachment: Attachment) -> dict[str, Any]:
    """An attachment as those may see it who may read what it is attached to."""
    names = ("id", "version", "note_id", "visit_id", "kind", "name", "media_type", "size", "sha256", "added_by")
    rest = {"added_at": attachment.added_at, "state": attachment.state, "error": attachment.error}
    return {name: getattr(attachment, name) for name in names} | rest


async def _rows(model: type[Any], ids: list[UUID], tx: Tx) -> list[Any]:
    return list((await tx.session.scalars(select(model).where(model.id.in_(ids)))).all())


async def _count(model: type[Any], which: tuple[Any, ...], tx: Tx) -> int:
    return (await tx.session.execute(select(func.count()).select_from(model).where(*which))).scalar_one()
