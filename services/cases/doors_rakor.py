"""Obstacles and coordination meetings over HTTP. No logic: each route calls a command or a query."""

import asyncio
import json
from typing import Annotated, Any, cast
from uuid import UUID

from fastapi import APIRouter, Query, Response

from services.cases import meeting_queries, meetings, obstacle_queries, obstacles
from services.cases.meeting_papers import Paper, meeting_pdf, workbook
from services.cases.settings import CasesSettings
from sinergi.app import Context, Ctx, Key, Who, obey

router = APIRouter(tags=["rakor"])

XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


@router.post("/obstacles", status_code=201)
async def raise_obstacle(body: obstacles.RaiseObstacle, who: Who, context: Ctx, key: Key = None) -> Any:
    """Name an obstacle."""
    return await obey(context, obstacles.raise_obstacle, body, who, key)


@router.get("/obstacles")
async def list_obstacles(what: Annotated[obstacle_queries.ListObstacles, Query()], who: Who, context: Ctx) -> Any:
    """The office's obstacles."""
    async with context.db.begin(who) as tx:
        return await obstacle_queries.list_obstacles(what, who, tx)


@router.get("/obstacles/similar")
async def find_similar(what: Annotated[obstacle_queries.FindSimilar, Query()], who: Who, context: Ctx) -> Any:
    """What may be the same obstacle."""
    async with context.db.begin(who) as tx:
        return await obstacle_queries.find_similar(what, who, tx)


@router.get("/obstacles/{obstacle_id}")
async def read_obstacle(obstacle_id: UUID, who: Who, context: Ctx) -> Any:
    """One obstacle."""
    async with context.db.begin(who) as tx:
        return await obstacle_queries.read_obstacle(obstacle_queries.ReadObstacle(obstacle_id=obstacle_id), who, tx)


@router.post("/obstacles/{obstacle_id}/name-again")
async def name_again(obstacle_id: UUID, body: obstacles.NameAgain, who: Who, context: Ctx, key: Key = None) -> Any:
    """The same obstacle was met once more."""
    return await obey(context, obstacles.name_again, _on(body, obstacle_id), who, key)


@router.post("/obstacles/{obstacle_id}/own")
async def own_obstacle(obstacle_id: UUID, body: obstacles.OwnObstacle, who: Who, context: Ctx, key: Key = None) -> Any:
    """Say who answers for it."""
    return await obey(context, obstacles.own_obstacle, _on(body, obstacle_id), who, key)


@router.post("/obstacles/{obstacle_id}/decide")
async def decide_obstacle(
    obstacle_id: UUID, body: obstacles.DecideObstacle, who: Who, context: Ctx, key: Key = None
) -> Any:
    """Decide what is done about it."""
    return await obey(context, obstacles.decide_obstacle, _on(body, obstacle_id), who, key)


@router.post("/obstacles/{obstacle_id}/solve")
async def solve_obstacle(
    obstacle_id: UUID, body: obstacles.SolveObstacle, who: Who, context: Ctx, key: Key = None
) -> Any:
    """It is gone."""
    return await obey(context, obstacles.solve_obstacle, _on(body, obstacle_id), who, key)


@router.post("/obstacles/{obstacle_id}/accept")
async def accept_obstacle(
    obstacle_id: UUID, body: obstacles.AcceptObstacle, who: Who, context: Ctx, key: Key = None
) -> Any:
    """It stays as it is."""
    return await obey(context, obstacles.accept_obstacle, _on(body, obstacle_id), who, key)


@router.post("/obstacles/{obstacle_id}/reopen")
async def reopen_obstacle(
    obstacle_id: UUID, body: obstacles.ReopenObstacle, who: Who, context: Ctx, key: Key = None
) -> Any:
    """It is there again."""
    return await obey(context, obstacles.reopen_obstacle, _on(body, obstacle_id), who, key)


# ----------------------------------------------------------------- meetings


@router.post("/meetings", status_code=201)
async def call_meeting(body: meetings.CallMeeting, who: Who, context: Ctx, key: Key = None) -> Any:
    """Call a meeting."""
    return await obey(context, meetings.call_meeting, body, who, key)


