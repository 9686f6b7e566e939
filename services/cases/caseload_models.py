"""The tables of the caseload: what is counted, what a worker can take, who stands in for whom, and hand-overs."""

from datetime import date, datetime
from uuid import UUID

from sqlalchemy import BigInteger, Identity, Index, UniqueConstraint, func, text
from sqlalchemy.orm import Mapped, mapped_column

from services.cases.models import Base


class CaseCount(Base):
    """How many open cases a worker has in an area, and how many of each risk, stage and kind of client.

    A trigger of the table `cases` (migration 0008) adds a row of +1 and -1 for each change, so that nobody waits for
    anybody; the truth is the sum. `fold` makes one row of many.
    """

    __tablename__ = "case_counts"
    __table_args__ = (
        # serves the sums of an office and of a worker
        Index("case_counts_office", "agency", "worker"),
        # serves the folding
        Index("case_counts_fresh", "agency", "worker", "area", postgresql_where=text("NOT folded")),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    agency: Mapped[str]
    area: Mapped[str]
    worker: Mapped[str]
    folded: Mapped[bool]
    cases: Mapped[int]
    risk_none: Mapped[int]
    risk_low: Mapped[int]
    risk_medium: Mapped[int]
    risk_high: Mapped[int]
    risk_life: Mapped[int]
    stage_identifikasi: Mapped[int]
    stage_asesmen: Mapped[int]
    stage_rencana: Mapped[int]
    stage_intervensi: Mapped[int]
    stage_pemberdayaan: Mapped[int]
    stage_terminasi: Mapped[int]
    client_person: Mapped[int]
    client_household: Mapped[int]
    client_group: Mapped[int]
    client_unknown: Mapped[int]


class WorkerProfile(Base):
    """What a worker of an office can take: where, how much, when, and what for. The supervisor keeps it."""

    __tablename__ = "worker_profiles"
    __table_args__ = (UniqueConstraint("agency", "actor", name="worker_profiles_one"),)

    id: Mapped[UUID] = mapped_column(primary_key=True)
    version: Mapped[int]
    agency: Mapped[str]
    actor: Mapped[str]
    area: Mapped[str]
    capacity: Mapped[int]
    available_from: Mapped[date | None]
    available_until: Mapped[date | None]
    speaks: Mapped[list[str]]
    specialities: Mapped[list[str]]


class Cover(Base):
    """`stand_in` may write the cases of `worker` in this area for a while: one row, whatever the number of cases."""

    __tablename__ = "covers"
    __table_args__ = (
        # serves the question whom somebody stands in for
        Index("covers_stand_in", "stand_in", "ends_at", postgresql_where=text("ended_at IS NULL")),
        # serves the office's list
        Index("covers_office", "agency", "ends_at", postgresql_where=text("ended_at IS NULL")),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    version: Mapped[int]
    agency: Mapped[str]
    area: Mapped[str]
    worker: Mapped[str]
    stand_in: Mapped[str]
    starts_at: Mapped[datetime]
    ends_at: Mapped[datetime]
    arranged_by: Mapped[str]
    at: Mapped[datetime] = mapped_column(server_default=func.now())
    ended_at: Mapped[datetime | None]


class HandOver(Base):
    """A caseload, or a part of it, that goes from one worker to others: planned, running, done or cancelled."""

    __tablename__ = "hand_overs"
    __table_args__ = (
        # one at a time from one worker; serves the job too
        Index("hand_overs_running", "agency", "worker", unique=True, postgresql_where=text("state = 'running'")),
        # serves the office's list, the newest first
        Index("hand_overs_office", "agency", "id"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    version: Mapped[int]
    agency: Mapped[str]
    #: what its supervisor sees; nothing outside of it moves
    scope: Mapped[str]
    worker: Mapped[str]
    to_workers: Mapped[list[str]]
    #: only these; empty: all
    stages: Mapped[list[str]]
    risks: Mapped[list[str]]
    area: Mapped[str]
    reason: Mapped[str]
    read_until: Mapped[datetime]
    state: Mapped[str]
    moved: Mapped[int]
    tries: Mapped[int]
    asked_by: Mapped[str]
    at: Mapped[datetime] = mapped_column(server_default=func.now())
    finished_at: Mapped[datetime | None]
