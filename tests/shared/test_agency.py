"""An agency's plug-in: it hears in order, once; what fails comes again while others go on; nonsense stops nobody."""

import asyncio
import json
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import pytest
from nats.aio.client import Client
from nats.aio.msg import Msg

from sinergi import Agency, CommandRefused, ReferralCompleted, ReferralProgressed, ReferralRequested, agency
from sinergi.cloudevents import Envelope
from sinergi.events import ReferralFact
from sinergi.problems import Refused
from sinergi.provision import declare_agency
from tests.harness.stack import Facts, Stack, caught_up, eventually

CODE = "dinkes"
Tell = Callable[..., Awaitable[str]]
Answers = dict[str, Any]


@pytest.fixture(autouse=True)
async def clean(nats: Client) -> None:
    """A durable that has seen nothing, on a stream that holds nothing for it."""
    await declare_agency(nats, CODE)
    await nats.jetstream().purge_stream("REFERRALS", subject=f"sinergi.*.*.*.{CODE}")
    await nats.jetstream().delete_consumer("REFERRALS", CODE)
    await declare_agency(nats, CODE)


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """What failed comes again at once."""
    monkeypatch.setattr(agency, "RETRY_DELAYS", (0.2, 0.4))


@pytest.fixture
def plug_in(stack: Stack) -> Agency:
    """The plug-in, with its own account's key."""
    return Agency(CODE, stack.backend.nats_url, stack.backend.seed_file(CODE))


@pytest.fixture
def tell(nats: Client) -> Tell:
    """`await tell(kind, referral_id, version)`: the core tells the agency a fact."""

    async def tell(kind: type[ReferralFact], referral: str, version: int, **more: Any) -> str:
        return await Facts(nats).publish(fact(kind, referral), referral, version, CODE, **more)

    return tell


def fact(kind: type[ReferralFact], referral: str) -> ReferralFact:
    """A fact about a referral to this agency."""
    return kind.model_validate(
        {
            "referral_id": referral,
            "service": "pemeriksaan",
            "sender": "dinsos",
            "receiver": CODE,
            "desk": f"{CODE}/pemeriksaan",
            "area": "31.74",
            "client_kind": "person",
            "client_id": str(uuid4()),
            "by": "social_worker",
            "by_agency": "dinsos",
            "reason": "needs-care",
            "legal_basis": "UU 13/2011",
            "outcome": "service-given",
            "given_on": "2026-11-22",
        }
    )


@asynccontextmanager
async def working(plug_in: Agency) -> AsyncIterator[None]:
    """Let it hear until the block ends."""
    await plug_in.start()
    try:
        yield
    finally:
        await plug_in.stop()


@asynccontextmanager
async def core(nats: Client, answer: Callable[[str, Answers], Answers]) -> AsyncIterator[list[tuple[str, Answers]]]:
    """A core that answers each command as `answer(name, request)` says; yields what it was asked."""
    asked: list[tuple[str, Answers]] = []

    async def reply(message: Msg) -> None:
        name, request = message.subject.rsplit(".", 1)[1], json.loads(message.data)
        asked.append((name, request))
        await message.respond(json.dumps(answer(name, request)).encode())

    subscription = await nats.subscribe(f"sinergi.cmd.{CODE}.>", cb=reply)
    await nats.flush()
    try:
        yield asked
    finally:
        await subscription.unsubscribe()


async def drained(nats: Client) -> bool:
    """Whether everything was heard and acknowledged."""
    return await caught_up(nats, "REFERRALS", CODE)


async def test_two_thousand_facts_of_several_referrals_are_heard_in_order(
    plug_in: Agency, tell: Tell, nats: Client
) -> None:
    heard: dict[str, list[int]] = defaultdict(list)

    @plug_in.on(ReferralProgressed)
    async def hear(referral: ReferralProgressed) -> None:
        await asyncio.sleep(0)
        heard[referral.referral_id].append(referral.envelope.sequence)

    referrals = [str(uuid4()) for _ in range(8)]

    async def tell_all() -> None:
        for version in range(1, 251):
            await asyncio.gather(*(tell(ReferralProgressed, one, version) for one in referrals))

    async with working(plug_in):
        await tell_all()
        await eventually(lambda: drained(nats), timeout=40)
    assert heard == {one: list(range(1, 251)) for one in referrals}


