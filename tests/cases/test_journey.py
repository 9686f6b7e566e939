"""The whole path of a case, as its people walk it."""

from collections.abc import Awaitable, Callable
from datetime import date
from typing import Any

from sinergi.events import ReferralAccepted, ReferralCompleted, ReferralProgressed
from tests.cases.story import Story
from tests.harness.stack import Running


async def walk_to_the_outcomes(story: Story) -> None:
    """Coaching completed, licence declined, sent again, completed."""
    await story.approved()
    coaching = await story.requested("coaching")
    await story.fact(ReferralAccepted, "coaching", coaching, 2, expected_on=date(2026, 12, 1))
    await story.until("coaching", "accepted")
    await story.fact(ReferralProgressed, "coaching", coaching, 3)
    await story.until("coaching", "in_progress")
    done = {"outcome": "coached", "given_on": date(2026, 12, 1), "evidence": ["certificate"]}
    await story.fact(ReferralCompleted, "coaching", coaching, 4, **done)
    await story.until("licence", "sent")
    declined = await story.declined("licence")
    licence = (await story.step("licence"))["id"]
    again = {"documents": ["ktp", "domicile-letter"], "reason": "Surat domisili sudah ada"}
    await story.done(story.worker, f"/steps/{licence}/resend", **again)
    second = await story.requested("licence", replaces=declined)
    done = {"outcome": "nib-issued", "given_on": date(2026, 12, 9), "evidence": ["nib"]}
    await story.fact(ReferralCompleted, "licence", second, 2, **done)
    await story.until("licence", "completed")


async def test_a_case_walks_from_identifikasi_to_pembinaan_lanjut(
    story: Story, facts: Callable[..., Awaitable[list[tuple[str, dict[str, Any]]]]], eventually: Any
) -> None:
    await walk_to_the_outcomes(story)
    assert (await story.read())["stage"] == "pemberdayaan"
    asked = await story.done(
        story.worker,
        "/closure",
        reason="goals-met",
        outcomes={"skill": "met", "licence": "partly_met"},
        client_view="Puas",
    )
    assert asked["state"] == "terminasi"
    closed = await story.done(story.supervisor, "/close", comment="Setuju")
    assert closed["state"] == "pembinaan_lanjut"

    case = await story.read()
    assert [goal["outcome"] for goal in case["goals"]] == ["met", "partly_met"]
    assert [one["outcome"] for one in case["steps"]] == ["coached", "nib-issued"]
    assert len(case["follow_ups"]) == 3
    assert [one["what"] for one in case["history"]][:5] == [
        "open",
        "assess",
        "draft_plan",
        "submit_plan",
        "approve_plan",
    ]
    assert case["history"][-1]["what"] == "close"
    assert {task["kind"] for task in case["tasks"] if not task["done_at"]} == {"follow-up"}

    async def all_told() -> list[tuple[str, dict[str, Any]]] | None:
        told = await facts("CASES", story.case_id)
        return told if len(told) == case["version"] else None

    told = await eventually(all_told)
    assert [kind.removeprefix("sinergi.case.") for kind, _ in told] == [
        "opened.v1",
        "assessed.v1",
        "plan_drafted.v1",
        "plan_submitted.v1",
        "plan_approved.v1",
        "referral_planned.v1",
        "step_completed.v1",
        "referral_planned.v1",
        "step_failed.v1",
        "referral_planned.v1",
        "step_completed.v1",
        "closure_requested.v1",
        "closed.v1",
    ]
    assert told[-1][1]["follow_up_due"] == [one["due_on"] for one in case["follow_ups"]]
    assert told[9][1]["replaces"] == case["steps"][1]["earlier_referrals"][0]
    assert (told[9][1]["reason"], "domisili sudah" in str(told)) == ("micro-licence", False)
    assert told[9][1]["documents"] == ["ktp", "domicile-letter"]


async def test_what_the_worker_wrote_in_words_stays_out_of_the_facts(
    story: Story, facts: Callable[..., Awaitable[list[tuple[str, dict[str, Any]]]]], eventually: Any
) -> None:
    await story.approved()

    async def all_told() -> Any:
        told = await facts("CASES", story.case_id)
        return told if len(told) == 6 else None

    told = str(await eventually(all_told))
    assert "Mampu mengelola" not in told
    assert "Baik" not in told


async def test_reading_a_case_leaves_an_audit_row_that_only_an_auditor_reads(story: Story, cases: Running) -> None:
    await story.open()
    await story.worker.get(f"/cases/{story.case_id}", params={"purpose": "home visit"})
    trail = {"subject_kind": "case", "subject_id": story.case_id}
    async with cases.client("auditor") as auditor:
        rows = (await auditor.get("/audit", params=trail)).json()
    assert rows["total"] == 1
    assert (rows["items"][0]["actor"], rows["items"][0]["purpose"]) == (story.worker_sub, "home visit")
    assert (await story.worker.get("/audit", params=trail)).status_code == 403


async def test_a_worker_lists_its_own_caseload_and_a_supervisor_the_office(story: Story, cases: Running) -> None:
    await story.open()
    mine = (await story.worker.get("/cases", params={"stage": "identifikasi"})).json()
    assert [one["id"] for one in mine["items"]] == [story.case_id]
    assert mine["total"] == 1
    assert (await story.worker.get("/cases", params={"stage": "asesmen"})).json()["total"] == 0
    office = (await story.supervisor.get("/cases", params={"worker": story.worker_sub})).json()
    assert story.case_id in [one["id"] for one in office["items"]]
    async with cases.client("supervisor", area="31.7") as elsewhere:
        assert (await elsewhere.get("/cases")).json()["total"] == 0


async def test_a_risk_to_life_comes_first_in_the_list(story: Story) -> None:
    await story.open()
    urgent = story.case_id
    await story.assess(safety=4)
    story.client_id, story.version = "01935c00-0000-7000-8000-" + urgent[-12:], 0
    await story.open()
    listed = (await story.worker.get("/cases")).json()["items"]
    assert [one["id"] for one in listed] == [urgent, story.case_id]
