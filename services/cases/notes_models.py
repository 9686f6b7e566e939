"""The tables of notes, visits, attachments and of the workers' competence."""

from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ForeignKey, Index, func, text
from sqlalchemy.orm import Mapped, mapped_column

from services.cases.models import Base


def _now() -> Mapped[datetime]:
    return mapped_column(server_default=func.now())


class SealCheck(Base):
    """One row: what tells whether this database was sealed by the key at hand."""

    __tablename__ = "seal_check"

    value: Mapped[bytes] = mapped_column(primary_key=True)


class Competence(Base):
    """A certificate or a training of a worker. What nobody has confirmed gives no right."""

    __tablename__ = "competences"
    __table_args__ = (
        # serves a worker's own record, and whether the worker is accredited
        Index("competences_worker", "agency", "worker", "starts_on"),
        # serves the supervisor's list of what waits for confirmation
        Index("competences_waiting", "agency", "proposed_at", postgresql_where=text("state = 'proposed'")),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    version: Mapped[int]
    worker: Mapped[str]
    agency: Mapped[str]
    #: the area of whoever proposed it: a supervisor of it decides
    area: Mapped[str]
    #: certificate or training
    what: Mapped[str]
    #: a certificate's code (competence.CERTIFICATES); a training's title
    title: Mapped[str]
    #: who gave it, or held it
    issuer: Mapped[str]
    number: Mapped[str | None]
    starts_on: Mapped[date]
    ends_on: Mapped[date | None]
    hours: Mapped[int | None]
    #: proposed, confirmed, rejected or withdrawn
    state: Mapped[str]
    proposed_by: Mapped[str]
    proposed_at: Mapped[datetime] = _now()
    decided_by: Mapped[str | None]
    decided_at: Mapped[datetime | None]


class Note(Base):
    """What somebody wrote about a case. Never changed: a later note may take its place, or it was an error."""

    __tablename__ = "notes"
    __table_args__ = (
        # serves the timeline of a case
        Index("notes_timeline", "case_id", "at", "id"),
        # a note is superseded once: of two who correct it at the same time, one is told
        Index("notes_superseded", "supersedes", unique=True),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    case_id: Mapped[UUID] = mapped_column(ForeignKey("cases.id"))
    version: Mapped[int]
    kind: Mapped[str]
    about: Mapped[str]
    at: Mapped[datetime]
    confidential: Mapped[bool]
    #: exactly one of the two: the words, or the words sealed
    text: Mapped[str | None]
    sealed: Mapped[bytes | None]
    supersedes: Mapped[UUID | None] = mapped_column(ForeignKey("notes.id"))
    author: Mapped[str]
    role: Mapped[str]
    written_at: Mapped[datetime] = _now()
    error: Mapped[str | None]
    error_by: Mapped[str | None]
    error_at: Mapped[datetime | None]

    @property
    def state(self) -> str:
        """Whether it still counts."""
        return "entered_in_error" if self.error else "recorded"


class Visit(Base):
    """A visit that is planned, was made, or was tried in vain. An aggregate of its own: it never bumps the case."""

    __tablename__ = "visits"
    __table_args__ = (
        # serves the timeline of a case
        Index("visits_timeline", "case_id", "at", "id"),
        # serves the worker's year
        Index("visits_of_worker", "recorded_by", "at", postgresql_where=text("recorded_by IS NOT NULL")),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    case_id: Mapped[UUID] = mapped_column(ForeignKey("cases.id"))
    version: Mapped[int]
    #: planned, done or not_met
    state: Mapped[str]
    purpose: Mapped[str]
    planned_on: Mapped[date | None]
    task_id: Mapped[UUID | None]
    #: where it stands in the timeline: its start, or noon of the day for which it is planned
    at: Mapped[datetime]
    ended_at: Mapped[datetime | None]
    place_kind: Mapped[str | None]
    area: Mapped[str | None]
    place: Mapped[str | None]
    client_present: Mapped[bool | None]
    people: Mapped[list[dict[str, Any]]]
    findings: Mapped[str | None]
    needs: Mapped[list[str]]
    reason: Mapped[str | None]
    next_visit: Mapped[UUID | None]
    planned_by: Mapped[str | None]
    recorded_by: Mapped[str | None]
    recorded_at: Mapped[datetime | None]


class Attachment(Base):
    """A file of a case, of one of its notes or of one of its visits; the bytes lie outside, sealed, under `file`."""

    __tablename__ = "attachments"
    __table_args__ = (
        # serves the list of a case, and finds the same file of the same case
        Index("attachments_case", "case_id", "sha256"),
        # serves the sweeper, one shard of the storage at a time
        Index("attachments_shard", "shard", postgresql_where=text("removed_at IS NULL")),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    case_id: Mapped[UUID] = mapped_column(ForeignKey("cases.id"))
    version: Mapped[int]
    note_id: Mapped[UUID | None] = mapped_column(ForeignKey("notes.id"))
    visit_id: Mapped[UUID | None] = mapped_column(ForeignKey("visits.id"))
    kind: Mapped[str]
    #: as the uploader's device called it, for the eyes of those who may read the case
    name: Mapped[str]
    media_type: Mapped[str]
    size: Mapped[int]
    #: of the content that is kept, in hex
    sha256: Mapped[str]
    file: Mapped[UUID]
    shard: Mapped[str]
    added_by: Mapped[str]
    added_at: Mapped[datetime] = _now()
    removed_by: Mapped[str | None]
    removed_at: Mapped[datetime | None]
    error: Mapped[str | None]

    @property
    def state(self) -> str:
        """Whether its bytes are there."""
        return "entered_in_error" if self.removed_at else "kept"
