"""The HTTP door: routes without logic."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query

from services.cases import (
    case_list,
    doors_assessing,
    doors_caseload,
    doors_closure,
    doors_intake,
    doors_notes,
    doors_placement,
    doors_planning,
    doors_rakor,
    doors_tasks,
    queries,
)
from sinergi.app import Ctx, Who

router = APIRouter(tags=["cases"])


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


@router.get("/audit")
async def read_audit(what: Annotated[queries.ReadAudit, Query()], who: Who, context: Ctx) -> Any:
    """Who read what, and why."""
    async with context.db.begin(who) as tx:
        return await queries.read_audit(what, who, tx)


# a request is compared with every route before its own: what is asked most stands above
router.include_router(doors_caseload.router)
router.include_router(doors_tasks.router)
router.include_router(doors_notes.router)
router.include_router(doors_assessing.router)
router.include_router(doors_placement.router)
router.include_router(doors_intake.router)
router.include_router(doors_rakor.router)
router.include_router(doors_closure.router)
router.include_router(doors_planning.router)
