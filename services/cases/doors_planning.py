"""Plans, their steps and goals over HTTP. No logic: each route calls a command or a query."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query

from services.cases import goal_progress, going_back, plan_queries, planning, step_commands
from services.cases.queries import Purpose
from sinergi.app import Ctx, Key, Who, obey

router = APIRouter(tags=["plans"])


@router.get("/cases/{case_id}/plan")
async def read_plan(case_id: UUID, who: Who, context: Ctx, purpose: Purpose = "casework") -> Any:
    """The plan with its versions, progress and steps."""
    async with context.db.begin(who, snapshot=True) as tx:
        return await plan_queries.read_plan(plan_queries.OfCase(case_id=case_id, purpose=purpose), who, tx)


@router.get("/cases/{case_id}/next")
async def read_next(case_id: UUID, who: Who, context: Ctx, purpose: Purpose = "casework") -> Any:
    """What I may do now, and what is missing for the next stage."""
    async with context.db.begin(who, snapshot=True) as tx:
        return await plan_queries.read_next(plan_queries.OfCase(case_id=case_id, purpose=purpose), who, tx)


@router.get("/plans")
async def list_plans(what: Annotated[plan_queries.ListPlans, Query()], who: Who, context: Ctx) -> Any:
    """The plans that wait for me."""
    async with context.db.begin(who) as tx:
        return await plan_queries.list_plans(what, who, tx)


@router.put("/cases/{case_id}/plan")
async def draft_plan(case_id: UUID, body: planning.DraftPlan, who: Who, context: Ctx, key: Key = None) -> Any:
    """Write the plan."""
    return await obey(context, planning.draft_plan, _on(body, case_id=case_id), who, key)


@router.post("/cases/{case_id}/plan/submit")
async def submit_plan(case_id: UUID, body: planning.SubmitPlan, who: Who, context: Ctx, key: Key = None) -> Any:
    """Lay the plan before the supervisor."""
    return await obey(context, planning.submit_plan, _on(body, case_id=case_id), who, key)


@router.post("/cases/{case_id}/plan/approve")
async def approve_plan(case_id: UUID, body: planning.ApprovePlan, who: Who, context: Ctx, key: Key = None) -> Any:
    """Approve the plan."""
    return await obey(context, planning.approve_plan, _on(body, case_id=case_id), who, key)


@router.post("/cases/{case_id}/plan/return")
async def return_plan(case_id: UUID, body: planning.ReturnPlan, who: Who, context: Ctx, key: Key = None) -> Any:
    """Send the plan back."""
    return await obey(context, planning.return_plan, _on(body, case_id=case_id), who, key)


@router.post("/cases/{case_id}/plan/revise")
async def revise_plan(case_id: UUID, body: planning.RevisePlan, who: Who, context: Ctx, key: Key = None) -> Any:
    """Begin the next version."""
    return await obey(context, planning.revise_plan, _on(body, case_id=case_id), who, key)


@router.post("/cases/{case_id}/plan/review")
async def review_plan(case_id: UUID, body: planning.ReviewPlan, who: Who, context: Ctx, key: Key = None) -> Any:
    """The plan was looked at and stays as it is."""
    return await obey(context, planning.review_plan, _on(body, case_id=case_id), who, key)


@router.post("/cases/{case_id}/revert")
async def revert_stage(case_id: UUID, body: going_back.RevertStage, who: Who, context: Ctx, key: Key = None) -> Any:
    """Go back to an earlier stage."""
    return await obey(context, going_back.revert_stage, _on(body, case_id=case_id), who, key)


@router.post("/cases/{case_id}/goals/{goal}/progress")
async def judge_goal(
    case_id: UUID, goal: str, body: goal_progress.JudgeGoal, who: Who, context: Ctx, key: Key = None
) -> Any:
    """Note how far a goal is reached."""
    return await obey(context, goal_progress.judge_goal, _on(body, case_id=case_id, goal=goal), who, key)


@router.post("/cases/{case_id}/steps/{step_id}/finish")
async def finish_step(
    case_id: UUID, step_id: UUID, body: step_commands.FinishStep, who: Who, context: Ctx, key: Key = None
) -> Any:
    """It is done."""
    return await obey(context, step_commands.finish_step, _on(body, case_id=case_id, step_id=step_id), who, key)


@router.post("/cases/{case_id}/steps/{step_id}/fail")
async def fail_step(
    case_id: UUID, step_id: UUID, body: step_commands.FailStep, who: Who, context: Ctx, key: Key = None
) -> Any:
    """It could not be done."""
    return await obey(context, step_commands.fail_step, _on(body, case_id=case_id, step_id=step_id), who, key)


@router.post("/cases/{case_id}/steps/{step_id}/drop")
async def drop_step(
    case_id: UUID, step_id: UUID, body: step_commands.DropStep, who: Who, context: Ctx, key: Key = None
) -> Any:
    """Give it up."""
    return await obey(context, step_commands.drop_step, _on(body, case_id=case_id, step_id=step_id), who, key)


@router.post("/cases/{case_id}/steps/{step_id}/resend")
async def resend_step(
    case_id: UUID, step_id: UUID, body: step_commands.ResendStep, who: Who, context: Ctx, key: Key = None
) -> Any:
    """Begin it again."""
    return await obey(context, step_commands.resend_step, _on(body, case_id=case_id, step_id=step_id), who, key)


def _on(body: Any, **path: Any) -> Any:
    """The command on what the path names."""
    return body.model_copy(update=path)
