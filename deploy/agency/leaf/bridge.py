"""Carry an agency's facts into a stream of its own server, a leaf node: in order, each once, after any absence.

    SINERGI_NATS_URL=nats://127.0.0.1:4222 SINERGI_NATS_SEED_FILE=/etc/koperasi.nk python bridge.py

The plug-in then reads from the leaf alone: the same settings, and SINERGI_JS_PREFIX='$JS.API'. Why not a mirror:
docs/decisions/0019-leaf-nodes.md.
"""

import asyncio
import json
import os
from datetime import datetime, timedelta

import nats
import structlog
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.errors import Error as NatsError
from nats.js.api import DiscardPolicy, StreamConfig
from nats.js.errors import NotFoundError

log = structlog.get_logger()

STREAM, DURABLE = "REFERRALS", "me"
#: where a fact lies at the core, and since when: our cursor, kept with the last fact that we have
PLACE, SINCE = "Sinergi-Place", "Sinergi-Since"
BEGINNING = "1970-01-01T00:00:00+00:00"
BATCH = 64
PAUSE_SECONDS = 1.0


class Gap(Exception):
    """A fact was lost on the way, or comes again: go back to the last one that we have."""


async def carry(nc: Client) -> None:
    """Carry until cancelled. `nc` is a connection to the leaf."""
    await _declare(nc)
    while True:
        try:
            place = await _go_back(nc)
            await _follow(nc, place)
        except (NatsError, TimeoutError, Gap) as wrong:
            log.info("bridge.waiting", error=type(wrong).__name__)
            await asyncio.sleep(PAUSE_SECONDS)


async def _declare(nc: Client) -> None:
    """Our stream, which refuses rather than drops, and the plug-in's consumer of it."""
    stream = nc.jetstream()
    await stream.add_stream(StreamConfig(name=STREAM, subjects=["sinergi.referral.>"], discard=DiscardPolicy.NEW))
    await stream.add_consumer(STREAM, durable_name=DURABLE, ack_policy="explicit", max_deliver=-1)


async def _go_back(nc: Client) -> int:
    """Let the core begin again at the last fact that we have; returns its place there, 0 when we have none."""
    place, since = 0, BEGINNING
    try:
        last = await nc.jetstream().get_last_msg(STREAM, "sinergi.referral.>")
        headers = last.headers or {}
        place, since = int(headers[PLACE]), headers[SINCE]
    except NotFoundError:
        pass
    reply = await nc.request("sinergi.cmd.agency.replay", json.dumps({"since": since}).encode(), timeout=10)
    if "problem" in (answer := json.loads(reply.data)):
        raise NatsError(answer["problem"]["detail"])
    return place


async def _follow(nc: Client, place: int) -> None:
    """Take what comes, as long as the core's numbers of delivery have no gap."""
    subscription = await nc.jetstream(prefix="SIN.API").pull_subscribe_bind(DURABLE, STREAM)
    delivery = 0
    try:
        while True:
            try:
                messages = await subscription.fetch(BATCH, timeout=2)
            except TimeoutError:
                continue  # nothing came
            for message in messages:
                delivery += 1
                place = await _take(nc, message, delivery, place)
    finally:
        await subscription.unsubscribe()


async def _take(nc: Client, message: Msg, delivery: int, place: int) -> int:
    """Store it here, then acknowledge it there. Returns where it lies there."""
    there = message.metadata
    if there.sequence.consumer != delivery:
        raise Gap
    if there.sequence.stream > place:
        await nc.jetstream().publish(message.subject, message.data, headers=_with_cursor(message))
        place = there.sequence.stream
    await message.ack()
    return place


def _with_cursor(message: Msg) -> dict[str, str]:
    # The client rounds the moment: a little earlier, so that nothing beside this fact is passed over.
    since: datetime = message.metadata.timestamp - timedelta(milliseconds=1)
    kept = {name: value for name, value in (message.headers or {}).items() if not name.startswith("Nats-")}
    return kept | {PLACE: str(message.metadata.sequence.stream), SINCE: since.isoformat()}


async def main() -> None:
    nc = await nats.connect(
        os.environ["SINERGI_NATS_URL"].split(","),
        nkeys_seed=os.environ["SINERGI_NATS_SEED_FILE"],
        name="bridge",
        max_reconnect_attempts=-1,
    )
    await carry(nc)


if __name__ == "__main__":
    asyncio.run(main())
