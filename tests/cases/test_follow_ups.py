"""After terminasi: follow-ups until the last one, and the case that is opened again."""

import asyncio
from typing import Any
from uuid import uuid4

from sqlalchemy import text

from tests.cases.ending import closed, ending, looked_after, refused, reopening_asked
from tests.cases.noting import day, slug
from tests.cases.story import Story
from tests.harness.stack import Running, eventually


async def tasks_of(story: Story, kind: str) -> list[dict[str, Any]]:
    """The open tasks of this kind in the case."""
    asked = {"whose": "office", "case_id": story.case_id, "size": 100}
    found = (await story.supervisor.get("/tasks", params=asked)).json()["items"]
    return [one for one in found if one["kind"] == kind]


async def test_follow_ups_are_tasks_until_the_last_is_made(story: Story) -> None:
    first, second, third = (await closed(story))["follow_ups"]
    assert sorted(one["due_on"] for one in await tasks_of(story, "follow-up")) == [
        one["due_on"] for one in (first, second, third)
    ]
    (task, *_) = await tasks_of(story, "follow-up")
    by_hand = await story.worker.post(f"/tasks/{task['id']}/finish", json={"expected_version": task["version"]})
    assert slug(by_hand) == "task-ends-with-its-act"
    done = await looked_after(story, first, situation="better", needs=["school-kit", "school-kit"], note="Sehat")
    assert (done.json()["state"], done.json()["version"]) == ("done", 1)
    assert slug(await looked_after(story, first)) == "version-conflict"
    assert slug(await looked_after(story, first, expected_version=1)) == "follow-up-recorded"
    answers = await asyncio.gather(*(looked_after(story, second) for _ in range(5)))
    assert sorted(one.status_code for one in answers) == [200] + [409] * 4
    assert len(await tasks_of(story, "follow-up")) == 1
    assert (await story.read())["follow_up_done_at"] is None
    assert (await looked_after(story, third)).is_success
    page = await ending(story)
    assert page["summary"]["follow_up_done_at"]
    assert page["follow_ups"][0]["needs"] == ["school-kit"]
    assert (await story.read())["history"][-1]["what"] == "follow_up_ended"


async def test_who_is_not_reached_is_looked_for_again_but_not_for_ever(story: Story) -> None:
    one = (await closed(story))["follow_ups"][0]
    for wrong in ({"next_on": None}, {"next_on": day(-1)}, {"next_on": day(400)}):
        assert slug(await looked_after(story, one, "/not-reached", **wrong)) == "next-attempt-missing"
    for _ in range(2):
        answer = (await looked_after(story, one, "/not-reached")).json()
        one = {"id": answer["next_follow_up"]}
    last = (await looked_after(story, one, "/not-reached", next_on=None)).json()
    assert (last["state"], last["next_follow_up"]) == ("not_reached", None)
    attempts = [(one["attempt"], one["state"]) for one in (await ending(story))["follow_ups"]]
    assert sorted(attempts) == [(1, "due"), (1, "due"), (1, "not_reached"), (2, "not_reached"), (3, "not_reached")]


async def test_when_things_are_worse_the_supervisor_thinks_about_opening_the_case_again(
    story: Story, facts: Any
) -> None:
    one = (await closed(story))["follow_ups"][0]
    await looked_after(story, one, situation="worse", note="Dipukul lagi")
    (task,) = await tasks_of(story, "consider-reopening")
    assert (task["reason"], task["worker"].startswith("supervisor-")) == ("situation-worse", True)

    async def told() -> Any:
        return await facts("CASES", one["id"])

    ((kind, what),) = await eventually(told)
    assert (kind, what["situation"], what["case_id"]) == ("sinergi.case.followed_up.v1", "worse", story.case_id)
    assert "Dipukul" not in str(what)
    await ending(story)
    await reopening_asked(story)
    await story.done(story.supervisor, "/reopening/refuse", comment="Ditangani PPA")
    assert await tasks_of(story, "consider-reopening") == []
    assert (await story.read())["stage"] == "pembinaan_lanjut"


async def test_a_follow_up_that_nobody_makes_is_overdue(story: Story, cases: Running) -> None:
    one = (await closed(story))["follow_ups"][0]
    async with cases.context.db.begin() as tx:
        moved = "UPDATE alarms SET due_at = now() - interval '1 hour' WHERE about = CAST(:id AS uuid)"
        await tx.session.execute(text(moved), {"id": one["task_id"]})

    async def overdue() -> bool:
        return any(task["state"] == "overdue" for task in await tasks_of(story, "follow-up"))

    await eventually(overdue)


async def test_a_case_is_opened_again_and_its_closure_stays_in_its_history(story: Story) -> None:
    await closed(story)
    assert await refused(story, story.supervisor, "/reopening/approve") == "no-reopening-asked"
    await reopening_asked(story)
    again = await refused(story, story.worker, "/reopening", reason="new-need", note="x")
    assert again == "reopening-asked"
    assert await refused(story, story.worker, "/reopening/approve") == "not-permitted"
    version = story.version
    answers = await asyncio.gather(*(story.act(story.supervisor, "/reopening/approve") for _ in range(5)))
    assert sorted(one.status_code for one in answers) == [200] + [409] * 4
    page = await ending(story)
    assert (page["state"], page["version"], page["reopen_until"]) == ("asesmen", version + 1, None)
    assert page["closures"][0]["state"] == "reopened"
    assert {one["state"] for one in page["follow_ups"]} == {"dropped"}
    assert await tasks_of(story, "follow-up") == []
    body = {"client_kind": "group", "client_id": story.client_id, "area": "31.74.01", "way_in": "registry"}
    assert slug(await story.worker.post("/cases", json=body)) == "case-already-open"
    await story.assess(safety=3)
    await story.done(story.worker, "/closure", reason="moved", outcomes={})
    await story.done(story.supervisor, "/close")
    assert [one["state"] for one in (await ending(story))["closures"]] == ["approved", "reopened"]


async def test_after_the_time_a_new_case_names_the_former(story: Story, cases: Running) -> None:
    await closed(story)
    async with cases.context.db.begin() as tx:
        long_ago = "UPDATE closures SET decided_at = now() - interval '181 days' WHERE case_id = CAST(:id AS uuid)"
        await tx.session.execute(text(long_ago), {"id": story.case_id})
    late = await refused(story, story.worker, "/reopening", reason="new-need", note="x")
    assert late == "reopening-too-late"
    former = story.case_id
    assert (await story.open())["id"] != former
    assert (await ending(story))["former_case_id"] == former


async def test_of_a_reopening_and_a_new_case_of_the_client_one_wins(story: Story, cases: Running) -> None:
    await closed(story)
    await reopening_asked(story)
    body = {"client_kind": "group", "client_id": story.client_id, "area": "31.74.01", "way_in": "registry"}
    async with cases.client(sub=uuid4().hex) as other:
        answers = await asyncio.gather(
            story.act(story.supervisor, "/reopening/approve"), *(other.post("/cases", json=body) for _ in range(4))
        )
    assert sorted(one.status_code for one in answers if one.is_success) in ([200], [201])
    assert {slug(one) for one in answers if one.is_error} == {"case-already-open"}
    await ending(story)
    if answers[0].is_error:
        assert await refused(story, story.supervisor, "/reopening/approve") == "case-already-open"