async def test_a_handler_that_raises_gets_its_event_again_while_others_go_on(
    plug_in: Agency, tell: Tell, nats: Client
) -> None:
    heard: list[str] = []
    bad, good = str(uuid4()), [str(uuid4()) for _ in range(5)]

    @plug_in.on(ReferralRequested)
    async def hear(referral: ReferralRequested) -> None:
        heard.append(referral.referral_id)
        if heard.count(bad) < 4 and referral.referral_id == bad:
            raise ConnectionError("the agency's own system is away")

    async with working(plug_in):
        for one in (bad, *good):
            await tell(ReferralRequested, one, 1)
        await eventually(lambda: drained(nats))
    assert heard[:6] == [bad, *good]
    assert heard[6:] == [bad] * 3


async def test_stale_and_repeated_facts_are_passed_over(plug_in: Agency, tell: Tell, nats: Client) -> None:
    heard: list[int] = []

    @plug_in.on(ReferralProgressed)
    async def hear(referral: ReferralProgressed) -> None:
        heard.append(referral.envelope.sequence)

    referral = str(uuid4())
    async with working(plug_in):
        for version in (1, 3, 2, 3, 3, 7, 6, 1):  # an agency is not shown every fact: gaps are normal
            await tell(ReferralProgressed, referral, version)
        await eventually(lambda: drained(nats))
    assert heard == [1, 3, 7]


async def test_a_fact_that_nobody_handles_is_passed_over(plug_in: Agency, tell: Tell, nats: Client) -> None:
    heard: list[str] = []

    @plug_in.on(ReferralCompleted)
    async def hear(referral: ReferralCompleted) -> None:
        heard.append(referral.referral_id)

    referral = str(uuid4())
    async with working(plug_in):
        await tell(ReferralRequested, referral, 1)
        await _publish(nats, b"{}", {"ce-type": "sinergi.referral.teleported.v9"})
        await tell(ReferralCompleted, referral, 2)
        await eventually(lambda: drained(nats))
    assert heard == [referral]


async def test_a_version_conflict_is_not_retried_for_ever(plug_in: Agency, tell: Tell, nats: Client) -> None:
    """Somebody was faster: the fact that tells it is on its way, and this one is done with."""
    no = Refused("version-conflict", "It was changed meanwhile.", "conflict", version=2)
    handled: list[str] = []

    @plug_in.on(ReferralRequested)
    async def answer(referral: ReferralRequested) -> None:
        handled.append(referral.referral_id)
        await plug_in.acknowledge(referral)

    async with core(nats, lambda name, request: {"problem": no.problem()}) as asked, working(plug_in):
        await tell(ReferralRequested, str(uuid4()), 1)
        await eventually(lambda: drained(nats))
        await asyncio.sleep(1)
    assert (len(handled), len(asked)) == (1, 1)


async def test_another_refusal_comes_again_under_the_same_key(plug_in: Agency, tell: Tell, nats: Client) -> None:
    no = Refused("failed", "It failed on our side. Try again later.", "unavailable")
    tries: list[str] = []

    def answer(name: str, request: Answers) -> Answers:
        tries.append(request["idempotency_key"])
        return {"problem": no.problem()} if len(tries) < 3 else {"version": 2}

    @plug_in.on(ReferralRequested)
    async def acknowledge(referral: ReferralRequested) -> None:
        await plug_in.acknowledge(referral)

    async with core(nats, answer), working(plug_in):
        event_id = await tell(ReferralRequested, str(uuid4()), 1)
        await eventually(lambda: drained(nats))
    assert tries == [f"{event_id}:acknowledge"] * 3


