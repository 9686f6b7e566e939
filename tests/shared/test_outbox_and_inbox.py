"""Facts and rows commit together; effects happen once, in order, whatever fails in between."""

import asyncio
from collections import Counter
from uuid import UUID, uuid4

import pytest
from nats.aio.client import Client

from sinergi.db import Database, Tx, new_id
from sinergi.dead_letters import letters, replay
from sinergi.settings import Settings
from tests.harness.stack import Facts, caught_up, eventually
from tests.shared import probe
from tests.shared.probe import Noted, Thing, effect, effects, listening, note


async def test_a_fact_reaches_its_handler_with_its_envelope(db: Database, settings: Settings) -> None:
    async def when_noted(event: Noted, tx: Tx) -> None:
        await effect(tx, "first", event)

    async with listening(settings, "first", when_noted):
        thing = await note(db, "hello")
        await eventually(lambda: effects(db, "first"))
        assert (str(thing), 1, "hello") in await effects(db, "first")


async def test_rollback_leaves_neither_row_nor_fact(db: Database) -> None:
    thing = new_id()
    with pytest.raises(ZeroDivisionError):
        await _tell_and_fail(db, thing)
    assert not await probe.rows(db, "SELECT 1 FROM things WHERE id = :id", id=thing)
    assert not await probe.rows(db, "SELECT 1 FROM outbox WHERE aggregate_id = :id", id=thing)


async def _tell_and_fail(db: Database, thing: UUID) -> None:
    async with db.begin() as tx:
        row = Thing(id=thing, version=0)
        tx.add(row)
        tx.emit(Noted(text="never"), of=row)
        await tx.session.flush()
        raise ZeroDivisionError


async def test_what_was_sent_again_has_its_effect_once(db: Database, settings: Settings, nats: Client) -> None:
    """As after a relay that was killed between publishing and marking: the row is sent again."""

    async def when_noted(event: Noted, tx: Tx) -> None:
        await effect(tx, "once", event)

    async with listening(settings, "once", when_noted) as running:
        thing = await note(db, "twice sent")
        await eventually(lambda: _sent(db, thing))
        await probe.rows(db, "UPDATE outbox SET published_at = NULL WHERE aggregate_id = :id RETURNING 1", id=thing)
        row = (await probe.rows(db, "SELECT subject, headers, body FROM outbox WHERE aggregate_id = :id", id=thing))[0]
        await nats.jetstream().publish(row.subject, row.body, headers=row.headers)  # no dedupe id: a true duplicate
        await eventually(lambda: _sent(db, thing))
        await eventually(lambda: caught_up(running.nats, "PROBE", "once-probe"))
        assert [one for one in await effects(db, "once") if one[0] == str(thing)] == [(str(thing), 1, "twice sent")]


async def test_facts_of_an_aggregate_have_their_effects_in_order(db: Database, settings: Settings) -> None:
    async def when_noted(event: Noted, tx: Tx) -> None:
        await effect(tx, "order", event)

    async with listening(settings, "order", when_noted):
        things = [await note(db, "0") for _ in range(5)]
        for number in range(1, 20):
            await asyncio.gather(*(note(db, str(number), thing) for thing in things))
        await eventually(lambda: _has(db, "order", {str(thing) for thing in things}, 100))
        for thing in things:
            seen = [version for one, version, _ in await effects(db, "order") if one == str(thing)]
            assert seen == list(range(1, 21))


async def test_a_later_fact_waits_for_the_earlier_one(settings: Settings, db: Database, nats: Client) -> None:
    async def when_noted(event: Noted, tx: Tx) -> None:
        await effect(tx, "parked", event)

    thing, tell = str(uuid4()), Facts(nats).publish
    async with listening(settings, "parked", when_noted):
        for version in (3, 2):
            await tell(Noted(text=str(version)), thing, version)
        await asyncio.sleep(0.5)
        assert not await _of(db, "parked", thing)
        await tell(Noted(text="1"), thing, 1)
        await eventually(lambda: _has(db, "parked", {thing}, 3))
        assert [version for _, version, _ in await _of(db, "parked", thing)] == [1, 2, 3]
        assert not await probe.rows(db, "SELECT 1 FROM inbox_parked WHERE aggregate_id = :id", id=UUID(thing))


