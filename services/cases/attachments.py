"""Attachments: rows about files whose bytes lie outside the database, sealed (storage.py).

The bytes are kept before the row is: a crash in between leaves a file that no row knows, which the sweeper removes. A
file that a case holds already is stored once. An attachment of a confidential note is read like the note.
"""

import hashlib
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, BinaryIO, Literal, NamedTuple, get_args
from uuid import UUID

import structlog
from pydantic import BaseModel, ConfigDict, Field, StringConstraints
from pydantic.json_schema import SkipJsonSchema
from sqlalchemy import ColumnElement, func, or_, select

from services.cases.casefile import readable_case, record
from services.cases.commands import FROM_THE_PATH, Answer
from services.cases.competence import refuse_unaccredited
from services.cases.file_types import recognise
from services.cases.holding import refuse_strangers, written_case
from services.cases.image_metadata import without_metadata
from services.cases.models import Case
from services.cases.notes import Error, TypedPurpose, note_of, opens_confidential, shown
from services.cases.notes_models import Attachment, Note, Visit
from services.cases.queries import Page, Purpose
from services.cases.seal import Seal, SealBroken
from services.cases.storage import Storage, shard_of
from sinergi.auth import Actor, permit
from sinergi.db import Tx, new_id
from sinergi.permissions import Role
from sinergi.problems import Refused

log = structlog.get_logger()

Kind = Literal["identity", "consent", "assessment", "medical", "legal", "photo", "letter", "certificate", "other"]


KINDS: tuple[str, ...] = get_args(Kind)


class Target(BaseModel):
    """What a file is attached to: the case, or one of its notes or visits."""

    model_config = ConfigDict(extra="forbid")
    case_id: SkipJsonSchema[UUID] = FROM_THE_PATH
    note_id: UUID | None = None
    visit_id: UUID | None = None


