"""Terminasi and what follows over HTTP. No logic: each route calls a command or a query."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query, Response

from services.cases import as_known, closure, closure_queries, follow_ups, reopening, year_report
from services.cases.commands import OnCase
from services.cases.queries import Purpose, ReadCase
from services.cases.typst_pdf import typst_pdf
from services.cases.year_paper import year_paper
from sinergi.app import Context, Ctx, Key, Who, obey
from sinergi.auth import Actor

router = APIRouter(tags=["closure"])


@router.get("/cases/{case_id}/closure")
async def read_closure(case_id: UUID, who: Who, context: Ctx, purpose: Purpose = "casework") -> Any:
    """How the case ended: requests, follow-ups, reopenings, and the summary on one page."""
    async with context.db.begin(who, snapshot=True) as tx:
        return await closure_queries.read_closure(ReadCase(case_id=case_id, purpose=purpose), who, tx)


@router.post("/cases/{case_id}/closure")
async def request_closure(case_id: UUID, body: closure.RequestClosure, who: Who, context: Ctx, key: Key = None) -> Any:
    """Ask for terminasi."""
    return await obey(context, closure.request_closure, _on(body, case_id), who, key)


@router.post("/cases/{case_id}/closure/return")
async def return_closure(case_id: UUID, body: closure.ReturnClosure, who: Who, context: Ctx, key: Key = None) -> Any:
    """Send the request for terminasi back."""
    return await obey(context, closure.return_closure, _on(body, case_id), who, key)


@router.post("/cases/{case_id}/close")
async def close_case(case_id: UUID, body: closure.CloseCase, who: Who, context: Ctx, key: Key = None) -> Any:
    """Approve terminasi."""
    return await obey(context, closure.close_case, _on(body, case_id), who, key)


@router.post("/cases/{case_id}/follow-ups/{follow_up_id}")
async def record_follow_up(
    case_id: UUID, follow_up_id: UUID, body: follow_ups.RecordFollowUp, who: Who, context: Ctx, key: Key = None
) -> Any:
    """Write down how the client is."""
    named = _on(body, case_id, follow_up_id=follow_up_id)
    return await obey(context, follow_ups.record_follow_up, named, who, key)


@router.post("/cases/{case_id}/follow-ups/{follow_up_id}/not-reached")
async def record_not_reached(
    case_id: UUID, follow_up_id: UUID, body: follow_ups.RecordNotReached, who: Who, context: Ctx, key: Key = None
) -> Any:
    """Write down that nobody was reached."""
    named = _on(body, case_id, follow_up_id=follow_up_id)
    return await obey(context, follow_ups.record_not_reached, named, who, key)


@router.post("/cases/{case_id}/reopening")
async def request_reopening(
    case_id: UUID, body: reopening.RequestReopening, who: Who, context: Ctx, key: Key = None
) -> Any:
    """Ask to open the case again."""
    return await obey(context, reopening.request_reopening, _on(body, case_id), who, key)


@router.post("/cases/{case_id}/reopening/approve")
async def approve_reopening(
    case_id: UUID, body: reopening.ApproveReopening, who: Who, context: Ctx, key: Key = None
) -> Any:
    """Open the case again."""
    return await obey(context, reopening.approve_reopening, _on(body, case_id), who, key)


@router.post("/cases/{case_id}/reopening/refuse")
async def refuse_reopening(
    case_id: UUID, body: reopening.RefuseReopening, who: Who, context: Ctx, key: Key = None
) -> Any:
    """Leave the case closed."""
    return await obey(context, reopening.refuse_reopening, _on(body, case_id), who, key)


@router.get("/cases/{case_id}/as-known")
async def read_as_known(case_id: UUID, what: Annotated[as_known.At, Query()], who: Who, context: Ctx) -> Any:
    """The case as it was known at a time, or at the end of a day."""
    async with context.db.begin(who, snapshot=True) as tx:
        return await as_known.read_as_known(as_known.ReadAsKnown(case_id=case_id, **what.model_dump()), who, tx)


@router.get("/workers/{worker}/year/{year}")
async def read_year(worker: year_report.Sub, year: year_report.Year, who: Who, context: Ctx) -> Any:
    """What a worker did in a year: evidence, no points."""
    return await _year(worker, year, who, context)


@router.get("/workers/{worker}/year/{year}/pdf")
async def read_year_as_pdf(worker: year_report.Sub, year: year_report.Year, who: Who, context: Ctx) -> Response:
    """The same on paper, for the SKP."""
    report = await _year(worker, year, who, context)
    made = await typst_pdf("year.typ", year_paper(report), report["made_at"])
    named = {"Content-Disposition": f'attachment; filename="laporan-{year}.pdf"', "Cache-Control": "no-store"}
    return Response(made, media_type="application/pdf", headers=named)


async def _year(worker: str, year: int, who: Actor, context: Context) -> dict[str, Any]:
    async with context.db.begin(who, snapshot=True) as tx:
        return await year_report.read_year(year_report.ReadYear(worker=worker, year=year), who, tx)


def _on(body: OnCase, case_id: UUID, **more: UUID) -> OnCase:
    """The command on the case that the path names."""
    return body.model_copy(update={"case_id": case_id, **more})
