"""The tables of obstacles, of the meetings that discuss them, and of what was decided."""

from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ForeignKey, Index, UniqueConstraint, func, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from services.cases.models import Base


def _now() -> Mapped[datetime]:
    return mapped_column(server_default=func.now())


class Obstacle(Base):
    """What holds up casework in an area (kendala): named once, however many cases it blocks."""

    __tablename__ = "obstacles"
    __table_args__ = (
        # serves the agenda, the list of open ones, and the search for similar ones
        Index("obstacles_open", "agency", "category", "area", postgresql_where=text("ended_at IS NULL")),
        # serves the list of all
        Index("obstacles_office", "agency", "raised_at"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    version: Mapped[int]
    agency: Mapped[str]
    area: Mapped[str]
    category: Mapped[str]
    words: Mapped[str]
    severity: Mapped[str]
    since: Mapped[date]
    state: Mapped[str]
    #: who answers for it: a user or a desk, of which office; "" while nobody does
    owner: Mapped[str]
    office: Mapped[str]
    #: how many cases it blocks: kept by whoever adds a link
    cases: Mapped[int]
    #: why it was accepted as it is, or reopened
    reason: Mapped[str]
    raised_by: Mapped[str]
    raised_at: Mapped[datetime] = _now()
    ended_at: Mapped[datetime | None]


class ObstacleLink(Base):
    """Where an obstacle was met: a case, or a task, placement or referral by its id alone."""

    __tablename__ = "obstacle_links"
    __table_args__ = (UniqueConstraint("obstacle_id", "kind", "subject_id", name="obstacle_links_once"),)

    id: Mapped[UUID] = mapped_column(primary_key=True)
    obstacle_id: Mapped[UUID] = mapped_column(ForeignKey("obstacles.id"))
    kind: Mapped[str]
    subject_id: Mapped[UUID]
    case_id: Mapped[UUID | None] = mapped_column(ForeignKey("cases.id"), index=True)
    by: Mapped[str]
    at: Mapped[datetime] = _now()


class Meeting(Base):
    """A coordination meeting (rakor) of an office for an area: called, then held, then minuted, which is for good."""

    __tablename__ = "meetings"
    __table_args__ = (
        # one meeting of a kind a day; serves the list, newest first
        Index("meetings_once", "agency", "held_on", "area", "kind", unique=True),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    version: Mapped[int]
    agency: Mapped[str]
    area: Mapped[str]
    kind: Mapped[str]
    held_on: Mapped[date]
    place: Mapped[str]
    #: the first day of the month whose numbers it looks at
    month: Mapped[date]
    state: Mapped[str]
    #: as it was at `frozen_at`; papers are made of it
    agenda: Mapped[dict[str, Any]] = mapped_column(JSONB())
    frozen_at: Mapped[datetime]
    participants: Mapped[list[dict[str, Any]]]
    chair: Mapped[str]
    called_by: Mapped[str]
    approved_by: Mapped[str | None]
    approved_at: Mapped[datetime | None]


class MeetingItem(Base):
    """A point of the agenda and what was said and decided about it. Its version is its own: two may write minutes."""

    __tablename__ = "meeting_items"
    __table_args__ = (UniqueConstraint("meeting_id", "position", name="meeting_items_position"),)

    id: Mapped[UUID] = mapped_column(primary_key=True)
    meeting_id: Mapped[UUID] = mapped_column(ForeignKey("meetings.id"))
    version: Mapped[int]
    position: Mapped[int]
    kind: Mapped[str]
    obstacle_id: Mapped[UUID | None] = mapped_column(ForeignKey("obstacles.id"))
    notes: Mapped[str]
    #: what the chair's approval turns into decisions with tasks
    decisions: Mapped[list[dict[str, Any]]]


class MeetingAddendum(Base):
    """What corrects or completes approved minutes."""

    __tablename__ = "meeting_addenda"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    meeting_id: Mapped[UUID] = mapped_column(ForeignKey("meetings.id"), index=True)
    text: Mapped[str]
    by: Mapped[str]
    at: Mapped[datetime] = _now()


class Decision(Base):
    """What was decided. Whether it is done is its task's to say."""

    __tablename__ = "decisions"
    __table_args__ = (
        # serves what is not done of earlier meetings
        Index("decisions_office", "agency", "due_on"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    agency: Mapped[str]
    area: Mapped[str]
    meeting_id: Mapped[UUID | None] = mapped_column(ForeignKey("meetings.id"), index=True)
    obstacle_id: Mapped[UUID | None] = mapped_column(ForeignKey("obstacles.id"), index=True)
    task_id: Mapped[UUID] = mapped_column(ForeignKey("tasks.id"))
    text: Mapped[str]
    #: the desk of another agency that shall do it, while our task sees to it; "" for none
    desk: Mapped[str]
    due_on: Mapped[date]
    decided_by: Mapped[str]
    decided_at: Mapped[datetime] = _now()
