"""The pages of placement: the board of facilities, a facility with its beds and its list, and a case's placements."""

from typing import Any
from uuid import UUID, uuid4

from fastapi import APIRouter, Request, Response
from fastapi.responses import RedirectResponse
from starlette.datastructures import FormData

from services.console.case_page import case_page
from services.console.page import PageRoute, language, render, today, whole
from services.console.pages import SIZE, Apis, Number
from services.console.placement_forms import (
    INSIDE,
    OFFICER,
    OFFICER_MAY,
    OVERRIDE,
    REQUEST,
    SUPERVISOR,
    WORKER,
    body_of,
    request_of,
)
from services.console.services import Services
from services.console.session import Session, Signed
from services.console.texts import problem_text
from sinergi.problems import STATUS, Refused

router = APIRouter(route_class=PageRoute, include_in_schema=False)

BEDS = 60
#: command -> the last part of its address
AT_FACILITY = OFFICER | OVERRIDE
OF_CASE = WORKER | SUPERVISOR

# -------------------------------------------------------------- facilities


@router.get("/facilities")
async def facilities(
    request: Request, session: Signed, apis: Apis, kind: str = "", sex: str = "", area: str = "", page: Number = 1
) -> Response:
    """The board."""
    chosen = {"kind": kind, "sex": sex, "area": area.strip()}
    asked = {name: value or None for name, value in chosen.items()}
    found = await apis.get("cases", "/facilities", **asked, page=page, size=SIZE)
    kinds = await apis.get("cases", "/placement-kinds")
    shown = found | {"chosen": chosen, "kinds": kinds["inside"]}
    return render(request, "facilities.html", session, **shown, page=page, size=SIZE)


@router.get("/facilities/{facility_id}")
async def facility(facility_id: UUID, request: Request, session: Signed, apis: Apis, page: Number = 1) -> Response:
    """Its beds, who lies in them (for its own officers), and who waits."""
    return await _facility(request, session, apis, facility_id, page)


@router.post("/facilities/{facility_id}/beds/{bed_id}/{doing}")
async def on_bed(
    facility_id: UUID, bed_id: UUID, doing: str, request: Request, session: Signed, apis: Apis
) -> Response:
    """Take a bed out of service, or back into it."""
    form: Any = await request.form()
    body: dict[str, Any] = {"expected_version": whole(form, "expected_version", 0)}
    if doing == "close":
        body["reason"] = _text(form, "reason")
    elif doing != "reopen":
        raise Refused("not-found", "There is no such page.", "not-found")
    path = f"/facilities/{facility_id}/beds/{bed_id}/{doing}"
    return await _try(request, session, apis, facility_id, path, body, form, f"{doing}_bed")


@router.post("/facilities/{facility_id}/placements/{placement_id}/{doing}")
async def at_facility(
    facility_id: UUID, placement_id: UUID, doing: str, request: Request, session: Signed, apis: Apis
) -> Response:
    """A command on who lives here or waits; a refusal is shown above the page as it stands now."""
    if doing not in AT_FACILITY:
        raise Refused("not-found", "There is no such page.", "not-found")
    form: Any = await request.form()
    body = body_of(AT_FACILITY[doing], form, whole(form, "expected_version", 0))
    if doing in ("admit", "override"):
        body["facility_id"] = str(facility_id)
    if doing == "transfer":
        body["facility_id"] = _text(form, "facility_id") or str(facility_id)
    return await _try(request, session, apis, facility_id, f"/placements/{placement_id}/{doing}", body, form, doing)


async def _try(
    request: Request,
    session: Session,
    apis: Services,
    facility_id: UUID,
    path: str,
    body: dict[str, Any],
    form: FormData,
    done: str,
) -> Response:
    try:
        await apis.post("cases", path, body, _text(form, "key"))
    except Refused as no:
        return await _facility(request, session, apis, facility_id, 1, no, typed=_typed(form))
    return RedirectResponse(f"/facilities/{facility_id}?done={done}", 303)


