"""The tables of running pathways: the chain, where each step stands, and the referrals that were sent for it."""

from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from services.referrals.models import Base


class Pathway(Base):
    """A running pathway. `definition` is the template's text as it was started under: a later version changes nothing.

    `step_id` is the step of the case's plan that asked for it, if one did. `documents`: those that the sender holds.
    A `stop_reason` says that it goes on no further. `note` is free text: it never leaves but to the office.
    """

    __tablename__ = "pathways"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    version: Mapped[int] = mapped_column(default=0)
    template: Mapped[str]
    template_version: Mapped[int]
    definition: Mapped[dict[str, Any]]
    state: Mapped[str]
    agency: Mapped[str]
    area: Mapped[str]
    worker: Mapped[str]
    client_kind: Mapped[str]
    client_id: Mapped[UUID]
    case_id: Mapped[UUID | None]
    step_id: Mapped[UUID | None]
    legal_basis: Mapped[str]
    documents: Mapped[list[str]]
    stop_reason: Mapped[str | None]
    note: Mapped[str | None]
    started_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]

    __table_args__ = (
        Index("pathways_one_running", "client_id", "template", unique=True, postgresql_where=text("ended_at IS NULL")),
        Index("pathways_agency", "agency", "id"),
    )


class PathwayStep(Base):
    """Where one step stands. `send_after`: it waits in the queue, to be sent or called back from then on.

    `asked`: services that ended without giving it; `used`: how often each of its rules was used (number -> times);
    `chosen`: the service that the worker wants; `decided`: the worker wants it, whatever its conditions say.
    """

    __tablename__ = "pathway_steps"

    pathway_id: Mapped[UUID] = mapped_column(ForeignKey("pathways.id"), primary_key=True)
    key: Mapped[str] = mapped_column(primary_key=True)
    position: Mapped[int]
    state: Mapped[str]
    reason: Mapped[str | None]
    outcome: Mapped[str | None]
    evidence: Mapped[list[str]]
    service: Mapped[str | None]
    referral_id: Mapped[UUID | None]
    attempt: Mapped[int]
    asked: Mapped[list[str]]
    used: Mapped[dict[str, Any]]
    chosen: Mapped[str | None]
    decided: Mapped[bool]
    note: Mapped[str | None]
    due_on: Mapped[date | None]
    send_after: Mapped[datetime | None]
    tries: Mapped[int]

    __table_args__ = (
        Index(
            "pathway_steps_next",
            "send_after",
            "pathway_id",
            "key",
            postgresql_where=text("send_after IS NOT NULL"),
        ),
    )


class PathwayReferral(Base):
    """A referral that was sent for a step; `undoes`: it asks to take back what the step did. Never changed."""

    __tablename__ = "pathway_referrals"

    referral_id: Mapped[UUID] = mapped_column(ForeignKey("referrals.id"), primary_key=True)
    pathway_id: Mapped[UUID] = mapped_column(ForeignKey("pathways.id"))
    step: Mapped[str]
    attempt: Mapped[int]
    service: Mapped[str]
    undoes: Mapped[bool]

    __table_args__ = (Index("pathway_referrals_pathway", "pathway_id", "attempt"),)
