"""Any order of commands on beds and placements: never two in a bed, counts are the rows, nobody waits beside a bed."""

import asyncio
from collections.abc import Coroutine
from typing import Any, ClassVar

import httpx2 as httpx
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from tests.cases.placing import Province
from tests.harness.stack import Running

pytestmark = pytest.mark.slow

BODIES: dict[str, dict[str, Any]] = {
    "accept": {},
    "refuse": {"reason": "other"},
    "seek": {},
    "cancel": {"reason": "other"},
    "prioritise": {"level": "life", "reason": "x"},
    "admit": {},
    "override": {"emergency": "disaster", "reason": "x"},
    "leave": {"kind": "other", "until": "2999-01-01"},
    "return": {},
    "transfer": {},
    "discharge": {"reason": "other", "destination": "community"},
}
WORKERS = {"accept", "refuse", "seek", "cancel"}
SUPERVISORS = {"prioritise", "override"}
HERE = {"admit", "override", "transfer"}


class Ward(RuleBasedStateMachine):
    """Two facilities, whoever asks for a bed, and every command on anybody, legal or not."""

    cases: ClassVar[Running]
    loop: ClassVar[asyncio.AbstractEventLoop]

    def done(self, what: Coroutine[Any, Any, Any]) -> Any:
        """Its result, from the tests' own loop."""
        return asyncio.run_coroutine_threadsafe(what, self.loop).result(60)

    @initialize()
    def begin(self) -> None:
        self.province = Province(self.cases)
        self.people: list[dict[str, Any]] = []
        self.homes = [self.done(self.province.facility("f", "any")), self.done(self.province.facility("m"))]

    @rule(sex=st.sampled_from("fm"))
    def ask(self, sex: str) -> None:
        self.people.append(self.done(self.province.asked(sex=sex)))

    @rule(who=st.integers(0, 5), home=st.integers(0, 1), doing=st.sampled_from(sorted(BODIES)))
    def act(self, who: int, home: int, doing: str) -> None:
        if who >= len(self.people):
            return
        at = {"facility_id": self.homes[home]} if doing in HERE else {}
        answer = self.done(self.province.do(self.actor(doing), self.people[who], doing, **BODIES[doing] | at))
        assert answer.status_code in (200, 409), answer.text

    def actor(self, doing: str) -> httpx.AsyncClient:
        """Who gives this command."""
        if doing in SUPERVISORS:
            return self.province.supervisor
        return self.province.worker if doing in WORKERS else self.province.officer

    @rule(home=st.integers(0, 1), bed=st.integers(0, 3), doing=st.sampled_from(["close", "reopen"]))
    def on_bed(self, home: int, bed: int, doing: str) -> None:
        board = self.done(self.province.board(self.homes[home]))
        if bed >= len(board["items"]):
            return
        body = {"expected_version": board["version"]} | ({"reason": "x"} if doing == "close" else {})
        path = f"/facilities/{self.homes[home]}/beds/{board['items'][bed]['id']}/{doing}"
        answer = self.done(self.province.officer.post(path, json=body))
        assert answer.status_code in (200, 409), answer.text

    @invariant()
    def it_is_sound(self) -> None:
        self.done(self.province.sound())

    def teardown(self) -> None:
        self.done(self.province.leave())


async def test_no_order_of_commands_breaks_the_beds(cases: Running) -> None:
    Ward.cases, Ward.loop = cases, asyncio.get_running_loop()
    few = settings(max_examples=4, stateful_step_count=20, deadline=None, suppress_health_check=list(HealthCheck))
    await asyncio.to_thread(run_state_machine_as_test, Ward, settings=few)