class Attach(Target):
    """Attach the file that was kept under this id."""

    kind: Kind
    file: UUID = Field(exclude=True)
    name: Annotated[str, StringConstraints(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f]*$")]
    media_type: str
    size: int
    sha256: str


class RemoveAttachment(BaseModel):
    """Entered in error: the row and the hash stay, the bytes go."""

    model_config = ConfigDict(extra="forbid")
    case_id: SkipJsonSchema[UUID] = FROM_THE_PATH
    attachment_id: SkipJsonSchema[UUID] = FROM_THE_PATH
    expected_version: int = Field(ge=0)
    error: Error


class ListAttachments(Page):
    """The attachments of a case, the newest first."""

    case_id: UUID = FROM_THE_PATH
    purpose: Purpose = "casework"


class ReadAttachment(BaseModel):
    """One attachment's bytes, and why they are read."""

    case_id: UUID
    attachment_id: UUID
    purpose: TypedPurpose


class Attached(Answer):
    """The attachment; `new`: whether it was not there before. It has its file's id unless it shares another's."""

    new: bool


class Removed(Answer):
    """The attachment as it is now; `forget`: the file that nothing holds any more."""

    forget: UUID | None = None


class Kept(NamedTuple):
    """What was kept of an upload."""

    media_type: str
    size: int
    sha256: str


def write_draft(upload: BinaryIO, name: str, declared: str, most: int, file: UUID, draft: Path) -> Kept:
    """Check, clean and seal an upload into the draft, in bounded memory; size and hash are of the cleaned content."""
    media_type = recognise(upload, name, declared).media_type
    digest, size = hashlib.sha256(), 0

    def counted(chunks: Iterator[bytes]) -> Iterator[bytes]:
        nonlocal size
        for chunk in chunks:
            size += len(chunk)
            if size > most:
                raise Refused("file-too-large", f"The file is larger than {most:,} bytes.")
            digest.update(chunk)
            yield chunk

    with draft.open("xb") as out:
        clean = _Reader(counted(without_metadata(upload, media_type)))
        for piece in Seal.current().pieces(clean, _seal_name(file)):
            out.write(piece)
    return Kept(media_type, size, digest.hexdigest())


class _Reader:
    """Chunks, read as a file is: so many bytes at a time."""

    def __init__(self, chunks: Iterator[bytes]) -> None:
        self._chunks, self._waiting = chunks, b""

    def read(self, count: int) -> bytes:
        """The next bytes, fewer than asked for only at the end."""
        parts, have = [self._waiting], len(self._waiting)
        while have < count and (chunk := next(self._chunks, None)) is not None:
            parts.append(chunk)
            have += len(chunk)
        whole = b"".join(parts)
        self._waiting = whole[count:]
        return whole[:count]


@permit("attachment.add")
async def check_target(what: Target, actor: Actor, tx: Tx) -> None:
    """Before the bytes are kept: whether the actor may attach there."""
    await _target(what, actor, tx)


@permit("attachment.add")
async def attach(cmd: Attach, actor: Actor, tx: Tx) -> Attached:
    """Attach what was kept. The same file at the same place is the earlier attachment; elsewhere it shares bytes."""
    case = await _target(cmd, actor, tx)
    same = await _live(tx, Attachment.case_id == case.id, Attachment.sha256 == cmd.sha256)
    for one in same:
        if (one.note_id, one.visit_id) == (cmd.note_id, cmd.visit_id):
            return Attached(id=one.id, version=one.version, state=one.state, new=False)
    row = _row(cmd, same[0].file if same else cmd.file, actor)
    row.id = new_id() if same else cmd.file
    tx.add(row)
    record(case, "attach", actor, tx, cmd.kind)
    return Attached(id=row.id, version=row.version, state=row.state, new=True)


@permit("attachment.remove")
async def remove_attachment(cmd: RemoveAttachment, actor: Actor, tx: Tx) -> Removed:
    """Take an attachment away that was entered in error: who added it may, and the case's supervisor."""
    row = await _attachment(cmd.case_id, cmd.attachment_id, tx)
    case = await written_case(cmd.case_id, actor, tx, supervising=row.added_by != actor.id)
    await _refuse_confidential(row, case, actor, tx)
    row = await tx.lock(Attachment, row.id, cmd.expected_version)
    _refuse_removed(row)
    row.removed_by, row.removed_at, row.error = actor.id, datetime.now(UTC), cmd.error
    row.version += 1
    await tx.session.flush()
    record(case, "remove_attachment", actor, tx, cmd.error)
    shared = await _live(tx, Attachment.case_id == case.id, Attachment.file == row.file)
    return Removed(id=row.id, version=row.version, state=row.state, forget=None if shared else row.file)


@permit("attachment.read")
async def list_attachments(what: ListAttachments, actor: Actor, tx: Tx) -> dict[str, Any]:
    """The attachments of a case; those of confidential notes for whom may read these."""
    case = await readable_case(what.case_id, actor, tx)
    await tx.audit("attachment.list", "case", [case.id], what.purpose)
    seen: list[ColumnElement[bool]] = [Attachment.case_id == case.id]
    if not await opens_confidential(case, actor, tx):
        hidden = select(Note.id).where(Note.case_id == case.id, Note.confidential)
        seen.append(or_(Attachment.note_id.is_(None), Attachment.note_id.not_in(hidden)))
    total = (await tx.session.execute(select(func.count()).select_from(Attachment).where(*seen))).scalar_one()
    newest = select(Attachment).where(*seen).order_by(Attachment.added_at.desc(), Attachment.id.desc())
    rows = (await tx.session.scalars(newest.limit(what.size).offset(what.skip))).all()
    return {"items": [shown(one) for one in rows], "total": total}


@permit("attachment.read")
async def read_attachment(what: ReadAttachment, actor: Actor, tx: Tx) -> Attachment:
    """The row of an attachment whose bytes are to be read, for whom may read what it is attached to."""
    case = await readable_case(what.case_id, actor, tx)
    row = await _attachment(what.case_id, what.attachment_id, tx)
    await _refuse_confidential(row, case, actor, tx)
    _refuse_removed(row)
    await tx.audit("attachment.read", "attachment", [row.id], what.purpose)
    return row


def bytes_of(row: Attachment, storage: Storage) -> AsyncIterator[bytes]:
    """The content of an attachment."""
    return Seal.current().open_pieces(storage.read(row.file), _seal_name(row.file))


async def first_piece(content: AsyncIterator[bytes]) -> bytes:
    """The first piece, so that a file that is gone is a refusal and not a broken answer."""
    try:
        return await anext(content)
    except (FileNotFoundError, SealBroken) as wrong:
        log.error("attachment.unreadable", error=type(wrong).__name__)
        raise Refused("attachment-unreadable", "The file cannot be read. Tell the operator.", "unavailable") from wrong


async def with_first(first: bytes, content: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """The whole content, of which the first piece was read already."""
    yield first
    async for piece in content:
        yield piece


def plain_name(name: str) -> str:
    """The file's name without control characters."""
    return "".join(char for char in name if char.isprintable()) or "file"


def _seal_name(file: UUID) -> str:
    return f"file:{file}"


async def _target(what: Target, actor: Actor, tx: Tx) -> Case:
    """The case, locked: of two who attach the same file, the second one sees the first."""
    if what.note_id and what.visit_id:
        raise Refused("two-targets", "Attach a file to a note or to a visit, not to both.")
    supervising = actor.role is Role.SUPERVISOR
    case = await written_case(what.case_id, actor, tx, supervising=supervising)
    if what.visit_id and (await tx.get(Visit, what.visit_id)).case_id != case.id:
        raise Refused("not-found", "There is no such visit in this case.", "not-found")
    if what.note_id and (await note_of(case.id, what.note_id, tx)).confidential:
        await refuse_unaccredited(actor, tx)
    return case


async def _live(tx: Tx, *which: ColumnElement[bool]) -> list[Attachment]:
    live = select(Attachment).where(Attachment.removed_at.is_(None), *which).order_by(Attachment.id)
    return list((await tx.session.scalars(live)).all())


def _row(cmd: Attach, file: UUID, actor: Actor) -> Attachment:
    about = cmd.model_dump(exclude={"file"})
    return Attachment(version=0, **about, file=file, shard=shard_of(file), added_by=actor.id)


async def _attachment(case_id: UUID, attachment_id: UUID, tx: Tx) -> Attachment:
    row = await tx.get(Attachment, attachment_id)
    if row.case_id != case_id:
        raise Refused("not-found", "There is no such attachment in this case.", "not-found")
    return row


async def _refuse_confidential(row: Attachment, case: Case, actor: Actor, tx: Tx) -> None:
    if row.note_id and (await note_of(case.id, row.note_id, tx)).confidential:
        await refuse_strangers(case, actor, tx)
        await refuse_unaccredited(actor, tx)


def _refuse_removed(row: Attachment) -> None:
    if row.removed_at:
        raise Refused("attachment-removed", "This file was entered in error and removed.", "conflict", state=row.state)
