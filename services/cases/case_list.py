"""The list of cases: filters, orders, and pages that cost the same however deep they lie and however many cases are.

Each order is served by an index (models.py); a total is counted up to COUNTED, beyond it is "more".
"""

import base64
import binascii
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import StringConstraints
from sqlalchemy import ColumnElement, Select, String, cast, exists, func, literal, select, tuple_
from sqlalchemy.orm import InstrumentedAttribute, aliased

from services.cases.access import mine
from services.cases.commands import Area
from services.cases.models import Case, Task
from services.cases.queries import Page, in_area
from services.cases.queries import case_columns as columns_of
from services.cases.stages import Stage
from services.cases.weights import weigh
from sinergi.auth import Actor, permit
from sinergi.db import Tx
from sinergi.permissions import Role
from sinergi.problems import Refused
from sinergi.workdays import zone_of

#: counted exactly up to here; and as deep as pages by number go
COUNTED = 10_000

Order = Literal["risk", "touched", "due"]


class ListCases(Page):
    """The open cases that the actor sees, or the closed ones. All filters must fit.

    `worker` "-": those that wait for one; `q`: a case's short number, open or closed; `after`: an answer's `next`.
    """

    stage: Stage | None = None
    risk: Literal["none", "low", "medium", "high", "life"] | None = None
    worker: Annotated[str, StringConstraints(pattern=r"^[!-~]{1,100}$")] | None = None
    overdue: bool = False
    area: Area | None = None
    q: Annotated[str, StringConstraints(pattern=r"^[0-9A-Fa-f]{8}$")] | None = None
    opened_from: date | None = None
    opened_to: date | None = None
    closed: bool = False
    sort: Order = "risk"
    after: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_=-]{1,300}$")] | None = None


@dataclass(frozen=True)
class _Sorted:
    """An order: its columns, all in one direction, and how their values are read from a cursor."""

    columns: tuple[InstrumentedAttribute[Any], ...]
    read: tuple[Any, ...]
    descending: bool = False


_ORDERS: dict[Order, _Sorted] = {
    "risk": _Sorted((Case.urgency, Case.opened_at, Case.id), (int, datetime.fromisoformat, UUID), descending=True),
    "touched": _Sorted((Case.touched_at, Case.id), (datetime.fromisoformat, UUID)),
    "due": _Sorted((Task.due_on, Case.id), (date.fromisoformat, UUID)),
}


@permit("case.read")
async def list_cases(what: ListCases, actor: Actor, tx: Tx) -> dict[str, Any]:
    """A worker's own caseload and whose place the worker takes; a supervisor's whole office within its area.

    Refused: `page-too-deep` (go on with `next`), `cursor-not-valid`.
    """
    if what.skip >= COUNTED and not what.after:
        raise Refused("page-too-deep", "Set filters, or go on page by page.")
    where = [*await _seen_by(actor, tx), *_filters(what, actor)]
    found = _found(what).where(*where)
    some = found.with_only_columns(literal(1)).limit(COUNTED + 1).subquery()
    total = await tx.session.scalar(select(func.count()).select_from(some)) or 0
    rows = (await tx.session.execute(_page(found, what))).all()
    cases = [row[0] for row in rows[: what.size]]
    await tx.audit("case.list", "case", [case.id for case in cases], "caseload")
    return {
        "items": await _shown(cases, tx),
        "total": min(total, COUNTED),
        "more": total > COUNTED,
        "next": _cursor(what.sort, rows[what.size - 1]) if len(rows) > what.size else None,
    }


async def _seen_by(actor: Actor, tx: Tx) -> list[ColumnElement[bool]]:
    seen = [Case.agency == actor.agency, in_area(Case.area, actor.area)]
    return [*seen, await mine(Case, actor, tx)] if actor.role is Role.SOCIAL_WORKER else seen


