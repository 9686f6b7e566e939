"""The bare limit of messaging: plain nats-py on a stream and a consumer with the same settings as ours."""

import asyncio
import time
from pathlib import Path
from typing import Any

from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.js import JetStreamContext

from bench import sample
from bench.stage import AGENCY, operator
from bench.worker import Talk
from sinergi.events import STREAMS
from sinergi.provision import declare_durable, declare_stream
from sinergi.settings import Settings

STREAM, SUBJECT, DURABLE = "BARE", f"sinergi.bareness.requested.v1.{AGENCY}", "bare"
PENDING = 500
BATCH = 64
STREAMS[STREAM] = ("nobody", ["sinergi.bareness.>"])


async def declare(client: Client, settings: dict[str, Any]) -> None:
    """The bare stream and its consumer: the settings of sinergi.provision."""
    await declare_stream(client, STREAM, Settings(**settings))
    await declare_durable(client, STREAM, DURABLE, SUBJECT)


async def publish(talk: Talk, url: str, seed_file: Path, count: int) -> None:
    """For each word heard: publish `count` facts, as many as 500 waiting for their acks; tells when it began."""
    async with operator(url, seed_file) as client:
        stream = client.jetstream(publish_async_max_pending=PENDING)
        while True:
            rows = [(one["body"], sample.headers(one)) for one in sample.rows(count, AGENCY)]
            talk.tell("ready")
            await talk.hear()
            began = time.monotonic()
            await publish_all(stream, rows)
            talk.tell(began)


async def publish_all(stream: JetStreamContext, rows: list[tuple[bytes, dict[str, str]]]) -> None:
    """Publish, and wait for every ack."""
    acks = [await stream.publish_async(SUBJECT, body, stream=STREAM, headers=head) for body, head in rows]
    await asyncio.gather(*acks)


async def publish_steadily(talk: Talk, url: str, seed_file: Path, seconds: float, rate: int) -> None:
    """For each word heard: publish `rate` facts a second, with ack; tells referral -> when it was given to nats-py."""
    async with operator(url, seed_file) as client:
        stream = client.jetstream()
        talk.tell("ready")
        while True:
            await talk.hear()
            sent: dict[str, int] = {}
            facts = list(sample.rows(int(seconds * rate), AGENCY))

            async def send(number: int, facts: list[sample.Row] = facts, sent: dict[str, int] = sent) -> None:
                one = facts[number]
                sent[one["aggregate_id"]] = time.monotonic_ns()
                await stream.publish(SUBJECT, one["body"], stream=STREAM, headers=sample.headers(one))

            await steadily(send, len(facts), rate)
            talk.tell(sent)


async def steadily(act: Any, count: int, rate: int) -> None:
    """`await act(number)` `rate` times a second, on time also when one is slow."""
    begin, tasks = time.monotonic(), []
    for number in range(count):
        await asyncio.sleep(max(0.0, begin + number / rate - time.monotonic()))
        tasks.append(asyncio.create_task(act(number)))
    await asyncio.gather(*tasks)


async def pull(talk: Talk, url: str, seed_file: Path, count: int, batch: int = BATCH) -> None:
    """Pull and ack for ever; after every `count` messages tells referral -> when it came."""
    async with operator(url, seed_file) as client:
        subscription = await client.jetstream().pull_subscribe_bind(DURABLE, STREAM)
        talk.tell("ready")
        came: dict[str, int] = {}
        while True:
            for message in await _fetch(subscription, batch):
                came[(message.headers or {})["ce-partitionkey"]] = time.monotonic_ns()
                await message.ack()
                if len(came) == count:
                    talk.tell(came)
                    came = {}


async def _fetch(subscription: JetStreamContext.PullSubscription, batch: int) -> list[Msg]:
    try:
        return await subscription.fetch(batch, timeout=5)
    except TimeoutError:
        return []
