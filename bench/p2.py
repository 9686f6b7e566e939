"""P2, commit → handler at 100 referrals a second: p50 and p99, against nats-py's publish → pull callback.

Ours is counted from the moment in which the commit has returned, bare from the moment before it publishes.
"""

import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from statistics import median
from typing import Any
from uuid import UUID

from bench import bare, sample
from bench.outcome import Outcome, compare, percentile, show
from bench.p1 import plug_in
from bench.stage import AGENCY, Stage, serving
from bench.worker import Talk, Worker
from sinergi.bus import Bus
from sinergi.db import Database, new_id

RATE = 100
ROUNDS = 3
SECONDS = 7.0
COUNT = int(RATE * SECONDS)
GOAL = 4.00

Times = dict[str, int]


@dataclass
class Numbered:
    """What `Tx.emit` needs of an aggregate."""

    id: UUID
    version: int = 0


async def service(talk: Talk, settings: dict[str, Any]) -> None:
    """A service that commits referrals, for core and the agency; tells referral -> when its commit had returned."""
    async with serving(Bus("referrals"), settings) as db:
        talk.tell("ready")
        while True:
            await talk.hear()
            committed: Times = {}

            async def send(_: int, committed: Times = committed) -> None:
                referral = await _commit(db)
                committed[referral] = time.monotonic_ns()

            await bare.steadily(send, COUNT, RATE)
            talk.tell(committed)


async def _commit(db: Database) -> str:
    referral = Numbered(new_id())
    async with db.begin() as tx:
        tx.emit(sample.requested(referral.id), of=referral, to=[AGENCY])
    return str(referral.id)


def run(stage: Stage) -> Outcome:
    """Bare, ours, bare, ours …: milliseconds."""
    stage.prepare("referrals")
    stage.provision()
    stage.with_nats(lambda client: bare.declare(client, stage.settings("referrals")))
    show(f"P2: {RATE} referrals/s, {ROUNDS} rounds of {SECONDS:.0f} s")
    found: dict[str, dict[str, list[float]]] = {"bare": {"p50": [], "p99": []}, "ours": {"p50": [], "p99": []}}
    with ExitStack() as processes:
        sides = {"bare": _bare(stage, processes), "ours": _ours(stage, processes)}
        for number in range(ROUNDS):
            for side, latencies in sides.items():
                p50, p99 = _percentiles(latencies())
                found[side]["p50"].append(p50)
                found[side]["p99"].append(p99)
                show(f"  round {number + 1}, {side}: p50 {p50:.2f} ms, p99 {p99:.2f} ms")
    show(f"  p50, median: bare {median(found['bare']['p50']):.2f} ms, ours {median(found['ours']['p50']):.2f} ms")
    ratio = compare(found["bare"]["p99"], found["ours"]["p99"], "ms (p99)")
    return Outcome("P2", ratio, GOAL, at_most=True, figures={"milliseconds": found})


def _percentiles(milliseconds: list[float]) -> tuple[float, float]:
    return percentile(milliseconds, 50), percentile(milliseconds, 99)


def _bare(stage: Stage, processes: ExitStack) -> Callable[[], list[float]]:
    place = (stage.nats.url, stage.nats.seed_file("operator"))
    publisher = processes.enter_context(Worker(bare.publish_steadily, *place, SECONDS, RATE))
    puller = processes.enter_context(Worker(bare.pull, *place, COUNT))
    return _measuring(publisher, puller)


def _ours(stage: Stage, processes: ExitStack) -> Callable[[], list[float]]:
    place = (stage.nats.url, str(stage.nats.seed_file(AGENCY)))
    sender = processes.enter_context(Worker(service, stage.settings("referrals")))
    agency = processes.enter_context(Worker(plug_in, *place, COUNT, loop="asyncio"))
    return _measuring(sender, agency)


def _measuring(sender: Worker, receiver: Worker) -> Callable[[], list[float]]:
    sender.hear()
    receiver.hear()

    def latencies() -> list[float]:
        sender.tell("go")
        sent, came = sender.hear(), receiver.hear()
        return [(came[key] - sent[key]) / 1e6 for key in sent]

    return latencies
