"""Webhooks: how each is doing, what was sent and what became of it, and sending again."""

from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

from fastapi import APIRouter, Request, Response
from fastapi.responses import RedirectResponse
from starlette.datastructures import FormData

from services.console.page import WIB, PageRoute, language, render, whole
from services.console.pages import SIZE, Apis, Number
from services.console.session import Session, Signed
from services.console.texts import problem_text
from sinergi.problems import STATUS, Refused

router = APIRouter(route_class=PageRoute, include_in_schema=False)

STATES = ("waiting", "delivered", "failed")


@router.get("/webhooks")
async def webhooks(request: Request, session: Signed, apis: Apis, page: Number = 1) -> Response:
    """All that I may see: an operator every agency's, a desk its own agency's."""
    found = await apis.get("referrals", "/webhooks", page=page, size=SIZE)
    return render(request, "webhooks.html", session, found=found, page=page, size=SIZE)


@router.get("/webhooks/{webhook_id}")
async def webhook(
    webhook_id: UUID, request: Request, session: Signed, apis: Apis, state: str = "", page: Number = 1
) -> Response:
    """One, with its log."""
    return await _webhook(request, session, apis, webhook_id, state=state, page=page)


@router.post("/webhooks/{webhook_id}/{command}")
async def give(webhook_id: UUID, command: str, request: Request, session: Signed, apis: Apis) -> Response:
    """Pause, resume, send again, or try it."""
    form = await request.form()
    try:
        body = _body(command, form)
        key = None if command == "test" else str(form.get("key", ""))  # a test may be made again
        done = await apis.post("referrals", f"/webhooks/{webhook_id}/{command}", body, key)
    except Refused as no:
        return await _webhook(request, session, apis, webhook_id, no, since=str(form.get("since", "")))
    if command == "test":
        return await _webhook(request, session, apis, webhook_id, tested=done)
    return RedirectResponse(f"/webhooks/{webhook_id}?done={command}", 303)


def _body(command: str, form: FormData) -> dict[str, Any]:
    if command in ("pause", "resume"):
        return {"expected_version": whole(form, "expected_version")}
    if command == "test":
        return {}
    if command != "replay":
        raise Refused("not-found", "There is no such page.", "not-found")
    if form.get("delivery"):
        return {"delivery": whole(form, "delivery")}
    return {"since": _moment(str(form["since"]))} if form.get("since") else {"everything": True}


def _moment(typed: str) -> str:
    """What a field for date and time holds, as it is meant: in western Indonesian time."""
    try:
        return datetime.fromisoformat(typed).replace(tzinfo=WIB).isoformat()
    except ValueError as wrong:
        raise Refused("request-not-valid", "Check the date.", errors=[{"field": "since"}]) from wrong


async def _webhook(
    request: Request,
    session: Session,
    apis: Apis,
    webhook_id: UUID,
    no: Refused | None = None,
    *,
    state: str = "",
    page: int = 1,
    **more: Any,
) -> Response:
    one = await apis.get("referrals", f"/webhooks/{webhook_id}")
    log = await apis.get("referrals", f"/webhooks/{webhook_id}/deliveries", state=state or None, page=page, size=SIZE)
    shown = {"one": one, "log": log, "states": STATES, "state": state, "page": page, "size": SIZE, "key": str(uuid4())}
    done = request.query_params.get("done") in ("pause", "resume", "replay")
    message = problem_text(language(request), no) if no else None
    shown |= {"message": message, "done": done, "tested": None, "since": ""} | more
    return render(request, "webhook.html", session, STATUS[no.kind] if no else 200, **shown)
