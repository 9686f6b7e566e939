"""Alarms: what must happen at a time. They lie in PostgreSQL beside what they are about, and ring once.

A command sets an alarm in its own transaction, or takes it back; `@clock.on(kind)` says what happens when it rings.
Any number of replicas may ring. The alarms about one thing ring in the order of their times; after a downtime they
ring late, in order, once. One that fails is tried again for ever and holds up only the later ones about that thing.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

import structlog
from sqlalchemy import bindparam, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.types import Text

from sinergi import tracing
from sinergi.auth import service_actor
from sinergi.db import Database, Tx, is_outage, new_id
from sinergi.metrics import ALARMS_FAILED, ALARMS_RUNG

log = structlog.get_logger()

Handler = Callable[[UUID, Tx], Awaitable[None]]

#: how often we look for alarms that are due
LOOK_SECONDS = 1.0

_SET = text(
    """INSERT INTO alarms (id, kind, about, due_at) VALUES (:id, :kind, :about, :at)
       ON CONFLICT (about, kind) DO UPDATE SET due_at = excluded.due_at, tries = 0, not_before = NULL"""
)
_SILENCE = text("DELETE FROM alarms WHERE about = :about AND kind = ANY(:kinds)").bindparams(
    bindparam("kinds", type_=ARRAY(Text))
)
#: The advisory lock keeps replicas off an alarm that one of them rings. The row itself stays free: a command that holds
#: the thing it is about may silence it, and then what ringing would have done is rolled back.
_NEXT = text(
    """SELECT * FROM (
         SELECT id, kind, about, due_at FROM alarms AS one
         WHERE due_at <= now() AND (not_before IS NULL OR not_before <= now()) AND kind = ANY(:kinds)
           AND NOT EXISTS (SELECT 1 FROM alarms AS earlier WHERE earlier.about = one.about
                           AND earlier.kind = ANY(:kinds) AND (earlier.due_at, earlier.id) < (one.due_at, one.id))
         ORDER BY due_at, id LIMIT 50) AS due
       WHERE pg_try_advisory_xact_lock(hashtextextended('alarm:' || about::text, 0)) LIMIT 1"""
).bindparams(bindparam("kinds", type_=ARRAY(Text)))
_RUNG = text("DELETE FROM alarms WHERE id = :id AND due_at = :due_at")
_FAILED = text(
    """UPDATE alarms SET tries = tries + 1, not_before = now() + make_interval(secs => :delay) WHERE id = :id"""
)


async def set_alarm(tx: Tx, kind: str, about: UUID, at: datetime) -> None:
    """Let the alarm of this kind about this thing ring at that time; one that was set before is moved."""
    await tx.session.execute(_SET, {"id": new_id(), "kind": kind, "about": about, "at": at})


async def silence(tx: Tx, about: UUID, *kinds: str) -> None:
    """Take back the alarms of these kinds about this thing."""
    await tx.session.execute(_SILENCE, {"about": about, "kinds": list(kinds)})


class Silenced(Exception):
    """The alarm was taken back or moved while it rang: nothing of it may stay."""


class Clock:
    """What a service does when alarms ring. Handlers are declared on import, `Ringing` rings."""

    def __init__(self) -> None:
        self.handlers: dict[str, Handler] = {}

    def on(self, kind: str) -> Callable[[Handler], Handler]:
        """Handle this kind: `async def when_<kind>_<effect>(about, tx)`; it locks the thing before anything else."""

        def register(handler: Handler) -> Handler:
            self.handlers[kind] = handler
            return handler

        return register


class Ringing:
    """A clock at work on a database."""

    def __init__(self, clock: Clock, db: Database, delays: list[float]) -> None:
        self._handlers: Mapping[str, Handler] = clock.handlers
        self._db, self._delays = db, delays

    async def run(self) -> None:
        """Ring what is due, for ever."""
        while True:
            try:
                rung = await self.ring_next()
            except Exception as wrong:  # whatever it was: an alarm that did not ring is still there
                log.warning("clock.interrupted", error=type(wrong).__name__, exc_info=wrong)
                rung = False
            if not rung:
                await asyncio.sleep(LOOK_SECONDS)

    async def ring_next(self) -> bool:
        """Ring the one that has been due the longest; False when there was none."""
        alarm: Any = None
        try:
            async with self._db.begin(service_actor(self._db.service)) as tx:
                alarm = (await tx.session.execute(_NEXT, {"kinds": list(self._handlers)})).one_or_none()
                if alarm is None:
                    return False
                await self._ring(alarm, tx)
        except Silenced:
            return True
        except Exception as wrong:
            if alarm is None or is_outage(wrong):
                raise
            await self._failed(alarm, wrong)
            return True
        ALARMS_RUNG.labels(alarm.kind).inc()
        return True

    async def _ring(self, alarm: Any, tx: Tx) -> None:
        with tracing.span(f"ring {alarm.kind}", {}):
            await self._handlers[alarm.kind](alarm.about, tx)
            await tx.session.flush()
        done = await tx.session.execute(_RUNG, {"id": alarm.id, "due_at": alarm.due_at})
        if done.rowcount == 0:  # type: ignore[attr-defined]
            raise Silenced

    async def _failed(self, alarm: Any, wrong: Exception) -> None:
        log.error("alarm.failed", kind=alarm.kind, about=str(alarm.about), error=type(wrong).__name__, exc_info=wrong)
        ALARMS_FAILED.labels(alarm.kind).inc()
        async with self._db.begin() as tx:
            tries = await tx.session.scalar(text("SELECT tries FROM alarms WHERE id = :id"), {"id": alarm.id}) or 0
            delay = self._delays[min(tries, len(self._delays) - 1)]
            await tx.session.execute(_FAILED, {"id": alarm.id, "delay": delay})