def _filters(what: ListCases, actor: Actor) -> list[ColumnElement[bool]]:
    if what.q:
        return [func.right(cast(Case.id, String), 8) == what.q.lower()]
    closed = what.closed or what.stage is Stage.PEMBINAAN_LANJUT
    where: list[ColumnElement[bool]] = [Case.closed_at.is_not(None) if closed else Case.closed_at.is_(None)]
    if what.stage:
        where.append(Case.stage == what.stage)
    if what.risk:
        where.append(Case.urgency == _URGENCY[what.risk])
    if what.worker:
        where.append(Case.worker == ("" if what.worker == "-" else what.worker))
    if what.area:
        where.append(in_area(Case.area, what.area))
    if what.overdue:
        late = aliased(Task)  # by due date, the list is joined with tasks itself
        where.append(exists().where(late.case_id == Case.id, late.done_at.is_(None), late.overdue_since.is_not(None)))
    return [*where, *_opened(what, actor)]


#: `urgency` of each risk, as the database computes it (models.py)
_URGENCY = {"life": 4, "high": 3, "none": 2, "medium": 1, "low": 0}


def _opened(what: ListCases, actor: Actor) -> list[ColumnElement[bool]]:
    """Both days whole, where the actor is."""
    zone, where = zone_of(actor.area), []
    if what.opened_from:
        where.append(Case.opened_at >= datetime.combine(what.opened_from, time(), zone))
    if what.opened_to:
        where.append(Case.opened_at < datetime.combine(what.opened_to + timedelta(days=1), time(), zone))
    return where


def _found(what: ListCases) -> Select[Any]:
    """The rows to choose from; by due date, each case that has a task with a date stands at the first one's."""
    if what.sort != "due":
        return select(Case, *_ORDERS[what.sort].columns)
    earlier = aliased(Task)
    before = tuple_(earlier.due_on, earlier.id) < tuple_(Task.due_on, Task.id)
    first = ~exists().where(earlier.case_id == Task.case_id, earlier.done_at.is_(None), before)
    dated = (Task.agency == Case.agency, Task.done_at.is_(None), Task.due_on.is_not(None), Task.case_id.is_not(None))
    return select(Case, *_ORDERS["due"].columns).join(Task, Task.case_id == Case.id).where(*dated, first)


def _page(found: Select[Any], what: ListCases) -> Select[Any]:
    order = _ORDERS[what.sort]
    if what.after:
        at = tuple_(*order.columns)
        place = tuple_(*_read(what.after, what.sort))
        found = found.where(at < place if order.descending else at > place)
    else:
        found = found.offset(what.skip)
    columns = [one.desc() if order.descending else one.asc() for one in order.columns]
    return found.order_by(*columns).limit(what.size + 1)


def _cursor(order: Order, row: Sequence[Any]) -> str:
    values = [value.isoformat() if isinstance(value, date) else str(value) for value in row[1:]]
    return base64.urlsafe_b64encode(json.dumps([order, *values]).encode()).decode()


def _read(cursor: str, order: Order) -> list[Any]:
    try:
        named, *values = json.loads(base64.urlsafe_b64decode(cursor))
        read = [read(value) for read, value in zip(_ORDERS[order].read, values, strict=True)]
    except (ValueError, TypeError, AttributeError, binascii.Error) as wrong:
        raise Refused("cursor-not-valid", "Begin at the first page.") from wrong
    if named != order:
        raise Refused("cursor-not-valid", "Begin at the first page.")
    return [literal(value, column.type) for value, column in zip(read, _ORDERS[order].columns, strict=True)]


async def _shown(cases: Sequence[Case], tx: Tx) -> list[dict[str, Any]]:
    """The cases with their points, and when something is due next."""
    late = func.coalesce(func.bool_or(Task.overdue_since.is_not(None)), False)
    of_these = (Task.case_id.in_([case.id for case in cases]), Task.done_at.is_(None))
    grouped = select(Task.case_id, func.min(Task.due_on), late).where(*of_these).group_by(Task.case_id)
    due = {row[0]: (row[1], row[2]) for row in await tx.session.execute(grouped)} if cases else {}
    items = []
    for case in cases:
        next_due, overdue = due.get(case.id, (None, False))
        items.append(columns_of(case) | {"points": weigh(case), "next_due_on": next_due, "overdue": overdue})
    return items
