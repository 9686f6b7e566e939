"""Obstacles and coordination meetings: the lists, an obstacle, a meeting with agenda, minutes and papers."""

from collections.abc import Callable
from typing import Any
from uuid import UUID, uuid4

from fastapi import APIRouter, Request, Response
from fastapi.responses import RedirectResponse
from starlette.datastructures import FormData

from services.console.case_page import case_page
from services.console.case_pages import SIZE, Number
from services.console.page import PageRoute, language, render, today, whole
from services.console.pages import Apis
from services.console.services import Services
from services.console.session import Session, Signed
from services.console.texts import problem_text
from sinergi.problems import STATUS, Refused

router = APIRouter(route_class=PageRoute, include_in_schema=False)

CATEGORIES = (
    *("budget", "facility-capacity", "civil-documents", "agency-coordination", "staff", "regulation", "access"),
    *("duplicate-data", "programme-quota", "health-service", "other"),
)
SEVERITIES = ("low", "medium", "high")
PAPERS = ("agenda.pdf", "minutes.pdf", "workbook.xlsx")
#: how many decisions the form of a point offers
LINES = 3


# ---------------------------------------------------------------- obstacles


@router.get("/obstacles")
async def obstacles(
    request: Request, session: Signed, apis: Apis, state: str = "open", category: str = "", page: Number = 1
) -> Response:
    """The office's obstacles, and the form for a new one."""
    return await _obstacles(request, session, apis, {"state": state, "category": category, "page": page})


@router.post("/obstacles")
async def raise_obstacle(request: Request, session: Signed, apis: Apis) -> Response:
    """Name an obstacle; when a similar one is there, show it first."""
    form = await request.form()
    try:
        await apis.post("cases", "/obstacles", _raised(form, []), _text(form, "key"))
    except Refused as no:
        more = {"similar": await _similar(apis, form, no), "typed": _typed(form)}
        return await _obstacles(request, session, apis, {"state": "open", "category": "", "page": 1}, no, **more)
    return RedirectResponse("/obstacles?done=raise_obstacle", 303)


@router.get("/obstacles/{obstacle_id}")
async def obstacle(obstacle_id: UUID, request: Request, session: Signed, apis: Apis) -> Response:
    """One obstacle, where it was met, and what may be done."""
    return await _obstacle(obstacle_id, request, session, apis)


@router.post("/obstacles/{obstacle_id}/{command}")
async def move_obstacle(obstacle_id: UUID, command: str, request: Request, session: Signed, apis: Apis) -> Response:
    """Own, decide, solve, accept or reopen it."""
    if command not in _MOVES:
        raise Refused("not-found", "There is no such page.", "not-found")
    form = await request.form()
    body: dict[str, Any] = _MOVES[command](form)
    body["expected_version"] = whole(form, "expected_version", 0)
    try:
        await apis.post("cases", f"/obstacles/{obstacle_id}/{command}", body, _text(form, "key"))
    except Refused as no:
        return await _obstacle(obstacle_id, request, session, apis, no, _typed(form))
    return RedirectResponse(f"/obstacles/{obstacle_id}?done={command}", 303)


@router.get("/cases/{case_id}/obstacles")
async def case_obstacles(case_id: UUID, request: Request, session: Signed, apis: Apis, page: Number = 1) -> Response:
    """What holds up this case."""
    return await _case(case_id, request, session, apis, page)


@router.post("/cases/{case_id}/obstacles")
async def raise_in_case(case_id: UUID, request: Request, session: Signed, apis: Apis) -> Response:
    """Name an obstacle of this case; when a similar one is there, show it first."""
    form = await request.form()
    about = [{"kind": "case", "id": str(case_id)}]
    try:
        await apis.post("cases", "/obstacles", _raised(form, about), _text(form, "key"))
    except Refused as no:
        similar = await _similar(apis, form, no)
        return await _case(case_id, request, session, apis, 1, no, similar=similar, typed=_typed(form))
    return RedirectResponse(f"/cases/{case_id}/obstacles?done=raise_obstacle", 303)


