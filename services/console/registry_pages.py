"""The registry's pages: lists that come in, and the search for one person. Each asks the registry as the user."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID, uuid4

from fastapi import APIRouter, Request, Response
from fastapi.responses import RedirectResponse
from fastapi.sse import EventSourceResponse, ServerSentEvent
from starlette.datastructures import FormData, UploadFile

from services.console.page import PageRoute, fragment, language, render, whole
from services.console.pages import SIZE, Apis, Number
from services.console.request_pages import FIELDS
from services.console.session import Signed
from services.console.texts import problem_text
from sinergi.problems import STATUS, Refused

router = APIRouter(route_class=PageRoute, include_in_schema=False)
streams = APIRouter(include_in_schema=False)

#: seconds between two looks at an import that runs
LOOK_SECONDS = 0.7
RUNNING = ("queued", "running")

# ------------------------------------------------------------------ imports


@router.get("/imports")
async def imports(request: Request, session: Signed, apis: Apis, page: Number = 1) -> Response:
    """The lists of my area, newest first, and the form to hand in another."""
    return await _imports(request, session, apis, page)


@router.post("/imports")
async def hand_in(request: Request, session: Signed, apis: Apis) -> Response:
    """Hand in a list, and watch it being read."""
    form = await request.form()
    try:
        answer = await apis.upload("registry", "/imports", _file(form), _about(form))
    except Refused as no:
        return await _imports(request, session, apis, 1, no)
    return RedirectResponse(f"/imports/{answer['id']}", 303)


@router.get("/imports/{import_id}")
async def imported(import_id: UUID, request: Request, session: Signed, apis: Apis, page: Number = 1) -> Response:
    """How far a list is, and which of its rows were not good."""
    return await _import(request, session, apis, import_id, page)


@streams.get("/imports/{import_id}/progress", response_class=EventSourceResponse)
async def progress(import_id: UUID, request: Request, session: Signed, apis: Apis) -> AsyncIterator[ServerSentEvent]:
    """How far the list is, as a piece of the page, until it has ended."""
    found: dict[str, Any] = {"state": "queued"}
    while found["state"] in RUNNING:
        found = await apis.get("registry", f"/imports/{import_id}")
        yield ServerSentEvent(event="progress", raw_data=fragment(request, "_progress.html", found=found))
        await asyncio.sleep(LOOK_SECONDS)
    yield ServerSentEvent(event="end", raw_data=found["state"])


@router.get("/imports/{import_id}/errors.xlsx")
async def bad_rows(import_id: UUID, session: Signed, apis: Apis) -> Response:
    """The bad rows as a workbook, to be corrected."""
    return await apis.download("registry", f"/imports/{import_id}/errors.xlsx")


@router.post("/imports/{import_id}/corrections")
async def correct(import_id: UUID, request: Request, session: Signed, apis: Apis) -> Response:
    """Hand in the corrected rows alone."""
    file = _file(await request.form())
    try:
        answer = await apis.upload("registry", f"/imports/{import_id}/corrections", file, {})
    except Refused as no:
        return await _import(request, session, apis, import_id, 1, no)
    return RedirectResponse(f"/imports/{answer['id']}", 303)


# ------------------------------------------------------------------- people


@router.get("/people")
async def people(request: Request, session: Signed) -> Response:
    """One box; nobody is listed before somebody is looked for."""
    return render(request, "people.html", session, **_NOTHING_FOUND)


@router.post("/people")
async def find_people(request: Request, session: Signed, apis: Apis) -> Response:
    """Find people. A POST, so that no name and no NIK stands in an address."""
    form = await request.form()
    typed = {name: str(form.get(name, "")).strip() for name in _BOXES}
    page = max(1, whole(form, "page"))
    wanted = {name: value for name, value in typed.items() if value} | {"page": page, "size": SIZE}
    try:
        found = await apis.post("registry", "/persons/search", wanted)
    except Refused as no:
        values = {**_NOTHING_FOUND, "typed": typed, "message": problem_text(language(request), no)}
        return render(request, "people.html", session, STATUS[no.kind], **values)
    return render(request, "people.html", session, **{**_NOTHING_FOUND, "typed": typed, "found": found, "page": page})


@router.post("/people/{person_id}")
async def person(person_id: UUID, request: Request, session: Signed, apis: Apis) -> Response:
    """Open one person, for a purpose that is written down."""
    purpose = str((await request.form()).get("purpose", "")).strip()
    found = await apis.get("registry", f"/persons/{person_id}", purpose=purpose)
    values = {"person": found, "purpose": purpose, "fields": FIELDS, "key": str(uuid4()), "typed": {}, "message": None}
    return render(request, "person.html", session, 200, **values)


_BOXES = ("text", "area", "birth_year", "purpose")
_NOTHING_FOUND: dict[str, Any] = {
    "typed": dict.fromkeys(_BOXES, ""),
    "found": None,
    "message": None,
    "page": 1,
    "size": SIZE,
}

# ------------------------------------------------------------------- inside


def _file(form: FormData) -> UploadFile:
    file = form.get("file")
    if not isinstance(file, UploadFile) or not file.filename:
        raise Refused("file-missing", "Choose a file.")
    return file


def _about(form: FormData) -> dict[str, str]:
    """What is said about the list; nothing is said by an empty field."""
    said = {name: str(form.get(name, "")).strip() for name in ("source", "list_date")}
    return {name: value for name, value in said.items() if value}


async def _imports(request: Request, session: Signed, apis: Apis, page: int, no: Refused | None = None) -> Response:
    found = await apis.get("registry", "/imports", page=page, size=SIZE)
    sources = [one for one in (await apis.get("registry", "/sources"))["items"] if one["handed_in"]]
    shown = {"items": found["items"], "sources": sources, "page": page, "size": SIZE, "message": None}
    if no:
        shown["message"] = problem_text(language(request), no)
    return render(request, "imports.html", session, STATUS[no.kind] if no else 200, **shown)


async def _import(
    request: Request, session: Signed, apis: Apis, import_id: UUID, page: int, no: Refused | None = None
) -> Response:
    found = await apis.get("registry", f"/imports/{import_id}")
    errors = await apis.get("registry", f"/imports/{import_id}/errors", page=page, size=SIZE)
    shown = {"found": found, "errors": errors, "page": page, "size": SIZE, "running": found["state"] in RUNNING}
    message = problem_text(language(request), no) if no else None
    return render(request, "import.html", session, STATUS[no.kind] if no else 200, message=message, **shown)
