"""The tables beside a plan: each time it was laid before a supervisor, and how the worker saw a goal come along."""

from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ForeignKey, UniqueConstraint, func
from sqlalchemy.orm import Mapped, mapped_column

from services.cases.models import Base


class PlanSubmission(Base):
    """One laying of a version before the supervisor: what was in it then, who decided how, with which remarks."""

    __tablename__ = "plan_submissions"
    __table_args__ = (UniqueConstraint("plan_id", "number", name="plan_submissions_number"),)

    id: Mapped[UUID] = mapped_column(primary_key=True)
    plan_id: Mapped[UUID] = mapped_column(ForeignKey("plans.id"))
    number: Mapped[int]
    content: Mapped[dict[str, Any]]
    submitted_by: Mapped[str]
    submitted_at: Mapped[datetime] = mapped_column(server_default=func.now())
    decision: Mapped[str | None]
    decided_by: Mapped[str | None]
    decided_at: Mapped[datetime | None]
    comment: Mapped[str | None]
    #: {"goals": {key: words}, "steps": {key: words}}
    remarks: Mapped[dict[str, Any]]


class GoalView(Base):
    """How far the worker saw a goal reached, on a day. A later view stands beside it, never in its place."""

    __tablename__ = "goal_views"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    goal_id: Mapped[UUID] = mapped_column(ForeignKey("goals.id"), index=True)
    reached: Mapped[str]
    seen_on: Mapped[date]
    note: Mapped[str]
    seen_by: Mapped[str]
    at: Mapped[datetime] = mapped_column(server_default=func.now())
