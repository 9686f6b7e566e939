"""The job that reads lists, one at a time for each database: reading, matching, applying.

Reading and matching only write files into the import's work folder, each whole or not at all; applying puts batches
into the registry. The cursor is stored in the same transaction as a batch, and moves only from where this worker left
it: a worker that is killed loses nothing, and two that believe to be the one do nothing twice. An advisory lock, held
by a connection of its own, says who works; when that process dies, the next one stands ready.
"""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from contextlib import aclosing, asynccontextmanager
from pathlib import Path
from typing import Any
from uuid import UUID

import asyncpg
import structlog
from sqlalchemy import or_, select, text
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError

from services.registry import reading
from services.registry.applying import Applied, Batch, Preparer, open_decided, put_batch
from services.registry.desk import Progress, in_thread, open_desk
from services.registry.golden import connection_of
from services.registry.matching import match_list
from services.registry.models import Import
from services.registry.settings import RegistrySettings
from services.registry.settling import settle, tidy
from services.registry.workplace import found_files, path_of, remove, remove_leftovers, work_of
from sinergi.auth import service_actor
from sinergi.db import Database, Tx
from sinergi.events import ImportCompleted, ImportPersonsChanged
from sinergi.problems import Refused
from sinergi.tasks import beside, end

log = structlog.get_logger()

POLL_SECONDS = 0.25
WAITING = ("queued", "running")
#: tries of a list whose reading fails for a reason that may pass
TRIES = 3
#: persons that one fact names at most
PERSONS_IN_A_FACT = 1000

#: the database is away: no fault of the list
AWAY = (
    *(OperationalError, InterfaceError, asyncpg.PostgresConnectionError, asyncpg.InterfaceError),
    *(asyncpg.OperatorInterventionError, ConnectionError, TimeoutError),
)

_TOLD = text("UPDATE imports SET stage = :stage, share = :share WHERE id = :id AND state IN ('queued', 'running')")
_OPENED = text("UPDATE imports SET state = 'running', encoding = :encoding, rows_total = :total WHERE id = :id")
#: the rows of a list that no correction has made good
_STILL_BAD = text(
    """SELECT b.row FROM import_bad_rows b WHERE b.import_id = :id AND b.row > 0 AND NOT EXISTS (
         SELECT FROM records r JOIN imports i ON i.id = r.import_id WHERE i.corrects = :id AND r.row = b.row)"""
)


class Overtaken(Exception):
    """Another worker has moved the cursor."""


class Worker:
    """Reads lists that wait. `run` ends when it is cancelled, and can be cancelled anywhere."""

    def __init__(self, db: Database, settings: RegistrySettings) -> None:
        self._db, self._settings = db, settings
        self._folder = settings.files_folder
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
                if not await self.work_on_next():
                    await asyncio.sleep(POLL_SECONDS)
        finally:
            connection.terminate()

    async def _sweep(self) -> None:
        """Remove files that a killed process left behind: they hold people's data."""
        files = await in_thread(found_files, self._folder)
        known = select(Import.id, Import.state).where(or_(Import.state.in_(WAITING), Import.id.in_(files)))
        async with self._db.begin() as tx:
            states = {str(one): state for one, state in await tx.session.execute(known)}
        kept = {one for one, state in states.items() if state in WAITING}
        await in_thread(remove_leftovers, self._folder, kept, states.keys() - kept)

    async def work_on_next(self) -> bool:
        """Take the list that waits longest through all stages; False when none waits."""
        waiting = select(Import).where(Import.state.in_(WAITING)).order_by(Import.id).limit(1)
        async with self._db.begin() as tx:
            job = (await tx.session.execute(waiting)).scalar_one_or_none()
        if job is None:
            return False
        try:
            await self._work_on(job)
        except AWAY:
            raise
        except Overtaken:
            log.info("import.overtaken", import_id=str(job.id))
        except Exception as wrong:
            await self._failed(job.id, wrong)
        return True

    async def _work_on(self, job: Import) -> None:
        work = work_of(self._folder, job.id)
        try:
            staged = await self._read(job, work)
            await self._match(job, work)
            await self._apply(job, staged)
        except Refused as no:
            await self._refuse(job.id, no)
        else:
            await self._complete(job.id)
        await in_thread(remove, self._folder, job.id)

    # ------------------------------------------------------------------ stages

    async def _read(self, job: Import, work: Path) -> reading.Staged:
        rows = await self._rows_to_correct(job)
        async with self._telling(job.id, "reading") as progress:
            path, limits = path_of(self._folder, job.id), self._settings.limits()
            list_ = path, job.filename, job.mapping, job.area, limits, work, progress
            staged = await in_thread(reading.read_list, *list_, rows=rows)
        async with self._db.begin() as tx:
            values = {"id": job.id, "encoding": staged.encoding, "total": staged.rows_read}
            await tx.session.execute(_OPENED, values)
        return staged

    async def _rows_to_correct(self, job: Import) -> list[int] | None:
        """For a correction, the rows of the corrected list that are still bad."""
        if job.corrects is None:
            return None
        async with self._db.begin() as tx:
            return list(await tx.session.scalars(_STILL_BAD, {"id": job.corrects}))

    async def _match(self, job: Import, work: Path) -> None:
        async with self._connected() as connection, self._telling(job.id, "matching") as progress:
            await match_list(connection, job.id, work, progress)

    async def _apply(self, job: Import, staged: reading.Staged) -> None:
        desk = await in_thread(open_desk, staged.work)
        try:
            await in_thread(open_decided, desk, staged.work)
            async with self._connected() as connection:
                await settle(connection, desk, job.id, job.cursor_row, staged.work)
            async with aclosing(_ahead(Preparer(desk, job, staged, job.cursor_row))) as batches:
                async for batch in batches:
                    await self._put(job, batch)
            async with self._connected() as connection:
                await tidy(connection, job.persons_new)
        finally:
            desk.close()

    async def _put(self, job: Import, batch: Batch) -> None:
        async with self._db.begin(service_actor("registry")) as tx:
            held = await _hold(tx, job)
            applied = await put_batch(await connection_of(tx), job.id, batch)
            _count(held, batch, applied)
            for fact in _facts(job.id, applied):
                tx.emit(fact, of=held)
        job.cursor_row, job.persons_new = batch.last, held.persons_new
        self._failures.pop(job.id, None)

    @asynccontextmanager
    async def _connected(self) -> AsyncIterator["asyncpg.Connection[Any]"]:
        """A connection of its own, for statements that take long."""
        connection = await asyncpg.connect(self._settings.asyncpg_dsn(), timeout=5)
        try:
            yield connection
        finally:
            connection.terminate()

    @asynccontextmanager
    async def _telling(self, import_id: UUID, stage: str) -> AsyncIterator[Progress]:
        """A callback for the share that is done, which threads may call; the import's row follows it."""
        latest = [0.0]

        async def tell() -> None:
            told = None
            while True:
                if latest[0] != told:
                    told = latest[0]
                    async with self._db.begin() as tx:
                        await tx.session.execute(_TOLD, {"id": import_id, "stage": stage, "share": told})
                await asyncio.sleep(POLL_SECONDS)

        async with beside(tell()):
            yield lambda share: latest.__setitem__(0, share)

    # -------------------------------------------------------------------- ends

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
            if job.state not in WAITING:
                return
            await _finish(tx, job, "failed")
            job.problem = no.problem()
        log.info("import.refused", import_id=str(import_id), problem=no.slug)

    async def _failed(self, import_id: UUID, wrong: Exception) -> None:
        """Try again a few times, then give the list up: one list must not keep the others waiting for ever."""
        tries = self._failures[import_id] = self._failures.get(import_id, 0) + 1
        log.error("import.failed", import_id=str(import_id), tries=tries, error=_kind(wrong), exc_info=wrong)
        if tries >= TRIES:
            sentence = "Reading failed on our side. Tell the operator this import's id."
            await self._refuse(import_id, Refused("import-failed", sentence, "unavailable"))
            await in_thread(remove, self._folder, import_id)
        else:
            await asyncio.sleep(1)


