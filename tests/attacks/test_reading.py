"""koperasi wants to read what is told to bptsp or among our own services."""

import json

import pytest
from nats.aio.client import Client

from tests.attacks.attacker import INFO, NEXT, ask, listening, pull, pull_own
from tests.attacks.conftest import Tell

#: the answer of a JetStream API that the account does not have
NOT_ENABLED = 10039

#: every API under which the server reads a stream or tells of it: the agency's prefix, the plain one, a domain's
PREFIXES = ("SIN.API", "$JS.API", "$JS.sinergi.API")
READS = (
    "CONSUMER.MSG.NEXT.REFERRALS.bptsp",
    "CONSUMER.MSG.NEXT.REFERRALS.*",
    "CONSUMER.MSG.NEXT.REFERRALS.>",
    "CONSUMER.MSG.NEXT.*.me",
    "CONSUMER.MSG.NEXT.CASES.me",
    "CONSUMER.MSG.NEXT.REFERRALS.me.bptsp",
    "CONSUMER.INFO.REFERRALS.bptsp",
    "CONSUMER.INFO.REFERRALS.cases-referrals",
    "CONSUMER.INFO.CASES.me",
    "CONSUMER.NAMES.REFERRALS",
    "CONSUMER.LIST.REFERRALS",
    "STREAM.INFO.REFERRALS",
    "STREAM.NAMES",
    "STREAM.LIST",
    "STREAM.MSG.GET.REFERRALS",
    "DIRECT.GET.REFERRALS",
    "DIRECT.GET.REFERRALS.sinergi.referral.requested.v1.bptsp",
    "STREAM.SNAPSHOT.REFERRALS",
    "DIRECT.GET.KV_sinergi.$KV.sinergi.key",
    "INFO",
)
SNIFFS = (
    ">",
    "*",
    "sinergi.>",
    "sinergi.*.*.*.bptsp",
    "sinergi.cmd.>",
    "_INBOX.>",
    "_R_.>",
    "$JS.>",
    "$JS.ACK.>",
    "$JS.EVENT.>",
    "$SYS.>",
    "$KV.>",
    "$O.>",
    "dead.>",
)


async def test_an_agency_reads_its_own_facts_and_acknowledges_them(koperasi: Client, refer: Tell) -> None:
    """What must work, so that the refusals below mean something."""
    referral_id = await refer("koperasi")
    message = await pull_own(koperasi, referral_id)
    assert json.loads(message.data)["receiver"] == "koperasi"
    assert (message.headers or {})["ce-partitionkey"] == referral_id
    await message.ack_sync(timeout=5)
    assert not [m for m in await pull(koperasi) if referral_id in m.data.decode()]


async def test_an_agency_sees_its_own_consumer_under_the_name_me(koperasi: Client, bptsp: Client) -> None:
    assert (await ask(koperasi, INFO))["name"] == "koperasi"
    assert (await ask(bptsp, INFO))["name"] == "bptsp"


async def test_an_agency_is_never_given_another_agencys_facts(koperasi: Client, refer: Tell) -> None:
    own, others = await refer("koperasi"), await refer("bptsp")
    bodies = " ".join(message.data.decode() for message in await pull(koperasi, 1000))
    assert own in bodies
    assert others not in bodies


@pytest.mark.parametrize("prefix", PREFIXES)
@pytest.mark.parametrize("read", READS)
async def test_nothing_else_can_be_read(koperasi: Client, refer: Tell, prefix: str, read: str) -> None:
    referral_id = await refer("bptsp")
    body = {"seq": 1} if "GET" in read else {"batch": 10, "no_wait": True} if "NEXT" in read else ""
    answer = await ask(koperasi, f"{prefix}.{read}", body)
    assert referral_id not in json.dumps(answer)
    assert answer is None or answer["error"]["err_code"] == NOT_ENABLED


@pytest.mark.parametrize("subject", SNIFFS)
async def test_sniffing_hears_nothing_of_anybody_else(
    nats: Client, koperasi: Client, bptsp: Client, refer: Tell, subject: str
) -> None:
    async def answer(message: object) -> None:
        await nats.publish(message.reply, b'{"secret": "the answer"}')  # type: ignore[attr-defined]

    core = await nats.subscribe("sinergi.cmd.bptsp.referral.details", cb=answer)
    await nats.flush()
    async with listening(koperasi, subject) as sniffed, listening(nats, ">") as seen:
        referral_id = await refer("bptsp")
        message = await pull_own(bptsp, referral_id)
        answered = await ask(bptsp, "sinergi.cmd.referral.details", {"referral_id": referral_id})
        await message.ack_sync(timeout=5)
    await core.unsubscribe()
    assert answered == {"secret": "the answer"}
    assert seen.about(referral_id)
    assert sniffed.about(referral_id) == sniffed.about("secret") == sniffed.about("bptsp") == []


async def test_a_queue_subscription_takes_nothing_away(nats: Client, koperasi: Client, bptsp: Client) -> None:
    """A member of the core's queue group in another account is no member."""
    stolen = await koperasi.subscribe("sinergi.cmd.>", queue="referrals")
    core = await nats.subscribe("sinergi.cmd.*.>", queue="referrals")
    await koperasi.flush()
    await nats.flush()
    for number in range(20):
        await bptsp.publish("sinergi.cmd.referral.accept", str(number).encode())
    came = [(await core.next_msg(timeout=5)).data for _ in range(20)]
    assert came == [str(number).encode() for number in range(20)]
    assert stolen.pending_msgs == 0
    await core.unsubscribe()


async def test_the_servers_own_questions_tell_of_nobody_else(koperasi: Client, bptsp: Client) -> None:
    mine = await ask(koperasi, "$SYS.REQ.USER.INFO")
    other = await ask(bptsp, "$SYS.REQ.USER.INFO")
    assert mine["data"]["account"] == "koperasi"
    for question in (
        "$SYS.REQ.ACCOUNT.PING.CONNZ",
        "$SYS.REQ.ACCOUNT.PING.SUBSZ",
        "$SYS.REQ.ACCOUNT.PING.STATZ",
        "$SYS.REQ.ACCOUNT.PING.JSZ",
        "$SYS.REQ.ACCOUNT.bptsp.CONNZ",
        "$SYS.REQ.ACCOUNT.SINERGI.SUBSZ",
        "$SYS.REQ.ACCOUNT.SINERGI.INFO",
        "$SYS.REQ.SERVER.PING",
        "$SYS.REQ.SERVER.PING.CONNZ",
        "$SYS.REQ.SERVER.PING.SUBSZ",
        "$SYS.REQ.SERVER.PING.JSZ",
        "$SYS.REQ.SERVER.PING.VARZ",
        "$SYS.REQ.SERVER.PING.ACCOUNTZ",
    ):
        told = json.dumps(await ask(koperasi, question))
        assert "bptsp" not in told, question
        assert "SINERGI" not in told, question
        assert other["data"]["user"] not in told, question


async def test_a_request_that_names_another_account_is_told_nothing(koperasi: Client) -> None:
    """The server writes `Nats-Request-Info`; one that came with the message counts for nothing."""
    forged = {"Nats-Request-Info": '{"acc": "SINERGI", "svc": "SINERGI"}'}
    answer = await ask(koperasi, "$JS.API.STREAM.NAMES", headers=forged)
    assert answer["error"]["err_code"] == NOT_ENABLED
    assert (await ask(koperasi, INFO, headers=forged))["name"] == "koperasi"
    assert await ask(koperasi, NEXT.replace("me", "bptsp"), headers=forged) is None
