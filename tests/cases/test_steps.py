"""Each kind of step walks its whole way, and what it is to whom: a task with a date, an outcome, a question."""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest

from sinergi.events import (
    PlacementAdmitted,
    PlacementCancelled,
    PlacementFact,
    PlacementPlaced,
    ReferralCancelled,
    ReferralCompleted,
)
from tests.cases.planning_story import as_if_due, next_acts, on_step, open_tasks, own, plan, redraft, slug, stepped
from tests.cases.story import COACHING, LICENCE, Story, step
from tests.harness.stack import Running, eventually

Facts = Callable[..., Awaitable[list[tuple[str, dict[str, Any]]]]]
TODAY = datetime.now(UTC).date()
SOON = (TODAY + timedelta(days=9)).isoformat()


@pytest.mark.parametrize(
    ("kind", "outcome"),
    [("own_service", "service-given"), ("placement", "admitted"), ("visit", "visit-completed"), ("aid", "aid-given")],
)
async def test_a_step_of_our_own_is_opened_with_one_task_and_done_with_its_outcome(
    story: Story, facts: Facts, kind: str, outcome: str
) -> None:
    amount = {"amount": 600_000} if kind == "aid" else {}
    await story.approved(own("first", kind, due_on=SOON, **amount), own("second", kind, after=["first"]))
    first = await story.step("first")
    assert (first["state"], first["due_on"]) == ("open", SOON)
    assert (await story.step("second"))["state"] == "planned"
    task = (await open_tasks(story))[f"do-{kind.replace('_', '-')}"]
    assert (task["step_id"], task["due_on"], task["worker"]) == (first["id"], SOON, story.worker_sub)
    by_hand = await story.worker.post(f"/tasks/{task['id']}/finish", json={"expected_version": task["version"]})
    assert slug(by_hand) == (409, "task-ends-with-its-act")

    given = {"reference": "BAST/12/2026", "amount": 550_000} if kind == "aid" else {}
    await stepped(story, "first", "finish", outcome=outcome, note="Ibu Sari hadir", **given)
    first = await story.step("first")
    assert (first["state"], first["outcome"], first["done_on"]) == ("completed", outcome, TODAY.isoformat())
    assert (first["reference"], first["amount"]) == ((given["reference"], 550_000) if given else (None, None))
    assert (await story.step("second"))["state"] == "open"
    assert f"do-{kind.replace('_', '-')}" not in await open_tasks(story)

    async def told() -> list[tuple[str, dict[str, Any]]] | None:
        found = [one for one in await facts("CASES", story.case_id) if ".step_" in one[0]]
        return found if len(found) == 3 else None

    found = await eventually(told)
    assert [one.split(".")[2] for one, _ in found] == ["step_opened", "step_completed", "step_opened"]
    assert (found[0][1]["kind"], found[0][1]["due_on"], found[1][1]["kind"]) == (kind, SOON, kind)
    assert "Sari" not in str(found)


async def test_an_aid_is_recorded_under_its_number_and_not_before_it_was_given(story: Story) -> None:
    await story.approved(own("food", "aid"))
    assert slug(await on_step(story, "food", "finish", outcome="aid-given")) == (422, "aid-needs-reference")
    late = (TODAY + timedelta(days=2)).isoformat()
    refused = await on_step(story, "food", "finish", outcome="aid-given", reference="X/1", done_on=late)
    assert slug(refused) == (422, "day-in-future")
    assert (await story.step("food"))["state"] == "open"


async def test_a_step_that_fails_asks_the_worker_who_tries_again(story: Story) -> None:
    await story.approved(own("talk", due_days=5))
    await stepped(story, "talk", "fail", reason="unreachable", note="Rumah kosong")
    tasks = await open_tasks(story)
    assert (tasks["step-failed"]["reason"], "do-own-service" in tasks) == ("unreachable", False)
    await stepped(story, "talk", "resend", reason="Ketemu lewat ketua RT")
    assert (await story.step("talk"))["state"] == "open"
    assert set(await open_tasks(story)) == {"do-own-service", "review-plan"}
    await stepped(story, "talk", "finish", outcome="service-given")
    assert slug(await on_step(story, "talk", "fail", reason="other")) == (409, "wrong-step-state")


async def test_a_step_is_overdue_when_its_day_has_passed(cases: Running, story: Story) -> None:
    await story.approved(own("home", "visit", due_days=1))
    task = (await open_tasks(story))["do-visit"]
    await as_if_due(cases, task["id"])

    async def overdue() -> bool:
        return bool((await open_tasks(story))["do-visit"]["overdue_since"])

    await eventually(overdue)
    await stepped(story, "home", "finish", outcome="visit-completed")
    assert "do-visit" not in await open_tasks(story)


