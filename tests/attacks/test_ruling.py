"""koperasi wants to dispose of another agency's messages, or of streams and consumers."""

import asyncio
from typing import Any

import pytest
from nats.aio.client import Client
from nats.js.api import ConsumerInfo

from tests.attacks.attacker import PATIENCE, ask, pull, pull_own
from tests.attacks.conftest import Tell
from tests.attacks.test_reading import NOT_ENABLED, PREFIXES

#: what the server says where JetStream is not for this account, or not a cluster
REFUSALS = {None, NOT_ENABLED, 10010}
#: the two formats of an acknowledgement's subject (ADR-15): the second names domain and account's hash
ACKS = (
    "$JS.ACK.REFERRALS.bptsp.{place}",
    "$JS.ACK.REFERRALS.koperasi.REFERRALS.bptsp.{place}",
    "$JS.ACK.REFERRALS.koperasi.REFERRALS.bptsp.{place}.token",
    "$JS.ACK._._.REFERRALS.bptsp.{place}",
    "$JS.ACK.REFERRALS.*.{place}",
    "$JS.ACK.REFERRALS.koperasi.{place}",
    "$JS.ACK.REFERRALS.me.{place}",
    "SIN.ACK.REFERRALS.bptsp.{place}",
)
VERDICTS = (b"+ACK", b"-NAK", b"+TERM", b"+WPI", b'+NXT {"batch": 10}', b"")

CONSUMER: dict[str, Any] = {"durable_name": "thief", "ack_policy": "none", "filter_subject": "sinergi.>"}
STREAM = {"name": "THIEF", "subjects": ["sinergi.cmd.>"], "storage": "memory"}
MANAGEMENT: tuple[tuple[str, Any], ...] = (
    ("CONSUMER.CREATE.REFERRALS", {"stream_name": "REFERRALS", "config": CONSUMER}),
    ("CONSUMER.CREATE.REFERRALS.thief", {"stream_name": "REFERRALS", "config": CONSUMER}),
    ("CONSUMER.CREATE.REFERRALS.thief.sinergi.>", {"stream_name": "REFERRALS", "config": CONSUMER}),
    ("CONSUMER.DURABLE.CREATE.REFERRALS.thief", {"stream_name": "REFERRALS", "config": CONSUMER}),
    ("CONSUMER.CREATE.REFERRALS.bptsp", {"stream_name": "REFERRALS", "config": CONSUMER | {"durable_name": "bptsp"}}),
    ("CONSUMER.CREATE.REFERRALS.me", {"stream_name": "REFERRALS", "config": CONSUMER | {"durable_name": "me"}}),
    ("CONSUMER.DELETE.REFERRALS.bptsp", ""),
    ("CONSUMER.DELETE.REFERRALS.me", ""),
    ("CONSUMER.DELETE.REFERRALS.koperasi", ""),
    ("CONSUMER.PAUSE.REFERRALS.bptsp", {"pause_until": "2099-01-01T00:00:00Z"}),
    ("CONSUMER.UNPIN.REFERRALS.bptsp", {"group": "x"}),
    ("CONSUMER.RESET.REFERRALS.bptsp", ""),
    ("CONSUMER.LEADER.STEPDOWN.REFERRALS.bptsp", ""),
    ("STREAM.CREATE.THIEF", STREAM),
    ("STREAM.CREATE.THIEF", STREAM | {"subjects": ["x"], "mirror": {"name": "REFERRALS"}}),
    ("STREAM.UPDATE.REFERRALS", {"name": "REFERRALS", "subjects": ["sinergi.>"], "max_msgs": 1}),
    ("STREAM.DELETE.REFERRALS", ""),
    ("STREAM.PURGE.REFERRALS", ""),
    ("STREAM.MSG.DELETE.REFERRALS", {"seq": 1}),
    ("STREAM.LEADER.STEPDOWN.REFERRALS", ""),
    ("STREAM.PEER.REMOVE.REFERRALS", {"peer": "sinergi"}),
    ("STREAM.RESTORE.REFERRALS", {"config": {"name": "REFERRALS"}}),
    ("META.LEADER.STEPDOWN", ""),
    ("ACCOUNT.PURGE.SINERGI", ""),
    ("SERVER.REMOVE", {"peer": "sinergi"}),
)


async def test_an_agency_disposes_of_its_own_message(nats: Client, bptsp: Client, refer: Tell) -> None:
    """What must work: put off, then acknowledged."""
    referral_id = await refer("bptsp")
    message = await pull_own(bptsp, referral_id)
    await message.nak()
    again = await pull_own(bptsp, referral_id)
    assert again.metadata.num_delivered == 2
    await again.ack_sync(timeout=5)
    assert (await _consumer(nats, "bptsp")).num_ack_pending == 0


@pytest.mark.parametrize("verdict", VERDICTS, ids=lambda verdict: verdict.decode() or "empty")
async def test_another_agencys_message_is_not_the_attackers_to_judge(
    nats: Client, koperasi: Client, bptsp: Client, refer: Tell, verdict: bytes
) -> None:
    """The attacker is assumed to know the whole place: numbers and time of the delivery."""
    referral_id = await refer("bptsp")
    message = await pull_own(bptsp, referral_id)
    before = await _consumer(nats, "bptsp")
    for ack in ACKS:
        place = message.reply.removeprefix("$JS.ACK.REFERRALS.bptsp.")
        await koperasi.publish(ack.format(place=place), verdict)
    await koperasi.flush()
    await asyncio.sleep(PATIENCE)
    after = await _consumer(nats, "bptsp")
    assert after.num_ack_pending == 1
    assert (after.delivered, after.ack_floor) == (before.delivered, before.ack_floor)
    assert await pull(bptsp) == []
    await message.ack_sync(timeout=5)
    assert (await _consumer(nats, "bptsp")).num_ack_pending == 0


@pytest.mark.parametrize("prefix", PREFIXES)
@pytest.mark.parametrize(("request_", "body"), MANAGEMENT, ids=[name for name, _ in MANAGEMENT])
async def test_streams_and_consumers_are_not_the_attackers_to_change(
    nats: Client, koperasi: Client, prefix: str, request_: str, body: Any
) -> None:
    before = await _everything(nats)
    answer = await ask(koperasi, f"{prefix}.{request_}", body)
    assert (answer and answer["error"]["err_code"]) in REFUSALS
    assert await _everything(nats) == before


async def test_the_same_requests_work_for_the_operator(nats: Client) -> None:
    """Else the refusals above could be faults of the requests."""
    created = await ask(
        nats,
        "$JS.API.CONSUMER.DURABLE.CREATE.REFERRALS.thief",
        dict(MANAGEMENT)["CONSUMER.DURABLE.CREATE.REFERRALS.thief"],
    )
    assert created["name"] == "thief"
    assert (await ask(nats, "$JS.API.CONSUMER.DELETE.REFERRALS.thief"))["success"] is True


async def _consumer(nats: Client, name: str) -> ConsumerInfo:
    return await nats.jetstream().consumer_info("REFERRALS", name)


async def _everything(nats: Client) -> list[Any]:
    """Every stream and consumer, with its settings and its place."""
    stream, found = nats.jetstream(), []
    for info in await stream.streams_info():
        found.append((info.config, info.state.messages, info.state.last_seq))
        for consumer in await stream.consumers_info(info.config.name or ""):
            found.append((consumer.name, consumer.config, consumer.ack_floor))
    return found
