"""Lists and their sources over HTTP. No logic: each route calls a command or a query."""

import asyncio
from collections.abc import AsyncIterator
from datetime import date
from pathlib import Path as File
from pathlib import PurePath
from typing import Annotated, Any, cast
from uuid import UUID

from fastapi import APIRouter, Depends, Path, Query, Request, Response
from fastapi.responses import FileResponse
from fastapi.sse import EventSourceResponse, ServerSentEvent
from pydantic import TypeAdapter, ValidationError
from starlette.background import BackgroundTask
from starlette.datastructures import FormData, UploadFile
from xlsxwriter import Workbook

from services.registry import lists, sources
from services.registry.corrections import write_header, write_rows
from services.registry.queries import Page
from services.registry.settings import RegistrySettings
from services.registry.uploads import keep
from services.registry.workplace import path_of
from sinergi.app import Context, Ctx, Key, Who, obey
from sinergi.auth import Actor
from sinergi.db import new_id
from sinergi.problems import Refused

router = APIRouter()

#: boundaries and the fields beside the file
FORM_BYTES = 32 * 1024
#: an import's progress is looked at so often
LOOK_SECONDS = 0.5
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"

_FILE = {"file": {"type": "string", "format": "binary"}}
_LIST = {
    **_FILE,
    "source": {"type": "string", "description": "code of the source: ministry, city, or one that was added"},
    "list_date": {"type": "string", "format": "date", "description": "when the list was drawn; today if not given"},
    "mapping": {"type": "string", "description": "JSON {field: column}, when the header is not known"},
}
_MAPPING = TypeAdapter(dict[str, str])


def _form(properties: dict[str, Any], *required: str) -> dict[str, Any]:
    schema = {"type": "object", "required": ["file", *required], "properties": properties}
    return {"requestBody": {"required": True, "content": {"multipart/form-data": {"schema": schema}}}}


# --------------------------------------------------------------------- imports


@router.post("/imports", status_code=202, openapi_extra=_form(_LIST, "source"))
async def start_import(request: Request, response: Response, context: Ctx, who: Who, key: Key = None) -> dict[str, Any]:
    """Hand in a list; 200 and the earlier import when this file was handed in before."""
    who.must("import.start")
    _refuse_too_large(request, context)
    async with request.form(max_files=1, max_fields=3) as form:
        file, source = _file(form), form.get("source")
        if not isinstance(source, str) or not source:
            raise Refused("request-not-valid", "The field `source` names where the list comes from.")
        about = {"source": source, "list_date": _date(form), "mapping": _mapping(form)}
        kept = await _keep(file, context)
    return await _start(lists.start_import, lists.StartImport(**kept, **about), response, context, who, key)


@router.post("/imports/{import_id}/corrections", status_code=202, openapi_extra=_form(_FILE))
async def start_correction(
    import_id: UUID, request: Request, response: Response, context: Ctx, who: Who, key: Key = None
) -> dict[str, Any]:
    """Hand in the corrected rows of an import, in the workbook that `errors.xlsx` gave or as CSV."""
    who.must("import.correct")
    _refuse_too_large(request, context)
    async with request.form(max_files=1, max_fields=0) as form:
        kept = await _keep(_file(form), context)
    cmd = lists.StartCorrection(**kept, import_id=import_id)
    return await _start(lists.start_correction, cmd, response, context, who, key)


@router.get("/imports")
async def list_imports(what: Annotated[Page, Query()], context: Ctx, who: Who) -> dict[str, Any]:
    """The imports of your area, newest first."""
    async with context.db.begin(who) as tx:
        return await lists.list_imports(what, who, tx)


@router.get("/imports/{import_id}")
async def read_import(import_id: UUID, context: Ctx, who: Who) -> dict[str, Any]:
    """How far an import is."""
    async with context.db.begin(who) as tx:
        return await lists.read_import(import_id, who, tx)


Now = Annotated[dict[str, Any], Depends(read_import)]


@router.get("/imports/{import_id}/progress", response_class=EventSourceResponse)
async def follow_import(import_id: UUID, now: Now, context: Ctx, who: Who) -> AsyncIterator[ServerSentEvent]:
    """How far an import is, each time that it has moved, until it has ended (server-sent events)."""
    yield ServerSentEvent(event="progress", data=now)
    while now["state"] in ("queued", "running"):
        await asyncio.sleep(LOOK_SECONDS)
        before, now = now, await read_import(import_id, context, who)
        if now != before:
            yield ServerSentEvent(event="progress", data=now)


@router.get("/imports/{import_id}/errors")
async def read_import_errors(import_id: UUID, page: Annotated[Page, Query()], context: Ctx, who: Who) -> dict[str, Any]:
    """The rows that were not good, and why."""
    what = lists.ErrorsOf(import_id=import_id, **page.model_dump())
    async with context.db.begin(who) as tx:
        return await lists.read_import_errors(what, who, tx)


