"""The supervisor's pages of the caseload: who has how much, who gets a case, hand-overs and covers."""

from collections.abc import Callable
from datetime import date, datetime, time, timedelta
from typing import Any
from uuid import UUID, uuid4

from fastapi import APIRouter, Request, Response
from fastapi.responses import RedirectResponse
from starlette.datastructures import FormData

from services.console.case_page import case_page
from services.console.page import PageRoute, language, render, today, whole
from services.console.pages import Apis, Number
from services.console.services import Services
from services.console.session import Session, Signed
from services.console.texts import problem_text
from sinergi.problems import STATUS, Refused
from sinergi.workdays import zone_of

router = APIRouter(route_class=PageRoute, include_in_schema=False)

SIZE = 50
REASONS = ("retirement", "leave", "transfer", "balance")
RISKS = ("life", "high", "none", "medium", "low")
STAGES = ("identifikasi", "asesmen", "rencana", "intervensi", "pemberdayaan", "terminasi", "pembinaan_lanjut")


@router.get("/caseload")
async def caseload(request: Request, session: Signed, apis: Apis, page: Number = 1) -> Response:
    """The office: worker by worker, and in all."""
    return await _caseload(request, session, apis, page)


@router.get("/caseload/export.xlsx")
async def export(session: Signed, apis: Apis) -> Response:
    """The caseload as a workbook."""
    return await apis.download("cases", "/caseload/export.xlsx")


@router.post("/caseload/workers")
async def keep_profile(request: Request, session: Signed, apis: Apis) -> Response:
    """Write down what a worker can take."""

    def body(form: FormData) -> tuple[str, dict[str, Any]]:
        values: dict[str, Any] = {"area": _said(form, "area"), "capacity": whole(form, "capacity", 120)}
        values |= {name: _said(form, name) for name in ("available_from", "available_until") if _said(form, name)}
        values |= {name: _codes(form, name) for name in ("speaks", "specialities")}
        values["expected_version"] = whole(form, "expected_version", 0)
        return f"/caseload/workers/{_said(form, 'worker')}", values

    return await _do(request, session, apis, body, "profile", put=True)


@router.post("/caseload/covers")
async def arrange_cover(request: Request, session: Signed, apis: Apis) -> Response:
    """Let somebody stand in: both days whole."""

    def body(form: FormData) -> tuple[str, dict[str, Any]]:
        begins, ends = _day(form, "starts_on"), _day(form, "ends_on") + timedelta(days=1)
        zone = zone_of(session.actor.area)
        times = {"starts_at": datetime.combine(begins, time(), zone), "ends_at": datetime.combine(ends, time(), zone)}
        people = {name: _said(form, name) for name in ("worker", "stand_in")}
        return "/caseload/covers", people | {name: at.isoformat() for name, at in times.items()}

    return await _do(request, session, apis, body, "cover")


@router.post("/caseload/covers/{cover_id}/end")
async def end_cover(cover_id: UUID, request: Request, session: Signed, apis: Apis) -> Response:
    """End a cover now."""

    def body(form: FormData) -> tuple[str, dict[str, Any]]:
        return f"/caseload/covers/{cover_id}/end", {"expected_version": whole(form, "expected_version", 0)}

    return await _do(request, session, apis, body, "end_cover")


@router.post("/caseload/hand-overs")
async def plan_hand_over(request: Request, session: Signed, apis: Apis) -> Response:
    """Plan a hand-over, and look at what would move."""

    def body(form: FormData) -> tuple[str, dict[str, Any]]:
        chosen = {name: [str(one) for one in form.getlist(name)] for name in ("stages", "risks")}
        who = {"worker": _said(form, "worker"), "to_workers": _codes(form, "to_workers")}
        return "/caseload/hand-overs", chosen | who | {
            "reason": _said(form, "reason"),
            "area": _said(form, "area") or None,
        }

    return await _do(request, session, apis, body, "plan_hand_over", to="/caseload/hand-overs/{id}")


@router.get("/caseload/hand-overs/{hand_over_id}")
async def hand_over(hand_over_id: UUID, request: Request, session: Signed, apis: Apis) -> Response:
    """What would move, or how far it is; the page renews itself while it runs."""
    return await _hand_over(request, session, apis, hand_over_id)


