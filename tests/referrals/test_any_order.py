"""Whatever both sides and the clock do, in any order, twice, at once, from stale forms and over crashes: a referral
moves by the table alone, each fact is told once, and only the clock of its state runs.

`SINERGI_TEST_EXAMPLES=1000 pytest tests/referrals/test_any_order.py` takes longer, and draws other orders each time.
"""

import asyncio
import os
from collections import Counter
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any
from uuid import uuid4

import httpx2 as httpx
import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as some
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule, run_state_machine_as_test
from sqlalchemy import text

from services.referrals import commands
from services.referrals.asking import judged
from services.referrals.requests import SendReferral
from sinergi.auth import Actor
from sinergi.permissions import Role
from tests.harness.stack import Running
from tests.referrals.any_order import ENDS, OTHER_WORDS, TABLE, THE_SENDERS, Told, lying, orders
from tests.referrals.conftest import CARRIES, COACHING, a_referral
from tests.referrals.dying import die_giving, die_ringing
from tests.referrals.timed import Time

LONGER = os.environ.get("SINERGI_TEST_EXAMPLES")
#: 1,980 steps
EXAMPLES, STEPS = int(LONGER or 33), 60
pytestmark = [pytest.mark.slow, pytest.mark.timeout(7200 if LONGER else 600)]

_DAYS = {"acknowledge": {"days": 3}, "decide": {"days": 7}, "finish": {"days": 20}}
#: what each service promises: all, nothing, a decision alone
SERVICES: dict[str, tuple[str, ...]] = {
    "urutan-lengkap": ("acknowledge", "decide", "finish"),
    "urutan-tanpa-batas": (),
    "urutan-putusan": ("decide",),
}
CLIENTS = 2
PICK = some.integers(0, 999)
OFTEN = ["right"] * 8 + ["send"] * 3 + ["rings"] * 5 + ["anything", "at once", "at once", "with the clock"] * 2
SELDOM = ["twice", "again", "other words", "other words at once", "stale", "of the other side"]
CRASHES = ["crash before", "crash after", "ringing crashes before", "ringing crashes after"]
ENDS_IT = {"decline", "complete", "fail", "cancel", "retract", "confirm_cancel"}


@pytest.fixture(scope="module")
async def services(referrals: Running) -> Running:
    """The services of the machine."""
    async with referrals.client("operator") as operator:
        for code, promised in SERVICES.items():
            clocks = {"routine": {name: _DAYS[name] for name in promised}}
            (await operator.put(f"/directory/services/{code}", json=COACHING | {"clocks": clocks})).raise_for_status()
    return referrals


async def test_in_any_order_a_referral_moves_by_the_table_and_each_fact_is_told_once(services: Running) -> None:
    loop, done = asyncio.get_running_loop(), Counter[str]()
    await asyncio.to_thread(_in_any_order, services, loop, done)
    assert all(done[what] for what in (*OFTEN, *SELDOM, *CRASHES)), done
    assert all(done[f"took {command}"] for command in TABLE), done
    assert done["ended by the clock"], done


def _in_any_order(running: Running, loop: asyncio.AbstractEventLoop, done: Counter[str]) -> None:
    """Hypothesis knows no coroutines: it works in a thread of its own, the service in the loop that it began in."""
    run_state_machine_as_test(
        lambda: AnyOrder(running, loop, done),  # type: ignore[arg-type]
        settings=settings(
            max_examples=EXAMPLES,
            stateful_step_count=STEPS,
            deadline=None,
            derandomize=not LONGER,
            database=None,
            suppress_health_check=list(HealthCheck),
            phases=[Phase.generate],
        ),
    )


