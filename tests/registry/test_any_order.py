"""Whatever is judged, withdrawn, unmerged, detached and listed anew, in any order: it ends where the verdicts say."""

import asyncio
from collections.abc import Coroutine
from datetime import date
from typing import Any
from uuid import UUID

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule, run_state_machine_as_test
from sqlalchemy import select

from services.registry import verdicts
from services.registry.models import Person
from services.registry.verdicts_models import Verdict
from sinergi.db import Database
from sinergi.problems import Refused
from tests.harness.stack import Running
from tests.registry.holding import SAID, assert_all_holds, components
from tests.registry.pairs import CLERK, REASON, a_person, a_record, a_review, fresh_kk, fresh_nik, pair, rows_of

pytestmark = pytest.mark.slow

PLACES = st.integers(0, 7)
PAIRS = st.lists(st.tuples(PLACES, PLACES, st.sampled_from(["same", "same", "different", "unsure"])), max_size=5)


async def test_any_order_of_verdicts_and_their_undoing_ends_where_the_verdicts_say(registry: Running) -> None:
    await asyncio.to_thread(_judge_in_any_order, registry)


def _judge_in_any_order(registry: Running) -> None:
    """Hypothesis knows no coroutines: a loop of its own, in a thread of its own."""
    with asyncio.Runner() as runner:
        db = Database(registry.context.settings, "registry")
        slow = [HealthCheck.too_slow, HealthCheck.data_too_large]
        run_state_machine_as_test(
            lambda: Judging(runner, db),  # type: ignore[arg-type]
            settings=settings(max_examples=20, stateful_step_count=16, deadline=None, suppress_health_check=slow),
        )
        runner.run(db.close())


class Judging(RuleBasedStateMachine):
    """Eight persons, some of whom share NIK, KK and names; clerks do what clerks do."""

    def __init__(self, runner: asyncio.Runner, db: Database) -> None:
        super().__init__()
        self._runner, self._db, self._steps = runner, db, 0

    def _run(self, work: Coroutine[Any, Any, Any]) -> Any:
        return self._runner.run(work)

    @initialize()
    def eight_persons(self) -> None:
        self._run(self._make())

    async def _make(self) -> None:
        db, nik, kk = self._db, fresh_nik(), fresh_kk()
        self.persons = [
            await a_person(db, nik=nik, kk=kk, birth_date=date(1980, 1, 1)),
            await a_person(db, nik=nik, kk=fresh_kk(), area="31.74.05.1001", rt="001"),
            await a_person(db, nik=fresh_nik(), kk=kk, relation="ANAK", source="city", address="Jl. Jauh"),
            await a_person(db, kk=kk, desil=3, desil_period="2026-Q1", observed_on=date(2026, 7, 1)),
            *[await a_person(db, nik=fresh_nik(), kk=fresh_kk(), sex="P") for _ in range(3)],
            await a_person(db, birthplace="Tegal"),
        ]
        self.records = {
            one: await a_record(db, one, source="city", name=f"Nama {at}") for at, one in enumerate(self.persons[:3])
        }
        await a_review(db, self.persons[0], self.persons[1])
        await a_review(db, self.persons[2], self.persons[5])
        self.alone = await rows_of(db, self.persons)

    @rule(
        pairs=st.lists(st.tuples(PLACES, PLACES, st.sampled_from(["same", "same", "different", "unsure"])), max_size=5)
    )
    def judge(self, pairs: list[tuple[int, int, str]]) -> None:
        if pairs:
            self._run(self._judge(pairs))

    async def _judge(self, pairs: list[tuple[int, int, str]]) -> None:
        said = [pair(self.persons[a], self.persons[b], verdict) for a, b, verdict in pairs]
        cmd = verdicts.JudgePairs.model_validate({"pairs": said, "reason": REASON})
        async with self._db.begin(CLERK) as tx:
            await verdicts.judge_pairs(cmd, CLERK, tx)

    @rule(at=PLACES)
    def undo(self, at: int) -> None:
        self._run(self._undo(at))

    async def _undo(self, at: int) -> None:
        async with self._db.begin(CLERK) as tx:
            rows = select(Verdict.id).where(Verdict.low_id.in_(self.persons), Verdict.withdrawn_at.is_(None))
            found = (await tx.session.scalars(rows.order_by(Verdict.id))).all()
            if found:
                cmd = verdicts.UndoVerdict(verdict_id=found[at % len(found)], reason=REASON)
                await verdicts.undo_verdict(cmd, CLERK, tx)

    @rule(at=PLACES)
    def unmerge(self, at: int) -> None:
        self._run(self._unmerge(self.persons[at]))

    async def _unmerge(self, person: UUID) -> None:
        try:
            async with self._db.begin(CLERK) as tx:
                version = (await tx.get(Person, person)).version
                cmd = verdicts.Unmerge(person_id=person, expected_version=version, reason=REASON)
                await verdicts.unmerge(cmd, CLERK, tx)
        except Refused as no:
            assert no.slug == "not-merged"  # noqa: PT017

    @rule(at=st.integers(0, 2))
    def detach(self, at: int) -> None:
        self._run(self._detach(self.persons[at]))

    async def _detach(self, person: UUID) -> None:
        try:
            async with self._db.begin(CLERK) as tx:
                cmd = verdicts.DetachRecord(record_id=self.records[person], reason=REASON)
                answer = await verdicts.detach_record(cmd, CLERK, tx)
        except Refused as no:
            assert no.slug == "record-detached"  # noqa: PT017
        else:
            self.persons.append(UUID(answer["persons"][1]["person_id"]))
            for detached in (person, self.persons[-1]):  # they are others than they were
                self.alone.pop(detached, None)

    def teardown(self) -> None:
        """In the end, that is after any number of steps, everything holds."""
        if hasattr(self, "alone"):
            self._run(self._hold())

    async def _hold(self) -> None:
        await assert_all_holds(self._db, self.persons)
        rows = await rows_of(self._db, self.persons)
        async with self._db.begin() as tx:
            same = select(Verdict).where(
                Verdict.low_id.in_(self.persons), Verdict.withdrawn_at.is_(None), Verdict.verdict == "same"
            )
            links = [(one.low_id, one.high_id) for one in await tx.session.scalars(same)]
        for person, cluster in components(self.persons, links).items():
            if len(cluster) == 1 and person in self.alone:
                alone = self.alone[person]
                assert {name: alone[name] for name in SAID if alone[name] != rows[person][name]} == {}