async def test_a_handler_that_fails_is_tried_again_later(settings: Settings, db: Database, nats: Client) -> None:
    tries: list[float] = []

    async def when_noted(event: Noted, tx: Tx) -> None:
        if event.text == "fails twice":
            tries.append(asyncio.get_running_loop().time())
            if len(tries) < 3:
                raise RuntimeError("not yet")
        await effect(tx, "retried", event)

    bad, good = str(uuid4()), str(uuid4())
    async with listening(settings, "retried", when_noted):
        await Facts(nats).publish(Noted(text="fails twice"), bad, 1)
        await eventually(lambda: _true(tries))
        await Facts(nats).publish(Noted(text="harmless"), good, 1)
        await eventually(lambda: _of(db, "retried", good))
        assert not await _of(db, "retried", bad), "the good one must not wait for the bad one"
        await eventually(lambda: _of(db, "retried", bad))
    assert tries[-1] - tries[-2] >= 0.18, f"the last try came without its delay: {tries}"


async def test_a_poison_goes_to_the_dead_letters_and_can_be_replayed(
    settings: Settings, db: Database, nats: Client
) -> None:
    broken = True

    async def when_noted(event: Noted, tx: Tx) -> None:
        if event.text == "poison" and broken:
            raise RuntimeError("a bug")
        await effect(tx, "poisoned", event)

    thing, tell = str(uuid4()), Facts(nats).publish
    async with listening(settings, "poisoned", when_noted):
        await tell(Noted(text="poison"), thing, 1)
        await tell(Noted(text="behind it"), thing, 2)
        dead = await eventually(lambda: _dead(nats, "poisoned-probe", thing))
        assert (dead.tries, dead.error) == (3, "RuntimeError after 3 tries")
        assert not await _of(db, "poisoned", thing)
        broken = False
        await replay(nats, dead.number)
        await eventually(lambda: _has(db, "poisoned", {thing}, 2))
        assert [note for *_, note in await _of(db, "poisoned", thing)] == ["poison", "behind it"]
        assert not await _dead(nats, "poisoned-probe", thing)


async def test_a_dead_letter_that_is_skipped_lets_the_later_facts_go_on(
    settings: Settings, db: Database, nats: Client
) -> None:
    async def when_noted(event: Noted, tx: Tx) -> None:
        if event.text == "poison":
            raise RuntimeError("for ever")
        await effect(tx, "skipping", event)

    thing, tell = str(uuid4()), Facts(nats).publish
    async with listening(settings, "skipping", when_noted):
        await tell(Noted(text="poison"), thing, 1)
        await tell(Noted(text="goes on"), thing, 2)
        dead = await eventually(lambda: _dead(nats, "skipping-probe", thing))
        await replay(nats, dead.number, skip=True)
        await eventually(lambda: _of(db, "skipping", thing))
        assert [note for *_, note in await _of(db, "skipping", thing)] == ["goes on"]


