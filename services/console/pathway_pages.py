"""Pathways: the office's list, starting one, and one drawn as a graph with the decisions that its worker may make."""

from typing import Any
from uuid import UUID, uuid4

from fastapi import APIRouter, Request, Response
from fastapi.responses import RedirectResponse
from starlette.datastructures import FormData

from services.console.page import PageRoute, language, render, whole
from services.console.pages import SIZE, Apis, Number
from services.console.pathway_graph import drawn
from services.console.services import Services
from services.console.session import Session, Signed
from services.console.texts import problem_text
from sinergi.problems import STATUS, Refused

router = APIRouter(route_class=PageRoute, include_in_schema=False)

STATES = ("running", "blocked", "stopping", "stopped", "completed")
SKIP_REASONS = ("not-needed", "done-elsewhere", "refused", "no-service", "other")
STOP_REASONS = ("need-met", "client-withdrew", "client-moved", "client-died", "plan-changed", "other")
#: what is asked for to start one
_START = ("template", "client_kind", "client_id", "area", "case_id", "documents")
#: command -> the fields of its form
_DECISIONS = {
    "retry_step": ("step", "service", "documents"),
    "skip_step": ("step", "reason", "note"),
    "stop": ("reason", "note"),
}


@router.get("/pathways")
async def pathways(
    request: Request, session: Signed, apis: Apis, state: str = "", case: UUID | None = None, page: Number = 1
) -> Response:
    """The office's pathways, newest first, and the form to start one; from a case it is filled in."""
    typed = await _of_case(apis, case) if case and session.actor.may("pathway.start") else {}
    return await _list(request, session, apis, state, page, typed)


@router.post("/pathways")
async def start(request: Request, session: Signed, apis: Apis) -> Response:
    """Start one."""
    form = await request.form()
    body = {name: value for name in _START if (value := _value(form, name))}
    try:
        started = await apis.post("referrals", "/pathways", body, str(form.get("key", "")))
    except Refused as no:
        typed = {name: str(form.get(name, "")) for name in _START}
        return await _list(request, session, apis, "", 1, typed, no)
    return RedirectResponse(f"/pathways/{started['id']}?done=start", 303)


@router.get("/pathways/{pathway_id}")
async def pathway(pathway_id: UUID, request: Request, session: Signed, apis: Apis) -> Response:
    """One pathway: its graph, its steps, and what its worker may decide."""
    return await _pathway(pathway_id, request, session, apis)


@router.post("/pathways/{pathway_id}/{command}")
async def decide(pathway_id: UUID, command: str, request: Request, session: Signed, apis: Apis) -> Response:
    """Ask again, pass over, or stop; a refusal is shown above the form, with what was typed."""
    if command not in _DECISIONS:
        raise Refused("not-found", "There is no such page.", "not-found")
    form = await request.form()
    body = {name: value for name in _DECISIONS[command] if (value := _value(form, name))}
    body["expected_version"] = whole(form, "expected_version", 0)
    path = f"/pathways/{pathway_id}/{command.replace('_', '-')}"
    try:
        await apis.post("referrals", path, body, str(form.get("key", "")))
    except Refused as no:
        typed = {name: str(form.get(name, "")) for name in _DECISIONS[command]}
        return await _pathway(pathway_id, request, session, apis, no, command=command, typed=typed)
    return RedirectResponse(f"/pathways/{pathway_id}?done={command}", 303)


# ------------------------------------------------------------------- inside


async def _list(
    request: Request,
    session: Session,
    apis: Services,
    state: str,
    page: int,
    typed: dict[str, str],
    no: Refused | None = None,
) -> Response:
    wanted = state if state in STATES else None
    found = await apis.get("referrals", "/pathways", state=wanted, page=page, size=SIZE)
    may_start = session.actor.may("pathway.start")
    templates = (await apis.get("referrals", "/pathways/templates"))["items"] if may_start else []
    shown = {"states": STATES, "state": wanted or "", "page": page, "size": SIZE, "templates": templates}
    more = {"typed": typed, "key": str(uuid4()), "message": problem_text(language(request), no) if no else None}
    return render(request, "pathways.html", session, STATUS[no.kind] if no else 200, **found, **shown, **more)


async def _pathway(
    pathway_id: UUID, request: Request, session: Session, apis: Services, no: Refused | None = None, **values: Any
) -> Response:
    found = await apis.get("referrals", f"/pathways/{pathway_id}")
    shown = {
        "pathway": found,
        "graph": drawn(found["steps"], language(request)),
        "titles": {step["key"]: step["title"][language(request)] for step in found["steps"]},
        "to_decide": sorted((step for step in found["steps"] if step["actions"]), key=_urgency),
        "skip_reasons": SKIP_REASONS,
        "stop_reasons": STOP_REASONS,
        "message": problem_text(language(request), no) if no else None,
        "done": request.query_params.get("done") if no is None else None,
        "command": None,
        "typed": {},
        "key": str(uuid4()),
    }
    return render(request, "pathway.html", session, STATUS[no.kind] if no else 200, **(shown | values))


def _urgency(step: dict[str, Any]) -> bool:
    """What waits for the worker comes first."""
    return step["state"] not in ("failed", "undo_failed")


async def _of_case(apis: Services, case: UUID) -> dict[str, str]:
    found = await apis.get("cases", f"/cases/{case}")
    return {"case_id": str(case)} | {name: str(found[name] or "") for name in ("client_kind", "client_id", "area")}


def _value(form: FormData, name: str) -> Any:
    typed = str(form.get(name, "")).strip()
    if name != "documents":
        return typed
    return list(dict.fromkeys(code for one in typed.split(",") if (code := one.strip())))
