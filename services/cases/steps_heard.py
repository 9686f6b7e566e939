"""What visits and placements do for the plan: the step that asked for one ends with it. They are heard as facts, for
they are things of their own, which change without the case."""

from datetime import date
from uuid import UUID

from pydantic import BaseModel
from sqlalchemy import select

from services.cases.casefile import held_by, record, steps_of
from services.cases.duties import VISIT, keep_duties
from services.cases.models import Case, Step
from services.cases.stages import AT_WORK, StepState
from services.cases.steps import complete, end_badly
from services.cases.tasks import add_task
from sinergi.auth import Actor, permit
from sinergi.db import Tx


class FollowVisit(BaseModel):
    """A visit of this purpose was made, and the client was met."""

    case_id: UUID
    purpose: str


@permit("case.follow_visit")
async def follow_visit(cmd: FollowVisit, actor: Actor, tx: Tx) -> None:
    """One visit fulfils the duty to visit, and one step: of those open for its purpose, the one that is due first."""
    case = await tx.lock(Case, cmd.case_id)
    await keep_duties(case, actor, tx, done={VISIT})
    awaited = [one for one in await steps_of(case, tx) if _is_for(one, cmd.purpose)]
    if awaited:
        step = min(awaited, key=lambda one: (one.due_on or date.max, one.position))
        record(case, "step_completed", actor, tx, f"{step.key}: visit-completed")
        await complete(case, step, "visit-completed", actor, tx)


class FollowPlacement(BaseModel):
    """A placement that a step asked for came about (`outcome`), or was called off (`reason`)."""

    case_id: UUID
    step_id: UUID
    outcome: str = ""
    reason: str = ""


@permit("case.follow_placement")
async def follow_placement(cmd: FollowPlacement, actor: Actor, tx: Tx) -> None:
    """The step has its outcome, or the worker is asked. A step that is not open, or no placement, is left alone."""
    case = await tx.lock(Case, cmd.case_id)
    step = next((one for one in await steps_of(case, tx) if one.id == cmd.step_id), None)
    if step is None or step.kind != "placement" or step.state != StepState.OPEN:
        return
    if cmd.outcome:
        record(case, "step_completed", actor, tx, f"{step.key}: {cmd.outcome}")
        await complete(case, step, cmd.outcome, actor, tx)
    else:
        step.state = StepState.FAILED
        record(case, "step_failed", actor, tx, f"{step.key}: {cmd.reason}")
        await end_badly(case, step, cmd.reason, [], actor, tx)


class FollowPathway(BaseModel):
    """The pathway that a step asked for began, came to its end (`outcome`), or was stopped before it (`reason`)."""

    case_id: UUID
    step_id: UUID
    agency: str
    template: str
    outcome: str = ""
    reason: str = ""


@permit("case.follow_pathway")
async def follow_pathway(cmd: FollowPathway, actor: Actor, tx: Tx) -> None:
    """The step is at work until its pathway ends; then it has its outcome, or the worker is asked. A step that asked
    for none, or has ended, is left alone."""
    case = await tx.lock(Case, cmd.case_id)
    step = next((one for one in await steps_of(case, tx) if one.id == cmd.step_id), None)
    asked = step is not None and step.service == f"pathway-{cmd.template}" and await held_by(case, cmd.agency, tx)
    if step is None or not asked or step.state not in AT_WORK:
        return
    if cmd.outcome:
        record(case, "step_completed", actor, tx, f"{step.key}: {cmd.outcome}")
        await complete(case, step, cmd.outcome, actor, tx)
    elif cmd.reason:
        step.state = StepState.FAILED
        record(case, "step_failed", actor, tx, f"{step.key}: {cmd.reason}")
        await end_badly(case, step, cmd.reason, [], actor, tx)
    else:
        step.state = StepState.IN_PROGRESS
        record(case, "step_in_progress", actor, tx, step.key)


class FollowOverdue(BaseModel):
    """A step's referral was accepted and is not finished in time."""

    case_id: UUID
    step_id: UUID
    referral_id: UUID


@permit("case.follow_referral")
async def follow_overdue(cmd: FollowOverdue, actor: Actor, tx: Tx) -> None:
    """A task until the step ends. A step that has ended, or follows another referral, is left alone."""
    at_work = select(Step.case_id).where(Step.id == cmd.step_id, Step.referral_id == cmd.referral_id)
    if await tx.session.scalar(at_work.where(Step.case_id == cmd.case_id)) is None:
        return
    case = await tx.lock(Case, cmd.case_id)
    step = next(one for one in await steps_of(case, tx) if one.id == cmd.step_id)
    if step.state in AT_WORK and step.referral_id == cmd.referral_id:
        record(case, "step_overdue", actor, tx, step.key)
        await add_task(tx, case=case, kind="step-overdue", reason=step.service, step_id=step.id)


def _is_for(step: Step, purpose: str) -> bool:
    return step.kind == "visit" and step.state == StepState.OPEN and step.service == purpose
