"""What can be done in a case. Each command checks who, locks the case, checks the stage, changes rows, tells."""

from datetime import UTC, datetime
from typing import Annotated
from uuid import UUID

import structlog
from pydantic import BaseModel, ConfigDict, Field, StringConstraints
from pydantic.json_schema import SkipJsonSchema
from sqlalchemy import delete, select

from services.cases.casefile import held_by, own_case, plan_of, record, steps_of, supervised_case, told
from services.cases.models import Case, Goal, Plan, Step
from services.cases.plans import Code, PlannedGoal, PlannedStep, Text, Words, check_plan
from services.cases.stages import ENDED, ENDED_BADLY, PlanState, StepState, next_plan_state, next_stage
from services.cases.steps import ask_the_worker, finish_tasks, fire, fire_ready, takes
from sinergi.auth import Actor, permit
from sinergi.db import Tx, new_id
from sinergi.events import (
    CasePlanApproved,
    CasePlanDrafted,
    CasePlanReturned,
    CasePlanSubmitted,
    CaseStepCompleted,
)
from sinergi.problems import Refused

log = structlog.get_logger()

FROM_THE_PATH = UUID(int=0)

Area = Annotated[str, StringConstraints(pattern=r"^\d{2}(\.\d{2}(\.\d{2}(\.\d{4})?)?)?$")]


class OnCase(BaseModel):
    """A command on a case as the actor last saw it. The door puts the id of its path in."""

    model_config = ConfigDict(extra="forbid")
    case_id: SkipJsonSchema[UUID] = FROM_THE_PATH
    expected_version: int = Field(ge=0)


class DraftPlan(OnCase):
    """Write the plan, in place of the draft that was there."""

    goals: list[PlannedGoal] = Field(min_length=1, max_length=50)
    steps: list[PlannedStep] = Field(min_length=1, max_length=50)


class SubmitPlan(OnCase):
    """Lay the plan before the supervisor."""


class ApprovePlan(OnCase):
    """Approve the plan; its first steps go out."""

    comment: Text = ""


class ReturnPlan(OnCase):
    """Send the plan back, saying why."""

    comment: Words


class ResendStep(OnCase):
    """Send a step that was declined, failed or cancelled again: a new referral in the place of the old one.

    `reason` says in words why, and stays in the case; the referral keeps the reason of the plan.
    """

    step_id: SkipJsonSchema[UUID] = FROM_THE_PATH
    documents: list[Code] = Field(max_length=50)
    reason: Words


class FollowReferral(BaseModel):
    """What a fact about a referral means for the step that it carries out."""

    case_id: UUID
    step_id: UUID
    referral_id: UUID
    service: str
    sender: str
    state: StepState
    outcome: str = ""
    reason: str = ""
    missing_documents: list[str] = []


class Answer(BaseModel):
    """The case after a command; `state` is its stage."""

    id: UUID
    version: int
    state: str


@permit("case.plan")
async def draft_plan(cmd: DraftPlan, actor: Actor, tx: Tx) -> Answer:
    """Rencana: write or rewrite the plan until it is submitted."""
    case = await own_case(cmd.case_id, cmd.expected_version, actor, tx)
    case.stage = next_stage("draft_plan", case.stage)
    check_plan(cmd.goals, cmd.steps)
    plan = await plan_of(case, tx)
    if plan is None:
        plan = Plan(id=new_id(), case_id=case.id, state=PlanState.DRAFT, comment="")
        tx.add(plan)
    else:
        plan.state = next_plan_state("draft_plan", plan.state)
    await _replace_goals_and_steps(case, cmd, tx)
    tx.emit(CasePlanDrafted(**told(case), plan_id=str(plan.id)), of=case)
    record(case, "draft_plan", actor, tx)
    return answer(case)


@permit("case.submit_plan")
async def submit_plan(cmd: SubmitPlan, actor: Actor, tx: Tx) -> Answer:
    """Lay the plan before the supervisor."""
    case = await own_case(cmd.case_id, cmd.expected_version, actor, tx)
    plan = await _move_plan("submit_plan", case, tx)
    plan.submitted_at = datetime.now(UTC)
    tx.emit(CasePlanSubmitted(**told(case), plan_id=str(plan.id)), of=case)
    record(case, "submit_plan", actor, tx)
    return answer(case)


