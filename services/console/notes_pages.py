"""A case's notes, visits and files: one timeline, the forms beside it, and the way to what is confidential."""

from datetime import datetime
from typing import Any
from uuid import UUID

from fastapi import APIRouter, Request, Response
from fastapi.responses import RedirectResponse
from starlette.datastructures import FormData, UploadFile

from services.console.case_page import case_page
from services.console.case_pages import SIZE, Number
from services.console.page import PageRoute, whole
from services.console.pages import Apis
from services.console.services import Services
from services.console.session import Session, Signed
from sinergi.problems import Refused
from sinergi.workdays import zone_of

router = APIRouter(route_class=PageRoute, include_in_schema=False)

#: what the forms offer, as the service takes it
CHOICES: dict[str, tuple[str, ...]] = {
    "kind": ("contact", "observation", "progress"),
    "about": ("client", "family", "carer", "other"),
    "purpose": ("assessment", "intervention", "monitoring", "home-check", "accompanying", "follow-up", "other"),
    "place_kind": ("home", "facility", "office", "street", "school", "hospital", "agency", "online", "other"),
    "relation": (
        *("client", "spouse", "parent", "child", "sibling", "other-family", "guardian", "neighbour", "rt-rw"),
        *("volunteer", "staff", "other"),
    ),
    "reason": ("nobody-home", "moved", "refused", "unsafe", "wrong-address", "not-reachable", "other"),
    "file_kind": ("identity", "consent", "assessment", "medical", "legal", "photo", "letter", "certificate", "other"),
    "error": ("wrong-case", "wrong-person", "wrong-content", "duplicate"),
}
_PLACE = ("purpose", "started_at", "ended_at", "place_kind", "area", "place", "findings")


@router.get("/cases/{case_id}/notes")
async def notes(case_id: UUID, request: Request, session: Signed, apis: Apis, page: Number = 1) -> Response:
    """The timeline, newest first."""
    return await _page(request, session, apis, case_id, page)


@router.post("/cases/{case_id}/notes")
async def write_note(case_id: UUID, request: Request, session: Signed, apis: Apis) -> Response:
    """Write a note."""
    form = await request.form()
    return await _done("note", f"/cases/{case_id}/notes", case_id, form, request, session, apis)


@router.post("/cases/{case_id}/notes/visit")
async def record_visit(case_id: UUID, request: Request, session: Signed, apis: Apis) -> Response:
    """Write down a visit that was made."""
    form = await request.form()
    return await _done("visit", f"/cases/{case_id}/visits", case_id, form, request, session, apis)


@router.post("/cases/{case_id}/notes/missed")
async def record_missed(case_id: UUID, request: Request, session: Signed, apis: Apis) -> Response:
    """Write down that the client was not met."""
    form = await request.form()
    return await _done("missed", f"/cases/{case_id}/visits/missed", case_id, form, request, session, apis)


@router.post("/cases/{case_id}/notes/plan")
async def plan_visit(case_id: UUID, request: Request, session: Signed, apis: Apis) -> Response:
    """Plan a visit."""
    form = await request.form()
    return await _done("plan", f"/cases/{case_id}/visits/plan", case_id, form, request, session, apis)


@router.post("/cases/{case_id}/notes/{note_id}/error")
async def mark_note(case_id: UUID, note_id: UUID, request: Request, session: Signed, apis: Apis) -> Response:
    """Mark a note as entered in error."""
    form = await request.form()
    return await _done("error", f"/cases/{case_id}/notes/{note_id}/error", case_id, form, request, session, apis)


@router.post("/cases/{case_id}/notes/{note_id}/read")
async def read_note(case_id: UUID, note_id: UUID, request: Request, session: Signed, apis: Apis) -> Response:
    """Open a confidential note, for a purpose that is written down. A POST: no purpose stands in an address."""
    purpose = _text(await request.form(), "purpose")
    try:
        opened = await apis.get("cases", f"/cases/{case_id}/notes/{note_id}", purpose=purpose)
    except Refused as no:
        return await _page(request, session, apis, case_id, 1, no)
    return await case_page(request, session, apis, case_id, "confidential.html", note=opened, purpose=purpose)