async def test_each_command_of_a_handler_expects_what_the_one_before_it_left(
    plug_in: Agency, tell: Tell, nats: Client
) -> None:
    @plug_in.on(ReferralRequested)
    async def answer(referral: ReferralRequested) -> None:
        await plug_in.details(referral, "to invite the client")
        await plug_in.acknowledge(referral, "17/2026")
        await plug_in.progress(referral, note="begun")

    def count_on(name: str, request: Answers) -> Answers:
        return {"client": {}} if name == "details" else {"version": request["expected_version"] + 1}

    async with core(nats, count_on) as asked, working(plug_in):
        await tell(ReferralRequested, str(uuid4()), 4)
        await eventually(lambda: drained(nats))
    assert [(name, request.get("expected_version")) for name, request in asked] == [
        ("details", None),
        ("acknowledge", 4),
        ("progress", 5),
    ]


async def test_without_a_core_a_command_is_given_when_it_is_back(plug_in: Agency, tell: Tell, nats: Client) -> None:
    tries: list[str] = []

    @plug_in.on(ReferralRequested)
    async def answer(referral: ReferralRequested) -> None:
        tries.append(referral.referral_id)
        await plug_in.acknowledge(referral)

    async with working(plug_in):
        await tell(ReferralRequested, str(uuid4()), 1)
        await eventually(lambda: _more_than_one(tries))
        async with core(nats, lambda name, request: {"version": 2}) as asked:
            await eventually(lambda: drained(nats))
    assert len(asked) == 1


@pytest.mark.parametrize(
    ("body", "headers"),
    [
        (b"this is no JSON", {}),
        (b'{"referral_id": 7}', {}),
        (b"[]", {}),
        (b"\xff\xfe", {}),
        (b"{}", {"ce-sequence": "seven"}),
        (b"{}", {"ce-id": None}),
        (b"{}", dict.fromkeys(("ce-id", "ce-type", "ce-source", "ce-time", "content-type"))),
    ],
    ids=["no JSON", "no fields", "no object", "no text", "no number", "no id", "no headers"],
)
async def test_what_is_no_event_is_rejected_and_others_go_on(
    plug_in: Agency, tell: Tell, nats: Client, body: bytes, headers: dict[str, str | None]
) -> None:
    heard: list[str] = []

    @plug_in.on(ReferralRequested)
    async def hear(referral: ReferralRequested) -> None:
        heard.append(referral.referral_id)

    referral = str(uuid4())
    async with working(plug_in):
        await _publish(nats, body, headers)
        await tell(ReferralRequested, referral, 1)
        await eventually(lambda: drained(nats), what="the nonsense is still waiting to be acknowledged")
    assert heard == [referral]


async def test_a_refused_command_tells_its_slug(plug_in: Agency, tell: Tell, nats: Client) -> None:
    no = Refused("reason-not-known", "Choose a reason of the list.", reasons=["capacity"])
    slugs: list[tuple[str, list[str]]] = []

    @plug_in.on(ReferralRequested)
    async def answer(referral: ReferralRequested) -> None:
        try:
            await plug_in.decline(referral, "no idea", "…")
        except CommandRefused as refused:
            slugs.append((refused.slug, refused.problem["reasons"]))

    async with core(nats, lambda name, request: {"problem": no.problem()}), working(plug_in):
        await tell(ReferralRequested, str(uuid4()), 1)
        await eventually(lambda: drained(nats))
    assert slugs == [("reason-not-known", ["capacity"])]


async def _more_than_one(tries: list[str]) -> bool:
    return len(tries) > 1


async def _publish(nats: Client, body: bytes, headers: dict[str, str | None]) -> None:
    usual = Envelope(
        id=str(uuid4()),
        type=ReferralRequested.type(),
        source="sinergi/test",
        time=datetime.now(UTC),
        partitionkey=str(uuid4()),
        sequence=1,
    ).headers()
    sent = {name: value for name, value in (usual | headers).items() if value is not None}
    await nats.jetstream().publish(f"sinergi.referral.requested.v1.{CODE}", body, headers=sent)
