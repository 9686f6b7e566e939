"""koperasi wants to state facts, to speak as bptsp, or to make the core speak for it."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from uuid import uuid4

import pytest
from nats.aio.client import Client
from nats.aio.msg import Msg

from sinergi.bus import Bus, Running
from sinergi.db import Database
from sinergi.events import ReferralAccepted, ReferralCompleted, ReferralRequested
from sinergi.settings import Settings
from tests.attacks.attacker import NEXT, PATIENCE, ask, listening, pull, pull_own
from tests.attacks.conftest import Tell
from tests.harness.stack import Stack, eventually

Snapshot = Callable[[], Awaitable[dict[str, tuple[int, list[str]]]]]

FACT = ReferralCompleted.subject("core")
#: where a message would do harm, if a reply subject could carry it there
HARMFUL = (
    FACT,
    ReferralRequested.subject("bptsp"),
    "dead.cases-referrals",
    "sinergi.ask.registry.disclosure",
    "sinergi.cmd.bptsp.referral.accept",
    "sinergi.cmd.referral.accept",
    "$JS.API.STREAM.PURGE.REFERRALS",
    "$JS.API.STREAM.DELETE.REFERRALS",
    "$JS.API.STREAM.MSG.DELETE.REFERRALS",
    "$JS.API.CONSUMER.DELETE.REFERRALS.bptsp",
    "$JS.API.STREAM.SNAPSHOT.REFERRALS",
    "SIN.API.CONSUMER.MSG.NEXT.REFERRALS.bptsp",
    NEXT,
)

#: what a reply that got through would be heard on
IN_THE_CORE = (FACT, "dead.>", "sinergi.ask.>", "sinergi.cmd.bptsp.>", "sinergi.*.*.*.bptsp")


@pytest.fixture
def standing(nats: Client) -> Snapshot:
    """What stands on the server: each stream's messages and consumers."""

    async def look() -> dict[str, tuple[int, list[str]]]:
        stream = nats.jetstream()
        return {
            info.config.name or "": (
                info.state.messages,
                sorted(c.name for c in await stream.consumers_info(info.config.name or "")),
            )
            for info in await stream.streams_info()
        }

    return look


@pytest.fixture
async def core_commands(nats: Client) -> AsyncIterator[list[Msg]]:
    """The commands that reach the core, each answered as the core answers."""
    came: list[Msg] = []

    async def answer(message: Msg) -> None:
        came.append(message)
        if message.reply:
            await nats.publish(message.reply, b'{"id": "r", "version": 2, "state": "accepted"}')

    subscription = await nats.subscribe("sinergi.cmd.*.>", cb=answer)
    await nats.flush()
    yield came
    await subscription.unsubscribe()


# ---------------------------------------------------------------- commands


async def test_a_command_reaches_the_core_under_its_giver_and_is_answered(
    koperasi: Client, core_commands: list[Msg]
) -> None:
    answer = await ask(koperasi, "sinergi.cmd.referral.accept", {"referral_id": "r"})
    assert answer["version"] == 2
    assert [m.subject for m in core_commands] == ["sinergi.cmd.koperasi.referral.accept"]


@pytest.mark.parametrize(
    "subject",
    [
        "sinergi.cmd.bptsp.referral.accept",
        "sinergi.cmd.*.referral.accept",
        "sinergi.cmd.>",
        "sinergi.cmd.*",
        "sinergi.cmd..bptsp.referral.accept",
        "sinergi.cmd.bptsp..referral.accept",
        "sinergi.cmd.referral.accept.",
        "sinergi.cmd.",
        "sinergi.cmd",
        "sinergi.cmd.$1.referral.accept",
        "sinergi.cmd.{{wildcard(1)}}.referral.accept",
        "sinergi.*.bptsp.referral.accept",
        "*.cmd.bptsp.referral.accept",
        "SINERGI.cmd.bptsp.referral.accept",
        "sinergi.cmd.core.referral.accept",
        "sinergi.cmd.../../bptsp.referral.accept",
    ],
)
async def test_the_core_sees_the_giver_or_nothing(koperasi: Client, core_commands: list[Msg], subject: str) -> None:
    """Whatever it writes, token 3 is its own account's."""
    await koperasi.publish(subject, b"{}")
    await koperasi.publish("sinergi.cmd.sentinel", b"{}")
    await _seen(core_commands, "sinergi.cmd.koperasi.sentinel")
    assert {m.subject.split(".")[2] for m in core_commands} == {"koperasi"}
    assert all(m.subject.startswith("sinergi.cmd.koperasi.") for m in core_commands)


