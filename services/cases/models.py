"""The tables of casework. A case is the aggregate: its row is locked before anything that belongs to it changes."""

from datetime import UTC, date, datetime
from typing import Any, ClassVar
from uuid import UUID

from sqlalchemy import BigInteger, Computed, Date, DateTime, ForeignKey, Index, Text, UniqueConstraint, Uuid, func, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column


class Base(DeclarativeBase):
    """This service's tables."""

    type_annotation_map: ClassVar = {
        str: Text(),
        UUID: Uuid(),
        date: Date(),
        datetime: DateTime(timezone=True),
        list[str]: JSONB(),
        list[dict[str, Any]]: JSONB(),
        dict[str, int]: JSONB(),
        dict[str, str]: JSONB(),
        dict[str, Any]: JSONB(),
    }


def _of_case() -> Mapped[UUID]:
    """A column that names the case, indexed: everything of a case is read together."""
    return mapped_column(ForeignKey("cases.id"), index=True)


def _now() -> Mapped[datetime]:
    return mapped_column(server_default=func.now())


#: the order of the caseload; ours: a risk that nobody has assessed yet comes before a medium one
URGENCY = "CASE risk WHEN 'life' THEN 4 WHEN 'high' THEN 3 WHEN 'medium' THEN 1 WHEN 'low' THEN 0 ELSE 2 END"


class Case(Base):
    """A case: one client (a person, household or group), one office, one social worker."""

    __tablename__ = "cases"
    __table_args__ = (
        # one open case per client
        Index("cases_one_open", "client_kind", "client_id", unique=True, postgresql_where=text("closed_at IS NULL")),
        # serve the lists: a worker's caseload, an office's cases
        Index("cases_caseload", "agency", "worker", "opened_at"),
        Index("cases_office", "agency", "area", "opened_at"),
        # serves the way from a case to those that were joined to it
        Index("cases_joined_to", "joined_to", postgresql_where=text("joined_to IS NOT NULL")),
        # serve the numbers of a month (agenda.py)
        Index("cases_stages", "agency", "area", "stage", postgresql_where=text("closed_at IS NULL")),
        Index("cases_closed", "agency", "closed_at", "area", postgresql_where=text("closed_at IS NOT NULL")),
        # serves the opening of a new case: the last one of the same client that was closed
        Index("cases_former", "client_kind", "client_id", "closed_at", postgresql_where=text("closed_at IS NOT NULL")),
        Index("cases_urgent", "agency", "urgency", "opened_at", "id", postgresql_where=text("closed_at IS NULL")),
        Index("cases_ended", "agency", "urgency", "opened_at", "id", postgresql_where=text("closed_at IS NOT NULL")),
        Index("cases_touched", "agency", "touched_at", "id", postgresql_where=text("closed_at IS NULL")),
        Index("cases_number", text('"right"(id::text, 8)')),
    )
    #: what PostgreSQL computes is there after a change too
    __mapper_args__ = {"eager_defaults": True}  # noqa: RUF012 (SQLAlchemy's way)

    id: Mapped[UUID] = mapped_column(primary_key=True)
    version: Mapped[int]
    agency: Mapped[str]
    area: Mapped[str]
    worker: Mapped[str]
    #: "" until the first supervisor of the office has acted
    supervisor: Mapped[str]
    client_kind: Mapped[str]
    client_id: Mapped[UUID]
    #: the client as first bound, when the registry merged it into another since
    client_was: Mapped[UUID | None]
    way_in: Mapped[str]
    stage: Mapped[str]
    risk: Mapped[str | None]
    opened_at: Mapped[datetime] = _now()
    closure_reason: Mapped[str | None]
    client_view: Mapped[str | None]
    closed_at: Mapped[datetime | None]
    #: nothing is due any more after the case was closed
    follow_up_done_at: Mapped[datetime | None]
    #: the closed case of the same client that came before this one
    former_case_id: Mapped[UUID | None] = mapped_column(ForeignKey("cases.id"))
    #: the last change of the case itself
    touched_at: Mapped[datetime] = mapped_column(server_default=func.now(), onupdate=lambda: datetime.now(UTC))
    urgency: Mapped[int] = mapped_column(Computed(URGENCY, persisted=True))
    #: the case of the same client that goes on in place of this one
    joined_to: Mapped[UUID | None] = mapped_column(ForeignKey("cases.id"))

    @property
    def served_as(self) -> str:
        """The kind of client that instruments and facts know: somebody unknown is a person."""
        return "person" if self.client_kind == "unknown" else self.client_kind

    #: the duties that its stage and risk give now: kind -> code of the rule (duties.py)
    duties: Mapped[dict[str, str]] = mapped_column(default=dict, server_default=text("'{}'"))

    @property
    def state(self) -> str:
        """The stage, under the name that every aggregate's answer uses."""
        return self.stage