@router.post("/cases/{case_id}/obstacles/{obstacle_id}")
async def name_again(case_id: UUID, obstacle_id: UUID, request: Request, session: Signed, apis: Apis) -> Response:
    """This case is held up by an obstacle that is known already."""
    key = _text(await request.form(), "key")
    body = {"about": [{"kind": "case", "id": str(case_id)}]}
    await apis.post("cases", f"/obstacles/{obstacle_id}/name-again", body, key)
    return RedirectResponse(f"/cases/{case_id}/obstacles?done=name_again", 303)


# ----------------------------------------------------------------- meetings


@router.get("/rakor")
async def meetings(request: Request, session: Signed, apis: Apis, page: Number = 1) -> Response:
    """The meetings, newest first, and the form for a new one."""
    return await _meetings(request, session, apis, page)


@router.post("/rakor")
async def call_meeting(request: Request, session: Signed, apis: Apis) -> Response:
    """Call a meeting."""
    form = await request.form()
    body = {name: value for name in ("area", "held_on", "place", "month") if (value := _text(form, name))}
    try:
        called = await apis.post("cases", "/meetings", body, _text(form, "key"))
    except Refused as no:
        return await _meetings(request, session, apis, 1, no, _typed(form))
    return RedirectResponse(f"/rakor/{called['id']}?done=call", 303)


@router.get("/rakor/{meeting_id}")
async def meeting(meeting_id: UUID, request: Request, session: Signed, apis: Apis) -> Response:
    """A meeting: agenda, minutes, papers."""
    return await _meeting(meeting_id, request, session, apis)


@router.get("/rakor/{meeting_id}/{paper}")
async def paper(meeting_id: UUID, paper: str, session: Signed, apis: Apis) -> Response:
    """A paper of the meeting."""
    if paper not in PAPERS:
        raise Refused("not-found", "There is no such page.", "not-found")
    return await apis.download("cases", f"/meetings/{meeting_id}/{paper}")


@router.post("/rakor/{meeting_id}/items/{item_id}")
async def minute_item(meeting_id: UUID, item_id: UUID, request: Request, session: Signed, apis: Apis) -> Response:
    """Write the minutes of a point."""
    form = await request.form()
    body = {"notes": _text(form, "notes"), "decisions": _decisions(form)}
    path = f"items/{item_id}"
    return await _acted(meeting_id, path, "item", body, form, request, session, apis)


@router.post("/rakor/{meeting_id}/{command}")
async def move_meeting(meeting_id: UUID, command: str, request: Request, session: Signed, apis: Apis) -> Response:
    """Renew the agenda, record that it was held, approve, or add an addendum."""
    if command not in ("agenda", "hold", "approve", "addendum"):
        raise Refused("not-found", "There is no such page.", "not-found")
    form = await request.form()
    body: dict[str, Any] = {"participants": _participants(form)} if command == "hold" else {}
    if command == "addendum":
        body = {"text": _text(form, "text")}
    path = "addenda" if command == "addendum" else command
    return await _acted(meeting_id, path, command, body, form, request, session, apis)


# ------------------------------------------------------------------- inside


async def _acted(
    meeting_id: UUID,
    path: str,
    command: str,
    body: dict[str, Any],
    form: FormData,
    request: Request,
    session: Session,
    apis: Services,
) -> Response:
    """Give the command; after a refusal the page again, with what was typed."""
    if command != "addendum":
        body["expected_version"] = whole(form, "expected_version", 0)
    try:
        await apis.post("cases", f"/meetings/{meeting_id}/{path}", body, _text(form, "key"))
    except Refused as no:
        tried = {"typed": _typed(form), "typed_decisions": _decisions(form), "tried": path.removeprefix("items/")}
        return await _meeting(meeting_id, request, session, apis, no, **tried)
    return RedirectResponse(f"/rakor/{meeting_id}?done={command}", 303)


def _page(request: Request, template: str, session: Session, no: Refused | None, **values: Any) -> Response:
    shown: dict[str, Any] = {
        "message": problem_text(language(request), no) if no else None,
        "done": request.query_params.get("done") if no is None else None,
        "typed": {},
        "key": str(uuid4()),
        "today": today(),
        "supervises": session.actor.role.value == "supervisor",
    }
    return render(request, template, session, STATUS[no.kind] if no else 200, **(shown | values))


