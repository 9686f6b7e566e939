"""Visits: planned with a task, made or tried in vain, written down late but not too late."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any
from uuid import uuid4

from tests.cases.noting import ago, day, note, slug, visit
from tests.cases.story import Story
from tests.harness.stack import Running


async def post(story: Story, path: str, body: dict[str, Any], who: Any = None) -> Any:
    return await (who or story.worker).post(f"/cases/{story.case_id}/visits{path}", json=body)


async def planned(story: Story, **other: Any) -> dict[str, Any]:
    answer = await post(story, "/plan", {"purpose": "monitoring", "on": day(3)} | other)
    assert answer.status_code == 201, answer.text
    return dict(answer.json())


async def open_tasks(story: Story) -> list[dict[str, Any]]:
    found = (await story.worker.get("/tasks", params={"case_id": story.case_id})).json()
    return [one for one in found["items"] if one["kind"] == "visit"]


def missed(**other: Any) -> dict[str, Any]:
    names = ("purpose", "started_at", "ended_at", "place_kind", "area", "place")
    tried = {name: value for name, value in visit().items() if name in names}
    return tried | {"reason": "nobody-home", "next_on": day(2)} | other


async def test_a_planned_visit_is_a_task_and_making_it_finishes_the_task(
    story: Story, facts: Callable[..., Awaitable[Any]], eventually: Callable[..., Awaitable[Any]]
) -> None:
    await story.open()
    plan = await planned(story)
    (task,) = await open_tasks(story)
    assert (task["due_on"], task["reason"], task["worker"]) == (day(3), "monitoring", story.worker_sub)
    made = visit(visit_id=plan["id"], expected_version=plan["version"])
    answer = (await post(story, "", made)).json()
    assert (answer["id"], answer["state"]) == (plan["id"], "done")
    assert await open_tasks(story) == []
    await story.assess()  # the case's version did not move
    (kind, body), *_ = await eventually(lambda: facts("CASES", plan["id"]))
    assert kind == "sinergi.visit.recorded.v1"
    assert body["outcome"] == "done"
    assert not any(words in str(body) for words in ("Sehat", "Gang", "Ketua"))
    (shown,) = (await story.worker.get(f"/cases/{story.case_id}/timeline")).json()["items"]
    assert (shown["what"], shown["findings"], shown["people"][1]["words"]) == ("visit", "Sehat", "Ketua RT")


async def test_a_client_who_was_not_met_counts_and_is_visited_again(story: Story) -> None:
    await story.open()
    plan = await planned(story)
    answer = (await post(story, "/missed", missed(visit_id=plan["id"], expected_version=0))).json()
    assert answer["state"] == "not_met"
    (task,) = await open_tasks(story)
    assert task["due_on"] == day(2)
    again = (await post(story, "", visit(visit_id=answer["next_visit"], expected_version=0, next_on=day(30)))).json()
    assert again["state"] == "done"
    assert [one["due_on"] for one in await open_tasks(story)] == [day(30)]


async def test_a_visit_is_written_down_late_but_neither_too_late_nor_before_it_was(story: Story) -> None:
    await story.open()
    late = {"started_at": ago(days=29, hours=2), "ended_at": ago(days=29)}
    assert (await post(story, "", visit(**late))).status_code == 201
    old = await post(story, "", visit(started_at=ago(days=31), ended_at=ago(days=31)))
    assert (slug(old), old.json()["days"]) == ("visit-too-old", 30)
    assert slug(await post(story, "", visit(ended_at=ago(hours=-1)))) == "in-the-future"
    for on in (day(-1), day(400)):
        assert slug(await post(story, "/plan", {"purpose": "monitoring", "on": on})) == "visit-date"
    for other in (
        {"ended_at": ago(hours=5)},
        {"started_at": ago(hours=30)},
        {"started_at": "2026-01-01T10:00:00"},
        {"visit_id": str(uuid4())},
        {"findings": "x" * 4001},
        {"needs": ["3174012345670001"]},
        {"people": [{"relation": "client", "words": "a\0"}]},
    ):
        assert (await post(story, "", visit(**other))).status_code == 422, other


async def test_of_many_who_record_one_planned_visit_one_does(story: Story) -> None:
    await story.open()
    plan = await planned(story)
    bodies = [visit(visit_id=plan["id"], expected_version=0) for _ in range(6)]
    answers = await asyncio.gather(*(post(story, "", body) for body in bodies))
    assert sorted(one.status_code for one in answers) == [201] + [409] * 5
    again = await post(story, "", visit(visit_id=plan["id"], expected_version=1))
    assert slug(again) == "visit-already-recorded"


async def test_nobody_else_records_a_visit_nor_one_of_another_case(story: Story, cases: Running) -> None:
    await story.open()
    assert slug(await post(story, "", visit(), story.supervisor)) == "not-permitted"
    async with cases.client("social_worker", sub=f"other-{uuid4().hex}") as other:
        assert slug(await post(story, "", visit(), other)) == "not-your-case"
    other = Story(cases, story._publish)
    await other.open()
    plan = await planned(other)
    assert slug(await post(story, "", visit(visit_id=plan["id"], expected_version=0))) == "not-found"
    await other.leave()


async def test_the_timeline_has_notes_and_visits_in_one_order_and_in_pages(story: Story) -> None:
    await story.open()
    for hours in (5, 3, 1):
        await story.worker.post(f"/cases/{story.case_id}/notes", json=note(at=ago(hours=hours), text=f"{hours}"))
    for hours in (4, 2):
        await post(story, "", visit(started_at=ago(hours=hours), ended_at=ago(hours=hours), findings=f"{hours}"))
    told: list[str] = []
    for page in (1, 2, 3):
        found = await story.worker.get(f"/cases/{story.case_id}/timeline", params={"page": page, "size": 2})
        told += [one.get("findings") or one["text"] for one in found.json()["items"]]
    assert told == ["1", "2", "3", "4", "5"]
    assert found.json()["total"] == 5
