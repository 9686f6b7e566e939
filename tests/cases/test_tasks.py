"""Tasks: who has to do what by when, and what happens when nobody does."""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import text

from services.cases.access import grant
from services.cases.models import Case
from services.cases.tasks import add_task
from sinergi.auth import service_actor
from tests.cases.story import COACHING, Story, besides_duties
from tests.harness.stack import Running, eventually

Facts = Callable[..., Awaitable[list[tuple[str, dict[str, Any]]]]]
TODAY = datetime.now(UTC).date()


async def remember(story: Story, **more: Any) -> dict[str, Any]:
    """A task that the worker notes in the own case."""
    body = {"note": "Telepon ketua RT", "due_on": (TODAY + timedelta(days=3)).isoformat()} | more
    answer = await story.worker.post(f"/cases/{story.case_id}/tasks", json=body)
    assert answer.status_code == 201, answer.text
    task: dict[str, Any] = answer.json()
    return task


async def mine(story: Story) -> list[dict[str, Any]]:
    return besides_duties((await story.worker.get("/tasks")).json()["items"])


async def test_a_worker_notes_a_task_and_does_it_once(story: Story, facts: Facts) -> None:
    await story.open()
    task = await remember(story)
    (listed,) = await mine(story)
    assert (listed["id"], listed["note"], listed["case_id"]) == (task["id"], "Telepon ketua RT", story.case_id)
    done = await story.worker.post(f"/tasks/{task['id']}/finish", json={"expected_version": 1, "note": "Sudah"})
    assert done.json() == {"id": task["id"], "version": 2, "state": "done"}
    again = await story.worker.post(f"/tasks/{task['id']}/finish", json={"expected_version": 2})
    assert again.json()["type"].endswith("task-done")
    assert await mine(story) == []

    async def told() -> list[str] | None:
        heard = [kind for kind, _ in await facts("CASES", task["id"])]
        return heard if len(heard) == 2 else None

    assert await eventually(told) == ["sinergi.task.opened.v1", "sinergi.task.done.v1"]


async def test_a_task_does_not_make_the_cases_open_forms_stale(story: Story) -> None:
    opened = await story.open()
    await remember(story)
    assert (await story.read())["version"] == opened["version"]


async def test_a_task_that_nobody_does_in_time_is_overdue(cases: Running, story: Story, facts: Facts) -> None:
    await story.open()
    task = await remember(story)
    async with cases.context.db.begin() as tx:  # as if three days had passed
        moved = "UPDATE alarms SET due_at = now() - interval '1 hour' WHERE about = CAST(:id AS uuid)"
        await tx.session.execute(text(moved), {"id": task["id"]})

    async def overdue() -> bool:
        return (await mine(story))[0]["state"] == "overdue"

    await eventually(overdue)

    async def told() -> bool:
        return "sinergi.task.overdue.v1" in [kind for kind, _ in await facts("CASES", task["id"])]

    await eventually(told)


async def test_a_declined_referral_is_a_task_until_the_worker_decides(story: Story) -> None:
    await story.approved(COACHING)
    await story.declined("coaching")
    (task,) = await mine(story)
    assert (task["kind"], task["reason"]) == ("step-declined", "missing-documents")
    step = await story.step("coaching")
    await story.done(story.worker, f"/steps/{step['id']}/resend", documents=["ktp"], reason="Sudah lengkap")
    assert await mine(story) == []


async def test_the_office_sees_its_tasks_and_others_see_nothing(cases: Running, story: Story) -> None:
    await story.open()
    task = await remember(story)
    found = (await story.supervisor.get("/tasks", params={"whose": "office", "case_id": story.case_id})).json()
    assert [one["id"] for one in besides_duties(found["items"])] == [task["id"]]
    outsiders = {
        "another worker": ("social_worker", "dinsos", "31.74"),
        "another office": ("supervisor", "dinkes", "31.74"),
        "another area": ("supervisor", "dinsos", "31.75"),
    }
    for who, (role, agency, area) in outsiders.items():
        async with cases.client(role, agency, area, sub=uuid4().hex) as client:
            seen = (await client.get("/tasks", params={"whose": "office", "case_id": story.case_id})).json()
            assert seen["items"] == [], who
            refused = await client.post(f"/tasks/{task['id']}/finish", json={"expected_version": 1})
            assert refused.status_code == 403, who


async def test_a_supervisor_gives_a_task_to_somebody_else(story: Story) -> None:
    await story.open()
    task = await remember(story)
    other = f"worker-{uuid4().hex}"
    moved = await story.supervisor.post(f"/tasks/{task['id']}/reassign", json={"expected_version": 1, "worker": other})
    assert moved.json()["version"] == 2
    assert await mine(story) == []
    refused = await story.worker.post(f"/tasks/{task['id']}/reassign", json={"expected_version": 2, "worker": other})
    assert refused.status_code == 403


@pytest.mark.parametrize(("may", "reads", "writes"), [("read", 200, 403), ("write", 200, 201)])
async def test_a_grant_lets_somebody_in_until_it_ends(
    cases: Running, story: Story, may: Any, reads: int, writes: int
) -> None:
    await story.open()
    sub, me = uuid4().hex, service_actor("cases")
    body = {"note": "x", "due_on": TODAY.isoformat()}
    async with cases.client("social_worker", sub=sub) as client:
        assert (await client.get(f"/cases/{story.case_id}")).status_code == 403
        async with cases.context.db.begin() as tx:
            case = await tx.get(Case, story.case_id)
            grant(case, sub, "dinsos", may, "cover", datetime.now(UTC) + timedelta(seconds=60), me, tx)
        assert (await client.get(f"/cases/{story.case_id}")).status_code == reads
        assert (await client.post(f"/cases/{story.case_id}/tasks", json=body)).status_code == writes
        async with cases.context.db.begin() as tx:
            ended = "UPDATE case_access SET until = now() - interval '1 second' WHERE actor = :sub"
            await tx.session.execute(text(ended), {"sub": sub})
        assert (await client.get(f"/cases/{story.case_id}")).status_code == 403


async def test_a_task_of_the_office_needs_no_case(cases: Running) -> None:
    sub = uuid4().hex
    async with cases.context.db.begin() as tx:
        await add_task(tx, kind="decision", agency="dinsos", area="31.74", worker=sub, due_on=TODAY)
    async with cases.client("social_worker", sub=sub) as client:
        (task,) = (await client.get("/tasks")).json()["items"]
    assert (task["case_id"], task["kind"]) == (None, "decision")
