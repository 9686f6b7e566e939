"""Handing a caseload over: nothing is lost, the old worker writes no more, and a kill in the middle changes nothing."""

import asyncio
import os
import signal
import sys
import time
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import httpx2 as httpx
import pytest
from sqlalchemy import func, select, text

from services.cases import caseload_worker
from services.cases.caseload_models import HandOver
from services.cases.caseload_worker import move_next
from services.cases.models import Case, CaseAccess, FollowUp, Task
from sinergi.db import new_id
from tests.cases.caseloads import case, known, new_worker, put, slug
from tests.cases.story import CALM, Story
from tests.harness.stack import Running, eventually

PATH = "/caseload/hand-overs"
CROWDED = "dinsos-crowded"


@pytest.fixture
async def supervisor(cases: Running) -> AsyncIterator[httpx.AsyncClient]:
    async with cases.client("supervisor", sub="the-supervisor") as client:
        yield client


@pytest.fixture
async def crowded(cases: Running) -> AsyncIterator[httpx.AsyncClient]:
    """The supervisor of an office of its own: a thousand cases would fill the lists of other tests."""
    async with cases.client("supervisor", CROWDED, sub="the-supervisor") as client:
        yield client


async def planned(supervisor: httpx.AsyncClient, old: str, *new: str, **more: Any) -> dict[str, Any]:
    body = {"worker": old, "to_workers": list(new), "reason": "retirement"} | more
    answer = await supervisor.post(PATH, json=body)
    assert answer.status_code == 201, answer.text
    plan: dict[str, Any] = answer.json()
    return plan


async def start(supervisor: httpx.AsyncClient, plan: dict[str, Any]) -> None:
    begun = await supervisor.post(f"{PATH}/{plan['id']}/start", json={"expected_version": plan["version"]})
    assert begun.status_code == 200, begun.text


async def finished(supervisor: httpx.AsyncClient, plan: dict[str, Any]) -> dict[str, Any]:
    async def done() -> dict[str, Any] | None:
        found: dict[str, Any] = (await supervisor.get(f"{PATH}/{plan['id']}")).json()
        return found if found["state"] == "done" else None

    found: dict[str, Any] = await eventually(done, timeout=60)
    return found


async def held(cases: Running, *workers: str) -> dict[str, int]:
    async with cases.context.db.begin() as tx:
        rows = select(Case.worker, func.count()).where(Case.worker.in_(workers)).group_by(Case.worker)
        return {row[0]: row[1] for row in await tx.session.execute(rows)}


@pytest.mark.slow
async def test_a_thousand_cases_go_over_with_their_tasks_and_nothing_is_lost(
    cases: Running, crowded: httpx.AsyncClient
) -> None:
    supervisor, old, new = crowded, new_worker(), new_worker()
    await known(supervisor, new)
    ids = await put(cases, *(case(old, agency=CROWDED, risk="high", stage="asesmen") for _ in range(1000)))
    await put(cases, *(case(old, agency=CROWDED) for _ in range(5)), tasks=1)
    ended = case(old, agency=CROWDED, stage="pembinaan_lanjut", closed_at=datetime.now(UTC))
    async with cases.context.db.begin() as tx:
        tx.add(ended)
        await tx.session.flush()
        due_on = datetime.now(UTC).date()
        tx.add(FollowUp(id=new_id(), version=0, case_id=ended.id, due_on=due_on, state="due", attempt=1, needs=[]))
    plan = await planned(supervisor, old, new)
    left = (await supervisor.get(f"{PATH}/{plan['id']}")).json()["left"]
    assert (left["cases"], left["open"], left["tasks"], left["by_stage"]["pembinaan_lanjut"]) == (1006, 1005, 5, 1)
    assert left["by_risk"]["high"] >= 1000
    began = time.monotonic()
    await start(supervisor, plan)
    done = await finished(supervisor, plan)
    print(f"1,006 cases handed over in {time.monotonic() - began:.1f} s")
    assert (done["moved"], done["left"]["cases"]) == (1006, 0)
    assert await held(cases, old, new) == {new: 1006}
    async with cases.context.db.begin() as tx:
        tasks = select(func.count()).where(Task.worker == new, Task.done_at.is_(None))
        assert await tx.session.scalar(tasks) == 5
        grants = select(func.count()).where(CaseAccess.actor == old, CaseAccess.may == "read")
        assert await tx.session.scalar(grants) == 1006
        versions = select(func.count()).where(Case.worker == new, Case.version == 2)
        assert await tx.session.scalar(versions) == 1006
        told = "SELECT count(*) FROM outbox WHERE subject LIKE '%handed_over%' AND aggregate_id = ANY(:ids)"
        assert await tx.session.scalar(text(told), {"ids": [UUID(one) for one in ids]}) == 1000


