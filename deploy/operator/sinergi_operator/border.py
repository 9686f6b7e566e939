"""The border as an agency's own system meets it: what it hears, and what it may command."""

import asyncio
import json
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import nats
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.errors import Error as NatsError
from nats.js.api import ConsumerInfo

from sinergi.problems import Refused

STREAM, DURABLE, PREFIX = "REFERRALS", "me", "SIN.API"
PATIENCE_SECONDS = 20.0


class Border:
    """One connection with an agency's own key. Errors: `Refused` says what did not come, and what to look at."""

    def __init__(self, client: Client) -> None:
        self._nats = client
        self._stream = client.jetstream(prefix=PREFIX)

    @classmethod
    async def connect(cls, url: str, seed_file: Path) -> "Border":
        """Refused: `key-refused` when the server does not know the key."""
        try:
            connecting = nats.connect(
                url.split(","), nkeys_seed=str(seed_file), name="operator", allow_reconnect=False, connect_timeout=5
            )
            return cls(await connecting)
        except (NatsError, OSError, TimeoutError) as wrong:
            sentence = f"The NATS server does not take the key {seed_file}: {type(wrong).__name__}."
            raise Refused("key-refused", sentence, "unavailable") from None

    async def close(self) -> None:
        """Leave; what was not acknowledged comes again."""
        await self._nats.close()

    async def consumer(self) -> ConsumerInfo | None:
        """The agency's own consumer, as the agency sees it; None while the core has made none."""
        with suppress(NatsError, TimeoutError):
            info: ConsumerInfo = await self._stream.consumer_info(STREAM, DURABLE, timeout=1)
            return info
        return None

    async def until_known(self) -> None:
        """Wait until the core has made the consumer. Refused: `no-consumer`."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while await self.consumer() is None:
            if time.monotonic() > deadline:
                raise Refused("no-consumer", "The service referrals made no consumer: is it running?", "unavailable")
            await asyncio.sleep(0.1)

    async def listening(self) -> bool:
        """Whether somebody waits for this agency's facts now."""
        info = await self.consumer()
        return bool(info and info.num_waiting)

    async def hear(self, referral_id: str, fact: str) -> None:
        """Take this fact of this referral, and the referral's earlier ones; what is not of it comes again later."""
        subscription = await self._stream.pull_subscribe_bind(DURABLE, STREAM)
        deadline = time.monotonic() + PATIENCE_SECONDS
        try:
            while time.monotonic() < deadline:
                with suppress(TimeoutError):
                    messages = await subscription.fetch(64, timeout=1)
                    if fact in [await _taken(one, referral_id) for one in messages]:
                        return
        finally:
            await subscription.unsubscribe()
        raise Refused("not-heard", f"{fact} did not come within {PATIENCE_SECONDS:.0f} s.", "unavailable")

    async def command(self, name: str, referral_id: str, version: int, **fields: Any) -> dict[str, Any]:
        """Give a command as the agency; raises the core's refusal."""
        request = {"referral_id": referral_id, "expected_version": version, **fields}
        reply = await self._nats.request(f"sinergi.cmd.referral.{name}", json.dumps(request).encode(), timeout=10)
        answer: dict[str, Any] = json.loads(reply.data)
        if "problem" in answer:
            raise Refused.of(answer["problem"])
        return answer


async def _taken(message: Msg, referral_id: str) -> str | None:
    headers = message.headers or {}
    if headers.get("ce-partitionkey") != referral_id:
        await message.nak(delay=5)  # the agency's own: it comes again
        return None
    await message.ack_sync(timeout=5)
    return headers.get("ce-type")
