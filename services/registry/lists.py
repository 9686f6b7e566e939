"""Lists that are handed in: how they start, how far they are, and what was not good in them."""

import json
from collections.abc import AsyncIterator
from datetime import date
from typing import Any
from uuid import UUID

from pydantic import Field
from sqlalchemy import ColumnElement, exists, func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import aliased

from services.registry.commands import Request
from services.registry.layouts import ROW_COLUMN, ROW_FIELD, match_header
from services.registry.lists_models import BadRow
from services.registry.models import Import, Record, RowError
from services.registry.queries import Page, _in_area, _paged
from services.registry.rules import RULES
from services.registry.seal import Seal
from services.registry.sources import list_source, save_mapping
from sinergi.auth import Actor, permit
from sinergi.db import Tx
from sinergi.problems import Refused

#: more bad rows than this are not corrected one by one
ROWS_TO_CORRECT = 100_000
#: rows that are opened at a time for the workbook
SOME = 1000

_DIGEST = "^[0-9a-f]{64}$"
_FIELDS = (
    *("source", "filename", "area", "kind", "list_date", "state", "stage", "share", "version", "encoding"),
    *("rows_total", "rows_read", "rows_good", "rows_bad", "persons_new", "persons_matched", "persons_changed"),
    *("pairs_for_review", "mapping", "problem", "created_at", "finished_at"),
)


class StartImport(Request):
    """Read the list that lies in the files folder under this id. `sha256` is the file's, in hex.

    `list_date`: when the list was drawn, else the source's, else today. `mapping` ({field: column}) is for a header
    that is not known, and is saved for the source's next list.
    """

    id: UUID = Field(exclude=True)
    source: str
    filename: str = Field(max_length=200)
    sha256: str = Field(pattern=_DIGEST)
    list_date: date | None = None
    mapping: dict[str, str] | None = None


@permit("import.start")
async def start_import(cmd: StartImport, actor: Actor, tx: Tx) -> dict[str, Any]:
    """Queue a list; the same file from the same source, for the same area, is the earlier import unless it failed."""
    source = await list_source(cmd.source, tx)
    if cmd.mapping:
        save_mapping(source, cmd.mapping, actor)
    today = (await tx.session.execute(select(func.current_date()))).scalar_one()
    drawn = cmd.list_date or source.list_date or today
    if drawn > today:
        raise Refused("list-date-in-future", "A list cannot have been drawn after today.")
    job = {"source": cmd.source, "area": actor.area, "list_date": drawn, "mapping": cmd.mapping or source.mapping}
    return await _queue(cmd, job, actor, tx)


class StartCorrection(Request):
    """Read the corrected rows of an import; the file lies in the files folder under this id."""

    id: UUID = Field(exclude=True)
    import_id: UUID
    filename: str = Field(max_length=200)
    sha256: str = Field(pattern=_DIGEST)


@permit("import.correct")
async def start_correction(cmd: StartCorrection, actor: Actor, tx: Tx) -> dict[str, Any]:
    """Queue corrected rows as an import of their own, under the numbers that they have in the list they correct."""
    first = await tx.lock(Import, cmd.import_id)
    actor.within(area=first.area)
    await _refuse_uncorrectable(first, tx)
    columns = match_header(await _header(first.id, tx), first.mapping)
    mapping = {field: columns.header[place] for field, place in columns.places.items()} | {ROW_FIELD: ROW_COLUMN}
    job = {"source": first.source, "area": first.area, "list_date": first.list_date, "mapping": mapping}
    return await _queue(cmd, job | {"kind": "correction", "corrects": first.id}, actor, tx)


async def _queue(cmd: StartImport | StartCorrection, job: dict[str, Any], actor: Actor, tx: Tx) -> dict[str, Any]:
    row = {"id": cmd.id, "filename": cmd.filename, "sha256": cmd.sha256, "uploaded_by": actor.id, "version": 0} | job
    await tx.session.flush()
    await tx.session.execute(insert(Import).values(row).on_conflict_do_nothing())
    same = (
        Import.source == job["source"],
        Import.sha256 == cmd.sha256,
        Import.area == job["area"],
        Import.state != "failed",
    )
    found = (await tx.session.execute(select(Import).where(*same))).scalar_one()
    return {"id": str(found.id), "version": found.version, "state": found.state}


async def _refuse_uncorrectable(first: Import, tx: Tx) -> None:
    if first.corrects:
        raise Refused("correction-of-correction", "Correct the rows of the list itself.", import_id=str(first.corrects))
    if first.state != "completed":
        raise Refused("import-not-finished", "Its rows can be corrected when the list is done.", "conflict")
    waiting = await tx.session.scalar(select(func.count()).select_from(BadRow).where(*_still_bad(BadRow, first.id)))
    if not waiting:
        raise Refused("nothing-to-correct", "No row of this list waits for a correction.", "conflict")
    if waiting > ROWS_TO_CORRECT:
        raise Refused("too-many-bad-rows", "So many rows are bad that the list itself must be corrected.", "conflict")