class AnyOrder(RuleBasedStateMachine):
    """Two clients, three services, a worker who sends and a desk that answers."""

    def __init__(self, running: Running, loop: asyncio.AbstractEventLoop, done: Counter[str]) -> None:
        super().__init__()
        self._running, self._loop, self._done = running, loop, done
        self._db, self._time = running.context.db, Time(running.context.db)
        who = {"sender": Role.SOCIAL_WORKER, "receiver": Role.DESK_OFFICER}
        agencies = {"sender": "dinsos", "receiver": "koperasi"}
        self._actors = {side: Actor(f"{role}-{uuid4()}", role, agencies[side], "31.74") for side, role in who.items()}
        self._http = {
            side: running.client(one.role, one.agency, one.area, one.id) for side, one in self._actors.items()
        }
        self._clients = [str(uuid4()) for _ in range(CLIENTS)]
        self._told: list[Told] = []
        #: what was given under a key, and what was answered
        self._given: list[tuple[Told, str, dict[str, Any], str, Any]] = []
        self._seq, self._outbox = 0, Counter[tuple[str, str]]()

    def _run(self, work: Coroutine[Any, Any, Any]) -> Any:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(60)

    @initialize()
    def begin(self) -> None:
        self._run(self._begin())

    @rule(what=some.sampled_from(OFTEN + SELDOM + CRASHES), command=some.sampled_from(sorted(TABLE)), pick=PICK)
    def something_happens(self, what: str, command: str, pick: int) -> None:
        """One rule for all: Hypothesis leaves rules out at random, and where nobody sends nothing is seen."""
        self._run(self._happens(what, command, pick))

    def teardown(self) -> None:
        for client in self._http.values():
            self._run(client.aclose())

    async def _begin(self) -> None:
        async with self._db.begin() as tx:
            self._seq = await tx.session.scalar(text("SELECT coalesce(max(seq), 0) FROM outbox")) or 0
        await self._send(0)

    async def _happens(self, what: str, command: str, pick: int) -> None:
        one = self._told[pick % len(self._told)]
        right = self._right(command, pick)
        if right and what not in ("anything", "stale"):
            one, command = right
        doing: dict[str, Callable[[], Awaitable[Any]]] = {
            "send": lambda: self._send(pick),
            "right": lambda: self._give(one, command),
            "anything": lambda: self._give(one, command),
            "at once": lambda: self._at_once(one, command, sorted(TABLE)[pick % len(TABLE)]),
            "with the clock": lambda: self._with_the_clock(one, command),
            "rings": lambda: self._rings(pick),
            "twice": lambda: self._twice(one, command),
            "again": lambda: self._again(pick),
            "other words": lambda: self._other_words(pick),
            "other words at once": lambda: self._other_words_at_once(one, command),
            "stale": lambda: self._stale(one, command, pick),
            "of the other side": lambda: self._other_side(one, command),
            "crash before": lambda: self._crash(one, command, "before"),
            "crash after": lambda: self._crash(one, command, "after"),
            "ringing crashes before": lambda: self._ringing_crashes(pick, "before"),
            "ringing crashes after": lambda: self._ringing_crashes(pick, "after"),
        }
        await doing[what]()
        self._done[what] += 1
        await self._assert_sound()

    def _right(self, command: str, pick: int) -> tuple[Told, str] | None:
        """One that must be taken, this command if it can be; seldom one that ends it, for an ended one shows little."""
        found = [(one, command) for one in self._told for command in TABLE if one.refusal(command) is None]
        going_on = [(one, what) for one, what in found if what not in ENDS_IT]
        found = found if pick % 3 == 0 or not going_on else going_on
        found = [(one, what) for one, what in found if what == command] or found
        return found[pick // 3 % len(found)] if found else None

    # -------------------------------------------------------------- commands

    async def _post(
        self, one: Told, command: str, body: dict[str, Any], key: str | None = None, *, by: str = ""
    ) -> httpx.Response:
        client = self._http[by or _side(command)]
        headers = {"Idempotency-Key": key} if key else {}
        return await client.post(f"/referrals/{one.id}/{command.replace('_', '-')}", json=body, headers=headers)

    def _answered(self, one: Told, command: str, answer: httpx.Response) -> None:
        """The answer is what the table says, and the referral has moved."""
        why, about = one.refusal(command), (command, one, answer.text)
        if why is None:
            one.take(command)
            self._done[f"took {command}"] += 1
            assert (answer.status_code, answer.json()) == (200, _answer(one)), about
        else:
            assert _slug(answer) == why, about
            assert (answer.json()["state"], answer.json()["version"]) == (one.state, one.version), about

    async def _give(self, one: Told, command: str, key: str | None = None) -> httpx.Response:
        body = _body(one, command)
        answer = await self._post(one, command, body, key)
        self._answered(one, command, answer)
        if key and answer.is_success:
            self._given.append((one, command, body, key, answer.json()))
        return answer

    async def _twice(self, one: Told, command: str) -> None:
        """With one key at once, as a browser that is clicked twice: one effect, one answer."""
        body, key = _body(one, command), str(uuid4())
        answers = await asyncio.gather(*(self._post(one, command, body, key) for _ in range(2)))
        assert answers[0].json() == answers[1].json()
        self._answered(one, command, answers[0])
        if answers[0].is_success:
            self._given.append((one, command, body, key, answers[0].json()))

    async def _again(self, pick: int) -> None:
        """What was given long ago comes once more under its key: the answer of then."""
        if not self._given:
            return
        one, command, body, key, answer = self._given[pick % len(self._given)]
        again = await self._post(one, command, body, key)
        assert (again.status_code, again.json()) == (200, answer)

    async def _other_words(self, pick: int) -> None:
        if not self._given:
            return
        one, command, body, key, _ = self._given[pick % len(self._given)]
        for other in (OTHER_WORDS[command], {"expected_version": one.version + 1}):
            assert _slug(await self._post(one, command, body | other, key)) == "idempotency-key-reused"

    async def _other_words_at_once(self, one: Told, command: str) -> None:
        key, body = str(uuid4()), _body(one, command)
        bodies = (body, body | OTHER_WORDS[command])
        answers = await asyncio.gather(*(self._post(one, command, body, key) for body in bodies))
        why = one.refusal(command)
        if why is None:
            taken = next((answer for answer in answers if answer.is_success), answers[0])
            self._answered(one, command, taken)
            assert [_slug(one) for one in answers if one is not taken] == ["idempotency-key-reused"]
        else:
            assert [_slug(answer) for answer in answers] == [why, why]

    async def _stale(self, one: Told, command: str, pick: int) -> None:
        version = one.version + 1 if pick % 3 == 0 or one.version == 1 else one.version - 1
        answer = await self._post(one, command, _body(one, command) | {"expected_version": version})
        assert _slug(answer) == "version-conflict", answer.text
        assert (answer.json()["state"], answer.json()["version"]) == (one.state, one.version)

    async def _other_side(self, one: Told, command: str) -> None:
        other = "receiver" if _side(command) == "sender" else "sender"
        answer = await self._post(one, command, _body(one, command), by=other)
        assert answer.status_code == 403, answer.text

    async def _at_once(self, one: Told, *pair: str) -> None:
        """Of two from the same version one wins, if one may be given at all."""
        answers = await asyncio.gather(*(self._post(one, command, _body(one, command)) for command in pair))
        may = [command for command in pair if one.refusal(command) is None]
        won = [command for command, answer in zip(pair, answers, strict=True) if answer.is_success]
        assert len(won) == (1 if may else 0), (pair, one, [answer.text for answer in answers])
        assert set(won) <= set(may), (pair, one)
        lost = {_slug(answer) for answer in answers if not answer.is_success}
        assert lost <= {"version-conflict", "wrong-state", "already-closed"}
        if won:
            one.take(won[0])
            self._done[f"took {won[0]}"] += 1

    async def _send(self, pick: int) -> None:
        """A new one: refused while one is open; at times twice at once; at times in place of an ended one."""
        client_id, service = self._clients[pick % CLIENTS], list(SERVICES)[pick // CLIENTS % len(SERVICES)]
        body = a_referral(client_id=client_id, service=service)
        ended = [one for one in self._told if one.client_id == client_id and pick % 5 == 0]
        replaced = ended[pick % len(ended)] if ended else None
        if replaced:
            body["replaces"] = replaced.id
        open_one = next((one for one in self._told if one.is_open and one.row_key == (client_id, service)), None)
        answer = await self._asking(body, ("once", "twice", "crash before", "crash after")[pick % 4])
        if replaced and (replaced.is_open or replaced.replaced):
            assert _slug(answer) == "not-replaceable", answer.text
        elif open_one:
            assert (_slug(answer), answer.json()["referral_id"]) == ("referral-already-open", open_one.id)
        else:
            assert answer.status_code == 201, answer.text
            self._told.append(Told(answer.json()["id"], client_id, service, SERVICES[service]))
            if replaced:
                replaced.replace()

    async def _asking(self, body: dict[str, Any], how: str) -> httpx.Response:
        """The answer that counts: of two at once, that of the one that was taken."""
        key = {"Idempotency-Key": str(uuid4())}
        if how == "twice":
            answers = await asyncio.gather(*(self._http["sender"].post("/referrals", json=body) for _ in range(2)))
            taken = [answer for answer in answers if answer.is_success]
            assert len(taken) < 2, "two are open"
            return (taken or answers)[0]
        if how.startswith("crash"):
            who, request = self._actors["sender"], SendReferral(**body)
            asked = await judged(self._running.context, request, who)
            key_, when = key["Idempotency-Key"], how.split()[1]
            await die_giving(commands.send_referral, asked, who, key_, when, self._running.context)
        return await self._http["sender"].post("/referrals", json=body, headers=key)

    # --------------------------------------------------------------- crashes

    async def _crash(self, one: Told, command: str, when: str) -> None:
        """The process dies, and whoever got no answer asks again under the same key: one effect."""
        key, door = str(uuid4()), commands.DOORS[command]
        request = door.request(referral_id=one.id, **_body(one, command))
        who, context = self._actors[_side(command)], self._running.context
        await die_giving(door.function, request, who, key, when, context)
        await self._give(one, command, key)

    # ---------------------------------------------------------------- clocks

    def _set(self, pick: int) -> Told | None:
        """One whose alarm is set."""
        waiting = [one for one in self._told if one.alarm]
        return waiting[pick % len(waiting)] if waiting else None

    async def _rings(self, pick: int) -> None:
        one = self._set(pick)
        if one:
            await self._time.ring(one.id)
            self._rang(one)

    def _rang(self, one: Told) -> None:
        self._done["ended by the clock"] += one.alarm in ENDS
        one.ring()

    async def _ringing_crashes(self, pick: int, when: str) -> None:
        """Whoever rings dies; the alarm rings once all the same."""
        one = self._set(pick)
        if one is None:
            return
        await self._time.comes_due(one.id)
        await die_ringing(self._db, when)
        await self._time.ring_all([one.id])
        self._rang(one)

    async def _with_the_clock(self, one: Told, command: str) -> None:
        """One after the other, in an order that both tell alike: a taken command may have stopped the clock first, or
        its own clock's alarm may be the one that came due."""
        answer, _ = await asyncio.gather(self._post(one, command, _body(one, command)), self._time.ring_if_set(one.id))
        rows, _ = await lying([one.client_id], self._seq, self._db)
        (found,) = [row for row in rows if row["id"] == one.id]
        ways = [after for after in orders(one, command, answer.is_success) if after.row() == found]
        assert ways, (command, answer.text, one, found)
        self._told[self._told.index(one)].__dict__.update(ways[0].__dict__)

    # ------------------------------------------------------------- invariants

    async def _assert_sound(self) -> None:
        """Every referral of these clients is as told, nothing more; one is open a client and service; each fact and
        each notice was told once to core and once to the desk."""
        rows, facts = await lying(self._clients, self._seq, self._db)
        assert rows == [one.row() for one in sorted(self._told, key=lambda one: one.id)]
        assert max(Counter(one.row_key for one in self._told if one.is_open).values(), default=0) <= 1
        for told in facts:
            self._seq = told.seq
            self._outbox[told.referral, f"{told.fact} {told.audience}"] += 1
        expected = Counter(
            (one.id, f"{fact} {audience}")
            for one in self._told
            for fact in (*one.facts, *(notice.split()[0] for notice in one.notices))
            for audience in ("core", "koperasi")
        )
        assert self._outbox == expected


def _side(command: str) -> str:
    return "sender" if command in THE_SENDERS else "receiver"


def _body(one: Told, command: str) -> dict[str, Any]:
    return {"expected_version": one.version, **CARRIES[command]}


def _answer(one: Told) -> dict[str, Any]:
    return {"id": one.id, "version": one.version, "state": one.state}


def _slug(answer: httpx.Response) -> str:
    return f"{answer.json().get('type', answer.status_code)}".rsplit(":", 1)[-1]