async def test_no_header_makes_a_command_somebody_elses(koperasi: Client, core_commands: list[Msg]) -> None:
    forged = '{"acc": "bptsp", "svc": "bptsp", "user": "bptsp"}'
    await ask(koperasi, "sinergi.cmd.referral.accept", {}, headers={"Nats-Request-Info": forged})
    (came,) = core_commands
    assert came.subject == "sinergi.cmd.koperasi.referral.accept"
    assert json.loads((came.headers or {})["Nats-Request-Info"])["acc"] == "koperasi"


async def test_a_message_that_is_no_command_is_not_taken_for_one(
    nats: Client, stack: Stack, koperasi: Client, refer: Tell
) -> None:
    """A pull whose reply is `sinergi.cmd.…` brings the agency's fact to the core's commands, under the fact's own
    subject: there token 3 is a word of ours and no account, so the core must not look at it."""
    taken: list[str] = []
    bus = Bus("console")
    bus.command("v1.koperasi")(lambda request, actor: _note(taken, actor.agency))
    bus.command("referral.accept")(lambda request, actor: _note(taken, actor.agency))
    settings = Settings(
        database_url=stack.database_url("console"),
        nats_url=stack.backend.nats_url,
        nats_seed_file=stack.backend.seed_file("console"),
    )
    db = Database(settings, "console")
    running = Running(bus, settings, db)
    await running.start()
    await refer("koperasi")
    async with listening(nats, "sinergi.cmd.*.>") as heard:
        await koperasi.publish(NEXT, b'{"batch": 10, "expires": 2000000000}', reply="sinergi.cmd.referral.loop")
        fact = ReferralRequested.subject("koperasi")

        async def it_came() -> bool:
            return any(message.subject == fact for message in heard.messages)

        await eventually(it_came)
    accepted = await ask(koperasi, "sinergi.cmd.referral.accept", {})
    await running.stop()
    await db.close()
    assert accepted == {"as": "koperasi"}
    assert taken == ["koperasi"]


# ------------------------------------------------------------------- facts


@pytest.mark.parametrize("subject", HARMFUL[:4])
@pytest.mark.parametrize(
    "headers",
    [
        None,
        {"Nats-Msg-Id": "forged"},
        {"Nats-Batch-Id": "forged", "Nats-Batch-Sequence": "1", "Nats-Batch-Commit": "1"},
        {"Nats-Rollup": "all"},
        {"Nats-Schedule": "@at 2020-01-01T00:00:00Z", "Nats-Schedule-Target": FACT},
    ],
    ids=["plain", "message-id", "batch", "rollup", "schedule"],
)
async def test_an_agency_cannot_state_a_fact(
    nats: Client, koperasi: Client, standing: Snapshot, subject: str, headers: dict[str, str] | None
) -> None:
    before, marker = await standing(), str(uuid4())
    async with listening(nats, ">") as heard:
        assert await ask(koperasi, subject, {"referral_id": marker}, headers=headers) is None
    assert heard.about(marker) == []
    assert await standing() == before


async def test_a_command_with_a_forged_fact_in_its_headers_stores_nothing(
    nats: Client, koperasi: Client, core_commands: list[Msg], standing: Snapshot
) -> None:
    """`Nats-Trace-Dest` makes a server publish; it must not do so for an agency in the core."""
    before, marker = await standing(), str(uuid4())
    headers = {"Nats-Trace-Dest": FACT, "Nats-Msg-Id": "x", "Nats-Schedule-Target": FACT, "ce-id": marker}
    async with listening(nats, FACT, "dead.>") as heard:
        await ask(koperasi, "sinergi.cmd.referral.accept", {}, headers=headers)
        await ask(koperasi, NEXT, {"batch": 1, "no_wait": True}, headers=headers)
    assert len(core_commands) == 1
    assert heard.messages == []
    assert await standing() == before


# ----------------------------------------------------------- reply subjects


