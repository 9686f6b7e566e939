"""A process that dies in the middle of a command: when all is written, or when it is committed and not yet answered."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from services.referrals.ringing import clock
from sinergi.app import Context, obey
from sinergi.auth import Actor
from sinergi.clock import Ringing
from sinergi.db import Database, Tx
from sinergi.problems import Refused


class Crash(BaseException):
    """As a kill: nobody in between catches it."""


class Dying:
    """A database whose process dies in the next transaction, `before` it commits or `after`."""

    def __init__(self, db: Database, when: str) -> None:
        self._db, self._when, self.service = db, when, db.service

    @asynccontextmanager
    async def begin(self, actor: Actor | None = None, *, snapshot: bool = False) -> AsyncIterator[Tx]:
        async with self._db.begin(actor, snapshot=snapshot) as tx:
            yield tx
            if self._when == "before":
                await tx.write()
                raise Crash
        raise Crash


async def die_giving(command: Any, request: Any, who: Actor, key: str, when: str, context: Context) -> None:
    """Gives the command; no answer comes, unless it is refused."""
    dying: Any = Dying(context.db, when)
    there = Context(context.settings, dying, context.bus, context.verifier, context.calendar)
    with pytest.raises((Crash, Refused)):
        await obey(there, command, request, who, key)


async def die_ringing(db: Database, when: str) -> None:
    """Rings what is due, if anything is."""
    dying: Any = Dying(db, when)
    with pytest.raises(Crash):
        await Ringing(clock, dying, [0.05]).ring_next()