async def test_a_step_is_given_to_a_named_colleague(cases: Running, story: Story) -> None:
    colleague = uuid4().hex
    await story.approved(own("talk", worker=colleague, due_on=SOON))
    async with cases.client("social_worker", sub=colleague) as client:
        (task,) = (await client.get("/tasks")).json()["items"]
    assert (task["kind"], task["reason"]) == ("do-own-service", "counselling")


async def test_dropping_a_step_asks_about_what_waited_for_it(story: Story) -> None:
    await story.approved(own("first"), own("second", after=["first"]))
    await stepped(story, "first", "drop", reason="Keluarga tidak mau")
    blocked = (await open_tasks(story))["step-blocked"]
    assert blocked["step_id"] == (await story.step("second"))["id"]
    assert (await next_acts(story, story.worker))["stage"] == "intervensi"
    await stepped(story, "second", "drop", reason="Tidak perlu lagi")
    assert "step-blocked" not in await open_tasks(story)
    assert slug(await on_step(story, "second", "drop", reason="lagi")) == (409, "wrong-step-state")


async def test_dropping_a_running_referral_asks_to_stop_it_and_ends_when_it_has_ended(
    story: Story, facts: Facts
) -> None:
    await story.approved(COACHING, LICENCE)
    referral = await story.requested("coaching")
    await stepped(story, "coaching", "drop", reason="Klien pindah kota", code="client-moved")
    assert (await story.step("coaching"))["state"] == "requested"
    assert slug(await on_step(story, "coaching", "drop", reason="lagi")) == (409, "wrong-step-state")

    async def told() -> dict[str, Any] | None:
        found = [body for kind, body in await facts("CASES", story.case_id) if "referral_withdrawn" in kind]
        return found[0] if found else None

    withdrawn = await eventually(told)
    assert (withdrawn["reason"], withdrawn["service"]) == ("client-moved", "koperasi-pembinaan")
    await story.fact(ReferralCancelled, "coaching", referral, 2, reason="client-moved")
    await story.until("coaching", "dropped")
    assert set(await open_tasks(story)) == {"step-blocked", "review-plan"}


async def test_a_withdrawn_referral_that_completes_after_all_counts(story: Story) -> None:
    await story.approved(COACHING)
    referral = await story.requested("coaching")
    await stepped(story, "coaching", "drop", reason="Tidak perlu")
    done = {"outcome": "coached", "given_on": TODAY}
    await story.fact(ReferralCompleted, "coaching", referral, 2, **done)
    assert (await story.until("coaching", "completed"))["outcome"] == "coached"


async def test_a_referrals_outcome_comes_back_to_its_goal_by_itself(story: Story) -> None:
    await story.approved(step("coaching", weight=3), own("visit", "visit"))
    referral = await story.requested("coaching")
    skill = (await plan(story))["goals"][0]
    assert skill["progress"] == {"steps_done": 0, "steps_all": 2, "percent": 0}
    await story.fact(ReferralCompleted, "coaching", referral, 2, outcome="coached", given_on=TODAY)
    await story.until("coaching", "completed")
    found = await plan(story)
    assert found["goals"][0]["progress"] == {"steps_done": 1, "steps_all": 2, "percent": 75}
    assert found["goals"][1]["progress"]["percent"] == 0


async def test_the_worker_notes_how_far_a_goal_is_and_the_series_is_kept(story: Story, facts: Facts) -> None:
    await story.approved(own("talk"))
    yesterday = (TODAY - timedelta(days=1)).isoformat()
    await story.done(story.worker, "/goals/skill/progress", reached="most", note="Buka tiap hari")
    await story.done(story.worker, "/goals/skill/progress", reached="some", seen_on=yesterday)
    views = (await plan(story))["goals"][0]["views"]
    assert [(one["reached"], one["note"]) for one in views] == [("some", ""), ("most", "Buka tiap hari")]
    refused = await story.act(story.worker, "/goals/none/progress", reached="most")
    assert slug(refused) == (404, "not-found")
    late = {"reached": "most", "seen_on": (TODAY + timedelta(days=2)).isoformat()}
    assert slug(await story.act(story.worker, "/goals/skill/progress", **late)) == (422, "day-in-future")

    async def told() -> list[str] | None:
        found = [body["reached"] for kind, body in await facts("CASES", story.case_id) if "goal_progressed" in kind]
        return found if len(found) == 2 else None

    assert await eventually(told) == ["most", "some"]


