"""The case as known at a time is what anybody who read it then saw."""

import random
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import delete, text, update

from services.cases.as_known import PARTS
from services.cases.models import Case, Goal, Task
from services.cases.versions import KEPT
from tests.cases.ending import closed, ending, looked_after
from tests.cases.noting import day, note, slug, visit
from tests.cases.story import CALM, COACHING, GOALS, Story, step
from tests.harness.stack import Running

#: what a random story may do: (who, path, body)
ACTS: list[tuple[str, str, dict[str, Any]]] = [
    ("worker", "/assessments", {"instrument": "general", "answers": CALM}),
    ("worker", "/assessments", {"instrument": "general", "answers": CALM | {"safety": 4}}),
    ("worker", "/plan", {"method": "PUT", "goals": GOALS, "steps": [COACHING]}),
    ("worker", "/plan", {"method": "PUT", "goals": GOALS[:1], "steps": [step("a"), step("b", after=["a"])]}),
    ("worker", "/plan/submit", {}),
    ("supervisor", "/plan/return", {"comment": "Lengkapi"}),
    ("supervisor", "/plan/approve", {}),
    ("worker", "/closure", {"reason": "moved", "outcomes": {}}),
    ("supervisor", "/closure/return", {"comment": "Belum"}),
    ("supervisor", "/close", {}),
    ("worker", "/reopening", {"reason": "new-need", "note": "Ada kebutuhan baru"}),
    ("supervisor", "/reopening/approve", {}),
]


async def now(cases: Running) -> str:
    """The time by the database's clock."""
    async with cases.context.db.begin() as tx:
        return str((await tx.session.scalar(text("SELECT clock_timestamp()"))).isoformat())


async def known(story: Story, at: str) -> dict[str, Any]:
    """The case as known then."""
    answer = await story.worker.get(f"/cases/{story.case_id}/as-known", params={"at": at})
    assert answer.is_success, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def something_happens(story: Story, dice: random.Random) -> None:
    """A random act: of the case, of a task, of a visit, or of a follow-up. Many are refused, as in life."""
    case = await story.read()
    kind = dice.randrange(6)
    if kind == 0:
        await story.worker.post(f"/cases/{story.case_id}/tasks", json={"note": "Telepon", "due_on": day(3)})
    elif kind == 1:
        await story.worker.post(f"/cases/{story.case_id}/visits/plan", json={"purpose": "monitoring", "on": day(2)})
    elif kind == 2 and case["tasks"]:
        task = dice.choice(case["tasks"])
        body = {"expected_version": task["version"], "note": "Sudah"}
        await story.worker.post(f"/tasks/{task['id']}/finish", json=body)
    elif kind == 3 and case["follow_ups"]:
        await looked_after(story, dice.choice(case["follow_ups"]), dice.choice(["", "/not-reached"]))
    else:
        who, path, body = dice.choice(ACTS)
        await story.act(getattr(story, who), path, **body)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(3))
async def test_after_each_of_many_acts_the_case_as_known_then_is_what_was_read_then(
    story: Story, cases: Running, seed: int
) -> None:
    dice, seen = random.Random(seed), []
    if seed == 2:
        await closed(story)
    else:
        await story.open()
    for _ in range(24):
        await something_happens(story, dice)
        read = await story.read()
        read.pop("may_write")
        seen.append((await now(cases), read))
    for at, read in seen:
        assert {key: value for key, value in (await known(story, at)).items() if key in read} == read
    assert len({str(read) for _, read in seen}) > 8


async def test_what_was_learnt_later_is_not_shown_and_words_of_notes_never(story: Story, cases: Running) -> None:
    before = await now(cases)
    await story.open()
    written = (await story.worker.post(f"/cases/{story.case_id}/notes", json=note(text="Rahasia"))).json()
    made = (await story.worker.post(f"/cases/{story.case_id}/visits", json=visit(findings="Rahasia"))).json()
    then = await now(cases)
    body = {"expected_version": written["version"], "error": "wrong-content"}
    marked = await story.worker.post(f"/cases/{story.case_id}/notes/{written['id']}/error", json=body)
    assert marked.is_success, marked.text
    first, last = await known(story, then), await known(story, await now(cases))
    assert [one["error"] for one in (*first["notes"], *last["notes"])] == [None, "wrong-content"]
    assert [(one["id"], one["state"]) for one in first["visits"]] == [(made["id"], "done")]
    assert "Rahasia" not in str(first) + str(last)
    unknown = await story.worker.get(f"/cases/{story.case_id}/as-known", params={"at": before})
    assert slug(unknown) == "not-known-then"


async def test_a_day_means_its_end_and_the_future_is_not_known(story: Story) -> None:
    await story.open()
    asked = f"/cases/{story.case_id}/as-known"
    assert (await story.worker.get(asked, params={"at": day(0)})).json()["stage"] == "identifikasi"
    assert slug(await story.worker.get(asked, params={"at": day(-1)})) == "not-known-then"
    soon = (datetime.now(UTC) + timedelta(hours=3)).isoformat()
    for at in (day(1), soon):
        assert slug(await story.worker.get(asked, params={"at": at})) == "in-the-future"
    for at in ("yesterday", "2026-01-01T10:00:00", ""):
        assert slug(await story.worker.get(asked, params={"at": at})) == "request-not-valid"


async def test_reading_how_a_case_was_is_written_down(story: Story, cases: Running) -> None:
    await closed(story)
    await ending(story)
    await known(story, day(0))
    async with cases.client("auditor") as auditor:
        trail = {"subject_kind": "case", "subject_id": story.case_id}
        rows = (await auditor.get("/audit", params=trail)).json()["items"]
    assert [one["action"] for one in rows][:2] == ["case.read_as_known", "case.read_closure"]


async def test_rows_that_a_statement_changes_past_the_session_are_kept_too(story: Story, cases: Running) -> None:
    await story.open()
    await story.assess()
    await story.draft()
    await story.worker.post(f"/cases/{story.case_id}/tasks", json={"note": "Telepon", "due_on": day(3)})
    before = await now(cases)
    async with cases.context.db.begin() as tx:
        await tx.session.execute(update(Task).where(Task.case_id == story.case_id).values(reason="in-bulk"))
        await tx.session.execute(delete(Goal).where(Goal.case_id == story.case_id, Goal.key == "licence"))
    after = await known(story, await now(cases))
    assert ({one["reason"] for one in after["tasks"]}, len(after["goals"])) == ({"in-bulk"}, 1)
    then = await known(story, before)
    given = {"by-hand", "general", "stage-identifikasi", "stage-rencana"}
    assert ({one["reason"] for one in then["tasks"]}, len(then["goals"])) == (given, 2)


def test_every_table_that_is_shown_is_kept() -> None:
    assert set(PARTS.values()) | {Case} == set(KEPT)
