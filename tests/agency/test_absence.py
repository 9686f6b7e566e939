"""A plug-in that was away for a week hears what it missed: all of it, in order, once."""

from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from nats.aio.client import Client

from sinergi import Agency, ReferralReceived, ReferralRequested
from sinergi.cloudevents import Envelope
from sinergi.events import ReferralFact
from sinergi.provision import declare_agency
from tests.attacks.attacker import requested
from tests.harness.stack import Stack, caught_up, eventually

AWAY = timedelta(days=7)
REFERRALS = 40

Heard = list[tuple[datetime, str, int]]


async def tell_a_week(nats: Client) -> Heard:
    """What was told while nobody listened: all requests first, then a second fact of each; returns it, oldest first."""
    facts: list[ReferralFact] = [requested("koperasi") for _ in range(REFERRALS)]
    facts += [ReferralReceived.model_validate(fact.model_dump(), extra="ignore") for fact in facts]
    start, step = datetime.now(UTC) - AWAY, AWAY / len(facts)
    told = []
    for number, fact in enumerate(facts):
        at, version = start + number * step, 1 + number // REFERRALS
        envelope = Envelope(str(uuid4()), fact.type(), "sinergi/test", at, fact.referral_id, version)
        subject, body = fact.subject("koperasi"), fact.model_dump_json().encode()
        await nats.jetstream().publish(subject, body, headers=envelope.headers())
        told.append((at, fact.referral_id, version))
    return told


def listening(stack: Stack, heard: Heard) -> Agency:
    """A plug-in that notes what it hears."""
    koperasi = Agency("koperasi", stack.backend.nats_url, stack.backend.seed_file("koperasi"))

    @koperasi.on(ReferralRequested)
    @koperasi.on(ReferralReceived)
    async def hear(fact: ReferralFact) -> None:
        heard.append((fact.envelope.time, fact.referral_id, fact.envelope.sequence))

    return koperasi


async def test_a_plug_in_away_for_seven_days_catches_up_in_order_and_once(stack: Stack, nats: Client) -> None:
    await declare_agency(nats, "koperasi")
    told = await tell_a_week(nats)
    heard: Heard = []
    for _ in range(2):  # the second start finds nothing left
        plug_in = listening(stack, heard)
        await plug_in.start()
        await eventually(lambda: caught_up(nats, "REFERRALS", "koperasi"))
        await plug_in.stop()
        assert heard == told
    assert told[-1][0] - told[0][0] > timedelta(days=6)


async def test_no_absence_is_too_long(nats: Client) -> None:
    """Neither the stream nor an agency's consumer forgets by time; the stream refuses before it drops."""
    await declare_agency(nats, "koperasi")
    info = await nats.jetstream().consumer_info("REFERRALS", "koperasi")
    stream = (await nats.jetstream().stream_info("REFERRALS")).config
    assert not info.config.inactive_threshold
    assert (info.config.max_deliver, stream.max_age or 0) == (-1, 0)
    assert stream.discard == "new"


@pytest.fixture(autouse=True)
async def empty(nats: Client) -> None:
    """What other tests told is not heard here."""
    await nats.jetstream().purge_stream("REFERRALS")