@permit("case.approve_plan")
async def approve_plan(cmd: ApprovePlan, actor: Actor, tx: Tx) -> Answer:
    """Intervensi may begin: the steps that wait for nothing go out as referrals."""
    case = await supervised_case(cmd.case_id, cmd.expected_version, actor, tx)
    plan = await _move_plan("approve_plan", case, tx)
    _decide(plan, actor, cmd.comment)
    tx.emit(CasePlanApproved(**told(case), plan_id=str(plan.id)), of=case)
    record(case, "approve_plan", actor, tx, cmd.comment)
    fire_ready(case, await steps_of(case, tx), actor, tx)
    return answer(case)


@permit("case.return_plan")
async def return_plan(cmd: ReturnPlan, actor: Actor, tx: Tx) -> Answer:
    """Send the plan back to the worker with a comment."""
    case = await supervised_case(cmd.case_id, cmd.expected_version, actor, tx)
    plan = await _move_plan("return_plan", case, tx)
    _decide(plan, actor, cmd.comment)
    tx.emit(CasePlanReturned(**told(case), plan_id=str(plan.id)), of=case)
    record(case, "return_plan", actor, tx, cmd.comment)
    return answer(case)


@permit("case.resend")
async def resend_step(cmd: ResendStep, actor: Actor, tx: Tx) -> Answer:
    """Send a step again after a decline, failure or cancellation, with the documents that it needs now."""
    case = await own_case(cmd.case_id, cmd.expected_version, actor, tx)
    next_stage("resend_step", case.stage)
    step = next((one for one in await steps_of(case, tx) if one.id == cmd.step_id), None)
    if step is None:
        raise Refused("not-found", "There is no such step in this case.", "not-found")
    if step.state not in ENDED_BADLY:
        raise Refused("wrong-step-state", f"The step is {step.state}.", "conflict", step_state=step.state)
    replaced, step.referral_id = step.referral_id, None
    step.earlier_referrals = [*step.earlier_referrals, str(replaced)]
    step.documents, step.problem, step.missing_documents = cmd.documents, None, []
    await finish_tasks([step], actor, tx)
    record(case, "resend_step", actor, tx, f"{step.key}: {cmd.reason}")
    fire(case, step, actor, tx, replaces=str(replaced))
    return answer(case)


@permit("case.follow_referral")
async def follow_referral(cmd: FollowReferral, actor: Actor, tx: Tx) -> None:
    """Move the step as its referral moved. What a replaced or a foreign referral says does nothing."""
    of_case = (Step.id == cmd.step_id, Step.case_id == cmd.case_id)
    if (await tx.session.execute(select(Step.id).where(*of_case))).one_or_none() is None:
        log.warning("referral.of_no_step", referral=str(cmd.referral_id))
        return
    case = await tx.lock(Case, cmd.case_id)
    steps = await steps_of(case, tx)
    step = next(one for one in steps if one.id == cmd.step_id)
    ours = cmd.service == step.service and await held_by(case, cmd.sender, tx)
    if step.state in ENDED or not ours or not takes(step, cmd.referral_id):
        return
    step.state = cmd.state
    record(case, f"step_{cmd.state}", actor, tx, f"{step.key}: {cmd.outcome or cmd.reason}".rstrip(": "))
    if cmd.state == StepState.COMPLETED:
        step.outcome = cmd.outcome
        tx.emit(CaseStepCompleted(**told(case), step_id=str(step.id), outcome=cmd.outcome), of=case)
        fire_ready(case, steps, actor, tx)
    elif cmd.state in ENDED_BADLY:
        await ask_the_worker(case, step, cmd.reason, cmd.missing_documents, tx)


def answer(case: Case) -> Answer:
    """The case after a command."""
    return Answer(id=case.id, version=case.version, state=case.stage)


async def _replace_goals_and_steps(case: Case, cmd: DraftPlan, tx: Tx) -> None:
    await tx.session.execute(delete(Goal).where(Goal.case_id == case.id))
    await tx.session.execute(delete(Step).where(Step.case_id == case.id))
    for position, goal in enumerate(cmd.goals):
        tx.add(Goal(id=new_id(), case_id=case.id, position=position, **goal.model_dump()))
    for position, step in enumerate(cmd.steps):
        new = {"state": StepState.PLANNED, "earlier_referrals": [], "missing_documents": []}
        tx.add(Step(id=new_id(), case_id=case.id, position=position, **step.model_dump(), **new))


async def _move_plan(doing: str, case: Case, tx: Tx) -> Plan:
    case.stage = next_stage(doing, case.stage)
    plan = await plan_of(case, tx)
    if plan is None:
        raise Refused("no-plan", "Write the plan first.", "conflict")
    plan.state = next_plan_state(doing, plan.state)
    return plan


def _decide(plan: Plan, actor: Actor, comment: str) -> None:
    plan.comment, plan.decided_at, plan.decided_by = comment, datetime.now(UTC), actor.id
