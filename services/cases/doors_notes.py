"""Notes, visits, attachments and competence over HTTP. No logic: each route calls a command or a query."""

import asyncio
from pathlib import PurePath
from typing import Annotated, Any, cast
from urllib.parse import quote
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import StreamingResponse
from starlette.datastructures import FormData, UploadFile

from services.cases import attachments, competence, notes, visits
from services.cases.settings import CasesSettings
from services.cases.storage import Storage, storage_at
from sinergi.app import Context, Ctx, Key, Who, obey
from sinergi.db import new_id
from sinergi.problems import Refused

router = APIRouter(tags=["notes"])

#: boundaries and the fields beside the file
FORM_BYTES = 32 * 1024
#: a download is data, never a page of ours: not even a browser that errs runs anything in it
SAFE = {
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "default-src 'none'; sandbox",
    "Cache-Control": "no-store",
}
_FILE = {"type": "string", "format": "binary"}
_FIELDS = {"kind": {"type": "string"}, "note_id": {"type": "string"}, "visit_id": {"type": "string"}}
_FORM = {"type": "object", "required": ["file", "kind"], "properties": {"file": _FILE, **_FIELDS}}
_BODY = {"requestBody": {"required": True, "content": {"multipart/form-data": {"schema": _FORM}}}}
Purpose = Annotated[str, Query(min_length=5, max_length=200, pattern=r"^[^\x00]*$")]

# ------------------------------------------------------------ notes and visits


@router.get("/cases/{case_id}/timeline")
async def read_timeline(case_id: UUID, what: Annotated[notes.ReadTimeline, Query()], who: Who, context: Ctx) -> Any:
    """The notes and visits of a case, the newest first."""
    async with context.db.begin(who) as tx:
        return await notes.read_timeline(notes.TimelineOf(case_id=case_id, **what.model_dump()), who, tx)


@router.post("/cases/{case_id}/notes", status_code=201)
async def write_note(case_id: UUID, body: notes.WriteNote, who: Who, context: Ctx, key: Key = None) -> Any:
    """Write a note."""
    return await obey(context, notes.write_note, body.model_copy(update={"case_id": case_id}), who, key)


@router.get("/cases/{case_id}/notes/{note_id}")
async def read_confidential(case_id: UUID, note_id: UUID, purpose: Purpose, who: Who, context: Ctx) -> Any:
    """A confidential note's text."""
    what = notes.ReadConfidential(case_id=case_id, note_id=note_id, purpose=purpose)
    async with context.db.begin(who) as tx:
        return await notes.read_confidential(what, who, tx)


@router.post("/cases/{case_id}/notes/{note_id}/error")
async def mark_note(case_id: UUID, note_id: UUID, body: notes.MarkNote, who: Who, context: Ctx, key: Key = None) -> Any:
    """Mark a note as entered in error."""
    named = body.model_copy(update={"case_id": case_id, "note_id": note_id})
    return await obey(context, notes.mark_note, named, who, key)


@router.post("/cases/{case_id}/visits/plan", status_code=201)
async def plan_visit(case_id: UUID, body: visits.PlanVisit, who: Who, context: Ctx, key: Key = None) -> Any:
    """Plan a visit."""
    return await obey(context, visits.plan_visit, body.model_copy(update={"case_id": case_id}), who, key)


@router.post("/cases/{case_id}/visits", status_code=201)
async def record_visit(case_id: UUID, body: visits.RecordVisit, who: Who, context: Ctx, key: Key = None) -> Any:
    """Write down a visit that was made."""
    return await obey(context, visits.record_visit, body.model_copy(update={"case_id": case_id}), who, key)


@router.post("/cases/{case_id}/visits/missed", status_code=201)
async def record_missed(case_id: UUID, body: visits.RecordMissed, who: Who, context: Ctx, key: Key = None) -> Any:
    """Write down that the client was not met."""
    return await obey(context, visits.record_missed, body.model_copy(update={"case_id": case_id}), who, key)


# ---------------------------------------------------------------- attachments


@router.post("/cases/{case_id}/attachments", status_code=201, openapi_extra=_BODY)
async def attach(
    case_id: UUID, request: Request, response: Response, who: Who, context: Ctx, key: Key = None
) -> dict[str, Any]:
    """Attach a file; 200 and the earlier attachment when this file is attached there already."""
    who.must("attachment.add")
    _refuse_too_large(request, context)
    async with request.form(max_files=1, max_fields=3) as form:
        target = _target(case_id, form)
        async with context.db.begin(who) as tx:
            await attachments.check_target(target, who, tx)
        storage = _storage(context)
        cmd = await _keep(_file(form), str(form.get("kind", "")), target, storage, context)
    answer: dict[str, Any] = {}
    try:
        answer = await obey(context, attachments.attach, cmd, who, key)
    finally:
        if answer.get("id") != str(cmd.file):  # refused, attached before, or the case holds these bytes already
            await storage.remove(cmd.file)
    response.status_code = 201 if answer["new"] else 200
    return answer


