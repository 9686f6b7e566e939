"""The live view of the demo: each fact as it is told, who said it, and who has heard it.

Facts come through a passing consumer of ours on each stream. Who heard is the server's own word: with sampling on, it
publishes a metric for every acknowledgement of a durable.
"""

import asyncio
import json
from collections import defaultdict
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.js import JetStreamContext
from nats.js.api import AckPolicy, ConsumerConfig, DeliverPolicy
from rich.console import Console

from sinergi.cloudevents import Envelope, NotAnEvent
from sinergi.events import STREAMS
from sinergi.tasks import end

#: how long the line of a fact waits for those who hear it
HEARING_SECONDS = 0.6
#: every acknowledgement, in per cent
SAMPLE_ALL = "100"


@dataclass(slots=True)
class Told:
    """One fact on its way to the screen."""

    envelope: Envelope
    body: dict[str, Any]
    places: set[tuple[str, int]] = field(default_factory=set)


class Watch:
    """Prints facts until stopped; `told` counts what was printed by type, `heard` who acknowledged."""

    def __init__(self, nats: Client, console: Console) -> None:
        self._nats, self._console = nats, console
        self._facts: dict[str, Told] = {}
        self._heard: dict[tuple[str, int], set[str]] = defaultdict(set)
        self._tasks: set[asyncio.Task[None]] = set()
        self._listening: list[asyncio.Task[None]] = []
        self.told: defaultdict[str, int] = defaultdict(int)
        self.heard: defaultdict[str, int] = defaultdict(int)

    async def start(self) -> None:
        """Ask the server for acknowledgement metrics, then listen from now on."""
        await self._nats.subscribe("$JS.EVENT.METRIC.CONSUMER.ACK.>", cb=self._on_ack)
        stream = self._nats.jetstream()
        for name in STREAMS:
            passing = ConsumerConfig(deliver_policy=DeliverPolicy.NEW, ack_policy=AckPolicy.NONE, inactive_threshold=30)
            facts = await stream.pull_subscribe("sinergi.>", stream=name, config=passing)
            self._listening.append(asyncio.create_task(self._listen(facts)))
        await self._sample()
        self._listening.append(asyncio.create_task(self._keep_sampling()))

    async def stop(self) -> None:
        """Print what was seen so far, and listen no longer."""
        await asyncio.sleep(HEARING_SECONDS)
        await end(*self._listening)
        while self._tasks:
            await asyncio.gather(*self._tasks)

    async def _keep_sampling(self) -> None:
        """A durable that comes later (an agency's, a service's that was slow to start) is heard too."""
        while True:
            await asyncio.sleep(1)
            await self._sample()

    async def _sample(self) -> None:
        stream = self._nats.jetstream()
        for name in STREAMS:
            for consumer in await stream.consumers_info(name):
                if consumer.config.durable_name and consumer.config.sample_freq != SAMPLE_ALL:
                    consumer.config.sample_freq = SAMPLE_ALL
                    await stream.add_consumer(name, consumer.config)

    async def _listen(self, facts: JetStreamContext.PullSubscription) -> None:
        while True:
            with suppress(TimeoutError):
                for message in await facts.fetch(100, timeout=1):
                    self._on_fact(message)

    async def _on_ack(self, message: Msg) -> None:
        metric = json.loads(message.data)
        self._heard[(metric["stream"], metric["stream_seq"])].add(metric["consumer"])
        self.heard[metric["consumer"]] += 1

    def _on_fact(self, message: Msg) -> None:
        try:
            envelope = Envelope.from_headers(message.headers)
        except NotAnEvent:
            return
        place = (message.metadata.stream, message.metadata.sequence.stream)
        if envelope.id in self._facts:
            self._facts[envelope.id].places.add(place)
            return
        told = self._facts[envelope.id] = Told(envelope, json.loads(message.data), {place})
        task = asyncio.create_task(self._print_later(told))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _print_later(self, told: Told) -> None:
        await asyncio.sleep(HEARING_SECONDS)
        self._facts.pop(told.envelope.id)
        heard = sorted({name for place in told.places for name in self._heard.pop(place, ())})
        self.told[told.envelope.type] += 1
        self._console.print(_line(told, heard), soft_wrap=True)


def _line(told: Told, heard: list[str]) -> str:
    envelope, body = told.envelope, told.body
    time = datetime.astimezone(envelope.time).strftime("%H:%M:%S.%f")[:-3]
    said = body.get("by_agency") or envelope.source.removeprefix("sinergi/")
    said = envelope.source.removeprefix("sinergi/") if said == "core" else said
    name = envelope.type.removeprefix("sinergi.")
    # consoles hear messages as they happen, without a durable: there is nothing to acknowledge
    unheard = "the open consoles" if envelope.type.startswith("sinergi.message.") else "nobody yet"
    listeners = ", ".join(heard) or unheard
    return (
        f"[dim]{time}[/] [bold cyan]{name:<30}[/] said by [green]{said:<10}[/] "
        f"about [dim]…{envelope.partitionkey[-6:]}[/] v{envelope.sequence:<2} heard by [yellow]{listeners}[/]"
    )
