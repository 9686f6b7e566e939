"""What the probe's processes do and what the tests of faults look for afterwards."""

import multiprocessing
import time
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path

from sqlalchemy import text

from sinergi.db import Database
from sinergi.settings import Settings
from tests.faults import worker
from tests.shared import probe

#: forks of one process that has imported everything: they start in milliseconds
FORKS = multiprocessing.get_context("forkserver")
FORKS.set_forkserver_preload(["tests.faults.worker"])

Start = Callable[..., "Worker"]


class Worker:
    """One process of tests/faults/worker.py."""

    def __init__(self, log: Path, settings: Settings, *arguments: str) -> None:
        self._log, self._settings, self._arguments = log, settings, arguments

    def start(self, until: str = "ready") -> "Worker":
        """Start it, again if it ended; returns when it has said `until` since."""
        before, deadline = len(self.said()), time.monotonic() + 30
        self.process = FORKS.Process(target=worker.run, args=(self._log, self._settings, *self._arguments))
        self.process.start()
        while until not in self.said()[before:]:
            if time.monotonic() > deadline or not self.process.is_alive():
                raise AssertionError(f"{self._arguments[0]} did not get {until}: {self.said()[-20:]}")
            time.sleep(0.02)
        return self

    @property
    def ended(self) -> int | None:
        """Its exit status, minus the signal's number; None while it runs."""
        return self.process.exitcode

    @property
    def pid(self) -> int:
        """Its process id."""
        return self.process.pid or 0

    def kill(self) -> None:
        """kill -9."""
        self.process.kill()
        self.process.join()

    def said(self) -> list[str]:
        """Every line that it wrote, in all its lives."""
        return self._log.read_text().splitlines() if self._log.exists() else []

    def keys(self, outcome: str) -> list[str]:
        """The keys of the commands with this outcome, `done` or `failed`."""
        return [line.split()[1] for line in self.said() if line.startswith(outcome + " ")]


async def told(db: Database) -> dict[str, list[tuple[int, str]]]:
    """Every fact in the outbox: thing -> [(version, text)], in order."""
    rows = await probe.rows(
        db,
        "SELECT aggregate_id::text, version, convert_from(body, 'UTF8')::jsonb->>'text' FROM outbox ORDER BY seq",
    )
    return _by_thing(rows)


async def done(db: Database, name: str) -> dict[str, list[tuple[int, str]]]:
    """Every effect by this consumer: thing -> [(version, text)], in the order of commits."""
    return _by_thing(await probe.effects(db, name))


def _by_thing(rows: list[tuple[str, int, str]]) -> dict[str, list[tuple[int, str]]]:
    found = defaultdict(list)
    for thing, version, note in rows:
        found[thing].append((version, note))
    return dict(found)


async def settled(db: Database, name: str) -> bool:
    """Whether nothing is on its way any more: all is sent, and as many effects as facts are there."""
    row = (
        await probe.rows(
            db,
            """SELECT (SELECT count(*) FROM outbox WHERE published_at IS NULL),
                      (SELECT count(*) FROM outbox) - (SELECT count(*) FROM effects WHERE by = :by)""",
            by=name,
        )
    )[0]
    return bool(row[0] == 0 and row[1] <= 0)


async def assert_each_fact_has_one_effect_in_order(db: Database, name: str) -> int:
    """Rows, facts and effects agree, and every thing's versions follow one another. Returns how many facts."""
    facts, effects = await told(db), await done(db, name)
    for thing, those in facts.items():
        assert [version for version, _ in those] == list(range(1, len(those) + 1)), f"gaps in the facts of {thing}"
        assert effects.get(thing) == those, f"the effects of {thing} are not its facts"
    assert effects.keys() == facts.keys(), "an effect without a fact"
    rows = await probe.rows(db, "SELECT id::text, version FROM things")
    assert {one[0]: one[1] for one in rows} == {thing: len(those) for thing, those in facts.items()}
    return sum(len(those) for those in facts.values())


async def reset(db: Database) -> None:
    """Empty tables."""
    async with db.begin() as tx:
        await tx.session.execute(
            text("TRUNCATE outbox, inbox, inbox_versions, inbox_parked, answered, things, effects RESTART IDENTITY")
        )
