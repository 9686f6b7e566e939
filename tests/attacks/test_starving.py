"""koperasi takes all it can get: bptsp still gets what is its own, and at once."""

import asyncio
import json
import time

from nats.aio.client import Client

from tests.attacks.attacker import NEXT, ask, pull, pull_own
from tests.attacks.conftest import Tell

SECONDS = 2.0


async def test_a_huge_pull_takes_nothing_from_another(koperasi: Client, bptsp: Client, refer: Tell) -> None:
    inbox = koperasi.new_inbox()
    box = await koperasi.subscribe(inbox)
    for batch in (1_000_000_000, 2**31, 2**62):
        await koperasi.publish(NEXT, json.dumps({"batch": batch, "expires": 30 * 10**9}).encode(), reply=inbox)
    await _still_served(bptsp, refer)
    await box.unsubscribe()


async def test_more_pulls_than_may_wait_take_nothing_from_another(koperasi: Client, bptsp: Client, refer: Tell) -> None:
    inbox = koperasi.new_inbox()
    box = await koperasi.subscribe(inbox)
    for _ in range(2000):
        await koperasi.publish(NEXT, b'{"batch": 100, "expires": 30000000000}', reply=inbox)
    await koperasi.flush()
    await _still_served(bptsp, refer)
    await box.unsubscribe()


async def test_messages_never_acknowledged_hold_up_nobody_else(koperasi: Client, bptsp: Client, refer: Tell) -> None:
    await asyncio.gather(*(refer("koperasi") for _ in range(50)))
    assert await pull(koperasi, 1000)
    await _still_served(bptsp, refer)


async def test_a_flood_of_commands_does_not_lose_anothers(nats: Client, koperasi: Client, bptsp: Client) -> None:
    """The core may be slow on them, but the other's command comes through."""

    async def answer(message: object) -> None:
        if message.subject == "sinergi.cmd.bptsp.referral.accept":  # type: ignore[attr-defined]
            await nats.publish(message.reply, b'{"version": 2}')  # type: ignore[attr-defined]

    core = await nats.subscribe("sinergi.cmd.*.>", cb=answer)
    await nats.flush()
    for _ in range(20_000):
        await koperasi.publish("sinergi.cmd.referral.accept", b"{}")
    reply = await bptsp.request("sinergi.cmd.referral.accept", b"{}", timeout=10)
    assert json.loads(reply.data) == {"version": 2}
    await core.unsubscribe()


async def test_a_subscription_on_everything_by_many_slows_nobody(koperasi: Client, bptsp: Client, refer: Tell) -> None:
    boxes = [await koperasi.subscribe(">") for _ in range(100)]
    await koperasi.flush()
    await _still_served(bptsp, refer)
    assert await ask(koperasi, "sinergi.cmd.nobody") is None
    for box in boxes:
        await box.unsubscribe()


async def _still_served(agency: Client, refer: Tell) -> None:
    since = time.monotonic()
    message = await pull_own(agency, await refer("bptsp"))
    assert time.monotonic() - since < SECONDS
    await message.ack_sync(timeout=5)