async def test_the_old_worker_reads_for_a_time_and_a_stale_tab_writes_nothing(
    story: Story, cases: Running, facts: Callable[..., Any]
) -> None:
    await story.open()
    new = new_worker()
    await known(story.supervisor, new)
    stale = story.version
    plan = await planned(story.supervisor, story.worker_sub, new, reason="leave")
    await start(story.supervisor, plan)
    await finished(story.supervisor, plan)
    tab = {"instrument": "general", "answers": CALM}
    assert slug(await story.act(story.worker, "/assessments", version=stale, **tab)) == (403, "not-your-case")
    assert slug(await story.act(story.worker, "/assessments", version=stale + 1, **tab)) == (403, "not-your-case")
    seen = (await story.worker.get(f"/cases/{story.case_id}")).json()
    assert (seen["worker"], seen["may_write"], seen["history"][-1]["what"]) == (new, False, "assign")
    assert (await story.worker.get("/cases")).json()["items"] == []
    async with cases.client("social_worker", sub=new) as successor:
        assert slug(await story.act(successor, "/assessments", version=stale, **tab)) == (409, "version-conflict")
        assert (await story.act(successor, "/assessments", version=stale + 1, **tab)).status_code == 201
    (told,) = [body for kind, body in await facts("CASES", story.case_id) if kind.endswith("handed_over.v1")]
    assert (told["worker"], told["previous_worker"], told["reason"]) == (new, story.worker_sub, "leave")
    async with cases.context.db.begin() as tx:
        ended = "UPDATE case_access SET until = now() - interval '1 second' WHERE actor = :sub"
        await tx.session.execute(text(ended), {"sub": story.worker_sub})
    assert slug(await story.worker.get(f"/cases/{story.case_id}")) == (403, "not-your-case")


async def test_writing_and_handing_over_at_once_never_writes_for_the_old_worker(story: Story) -> None:
    await story.open()
    new = new_worker()
    await known(story.supervisor, new)
    tab = {"instrument": "general", "answers": CALM}
    writes = [story.act(story.worker, "/assessments", **tab) for _ in range(6)]
    *answers, given = await asyncio.gather(*writes, story.act(story.supervisor, "/assign", worker=new))
    assert sum(one.is_success for one in [*answers, given]) == 1
    assert {one.status_code for one in answers if not one.is_success} <= {403, 409}


async def test_what_waits_for_the_lock_of_a_hand_over_is_not_written_after_it(story: Story, cases: Running) -> None:
    await story.open()
    draft = {"instrument": "general", "answers": {}, "expected_version": 0}
    async with cases.context.db.begin() as tx:
        (await tx.lock(Case, UUID(story.case_id))).worker = new_worker()
        await tx.session.flush()
        waiting = asyncio.ensure_future(story.worker.put(f"/cases/{story.case_id}/assessments/draft", json=draft))
        await asyncio.wait([waiting], timeout=0.3)
        assert not waiting.done()
    assert slug(await waiting) == (403, "not-your-case")


async def test_only_what_the_filter_names_moves_and_only_in_the_supervisors_area(cases: Running) -> None:
    old, new = new_worker(), new_worker()
    moving = await put(cases, *(case(old, risk="life", stage="asesmen", area="31.74.02.1001") for _ in range(3)))
    await put(
        cases,
        case(old, risk="low", stage="asesmen", area="31.74.02"),
        case(old, risk="life", stage="terminasi", area="31.74.02"),
        case(old, risk="life", stage="asesmen", area="31.74.03"),
        case(old, risk="life", stage="asesmen", area="31.75"),
    )
    async with cases.client("supervisor", area="31.74.02", sub="s") as narrow:
        await known(narrow, new, area="31.74.02")
        plan = await planned(narrow, old, new, risks=["life"], stages=["asesmen"])
        await start(narrow, plan)
        assert (await finished(narrow, plan))["moved"] == 3
    assert await held(cases, old, new) == {old: 4, new: 3}
    async with cases.client("supervisor", sub="s") as wide, cases.client("supervisor", "dinkes", sub="t") as other:
        listed = (await wide.get("/cases", params={"worker": new})).json()["items"]
        assert sorted(one["id"] for one in listed) == sorted(moving)
        assert (await other.get(f"{PATH}/{plan['id']}")).status_code == 403
        assert plan["id"] in [one["id"] for one in (await wide.get(PATH)).json()["items"]]
    async with cases.client("supervisor", area="31.74.01", sub="s") as beside:
        assert (await beside.get(f"{PATH}/{plan['id']}")).status_code == 403


async def test_a_spread_goes_by_room_and_area(cases: Running, supervisor: httpx.AsyncClient) -> None:
    old, small, large, elsewhere = (new_worker() for _ in range(4))
    await known(supervisor, small, area="31.74.01", capacity=40)
    await known(supervisor, large, area="31.74.01", capacity=100)
    await known(supervisor, elsewhere, area="31.74.09", capacity=1000)
    await put(cases, *(case(old, risk="high", stage="asesmen") for _ in range(20)))
    plan = await planned(supervisor, old, small, large, elsewhere, reason="balance")
    await start(supervisor, plan)
    await finished(supervisor, plan)
    assert await held(cases, old, small, large, elsewhere) == {small: 5, large: 15}