class Assessment(Base):
    """A filled-in instrument, the risk that it gave, and because of which domains."""

    __tablename__ = "assessments"
    __table_args__ = (
        # one current assessment of each instrument; serves the risk of the case
        Index("assessments_current", "case_id", "instrument", unique=True, postgresql_where=text("current")),
        # serves the worker's year
        Index("assessments_of_worker", "assessed_by", "at"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    case_id: Mapped[UUID] = _of_case()
    instrument: Mapped[str]
    instrument_version: Mapped[int]
    answers: Mapped[dict[str, Any]] = mapped_column(JSONB())
    remarks: Mapped[dict[str, Any]] = mapped_column(JSONB(), server_default=text("'{}'"))
    risk: Mapped[str]
    because: Mapped[list[dict[str, Any]]]
    #: scores, thresholds and alarms as they were; None before they were written down
    working: Mapped[dict[str, Any] | None] = mapped_column(JSONB())
    #: the last one by its instrument: it counts for the case's risk
    current: Mapped[bool] = mapped_column(server_default=text("false"))
    assessed_by: Mapped[str]
    at: Mapped[datetime] = _now()


class Plan(Base):
    """A version of the case's plan: its content as written; goals and steps that are in force are rows of their own."""

    __tablename__ = "plans"
    __table_args__ = (
        UniqueConstraint("case_id", "number", name="plans_number"),
        # one version is in force, one is being written
        Index("plans_one_in_force", "case_id", unique=True, postgresql_where=text("state = 'approved'")),
        Index(
            "plans_one_in_work",
            "case_id",
            unique=True,
            postgresql_where=text("state IN ('draft', 'submitted', 'returned')"),
        ),
        # serves the queue of what waits for a supervisor
        Index("plans_waiting", "submitted_at", "id", postgresql_where=text("state = 'submitted'")),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    case_id: Mapped[UUID] = mapped_column(ForeignKey("cases.id"))
    number: Mapped[int]
    state: Mapped[str]
    content: Mapped[dict[str, Any]]
    comment: Mapped[str]
    submitted_at: Mapped[datetime | None]
    submitted_by: Mapped[str | None]
    decided_at: Mapped[datetime | None]
    decided_by: Mapped[str | None]


class Goal(Base):
    """A goal of the plan, and at closure its outcome against the need."""

    __tablename__ = "goals"
    __table_args__ = (UniqueConstraint("case_id", "key", name="goals_key"),)

    id: Mapped[UUID] = mapped_column(primary_key=True)
    case_id: Mapped[UUID] = mapped_column(ForeignKey("cases.id"))
    position: Mapped[int]
    key: Mapped[str]
    need: Mapped[str]
    text: Mapped[str]
    target: Mapped[str | None]
    by_when: Mapped[date | None]
    outcome: Mapped[str | None]
    #: a later version of the plan left it out
    retired_at: Mapped[datetime | None]


class Step(Base):
    """A step of the plan: a referral, or something that our own office sees to (plans.py, `StepKind`)."""

    __tablename__ = "steps"
    __table_args__ = (UniqueConstraint("case_id", "key", name="steps_key"),)

    id: Mapped[UUID] = mapped_column(primary_key=True)
    case_id: Mapped[UUID] = mapped_column(ForeignKey("cases.id"))
    position: Mapped[int]
    key: Mapped[str]
    goal: Mapped[str]
    stage: Mapped[str]
    kind: Mapped[str]
    #: what is asked: a service, the programme of an aid, a kind of placement, the purpose of a visit
    service: Mapped[str]
    after: Mapped[list[str]]
    weight: Mapped[int] = mapped_column(default=1)
    reason: Mapped[str | None]
    legal_basis: Mapped[str | None]
    priority: Mapped[str]
    documents: Mapped[list[str]]
    #: who sees to it; nobody named: the case's worker
    worker: Mapped[str | None]
    #: of an aid, in rupiah
    amount: Mapped[int | None] = mapped_column(BigInteger())
    due_days: Mapped[int | None]
    due_on: Mapped[date | None]
    state: Mapped[str]
    referral_id: Mapped[UUID | None]
    #: referrals that a later one replaced: what they still say does not move the step
    earlier_referrals: Mapped[list[str]]
    #: the code of why its running referral was withdrawn: when that has ended, so has the step
    withdrawn: Mapped[str | None]
    outcome: Mapped[str | None]
    #: how it was done, in the worker's words, and under which number an aid was given
    note: Mapped[str | None]
    reference: Mapped[str | None]
    done_on: Mapped[date | None]
    problem: Mapped[str | None]
    missing_documents: Mapped[list[str]]


_DUE = "done_at IS NULL AND due_on IS NOT NULL AND case_id IS NOT NULL"
_OVERDUE = "done_at IS NULL AND overdue_since IS NOT NULL"


class Task(Base):
    """Something that somebody must do, in a case or for the office; open until `done_at`."""

    __tablename__ = "tasks"
    __table_args__ = (
        # serve the lists: my tasks, the office's tasks, by date
        Index("tasks_mine", "worker", "due_on", "id", postgresql_where=text("done_at IS NULL")),
        Index("tasks_office", "agency", "area", "due_on", postgresql_where=text("done_at IS NULL")),
        # serves the grouped count of overdue tasks (agenda.py)
        Index("tasks_late", "agency", "area", "kind", "due_on", postgresql_where=text("done_at IS NULL")),
        Index("tasks_by_due", "agency", "due_on", "case_id", postgresql_where=text(_DUE)),
        Index("tasks_overdue", "agency", "worker", "area", postgresql_where=text(_OVERDUE)),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    version: Mapped[int]
    case_id: Mapped[UUID | None] = mapped_column(ForeignKey("cases.id"), index=True)
    step_id: Mapped[UUID | None] = mapped_column(ForeignKey("steps.id"))
    agency: Mapped[str]
    area: Mapped[str]
    worker: Mapped[str]
    kind: Mapped[str]
    reason: Mapped[str]
    #: somebody's words: what is to be done, or how it was done
    note: Mapped[str]
    due_on: Mapped[date | None]
    overdue_since: Mapped[datetime | None]
    at: Mapped[datetime] = _now()
    done_at: Mapped[datetime | None]
    done_by: Mapped[str | None]

    @property
    def state(self) -> str:
        """open, overdue or done."""
        return "done" if self.done_at else "overdue" if self.overdue_since else "open"


class CaseAccess(Base):
    """A grant: somebody besides the worker may read or write the case, for a reason, until a time."""

    __tablename__ = "case_access"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    case_id: Mapped[UUID] = _of_case()
    actor: Mapped[str]
    agency: Mapped[str]
    may: Mapped[str]
    because: Mapped[str]
    until: Mapped[datetime | None]
    granted_by: Mapped[str]
    at: Mapped[datetime] = _now()
    revoked_at: Mapped[datetime | None]


class FollowUp(Base):
    """Looking after a client once the case was closed, with a task; an aggregate of its own beside the case."""

    __tablename__ = "follow_ups"
    __table_args__ = (
        # serves the worker's year
        Index("follow_ups_of_worker", "recorded_by", "done_at", postgresql_where=text("done_at IS NOT NULL")),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    version: Mapped[int]
    case_id: Mapped[UUID] = _of_case()
    due_on: Mapped[date]
    #: due, done, not_reached, or dropped because the case was opened again
    state: Mapped[str]
    #: 1, and one more each time that nobody was reached
    attempt: Mapped[int]
    task_id: Mapped[UUID | None]
    seen_how: Mapped[str | None]
    #: better, same or worse than when the case was closed
    situation: Mapped[str | None]
    needs: Mapped[list[str]]
    note: Mapped[str | None]
    #: why nobody was reached
    reason: Mapped[str | None]
    recorded_by: Mapped[str | None]
    #: when it was recorded, reached or not
    done_at: Mapped[datetime | None]


class History(Base):
    """What was done in a case, by whom; `note` holds the doer's words or the code of a reason."""

    __tablename__ = "history"
    __table_args__ = (
        # serves the worker's year
        Index("history_of_actor", "actor", "at"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    case_id: Mapped[UUID] = _of_case()
    at: Mapped[datetime] = _now()
    actor: Mapped[str]
    role: Mapped[str]
    agency: Mapped[str]
    what: Mapped[str]
    note: Mapped[str]
