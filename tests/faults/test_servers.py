"""The servers are killed under load: nothing is lost, nothing has two effects, every thing's order is kept."""

import asyncio

from sinergi.db import Database
from tests.faults.probing import Start, Worker, assert_each_fact_has_one_effect_in_order, settled, told
from tests.harness.backends import Backend
from tests.harness.stack import eventually
from tests.shared.probe import note


async def test_nats_killed_three_times_under_load_loses_nothing(db: Database, start: Start, backend: Backend) -> None:
    load = await _at_work(db, start, "broker")
    for _ in range(3):
        await asyncio.sleep(2.5)
        backend.crash_nats()
    await asyncio.sleep(2.5)
    load.kill()
    await eventually(lambda: settled(db, "broker"), timeout=40)
    assert not load.keys("failed"), "a command failed because the broker was away"
    assert await assert_each_fact_has_one_effect_in_order(db, "broker") > 500
    await _assert_all_are_told(db, load)


async def test_postgres_killed_three_times_under_load_keeps_every_promise(
    db: Database, start: Start, backend: Backend
) -> None:
    """A command that failed is given again under its key: it is done once, also where only the answer was lost."""
    load = await _at_work(db, start, "database")
    for _ in range(3):
        await asyncio.sleep(2.5)
        backend.crash_postgres()
    await asyncio.sleep(2.5)
    load.kill()
    await eventually(lambda: _settled_again(db, "database"), timeout=40)
    assert load.keys("failed"), "no command noticed that the database was away"
    assert await assert_each_fact_has_one_effect_in_order(db, "database") > 300
    await _assert_all_are_told(db, load)


async def _at_work(db: Database, start: Start, name: str) -> Worker:
    things = [await note(db, "0") for _ in range(8)]
    start("tell", until="active")
    start("hear", name)
    return start("load", f"load-{name}", *map(str, things))


async def _settled_again(db: Database, name: str) -> bool:
    try:
        return await settled(db, name)
    except Exception:  # the pool's connections of before the crash
        return False


async def _assert_all_are_told(db: Database, load: Worker) -> None:
    """Every command that was answered with success has its one fact; what failed and was not given again with
    success has one or none, which the row's version has shown already."""
    texts = [text for facts in (await told(db)).values() for _, text in facts if text != "0"]
    assert len(set(texts)) == len(texts), "a command was carried out twice"
    assert set(load.keys("done")) <= set(texts), "a command answered with success has no fact"
    strangers = set(texts) - set(load.keys("done")) - set(load.keys("failed"))
    assert len(strangers) <= 8, "facts of commands that nobody gave"  # one for each thing when the load was killed
