"""A plan is approved by somebody else, sent back with words, and revised without losing what runs."""

import asyncio
from typing import Any
from uuid import uuid4

from services.cases.models import Case
from sinergi.events import ReferralCompleted, ReferralDeclined
from tests.cases.planning_story import next_acts, open_tasks, own, plan, redraft, revised, slug, stepped
from tests.cases.story import COACHING, GOALS, LICENCE, Story, step
from tests.harness.stack import Running

TALK = own("talk", due_days=5)


async def submitted(story: Story, *steps: dict[str, Any]) -> None:
    await story.open()
    await story.assess()
    await story.draft(*steps)
    await story.done(story.worker, "/plan/submit")


async def test_a_running_referral_goes_on_in_the_next_version_as_the_very_same_step(story: Story) -> None:
    await story.approved(COACHING, LICENCE)
    referral = await story.requested("coaching")
    before = await story.step("coaching")
    await story.done(story.worker, "/plan/revise")
    assert [one["state"] for one in (await plan(story))["versions"]] == ["approved", "draft"]
    assert [one["key"] for one in (await plan(story))["versions"][1]["content"]["steps"]] == ["coaching", "licence"]
    story._seen(await redraft(story, COACHING | {"weight": 5}, TALK, dropped={"licence": "Belum perlu izin"}))
    assert (await story.step("licence"))["state"] == "planned"  # the version in force is carried out until then
    await story.done(story.worker, "/plan/submit")
    await story.done(story.supervisor, "/plan/approve")

    found = await plan(story)
    assert [one["state"] for one in found["versions"]] == ["replaced", "approved"]
    steps = {one["key"]: one for one in found["steps"]}
    assert (steps["coaching"]["id"], steps["coaching"]["referral_id"]) == (before["id"], referral)
    assert {key: one["state"] for key, one in steps.items()} == {
        "coaching": "requested", "talk": "open", "licence": "dropped",
    }  # fmt: skip
    assert steps["coaching"]["weight"] == 5
    changed = found["versions"][1]["changes"]["steps"]
    assert (changed["added"], changed["removed"]) == (["talk"], ["licence"])
    assert changed["changed"] == [{"key": "coaching", "field": "weight", "before": 1, "after": 5}]
    sent = [one["what"] for one in (await story.read())["history"]]
    assert sent.count("step_sent") == 1
    await story.fact(ReferralCompleted, "coaching", referral, 2, outcome="coached", given_on="2026-11-28")
    await story.until("coaching", "completed")


async def test_what_has_begun_keeps_its_terms_and_nothing_is_left_out_in_silence(story: Story) -> None:
    await story.approved(COACHING, TALK, own("later", after=["talk"]))
    await story.requested("coaching")
    assert slug(await redraft(story)) == (409, "wrong-plan-state")
    await story.done(story.worker, "/plan/revise")
    assert slug(await story.act(story.worker, "/plan/revise")) == (409, "wrong-plan-state")
    rest = [TALK, own("later", after=["talk"])]
    refusals = [
        ((COACHING | {"documents": ["ktp", "kk"]}, *rest), {}, (409, "step-has-begun")),
        ((COACHING, TALK | {"due_days": 9}, rest[1]), {}, (409, "step-has-begun")),
        (tuple(rest), {}, (409, "step-at-work")),
        (tuple(rest), {"dropped": {"coaching": "x"}}, (409, "step-at-work")),
        ((COACHING, TALK), {}, (422, "drop-needs-reason")),
        ((COACHING, rest[1] | {"after": []}), {}, (422, "drop-needs-reason")),
        ((COACHING, *rest), {"dropped": {"talk": "x"}}, (422, "plan-unknown-step")),
    ]
    for steps, more, expected in refusals:
        assert slug(await redraft(story, *steps, **more)) == expected, (steps, more)
    planned = own("later", service="debt-advice", after=[])
    story._seen(await redraft(story, COACHING, planned, dropped={"talk": "Sudah selesai di luar"}))
    await story.done(story.worker, "/plan/submit")
    await story.done(story.supervisor, "/plan/approve")
    later = await story.step("later")
    assert (later["service"], later["state"]) == ("debt-advice", "open")
    await story.done(story.worker, "/plan/revise")
    assert slug(await redraft(story, COACHING, planned, TALK)) == (422, "plan-key-spent")


