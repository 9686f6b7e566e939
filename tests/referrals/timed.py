"""Time that passes at once: alarms of a referral come due, and replicas ring them until none is due."""

import asyncio

from sqlalchemy import text

from services.referrals.ringing import clock
from sinergi.clock import Ringing
from sinergi.db import Database

_DUE = text("UPDATE alarms SET due_at = now() - interval '1 second' WHERE about = CAST(:id AS uuid)")
_ALARMS = text("SELECT kind FROM alarms WHERE about = CAST(:id AS uuid) ORDER BY due_at")
_LEFT = text("SELECT count(*) FROM alarms WHERE due_at <= now() AND about = ANY(CAST(:ids AS uuid[]))")
#: as if nothing had run for so many days: what was promised lies further back, and so do the alarms
_PASSED = tuple(
    text(f"UPDATE {table} SET {moved} WHERE {key} = ANY(CAST(:ids AS uuid[]))")
    for table, key, moved in (
        (
            "referrals",
            "id",
            ", ".join(
                f"{due} = {due} - make_interval(days => :days)"
                for due in ("requested_at", "acknowledge_due", "decide_due", "finish_due", "confirm_due")
            ),
        ),
        ("alarms", "about", "due_at = due_at - make_interval(days => :days)"),
    )
)


class Time:
    """The service's time, as a test wants it."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def alarms(self, referral: str) -> list[str]:
        """The kinds of the alarms that are set about it."""
        async with self._db.begin() as tx:
            return list((await tx.session.execute(_ALARMS, {"id": referral})).scalars())

    async def ring(self, referral: str, times: int = 1) -> None:
        """Its alarm comes due and rings; so many rungs of its clock."""
        for _ in range(times):
            await self.comes_due(referral)
            await self.ring_all([referral])

    async def comes_due(self, referral: str) -> None:
        """Its one alarm comes due."""
        async with self._db.begin() as tx:
            assert (await tx.session.execute(_DUE, {"id": referral})).rowcount == 1  # type: ignore[attr-defined]

    async def passes(self, referrals: list[str], days: int) -> None:
        """So many days pass in which nothing runs."""
        async with self._db.begin() as tx:
            for shift in _PASSED:
                await tx.session.execute(shift, {"ids": referrals, "days": days})

    async def ring_all(self, referrals: list[str], replicas: int = 1) -> None:
        """Replicas ring, beside the running service's own clock, until nothing about these is due."""

        async def work() -> None:
            while await self._due(referrals):
                await Ringing(clock, self._db, [0.05]).ring_next()

        await asyncio.gather(*(work() for _ in range(replicas)))

    async def _due(self, referrals: list[str]) -> int:
        async with self._db.begin() as tx:
            return int(await tx.session.scalar(_LEFT, {"ids": referrals}) or 0)

    async def ring_if_set(self, referral: str) -> None:
        """Its alarm comes due and rings, unless somebody takes it back meanwhile."""
        async with self._db.begin() as tx:
            await tx.session.execute(_DUE, {"id": referral})
        await self.ring_all([referral])
