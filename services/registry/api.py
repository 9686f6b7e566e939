"""The registry over HTTP. No logic: each route calls a command or a query."""

import asyncio
from pathlib import PurePath
from typing import Annotated, Any, cast, get_args
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response
from starlette.datastructures import FormData, UploadFile

from services.registry import commands, queries
from services.registry.imports import path_of
from services.registry.settings import RegistrySettings
from services.registry.uploads import keep
from sinergi.app import Ctx, Key, Who, obey
from sinergi.db import new_id
from sinergi.problems import Refused

router = APIRouter()

#: boundaries and the field `source` beside the file
FORM_BYTES = 16 * 1024
_FORM = {
    "type": "object",
    "required": ["file", "source"],
    "properties": {
        "file": {"type": "string", "format": "binary"},
        "source": {"type": "string", "enum": list(get_args(commands.Source))},
    },
}


# --------------------------------------------------------------------- imports


@router.post(
    "/imports",
    status_code=202,
    openapi_extra={"requestBody": {"required": True, "content": {"multipart/form-data": {"schema": _FORM}}}},
)
async def start_import(request: Request, response: Response, context: Ctx, who: Who, key: Key = None) -> dict[str, Any]:
    """Hand in a list; 200 and the earlier import when this file was handed in before."""
    who.must("import.start")
    settings = cast(RegistrySettings, context.settings)
    _refuse_too_large(request, settings)
    async with request.form(max_files=1, max_fields=1) as form:
        file, source = _parts(form)
        import_id, folder = new_id(), settings.files_folder
        digest = await asyncio.to_thread(keep, file.file, folder, import_id)
        name = PurePath((file.filename or "").replace("\\", "/")).name[-200:]
    cmd = commands.StartImport(id=import_id, source=source, filename=name, sha256=digest)
    answer: dict[str, Any] = {}
    try:
        answer = await obey(context, commands.start_import, cmd, who, key)
    finally:
        if answer.get("id") != str(import_id):  # refused, or handed in before
            path_of(folder, import_id).unlink(missing_ok=True)
    response.status_code = 202 if answer["id"] == str(import_id) else 200
    return answer


def _refuse_too_large(request: Request, settings: RegistrySettings) -> None:
    """Before the body is read: its length is told in advance, and the server holds the client to it."""
    length = request.headers.get("content-length", "")
    if not length.isdigit():
        raise Refused("length-unknown", "Send the file's length (Content-Length).")
    if int(length) > settings.upload_max_bytes + FORM_BYTES:
        raise Refused("file-too-large", f"The file is larger than {settings.upload_max_bytes:,} bytes.")


def _parts(form: FormData) -> tuple[UploadFile, commands.Source]:
    file, source = form.get("file"), form.get("source")
    if not isinstance(file, UploadFile):
        raise Refused("request-not-valid", "The form needs a file in the field `file`.")
    if source not in get_args(commands.Source):
        raise Refused("request-not-valid", "The field `source` is `ministry` or `city`.")
    return file, cast(commands.Source, source)


@router.get("/imports")
async def list_imports(what: Annotated[queries.Page, Query()], context: Ctx, who: Who) -> dict[str, Any]:
    """The imports of your area, newest first."""
    async with context.db.begin(who) as tx:
        return await queries.list_imports(what, who, tx)


@router.get("/imports/{import_id}")
async def read_import(import_id: UUID, context: Ctx, who: Who) -> dict[str, Any]:
    """How far an import is."""
    async with context.db.begin(who) as tx:
        return await queries.read_import(import_id, who, tx)


@router.get("/imports/{import_id}/errors")
async def read_import_errors(
    import_id: UUID, page: Annotated[queries.Page, Query()], context: Ctx, who: Who
) -> dict[str, Any]:
    """The rows that were not good, and why."""
    what = queries.ErrorsOf(import_id=import_id, **page.model_dump())
    async with context.db.begin(who) as tx:
        return await queries.read_import_errors(what, who, tx)


# --------------------------------------------------------------------- persons


@router.post("/persons/search")
async def search_persons(what: queries.SearchPersons, context: Ctx, who: Who) -> dict[str, Any]:
    """Find people; a POST, so that no name and no NIK stands in a URL."""
    async with context.db.begin(who) as tx:
        return await queries.search_persons(what, who, tx)


@router.get("/persons/{person_id}")
async def read_person(
    person_id: UUID, purpose: Annotated[str, Query(min_length=3, max_length=200)], context: Ctx, who: Who
) -> dict[str, Any]:
    """Open one person."""
    async with context.db.begin(who) as tx:
        return await queries.read_person(queries.ReadPerson(person_id=person_id, purpose=purpose), who, tx)


# ---------------------------------------------------------------------- groups


@router.post("/groups", status_code=201)
async def form_group(cmd: commands.FormGroup, context: Ctx, who: Who, key: Key = None) -> Any:
    """Form a KUBE."""
    return await obey(context, commands.form_group, cmd, who, key)


@router.get("/groups/{group_id}")
async def read_group(group_id: UUID, context: Ctx, who: Who) -> dict[str, Any]:
    """A group and its members."""
    async with context.db.begin(who) as tx:
        return await queries.read_group(queries.ReadGroup(group_id=group_id), who, tx)


# ----------------------------------------------------------------------- audit


@router.get("/audit")
async def read_audit(what: Annotated[queries.ReadAudit, Query()], context: Ctx, who: Who) -> dict[str, Any]:
    """Who read what, and why."""
    async with context.db.begin(who) as tx:
        return await queries.read_audit(what, who, tx)