@pytest.mark.parametrize(
    ("body", "headers", "error"),
    [
        (b"not json", {}, "the body breaks the schema"),
        (b'{"text": 1}', {}, "text: string_type"),
        (b"{}", {"ce-type": "sinergi.probe.noted.v9"}, "is a version that this release does not know"),
        (b"{}", {"ce-sequence": "seven"}, "not of its type"),
        (b"{}", {"ce-id": None}, "'ce-id' is missing"),
    ],
)
async def test_what_is_no_event_of_ours_is_dead_at_once(
    settings: Settings, db: Database, nats: Client, body: bytes, headers: dict[str, str | None], error: str
) -> None:
    async def when_noted(event: Noted, tx: Tx) -> None:
        await effect(tx, "strict", event)

    thing = str(uuid4())
    usual: dict[str, str | None] = {
        "ce-id": str(uuid4()),
        "ce-type": "sinergi.probe.noted.v1",
        "ce-source": "test",
        "ce-time": "2026-11-22T00:00:00+00:00",
        "ce-partitionkey": thing,
        "ce-sequence": "1",
    }
    sent = {name: value for name, value in (usual | headers).items() if value is not None}
    async with listening(settings, "strict", when_noted):
        await nats.jetstream().publish("sinergi.probe.noted.v1.core", body, headers=sent)
        dead = await eventually(lambda: _dead(nats, "strict-probe", thing))
        assert error in dead.error
        assert dead.tries == 1


async def test_two_replicas_share_the_work(settings: Settings, db: Database) -> None:
    def worker(name: str) -> object:
        async def when_noted(event: Noted, tx: Tx) -> None:
            await effect(tx, name, event)
            await asyncio.sleep(0.002)

        return when_noted

    async with listening(settings, "shared", worker("left")), listening(settings, "shared", worker("right")):
        for number in range(200):
            await note(db, str(number))
        await eventually(lambda: _drained_db(db, 200), timeout=30)
        shares = Counter({by: len(await effects(db, by)) for by in ("left", "right")})
    assert min(shares.values()) > 0, shares


async def test_a_stream_that_lost_its_tail_is_refilled_from_the_outbox(settings: Settings, nats: Client) -> None:
    async with probe.telling(settings) as (db, _):
        thing = await note(db, "kept")
        await eventually(lambda: _sent(db, thing))
        for number in range(5):
            await note(db, f"lost {number}", thing)
        await eventually(lambda: _sent(db, thing))
    await _lose_tail(nats, 5)
    assert len(await Facts(nats).of("PROBE", str(thing))) == 1
    async with probe.telling(settings):
        facts = await eventually(lambda: _six(nats, thing))
    assert [body["text"] for _, body in facts] == ["kept", *(f"lost {number}" for number in range(5))]


async def _six(nats: Client, thing: UUID) -> list[tuple[str, dict[str, str]]]:
    facts = await Facts(nats).of("PROBE", str(thing))
    return facts if len(facts) == 6 else []


async def _lose_tail(nats: Client, count: int) -> None:
    """What a power cut does to an unsynced stream: its last messages, and their numbers, never were."""
    stream = nats.jetstream()
    state = (await stream.stream_info("PROBE")).state
    kept = [await stream.get_msg("PROBE", number) for number in range(state.first_seq, state.last_seq + 1 - count)]
    config = (await stream.stream_info("PROBE")).config
    await stream.delete_stream("PROBE")
    await stream.add_stream(config)
    for message in kept:
        headers = {name: value for name, value in (message.headers or {}).items() if name[:9] != "Nats-Batc"}
        await stream.publish(message.subject, message.data, headers=headers)


async def _true(value: object) -> bool:
    return bool(value)


async def _sent(db: Database, thing: UUID) -> bool:
    return not await probe.rows(db, "SELECT 1 FROM outbox WHERE aggregate_id = :id AND published_at IS NULL", id=thing)


async def _of(db: Database, by: str, thing: str) -> list[tuple[str, int, str]]:
    return [one for one in await effects(db, by) if one[0] == thing]


async def _has(db: Database, by: str, things: set[str], count: int) -> bool:
    return len([1 for thing, *_ in await effects(db, by) if thing in things]) == count


async def _dead(nats: Client, durable: str, thing: str) -> object:
    found = [
        one async for one in letters(nats) if one.durable == durable and one.headers.get("ce-partitionkey") == thing
    ]
    return found[0] if found else None


async def _drained_db(db: Database, count: int) -> bool:
    return len(await effects(db, "left")) + len(await effects(db, "right")) >= count