async def _obstacles(
    request: Request, session: Session, apis: Services, what: dict[str, Any], no: Refused | None = None, **more: Any
) -> Response:
    asked = what | {"category": what["category"] or None}
    found = await apis.get("cases", "/obstacles", **asked, size=SIZE)
    shown: dict[str, Any] = {"found": found, "size": SIZE, "categories": CATEGORIES, "severities": SEVERITIES}
    shown |= {"similar": []}
    return _page(request, "obstacles.html", session, no, **(shown | what | more))


async def _obstacle(
    obstacle_id: UUID,
    request: Request,
    session: Session,
    apis: Services,
    no: Refused | None = None,
    typed: dict[str, str] | None = None,
) -> Response:
    one = await apis.get("cases", f"/obstacles/{obstacle_id}")
    return _page(request, "obstacle.html", session, no, one=one, typed=typed or {})


async def _case(
    case_id: UUID, request: Request, session: Session, apis: Services, page: int, no: Refused | None = None, **more: Any
) -> Response:
    found = await apis.get("cases", "/obstacles", case_id=case_id, state="all", page=page, size=SIZE)
    shown: dict[str, Any] = {"found": found, "page": page, "size": SIZE, "similar": []}
    shown |= {"categories": CATEGORIES, "severities": SEVERITIES}
    return await case_page(request, session, apis, case_id, "case_obstacles.html", no, **(shown | more))


async def _meetings(
    request: Request,
    session: Session,
    apis: Services,
    page: int,
    no: Refused | None = None,
    typed: dict[str, str] | None = None,
) -> Response:
    found = await apis.get("cases", "/meetings", page=page, size=SIZE)
    return _page(request, "meetings.html", session, no, found=found, page=page, size=SIZE, typed=typed or {})


async def _meeting(
    meeting_id: UUID, request: Request, session: Session, apis: Services, no: Refused | None = None, **more: Any
) -> Response:
    found = await apis.get("cases", f"/meetings/{meeting_id}")
    frozen = {one["id"]: one for one in found["agenda"]["obstacles"]["items"]}
    shown = {"meeting": found, "frozen": frozen, "lines": LINES, "tried": "", "typed_decisions": []}
    return _page(request, "meeting.html", session, no, **(shown | more))


async def _similar(apis: Services, form: FormData, no: Refused) -> list[Any]:
    """What may be the same, after the refusal that says so."""
    if no.slug != "similar-obstacles":
        return []
    about = {name: _text(form, name) for name in ("category", "area")}
    similar: list[Any] = (await apis.get("cases", "/obstacles/similar", **about))["items"]
    return similar


def _raised(form: FormData, about: list[dict[str, str]]) -> dict[str, Any]:
    names = ("area", "category", "severity", "since", "words")
    return {name: _text(form, name) for name in names} | {"about": about, "new": form.get("new") == "yes"}


def _decisions(form: FormData) -> list[dict[str, str]]:
    """The lines of the form in which a decision is written."""
    columns = [form.getlist(name) for name in ("text", "worker", "due_on", "desk")]
    rows = [[str(value).strip() for value in row] for row in zip(*columns, strict=False)]
    return [dict(zip(("text", "worker", "due_on", "desk"), row, strict=True)) for row in rows if row[0]]


def _participants(form: FormData) -> list[dict[str, str]]:
    lines = [line.partition(";") for line in _text(form, "participants").splitlines() if line.strip()]
    return [{"name": name.strip(), "office": office.strip()} for name, _, office in lines]


_MOVES: dict[str, Callable[[FormData], dict[str, Any]]] = {
    "own": lambda form: {name: _text(form, name) for name in ("owner", "office")},
    "decide": lambda form: {"decisions": _decisions(form)},
    "solve": lambda form: {},
    "accept": lambda form: {"reason": _text(form, "reason")},
    "reopen": lambda form: {"reason": _text(form, "reason")},
}


def _typed(form: FormData) -> dict[str, str]:
    return {name: str(value) for name, value in form.items() if isinstance(value, str)}


def _text(form: FormData, name: str) -> str:
    return str(form.get(name) or "").strip()
