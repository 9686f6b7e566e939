"""How a case ended, and what came after: everything that its page of terminasi shows, on one page."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from sqlalchemy import func, select

from services.cases.access import may_write
from services.cases.casefile import goals_of, readable_case, steps_of
from services.cases.closing import RULES
from services.cases.closure_models import Closure, Reopening
from services.cases.models import Assessment, Case, FollowUp
from services.cases.notes_models import Visit
from services.cases.queries import ReadCase, _columns
from sinergi.auth import Actor, permit
from sinergi.db import Tx

#: a case is closed a few times in its life, hardly ever more often
MOST = 50


@permit("case.read")
async def read_closure(what: ReadCase, actor: Actor, tx: Tx) -> dict[str, Any]:
    """Requests for terminasi with what became of them (the newest first), follow-ups, reopenings, and the summary."""
    case = await readable_case(what.case_id, actor, tx)
    await tx.audit("case.read_closure", "case", [case.id], what.purpose)
    closures = await _newest(Closure, case, tx)
    due = select(FollowUp).where(FollowUp.case_id == case.id).order_by(FollowUp.due_on, FollowUp.id).limit(MOST)
    return {
        "id": case.id,
        "version": case.version,
        "state": case.stage,
        "may_write": await may_write(case, actor, tx),
        "closures": closures,
        "reopenings": await _newest(Reopening, case, tx),
        "follow_ups": [_columns(one) for one in await tx.session.scalars(due)],
        "former_case_id": case.former_case_id,
        "reopen_until": case.closed_at + timedelta(days=RULES.reopen_within_days) if case.closed_at else None,
        "rules": RULES.model_dump(mode="json"),
        "summary": await _summary(case, tx),
    }


async def _newest(model: type[Closure | Reopening], case: Case, tx: Tx) -> Sequence[dict[str, Any]]:
    rows = select(model).where(model.case_id == case.id).order_by(model.id.desc()).limit(MOST)
    return [_columns(one) for one in await tx.session.scalars(rows)]


async def _summary(case: Case, tx: Tx) -> dict[str, Any]:
    """What somebody who meets the client later must know: why, what was wanted, what was done, what came of it."""
    risks = select(Assessment.risk).where(Assessment.case_id == case.id).order_by(Assessment.id)
    levels = (await tx.session.scalars(risks)).all()
    visits = select(func.count()).where(Visit.case_id == case.id, Visit.state == "done")
    return {
        "opened_at": case.opened_at,
        "closed_at": case.closed_at,
        "follow_up_done_at": case.follow_up_done_at,
        "way_in": case.way_in,
        "reason": case.closure_reason,
        "risk_at_first": levels[0] if levels else None,
        "risk_at_last": levels[-1] if levels else None,
        "visits": await tx.session.scalar(visits) or 0,
        "goals": [_columns(one) for one in await goals_of(case, tx)],
        "steps": [_columns(one) for one in await steps_of(case, tx)],
    }
