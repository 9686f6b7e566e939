"""What can be read of plans: a case's versions with their decisions, the supervisor's queue, what may be done next."""

from typing import Any
from uuid import UUID

from pydantic import BaseModel
from sqlalchemy import ColumnElement, func, or_, select

from services.cases.access import may_write
from services.cases.casefile import goals_of, plan_of, readable_case, steps_of
from services.cases.goal_progress import progress, views_of
from services.cases.models import Base, Case, Plan
from services.cases.plan_changes import changes
from services.cases.plans import PlanContent
from services.cases.plans_models import PlanSubmission
from services.cases.queries import Page, Purpose, in_area
from services.cases.stages import PLANS, REVERTS, STAGES, PlanState, Stage, missing_for
from services.cases.standing import standing_of
from sinergi.auth import Actor, permit
from sinergi.db import Tx

#: what may be done in a case -> the action of the permission table; in the order of the path
ACTS = {
    "assess": "case.assess",
    "draft_plan": "case.plan",
    "submit_plan": "case.submit_plan",
    "return_plan": "case.return_plan",
    "approve_plan": "case.approve_plan",
    "revise_plan": "case.revise_plan",
    "review_plan": "case.review_plan",
    "request_closure": "case.request_closure",
    "close": "case.close",
}
#: acts of the supervisor; the others are the worker's
SUPERVISED = {"return_plan", "approve_plan", "close"}


class OfCase(BaseModel):
    """The plan of which case, and why it is read."""

    case_id: UUID
    purpose: Purpose = "casework"


@permit("case.read")
async def read_plan(what: OfCase, actor: Actor, tx: Tx) -> dict[str, Any]:
    """Goals with their progress and steps as they stand, every version with who decided what, and what changed."""
    case = await readable_case(what.case_id, actor, tx)
    await tx.audit("case.read_plan", "case", [case.id], what.purpose)
    goals, steps = await goals_of(case, tx), await steps_of(case, tx)
    views = await views_of(goals, tx)
    return {
        "case_id": case.id,
        "version": case.version,
        "goals": [_columns(one) | {"progress": progress(one, steps), "views": views[one.id]} for one in goals],
        "steps": [_columns(one) for one in steps],
        "versions": await _versions(case, tx),
    }


@permit("case.read")
async def read_next(what: OfCase, actor: Actor, tx: Tx) -> dict[str, Any]:
    """Which commands this actor may give now, the ways back, and what is missing for the next stage."""
    case = await readable_case(what.case_id, actor, tx)
    await tx.audit("case.read_next", "case", [case.id], what.purpose)
    standing = await standing_of(case, tx)
    ahead = _next(standing.stage)
    lacking = missing_for(ahead, standing) if ahead else []
    writes = await may_write(case, actor, tx)
    return {
        "stage": case.stage,
        "next_stage": ahead,
        "commands": [one for one in ACTS if await _may(one, case, actor, tx)],
        "back_to": list(REVERTS.get(standing.stage, ())) if writes and actor.may("case.revert_stage") else [],
        "missing": [{"slug": one.slug, "detail": one.sentence} for one in lacking],
        "needs_left": list(standing.needs_left),
    }


class ListPlans(Page):
    """The plans that wait for the actor's decision."""


@permit("plan.queue")
async def list_plans(what: ListPlans, actor: Actor, tx: Tx) -> dict[str, Any]:
    """A supervisor's queue: of the own office and area, not another supervisor's, never own work; risk to life first,
    then who has waited longest. The index of submitted plans serves it: it holds only what waits."""
    waiting = select(Plan, Case).join(Case, Case.id == Plan.case_id).where(*_waits_for(actor))
    total = await tx.session.scalar(select(func.count()).select_from(waiting.subquery()))
    order = ((Case.risk == "life").desc().nulls_last(), Plan.submitted_at, Plan.id)
    rows = (await tx.session.execute(waiting.order_by(*order).limit(what.size).offset(what.skip))).all()
    await tx.audit("plan.list", "case", [case.id for _, case in rows], "approval")
    return {"items": [_waiting(plan, case) for plan, case in rows], "total": total or 0}


def _waits_for(actor: Actor) -> list[ColumnElement[bool]]:
    ours = [Plan.state == PlanState.SUBMITTED, Case.agency == actor.agency, in_area(Case.area, actor.area)]
    mine = [Case.supervisor.in_(["", actor.id]), Case.worker != actor.id, Plan.submitted_by != actor.id]
    stages = [one for one in Stage if one in STAGES["approve_plan"]]
    return [*ours, *mine, or_(*(Case.stage == one for one in stages))]


def _waiting(plan: Plan, case: Case) -> dict[str, Any]:
    told = {name: getattr(case, name) for name in ("area", "worker", "risk", "stage")}
    return told | {
        "case_id": case.id,
        "number": plan.number,
        "submitted_at": plan.submitted_at,
        "submitted_by": plan.submitted_by,
    }


async def _versions(case: Case, tx: Tx) -> list[dict[str, Any]]:
    """Every version, oldest first, each with what changed since the one before it."""
    rows = (await tx.session.scalars(select(Plan).where(Plan.case_id == case.id).order_by(Plan.number))).all()
    laid = await _submissions([one.id for one in rows], tx)
    found: list[dict[str, Any]] = []
    before: PlanContent | None = None
    for plan in rows:
        content = PlanContent.model_validate(plan.content)
        more = {"changes": changes(before, content) if before else None, "submissions": _told(laid[plan.id], content)}
        found.append(_columns(plan) | {"content": content.model_dump(mode="json")} | more)
        before = content
    return found


async def _submissions(plans: list[UUID], tx: Tx) -> dict[UUID, list[PlanSubmission]]:
    ours = select(PlanSubmission).where(PlanSubmission.plan_id.in_(plans)).order_by(PlanSubmission.number)
    found: dict[UUID, list[PlanSubmission]] = {one: [] for one in plans}
    for one in await tx.session.scalars(ours):
        found[one.plan_id].append(one)
    return found


def _told(laid: list[PlanSubmission], now: PlanContent) -> list[dict[str, Any]]:
    """Each time that it was laid before the supervisor, and what has changed since: until the next time, or now."""
    contents = [PlanContent.model_validate(one.content) for one in laid] + [now]
    since = [changes(contents[at], contents[at + 1]) for at in range(len(laid))]
    return [
        {name: value for name, value in _columns(one).items() if name != "content"} | {"changed_since": after}
        for one, after in zip(laid, since, strict=True)
    ]


def _next(stage: Stage) -> Stage | None:
    order = list(Stage)
    at = order.index(stage) + 1
    return order[at] if at < len(order) else None


async def _may(doing: str, case: Case, actor: Actor, tx: Tx) -> bool:
    if not actor.may(ACTS[doing]) or Stage(case.stage) not in STAGES[doing]:
        return False
    if doing in SUPERVISED:
        own = case.worker == actor.id and not actor.may("case.approve_own")
        turn = case.supervisor in ("", actor.id) and not own
    else:
        turn = await may_write(case, actor, tx)
    return turn and await _plan_allows(doing, case, tx)


async def _plan_allows(doing: str, case: Case, tx: Tx) -> bool:
    if doing not in PLANS:
        return True
    plan = await plan_of(case, tx)
    return PlanState(plan.state) in PLANS[doing] if plan else doing == "draft_plan"


def _columns(row: Base) -> dict[str, Any]:
    return {column.name: getattr(row, column.name) for column in row.__table__.columns}