@router.get("/imports/{import_id}/errors.xlsx", response_class=FileResponse)
async def download_bad_rows(import_id: UUID, context: Ctx, who: Who) -> FileResponse:
    """The bad rows as they came, to be corrected and handed in again; formulas are put behind a `'`."""
    path = path_of(_settings(context).files_folder, new_id())
    try:
        await _write_bad_rows(path, import_id, context, who)
    except BaseException:
        path.unlink(missing_ok=True)
        raise
    name = f"perbaikan-{import_id}.xlsx"
    return FileResponse(path, media_type=XLSX, filename=name, background=BackgroundTask(path.unlink))


# --------------------------------------------------------------------- sources


@router.get("/sources")
async def list_sources(context: Ctx, who: Who) -> dict[str, Any]:
    """Where records come from, the most trusted first."""
    async with context.db.begin(who) as tx:
        return await sources.list_sources(sources.AllSources(), who, tx)


Code = Annotated[str, Path(pattern=sources.CODE)]


@router.put("/sources/{source}")
async def put_source(source: Code, about: sources.AboutSource, context: Ctx, who: Who, key: Key = None) -> Any:
    """Add or change a source of lists."""
    cmd = sources.PutSource(code=source, **about.model_dump())
    return await obey(context, sources.put_source, cmd, who, key)


@router.get("/sources/{source}/mapping")
async def read_mapping(source: Code, context: Ctx, who: Who) -> dict[str, Any]:
    """How lists of this source with an unknown header are read."""
    async with context.db.begin(who) as tx:
        return await sources.read_mapping(sources.ReadMapping(source=source), who, tx)


@router.put("/sources/{source}/mapping")
async def put_mapping(source: Code, mapping: dict[str, str], context: Ctx, who: Who, key: Key = None) -> Any:
    """Say which column of this source's lists holds which field."""
    return await obey(context, sources.put_mapping, sources.PutMapping(source=source, mapping=mapping), who, key)


# ----------------------------------------------------------------------- forms


def _settings(context: Context) -> RegistrySettings:
    return cast(RegistrySettings, context.settings)


def _refuse_too_large(request: Request, context: Context) -> None:
    """Before the body is read: its length is told in advance, and the server holds the client to it."""
    length, most = request.headers.get("content-length", ""), _settings(context).upload_max_bytes
    if not length.isdigit():
        raise Refused("length-unknown", "Send the file's length (Content-Length).")
    if int(length) > most + FORM_BYTES:
        raise Refused("file-too-large", f"The file is larger than {most:,} bytes.")


def _file(form: FormData) -> UploadFile:
    file = form.get("file")
    if not isinstance(file, UploadFile):
        raise Refused("request-not-valid", "The form needs a file in the field `file`.")
    return file


def _date(form: FormData) -> date | None:
    try:
        return date.fromisoformat(str(form["list_date"])) if form.get("list_date") else None
    except ValueError as wrong:
        raise Refused("request-not-valid", "The field `list_date` is a date, YYYY-MM-DD.") from wrong


def _mapping(form: FormData) -> dict[str, str] | None:
    try:
        return _MAPPING.validate_json(str(form["mapping"])) if form.get("mapping") else None
    except ValidationError as wrong:
        raise Refused("request-not-valid", "The field `mapping` is a JSON object {field: column}.") from wrong


async def _keep(file: UploadFile, context: Context) -> dict[str, Any]:
    """Take the file to the files folder: what a command says about it."""
    import_id = new_id()
    digest = await asyncio.to_thread(keep, file.file, _settings(context).files_folder, import_id)
    name = PurePath((file.filename or "").replace("\\", "/")).name[-200:]
    return {"id": import_id, "filename": name, "sha256": digest}


async def _start(
    command: Any, cmd: Any, response: Response, context: Context, who: Actor, key: str | None
) -> dict[str, Any]:
    answer: dict[str, Any] = {}
    try:
        answer = await obey(context, command, cmd, who, key)
    finally:
        if answer.get("id") != str(cmd.id):  # refused, or handed in before
            path_of(_settings(context).files_folder, cmd.id).unlink(missing_ok=True)
    response.status_code = 202 if answer["id"] == str(cmd.id) else 200
    return answer


async def _write_bad_rows(path: File, import_id: UUID, context: Context, who: Actor) -> None:
    """A workbook in the files folder, some rows at a time; the folder is swept if the process dies."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    async with context.db.begin(who) as tx:
        header, some_rows = await lists.open_bad_rows(lists.BadRowsOf(import_id=import_id), who, tx)
        with Workbook(str(path), {"constant_memory": True, "tmpdir": str(path.parent)}) as book:
            sheet, at = book.add_worksheet("Perbaikan"), 1
            write_header(sheet, header)
            async for rows in some_rows:
                await asyncio.to_thread(write_rows, sheet, at, len(header), rows)
                at += len(rows)