# ------------------------------------------------------------------- questions


@permit("import.read")
async def list_imports(what: Page, actor: Actor, tx: Tx) -> dict[str, Any]:
    """The imports of the actor's area, newest first."""
    rows = select(Import).where(_in_area(Import.area, actor.area)).order_by(Import.id.desc())
    return {"items": [_shown(row) for row in await tx.session.scalars(_paged(rows, what))]}


@permit("import.read")
async def read_import(import_id: UUID, actor: Actor, tx: Tx) -> dict[str, Any]:
    """How far an import is, and what became of it; `rows_corrected` of its bad rows are good by now."""
    row = await tx.get(Import, import_id)
    actor.within(area=row.area)
    corrections = select(Import.id).where(Import.corrects == import_id)
    corrected = select(func.count()).select_from(Record).where(Record.import_id.in_(corrections))
    return _shown(row) | {"rows_corrected": await tx.session.scalar(corrected)}


class ErrorsOf(Page):
    """The errors of one import."""

    import_id: UUID


@permit("import.read")
async def read_import_errors(what: ErrorsOf, actor: Actor, tx: Tx) -> dict[str, Any]:
    """The rules that rows broke, by row, unless a correction has made the row good; values are masked."""
    actor.within(area=(await tx.get(Import, what.import_id)).area)
    broken = _still_bad(RowError, what.import_id)
    rows = select(RowError).where(*broken).order_by(RowError.row, RowError.column_name, RowError.rule)
    items = [
        {
            "row": error.row,
            "column": error.column_name or None,
            "rule": error.rule,
            "message": RULES[error.rule],
            "value_masked": error.value_masked,
        }
        for error in await tx.session.scalars(_paged(rows, what))
    ]
    total = await tx.session.scalar(select(func.count()).select_from(RowError).where(*broken))
    return {"items": items, "total": total}


class BadRowsOf(Request):
    """The bad rows of one import, as they came."""

    import_id: UUID


@permit("import.correct")
async def open_bad_rows(
    what: BadRowsOf, actor: Actor, tx: Tx
) -> tuple[list[str], AsyncIterator[list[tuple[int, list[str], list[str]]]]]:
    """The header, and some rows at a time while the transaction lasts: (row, cells, {rules broken}). Audited."""
    first = await tx.get(Import, what.import_id)
    actor.within(area=first.area)
    await _refuse_uncorrectable(first, tx)
    await tx.audit("import.bad_rows", "import", [first.id], "to correct them")
    return await _header(first.id, tx), _some_rows(first.id, tx)


async def _some_rows(import_id: UUID, tx: Tx) -> AsyncIterator[list[tuple[int, list[str], list[str]]]]:
    broken = select(BadRow.row, BadRow.sealed, func.array_agg(RowError.rule.distinct()).label("rules"))
    broken = broken.join(RowError, (RowError.import_id == BadRow.import_id) & (RowError.row == BadRow.row))
    broken = broken.where(*_still_bad(BadRow, import_id)).group_by(BadRow.import_id, BadRow.row).order_by(BadRow.row)
    last = 0
    while rows := (await tx.session.execute(broken.where(BadRow.row > last).limit(SOME))).all():
        yield [(row, _cells(import_id, row, sealed), list(rules)) for row, sealed, rules in rows]
        last = rows[-1].row


async def _header(import_id: UUID, tx: Tx) -> list[str]:
    """The header of the list, which is kept beside its bad rows as row 0."""
    return _cells(import_id, 0, (await tx.get(BadRow, (import_id, 0))).sealed)


def _cells(import_id: UUID, row: int, sealed: bytes) -> list[str]:
    cells: list[str] = json.loads(Seal.current().open_page(sealed, f"{import_id}:{row}"))
    return cells


def _still_bad(rows: type[BadRow] | type[RowError], import_id: UUID) -> tuple[ColumnElement[bool], ...]:
    """Of this import, and not made good by a correction; row 0 is the header."""
    correction, good = aliased(Import), aliased(Record)
    corrected = exists().where(correction.corrects == import_id, good.import_id == correction.id, good.row == rows.row)
    return rows.import_id == import_id, rows.row > 0, ~corrected


def _shown(row: Import) -> dict[str, Any]:
    corrects = str(row.corrects) if row.corrects else None
    return {"id": str(row.id), "corrects": corrects} | {name: getattr(row, name) for name in _FIELDS}
