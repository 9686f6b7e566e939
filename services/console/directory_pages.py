"""The directory's pages: who can help with a need here, one service, the gaps, and the workbook."""

from typing import Annotated, Any
from uuid import uuid4

from fastapi import APIRouter, Path, Request, Response
from fastapi.responses import RedirectResponse
from starlette.datastructures import FormData, UploadFile

from services.console.page import PageRoute, language, render, whole
from services.console.pages import SIZE, Apis, Number
from services.console.session import Session, Signed
from services.console.texts import problem_text
from sinergi.problems import STATUS, Refused

router = APIRouter(route_class=PageRoute, include_in_schema=False)

Code = Annotated[str, Path(pattern=r"^[a-z][a-z0-9-]{1,39}$")]
_BOXES = ("need", "area", "client_kind", "client_id")
KINDS = ("person", "household", "group")


# -------------------------------------------------------------------- search


@router.get("/directory")
async def directory(request: Request, session: Signed, apis: Apis, page: Number = 1) -> Response:
    """A desk sees its own services; whoever refers looks for one by need and place."""
    if session.actor.may("directory.find"):
        return await _search(request, session, apis, dict.fromkeys(_BOXES, ""))
    own = await apis.get("referrals", "/directory/services", agency=session.actor.agency, page=page, size=SIZE)
    return render(request, "directory_own.html", session, **own, page=page, size=SIZE)


@router.post("/directory")
async def find(request: Request, session: Signed, apis: Apis) -> Response:
    """Who can help; a POST, so that no client's id stands in an address."""
    form = await request.form()
    typed, page = {name: str(form.get(name, "")).strip() for name in _BOXES}, max(1, whole(form, "page"))
    wanted = {name: value for name, value in typed.items() if value} | {"page": page, "limit": SIZE}
    try:
        found = await apis.post("referrals", "/directory/find", wanted)
    except Refused as no:
        return await _search(request, session, apis, typed, no)
    return await _search(request, session, apis, typed, found=found, page=page)


async def _search(
    request: Request, session: Session, apis: Apis, typed: dict[str, str], no: Refused | None = None, **more: Any
) -> Response:
    needs = (await apis.get("referrals", "/directory/needs"))["items"]
    shown = {"needs": needs, "kinds": KINDS, "typed": typed, "found": None, "page": 1, "size": SIZE} | more
    return render(
        request, "directory.html", session, STATUS[no.kind] if no else 200, message=_said(request, no), **shown
    )


# --------------------------------------------------------------- one service


@router.get("/directory/services/{code}")
async def service(code: Code, request: Request, session: Signed, apis: Apis) -> Response:
    """What it does, for whom, with which papers, in what time, and whether it has room."""
    return await _service(request, session, apis, code)


@router.post("/directory/services/{code}/{command}")
async def change_service(code: Code, command: str, request: Request, session: Signed, apis: Apis) -> Response:
    """Say how many it takes, close it for a time, or open it again."""
    form = await request.form()
    try:
        body = _body(command, form) | {"expected_version": whole(form, "expected_version")}
        await apis.post("referrals", f"/directory/services/{code}/{command}", body, str(form.get("key", "")))
    except Refused as no:
        typed = {name: str(value) for name, value in form.items() if name not in ("csrf", "key")}
        return await _service(request, session, apis, code, no, typed=typed, command=command)
    return RedirectResponse(f"/directory/services/{code}?done=1", 303)


def _body(command: str, form: FormData) -> dict[str, Any]:
    if command == "capacity":
        if not str(form.get("places", "")).strip():
            return {}
        return {"places": whole(form, "places"), "places_per": str(form.get("places_per", ""))}
    if command == "close":
        return {name: str(form.get(name, "")).strip() for name in ("until", "reason")}
    if command == "open":
        return {}
    raise Refused("not-found", "There is no such page.", "not-found")


async def _service(
    request: Request, session: Session, apis: Apis, code: str, no: Refused | None = None, **more: Any
) -> Response:
    offer = await apis.get("referrals", f"/directory/services/{code}")
    may = session.actor.may("directory.capacity") and (
        offer["may_set_capacity"] or session.actor.role.value == "operator"
    )
    shown: dict[str, Any] = {"typed": {}, "command": None, "done": "done" in request.query_params} | more
    shown |= {"offer": offer, "may_change": may, "key": str(uuid4()), "message": _said(request, no)}
    return render(request, "directory_service.html", session, STATUS[no.kind] if no else 200, **shown)


# ---------------------------------------------------------------------- gaps


@router.get("/directory/gaps")
async def gaps(request: Request, session: Signed, apis: Apis, area: str = "", page: Number = 1) -> Response:
    """Needs that nobody serves, or nobody with room, by area."""
    found = await apis.get("referrals", "/directory/gaps", area=area or None, page=page, size=SIZE)
    return render(request, "directory_gaps.html", session, found=found, page=page, size=SIZE)


@router.get("/directory/gaps.xlsx")
async def gaps_workbook(session: Signed, apis: Apis, area: str = "") -> Response:
    """The gaps as a workbook."""
    wanted = {"area": area} if area else {}
    return await apis.download("referrals", "/directory/gaps.xlsx", **wanted)


# ------------------------------------------------------------------ workbook


@router.get("/directory/workbook")
async def workbook(request: Request, session: Signed) -> Response:
    """Take the directory out as a workbook, or hand one in."""
    return render(request, "directory_workbook.html", session, told=None, message=None)


@router.post("/directory/workbook")
async def hand_in_workbook(request: Request, session: Signed, apis: Apis) -> Response:
    """Try or enter a workbook; its bad rows are told with sheet, row, column and rule."""
    form = await request.form()
    file = form.get("file")
    try:
        if not isinstance(file, UploadFile) or not file.filename:
            raise Refused("file-missing", "Choose a file.")
        fields = {"dry_run": "true" if form.get("dry_run") else "false"}
        told = await apis.upload("referrals", "/directory/workbook", file, fields)
    except Refused as no:
        values = {"told": None, "message": _said(request, no)}
        return render(request, "directory_workbook.html", session, STATUS[no.kind], **values)
    return render(request, "directory_workbook.html", session, told=told, message=None)


@router.get("/directory/workbook.xlsx")
async def workbook_file(session: Signed, apis: Apis) -> Response:
    """The directory as a workbook."""
    return await apis.download("referrals", "/directory/workbook.xlsx")


def _said(request: Request, no: Refused | None) -> str | None:
    return problem_text(language(request), no) if no else None
