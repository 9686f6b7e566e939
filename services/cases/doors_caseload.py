"""The caseload over HTTP. No logic: each route calls a command or a query."""

import asyncio
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Path, Query, Response

from services.cases import assigning, caseload, covering, handover, suggesting
from services.cases.caseload_book import workbook
from services.cases.queries import Page
from services.cases.tasks import Sub
from sinergi.app import Ctx, Key, Who, obey

router = APIRouter(tags=["caseload"])

XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


@router.get("/caseload")
async def read_caseload(what: Annotated[caseload.ReadCaseload, Query()], who: Who, context: Ctx) -> Any:
    """Who has how much, worker by worker."""
    async with context.db.begin(who, snapshot=True) as tx:
        return await caseload.read_caseload(what, who, tx)


@router.get("/caseload/export.xlsx", response_class=Response)
async def export_caseload(what: Annotated[caseload.ExportCaseload, Query()], who: Who, context: Ctx) -> Response:
    """The caseload as a workbook."""
    async with context.db.begin(who, snapshot=True) as tx:
        rows = await caseload.export_caseload(what, who, tx)
    content = await asyncio.to_thread(workbook, **rows)
    return Response(content, headers={"Content-Disposition": 'attachment; filename="kasus.xlsx"'}, media_type=XLSX)


@router.get("/caseload/suggest")
async def suggest(what: Annotated[suggesting.Suggest, Query()], who: Who, context: Ctx) -> Any:
    """Whom a case in this area suits best."""
    async with context.db.begin(who) as tx:
        return await suggesting.suggest(what, who, tx)


@router.put("/caseload/workers/{worker}")
async def keep_profile(
    worker: Annotated[Sub, Path()], body: assigning.KeepProfile, who: Who, context: Ctx, key: Key = None
) -> Any:
    """What a worker can take."""
    return await obey(context, assigning.keep_profile, body.model_copy(update={"actor": worker}), who, key)


@router.post("/cases/{case_id}/assign")
async def assign_case(case_id: UUID, body: assigning.AssignCase, who: Who, context: Ctx, key: Key = None) -> Any:
    """Give the case to a worker."""
    return await obey(context, assigning.assign_case, body.model_copy(update={"case_id": case_id}), who, key)


@router.get("/caseload/covers")
async def list_covers(what: Annotated[covering.ListCovers, Query()], who: Who, context: Ctx) -> Any:
    """Who stands in for whom."""
    async with context.db.begin(who) as tx:
        return await covering.list_covers(what, who, tx)


@router.post("/caseload/covers", status_code=201)
async def arrange_cover(body: covering.ArrangeCover, who: Who, context: Ctx, key: Key = None) -> Any:
    """Let somebody stand in."""
    return await obey(context, covering.arrange_cover, body, who, key)


@router.post("/caseload/covers/{cover_id}/end")
async def end_cover(cover_id: UUID, body: covering.EndCover, who: Who, context: Ctx, key: Key = None) -> Any:
    """End a cover now."""
    return await obey(context, covering.end_cover, body.model_copy(update={"cover_id": cover_id}), who, key)


@router.get("/caseload/hand-overs")
async def list_hand_overs(what: Annotated[Page, Query()], who: Who, context: Ctx) -> Any:
    """The office's hand-overs."""
    async with context.db.begin(who) as tx:
        return await handover.list_hand_overs(what, who, tx)


@router.post("/caseload/hand-overs", status_code=201)
async def plan_hand_over(body: handover.PlanHandOver, who: Who, context: Ctx, key: Key = None) -> Any:
    """Plan a hand-over; nothing moves yet."""
    return await obey(context, handover.plan_hand_over, body, who, key)


@router.get("/caseload/hand-overs/{hand_over_id}")
async def read_hand_over(hand_over_id: UUID, who: Who, context: Ctx) -> Any:
    """What would move, or how far it is."""
    async with context.db.begin(who, snapshot=True) as tx:
        return await handover.read_hand_over(handover.ReadHandOver(hand_over_id=hand_over_id), who, tx)


@router.post("/caseload/hand-overs/{hand_over_id}/start")
async def start_hand_over(
    hand_over_id: UUID, body: handover.OnHandOver, who: Who, context: Ctx, key: Key = None
) -> Any:
    """Begin to move."""
    named = body.model_copy(update={"hand_over_id": hand_over_id})
    return await obey(context, handover.start_hand_over, named, who, key)


@router.post("/caseload/hand-overs/{hand_over_id}/cancel")
async def cancel_hand_over(
    hand_over_id: UUID, body: handover.OnHandOver, who: Who, context: Ctx, key: Key = None
) -> Any:
    """Move nothing, or nothing more."""
    named = body.model_copy(update={"hand_over_id": hand_over_id})
    return await obey(context, handover.cancel_hand_over, named, who, key)
