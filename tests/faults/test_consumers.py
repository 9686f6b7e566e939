"""Consumers are killed, deleted and flooded with the same message: every effect happens once."""

import asyncio
import time
from collections import Counter
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from uuid import uuid4

import psutil
import pytest
from nats.aio.client import Client

from sinergi.bus import CONSUMER_GONE
from sinergi.cloudevents import Envelope
from sinergi.db import Database, Tx
from sinergi.dead_letters import letters
from sinergi.settings import Settings
from tests.faults.probing import Start, assert_each_fact_has_one_effect_in_order, done, settled
from tests.harness.stack import caught_up, eventually
from tests.shared.probe import Noted, effect, listening, note


async def test_a_consumer_killed_again_and_again_under_load_has_each_effect_once(db: Database, start: Start) -> None:
    things = [await note(db, "0") for _ in range(8)]
    start("tell", until="active")
    heir = start("hear", "killed")
    load = start("load", "load", *map(str, things))
    for _ in range(6):
        await asyncio.sleep(1)
        heir.kill()
        heir.start()
    load.kill()
    await eventually(lambda: settled(db, "killed"), timeout=30)
    assert await assert_each_fact_has_one_effect_in_order(db, "killed") > 300


async def test_a_deleted_durable_ends_the_process_with_its_own_status_and_nothing_is_missed(
    db: Database, start: Start, nats: Client
) -> None:
    thing = await note(db, "0")
    start("tell", until="active")
    hearer = start("hear", "deleted")
    await eventually(lambda: settled(db, "deleted"))
    await nats.jetstream().delete_consumer("PROBE", "deleted-probe")
    process, began = psutil.Process(hearer.pid), time.monotonic()
    before = sum(process.cpu_times()[:2])
    burnt = before
    await note(db, "while it was gone", thing)
    while hearer.ended is None and time.monotonic() < began + 30:
        burnt = _seconds(process, burnt)
        await asyncio.sleep(0.1)
    assert hearer.ended == CONSUMER_GONE
    assert "missing consumer deleted-probe" in hearer.said(), "readiness did not tell it"
    assert burnt - before < 1.5, f"it burnt {burnt - before:.1f} s of CPU in {time.monotonic() - began:.1f} s"
    hearer.start()
    await note(db, "afterwards", thing)
    await eventually(lambda: settled(db, "deleted"))
    assert await assert_each_fact_has_one_effect_in_order(db, "deleted") == 3


def _seconds(process: psutil.Process, before: float) -> float:
    try:
        return max(before, float(sum(process.cpu_times()[:2])))
    except (psutil.NoSuchProcess, psutil.ZombieProcess):
        return before


async def test_the_same_event_fifty_times_at_once_to_two_replicas_has_one_effect(
    db: Database, settings: Settings, nats: Client
) -> None:
    """No dedupe by the broker: fifty messages, each its own, all with one event's id."""

    async def when_noted(event: Noted, tx: Tx) -> None:
        await effect(tx, "storm", event)
        await asyncio.sleep(0.01)

    things = [str(uuid4()) for _ in range(5)]
    async with AsyncExitStack() as replicas:
        for _ in range(2):
            await replicas.enter_async_context(listening(settings, "storm", when_noted))
        await asyncio.gather(*(_fifty_times(nats, thing) for thing in things))
        await eventually(lambda: caught_up(nats, "PROBE", "storm-probe"))
    assert Counter({thing: len(those) for thing, those in (await done(db, "storm")).items()}) == dict.fromkeys(
        things, 1
    )


async def test_the_same_event_in_wave_after_wave_has_one_effect(db: Database, settings: Settings, nats: Client) -> None:
    """Its effect is committed long before the last of 250 copies comes."""

    async def when_noted(event: Noted, tx: Tx) -> None:
        await effect(tx, "unacked", event)

    thing, event_id = str(uuid4()), str(uuid4())
    async with listening(settings, "unacked", when_noted):
        for _ in range(5):
            await _fifty_times(nats, thing, event_id)
        await eventually(lambda: caught_up(nats, "PROBE", "unacked-probe"))
    assert await done(db, "unacked") == {thing: [(1, "storm")]}


@pytest.mark.parametrize("body", [b"this is no JSON", b"\xff\xfe", b""], ids=["words", "bytes", "nothing"])
async def test_a_body_that_is_not_the_json_its_header_promises_is_dead_at_once(
    db: Database, settings: Settings, nats: Client, body: bytes
) -> None:
    """The framework would decode it before our code sees it, fail, and leave it to come again for ever."""

    async def when_noted(event: Noted, tx: Tx) -> None:
        await effect(tx, "promised", event)

    headers = _envelope(str(uuid4())).headers()
    assert headers["content-type"] == "application/json"
    async with listening(settings, "promised", when_noted):
        await nats.jetstream().publish(Noted.subject("core"), body, headers=headers)
        assert await eventually(lambda: _buried(nats, headers["ce-id"]), what="it never came to the dead letters")


async def _fifty_times(nats: Client, thing: str, event_id: str | None = None) -> None:
    event = Noted(text="storm")
    body, headers = event.model_dump_json().encode(), _envelope(thing, event_id).headers()
    subject, stream = event.subject("core"), nats.jetstream()
    await asyncio.gather(*(stream.publish(subject, body, headers=headers) for _ in range(50)))


def _envelope(thing: str, event_id: str | None = None) -> Envelope:
    return Envelope(
        id=event_id or str(uuid4()),
        type=Noted.type(),
        source="sinergi/test",
        time=datetime.now(UTC),
        partitionkey=thing,
        sequence=1,
    )


async def _buried(nats: Client, event_id: str) -> list[str]:
    return [one.error async for one in letters(nats) if one.headers.get("ce-id") == event_id]
