"""Alarms ring once, in order, late after a downtime, and never twice for several replicas."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest
from sqlalchemy import text

from sinergi.clock import Clock, Ringing, set_alarm, silence
from sinergi.db import Database, Tx
from tests.harness.stack import Stack
from tests.shared.probe import Noted, Thing, settings_for

PAST = datetime(2026, 1, 5, 3, tzinfo=UTC)


class Ward:
    """A database with things and alarms, and what rang in it."""

    def __init__(self, db: Database) -> None:
        self.db, self.clock = db, Clock()
        self.rung: list[tuple[str, UUID]] = []
        self.clock.on("remind")(self.note)
        self.clock.on("escalate")(self.note_last)
        self.clock.on("broken")(self.fail)
        self.clock.on("silencing")(self.be_silenced)

    async def note(self, about: UUID, tx: Tx) -> None:
        thing = await tx.lock(Thing, about)
        tx.emit(Noted(text="remind"), of=thing)

    async def note_last(self, about: UUID, tx: Tx) -> None:
        thing = await tx.lock(Thing, about)
        tx.emit(Noted(text="escalate"), of=thing)

    async def fail(self, about: UUID, tx: Tx) -> None:
        raise RuntimeError("broken")

    async def be_silenced(self, about: UUID, tx: Tx) -> None:
        """Somebody takes the alarm back while it rings."""
        await self.note(about, tx)
        async with self.db.begin() as other:
            await silence(other, about, "silencing")

    async def thing(self, **alarms: timedelta) -> UUID:
        async with self.db.begin() as tx:
            tx.add(thing := Thing(id=uuid4(), version=0))
            await tx.session.flush()
            for kind, offset in alarms.items():
                await set_alarm(tx, kind, thing.id, PAST + offset)
        return thing.id

    def ringing(self) -> Ringing:
        return Ringing(self.clock, self.db, [0.05])

    async def ring_all(self) -> None:
        while await self.ringing().ring_next():
            pass

    async def told(self, about: UUID) -> list[str]:
        async with self.db.begin() as tx:
            rows = await tx.session.execute(
                text(
                    "SELECT convert_from(body, 'utf8')::json->>'text' FROM outbox WHERE aggregate_id = :id ORDER BY seq"
                ),
                {"id": about},
            )
            return list(rows.scalars())

    async def left(self, about: UUID) -> int:
        async with self.db.begin() as tx:
            count = await tx.session.scalar(text("SELECT count(*) FROM alarms WHERE about = :id"), {"id": about})
            return int(count or 0)


@pytest.fixture
async def ward(stack: Stack) -> AsyncIterator[Ward]:
    db = Database(await settings_for(stack), "probe")
    yield Ward(db)
    await db.close()


async def test_alarms_about_one_thing_ring_in_the_order_of_their_times(ward: Ward) -> None:
    thing = await ward.thing(escalate=timedelta(days=2), remind=timedelta(days=1))
    await ward.ring_all()
    assert await ward.told(thing) == ["remind", "escalate"]
    assert await ward.left(thing) == 0


async def test_many_replicas_ring_each_alarm_once(ward: Ward) -> None:
    things = [await ward.thing(remind=timedelta(), escalate=timedelta(hours=1)) for _ in range(20)]

    async def replica() -> None:
        idle = 0
        while idle < 3:
            idle = 0 if await ward.ringing().ring_next() else idle + 1
            await asyncio.sleep(0.01 * idle)

    await asyncio.gather(*(replica() for _ in range(6)))
    assert [await ward.told(one) for one in things] == [["remind", "escalate"]] * 20


async def test_an_alarm_in_the_future_does_not_ring(ward: Ward) -> None:
    thing = await ward.thing(remind=timedelta(days=20_000))
    await ward.ring_all()
    assert await ward.told(thing) == []


async def test_setting_an_alarm_again_moves_it(ward: Ward) -> None:
    thing = await ward.thing(remind=timedelta())
    async with ward.db.begin() as tx:
        await set_alarm(tx, "remind", thing, datetime.now(UTC) + timedelta(days=1))
    await ward.ring_all()
    assert (await ward.told(thing), await ward.left(thing)) == ([], 1)


async def test_what_was_silenced_while_it_rang_leaves_no_trace(ward: Ward) -> None:
    thing = await ward.thing(silencing=timedelta())
    assert await ward.ringing().ring_next()
    assert (await ward.told(thing), await ward.left(thing)) == ([], 0)


async def test_an_alarm_that_fails_holds_up_only_its_own_thing_and_is_tried_again(ward: Ward) -> None:
    stuck = await ward.thing(broken=timedelta(), remind=timedelta(days=1))
    other = await ward.thing(remind=timedelta(days=2))
    await ward.ring_all()
    assert (await ward.told(other), await ward.told(stuck)) == (["remind"], [])
    ward.clock.on("broken")(ward.note_last)
    await asyncio.sleep(0.06)
    await ward.ring_all()
    assert await ward.told(stuck) == ["escalate", "remind"]


async def test_a_thing_that_is_rolled_back_has_no_alarm(ward: Ward) -> None:
    about = uuid4()
    with pytest.raises(RuntimeError):
        await _set_and_break(ward, about)
    assert await ward.left(about) == 0


async def _set_and_break(ward: Ward, about: UUID) -> None:
    async with ward.db.begin() as tx:
        await set_alarm(tx, "remind", about, PAST)
        raise RuntimeError
