"""The job that reads lists: one at a time for each database, in batches, each batch one transaction.

The cursor is stored in the same transaction as the batch's rows, and moves only from where this worker left it: a
worker that is killed loses nothing, and two that believe to be the one do nothing twice. An advisory lock, held by a
connection of its own, says who works; when that process dies, the next one stands ready.
"""

import asyncio
import json
import time
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, cast
from uuid import UUID

import asyncpg
import structlog
from sqlalchemy import select, text
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError

from services.registry.files import OpenList, open_list
from services.registry.matching import put_batch, put_faults
from services.registry.models import Import
from services.registry.rules import Checked, check
from services.registry.settings import RegistrySettings
from sinergi.app import Context
from sinergi.auth import service_actor
from sinergi.db import Database, Tx
from sinergi.events import ImportCompleted
from sinergi.problems import Refused
from sinergi.tasks import beside

log = structlog.get_logger()

BATCH_ROWS = 1000
POLL_SECONDS = 0.25
WAITING = ("queued", "running")
#: a file without an import is left alone for so long: its upload may be under way
LEFTOVER_SECONDS = 3600
#: tries of a list whose reading fails for a reason that may pass
TRIES = 3

#: the database is away: no fault of the list
AWAY = (
    *(OperationalError, InterfaceError, asyncpg.PostgresConnectionError, asyncpg.InterfaceError),
    *(asyncpg.OperatorInterventionError, ConnectionError, TimeoutError),
)

_JSON = json.JSONEncoder(ensure_ascii=False)

_ADVANCE = text(
    """UPDATE imports SET cursor_row = :row, rows_read = rows_read + :rows, rows_good = rows_good + :good,
         rows_bad = rows_bad + :bad, state = 'running'
       WHERE id = :id AND cursor_row = :before AND state IN ('queued', 'running')"""
)
_OPENED = text("UPDATE imports SET state = 'running', encoding = :encoding, rows_total = :total WHERE id = :id")
_COUNTED = text(
    """UPDATE imports SET persons_new = persons_new + :new, persons_matched = persons_matched + :matched
       WHERE id = :id"""
)


class Overtaken(Exception):
    """Another worker has moved the cursor."""


@dataclass(frozen=True, slots=True)
class Batch:
    """Some rows, checked; `raw` is the JSON of the good ones as they came."""

    good: list[Checked]
    raw: list[str]
    bad: list[Checked]
    last_row: int


@asynccontextmanager
async def import_worker(context: Context) -> AsyncIterator[None]:
    """The service's extra: reads lists while the service runs."""
    worker = Worker(context.db, cast(RegistrySettings, context.settings))
    async with beside(worker.run()):
        yield