async def test_a_step_that_went_out_while_its_removal_waited_is_not_lost(story: Story) -> None:
    await story.approved(COACHING, LICENCE)
    referral = await story.requested("coaching")
    await story.done(story.worker, "/plan/revise")
    story._seen(await redraft(story, COACHING, dropped={"licence": "Tidak perlu"}))
    await story.done(story.worker, "/plan/submit")
    await story.fact(ReferralCompleted, "coaching", referral, 2, outcome="coached", given_on="2026-11-28")
    await story.until("licence", "sent")
    assert slug(await story.act(story.supervisor, "/plan/approve")) == (409, "step-at-work")
    await story.done(story.supervisor, "/plan/return", comment="Izin sudah diajukan")
    story._seen(await redraft(story, COACHING, LICENCE))
    await story.done(story.worker, "/plan/submit")
    await story.done(story.supervisor, "/plan/approve")
    assert (await story.step("licence"))["state"] == "sent"


async def test_a_goal_that_a_version_leaves_out_needs_no_outcome_and_may_come_back(story: Story) -> None:
    await story.approved(COACHING)
    await revised(story, COACHING, goals=GOALS[:1])
    assert [one["key"] for one in (await plan(story))["goals"]] == ["skill"]
    await revised(story, COACHING, goals=[GOALS[1] | {"text": "Izin lengkap"}, GOALS[0]])
    first = (await plan(story))["goals"][0]
    assert (first["key"], first["text"]) == ("licence", "Izin lengkap")
    await revised(story, COACHING, goals=GOALS[:1])
    await story.declined("coaching")
    closing = {"reason": "moved", "outcomes": {"skill": "not_met"}, "dropped": {"coaching": "Pindah"}}
    assert (await story.done(story.worker, "/closure", **closing))["state"] == "terminasi"


async def test_a_plan_is_sent_back_with_words_about_its_parts_and_comes_again_with_what_changed(story: Story) -> None:
    await submitted(story, COACHING)
    remarks = {"goals": {"skill": "Ukur bagaimana?"}, "steps": {"coaching": "Terlalu lama"}}
    lost = await story.act(story.supervisor, "/plan/return", comment="x", steps={"none": "x"})
    assert slug(lost) == (422, "plan-unknown-key")
    await story.done(story.supervisor, "/plan/return", comment="Tambah kunjungan", **remarks)
    assert "submit-plan" in await open_tasks(story)
    story._seen(await redraft(story, COACHING, own("home", "visit")))
    await story.done(story.worker, "/plan/submit")
    (version,) = (await plan(story))["versions"]
    first, second = version["submissions"]
    assert (first["decision"], first["comment"], first["remarks"]["steps"]) == (
        "returned", "Tambah kunjungan", {"coaching": "Terlalu lama"},
    )  # fmt: skip
    assert first["changed_since"]["steps"]["added"] == ["home"]
    assert (second["decision"], second["submitted_by"]) == (None, story.worker_sub)
    await story.done(story.supervisor, "/plan/approve", comment="Baik")
    (version,) = (await plan(story))["versions"]
    assert [one["decision"] for one in version["submissions"]] == ["returned", "approved"]


async def test_whoever_submitted_a_plan_does_not_approve_it_even_when_the_case_is_anothers(
    cases: Running, story: Story
) -> None:
    await submitted(story, TALK)
    async with cases.context.db.begin() as tx:
        (await tx.get(Case, story.case_id)).worker = "a-successor"
    async with cases.client("supervisor", sub=story.worker_sub) as same:
        assert slug(await story.act(same, "/plan/approve")) == (403, "self-approval")
        waiting = (await same.get("/plans", params={"size": 100})).json()["items"]
        assert story.case_id not in [one["case_id"] for one in waiting]
    await story.done(story.supervisor, "/plan/approve")


async def test_of_approval_and_return_at_once_one_wins(story: Story) -> None:
    await submitted(story, TALK)
    acts = [story.act(story.supervisor, "/plan/approve") for _ in range(4)]
    acts += [story.act(story.supervisor, "/plan/return", comment="x") for _ in range(4)]
    answers = await asyncio.gather(*acts)
    assert sorted(one.status_code for one in answers) == [200] + [409] * 7
    assert len((await plan(story))["versions"][0]["submissions"]) == 1


