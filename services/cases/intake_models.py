"""The tables of ways in: reports, people whom nobody has identified yet, transfers between offices."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import Boolean, ForeignKey, Index, Integer, func, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from services.cases.models import Base


class UnknownClient(Base):
    """Somebody without an identity: what is seen of them. It stays here; no event tells any of it."""

    __tablename__ = "unknown_clients"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    nickname: Mapped[str]
    description: Mapped[str]
    sex: Mapped[str | None]
    age_from: Mapped[int | None] = mapped_column(Integer)
    age_to: Mapped[int | None] = mapped_column(Integer)
    marks: Mapped[str]
    #: number of the letter for people without papers (Surat Keterangan Orang Terlantar)
    skot_number: Mapped[str]
    noted_by: Mapped[str]
    at: Mapped[datetime] = mapped_column(server_default=func.now())
    #: the person of the registry that this turned out to be
    bound_to: Mapped[UUID | None]
    bound_at: Mapped[datetime | None]


class Intake(Base):
    """A report (laporan), before there is any case. `area` is the office's, `place_area` where it was seen."""

    __tablename__ = "intakes"
    __table_args__ = (
        # serves the queue of an office: what nobody has decided yet, risk to life first, then the oldest
        Index(
            "intakes_queue",
            "agency",
            "rank",
            "received_at",
            "id",
            postgresql_where=text("state IN ('received', 'screened')"),
        ),
        # serves what somebody brought in
        Index("intakes_brought", "received_by", "received_at"),
        # serves the reports that belong to a case
        Index("intakes_of_case", "case_id", postgresql_where=text("case_id IS NOT NULL")),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    version: Mapped[int]
    agency: Mapped[str]
    area: Mapped[str]
    way_in: Mapped[str]
    reporter: Mapped[str]
    #: who reported and how to reach them, in words
    contact: Mapped[str]
    place_area: Mapped[str]
    place: Mapped[str]
    seen_at: Mapped[datetime]
    needs: Mapped[list[str]]
    account: Mapped[str]
    photo: Mapped[str]
    client_kind: Mapped[str | None]
    client_id: Mapped[UUID | None]
    received_by: Mapped[str]
    received_at: Mapped[datetime] = mapped_column(server_default=func.now())
    state: Mapped[str]
    answers: Mapped[dict[str, bool] | None] = mapped_column(JSONB(none_as_null=True))
    urgency: Mapped[str | None]
    because: Mapped[list[str]]
    #: the place in the queue that the urgency gives; what nobody has screened may be urgent
    rank: Mapped[int] = mapped_column(Integer)
    screened_by: Mapped[str | None]
    screened_at: Mapped[datetime | None]
    overdue: Mapped[bool] = mapped_column(Boolean)
    #: what must be done at once, when a life is at risk
    task_id: Mapped[UUID | None] = mapped_column(ForeignKey("tasks.id"))
    case_id: Mapped[UUID | None] = mapped_column(ForeignKey("cases.id"))
    to_agency: Mapped[str | None]
    #: the report of another office from which this one came
    referred_from: Mapped[UUID | None] = mapped_column(ForeignKey("intakes.id"))
    reason: Mapped[str | None]
    note: Mapped[str]
    decided_by: Mapped[str | None]
    decided_at: Mapped[datetime | None]


class Transfer(Base):
    """A case on its way to another office. Part of its case: whoever changes it holds the case's lock."""

    __tablename__ = "transfers"
    __table_args__ = (
        # a case goes one way at a time
        Index("transfers_one_open", "case_id", unique=True, postgresql_where=text("state IN ('proposed', 'offered')")),
        # serve the lists: what comes to an office, what leaves it
        Index("transfers_coming", "to_agency", "proposed_at", postgresql_where=text("state = 'offered'")),
        Index("transfers_leaving", "from_agency", "proposed_at"),
        # serves the question which offices have held a case, and the case's own list
        Index("transfers_of_case", "case_id"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    version: Mapped[int]
    case_id: Mapped[UUID] = mapped_column(ForeignKey("cases.id"))
    from_agency: Mapped[str]
    from_area: Mapped[str]
    to_agency: Mapped[str]
    to_area: Mapped[str]
    reason: Mapped[str]
    summary: Mapped[str]
    state: Mapped[str]
    proposed_by: Mapped[str]
    proposed_at: Mapped[datetime] = mapped_column(server_default=func.now())
    offered_by: Mapped[str | None]
    answer_by: Mapped[datetime | None]
    overdue: Mapped[bool] = mapped_column(Boolean)
    decided_by: Mapped[str | None]
    decided_at: Mapped[datetime | None]
    why: Mapped[str | None]
    note: Mapped[str]