class Worker:
    """Reads lists that wait. `run` ends when it is cancelled, and can be cancelled anywhere."""

    def __init__(self, db: Database, settings: RegistrySettings) -> None:
        self._db, self._settings = db, settings
        self._failures: dict[UUID, int] = {}

    async def run(self) -> None:
        """Stand by for the lock, then work; after any failure begin again."""
        while True:
            try:
                await self._serve()
            except AWAY as wrong:
                log.warning("imports.interrupted", error=type(wrong).__name__)
            await asyncio.sleep(1)

    async def _serve(self) -> None:
        connection = await asyncpg.connect(self._settings.asyncpg_dsn(), timeout=5, command_timeout=30)
        try:
            while not await connection.fetchval("SELECT pg_try_advisory_lock(hashtext('registry-imports'))"):
                await asyncio.sleep(POLL_SECONDS)
            await self._sweep()
            while await connection.fetchval("SELECT true"):  # raises when the lock is lost with the connection
                if not await self._read_next():
                    await asyncio.sleep(POLL_SECONDS)
        finally:
            connection.terminate()

    async def _sweep(self) -> None:
        """Remove files that a killed process left behind: they hold people's data."""
        async with self._db.begin() as tx:
            waiting = await tx.session.scalars(select(Import.id).where(Import.state.in_(WAITING)))
            kept = {str(one) for one in waiting}
        await asyncio.to_thread(remove_leftovers, self._settings.files_folder, kept)

    async def _read_next(self) -> bool:
        waiting = select(Import).where(Import.state.in_(WAITING)).order_by(Import.id).limit(1)
        async with self._db.begin() as tx:
            job = (await tx.session.execute(waiting)).scalar_one_or_none()
        if job is None:
            return False
        try:
            await self._read(job)
        except AWAY:
            raise
        except Exception as wrong:
            await self._failed(job.id, wrong)
        return True

    async def _read(self, job: Import) -> None:
        """Read a list from its cursor to its end."""
        path = path_of(self._settings.files_folder, job.id)
        try:
            opened = await asyncio.to_thread(open_list, path, job.filename, self._settings.limits())
            await self._opened(job, opened)
            async with aclosing(_batches(opened, job.cursor_row, job.area)) as batches:
                async for batch in batches:
                    await self._put(job, batch)
        except Overtaken:
            log.info("import.overtaken", import_id=str(job.id))
            return
        except Refused as no:
            await self._refuse(job.id, no)
        else:
            await self._complete(job.id)
        path.unlink(missing_ok=True)

    async def _opened(self, job: Import, opened: OpenList) -> None:
        async with self._db.begin() as tx:
            values = {"id": job.id, "encoding": opened.encoding, "total": opened.rows_total}
            await tx.session.execute(_OPENED, values)

    async def _put(self, job: Import, batch: Batch) -> None:
        async with self._db.begin() as tx:
            await self._advance(tx, job, batch)
            if batch.bad:
                await put_faults(tx, job.id, batch.bad)
            if batch.good:
                span = batch.good[0].number, batch.good[-1].number
                new, matched = await put_batch(tx, job, batch.good, batch.raw, span)
                await tx.session.execute(_COUNTED, {"id": job.id, "new": new, "matched": matched})
        job.cursor_row = batch.last_row

    async def _advance(self, tx: Tx, job: Import, batch: Batch) -> None:
        good, bad = len(batch.good), len(batch.bad)
        moved: Any = await tx.session.execute(
            _ADVANCE,
            {
                "id": job.id,
                "before": job.cursor_row,
                "row": batch.last_row,
                "rows": good + bad,
                "good": good,
                "bad": bad,
            },
        )
        if moved.rowcount != 1:
            raise Overtaken

    async def _complete(self, import_id: UUID) -> None:
        async with self._db.begin(service_actor("registry")) as tx:
            job = await tx.lock(Import, import_id)
            if job.state == "running":
                await _finish(tx, job, "completed")
                job.rows_total = job.rows_read
                tx.emit(_completed(job), of=job)
        log.info("import.completed", import_id=str(import_id))

    async def _refuse(self, import_id: UUID, no: Refused) -> None:
        async with self._db.begin(service_actor("registry")) as tx:
            job = await tx.lock(Import, import_id)
            await _finish(tx, job, "failed")
            job.problem = no.problem()
        log.info("import.refused", import_id=str(import_id), problem=no.slug)

    async def _failed(self, import_id: UUID, wrong: Exception) -> None:
        """Try again a few times, then give the list up: one list must not keep the others waiting for ever."""
        tries = self._failures[import_id] = self._failures.get(import_id, 0) + 1
        log.error("import.failed", import_id=str(import_id), tries=tries, error=_kind(wrong))
        if tries >= TRIES:
            sentence = "Reading failed on our side. Tell the operator this import's id."
            await self._refuse(import_id, Refused("import-failed", sentence, "unavailable"))
        else:
            await asyncio.sleep(1)


async def _finish(tx: Tx, job: Import, state: str) -> None:
    job.state = state
    job.finished_at = (await tx.session.execute(text("SELECT now()"))).scalar_one()


def _completed(job: Import) -> ImportCompleted:
    return ImportCompleted(
        import_id=str(job.id),
        source=job.source,
        rows_good=job.rows_good,
        rows_bad=job.rows_bad,
        persons_new=job.persons_new,
        persons_matched=job.persons_matched,
    )


def _kind(wrong: Exception) -> str:
    """The error's class; its text may quote a row."""
    return type(wrong.orig).__name__ if isinstance(wrong, DBAPIError) else type(wrong).__name__


async def _batches(opened: OpenList, after: int, scope: str) -> AsyncGenerator[Batch]:
    """The list in batches after row `after`; while the database takes one, the next is read in a thread."""
    reading = asyncio.create_task(asyncio.to_thread(next_batch, opened, after, scope))
    try:
        while (batch := await reading) is not None:
            reading = asyncio.create_task(asyncio.to_thread(next_batch, opened, after, scope))
            yield batch
    finally:
        reading.cancel()


def next_batch(opened: OpenList, after: int, scope: str) -> Batch | None:
    """Read and check the next rows after row `after`; None at the end. Runs in a thread: it is all CPU."""
    rows = (row for row in opened.rows if row.number > after)
    checked = [check(row, opened.columns, scope) for row in islice(rows, BATCH_ROWS)]
    if not checked:
        return None
    good = [one for one in checked if not one.faults]
    raw = [_JSON.encode([one.number, one.raw]) for one in good]
    return Batch(good, raw, [one for one in checked if one.faults], checked[-1].number)


def path_of(folder: Path, import_id: UUID) -> Path:
    """Where the file of an import lies until it was read."""
    return folder / str(import_id)


def remove_leftovers(folder: Path, kept: set[str]) -> None:
    """Remove the folder's old files except those named."""
    for path in folder.glob("*"):
        if path.name not in kept and time.time() - path.stat().st_mtime > LEFTOVER_SECONDS:
            path.unlink(missing_ok=True)
