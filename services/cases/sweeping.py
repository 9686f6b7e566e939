"""Once a day storage and rows are compared: files that no row knows go, rows whose file is gone are reported."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import NamedTuple, cast

import structlog
from prometheus_client import Gauge
from sqlalchemy import select, text

from services.cases.notes_models import Attachment
from services.cases.settings import CasesSettings
from services.cases.storage import LEFTOVER, SHARDS, Storage, storage_at
from sinergi.app import Context
from sinergi.db import Database
from sinergi.tasks import beside

log = structlog.get_logger()

SWEEP_SECONDS = 24 * 3600
#: after a sweep that failed, or that another replica did
AGAIN_SECONDS = 3600
_ONE_SWEEPER = text("SELECT pg_try_advisory_xact_lock(hashtextextended('sinergi-cases-attachments', 0))")
MISSING = Gauge("sinergi_attachments_missing", "attachments whose file is gone, as of the last sweep")


class Swept(NamedTuple):
    """What a sweep found."""

    removed: int
    missing: int


async def sweep(db: Database, storage: Storage) -> Swept | None:
    """Compare every shard; None when another replica is at it."""
    async with db.begin() as tx:
        if not await tx.session.scalar(_ONE_SWEEPER):
            return None
        await asyncio.to_thread(storage.remove_old_drafts)
        done = [await sweep_shard(shard, db, storage) for shard in SHARDS]
    swept = Swept(sum(one.removed for one in done), sum(one.missing for one in done))
    MISSING.set(swept.missing)
    return swept


async def sweep_shard(shard: str, db: Database, storage: Storage) -> Swept:
    """Rows are read first: a file that is kept meanwhile is too young to go, a row that came meanwhile is not seen."""
    async with db.begin() as tx:
        of_shard = (Attachment.shard == shard, Attachment.removed_at.is_(None))
        rows = {
            file: one for file, one in await tx.session.execute(select(Attachment.file, Attachment.id).where(*of_shard))
        }
    files = await storage.shard(shard)
    old = [file for file, at in files.items() if file not in rows and at < datetime.now(UTC) - LEFTOVER]
    for file in old:
        await storage.remove(file)
    missing = [one for file, one in rows.items() if file not in files]
    for one in missing:
        log.error("attachment.file_missing", attachment=str(one))
    return Swept(len(old), len(missing))


@asynccontextmanager
async def attachment_sweeper(context: Context) -> AsyncIterator[None]:
    """Sweeps beside the service."""
    storage = storage_at(cast(CasesSettings, context.settings).storage_url())

    async def run() -> None:
        while True:
            try:
                swept = await sweep(context.db, storage)
                log.info(
                    "attachments.swept", removed=swept.removed if swept else 0, missing=swept.missing if swept else 0
                )
                pause = SWEEP_SECONDS if swept else AGAIN_SECONDS
            except Exception as wrong:  # whatever it was: the next sweep finds the same
                log.warning("attachments.sweep_failed", error=type(wrong).__name__)
                pause = AGAIN_SECONDS
            await asyncio.sleep(pause)

    async with beside(run()):
        yield