@router.post("/caseload/hand-overs/{hand_over_id}/{what}")
async def act_on_hand_over(hand_over_id: UUID, what: str, request: Request, session: Signed, apis: Apis) -> Response:
    """Start or cancel it."""
    if what not in ("start", "cancel"):
        raise Refused("not-found", "There is no such page.", "not-found")
    form = await request.form()
    body = {"expected_version": whole(form, "expected_version", 0)}
    try:
        await apis.post("cases", f"/caseload/hand-overs/{hand_over_id}/{what}", body, str(form.get("key", "")))
    except Refused as no:
        return await _hand_over(request, session, apis, hand_over_id, no)
    return RedirectResponse(f"/caseload/hand-overs/{hand_over_id}", 303)


# --------------------------------------------------------------- one case


@router.get("/cases/{case_id}/assign")
async def assign_page(case_id: UUID, request: Request, session: Signed, apis: Apis, need: str = "") -> Response:
    """Whom the case suits best, and why."""
    return await _assign(request, session, apis, case_id, need)


@router.post("/cases/{case_id}/assign")
async def assign(case_id: UUID, request: Request, session: Signed, apis: Apis) -> Response:
    """Give the case to a worker."""
    form = await request.form()
    given = {name: _said(form, name) for name in ("worker", "reason")}
    body = given | {"expected_version": whole(form, "expected_version", 0)}
    try:
        await apis.post("cases", f"/cases/{case_id}/assign", body, str(form.get("key", "")))
    except Refused as no:
        return await _assign(request, session, apis, case_id, "", no, given)
    return RedirectResponse(f"/cases/{case_id}/assign?done=assign", 303)


async def _assign(
    request: Request,
    session: Session,
    apis: Services,
    case_id: UUID,
    need: str,
    no: Refused | None = None,
    typed: dict[str, str] | None = None,
) -> Response:
    card = await apis.get("cases", f"/cases/{case_id}/card")
    suggested: dict[str, Any] = {"items": []}
    if session.actor.role.value == "supervisor":
        suggested = await apis.get("cases", "/caseload/suggest", area=card["area"], need=need or None)
    shown = {"items": suggested["items"], "need": need, "reasons": REASONS, "typed": typed or {}}
    return await case_page(request, session, apis, case_id, "assign.html", no, **shown)


# ------------------------------------------------------------------ inside


async def _do(
    request: Request,
    session: Session,
    apis: Services,
    body_of: Callable[[FormData], tuple[str, dict[str, Any]]],
    done: str,
    *,
    put: bool = False,
    to: str = "",
) -> Response:
    """Send what the form says; a refusal shows the page again with what was typed."""
    form = await request.form()
    try:
        path, body = body_of(form)
        answer = await (apis.put if put else apis.post)("cases", path, body, str(form.get("key", "")))
    except Refused as no:
        typed = {name: value for name, value in form.multi_items() if isinstance(value, str)}
        return await _caseload(request, session, apis, 1, no, typed)
    return RedirectResponse(to.format(**answer) if to else f"/caseload?done={done}", 303)


async def _caseload(
    request: Request,
    session: Session,
    apis: Services,
    page: int,
    no: Refused | None = None,
    typed: dict[str, str] | None = None,
) -> Response:
    found = await apis.get("cases", "/caseload", page=page, size=SIZE)
    covers = await apis.get("cases", "/caseload/covers", size=100)
    hand_overs = await apis.get("cases", "/caseload/hand-overs", size=5)
    shown = {"covers": covers["items"], "hand_overs": hand_overs["items"], "typed": typed or {}, "key": str(uuid4())}
    shown |= {"page": page, "size": SIZE, "today": today(), "reasons": REASONS, "risks": RISKS, "stages": STAGES}
    shown |= {"message": problem_text(language(request), no) if no else None, "done": request.query_params.get("done")}
    return render(request, "caseload.html", session, STATUS[no.kind] if no else 200, **(found | shown))


async def _hand_over(
    request: Request, session: Session, apis: Services, hand_over_id: UUID, no: Refused | None = None
) -> Response:
    found = await apis.get("cases", f"/caseload/hand-overs/{hand_over_id}")
    message = problem_text(language(request), no) if no else None
    shown = {"found": found, "message": message, "key": str(uuid4())}
    return render(request, "hand_over.html", session, STATUS[no.kind] if no else 200, **shown)


def _said(form: FormData, name: str) -> str:
    return str(form.get(name) or "").strip()


def _codes(form: FormData, name: str) -> list[str]:
    """What is written with commas between."""
    return [one.strip() for one in _said(form, name).split(",") if one.strip()]


def _day(form: FormData, name: str) -> date:
    try:
        return date.fromisoformat(_said(form, name))
    except ValueError as wrong:
        raise Refused("request-not-valid", "Give the dates.", errors=[{"field": name}]) from wrong
