"""The page of a case's plan: goals with progress, steps, versions; the worker writes, the supervisor decides."""

from typing import Any
from uuid import UUID, uuid4

from fastapi import APIRouter, Request, Response
from fastapi.responses import RedirectResponse
from starlette.datastructures import FormData

from services.console.case_page import case_page
from services.console.page import PageRoute, render, whole
from services.console.pages import SIZE, Apis, Number
from services.console.plan_forms import EDITS, KINDS, NEEDS, edited, text
from services.console.services import Services
from services.console.session import Session, Signed
from sinergi.problems import Refused

router = APIRouter(route_class=PageRoute, include_in_schema=False)

#: commands on the plan -> the fields that their form sends
PLAN_ACTS: dict[str, tuple[str, ...]] = {
    "submit": (),
    "approve": ("comment",),
    "revise": (),
    "review": ("note",),
}
STEP_ACTS: dict[str, tuple[str, ...]] = {
    "finish": ("outcome", "done_on", "reference", "amount", "note"),
    "fail": ("reason", "note"),
    "drop": ("reason", "code"),
    "resend": ("reason",),
}


@router.get("/plans")
async def plans(request: Request, session: Signed, apis: Apis, page: Number = 1) -> Response:
    """The plans that wait for my approval."""
    found = await apis.get("cases", "/plans", page=page, size=SIZE)
    return render(request, "plans.html", session, **found, page=page, size=SIZE)


@router.get("/cases/{case_id}/plan")
async def plan_page(case_id: UUID, request: Request, session: Signed, apis: Apis) -> Response:
    """The plan as it stands, with what may be done now."""
    return await _page(request, session, apis, case_id)


@router.post("/cases/{case_id}/plan/return")
async def send_back(case_id: UUID, request: Request, session: Signed, apis: Apis) -> Response:
    """Send the plan back with comments, on the whole and on its parts."""
    form = await request.form()
    body = {"comment": text(form, "comment"), "goals": _parts(form, "goals"), "steps": _parts(form, "steps")}
    return await _give(request, session, apis, case_id, "/plan/return", form, body)


@router.post("/cases/{case_id}/plan/{act}")
async def act_on_plan(case_id: UUID, act: str, request: Request, session: Signed, apis: Apis) -> Response:
    """Submit, approve, revise or review it, or change one thing of the draft."""
    form = await request.form()
    if act in EDITS:
        return await _edit(request, session, apis, case_id, act, form)
    return await _give(request, session, apis, case_id, f"/plan/{act}", form, _filled(form, PLAN_ACTS, act))


@router.post("/cases/{case_id}/steps/{step_id}/{act}")
async def act_on_step(
    case_id: UUID, step_id: UUID, act: str, request: Request, session: Signed, apis: Apis
) -> Response:
    """A step is done, could not be done, is given up or begun again."""
    form = await request.form()
    body = _filled(form, STEP_ACTS, act)
    if act == "resend":
        body["documents"] = [one.strip() for one in text(form, "documents").split(",") if one.strip()]
    return await _give(request, session, apis, case_id, f"/steps/{step_id}/{act}", form, body)


@router.post("/cases/{case_id}/goals/{goal}/progress")
async def judge_goal(case_id: UUID, goal: str, request: Request, session: Signed, apis: Apis) -> Response:
    """Note how far a goal is."""
    form = await request.form()
    body = _filled(form, {"progress": ("reached", "seen_on", "note")}, "progress")
    return await _give(request, session, apis, case_id, f"/goals/{goal}/progress", form, body)


@router.post("/cases/{case_id}/revert")
async def go_back(case_id: UUID, request: Request, session: Signed, apis: Apis) -> Response:
    """The case goes back to an earlier stage."""
    form = await request.form()
    body = _filled(form, {"revert": ("to", "reason", "note")}, "revert")
    return await _give(request, session, apis, case_id, "/revert", form, body)


async def _edit(
    request: Request, session: Session, apis: Services, case_id: UUID, edit: str, form: FormData
) -> Response:
    plan = await apis.get("cases", f"/cases/{case_id}/plan")
    body = edited(edit, form, plan) | {"expected_version": whole(form, "expected_version", 0)}
    try:
        await apis.put("cases", f"/cases/{case_id}/plan", body, text(form, "key"))
    except Refused as no:
        return await _page(request, session, apis, case_id, no, edit, form)
    return RedirectResponse(f"/cases/{case_id}/plan?done=draft_plan", 303)


async def _give(
    request: Request, session: Session, apis: Services, case_id: UUID, path: str, form: FormData, body: dict[str, Any]
) -> Response:
    given = body | {"expected_version": whole(form, "expected_version", 0)}
    try:
        await apis.post("cases", f"/cases/{case_id}{path}", given, text(form, "key"))
    except Refused as no:
        return await _page(request, session, apis, case_id, no, path.lstrip("/"), form)
    return RedirectResponse(f"/cases/{case_id}/plan?done=plan_{path.rsplit('/', 1)[1]}", 303)


async def _page(
    request: Request,
    session: Session,
    apis: Services,
    case_id: UUID,
    no: Refused | None = None,
    tried: str = "",
    form: FormData | None = None,
) -> Response:
    plan = await apis.get("cases", f"/cases/{case_id}/plan")
    offers = await apis.get("referrals", "/directory/services", size=100)
    chains = await apis.get("referrals", "/pathways/templates")
    newest = plan["versions"][-1] if plan["versions"] else None
    shown = {
        "plan": plan,
        "newest": newest,
        "next": await apis.get("cases", f"/cases/{case_id}/next"),
        "offers": offers["items"],
        "chains": chains["items"],
        "kinds": KINDS,
        "needs": NEEDS,
        "tried": tried,
        "typed": {name: str(value) for name, value in form.items()} if form else {},
        "key": str(uuid4()),
    }
    return await case_page(request, session, apis, case_id, "plan.html", no, **shown)


def _parts(form: FormData, part: str) -> dict[str, str]:
    """What was said about single goals or steps: fields `goals:<key>` and `steps:<key>`."""
    named = {name: text(form, name) for name in form if name.startswith(f"{part}:")}
    return {name.split(":", 1)[1]: said for name, said in named.items() if said}


def _filled(form: FormData, table: dict[str, tuple[str, ...]], act: str) -> dict[str, Any]:
    """The fields of this act's form that were filled in."""
    if act not in table:
        raise Refused("not-found", "There is no such page.", "not-found")
    body: dict[str, Any] = {name: text(form, name) for name in table[act] if text(form, name)}
    return body | ({"amount": whole(form, "amount")} if body.get("amount") else {})