async def test_a_grave_need_has_a_goal_or_a_reason_before_the_plan_is_laid_before_anybody(story: Story) -> None:
    await story.open()
    await story.assess(safety=4)
    story._seen(await redraft(story, TALK))
    refused = await story.act(story.worker, "/plan/submit")
    assert (slug(refused), refused.json()["needs"]) == ((409, "needs-not-answered"), ["safety"])
    assert (await next_acts(story, story.worker))["needs_left"] == ["safety"]
    story._seen(await redraft(story, TALK, left_out={"safety": "Pelaku sudah ditahan"}))
    await story.done(story.worker, "/plan/submit")
    await story.assess(health=4, safety=3)
    refused = await story.act(story.supervisor, "/plan/approve")
    assert (slug(refused), refused.json()["needs"]) == ((409, "needs-not-answered"), ["health"])
    await story.done(story.supervisor, "/plan/return", comment="Asesmen baru")
    goals = [*GOALS, {"key": "well", "need": "health", "text": "Berobat rutin"}]
    story._seen(await redraft(story, TALK, goals=goals, left_out={"safety": "Pelaku sudah ditahan"}))
    await story.done(story.worker, "/plan/submit")
    await story.done(story.supervisor, "/plan/approve")


async def test_the_queue_holds_what_waits_for_this_supervisor_and_nothing_else(cases: Running, story: Story) -> None:
    await submitted(story, TALK)
    calm = story.case_id
    story.client_id, story.version = str(uuid4()), 0
    await story.open()
    await story.assess(safety=4)
    story._seen(await redraft(story, TALK, left_out={"safety": "x"}))
    await story.done(story.worker, "/plan/submit")
    queue = (await story.supervisor.get("/plans", params={"size": 100})).json()["items"]
    ours = [one["case_id"] for one in queue if one["worker"] == story.worker_sub]
    assert ours == [story.case_id, calm]
    assert [one["risk"] for one in queue][:1] == ["life"]
    for role, agency, area in (("supervisor", "dinkes", "31.74"), ("supervisor", "dinsos", "31.75")):
        async with cases.client(role, agency, area, sub=uuid4().hex) as other:
            assert (await other.get("/plans")).json()["total"] == 0
    assert (await story.worker.get("/plans")).status_code == 403
    await story.done(story.supervisor, "/plan/return", comment="x")
    queue = (await story.supervisor.get("/plans", params={"size": 100})).json()["items"]
    assert story.case_id not in [one["case_id"] for one in queue]


async def test_everybody_is_told_what_they_may_do_next_and_what_is_missing(story: Story) -> None:
    await story.open()
    found = await next_acts(story, story.worker)
    assert (found["commands"], found["next_stage"]) == (["assess", "request_closure"], "asesmen")
    assert [one["slug"] for one in found["missing"]] == ["not-assessed"]
    assert (await next_acts(story, story.supervisor))["commands"] == []
    await story.assess()
    assert [one["slug"] for one in (await next_acts(story, story.worker))["missing"]] == ["no-plan"]
    await story.draft(TALK)
    found = await next_acts(story, story.worker)
    assert found["commands"] == ["assess", "draft_plan", "submit_plan", "request_closure"]
    assert (found["back_to"], [one["slug"] for one in found["missing"]]) == (["asesmen"], ["plan-not-approved"])
    await story.done(story.worker, "/plan/submit")
    assert (await next_acts(story, story.worker))["commands"] == ["assess", "request_closure"]
    assert (await next_acts(story, story.supervisor))["commands"] == ["return_plan", "approve_plan"]
    await story.done(story.supervisor, "/plan/approve")
    found = await next_acts(story, story.worker)
    assert found["commands"] == ["assess", "revise_plan", "review_plan", "request_closure"]
    assert [one["slug"] for one in found["missing"]] == ["nothing-empowers-yet"]


async def test_a_declined_referral_may_be_left_out_of_the_next_version(story: Story) -> None:
    await story.approved(step("one"), step("two", service="another", after=["one"]))
    referral = await story.requested("one")
    why = {"reason": "capacity", "side": "agency"}
    await story.fact(ReferralDeclined, "one", referral, 2, **why)
    await story.until("one", "declined")
    await revised(story, step("two", service="another"), dropped={"one": "Koperasi penuh"})
    assert (await story.step("two"))["state"] == "sent"
    assert set(await open_tasks(story)) == {"review-plan"}


async def test_a_plan_whose_steps_were_all_given_up_is_written_anew(story: Story) -> None:
    await story.approved(TALK)
    await stepped(story, "talk", "drop", reason="Tidak mau")
    await story.done(story.worker, "/plan/revise")
    assert slug(await story.act(story.worker, "/plan/submit")) == (422, "plan-empty")
    story._seen(await redraft(story, own("talk-again")))
    await story.done(story.worker, "/plan/submit")
    await story.done(story.supervisor, "/plan/approve")
    assert (await story.step("talk-again"))["state"] == "open"
