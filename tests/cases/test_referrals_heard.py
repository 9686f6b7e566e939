"""What the facts about referrals do to a plan: once, in order, and only by the referral that counts."""

from collections.abc import Awaitable, Callable
from datetime import UTC, date, datetime
from typing import Any
from uuid import uuid4

from sinergi.events import (
    PathwayCompleted,
    PathwayFact,
    PathwayStarted,
    PathwayStopped,
    ReferralAccepted,
    ReferralCancelled,
    ReferralCompleted,
    ReferralDeclined,
    ReferralExpired,
    ReferralFailed,
    ReferralOverdue,
    ReferralRequested,
)
from tests.cases.story import COACHING, Story, step
from tests.harness.stack import eventually

DONE = {"outcome": "coached", "given_on": date(2026, 12, 1)}
ASKED = {"reason": "business-coaching", "legal_basis": "Permensos 2/2019"}
FAILED = {"reason": "unreachable"}


async def test_the_same_completion_twice_advances_the_plan_once(story: Story) -> None:
    await story.approved()
    referral = await story.requested("coaching")
    event = await story.event(ReferralCompleted, "coaching", referral_id=referral, **DONE)
    event_id = await story.publish(event, 2)
    await story.until("licence", "sent")
    await story.publish(event, 2, event_id=event_id)
    await story.publish(event, 2)
    await story.requested("licence")
    done = [one["what"] for one in (await story.read())["history"]]
    assert done.count("step_completed") == 1
    assert done.count("step_sent") == 2


async def test_facts_that_arrive_out_of_order_are_applied_in_order(story: Story) -> None:
    await story.approved()
    referral = str(uuid4())
    await story.fact(ReferralCompleted, "coaching", referral, 3, **DONE)
    await story.fact(ReferralAccepted, "coaching", referral, 2, expected_on=date(2026, 12, 1))
    assert (await story.step("coaching"))["state"] == "sent"
    await story.fact(ReferralRequested, "coaching", referral, 1, **ASKED)
    await story.until("coaching", "completed")
    moves = [one["what"] for one in (await story.read())["history"] if one["what"].startswith("step_")]
    assert moves == ["step_sent", "step_requested", "step_accepted", "step_completed", "step_sent"]


async def test_many_answers_on_one_case_at_once_are_all_kept(
    story: Story, facts: Callable[..., Awaitable[list[tuple[str, dict[str, Any]]]]]
) -> None:
    keys = [f"step-{number}" for number in range(8)]
    await story.approved(*(step(key, service=f"service-{key}") for key in keys), step("last", after=keys))
    told = [(key, str(uuid4())) for key in keys]
    events = [await story.event(ReferralCompleted, key, referral_id=one, **DONE) for key, one in told]
    for event in events:
        await story.publish(event, 1)
    await story.until("last", "sent")
    case = await story.read()

    async def versions() -> bool:
        return len(await facts("CASES", story.case_id)) == case["version"]

    await eventually(versions)


async def test_a_decline_asks_the_worker_and_a_resend_replaces_the_referral(story: Story) -> None:
    await story.approved(COACHING)
    declined = await story.declined("coaching")
    case = await story.read()
    failed = case["steps"][0]
    assert (failed["problem"], failed["missing_documents"]) == ("missing-documents", ["domicile-letter"])
    assert [(one["kind"], one["done_at"]) for one in case["tasks"] if one["step_id"]] == [("step-declined", None)]

    again = {"documents": ["ktp", "domicile-letter"], "reason": "document-added"}
    await story.done(story.worker, f"/steps/{failed['id']}/resend", **again)
    case = await story.read()
    assert (case["steps"][0]["state"], case["steps"][0]["earlier_referrals"]) == ("sent", [declined])
    assert all(one["done_at"] for one in case["tasks"] if one["step_id"])

    second = await story.act(story.worker, f"/steps/{failed['id']}/resend", **again)
    assert second.status_code == 409
    assert second.json()["step_state"] == "sent"


async def test_an_answer_to_a_replaced_referral_does_not_move_the_step(story: Story) -> None:
    await story.approved(COACHING)
    old = await story.declined("coaching")
    again = {"documents": [], "reason": "document-added"}
    await story.done(story.worker, f"/steps/{(await story.step('coaching'))['id']}/resend", **again)
    await story.fact(ReferralCompleted, "coaching", old, 3, **DONE)
    new = await story.requested("coaching", replaces=old)
    await story.fact(ReferralFailed, "coaching", old, 4, **FAILED)
    await story.fact(ReferralAccepted, "coaching", new, 2, expected_on=date(2026, 12, 1))
    accepted = await story.until("coaching", "accepted")
    assert accepted["referral_id"] == new
    done = [one["what"] for one in (await story.read())["history"]]
    assert "step_completed" not in done
    assert "step_failed" not in done


async def test_a_failed_or_cancelled_referral_asks_the_worker_too(story: Story) -> None:
    await story.approved(step("one"), step("two", service="another"))
    first, second = await story.requested("one"), await story.requested("two")
    await story.fact(ReferralFailed, "one", first, 2, **FAILED)
    await story.fact(ReferralCancelled, "two", second, 2, reason="moved")
    await story.until("one", "failed")
    await story.until("two", "cancelled")
    assert sorted(one["kind"] for one in (await story.read())["tasks"] if one["step_id"]) == [
        "step-cancelled",
        "step-failed",
    ]


