"""Rencana: write a plan, lay it before the supervisor, have it approved or sent back, write its next version.

An approved version is never edited: the next one is a draft beside it, and takes its place when it is approved.
"""

from dataclasses import replace
from datetime import UTC, datetime

from pydantic import Field
from sqlalchemy import func, select

from services.cases.carrying import carry_over, check_carried, copied, lay_out
from services.cases.casefile import (
    not_own_work,
    own_case,
    plan_in_force,
    plan_of,
    record,
    steps_of,
    supervised_case,
    told,
)
from services.cases.commands import Answer, OnCase, answer
from services.cases.duties import REVIEW, SUBMIT, keep_duties
from services.cases.models import Case, Plan
from services.cases.plans import Key, PlanContent, PlannedGoal, Text, Words, check_plan
from services.cases.plans_models import PlanSubmission
from services.cases.stages import PlanState, Stage, missing_for, next_plan_state, next_stage
from services.cases.standing import standing_of
from services.cases.steps import fire_ready
from sinergi.auth import Actor, permit
from sinergi.db import Tx, new_id
from sinergi.events import CasePlanApproved, CasePlanDrafted, CasePlanReturned, CasePlanRevised, CasePlanSubmitted
from sinergi.problems import Refused


class DraftPlan(OnCase, PlanContent):
    """Write the plan, in place of the draft that was there; steps may follow later."""

    goals: list[PlannedGoal] = Field(min_length=1, max_length=50)


class SubmitPlan(OnCase):
    """Lay the plan before the supervisor."""


class ApprovePlan(OnCase):
    """Approve the plan; its first steps go out."""

    comment: Text = ""


class ReturnPlan(OnCase):
    """Send the plan back, saying why; about single goals and steps by their keys."""

    comment: Words
    goals: dict[Key, Words] = Field(default={}, max_length=50)
    steps: dict[Key, Words] = Field(default={}, max_length=50)


class RevisePlan(OnCase):
    """Begin the next version of the approved plan, as a copy of it."""


class ReviewPlan(OnCase):
    """The plan was looked at and stays as it is, saying what was seen."""

    note: Words


@permit("case.plan")
async def draft_plan(cmd: DraftPlan, actor: Actor, tx: Tx) -> Answer:
    """Write or rewrite the newest version until it is submitted."""
    case = await own_case(cmd.case_id, cmd.expected_version, actor, tx)
    case.stage = next_stage("draft_plan", case.stage)
    plan = await _being_written(case, tx)
    content = PlanContent.model_validate(cmd.model_dump(include=set(PlanContent.model_fields)))
    check_plan(content.goals, content.steps)
    await _check_carried(case, content, tx)
    plan.content = content.model_dump(mode="json")
    if plan.number == 1:
        await lay_out(case, content, tx)
    tx.emit(CasePlanDrafted(**told(case), plan_id=str(plan.id)), of=case)
    record(case, "draft_plan", actor, tx)
    await keep_duties(case, actor, tx)
    return answer(case)


@permit("case.revise_plan")
async def revise_plan(cmd: RevisePlan, actor: Actor, tx: Tx) -> Answer:
    """What is in force is carried on until the next version takes its place."""
    case = await own_case(cmd.case_id, cmd.expected_version, actor, tx)
    case.stage = next_stage("revise_plan", case.stage)
    before = await _newest(case, tx)
    next_plan_state("revise_plan", before.state)
    content = copied(PlanContent.model_validate(before.content), await steps_of(case, tx))
    plan = _version(case, before.number + 1)
    plan.content = content.model_dump(mode="json")
    tx.add(plan)
    tx.emit(CasePlanRevised(**told(case), plan_id=str(plan.id), number=plan.number), of=case)
    record(case, "revise_plan", actor, tx, str(plan.number))
    await keep_duties(case, actor, tx)
    return answer(case)


@permit("case.submit_plan")
async def submit_plan(cmd: SubmitPlan, actor: Actor, tx: Tx) -> Answer:
    """Lay the plan before the supervisor, complete: what an approval needs is asked for now."""
    case = await own_case(cmd.case_id, cmd.expected_version, actor, tx)
    case.stage = next_stage("submit_plan", case.stage)
    plan = await _newest(case, tx)
    plan.state = next_plan_state("submit_plan", plan.state)
    content = PlanContent.model_validate(plan.content)
    if not (content.goals and content.steps):
        raise Refused("plan-empty", "A plan has a goal and a step at the least.")
    await _check_carried(case, content, tx)
    await _check_complete(case, tx)
    plan.submitted_at, plan.submitted_by = datetime.now(UTC), actor.id
    await _keep_submission(plan, actor, tx)
    tx.emit(CasePlanSubmitted(**told(case), plan_id=str(plan.id)), of=case)
    record(case, "submit_plan", actor, tx)
    await keep_duties(case, actor, tx, done={SUBMIT})
    return answer(case)


@permit("case.approve_plan")
async def approve_plan(cmd: ApprovePlan, actor: Actor, tx: Tx) -> Answer:
    """Put the version in force: what ran goes on, and the steps that wait for nothing begin."""
    case, plan, approved = await _before_supervisor("approve_plan", cmd, actor, tx)
    await _check_complete(case, tx)
    await _take_over(case, plan, actor, tx)
    await _decide(plan, approved, actor, cmd.comment, {}, tx)
    tx.emit(CasePlanApproved(**told(case), plan_id=str(plan.id)), of=case)
    record(case, "approve_plan", actor, tx, cmd.comment)
    await fire_ready(case, await steps_of(case, tx), actor, tx)
    await keep_duties(case, actor, tx, again={REVIEW})
    return answer(case)