async def _ahead(preparer: Preparer) -> AsyncGenerator[Batch]:
    """The batches; while the database takes one, the next is prepared in a thread."""
    preparing = asyncio.create_task(in_thread(preparer.next))
    try:
        while (batch := await preparing) is not None:
            preparing = asyncio.create_task(in_thread(preparer.next))
            yield batch
    finally:
        await end(preparing)


async def _hold(tx: Tx, job: Import) -> Import:
    """The import's row, locked, when its cursor stands where this worker left it."""
    held = await tx.lock(Import, job.id)
    if held.cursor_row != job.cursor_row or held.state not in WAITING:
        raise Overtaken
    return held


def _count(job: Import, batch: Batch, applied: Applied) -> None:
    job.cursor_row, job.state, job.stage = batch.last, "running", "applying"
    job.rows_read += batch.good + batch.bad
    job.rows_good += batch.good
    job.rows_bad += batch.bad
    job.persons_new += batch.new
    job.persons_matched += batch.good - batch.new
    job.persons_changed += len(applied.changed)
    job.pairs_for_review += applied.pairs
    job.share = job.rows_read / job.rows_total if job.rows_total else 1.0


def _facts(import_id: UUID, applied: Applied) -> Iterator[ImportPersonsChanged]:
    """Which golden records a batch changed, a thousand in a fact."""
    persons = list(applied.changed)
    for start in range(0, len(persons), PERSONS_IN_A_FACT):
        some = persons[start : start + PERSONS_IN_A_FACT]
        fields = sorted({field for person in some for field in applied.changed[person]})
        yield ImportPersonsChanged(import_id=str(import_id), persons=[str(one) for one in some], fields=fields)


async def _finish(tx: Tx, job: Import, state: str) -> None:
    job.state, job.stage, job.share = state, None, None
    job.finished_at = (await tx.session.execute(text("SELECT now()"))).scalar_one()


def _completed(job: Import) -> ImportCompleted:
    return ImportCompleted(
        import_id=str(job.id),
        source=job.source,
        rows_good=job.rows_good,
        rows_bad=job.rows_bad,
        persons_new=job.persons_new,
        persons_matched=job.persons_matched,
        persons_changed=job.persons_changed,
        pairs_for_review=job.pairs_for_review,
    )


def _kind(wrong: Exception) -> str:
    """The error's class; its text may quote a row."""
    return type(wrong.orig).__name__ if isinstance(wrong, DBAPIError) else type(wrong).__name__
