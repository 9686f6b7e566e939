"""P9, memory: RSS of a service (relay and consumer) and of a plug-in, at rest and after 100,000 events."""

import asyncio
import gc
import os
from contextlib import ExitStack
from typing import Any

import psutil
from sqlalchemy import text

from bench import sample
from bench.outcome import Outcome, show
from bench.p4 import INSERT, TABLE
from bench.stage import AGENCY, Stage, serving
from bench.worker import Talk, Worker
from sinergi import Agency, ReferralRequested
from sinergi.bus import Bus
from sinergi.db import Tx

WARM = 1_000
COUNT = 100_000
CHUNK = 5_000  # rows in one commit of the bench
GOAL = 1.20
MEGA = 1024 * 1024


class Tally:
    """Counts what a process handled, and tells its memory when asked."""

    def __init__(self) -> None:
        self.handled = 0

    async def answer(self, talk: Talk) -> None:
        """For each number heard: wait until so many were handled, then tell the process's RSS in bytes."""
        talk.tell("ready")
        while True:
            wanted = await talk.hear()
            while self.handled < wanted:
                await asyncio.sleep(0.05)
            await asyncio.sleep(1)  # what is under way is acked
            gc.collect()
            talk.tell(psutil.Process(os.getpid()).memory_info().rss)


async def service(talk: Talk, settings: dict[str, Any]) -> None:
    """A service that relays its outbox and consumes its own stream, a row for each event."""
    bus, tally = Bus("referrals"), Tally()
    insert = text(INSERT.format(":referral, :version, :fact"))

    @bus.on(ReferralRequested)
    async def when_referral_requested_write_it_down(event: ReferralRequested, tx: Tx) -> None:
        await tx.session.execute(insert, {"referral": event.referral_id, "version": 1, "fact": event.type()})
        tally.handled += 1

    async with serving(bus, settings):
        await tally.answer(talk)


async def plug_in(talk: Talk, url: str, seed_file: str) -> None:
    """An agency's plug-in that does nothing but hear."""
    agency, tally = Agency(AGENCY, url, seed_file), Tally()

    @agency.on(ReferralRequested)
    async def hear(referral: ReferralRequested) -> None:
        tally.handled += 1

    await agency.start()
    await tally.answer(talk)


def run(stage: Stage) -> Outcome:
    """Warm up, look, send 100,000 events to each, look again."""
    stage.prepare("referrals", TABLE)
    stage.provision()
    show(f"P9: memory after {WARM:,} and after {COUNT:,} more events")
    with ExitStack() as stack:
        place = (stage.nats.url, str(stage.nats.seed_file(AGENCY)))
        workers = {
            "service": stack.enter_context(Worker(service, stage.settings("referrals"))),
            "plug-in": stack.enter_context(Worker(plug_in, *place, loop="asyncio")),
        }
        for worker in workers.values():
            worker.hear()
        _send(stage, WARM)
        rest = _memory(workers, WARM)
        for _ in range(COUNT // CHUNK):
            _send(stage, CHUNK)
        after = _memory(workers, WARM + COUNT)
    for name in workers:
        show(f"  {name}: {rest[name] / MEGA:.1f} MB at rest, {after[name] / MEGA:.1f} MB afterwards")
    ratio = max(after[name] / rest[name] for name in workers)
    return Outcome("P9", ratio, GOAL, at_most=True, figures={"rss_at_rest": rest, "rss_afterwards": after})


def _send(stage: Stage, count: int) -> None:
    """`count` facts for the service, and as many for the agency."""
    stage.commit("referrals", sample.rows(count, "core"))
    stage.commit("referrals", sample.rows(count, AGENCY))


def _memory(workers: dict[str, Worker], handled: int) -> dict[str, int]:
    for worker in workers.values():
        worker.tell(handled)
    return {name: int(worker.hear(600)) for name, worker in workers.items()}
