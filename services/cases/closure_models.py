"""The tables of terminasi: what was asked and decided, who wanted a case opened again, and how everything once was."""

from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, ForeignKey, Identity, Index, func, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from services.cases.models import Base


class Closure(Base):
    """A request for terminasi and what became of it. One that was sent back stays; the next one is a row of its own."""

    __tablename__ = "closures"
    __table_args__ = (
        # serves the page of a case; its last row is the one that counts
        Index("closures_case", "case_id", "id"),
        # serves the worker's year: what was closed in it
        Index("closures_of_worker", "requested_by", "decided_at", postgresql_where=text("decided_at IS NOT NULL")),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    case_id: Mapped[UUID] = mapped_column(ForeignKey("cases.id"))
    #: requested, returned, approved, or reopened after it was approved
    state: Mapped[str]
    reason: Mapped[str]
    #: the stage to which the case goes when it is sent back
    asked_from: Mapped[str]
    #: goal -> {"outcome", "evidence"}
    outcomes: Mapped[dict[str, Any]] = mapped_column(JSONB())
    client_view: Mapped[str | None]
    not_asked: Mapped[str | None]
    explanation: Mapped[str | None]
    happened_on: Mapped[date | None]
    requested_by: Mapped[str]
    requested_at: Mapped[datetime] = mapped_column(server_default=func.now())
    comment: Mapped[str | None]
    decided_by: Mapped[str | None]
    decided_at: Mapped[datetime | None]
    reopened_at: Mapped[datetime | None]


class Reopening(Base):
    """A request to open a closed case again, and what the supervisor said."""

    __tablename__ = "reopenings"
    __table_args__ = (
        # serves the page of a case
        Index("reopenings_case", "case_id", "id"),
        # one at a time
        Index("reopenings_one_asked", "case_id", unique=True, postgresql_where=text("state = 'requested'")),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    case_id: Mapped[UUID] = mapped_column(ForeignKey("cases.id"))
    closure_id: Mapped[UUID] = mapped_column(ForeignKey("closures.id"))
    #: requested, approved or refused
    state: Mapped[str]
    reason: Mapped[str]
    note: Mapped[str]
    requested_by: Mapped[str]
    requested_at: Mapped[datetime] = mapped_column(server_default=func.now())
    comment: Mapped[str | None]
    decided_by: Mapped[str | None]
    decided_at: Mapped[datetime | None]


class Version(Base):
    """A row of a case as a transaction left it. Only ever appended to (versions.py)."""

    __tablename__ = "versions"
    __table_args__ = (
        # serves the case as known at a time: of each row the last version before it
        Index("versions_as_known", "case_id", "kind", "row_id", "at", "id"),
    )

    id: Mapped[int] = mapped_column(BigInteger(), Identity(always=True), primary_key=True)
    case_id: Mapped[UUID]
    #: the table
    kind: Mapped[str]
    row_id: Mapped[UUID]
    #: when its transaction was about to commit, by the database's clock
    at: Mapped[datetime]
    #: None: the row was removed
    content: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True))
