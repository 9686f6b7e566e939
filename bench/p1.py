"""P1, outbox to agency: facts committed → handler called, a second, against nats-py publishing and pulling them."""

import time
from collections.abc import Callable
from contextlib import ExitStack
from typing import Any

from bench import bare, sample
from bench.outcome import Outcome, compare, show
from bench.stage import AGENCY, Stage, serving
from bench.worker import Talk, Worker
from sinergi import Agency, ReferralRequested
from sinergi.bus import Bus

COUNT = 20_000
ROUNDS = 3
GOAL = 0.80


async def service(talk: Talk, settings: dict[str, Any]) -> None:
    """The relay, in a process as a service runs it."""
    async with serving(Bus("referrals"), settings):
        talk.tell("ready")
        await talk.hear()


async def plug_in(talk: Talk, url: str, seed_file: str, count: int) -> None:
    """A plug-in whose handler counts; after every `count` facts it tells referral -> when the handler was called."""
    agency = Agency(AGENCY, url, seed_file)
    came: dict[str, int] = {}

    @agency.on(ReferralRequested)
    async def hear(referral: ReferralRequested) -> None:
        came[referral.referral_id] = time.monotonic_ns()
        if len(came) == count:
            talk.tell(dict(came))
            came.clear()

    await agency.start()
    talk.tell("ready")
    await talk.hear()


def run(stage: Stage) -> Outcome:
    """Bare, ours, bare, ours …: facts a second."""
    stage.prepare("referrals")
    stage.provision()
    stage.with_nats(lambda client: bare.declare(client, stage.settings("referrals")))
    show(f"P1: {COUNT:,} facts from commit to handler, {ROUNDS} rounds")
    rates: dict[str, list[float]] = {"bare": [], "ours": []}
    with ExitStack() as processes:
        sides = {"bare": _bare(stage, processes), "ours": _ours(stage, processes)}
        for number in range(ROUNDS):
            for side, drain in sides.items():
                rates[side].append(COUNT / drain())
                show(f"  round {number + 1}, {side}: {rates[side][-1]:,.0f} facts/s")
    return Outcome("P1", compare(rates["bare"], rates["ours"], "facts/s"), GOAL, figures={"facts_per_second": rates})


def _bare(stage: Stage, processes: ExitStack) -> Callable[[], float]:
    place = (stage.nats.url, stage.nats.seed_file("operator"))
    publisher = processes.enter_context(Worker(bare.publish, *place, COUNT))
    puller = processes.enter_context(Worker(bare.pull, *place, COUNT))
    puller.hear()

    def drain() -> float:
        publisher.hear()
        publisher.tell("go")
        came = puller.hear()
        began = publisher.hear()
        return float(max(came.values()) / 1e9 - began)

    return drain


def _ours(stage: Stage, processes: ExitStack) -> Callable[[], float]:
    place = (stage.nats.url, str(stage.nats.seed_file(AGENCY)))
    processes.enter_context(relay := Worker(service, stage.settings("referrals")))
    processes.enter_context(agency := Worker(plug_in, *place, COUNT, loop="asyncio"))
    relay.hear()
    agency.hear()

    def drain() -> float:
        committed = stage.commit("referrals", sample.rows(COUNT, AGENCY))
        came = agency.hear()
        return float(max(came.values()) / 1e9 - committed)

    return drain
