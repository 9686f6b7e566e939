"""Counts people by area: one kelurahan at a time, in one transaction, where a mark says that something changed.

What ages by itself (ages, stale desil), and areas of writers that left no mark, are counted once a day.
"""

import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import cast

from sqlalchemy import text

from services.registry import area_sql, findings
from services.registry.marks import PEOPLED
from services.registry.programmes import Programmes
from services.registry.settings import RegistrySettings
from services.registry.single import alone
from sinergi.app import Context
from sinergi.db import Database, Tx
from sinergi.tasks import beside

POLL_SECONDS = 0.5
#: whether an area was not counted for a day is looked up so often: it walks through all areas
LOOK_SECONDS = 60.0
#: a kelurahan is counted when nothing changed there for QUIET seconds, at the latest PATIENCE after the first mark
QUIET_SECONDS, PATIENCE_SECONDS = 0.5, 120

_NEXT = text(
    f"""SELECT area FROM dirty_areas GROUP BY area
        HAVING max(marked_at) < clock_timestamp() - interval '{QUIET_SECONDS} s'
            OR min(marked_at) < clock_timestamp() - interval '{PATIENCE_SECONDS} s'
        ORDER BY min(seq) LIMIT 1"""
)
_TAKE = text("DELETE FROM dirty_areas WHERE area = :area")
_FORGET = text("DELETE FROM area_counts WHERE area = :area")
_COUNT = text(
    f"""INSERT INTO area_counts (area, dimension, key, people) {area_sql.KELURAHAN}
        SELECT CAST(:area AS text), counted.* FROM ({area_sql.COUNTS} {findings.COUNTS})
          AS counted(dimension, key, people) WHERE people > 0"""
)
_COUNTED = text(
    """INSERT INTO areas_counted (area, counted_at) VALUES (:area, now())
       ON CONFLICT (area) DO UPDATE SET counted_at = now()"""
)
_OLD = text(
    f"""{PEOPLED} INSERT INTO dirty_areas (area) SELECT k.area FROM known k
        LEFT JOIN areas_counted c ON c.area = k.area
        WHERE (c.counted_at IS NULL OR c.counted_at < now() - interval '1 day')
          AND NOT EXISTS (SELECT FROM dirty_areas d WHERE d.area = k.area)
        LIMIT 1 RETURNING area"""
)
_ALL = text(f"{PEOPLED} SELECT area FROM known ORDER BY area")
_ONE_AT_A_TIME = text("SELECT pg_advisory_xact_lock(hashtext('area:' || CAST(:area AS text)))")


@asynccontextmanager
async def area_counter(context: Context) -> AsyncIterator[None]:
    """The service's extra: reads the programmes, then counts marked areas while the service runs."""
    settings = cast(RegistrySettings, context.settings)
    Programmes.load(settings.programmes_file).use()

    looked = float("-inf")

    async def count() -> bool:
        nonlocal looked
        if await count_next(context.db):
            return True
        if time.monotonic() - looked < LOOK_SECONDS:
            return False
        if not (found := await mark_old(context.db)):
            looked = time.monotonic()
        return found

    async with beside(alone("registry-areas", context.settings, count, POLL_SECONDS)):
        yield


async def count_next(db: Database) -> bool:
    """Count the kelurahan that waits longest. False: none waits."""
    async with db.begin() as tx:
        area = await tx.session.scalar(_NEXT)
        if area is not None:
            await recount(area, tx)
        return area is not None


async def mark_old(db: Database) -> bool:
    """Mark a kelurahan that was not counted for a day, if there is one."""
    async with db.begin() as tx:
        return await tx.session.scalar(_OLD) is not None


async def recount(area: str, tx: Tx) -> None:
    """Count one kelurahan. Its marks go first: what is committed after this moment has left a mark of its own."""
    await tx.session.execute(_ONE_AT_A_TIME, {"area": area})
    await tx.session.execute(area_sql.PLAIN)
    await tx.session.execute(_TAKE, {"area": area})
    await tx.session.execute(_FORGET, {"area": area})
    await tx.session.execute(_COUNT, area_sql.parameters(area))
    await tx.session.execute(_COUNTED, {"area": area})


async def recount_all(db: Database) -> Sequence[str]:
    """Count every kelurahan anew, one transaction each; returns their codes. Safe beside the counter."""
    async with db.begin() as tx:
        areas = (await tx.session.scalars(_ALL)).all()
    for area in areas:
        async with db.begin() as tx:
            await recount(area, tx)
    return areas
