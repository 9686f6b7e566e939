"""A clerk's process, made to be killed while it merges: `python -m tests.faults.merging MODE PERSON…`

    merge-and-die-after POINT A B   judges A and B the same, and kills itself once POINT was done, before the commit
    unmerge-and-die-after POINT A   sets A free, and kills itself likewise
    for-ever A B C …                judges, sets free and withdraws at random, for ever; prints `done` after each

POINT is one of `POINTS`.
"""

import asyncio
import os
import random
import signal
import sys
from contextlib import suppress
from typing import Any
from uuid import UUID

from sqlalchemy import select

from services.registry import clusters, golden, verdicts
from services.registry.models import Person
from services.registry.settings import RegistrySettings
from services.registry.verdicts_models import Verdict
from sinergi.db import Database, Tx
from sinergi.problems import Refused
from sinergi_operator.processes import LIBC, PR_SET_PDEATHSIG
from tests.registry.pairs import CLERK, REASON, pair

#: what a merge does, in this order: (module or class, function)
POINTS: dict[str, tuple[Any, str]] = {
    "locks": (verdicts, "scene_of"),
    "facts": (clusters, "_tell"),
    "golden-records": (golden, "recompute"),
    "queue": (clusters, "_settle"),
    "outbox": (Tx, "write"),
}


def die_after(point: str) -> None:
    """kill -9 of this process once that was done."""
    place, name = POINTS[point]
    before = getattr(place, name)

    def plain(*arguments: Any) -> Any:
        before(*arguments)
        os.kill(os.getpid(), signal.SIGKILL)

    async def awaited(*arguments: Any) -> Any:
        await before(*arguments)
        os.kill(os.getpid(), signal.SIGKILL)

    setattr(place, name, awaited if asyncio.iscoroutinefunction(before) else plain)


async def merge(db: Database, one: UUID, other: UUID) -> None:
    """The same."""
    cmd = verdicts.JudgePairs.model_validate({"pairs": [pair(one, other)], "reason": REASON})
    async with db.begin(CLERK) as tx:
        await verdicts.judge_pairs(cmd, CLERK, tx)


async def unmerge(db: Database, person: UUID) -> None:
    """Set free."""
    async with db.begin(CLERK) as tx:
        version = (await tx.get(Person, person)).version
        cmd = verdicts.Unmerge(person_id=person, expected_version=version, reason=REASON)
        await verdicts.unmerge(cmd, CLERK, tx)


async def undo_any(db: Database, persons: list[UUID]) -> None:
    """Withdraw some verdict."""
    async with db.begin(CLERK) as tx:
        counting = select(Verdict.id).where(Verdict.low_id.in_(persons), Verdict.withdrawn_at.is_(None))
        found = (await tx.session.scalars(counting)).all()
        if found:
            cmd = verdicts.UndoVerdict(verdict_id=random.choice(found), reason=REASON)
            await verdicts.undo_verdict(cmd, CLERK, tx)


async def for_ever(db: Database, persons: list[UUID]) -> None:
    """At random."""
    while True:
        one, other = random.sample(persons, 2)
        what = random.choice(["merge", "merge", "unmerge", "undo"])
        with suppress(Refused):  # not merged with anybody, or withdrawn meanwhile by another clerk
            if what == "merge":
                await merge(db, one, other)
            elif what == "unmerge":
                await unmerge(db, one)
            else:
                await undo_any(db, persons)
        print("done", flush=True)


async def main(mode: str, *arguments: str) -> None:
    """What the process does."""
    settings = RegistrySettings()
    settings.seal().use()
    db = Database(settings, "registry")
    if mode == "for-ever":
        await for_ever(db, [UUID(one) for one in arguments])
    persons = [UUID(one) for one in arguments[1:]]
    die_after(arguments[0])
    await (merge if mode.startswith("merge") else unmerge)(db, *persons)


if __name__ == "__main__":
    if LIBC is not None:
        LIBC.prctl(PR_SET_PDEATHSIG, int(signal.SIGKILL), 0, 0, 0)  # not to outlive the tests
    asyncio.run(main(*sys.argv[1:]))
