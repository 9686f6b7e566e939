"""The HTTP door: routes without logic."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query

from services.cases import (
    case_list,
    commands,
    doors_assessing,
    doors_caseload,
    doors_closure,
    doors_intake,
    doors_notes,
    doors_placement,
    doors_rakor,
    doors_tasks,
    queries,
)
from sinergi.app import Ctx, Key, Who, obey

router = APIRouter(tags=["cases"])
router.include_router(doors_tasks.router)
router.include_router(doors_notes.router)
router.include_router(doors_assessing.router)
router.include_router(doors_placement.router)
router.include_router(doors_intake.router)
router.include_router(doors_rakor.router)
router.include_router(doors_closure.router)
router.include_router(doors_caseload.router)


@router.get("/cases")
async def list_cases(what: Annotated[case_list.ListCases, Query()], who: Who, context: Ctx) -> Any:
    """My caseload; for a supervisor, the office's cases."""
    async with context.db.begin(who) as tx:
        return await case_list.list_cases(what, who, tx)


@router.get("/cases/{case_id}")
async def read_case(case_id: UUID, who: Who, context: Ctx, purpose: queries.Purpose = "casework") -> Any:
    """Everything about one case."""
    async with context.db.begin(who, snapshot=True) as tx:
        return await queries.read_case(queries.ReadCase(case_id=case_id, purpose=purpose), who, tx)


@router.get("/cases/{case_id}/card")
async def read_case_card(case_id: UUID, who: Who, context: Ctx, purpose: queries.Purpose = "casework") -> Any:
    """The case itself, without its parts."""
    async with context.db.begin(who) as tx:
        return await queries.read_case_card(queries.ReadCase(case_id=case_id, purpose=purpose), who, tx)


@router.put("/cases/{case_id}/plan")
async def draft_plan(case_id: UUID, body: commands.DraftPlan, who: Who, context: Ctx, key: Key = None) -> Any:
    """Write the plan."""
    return await obey(context, commands.draft_plan, _on(body, case_id), who, key)


@router.post("/cases/{case_id}/plan/submit")
async def submit_plan(case_id: UUID, body: commands.SubmitPlan, who: Who, context: Ctx, key: Key = None) -> Any:
    """Lay the plan before the supervisor."""
    return await obey(context, commands.submit_plan, _on(body, case_id), who, key)


@router.post("/cases/{case_id}/plan/approve")
async def approve_plan(case_id: UUID, body: commands.ApprovePlan, who: Who, context: Ctx, key: Key = None) -> Any:
    """Approve the plan."""
    return await obey(context, commands.approve_plan, _on(body, case_id), who, key)


@router.post("/cases/{case_id}/plan/return")
async def return_plan(case_id: UUID, body: commands.ReturnPlan, who: Who, context: Ctx, key: Key = None) -> Any:
    """Send the plan back."""
    return await obey(context, commands.return_plan, _on(body, case_id), who, key)


@router.post("/cases/{case_id}/steps/{step_id}/resend")
async def resend_step(
    case_id: UUID, step_id: UUID, body: commands.ResendStep, who: Who, context: Ctx, key: Key = None
) -> Any:
    """Send a step again."""
    named = _on(body, case_id).model_copy(update={"step_id": step_id})
    return await obey(context, commands.resend_step, named, who, key)


@router.get("/audit")
async def read_audit(what: Annotated[queries.ReadAudit, Query()], who: Who, context: Ctx) -> Any:
    """Who read what, and why."""
    async with context.db.begin(who) as tx:
        return await queries.read_audit(what, who, tx)


def _on(body: commands.OnCase, case_id: UUID) -> commands.OnCase:
    """The command on the case that the path names."""
    return body.model_copy(update={"case_id": case_id})