@permit("case.return_plan")
async def return_plan(cmd: ReturnPlan, actor: Actor, tx: Tx) -> Answer:
    """Send the plan back to the worker with comments, on the whole and on single goals and steps."""
    case, plan, returned = await _before_supervisor("return_plan", cmd, actor, tx)
    content = PlanContent.model_validate(plan.content)
    keys = {"goals": {one.key for one in content.goals}, "steps": {one.key for one in content.steps}}
    if lost := sorted((cmd.goals.keys() - keys["goals"]) | (cmd.steps.keys() - keys["steps"])):
        raise Refused("plan-unknown-key", "Comment on goals and steps of this plan only.", keys=lost)
    await _decide(plan, returned, actor, cmd.comment, {"goals": cmd.goals, "steps": cmd.steps}, tx)
    tx.emit(CasePlanReturned(**told(case), plan_id=str(plan.id)), of=case)
    record(case, "return_plan", actor, tx, cmd.comment)
    await keep_duties(case, actor, tx, again={SUBMIT})
    return answer(case)


@permit("case.review_plan")
async def review_plan(cmd: ReviewPlan, actor: Actor, tx: Tx) -> Answer:
    """The plan stays as it is; the next review is due later."""
    case = await own_case(cmd.case_id, cmd.expected_version, actor, tx)
    next_stage("review_plan", case.stage)
    record(case, "review_plan", actor, tx, cmd.note)
    await keep_duties(case, actor, tx, again={REVIEW})
    return answer(case)


async def _newest(case: Case, tx: Tx) -> Plan:
    plan = await plan_of(case, tx)
    if plan is None:
        raise Refused("no-plan", "Write the plan first.", "conflict")
    return plan


async def _being_written(case: Case, tx: Tx) -> Plan:
    """The newest version, which must be a draft or sent back; the first one if there is none yet."""
    plan = await plan_of(case, tx)
    if plan is None:
        plan = _version(case, 1)
        tx.add(plan)
    else:
        plan.state = next_plan_state("draft_plan", plan.state)
    return plan


def _version(case: Case, number: int) -> Plan:
    return Plan(id=new_id(), case_id=case.id, number=number, state=PlanState.DRAFT, comment="")


async def _check_carried(case: Case, content: PlanContent, tx: Tx) -> None:
    """A next version goes with what the one in force has begun; a first version drops nothing."""
    if before := await plan_in_force(case, tx):
        check_carried(PlanContent.model_validate(before.content), content, await steps_of(case, tx))
    elif content.dropped:
        sentence = "A first version drops nothing: leave its steps out."
        raise Refused("plan-unknown-step", sentence, steps=sorted(content.dropped))


async def _check_complete(case: Case, tx: Tx) -> None:
    """`Refused` with the first thing that an approval of the newest version still lacks."""
    await tx.session.flush()
    approved = replace(await standing_of(case, tx), plan=PlanState.APPROVED)
    for lacking in missing_for(Stage.INTERVENSI, approved):
        raise Refused(lacking.slug, lacking.sentence, "conflict", needs=list(approved.needs_left))


async def _keep_submission(plan: Plan, actor: Actor, tx: Tx) -> None:
    """What was laid before the supervisor, so that the next time shows what changed."""
    counted = select(func.count()).select_from(PlanSubmission).where(PlanSubmission.plan_id == plan.id)
    number = (await tx.session.scalar(counted) or 0) + 1
    laid = {"number": number, "content": plan.content, "submitted_by": actor.id, "remarks": {}}
    tx.add(PlanSubmission(id=new_id(), plan_id=plan.id, **laid))


async def _before_supervisor(doing: str, cmd: OnCase, actor: Actor, tx: Tx) -> tuple[Case, Plan, PlanState]:
    """The case, locked for its supervisor, the plan that lies before them, never one that they submitted, and its state
    after this."""
    case = await supervised_case(cmd.case_id, cmd.expected_version, actor, tx)
    case.stage = next_stage(doing, case.stage)
    plan = await _newest(case, tx)
    after = next_plan_state(doing, plan.state)
    not_own_work(plan.submitted_by, actor)
    return case, plan, after


async def _take_over(case: Case, plan: Plan, actor: Actor, tx: Tx) -> None:
    """Put the next version in the place of the one in force; a first version lies in the case's rows already."""
    old = await plan_in_force(case, tx)
    if old is None:
        return
    content = PlanContent.model_validate(plan.content)
    check_carried(PlanContent.model_validate(old.content), content, await steps_of(case, tx))
    old.state = PlanState.REPLACED
    await tx.session.flush()
    await carry_over(case, content, actor, tx)


async def _decide(
    plan: Plan, after: PlanState, actor: Actor, comment: str, remarks: dict[str, dict[str, str]], tx: Tx
) -> None:
    plan.state, plan.comment, plan.decided_at, plan.decided_by = after, comment, datetime.now(UTC), actor.id
    latest = select(PlanSubmission).where(PlanSubmission.plan_id == plan.id).order_by(PlanSubmission.number.desc())
    laid = (await tx.session.scalars(latest.limit(1))).one()
    laid.decision, laid.comment, laid.remarks = after, comment, remarks
    laid.decided_at, laid.decided_by = plan.decided_at, actor.id