async def test_a_referral_that_is_declined_at_birth_is_heard(story: Story) -> None:
    await story.approved(COACHING)
    why = {"reason": "wrong-service", "side": "agency"}
    referral = str(uuid4())
    await story.fact(ReferralDeclined, "coaching", referral, 1, **why)
    assert (await story.until("coaching", "declined"))["referral_id"] == referral


async def test_referrals_of_no_case_of_another_office_or_for_another_service_move_nothing(story: Story) -> None:
    await story.approved(COACHING)
    await story.fact(ReferralRequested, "coaching", str(uuid4()), 1, case_id=None, step_id=None, **ASKED)
    await story.fact(ReferralRequested, "coaching", str(uuid4()), 1, step_id=str(uuid4()), **ASKED)
    await story.fact(ReferralRequested, "coaching", str(uuid4()), 1, sender="dinkes", **ASKED)
    await story.fact(ReferralRequested, "coaching", str(uuid4()), 1, service="another", **ASKED)
    ours = await story.requested("coaching")
    assert (await story.step("coaching"))["referral_id"] == ours
    assert [one["what"] for one in (await story.read())["history"]].count("step_requested") == 1


async def open_kinds(story: Story) -> list[str]:
    return [one["kind"] for one in (await story.read())["tasks"] if one["step_id"] and not one["done_at"]]


async def test_a_referral_that_nobody_answered_is_a_task_and_can_be_sent_again(story: Story) -> None:
    await story.approved(COACHING)
    old = await story.requested("coaching")
    why = {"reason": "not-acknowledged", "clock": "acknowledge", "due": datetime.now(UTC)}
    await story.fact(ReferralExpired, "coaching", old, 2, **why)
    expired = await story.until("coaching", "expired")
    assert (expired["problem"], await open_kinds(story)) == ("not-acknowledged", ["step-expired"])
    again = {"documents": [], "reason": "once more"}
    await story.done(story.worker, f"/steps/{expired['id']}/resend", **again)
    assert (await story.step("coaching"))["earlier_referrals"] == [old]
    assert await open_kinds(story) == []


async def test_overdue_work_is_a_task_until_it_is_done_and_makes_no_form_stale(story: Story) -> None:
    await story.approved()
    referral = await story.requested("coaching")
    await story.fact(ReferralAccepted, "coaching", referral, 2, expected_on=date(2026, 12, 1))
    await story.until("coaching", "accepted")
    version = (await story.read())["version"]
    late = {"referral_version": 2, "clock": "finish", "due": datetime.now(UTC)}
    for about in (str(uuid4()), referral):  # the first is of a referral that the step does not follow
        event = await story.event(ReferralOverdue, "coaching", referral_id=about, **late)
        await story.publish(event, 1, aggregate=str(uuid4()))
    await eventually(lambda: open_kinds(story))
    assert (await open_kinds(story), (await story.read())["version"]) == (["step-overdue"], version)
    await story.fact(ReferralCompleted, "coaching", referral, 3, **DONE)
    await story.until("coaching", "completed")
    after = await story.event(ReferralOverdue, "coaching", referral_id=referral, **late)
    await story.publish(after, 1, aggregate=str(uuid4()))
    await story.requested("licence")  # was told after it: by then the notice is handled
    assert [one for one in await open_kinds(story) if one == "step-overdue"] == []


async def test_a_decline_asks_the_worker_for_what_its_reason_asks_for(story: Story) -> None:
    await story.approved(COACHING)
    referral = await story.requested("coaching")
    why = {"reason": "unreachable", "side": "client", "consequence": "find-client"}
    await story.fact(ReferralDeclined, "coaching", referral, 2, **why)
    await story.until("coaching", "declined")
    assert await open_kinds(story) == ["step-find-client"]


# ---------------------------------------------------------------- pathways


async def pathway(story: Story, key: str, kind: type[PathwayFact], version: int, one: str, **more: Any) -> None:
    """A fact about the pathway that the step asked for, as the service `referrals` tells it."""
    found = await story.step(key)
    about = {"pathway_id": one, "template": "kube-naik-kelas", "template_version": 1, "agency": "dinsos"}
    of = {"area": "31.74.01", "worker": "w1", "client_kind": "group", "client_id": story.client_id}
    fact = kind(**(about | of | {"case_id": story.case_id, "step_id": found["id"]} | more))
    await story.publish_any(fact, one, version)


async def test_a_step_that_asked_for_a_pathway_stands_where_it_stands(story: Story) -> None:
    await story.approved(step("chain", service="pathway-kube-naik-kelas"), step("next", after=["chain"]))
    one = str(uuid4())
    await pathway(story, "chain", PathwayStarted, 1, one, agency="dinkes")  # another office's moves nothing
    one = str(uuid4())
    await pathway(story, "chain", PathwayStarted, 1, one)
    await story.until("chain", "in_progress")
    await pathway(story, "chain", PathwayCompleted, 2, one, done=["modal"], skipped=[])
    assert (await story.until("chain", "completed"))["outcome"] == "pathway-completed"
    await story.until("next", "sent")


async def test_a_pathway_that_was_stopped_asks_the_worker(story: Story) -> None:
    await story.approved(step("chain", service="pathway-kube-naik-kelas"))
    one = str(uuid4())
    await pathway(story, "chain", PathwayStarted, 1, one)
    await pathway(story, "chain", PathwayStopped, 2, one, reason="client-withdrew", undone=[])
    assert (await story.until("chain", "failed"))["problem"] == "client-withdrew"
    assert "step-failed" in await open_kinds(story)
