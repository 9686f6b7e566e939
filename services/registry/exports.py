"""The kecamatan's own list, for its Kepala Seksi (KSDSK): an encrypted workbook of an area's people, made by a worker.

Asking for one, its state, its file, and who was in it. The password is used once, to lock the content's key, and is
kept nowhere: whoever forgets it asks for a new export. Each export and each download stands in the audit, and
`export_pages` says for ever who was in it (UU 27/2022: a person may ask who got his data).
"""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID

from pydantic import Field, SecretStr
from sqlalchemy import func, select, text

from services.registry.areas import name_of
from services.registry.commands import Request
from services.registry.known_models import Export, ExportPart
from services.registry.office_crypto import new_lock
from services.registry.queries import Page, _in_area, _paged
from services.registry.seal import Seal
from sinergi.auth import Actor, permit
from sinergi.db import Database, Tx, new_id
from sinergi.problems import Refused

#: exports that one may have waiting at a time
WAITING_AT_MOST = 3
#: a wider area than a kecamatan is nobody's list: ask for its kecamatan one by one
LEAST_DOTS = 2

_IN_EXPORTS = text(
    """SELECT DISTINCT e.id, e.area, e.purpose, e.requested_by, e.agency, e.created_at, e.ready_at
       FROM export_pages g JOIN exports e ON e.id = g.export_id
       WHERE g.persons && ARRAY(SELECT id FROM persons WHERE id = :person OR survivor_id = :person) ORDER BY e.id"""
)


class AskedExport(Request):
    """Why the list is needed, and the password that shall lock it."""

    purpose: str = Field(min_length=3, max_length=200)
    password: SecretStr = Field(min_length=12, max_length=200)


class StartExport(AskedExport):
    """Make a list of the people of a kecamatan or kelurahan."""

    code: str = Field(pattern=r"^[0-9]{2}(\.[0-9]+){0,3}$")


@permit("export.start")
async def start_export(cmd: StartExport, actor: Actor, tx: Tx) -> dict[str, Any]:
    """Queue an export. Refused: `export-too-wide`, `exports-waiting`, `area-unknown`, outside the actor's area."""
    actor.within(area=cmd.code)
    name_of(cmd.code)
    if cmd.code.count(".") < LEAST_DOTS:
        raise Refused("export-too-wide", "An export covers a kecamatan at most: ask for them one by one.")
    await _refuse_many(actor, tx)
    lock, key = await asyncio.to_thread(new_lock, cmd.password.get_secret_value())
    export = Export(
        id=new_id(), area=cmd.code, purpose=cmd.purpose, requested_by=actor.id, role=actor.role.value,
        agency=actor.agency, lock=lock.as_dict(),
    )  # fmt: skip
    export.sealed_key = Seal.current().page(json.dumps(key.hex()), f"export:{export.id}")
    tx.add(export)
    await tx.audit("export.start", "export", [export.id], cmd.purpose)
    return {"id": str(export.id), "state": "queued"}


async def _refuse_many(actor: Actor, tx: Tx) -> None:
    mine = (Export.requested_by == actor.id, Export.state.in_(("queued", "running")))
    if (await tx.session.scalar(select(func.count()).select_from(Export).where(*mine)) or 0) >= WAITING_AT_MOST:
        raise Refused("exports-waiting", "Wait until your earlier exports are ready.", "too-many")


def key_of(export: Export) -> bytes:
    """The key of the export's content; only a worker needs it, and only until the file is written."""
    if export.sealed_key is None:
        raise LookupError("the key was forgotten when the file was written")
    return bytes.fromhex(json.loads(Seal.current().open_page(export.sealed_key, f"export:{export.id}")))


# --------------------------------------------------------------------- queries

_FIELDS = ("area", "purpose", "requested_by", "agency", "state", "people", "bytes", "created_at", "ready_at")


def _shown(export: Export) -> dict[str, Any]:
    return {"id": str(export.id)} | {name: getattr(export, name) for name in (*_FIELDS, "expires_at")}


@permit("export.read")
async def list_exports(what: Page, actor: Actor, tx: Tx) -> dict[str, Any]:
    """The exports of the actor's area, newest first."""
    rows = select(Export).where(_in_area(Export.area, actor.area)).order_by(Export.id.desc())
    return {"items": [_shown(row) for row in await tx.session.scalars(_paged(rows, what))]}


class OneExport(Request):
    """One export."""

    export_id: UUID


@permit("export.read")
async def read_export(what: OneExport, actor: Actor, tx: Tx) -> dict[str, Any]:
    """How far an export is: queued, running, ready, failed or expired."""
    export = await tx.get(Export, what.export_id)
    actor.within(area=export.area)
    return _shown(export)


@permit("export.download")
async def open_file(what: OneExport, actor: Actor, tx: Tx) -> dict[str, Any]:
    """Say that the file may be sent, and write the download down. Only who asked for it may have it.

    Refused: `not-your-export`, `export-not-ready` (with its state).
    """
    export = await tx.get(Export, what.export_id)
    actor.within(area=export.area)
    if export.requested_by != actor.id:
        raise Refused("not-your-export", "Somebody else asked for this export. Ask for one of your own.", "forbidden")
    if export.state != "ready":
        raise Refused("export-not-ready", "There is no file (yet, or any more).", "conflict", state=export.state)
    await tx.audit("export.download", "export", [export.id], export.purpose)
    return {"filename": f"sinergi-{export.area}-{export.created_at:%Y%m%d}.xlsx", "bytes": export.bytes}


async def content_of(export_id: UUID, db: Database) -> AsyncIterator[bytes]:
    """The file in pieces, after `open_file` allowed it; no transaction stays open while a slow client reads."""
    part = 0
    while True:
        async with db.begin() as tx:
            row = await tx.session.get(ExportPart, (export_id, part))
        if row is None:
            return
        yield row.content
        part += 1


class ExportsOf(Request):
    """The exports in which a person was."""

    person_id: UUID


@permit("export.trail")
async def exports_of(what: ExportsOf, actor: Actor, tx: Tx) -> dict[str, Any]:
    """In which exports a person (or whoever was merged into him or her) was, for whom and for what purpose."""
    rows = (await tx.session.execute(_IN_EXPORTS, {"person": what.person_id})).mappings()
    return {"items": [dict(row) | {"id": str(row["id"])} for row in rows]}
