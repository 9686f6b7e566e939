"""Ways in: the queue of reports, one report, and opening a case of somebody of the registry."""

from typing import Annotated, Any
from uuid import UUID, uuid4

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse
from starlette.datastructures import FormData

from services.console import intake_forms as forms
from services.console.page import PageRoute, language, render, whole
from services.console.pages import SIZE, Apis, Number
from services.console.services import Services
from services.console.session import Session, Signed
from services.console.texts import problem_text
from sinergi.permissions import Role
from sinergi.problems import STATUS, Refused

router = APIRouter(route_class=PageRoute, include_in_schema=False)

COMMANDS = ("screen", "take-up", "join", "refer-on", "close")


@router.get("/intake")
async def queue(request: Request, session: Signed, apis: Apis, whose: str = "office", page: Number = 1) -> Response:
    """What waits for a decision, risk to life first; and the form for a new report."""
    return await _queue(request, session, apis, whose, page)


@router.post("/intake")
async def receive(request: Request, session: Signed, apis: Apis) -> Response:
    """Enter a report; whoever may screen it goes on to its questions."""
    form = await request.form()
    try:
        answer = await apis.post("cases", "/intake", forms.report_body(form), str(form.get("key", "")))
    except Refused as no:
        return await _queue(request, session, apis, "office", 1, no, forms.typed(form), form.getlist("needs"))
    screens = session.actor.may("intake.screen")
    return RedirectResponse(f"/intake/{answer['id']}" if screens else "/intake?done=intake-receive", 303)


@router.get("/intake/{intake_id}")
async def report(intake_id: UUID, request: Request, session: Signed, apis: Apis) -> Response:
    """A report: what was told, the questions, and what can be decided."""
    return await _report(request, session, apis, intake_id)


@router.post("/intake/{intake_id}/{command}")
async def decide(intake_id: UUID, command: str, request: Request, session: Signed, apis: Apis) -> Response:
    """Screen, take up, join, refer on or close; a refusal is shown above, with what was typed."""
    if command not in COMMANDS:
        raise Refused("not-found", "There is no such page.", "not-found")
    form = await request.form()
    try:
        body = await _body(command, form, apis) | {"expected_version": whole(form, "expected_version", 0)}
        answer = await apis.post("cases", f"/intake/{intake_id}/{command}", body, str(form.get("key", "")))
    except Refused as no:
        return await _report(request, session, apis, intake_id, no, command, forms.typed(form))
    if command == "take-up":
        return RedirectResponse(f"/cases/{answer['case_id']}?done=intake-take-up", 303)
    return RedirectResponse(f"/intake/{intake_id}?done=intake-{command}", 303)


# ----------------------------------------------------------- opening a case


@router.get("/open-case")
async def new_case(
    request: Request, session: Signed, kind: str = "person", id: Annotated[UUID | None, Query()] = None, area: str = ""
) -> Response:
    """The form to open the case of somebody of the registry."""
    return _opening(request, session, {"client_kind": kind, "client_id": str(id or ""), "area": area})


@router.post("/open-case")
async def open_case(request: Request, session: Signed, apis: Apis) -> Response:
    """Open it; when there is one already, offer its holder what one knows."""
    form = await request.form()
    body = forms.filled(form, "client_kind", "client_id", "area", "way_in")
    try:
        answer = await apis.post("cases", "/cases", body, str(form.get("key", "")))
    except Refused as no:
        return _opening(request, session, forms.typed(form), no)
    return RedirectResponse(f"/cases/{answer['id']}?done=open", 303)


@router.post("/open-case/{case_id}/offer")
async def offer(case_id: UUID, request: Request, session: Signed, apis: Apis) -> Response:
    """Tell the holder of the open case what I know."""
    form = await request.form()
    body = {"text": str(form.get("text") or "").strip()}
    try:
        await apis.post("cases", f"/cases/{case_id}/offer", body, str(form.get("key", "")))
    except Refused as no:
        # the open case stays on the page, so that the words can be sent again
        still_open = {"offer": {"case_id": str(case_id), "agency": str(form.get("agency") or "")}}
        return _opening(request, session, forms.typed(form), no, **still_open)
    return RedirectResponse("/intake?done=offer", 303)


# ------------------------------------------------------------------- inside


def _opening(
    request: Request, session: Session, typed: dict[str, str], no: Refused | None = None, **more: Any
) -> HTMLResponse:
    known = no.extra if no and no.slug == "case-already-open" else None
    shown = {
        "typed": typed | {"area": typed.get("area") or session.actor.area},
        "offer": known,
        "ways_in": forms.WAYS_IN,
        "message": problem_text(language(request), no) if no else None,
        "key": str(uuid4()),
    }
    return render(request, "open_case.html", session, STATUS[no.kind] if no else 200, **(shown | more))


async def _queue(
    request: Request,
    session: Session,
    apis: Services,
    whose: str,
    page: int,
    no: Refused | None = None,
    typed: dict[str, str] | None = None,
    ticked: Any = (),
) -> HTMLResponse:
    mine = whose == "mine" or session.actor.role is Role.VOLUNTEER
    found = await apis.get("cases", "/intake", whose="mine" if mine else "office", page=page, size=SIZE)
    shown = {
        "whose": "mine" if mine else "office",
        "typed": {"area": session.actor.area} | (typed or {}),
        "ticked": list(ticked),
        "choices": {"way_in": forms.WAYS_IN, "reporter": forms.REPORTERS, "needs": forms.NEEDS},
        "message": problem_text(language(request), no) if no else None,
        "done": request.query_params.get("done") if no is None else None,
        "key": str(uuid4()),
    }
    return render(
        request, "intake.html", session, STATUS[no.kind] if no else 200, **found, **shown, page=page, size=SIZE
    )


async def _report(
    request: Request,
    session: Session,
    apis: Services,
    intake_id: UUID,
    no: Refused | None = None,
    command: str = "",
    typed: dict[str, str] | None = None,
) -> HTMLResponse:
    found = await apis.get("cases", f"/intake/{intake_id}")
    shown = {
        "found": found,
        "questions": (await apis.get("cases", "/intake/screening"))["questions"],
        "offer": no.extra if no and no.slug == "case-already-open" else None,
        "command": command,
        "typed": typed or {},
        "closing": forms.CLOSING,
        "missing": no.extra.get("missing", []) if no else [],
        "message": problem_text(language(request), no) if no else None,
        "done": request.query_params.get("done") if no is None else None,
        "key": str(uuid4()),
    }
    return render(request, "report.html", session, STATUS[no.kind] if no else 200, **shown)


async def _body(command: str, form: FormData, apis: Services) -> dict[str, Any]:
    if command == "screen":
        return forms.screening_body(form, (await apis.get("cases", "/intake/screening"))["questions"])
    if command == "take-up":
        person = forms.named_id(form, "person")
        client = {"client_kind": "person", "client_id": person} if person else {}
        return forms.filled(form, "area") | client
    if command == "join":
        return {"case_id": forms.named_id(form, "case")}
    return forms.filled(form, "to_agency", "to_area", "reason", "note")
