"""What can be read. Reading a case is processing personal data: it leaves an audit row in the same transaction."""

from collections.abc import Sequence
from typing import Annotated, Any
from uuid import UUID

from pydantic import BaseModel, Field, StringConstraints
from sqlalchemy import ColumnElement, or_, select, text
from sqlalchemy.orm import InstrumentedAttribute

from services.cases.access import may_write
from services.cases.casefile import goals_of, plan_of, readable_case, steps_of
from services.cases.models import Assessment, Base, Case, FollowUp, History, Task
from sinergi.auth import Actor, permit
from sinergi.db import Tx

_AUDIT = """FROM audit WHERE (CAST(:kind AS text) IS NULL OR subject_kind = :kind)
            AND (CAST(:subject AS text) IS NULL OR subject_id = :subject)"""
_AUDIT_ITEMS = text(f"SELECT * {_AUDIT} ORDER BY at DESC, id DESC LIMIT :size OFFSET :skip")
_AUDIT_TOTAL = text(f"SELECT count(*) {_AUDIT}")


#: As people write it; PostgreSQL stores no NUL.
Purpose = Annotated[str, StringConstraints(min_length=1, max_length=200, pattern=r"^[^\x00]*$")]
Slug = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9:._-]{1,100}$")]


class Page(BaseModel):
    """Which page of a list; pages count from 1."""

    page: int = Field(1, ge=1, le=100_000)
    size: int = Field(20, ge=1, le=100)

    @property
    def skip(self) -> int:
        """How many rows come before it."""
        return (self.page - 1) * self.size


class ReadCase(BaseModel):
    """One case, and why it is read."""

    case_id: UUID
    purpose: Purpose = "casework"


class ReadAudit(Page):
    """The trail of who read what here."""

    subject_kind: Slug | None = None
    subject_id: Slug | None = None


@permit("case.read")
async def read_case(what: ReadCase, actor: Actor, tx: Tx) -> dict[str, Any]:
    """Everything about a case, for its worker and the supervisors of its office."""
    case = await readable_case(what.case_id, actor, tx)
    await tx.audit("case.read", "case", [case.id], what.purpose)
    plan = await plan_of(case, tx)
    return case_columns(case) | {
        "may_write": await may_write(case, actor, tx),
        "assessments": await _parts(Assessment, case, tx),
        "plan": _columns(plan) if plan else None,
        "goals": [_columns(one) for one in await goals_of(case, tx)],
        "steps": [_columns(one) for one in await steps_of(case, tx)],
        "tasks": await _parts(Task, case, tx),
        "follow_ups": await _parts(FollowUp, case, tx),
        "history": await _parts(History, case, tx),
    }


@permit("case.read")
async def read_case_card(what: ReadCase, actor: Actor, tx: Tx) -> dict[str, Any]:
    """What stands at the head of each page of a case: the case itself, without its parts."""
    case = await readable_case(what.case_id, actor, tx)
    await tx.audit("case.read_card", "case", [case.id], what.purpose)
    joined = await tx.session.scalars(select(Case.id).where(Case.joined_to == case.id).order_by(Case.id))
    return case_columns(case) | {
        "may_write": await may_write(case, actor, tx),
        "joined": list(joined),
        "served_as": case.served_as,
    }


@permit("cases.audit")
async def read_audit(what: ReadAudit, actor: Actor, tx: Tx) -> dict[str, Any]:
    """The audit trail, newest first, for an auditor."""
    about = {"kind": what.subject_kind, "subject": what.subject_id}
    rows = await tx.session.execute(_AUDIT_ITEMS, about | {"size": what.size, "skip": what.skip})
    total = (await tx.session.execute(_AUDIT_TOTAL, about)).scalar_one()
    return {"items": [dict(row) for row in rows.mappings()], "total": total}


def in_area(column: InstrumentedAttribute[str], scope: str) -> ColumnElement[bool]:
    """`sinergi.auth.covers` in SQL; an empty scope covers nothing."""
    if scope == "*":
        return column.is_not(None)
    return or_(column == scope, column.startswith(f"{scope}.", autoescape=True))


def case_columns(case: Case) -> dict[str, Any]:
    """What is shown of a case itself."""
    return _columns(case) | {"state": case.stage}


async def _parts(model: type[Assessment | Task | FollowUp | History], case: Case, tx: Tx) -> Sequence[dict[str, Any]]:
    rows = await tx.session.scalars(select(model).where(model.case_id == case.id).order_by(model.id))
    return [_columns(row) for row in rows]


def _columns(row: Base) -> dict[str, Any]:
    return {column.name: getattr(row, column.name) for column in row.__table__.columns}
