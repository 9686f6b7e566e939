"""What stage and risk ask for by a date, and the ways back."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from services.cases.duties import DUTIES, Duty, office
from services.cases.stages import REVERTS, Stage
from sinergi.events import ReferralCompleted
from sinergi.workdays import WIB, Calendar, Holiday
from tests.cases.planning_story import next_acts, open_tasks, own, redraft, slug, stepped
from tests.cases.story import COACHING, LICENCE, Story

TALK = own("talk", due_days=5)


def within(kind: str, code: str) -> str:
    """The due date of a duty that begins now."""
    return next(one for one in DUTIES if (one.kind, one.code) == (kind, code)).due_on("31.74").isoformat()


def due(tasks: dict[str, dict[str, Any]]) -> dict[str, tuple[str, str]]:
    return {kind: (one["reason"], one["due_on"]) for kind, one in tasks.items()}


async def test_the_stages_duties_begin_and_end_with_the_acts_that_fulfil_them(story: Story) -> None:
    await story.open()
    assert due(await open_tasks(story)) == {"assess": ("stage-identifikasi", within("assess", "stage-identifikasi"))}
    await story.assess()
    submit = ("stage-rencana", within("submit-plan", "stage-rencana"))
    assert due(await open_tasks(story)) == {"submit-plan": submit}
    first = (await open_tasks(story))["submit-plan"]["id"]
    await story.draft(TALK)
    assert (await open_tasks(story))["submit-plan"]["id"] == first
    await story.done(story.worker, "/plan/submit")
    assert await open_tasks(story) == {}
    await story.done(story.supervisor, "/plan/approve")
    review = (await open_tasks(story))["review-plan"]
    assert (review["reason"], review["due_on"]) == ("review-medium", within("review-plan", "review-medium"))
    await story.done(story.worker, "/plan/review", note="Berjalan baik")
    again = (await open_tasks(story))["review-plan"]
    assert (again["id"] != review["id"], again["due_on"]) == (True, review["due_on"])
    await stepped(story, "talk", "finish", outcome="service-given")
    await story.done(
        story.worker,
        "/closure",
        reason="goals-met",
        outcomes={"skill": "met", "licence": "met"},
        not_asked="not-reached",
    )
    assert await open_tasks(story) == {}


async def test_a_risk_that_grows_makes_the_visit_due_sooner_and_one_that_falls_ends_it(story: Story) -> None:
    await story.open()
    await story.assess(health=3)
    assert due(await open_tasks(story))["visit-risk"] == ("risk-high", within("visit-risk", "risk-high"))
    high = (await open_tasks(story))["visit-risk"]["id"]
    await story.assess(health=3)
    assert (await open_tasks(story))["visit-risk"]["id"] == high
    await story.assess(safety=4)
    life = (await open_tasks(story))["visit-risk"]
    assert (life["reason"], life["due_on"]) == ("risk-life", within("visit-risk", "risk-life"))
    done = await story.worker.post(f"/tasks/{life['id']}/finish", json={"expected_version": life["version"]})
    assert done.is_success
    await story.assess(safety=4)
    assert "visit-risk" not in await open_tasks(story)
    await story.assess()
    await story.assess(safety=4)
    assert "visit-risk" in await open_tasks(story)
    await story.assess()
    assert "visit-risk" not in await open_tasks(story)


def test_working_days_of_the_place_are_counted_and_plain_days_are_not(monkeypatch: pytest.MonkeyPatch) -> None:
    today = datetime.now(UTC).astimezone(WIB).date()
    off = tuple(Holiday(today + timedelta(days=n), "31", "libur") for n in range(1, 11))
    monkeypatch.setattr(office, "calendar", Calendar(off))
    plain, working = [Duty(code="x", kind="x", stages=[], **{unit: 1}) for unit in ("days", "working_days")]
    assert plain.due_on("31.74") == today + timedelta(days=1)
    assert working.due_on("31.74") > today + timedelta(days=10)
    assert working.due_on("32.01") <= today + timedelta(days=10)


async def test_the_office_counts_in_the_calendar_of_its_settings(cases: Any) -> None:
    assert office.calendar is cases.context.calendar


# ------------------------------------------------------------------- going back


def test_every_way_back_leads_back() -> None:
    order = list(Stage)
    assert all(order.index(to) < order.index(stage) for stage, ways in REVERTS.items() for to in ways)


async def test_a_case_goes_back_for_a_reason_and_what_runs_runs_on(story: Story, facts: Any, eventually: Any) -> None:
    await story.approved(COACHING, LICENCE, TALK)
    referral = await story.requested("coaching")
    back = {"to": "asesmen", "reason": "material-change", "note": "Suami Bu Sari meninggal"}
    assert (await story.done(story.worker, "/revert", **back))["state"] == "asesmen"
    assert set(await open_tasks(story)) == {"submit-plan", "do-own-service"}
    await story.fact(ReferralCompleted, "coaching", referral, 2, outcome="coached", given_on=date(2026, 11, 28))
    await story.until("coaching", "completed")
    assert (await story.step("licence"))["state"] == "planned"  # nothing new goes out until the plan is approved again
    await stepped(story, "talk", "finish", outcome="service-given")
    await story.assess(economic=4)
    assert slug(await redraft(story)) == (409, "wrong-plan-state")
    assert (await story.done(story.worker, "/plan/revise"))["state"] == "rencana"
    await story.done(story.worker, "/plan/submit")
    assert (await story.done(story.supervisor, "/plan/approve"))["state"] == "pemberdayaan"
    assert (await story.step("licence"))["state"] == "sent"

    async def told() -> dict[str, Any] | None:
        found = [body for kind, body in await facts("CASES", story.case_id) if "stage_reverted" in kind]
        return found[0] if found else None

    fact = await eventually(told)
    assert (fact["from_stage"], fact["to_stage"], fact["reason"]) == ("intervensi", "asesmen", "material-change")
    assert "Sari" not in str(fact)
    noted = [one["note"] for one in (await story.read())["history"] if one["what"] == "revert_stage"]
    assert noted == ["intervensi → asesmen, material-change: Suami Bu Sari meninggal"]


async def test_a_plan_that_lay_before_the_supervisor_is_a_draft_again(story: Story) -> None:
    await story.open()
    await story.assess()
    await story.draft(TALK)
    await story.done(story.worker, "/plan/submit")
    back = {"to": "asesmen", "reason": "assessment-incomplete", "note": "Perlu kunjungan"}
    await story.done(story.worker, "/revert", **back)
    assert slug(await story.act(story.supervisor, "/plan/approve")) == (409, "wrong-stage")
    assert (await next_acts(story, story.worker))["commands"] == ["assess", "draft_plan", "request_closure"]
    story._seen(await redraft(story, TALK))
    await story.done(story.worker, "/plan/submit")
    await story.done(story.supervisor, "/plan/approve")


async def test_there_is_no_other_way_back(story: Story) -> None:
    await story.approved(TALK)
    for to in ("identifikasi", "rencana", "intervensi", "pemberdayaan"):
        refused = await story.act(story.worker, "/revert", to=to, reason="setback", note="x")
        assert slug(refused) == (409, "no-way-back"), to
    refused = await story.act(story.worker, "/revert", to="asesmen", reason="bored", note="x")
    assert slug(refused) == (422, "request-not-valid")
