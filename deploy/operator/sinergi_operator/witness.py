"""What an agency's plug-in does at the border, in the order in which it reached the server."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.js.api import AckPolicy, ConsumerConfig, DeliverPolicy

STREAM = "REFERRALS"


@dataclass(frozen=True, slots=True)
class Fact:
    """A fact that lies in the stream for this agency, at this place."""

    referral_id: str
    type: str
    place: int


@dataclass(frozen=True, slots=True)
class Command:
    """A command as the plug-in gave it."""

    name: str
    referral_id: str
    key: Any
    version: Any


@dataclass(frozen=True, slots=True)
class Taken:
    """The plug-in acknowledged (or gave up) what lies at this place of the stream."""

    place: int


class Witness:
    """Sees one agency's plug-in at work, and changes nothing. Needs the operator's rights."""

    def __init__(self) -> None:
        self.seen: list[Fact | Command | Taken] = []
        self._last: dict[str, float] = {}
        self._places: dict[int, str] = {}

    @classmethod
    @asynccontextmanager
    async def of(cls, code: str, nats: Client) -> AsyncIterator["Witness"]:
        """Look on until the block ends."""
        witness = cls()
        stream = nats.jetstream()
        new = ConsumerConfig(deliver_policy=DeliverPolicy.NEW, ack_policy=AckPolicy.NONE)
        told, take = f"sinergi.*.*.*.{code}", witness._fact
        watched = [
            await nats.subscribe(f"sinergi.cmd.{code}.referral.*", cb=witness._command),
            await nats.subscribe(f"$JS.ACK.{STREAM}.{code}.>", cb=witness._acknowledged),
            await stream.subscribe(told, stream=STREAM, config=new, cb=take, manual_ack=True),
        ]
        await nats.flush()
        try:
            yield witness
        finally:
            for one in watched:
                await one.unsubscribe()

    def commands(self, referral_id: str, since: int = 0) -> list[Command]:
        """What it commanded about this referral; `since`: how much had been seen before."""
        return [one for one in self.seen[since:] if isinstance(one, Command) and one.referral_id == referral_id]

    def facts(self, referral_id: str) -> list[Fact]:
        """What it was told about this referral."""
        return [one for one in self.seen if isinstance(one, Fact) and one.referral_id == referral_id]

    def took(self, fact: Fact, since: int = 0) -> bool:
        """Whether it acknowledged this fact."""
        return Taken(fact.place) in self.seen[since:]

    async def until(self, true: Callable[[], bool], seconds: float) -> bool:
        """Whether it came true in this time."""
        deadline = time.monotonic() + seconds
        while not true():
            if time.monotonic() > deadline:
                return False
            await asyncio.sleep(0.02)
        return True

    async def settled(self, referral_id: str, seconds: float, quiet: float, since: int = 0) -> bool:
        """Whether every fact about this referral was acknowledged, and then nothing happened for `quiet` seconds."""

        def still() -> bool:
            facts = self.facts(referral_id)
            done = bool(facts) and all(self.took(fact, since) for fact in facts)
            return done and time.monotonic() - self._last[referral_id] > quiet

        return await self.until(still, seconds)

    async def _command(self, message: Msg) -> None:
        try:
            request = json.loads(message.data)
            about = str(request["referral_id"])
        except (ValueError, TypeError, KeyError):
            return  # the core refuses it
        name, key = message.subject.rsplit(".", 1)[1], request.get("idempotency_key")
        self._note(Command(name, about, key, request.get("expected_version")))

    async def _acknowledged(self, message: Msg) -> None:
        if message.data in (b"", b"+ACK", b"+TERM") or message.data.startswith(b"+NXT"):
            self._note(Taken(int(message.subject.split(".")[5])))

    async def _fact(self, message: Msg) -> None:
        headers, body = message.headers or {}, json.loads(message.data)
        self._note(Fact(str(body.get("referral_id")), str(headers.get("ce-type")), message.metadata.sequence.stream))

    def _note(self, one: Fact | Command | Taken) -> None:
        self.seen.append(one)
        if isinstance(one, Fact):
            self._places[one.place] = one.referral_id
        about = self._places.get(one.place, "") if isinstance(one, Taken) else one.referral_id
        self._last[about] = time.monotonic()
