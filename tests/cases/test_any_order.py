"""Whatever is done in a case, in any order: the right acts are taken, all others refused without a trace, and what
holds of a case always holds."""

import asyncio
from collections.abc import Coroutine
from typing import Any
from uuid import UUID, uuid4

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as some
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule, run_state_machine_as_test
from sqlalchemy import select

from services.cases.commands import FollowReferral, follow_referral
from services.cases.models import Case, Plan, Step, Task
from sinergi.auth import service_actor
from sinergi.db import Tx
from tests.cases.any_order import ACTS, Act, Seen, assert_sound
from tests.harness.stack import Running

#: 2,400 steps take about a minute and a half on a quiet machine, and eight on one that does much beside this
pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

PICK = some.integers(0, 59)
WE = service_actor("cases")
WHAT = ["something right", "something right", "something right", "anything", "an agency answers", "from a stale tab"]
AWAITED = ("sent", "requested", "accepted")
ANSWERS = ["requested", "accepted", "completed", "declined", "failed", "cancelled"]


async def test_in_any_order_the_right_acts_are_taken_and_the_others_leave_no_trace(cases: Running) -> None:
    loop, done = asyncio.get_running_loop(), {"taken": 0, "refused": 0}
    await asyncio.to_thread(_in_any_order, cases, loop, done)
    assert min(done.values()) > 100, done


def _in_any_order(cases: Running, loop: asyncio.AbstractEventLoop, done: dict[str, int]) -> None:
    """Hypothesis knows no coroutines: it works in a thread of its own, the service in the loop that it began in."""
    slow = [HealthCheck.too_slow, HealthCheck.data_too_large]
    run_state_machine_as_test(
        lambda: AnyOrder(cases, loop, done),  # type: ignore[arg-type]
        settings=settings(
            max_examples=40, stateful_step_count=60, deadline=None, suppress_health_check=slow, phases=[Phase.generate]
        ),
    )


class AnyOrder(RuleBasedStateMachine):
    """One case, its worker and its supervisor, and the agencies that answer its referrals."""

    def __init__(self, cases: Running, loop: asyncio.AbstractEventLoop, done: dict[str, int]) -> None:
        super().__init__()
        self._cases, self._loop, self._done = cases, loop, done
        who = {"worker": ("social_worker", f"w-{uuid4().hex}"), "supervisor": ("supervisor", f"s-{uuid4().hex}")}
        self._clients = {name: cases.client(role, sub=sub) for name, (role, sub) in who.items()}

    def _run(self, work: Coroutine[Any, Any, Any]) -> Any:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result()

    @initialize()
    def open(self) -> None:
        self._run(self._open())

    @rule(what=some.sampled_from(WHAT), act=some.sampled_from(ACTS), pick=PICK, answer=some.sampled_from(ANSWERS))
    def something_happens(self, what: str, act: Act, pick: int, answer: str) -> None:
        """One rule for all: Hypothesis leaves rules out at random, and a case that cannot go on shows nothing."""
        right = [one for one in ACTS if one.legal(self.seen, pick) and one.path(self.seen, pick)]
        right = [one for one in right if one.name != "request_closure" or pick == 0]  # a closed case shows little
        if what == "something right" and right:
            self._run(self._do(right[pick % len(right)], pick))
        elif what == "an agency answers" and self.seen.some(pick, *AWAITED):
            self._run(self._answer(answer, pick))
        elif what == "from a stale tab":
            self._run(self._stale(act, pick))
        else:
            self._run(self._do(act, pick))

    def teardown(self) -> None:
        for client in self._clients.values():
            self._run(client.aclose())

    # ----------------------------------------------------------------- inside

    async def _open(self) -> None:
        body = {"client_kind": "person", "client_id": str(uuid4()), "area": "31.74.01", "way_in": "walk-in"}
        answer = await self._clients["worker"].post("/cases", json=body)
        self._case = answer.json()["id"]
        self.seen = await self._read()

    async def _do(self, act: Act, pick: int) -> None:
        path, before = act.path(self.seen, pick), self.seen
        if path is None:
            return
        answer = await self._send(act, path, pick, before.version)
        self.seen = await self._read()
        told = f"{act.name} at {before.stage}, plan {before.plan}: {answer.status_code} {answer.text}"
        if act.legal(before, pick):
            assert answer.is_success, told
            assert self.seen.stage in act.to(before.stage), told
            assert self.seen.version > before.version or act.name == "review", told
        else:
            assert answer.status_code in (404, 409, 422), told
            assert self.seen == before, told
        self._done["taken" if answer.is_success else "refused"] += 1
        assert_sound(self.seen)

    async def _stale(self, act: Act, pick: int) -> None:
        path = act.path(self.seen, pick)
        if path is not None and self.seen.version > 1:
            answer = await self._send(act, path, pick, self.seen.version - 1)
            assert answer.json()["type"].endswith("version-conflict"), answer.text
            self._done["refused"] += 1

    async def _send(self, act: Act, path: str, pick: int, version: int) -> Any:
        body = act.body(self.seen, pick) | {"expected_version": version}
        return await self._clients[act.who].request(act.method, f"/cases/{self._case}{path}", json=body)

    async def _answer(self, state: str, pick: int) -> None:
        """A fact about the referral of a step at work, as consumers.py hands it on."""
        step = self.seen.some(pick, *AWAITED)
        assert step is not None
        about = {"case_id": self._case, "step_id": step["id"], "service": step["service"], "sender": "dinsos"}
        referral = step["referral_id"] or str(uuid4())
        fact = FollowReferral.model_validate(about | {"referral_id": referral, "state": state, "reason": "capacity"})
        async with self._cases.context.db.begin(WE) as tx:
            await follow_referral(fact, WE, tx)
        before, self.seen = self.seen, await self._read()
        assert self.seen.stage in (before.stage, "pemberdayaan")
        assert self.seen.stage == before.stage or before.stage == "intervensi"
        assert_sound(self.seen)

    async def _read(self) -> Seen:
        case_id = UUID(self._case)
        async with self._cases.context.db.begin() as tx:
            case = await tx.get(Case, case_id)
            plans, steps, tasks = [await _rows(model, case_id, tx) for model in (Plan, Step, Task)]
        in_force = [one["content"]["steps"] for one in plans if one["state"] == "approved"]
        return Seen(
            stage=case.stage,
            version=case.version,
            plan=plans[-1]["state"] if plans else None,
            in_force=in_force[0] if in_force else None,
            steps={one["key"]: one for one in steps},
            tasks=[one for one in tasks if not one["done_at"]],
            written=[one["key"] for one in plans[-1]["content"]["steps"]] if plans else [],
            numbers=[one["number"] for one in plans],
            states=[one["state"] for one in plans],
        )


async def _rows(model: Any, case_id: UUID, tx: Tx) -> list[dict[str, Any]]:
    rows = await tx.session.scalars(select(model).where(model.case_id == case_id).order_by(model.id))
    return [{column.name: getattr(row, column.name) for column in model.__table__.columns} for row in rows]