@router.get("/meetings")
async def list_meetings(what: Annotated[meeting_queries.ListMeetings, Query()], who: Who, context: Ctx) -> Any:
    """The office's meetings."""
    async with context.db.begin(who) as tx:
        return await meeting_queries.list_meetings(what, who, tx)


@router.get("/meetings/{meeting_id}")
async def read_meeting(meeting_id: UUID, who: Who, context: Ctx) -> Any:
    """Agenda, minutes and decisions."""
    async with context.db.begin(who, snapshot=True) as tx:
        return await meeting_queries.read_meeting(meeting_queries.ReadMeeting(meeting_id=meeting_id), who, tx)


@router.get("/meetings/{meeting_id}/{paper}.pdf", response_class=Response)
async def read_paper(meeting_id: UUID, paper: Paper, who: Who, context: Ctx) -> Response:
    """Agenda or minutes as PDF."""
    async with context.db.begin(who, snapshot=True) as tx:
        meeting = await meeting_queries.read_meeting(meeting_queries.ReadMeeting(meeting_id=meeting_id), who, tx)
    content = await meeting_pdf(meeting, paper, await asyncio.to_thread(_letterhead, context, meeting["agency"]))
    return Response(content, media_type="application/pdf", headers=_named(f"rakor-{meeting['held_on']}-{paper}.pdf"))


@router.get("/meetings/{meeting_id}/workbook.xlsx", response_class=Response)
async def read_workbook(meeting_id: UUID, who: Who, context: Ctx) -> Response:
    """Obstacles, overdue tasks and decisions as a workbook."""
    async with context.db.begin(who, snapshot=True) as tx:
        meeting = await meeting_queries.read_meeting(meeting_queries.ReadMeeting(meeting_id=meeting_id), who, tx)
    content = await asyncio.to_thread(workbook, meeting)
    return Response(content, media_type=XLSX, headers=_named(f"rakor-{meeting['held_on']}.xlsx"))


@router.post("/meetings/{meeting_id}/agenda")
async def renew_agenda(meeting_id: UUID, body: meetings.RenewAgenda, who: Who, context: Ctx, key: Key = None) -> Any:
    """Take the agenda anew."""
    return await obey(context, meetings.renew_agenda, _at(body, meeting_id), who, key)


@router.post("/meetings/{meeting_id}/hold")
async def hold_meeting(meeting_id: UUID, body: meetings.HoldMeeting, who: Who, context: Ctx, key: Key = None) -> Any:
    """It took place."""
    return await obey(context, meetings.hold_meeting, _at(body, meeting_id), who, key)


@router.post("/meetings/{meeting_id}/items/{item_id}")
async def minute_item(
    meeting_id: UUID, item_id: UUID, body: meetings.MinuteItem, who: Who, context: Ctx, key: Key = None
) -> Any:
    """Write the minutes of a point."""
    named = _at(body, meeting_id).model_copy(update={"item_id": item_id})
    return await obey(context, meetings.minute_item, named, who, key)


@router.post("/meetings/{meeting_id}/approve")
async def approve_minutes(
    meeting_id: UUID, body: meetings.ApproveMinutes, who: Who, context: Ctx, key: Key = None
) -> Any:
    """Approve the minutes."""
    return await obey(context, meetings.approve_minutes, _at(body, meeting_id), who, key)


@router.post("/meetings/{meeting_id}/addenda", status_code=201)
async def add_addendum(meeting_id: UUID, body: meetings.AddAddendum, who: Who, context: Ctx, key: Key = None) -> Any:
    """Correct or complete approved minutes."""
    return await obey(context, meetings.add_addendum, _at(body, meeting_id), who, key)


def _on(body: Any, obstacle_id: UUID) -> Any:
    return body.model_copy(update={"obstacle_id": obstacle_id})


def _at(body: Any, meeting_id: UUID) -> Any:
    return body.model_copy(update={"meeting_id": meeting_id})


def _letterhead(context: Context, agency: str) -> list[str]:
    """The office's lines of the settings' file; its code where there are none."""
    file = cast(CasesSettings, context.settings).letterheads_file
    lines = json.loads(file.read_text()).get(agency) if file else None
    return [str(line) for line in lines or [agency.upper()]]


def _named(name: str) -> dict[str, str]:
    return {"Content-Disposition": f'attachment; filename="{name}"', "X-Content-Type-Options": "nosniff"}