@pytest.mark.parametrize("reply", HARMFUL)
async def test_a_forged_reply_of_a_pull_stays_in_the_agencys_own_account(
    nats: Client, koperasi: Client, refer: Tell, standing: Snapshot, reply: str
) -> None:
    """Messages and the empty status after them: neither is stored, obeyed, or heard by the core."""
    referral_id = await refer("koperasi")
    before = await standing()
    async with listening(nats, *IN_THE_CORE) as heard, listening(koperasi, reply) as own:
        for body in ({"batch": 100, "expires": 100_000_000}, {"batch": 1, "no_wait": True}):
            await koperasi.publish(NEXT, json.dumps(body).encode(), reply=reply)
    assert own.about(referral_id) or reply == NEXT
    assert heard.messages == []
    assert await standing() == before


@pytest.mark.parametrize("reply", HARMFUL)
async def test_a_forged_reply_of_an_acknowledgement_stays_in_the_agencys_own_account(
    nats: Client, koperasi: Client, refer: Tell, standing: Snapshot, reply: str
) -> None:
    """`+NXT` acknowledges and asks for the next message, to be sent to the reply."""
    message = await pull_own(koperasi, await refer("koperasi"))
    await refer("koperasi")
    before = await standing()
    async with listening(nats, *IN_THE_CORE) as heard, listening(koperasi, reply):
        await koperasi.publish(message.reply, b'+NXT {"batch": 10, "no_wait": true}', reply=reply)
    assert heard.messages == []
    assert await standing() == before


@pytest.mark.parametrize("reply", HARMFUL)
@pytest.mark.parametrize("user", ["operator", "referrals"])
async def test_the_core_cannot_be_made_to_answer_elsewhere(
    nats: Client, stack: Stack, koperasi: Client, standing: Snapshot, reply: str, user: str
) -> None:
    """The core has the right to purge a stream; a reply subject must not lend that right to an agency."""
    core, answers = await stack.connect(user), [b"", b"{}", b'{"seq": 1}']

    async def answer(message: Msg) -> None:
        if message.reply:
            await core.publish(message.reply, answers.pop())

    await core.subscribe("sinergi.cmd.koperasi.referral.progress", cb=answer)
    await core.flush()
    before = await standing()
    async with listening(nats, *IN_THE_CORE) as heard:
        for _ in range(3):
            await koperasi.publish("sinergi.cmd.referral.progress", b"{}", reply=reply)
    await core.close()
    assert answers == []
    assert heard.messages == []
    assert await standing() == before


@pytest.mark.parametrize("reply", ["_R_.forged.reply", "$JS.ACK.REFERRALS.bptsp.1.1.1.1.0"])
async def test_the_servers_own_reply_subjects_are_refused(stack: Stack, core_commands: list[Msg], reply: str) -> None:
    told: list[str] = []

    async def note(error: Exception) -> None:
        told.append(str(error))

    attacker = await stack.connect("koperasi", error_cb=note)
    await attacker.publish("sinergi.cmd.referral.accept", b"{}", reply=reply)
    await asyncio.sleep(PATIENCE)
    await attacker.close()
    assert told
    assert core_commands == []


async def test_an_agency_cannot_ask_the_registry_itself(nats: Client, koperasi: Client) -> None:
    async def disclose(message: Msg) -> None:
        await nats.publish(message.reply, b'{"client": {"name": "only for the core"}}')

    registry = await nats.subscribe("sinergi.ask.registry.disclosure", cb=disclose)
    await nats.flush()
    assert await ask(nats, "sinergi.ask.registry.disclosure", {}) is not None
    for subject in ("sinergi.ask.registry.disclosure", "SIN.ask.registry.disclosure", "sinergi.ask.>"):
        assert await ask(koperasi, subject, {}) is None
    await registry.unsubscribe()


async def test_an_agency_cannot_tell_another_agency_anything(koperasi: Client, bptsp: Client) -> None:
    async with listening(bptsp, ">") as heard:
        for subject in ("sinergi.cmd.referral.accept", ReferralAccepted.subject("bptsp"), "_INBOX.x", "_R_.x"):
            await koperasi.publish(subject, b"to you")
    assert heard.about("to you") == []


async def test_the_agencys_own_facts_come_unharmed_after_all_that(koperasi: Client, refer: Tell) -> None:
    referral_id = await refer("koperasi")
    assert await pull_own(koperasi, referral_id)
    assert await pull(koperasi, 1, PATIENCE) is not None


async def _note(taken: list[str], agency: str) -> dict[str, str]:
    taken.append(agency)
    return {"as": agency}


async def _seen(came: list[Msg], subject: str) -> None:
    async with asyncio.timeout(5):
        while subject not in [m.subject for m in came]:
            await asyncio.sleep(0.01)
