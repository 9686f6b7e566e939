"""The relay is killed, doubled, and loses its stream: every fact is told, in order, with one effect."""

import asyncio
import time

from nats.aio.client import Client
from nats.js.errors import NotFoundError

from sinergi.db import Database
from sinergi.settings import Settings
from tests.faults.probing import Start, Worker, assert_each_fact_has_one_effect_in_order, settled
from tests.harness.stack import Facts, eventually
from tests.shared import probe
from tests.shared.probe import note


async def test_a_relay_killed_between_publish_and_mark_publishes_again_with_one_effect(
    db: Database, start: Start, nats: Client
) -> None:
    thing = await note(db, "first")
    for number in range(20):
        await note(db, str(number), thing)
    start("hear", "window")
    dying = start("tell-and-die")
    await eventually(lambda: _ended(dying))
    assert dying.ended == -9
    assert await _unsent(db) == 21, "it marked what it should not have had time to mark"
    assert (await nats.jetstream().stream_info("PROBE")).state.messages == 21, "it published before it died"

    start("tell", until="active")
    await note(db, "after", thing)
    await eventually(lambda: settled(db, "window"))
    assert await assert_each_fact_has_one_effect_in_order(db, "window") == 22
    facts = await Facts(nats).of("PROBE", str(thing))
    assert [body["text"] for _, body in facts] == ["first", *map(str, range(20)), "after"]


async def test_a_relay_killed_again_and_again_in_its_window_gets_everything_out(
    db: Database, start: Start, nats: Client
) -> None:
    """Each time it dies with one row more than the last, the first ones published already."""
    thing = await note(db, "0")
    start("hear", "again")
    for number in range(1, 4):
        dying = start("tell-and-die")
        await eventually(lambda dying=dying: _ended(dying))  # type: ignore[misc]
        await note(db, str(number), thing)
    start("tell", until="active")
    await eventually(lambda: settled(db, "again"))
    assert await assert_each_fact_has_one_effect_in_order(db, "again") == 4


async def test_a_second_relay_takes_over_within_three_seconds_and_keeps_the_order(db: Database, start: Start) -> None:
    things = [await note(db, "0") for _ in range(4)]
    start("hear", "takeover")
    first = start("tell", until="active")
    second = start("tell")
    load = start("load", "load", *map(str, things))
    await asyncio.sleep(1.5)
    assert "active" not in second.said(), "two relays of one database were active at once"
    first.kill()
    killed = time.monotonic()
    await eventually(lambda: _said(second, "active"), timeout=3)
    took = time.monotonic() - killed
    first.start()
    await asyncio.sleep(1)
    load.kill()
    await eventually(lambda: settled(db, "takeover"))
    assert took < 3, f"it took {took:.1f} s"
    assert first.said().count("active") == 1, "the first came back as a second active relay"
    assert await assert_each_fact_has_one_effect_in_order(db, "takeover") > 100


async def test_a_stream_deleted_under_a_running_relay_is_declared_again_and_refilled(
    db: Database, start: Start, nats: Client
) -> None:
    thing = await note(db, "0")
    start("tell", until="active")
    for number in range(1, 10):
        await note(db, str(number), thing)
    await eventually(lambda: _all_sent(db))
    await nats.jetstream().delete_stream("PROBE")
    await note(db, "10", thing)
    await eventually(lambda: _count(nats, 11))
    facts = await Facts(nats).of("PROBE", str(thing))
    assert [body["text"] for _, body in facts] == [str(number) for number in range(11)]
    assert await _all_sent(db)


async def test_a_stream_that_loses_its_tail_under_a_running_relay_gets_it_back(
    db: Database, start: Start, nats: Client, settings: Settings
) -> None:
    """By hand, without a lost connection: the only sign is that places are given twice."""
    thing = await note(db, "0")
    start("tell", until="active")
    for number in range(1, 10):
        await note(db, str(number), thing)
    await eventually(lambda: _all_sent(db))
    await _cut_after(nats, 4)
    await note(db, "10", thing)
    start("hear", "tail")
    await eventually(lambda: settled(db, "tail"))
    assert await assert_each_fact_has_one_effect_in_order(db, "tail") == 11
    places = await probe.rows(db, "SELECT stream_seq FROM outbox")
    assert len({one[0] for one in places}) == 11, "two facts are said to lie at one place of the stream"


async def _cut_after(nats: Client, kept: int) -> None:
    stream = nats.jetstream()
    config = (await stream.stream_info("PROBE")).config
    messages = [await stream.get_msg("PROBE", number) for number in range(1, kept + 1)]
    await stream.delete_stream("PROBE")
    await stream.add_stream(config)
    for message in messages:
        headers = {name: value for name, value in (message.headers or {}).items() if name[:9] != "Nats-Batc"}
        await stream.publish(message.subject or "", message.data or b"", headers=headers)


async def _ended(worker: Worker) -> bool:
    return worker.ended is not None


async def _said(worker: Worker, word: str) -> bool:
    return word in worker.said()


async def _unsent(db: Database) -> int:
    return len(await probe.rows(db, "SELECT 1 FROM outbox WHERE published_at IS NULL"))


async def _all_sent(db: Database) -> bool:
    return not await _unsent(db)


async def _count(nats: Client, count: int) -> bool:
    try:
        return (await nats.jetstream().stream_info("PROBE")).state.messages == count
    except NotFoundError:
        return False