async def _facility(
    request: Request,
    session: Session,
    apis: Services,
    facility_id: UUID,
    page: int,
    no: Refused | None = None,
    **values: Any,
) -> Response:
    found = await apis.get("cases", f"/facilities/{facility_id}", page=page, size=BEDS)
    keeps = found["own"] and session.actor.may("waiting.read")
    line = await apis.get("cases", f"/facilities/{facility_id}/waiting", size=SIZE) if keeps else None
    others = await apis.get("cases", "/facilities", kind=found["kind"], size=100)
    shown: dict[str, Any] = {
        "one": found,
        "line": line,
        "others": [one for one in others["items"] if one["agency"] == found["agency"] and one["free"]],
        "forms": {name: fields for name, fields in AT_FACILITY.items() if session.actor.may(f"placement.{_act(name)}")},
        "officer_may": OFFICER_MAY,
        "may_beds": found["own"] and session.actor.may("facility.beds"),
        "message": problem_text(language(request), no) if no else None,
        "done": request.query_params.get("done") if no is None else None,
        "typed": {},
        "key": str(uuid4()),
        "today": today(),
        "page": page,
        "size": BEDS,
    }
    return render(request, "facility.html", session, STATUS[no.kind] if no else 200, **(shown | values))


def _act(doing: str) -> str:
    """The permission table's name of the command: returning belongs to leave."""
    return "leave" if doing == "return" else doing


# -------------------------------------------------------------------- case


@router.get("/cases/{case_id}/placement")
async def placement(case_id: UUID, request: Request, session: Signed, apis: Apis) -> Response:
    """The case's placements: the offer to answer, the place on the list, what was; and the form to ask for one."""
    return await _placement(request, session, apis, case_id)


@router.post("/cases/{case_id}/placement")
async def request_placement(case_id: UUID, request: Request, session: Signed, apis: Apis) -> Response:
    """Ask for a placement; a refusal keeps what was typed."""
    form: Any = await request.form()
    try:
        await apis.post("cases", f"/cases/{case_id}/placements", request_of(form), _text(form, "key"))
    except Refused as no:
        return await _placement(request, session, apis, case_id, no, typed=_typed(form))
    return RedirectResponse(f"/cases/{case_id}/placement?done=request_placement", 303)


@router.post("/cases/{case_id}/placement/{placement_id}/{doing}")
async def on_placement(
    case_id: UUID, placement_id: UUID, doing: str, request: Request, session: Signed, apis: Apis
) -> Response:
    """Answer an offer, place, end, cancel; or (a supervisor) another place on the list."""
    if doing not in OF_CASE:
        raise Refused("not-found", "There is no such page.", "not-found")
    form: Any = await request.form()
    body = body_of(OF_CASE[doing], form, whole(form, "expected_version", 0))
    if doing == "prioritise":
        body.setdefault("level", None)
    try:
        await apis.post("cases", f"/placements/{placement_id}/{doing}", body, _text(form, "key"))
    except Refused as no:
        return await _placement(request, session, apis, case_id, no, typed=_typed(form))
    return RedirectResponse(f"/cases/{case_id}/placement?done={doing}_placement", 303)


async def _placement(
    request: Request, session: Session, apis: Services, case_id: UUID, no: Refused | None = None, **values: Any
) -> Response:
    found = await apis.get("cases", f"/cases/{case_id}/placements")
    shown: dict[str, Any] = {
        "found": found,
        "kinds": await apis.get("cases", "/placement-kinds"),
        "categories": (await apis.get("registry", "/categories"))["items"],
        "own_forms": WORKER if session.actor.may("placement.request") else SUPERVISOR,
        "asks": session.actor.may("placement.request") and not found["closed"],
        "request_fields": REQUEST,
        "inside_fields": INSIDE,
    }
    return await case_page(request, session, apis, case_id, "placement.html", no, **(shown | values))


def _text(form: FormData, name: str) -> str:
    return str(form.get(name) or "").strip()


def _typed(form: FormData) -> dict[str, str]:
    return {name: str(value) for name, value in form.items()}