@router.post("/cases/{case_id}/notes/file")
async def attach(case_id: UUID, request: Request, session: Signed, apis: Apis) -> Response:
    """Attach a file to the case, or to one of its notes or visits."""
    form = await request.form()
    about = {name: value for name in ("note_id", "visit_id") if (value := _text(form, name))}
    file = form.get("file")
    try:
        if not isinstance(file, UploadFile) or not file.filename:
            raise Refused("file-missing", "Choose a file.")
        fields = about | {"kind": _text(form, "file_kind")}
        await apis.upload("cases", f"/cases/{case_id}/attachments", file, fields)
    except Refused as no:
        return await _page(request, session, apis, case_id, 1, no, "file", _typed(form))
    return RedirectResponse(f"/cases/{case_id}/notes?done=attach", 303)


@router.post("/cases/{case_id}/notes/file/{attachment_id}")
async def download(case_id: UUID, attachment_id: UUID, request: Request, session: Signed, apis: Apis) -> Response:
    """Fetch a file, for a purpose that is written down."""
    purpose = _text(await request.form(), "purpose")
    try:
        answer = await apis.download("cases", f"/cases/{case_id}/attachments/{attachment_id}", purpose=purpose)
    except Refused as no:
        return await _page(request, session, apis, case_id, 1, no)
    answer.headers["Content-Security-Policy"] = "default-src 'none'; sandbox"
    return answer


# ------------------------------------------------------------------- inside


async def _done(
    form_name: str, path: str, case_id: UUID, form: FormData, request: Request, session: Session, apis: Services
) -> Response:
    """Give the command; after a refusal the page again, the form open as it was typed."""
    try:
        body = _BODIES[form_name](form, _text(form, "case_area"))
        await apis.post("cases", path, body, _text(form, "key"))
    except Refused as no:
        return await _page(request, session, apis, case_id, 1, no, form_name, _typed(form))
    return RedirectResponse(f"/cases/{case_id}/notes?done={form_name}", 303)


async def _page(
    request: Request,
    session: Session,
    apis: Services,
    case_id: UUID,
    page: int,
    no: Refused | None = None,
    opened: str = "",
    typed: dict[str, str] | None = None,
) -> Response:
    found = await apis.get("cases", f"/cases/{case_id}/timeline", page=page, size=SIZE)
    files = await apis.get("cases", f"/cases/{case_id}/attachments", size=50)
    kinds = ("supervision",) if session.actor.role.value == "supervisor" else CHOICES["kind"]
    shown = {"choices": CHOICES | {"kind": kinds}, "files": files, "page": page, "size": SIZE, "opened": opened}
    return await case_page(request, session, apis, case_id, "notes.html", no, found=found, typed=typed or {}, **shown)


def _note(form: FormData, area: str) -> dict[str, Any]:
    body = _filled(form, "kind", "about", "text", "supersedes") | _at(form, area, "at")
    return body | {"confidential": form.get("confidential") == "yes"}


def _visit(form: FormData, area: str) -> dict[str, Any]:
    people = [
        {"relation": str(relation), "words": str(words).strip()}
        for relation, words in zip(form.getlist("relation"), form.getlist("words"), strict=False)
        if relation
    ]
    needs = [code.strip() for code in _text(form, "needs").split(",") if code.strip()]
    rest = {"people": people, "needs": needs, "client_present": form.get("client_present") == "yes"}
    return _tried(form, area) | rest


def _tried(form: FormData, area: str) -> dict[str, Any]:
    body = _filled(form, *_PLACE, "reason", "next_on", "visit_id") | _at(form, area, "started_at", "ended_at")
    return body | ({"expected_version": whole(form, "expected_version", 0)} if "visit_id" in body else {})


def _plan(form: FormData, area: str) -> dict[str, Any]:
    return _filled(form, "purpose", "on")


def _error(form: FormData, area: str) -> dict[str, Any]:
    return _filled(form, "error") | {"expected_version": whole(form, "expected_version", 0)}


_BODIES = {"note": _note, "visit": _visit, "missed": _tried, "plan": _plan, "error": _error}


def _at(form: FormData, area: str, *names: str) -> dict[str, str]:
    """Times as they were typed, in the zone of the case's area."""
    try:
        return {
            name: datetime.fromisoformat(_text(form, name)).replace(tzinfo=zone_of(area)).isoformat() for name in names
        }
    except ValueError as wrong:
        raise Refused("time-missing", "Give date and time.") from wrong


def _filled(form: FormData, *names: str) -> dict[str, Any]:
    """What was filled in."""
    return {name: value for name in names if (value := _text(form, name))}


def _typed(form: FormData) -> dict[str, str]:
    return {name: str(value) for name, value in form.items() if isinstance(value, str)}


def _text(form: FormData, name: str) -> str:
    return str(form.get(name) or "").strip()