async def test_who_is_not_the_worker_does_nothing_with_steps_and_goals(cases: Running, story: Story) -> None:
    await story.approved(own("talk"))
    talk = (await story.step("talk"))["id"]
    acts: dict[str, dict[str, Any]] = {
        f"/steps/{talk}/finish": {"outcome": "service-given"},
        f"/steps/{talk}/fail": {"reason": "refused"},
        f"/steps/{talk}/drop": {"reason": "x"},
        "/goals/skill/progress": {"reached": "most"},
        "/plan/revise": {},
        "/plan/review": {"note": "x"},
        "/revert": {"to": "asesmen", "reason": "setback", "note": "x"},
    }
    others = [
        ("social_worker", "dinsos", "31.74", "not-your-case"),
        ("social_worker", "dinkes", "31.74", "not-your-agency"),
        ("social_worker", "dinsos", "31.75", "outside-your-area"),
        ("supervisor", "dinsos", "31.74", "not-permitted"),
        ("desk_officer", "dinsos", "31.74", "not-permitted"),
    ]
    for role, agency, area, reason in others:
        async with cases.client(role, agency, area, sub=uuid4().hex) as other:
            for path, body in acts.items():
                assert slug(await story.act(other, path, **body)) == (403, reason), (role, path)
            if role != "supervisor":
                for read in ("plan", "next"):
                    assert slug(await other.get(f"/cases/{story.case_id}/{read}"))[0] == 403
    for path, body in acts.items():
        refused = await story.act(story.worker, path, version=story.version - 1, **body)
        assert slug(refused) == (409, "version-conflict"), path


async def test_a_step_must_fit_its_kind(story: Story) -> None:
    await story.open()
    await story.assess()
    wrong = [
        step("a", reason=None),
        step("a", legal_basis=None),
        step("a", worker="someone"),
        own("a", amount=5),
        own("a", "aid", amount=0),
        own("a", "aid", amount=10**13),
        own("a", due_days=3, due_on=SOON),
        own("a", kind="own_service", service="Budi 3174015506900001"),
        own("a", weight=0),
        own("a") | {"kind": "party"},
    ]
    for one in wrong:
        refused = await story.act(story.worker, "/plan", method="PUT", goals=[GOAL], steps=[one])
        assert slug(refused) == (422, "request-not-valid"), one


async def test_a_visit_that_was_made_is_the_planned_one_and_does_the_duty(story: Story) -> None:
    await story.open()
    await story.assess(health=3)
    visits = [
        own("later", "visit", due_days=9),
        own("sooner", "visit", due_days=2),
        own("any", "visit", service="other"),
    ]
    story._seen(await redraft(story, *visits, left_out={"health": "x"}))
    await story.done(story.worker, "/plan/submit")
    await story.done(story.supervisor, "/plan/approve")
    assert "visit-risk" in await open_tasks(story)
    now = datetime.now(UTC)
    visit = {
        "purpose": "monitoring",
        "started_at": (now - timedelta(hours=2)).isoformat(),
        "ended_at": (now - timedelta(hours=1)).isoformat(),
        "place_kind": "home",
        "area": "31.74.01",
        "client_present": True,
        "findings": "Membaik",
    }
    answer = await story.worker.post(f"/cases/{story.case_id}/visits", json=visit)
    assert answer.is_success, answer.text
    assert (await story.until("sooner", "completed"))["outcome"] == "visit-completed"
    assert (await story.step("later"))["state"] == "open"
    assert "visit-risk" not in await open_tasks(story)


async def test_a_placement_ends_the_step_that_asked_for_it(
    story: Story, publish_fact: Callable[..., Awaitable[str]]
) -> None:
    home = own("home", "placement")
    await story.approved(home, own("second", "placement"), own("third", "placement"))
    who = {"agency": "dinsos", "area": "31.74.01", "worker": story.worker_sub, "supervisor": "", "inside": True}

    async def told(fact: type[PlacementFact], key: str, **more: Any) -> None:
        placement, step_id = str(uuid4()), (await story.step(key))["id"]
        event = fact(placement_id=placement, case_id=story.case_id, step_id=step_id, **(who | more))
        await publish_fact(event, placement, 1)

    await told(PlacementAdmitted, "home")
    await told(PlacementPlaced, "second", inside=False)
    await told(PlacementCancelled, "third", reason="refused")
    assert (await story.until("home", "completed"))["outcome"] == "admitted"
    assert (await story.until("second", "completed"))["outcome"] == "placed"
    await story.until("third", "failed")
    assert (await open_tasks(story))["step-failed"]["reason"] == "refused"


GOAL = {"key": "skill", "need": "economic", "text": "x", "target": "Laba tercatat", "by_when": SOON}