async def test_a_plan_is_checked_and_started_once(cases: Running, supervisor: httpx.AsyncClient) -> None:
    old, new = new_worker(), new_worker()
    await known(supervisor, old, new)
    good = {"worker": old, "to_workers": [new], "reason": "transfer"}
    wrong = {
        "same-worker": {"to_workers": [old]},
        "worker-unknown": {"to_workers": [new_worker()]},
        "read-until-past": {"read_until": (datetime.now(UTC) - timedelta(days=1)).isoformat()},
        "request-not-valid": {"to_workers": []},
    }
    for reason, other in wrong.items():
        assert slug(await supervisor.post(PATH, json=good | other)) == (422, reason)
    assert slug(await supervisor.post(PATH, json=good | {"area": "31.75"})) == (403, "outside-your-area")
    plan = await planned(supervisor, old, new)
    path = f"{PATH}/{plan['id']}"
    assert slug(await supervisor.post(f"{path}/start", json={"expected_version": 5})) == (409, "version-conflict")
    answers = await asyncio.gather(*(supervisor.post(f"{path}/start", json={"expected_version": 1}) for _ in range(5)))
    assert sorted(one.status_code for one in answers) == [200] + [409] * 4
    done = await finished(supervisor, plan)
    refused = await supervisor.post(f"{path}/cancel", json={"expected_version": done["version"]})
    assert slug(refused) == (409, "hand-over-not-planned")
    other = await planned(supervisor, old, new)
    gone = await supervisor.post(f"{PATH}/{other['id']}/cancel", json={"expected_version": 1})
    assert gone.json()["state"] == "cancelled"
    async with cases.client("social_worker", sub=old) as worker:
        assert slug(await worker.post(PATH, json=good)) == (403, "not-permitted")


async def test_one_hand_over_of_a_worker_runs_at_a_time(cases: Running, supervisor: httpx.AsyncClient) -> None:
    old, new = new_worker(), new_worker()
    await known(supervisor, old, new)
    plans = [await planned(supervisor, old, new) for _ in range(2)]
    async with cases.context.db.begin() as tx:  # the first one runs, and nobody has come to it yet
        first = await tx.lock(HandOver, UUID(plans[0]["id"]))
        first.state = "running"
        await tx.session.flush()
        begun = supervisor.post(f"{PATH}/{plans[1]['id']}/start", json={"expected_version": 1})
        waiting = asyncio.ensure_future(begun)
        await asyncio.wait([waiting], timeout=0.3)
    assert slug(await waiting) == (409, "hand-over-running")
    await finished(supervisor, plans[0])


KILLED = """
import asyncio, os, sys
from services.cases import caseload_worker, handover
from sinergi.db import Database
from sinergi.settings import Settings

async def main():
    caseload_worker.PIECE = 20
    db = Database(Settings(), "cases")
    await caseload_worker.move_next(db)
    real = caseload_worker.hand
    async def die(*args):
        await real(*args)
        await args[4].session.flush()
        print("half", flush=True)
        await asyncio.sleep(60)
    caseload_worker.hand = die
    await caseload_worker.move_next(db)

asyncio.run(main())
"""


@pytest.mark.slow
async def test_killed_in_the_middle_of_a_piece_it_goes_on_and_moves_each_case_once(
    cases: Running, stack: Any, supervisor: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    old, new, name = new_worker(), new_worker(), f"k{uuid4().hex[:6]}"
    monkeypatch.setattr(caseload_worker, "move_next", _nothing)  # this process's job holds still
    await known(supervisor, new)
    await put(cases, *(case(old) for _ in range(50)))
    plan = await planned(supervisor, old, new)
    await start(supervisor, plan)
    environment = {**os.environ, **stack.environment("cases")}
    job = await asyncio.create_subprocess_exec(
        sys.executable, "-c", KILLED, env=environment, stdout=asyncio.subprocess.PIPE, stderr=None
    )
    assert job.stdout
    assert b"half" in await asyncio.wait_for(_line(job.stdout), 60), name
    job.send_signal(signal.SIGKILL)
    await job.wait()
    assert await held(cases, old, new) == {old: 30, new: 20}
    monkeypatch.undo()
    assert (await finished(supervisor, plan))["moved"] == 50
    async with cases.context.db.begin() as tx:
        versions = select(func.count()).where(Case.worker == new, Case.version == 2)
        assert await tx.session.scalar(versions) == 50


async def _nothing(db: Any) -> bool:
    return False


async def _line(stream: asyncio.StreamReader) -> bytes:
    while b"half" not in (line := await stream.readline()) and line:
        pass
    return line


async def test_many_jobs_at_once_move_each_case_once(
    cases: Running, supervisor: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(caseload_worker, "PIECE", 7)
    olds, new = [new_worker() for _ in range(3)], new_worker()
    await known(supervisor, new)
    await put(cases, *(case(old) for old in olds for _ in range(30)))
    for old in olds:
        await start(supervisor, await planned(supervisor, old, new))

    async def work() -> None:
        while await held(cases, *olds):
            await move_next(cases.context.db)

    await asyncio.gather(*(work() for _ in range(5)))
    assert await held(cases, *olds, new) == {new: 90}
    async with cases.context.db.begin() as tx:
        assert set(await tx.session.scalars(select(Case.version).where(Case.worker == new))) == {2}
