"""Terminasi, follow-ups and reopening of a case, the case as known on a day, and the worker's own year."""

from typing import Any
from urllib.parse import quote
from uuid import UUID

from fastapi import APIRouter, Request, Response
from fastapi.responses import RedirectResponse
from starlette.datastructures import FormData

from services.console.case_page import case_page
from services.console.page import PageRoute, render, today, whole
from services.console.pages import Apis
from services.console.services import Services
from services.console.session import Session, Signed
from sinergi.problems import Refused

router = APIRouter(route_class=PageRoute, include_in_schema=False)

#: what the forms offer, as the service takes it
CHOICES: dict[str, tuple[str, ...]] = {
    "reason": ("goals-met", "moved", "died", "refused", "referred-onwards", "other"),
    "outcome": ("met", "partly_met", "not_met"),
    "not_asked": ("not-reached", "died", "too-ill", "too-young", "would-not-say"),
    "seen_how": ("home-visit", "phone", "office", "partner", "online"),
    "situation": ("better", "same", "worse"),
    "not_reached": ("nobody-home", "moved", "refused", "not-reachable", "died", "other"),
    "reopen": ("situation-worse", "new-need", "closed-in-error", "client-asks", "new-information"),
}
#: the supervisor's and the worker's short commands: form -> path of the service
_PATHS = {
    "return": "closure/return",
    "close": "close",
    "reopen": "reopening",
    "approve": "reopening/approve",
    "refuse": "reopening/refuse",
}


@router.get("/cases/{case_id}/closure")
async def closure(case_id: UUID, request: Request, session: Signed, apis: Apis) -> Response:
    """How the case ends or ended: one page."""
    return await _page(request, session, apis, case_id)


@router.post("/cases/{case_id}/closure/request")
async def request_closure(case_id: UUID, request: Request, session: Signed, apis: Apis) -> Response:
    """Ask for terminasi."""
    form = await request.form()
    return await _done("request", "closure", _request(form), case_id, form, request, session, apis)


@router.post("/cases/{case_id}/closure/follow-up/{follow_up_id}")
async def follow_up(case_id: UUID, follow_up_id: UUID, request: Request, session: Signed, apis: Apis) -> Response:
    """Write down how the client is, or that nobody was reached."""
    form = await request.form()
    name = "not_reached" if _text(form, "reason") else "follow_up"
    path = f"follow-ups/{follow_up_id}" + ("/not-reached" if name == "not_reached" else "")
    body = _filled(form, "seen_how", "situation", "note", "reason", "next_on")
    if name == "follow_up":
        body["needs"] = [code.strip() for code in _text(form, "needs").split(",") if code.strip()]
    return await _done(name, path, body, case_id, form, request, session, apis, str(follow_up_id))


@router.post("/cases/{case_id}/closure/{form_name}")
async def decide(case_id: UUID, form_name: str, request: Request, session: Signed, apis: Apis) -> Response:
    """Send back or approve a terminasi; ask for, approve or refuse that the case is opened again."""
    if form_name not in _PATHS:
        raise Refused("not-found", "There is no such page.", "not-found")
    form = await request.form()
    body = _filled(form, "comment", "reason", "note")
    return await _done(form_name, _PATHS[form_name], body, case_id, form, request, session, apis)


@router.get("/cases/{case_id}/history")
async def history(case_id: UUID, request: Request, session: Signed, apis: Apis, on: str = "") -> Response:
    """The case as known at the end of a day; without a day, of today."""
    try:
        found = await apis.get("cases", f"/cases/{case_id}/as-known", at=on or today())
    except Refused as no:
        if no.kind not in ("invalid", "not-found"):
            raise
        return await case_page(request, session, apis, case_id, "case_history.html", no, then=None, on=on)
    return await case_page(request, session, apis, case_id, "case_history.html", then=found, on=on or today())


@router.get("/account/year")
async def year(request: Request, session: Signed, apis: Apis, of: str = "", worker: str = "") -> Response:
    """My year (or a worker's of my office) in numbers, and the way to the paper."""
    chosen, whose = of or today()[:4], worker or session.actor.id
    found = await apis.get("cases", f"/workers/{_named(whose)}/year/{_year(chosen)}")
    return render(request, "year.html", session, found=found, of=chosen, whose=whose)


@router.get("/account/year/pdf")
async def year_as_pdf(request: Request, session: Signed, apis: Apis, of: str, worker: str = "") -> Response:
    """The same on paper."""
    return await apis.download("cases", f"/workers/{_named(worker or session.actor.id)}/year/{_year(of)}/pdf")


# ------------------------------------------------------------------- inside


async def _done(
    name: str,
    path: str,
    body: dict[str, Any],
    case_id: UUID,
    form: FormData,
    request: Request,
    session: Session,
    apis: Services,
    about: str = "",
) -> Response:
    """Give the command; after a refusal the page again, the form open as it was typed."""
    try:
        body["expected_version"] = whole(form, "expected_version", 0)
        await apis.post("cases", f"/cases/{case_id}/{path}", body, _text(form, "key"))
    except Refused as no:
        typed = {key: str(value) for key, value in form.items()}
        return await _page(request, session, apis, case_id, no, name + about, typed)
    return RedirectResponse(f"/cases/{case_id}/closure?done={_SAID.get(name, name)}", 303)


#: what the page says after a command, where the form's name says something else already
_SAID = {"request": "ask_closure", "return": "send_back", "close": "approve_closure", "approve": "reopen_case"}


async def _page(
    request: Request,
    session: Session,
    apis: Services,
    case_id: UUID,
    no: Refused | None = None,
    opened: str = "",
    typed: dict[str, str] | None = None,
) -> Response:
    found = await apis.get("cases", f"/cases/{case_id}/closure")
    supervises = session.actor.role.value == "supervisor"
    shown = {"found": found, "choices": CHOICES, "opened": opened, "supervises": supervises}
    return await case_page(request, session, apis, case_id, "closure.html", no, typed=typed or {}, **shown)


def _request(form: FormData) -> dict[str, Any]:
    body = _filled(form, "reason", "client_view", "not_asked", "happened_on", "explanation")
    return body | {name: _by_key(form, f"{name}-") for name in ("outcomes", "evidence", "dropped")}


def _by_key(form: FormData, prefix: str) -> dict[str, str]:
    """What was filled in for each goal or step."""
    return {name.removeprefix(prefix): text for name in form if name.startswith(prefix) and (text := _text(form, name))}


def _filled(form: FormData, *names: str) -> dict[str, Any]:
    return {name: value for name in names if (value := _text(form, name))}


def _text(form: FormData, name: str) -> str:
    return str(form.get(name) or "").strip()


def _year(typed: str) -> str:
    if not (typed.isascii() and typed.isdigit() and len(typed) == len("2026")):
        raise Refused("year-not-valid", "Give a year of four digits.")
    return typed


def _named(worker: str) -> str:
    """A worker's id as a part of an address."""
    return quote(worker, safe="")