@router.get("/cases/{case_id}/attachments")
async def list_attachments(
    case_id: UUID, what: Annotated[attachments.ListAttachments, Query()], who: Who, context: Ctx
) -> Any:
    """The attachments of a case."""
    async with context.db.begin(who) as tx:
        return await attachments.list_attachments(what.model_copy(update={"case_id": case_id}), who, tx)


@router.get("/cases/{case_id}/attachments/{attachment_id}", response_class=StreamingResponse)
async def download(case_id: UUID, attachment_id: UUID, purpose: Purpose, who: Who, context: Ctx) -> StreamingResponse:
    """An attachment's bytes."""
    what = attachments.ReadAttachment(case_id=case_id, attachment_id=attachment_id, purpose=purpose)
    async with context.db.begin(who) as tx:
        row = await attachments.read_attachment(what, who, tx)
    content = attachments.bytes_of(row, _storage(context))
    first = await attachments.first_piece(content)
    named = {"Content-Disposition": f"attachment; filename*=UTF-8''{quote(row.name, safe='')}"}
    length = {"Content-Length": str(row.size)}
    return StreamingResponse(
        attachments.with_first(first, content), media_type=row.media_type, headers=SAFE | named | length
    )


@router.post("/cases/{case_id}/attachments/{attachment_id}/error")
async def remove_attachment(
    case_id: UUID, attachment_id: UUID, body: attachments.RemoveAttachment, who: Who, context: Ctx, key: Key = None
) -> Any:
    """Take an attachment away that was entered in error."""
    named = body.model_copy(update={"case_id": case_id, "attachment_id": attachment_id})
    answer = await obey(context, attachments.remove_attachment, named, who, key)
    if file := answer.pop("forget"):
        await _storage(context).remove(UUID(file))
    return answer


# ----------------------------------------------------------------- competence


@router.get("/competence")
async def list_competence(what: Annotated[competence.ListCompetence, Query()], who: Who, context: Ctx) -> Any:
    """Certificates and trainings of a worker, or what waits for confirmation."""
    async with context.db.begin(who) as tx:
        return await competence.list_competence(what, who, tx)


@router.post("/competence/certificates", status_code=201)
async def propose_certificate(body: competence.ProposeCertificate, who: Who, context: Ctx, key: Key = None) -> Any:
    """Write a certificate down."""
    return await obey(context, competence.propose_certificate, body, who, key)


@router.post("/competence/trainings", status_code=201)
async def propose_training(body: competence.ProposeTraining, who: Who, context: Ctx, key: Key = None) -> Any:
    """Write a training down."""
    return await obey(context, competence.propose_training, body, who, key)


@router.post("/competence/{record_id}/decide")
async def decide_competence(record_id: UUID, body: competence.Decide, who: Who, context: Ctx, key: Key = None) -> Any:
    """Confirm, reject or withdraw a record."""
    return await obey(context, competence.decide_competence, body.model_copy(update={"id": record_id}), who, key)


# --------------------------------------------------------------------- forms


def _settings(context: Context) -> CasesSettings:
    return cast(CasesSettings, context.settings)


def _storage(context: Context) -> Storage:
    return storage_at(_settings(context).storage_url())


def _refuse_too_large(request: Request, context: Context) -> None:
    """Before the body is read: its length is told in advance, and the server holds the client to it."""
    length, most = request.headers.get("content-length", ""), _settings(context).attachment_max_bytes
    if not length.isdigit():
        raise Refused("length-unknown", "Send the file's length (Content-Length).")
    if int(length) > most + FORM_BYTES:
        raise Refused("file-too-large", f"The file is larger than {most:,} bytes.")


def _file(form: FormData) -> UploadFile:
    file = form.get("file")
    if not isinstance(file, UploadFile) or not file.filename:
        raise Refused("file-missing", "Choose a file.")
    return file


def _target(case_id: UUID, form: FormData) -> attachments.Target:
    if form.get("kind") not in attachments.KINDS:
        raise Refused("request-not-valid", "The field `kind` says what the file is.")
    try:
        ids = {name: UUID(str(form[name])) for name in ("note_id", "visit_id") if form.get(name)}
    except ValueError as wrong:
        raise Refused("request-not-valid", "The fields `note_id` and `visit_id` are ids.") from wrong
    return attachments.Target(case_id=case_id, **ids)


async def _keep(
    upload: UploadFile, kind: str, target: attachments.Target, storage: Storage, context: Context
) -> attachments.Attach:
    """Take the file to the storage: what the command says about it."""
    name = PurePath((upload.filename or "").replace("\\", "/")).name[-200:]
    file, most = new_id(), _settings(context).attachment_max_bytes
    draft = storage.draft(file)
    about = (upload.file, name, upload.content_type or "", most, file, draft)
    try:
        kept = await asyncio.to_thread(attachments.write_draft, *about)
        await storage.keep(file, draft)
    finally:
        draft.unlink(missing_ok=True)
    named: dict[str, Any] = {"kind": kind, "file": file, "name": attachments.plain_name(name)}
    return attachments.Attach(**target.model_dump(), **named, **kept._asdict())
