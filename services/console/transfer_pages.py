"""Transfers between offices, and who a case's client is: the sub-pages of a case, and the pages of both offices."""

from typing import Any
from uuid import UUID, uuid4

from fastapi import APIRouter, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse

from services.console import intake_forms as forms
from services.console.case_page import case_page
from services.console.page import PageRoute, language, render, whole
from services.console.pages import SIZE, Apis, Number
from services.console.services import Services
from services.console.session import Session, Signed
from services.console.texts import problem_text
from sinergi.problems import STATUS, Refused

router = APIRouter(route_class=PageRoute, include_in_schema=False)

COMMANDS = ("offer", "accept", "refuse", "withdraw")


@router.get("/cases/{case_id}/transfer")
async def of_case(case_id: UUID, request: Request, session: Signed, apis: Apis) -> Response:
    """Where the case was and where it may go; the form to propose another office."""
    return await _of_case(request, session, apis, case_id)


@router.post("/cases/{case_id}/transfer")
async def propose(case_id: UUID, request: Request, session: Signed, apis: Apis) -> Response:
    """Ask the supervisor to offer the case to another office."""
    form = await request.form()
    body = forms.filled(form, "to_agency", "to_area", "reason", "summary")
    body["expected_version"] = whole(form, "expected_version", 0)
    try:
        await apis.post("cases", f"/cases/{case_id}/transfers", body, str(form.get("key", "")))
    except Refused as no:
        return await _of_case(request, session, apis, case_id, no, forms.typed(form))
    return RedirectResponse(f"/cases/{case_id}/transfer?done=transfer-propose", 303)


@router.get("/transfers")
async def transfers(request: Request, session: Signed, apis: Apis, way: str = "coming", page: Number = 1) -> Response:
    """What waits: coming to my office, or leaving it."""
    found = await apis.get("cases", "/transfers", way=way, page=page, size=SIZE)
    return render(request, "transfers.html", session, **found, way=way, page=page, size=SIZE)


@router.get("/transfers/{transfer_id}")
async def transfer(transfer_id: UUID, request: Request, session: Signed, apis: Apis) -> Response:
    """One transfer, and what I can answer."""
    return await _transfer(request, session, apis, transfer_id)


@router.post("/transfers/{transfer_id}/{command}")
async def answer(transfer_id: UUID, command: str, request: Request, session: Signed, apis: Apis) -> Response:
    """Offer, accept, refuse or withdraw."""
    if command not in COMMANDS:
        raise Refused("not-found", "There is no such page.", "not-found")
    form = await request.form()
    body = forms.filled(form, "worker", "why", "note") | {"expected_version": whole(form, "expected_version", 0)}
    try:
        done = await apis.post("cases", f"/transfers/{transfer_id}/{command}", body, str(form.get("key", "")))
    except Refused as no:
        return await _transfer(request, session, apis, transfer_id, no, forms.typed(form))
    # a case that was refused, or has left, is no longer ours to open
    target = "/transfers" if command == "refuse" else f"/cases/{done['case_id']}/transfer"
    return RedirectResponse(f"{target}?done=transfer-{command}", 303)


@router.get("/cases/{case_id}/client")
async def client(case_id: UUID, request: Request, session: Signed, apis: Apis) -> Response:
    """Who the client is: of the registry, or what was seen of somebody unknown."""
    return await _client(request, session, apis, case_id)


@router.post("/cases/{case_id}/client")
async def bind(case_id: UUID, request: Request, session: Signed, apis: Apis) -> Response:
    """The unknown client is this person."""
    form = await request.form()
    try:
        body = {"client_id": forms.named_id(form, "person"), "expected_version": whole(form, "expected_version", 0)}
        await apis.post("cases", f"/cases/{case_id}/client", body, str(form.get("key", "")))
    except Refused as no:
        return await _client(request, session, apis, case_id, no, forms.typed(form))
    return RedirectResponse(f"/cases/{case_id}/client?done=bind", 303)


@router.post("/cases/{case_id}/join")
async def join(case_id: UUID, request: Request, session: Signed, apis: Apis) -> Response:
    """The other case goes on in place of this one."""
    form = await request.form()
    try:
        into = forms.named_id(form, "case")
        other = await apis.get("cases", f"/cases/{into}/card")
        versions = {
            "expected_version": whole(form, "expected_version", 0),
            "into_expected_version": other["version"],
        }
        await apis.post("cases", f"/cases/{case_id}/join", versions | {"into": into}, str(form.get("key", "")))
    except Refused as no:
        return await _client(request, session, apis, case_id, no, forms.typed(form))
    return RedirectResponse(f"/cases/{into}?done=join-case", 303)


# ------------------------------------------------------------------- inside


async def _of_case(
    request: Request,
    session: Session,
    apis: Services,
    case_id: UUID,
    no: Refused | None = None,
    typed: dict[str, str] | None = None,
) -> HTMLResponse:
    found = await apis.get("cases", f"/cases/{case_id}/transfers")
    waits = any(one["state"] in ("proposed", "offered") for one in found["items"])
    shown = {"transfers": found["items"], "waits": waits, "reasons": forms.REASONS, "typed": typed or {}}
    return await case_page(request, session, apis, case_id, "case_transfer.html", no, **shown)


async def _transfer(
    request: Request,
    session: Session,
    apis: Services,
    transfer_id: UUID,
    no: Refused | None = None,
    typed: dict[str, str] | None = None,
) -> HTMLResponse:
    found = await apis.get("cases", f"/transfers/{transfer_id}")
    shown = {
        "found": found,
        "refusals": forms.REFUSALS,
        "typed": typed or {},
        "message": problem_text(language(request), no) if no else None,
        "key": str(uuid4()),
    }
    return render(request, "transfer.html", session, STATUS[no.kind] if no else 200, **shown)


async def _client(
    request: Request,
    session: Session,
    apis: Services,
    case_id: UUID,
    no: Refused | None = None,
    typed: dict[str, str] | None = None,
) -> HTMLResponse:
    shown = {"unknown": await _seen(apis, case_id), "typed": typed or {}}
    return await case_page(request, session, apis, case_id, "case_client.html", no, **shown)


async def _seen(apis: Services, case_id: UUID) -> dict[str, Any] | None:
    """What was seen of an unknown client; None for one of the registry."""
    try:
        found: dict[str, Any] = await apis.get("cases", f"/cases/{case_id}/unknown-client")
    except Refused as no:
        if no.slug != "not-found":
            raise
        return None
    return found
