"""Who may do what, and when: everything else is refused with a reason."""

import asyncio
from typing import Any

import httpx2 as httpx
import pytest

from services.cases.stages import STAGES, Stage
from tests.cases.story import CALM, COACHING, GOALS, LICENCE, Story, step
from tests.harness.stack import Running


def slug(response: httpx.Response) -> tuple[int, str]:
    """The refusal's status and slug."""
    return response.status_code, response.json()["type"].rsplit(":", 1)[-1]


async def test_a_second_open_case_on_a_client_is_refused_with_the_first_ones_id(story: Story, cases: Running) -> None:
    await story.open()
    body = {"client_kind": "group", "client_id": story.client_id, "area": "31.74.02", "way_in": "outreach"}
    async with cases.client(sub="another") as another:
        refused = await another.post("/cases", json=body)
    assert slug(refused) == (409, "case-already-open")
    assert refused.json()["case_id"] == story.case_id


async def test_of_ten_openings_at_once_one_wins(story: Story) -> None:
    body = {"client_kind": "person", "client_id": story.client_id, "area": "31.74", "way_in": "walk-in"}
    answers = await asyncio.gather(*(story.worker.post("/cases", json=body) for _ in range(10)))
    assert sorted(answer.status_code for answer in answers) == [201] + [409] * 9


async def test_opening_twice_with_one_key_answers_the_same_case(story: Story) -> None:
    body = {"client_kind": "group", "client_id": story.client_id, "area": "31.74", "way_in": "registry"}
    key = {"Idempotency-Key": story.client_id}
    first, second = [await story.worker.post("/cases", json=body, headers=key) for _ in range(2)]
    assert first.status_code == second.status_code == 201
    assert first.json() == second.json()


async def test_a_case_outside_the_workers_area_is_not_opened(story: Story) -> None:
    body = {"client_kind": "group", "client_id": story.client_id, "area": "31.75.01", "way_in": "registry"}
    assert slug(await story.worker.post("/cases", json=body)) == (403, "outside-your-area")


ACTS: dict[str, dict[str, Any]] = {
    "/assessments": {"instrument": "general", "answers": CALM},
    "/plan": {"method": "PUT", "goals": GOALS, "steps": [COACHING]},
    "/plan/submit": {},
    "/closure": {"reason": "moved", "outcomes": {}},
}
SUPERVISING: dict[str, dict[str, Any]] = {"/plan/approve": {}, "/plan/return": {"comment": "?"}, "/close": {}}


@pytest.mark.parametrize("path", ["/plan", "/plan/submit", *SUPERVISING])
async def test_a_case_just_opened_is_neither_planned_nor_supervised(story: Story, path: str) -> None:
    await story.open()
    who = story.supervisor if path in SUPERVISING else story.worker
    refused = await story.act(who, path, **(ACTS | SUPERVISING)[path])
    assert slug(refused) == (409, "wrong-stage")
    assert refused.json()["stage"] == "identifikasi"
    assert (await story.read())["version"] == 1


async def test_a_plan_is_not_rewritten_once_it_was_submitted(story: Story) -> None:
    await story.open()
    await story.assess()
    assert slug(await story.act(story.worker, "/plan/submit")) == (409, "wrong-stage")
    await story.draft()
    assert slug(await story.act(story.supervisor, "/plan/approve")) == (409, "wrong-plan-state")
    await story.done(story.worker, "/plan/submit")
    assert slug(await story.act(story.worker, "/plan", **ACTS["/plan"])) == (409, "wrong-plan-state")
    await story.done(story.supervisor, "/plan/return", comment="Tambah tujuan")
    await story.draft(COACHING)
    assert [one["key"] for one in (await story.read())["steps"]] == ["coaching"]


async def test_nothing_is_done_in_a_closed_case(story: Story) -> None:
    after = {"follow_up", "request_reopening", "refuse_reopening", "reopen"}
    assert {doing for doing, before in STAGES.items() if Stage.PEMBINAAN_LANJUT in before} == after
    await story.approved(COACHING)
    await story.declined("coaching")
    outcomes = {"skill": "not_met", "licence": "not_met"}
    dropped = {"coaching": "Keluarga pindah"}
    await story.done(story.worker, "/closure", reason="moved", outcomes=outcomes, dropped=dropped)
    await story.done(story.supervisor, "/close")
    for path, body in ACTS.items():
        assert slug(await story.act(story.worker, path, **body)) == (409, "wrong-stage")
    for path, body in SUPERVISING.items():
        assert slug(await story.act(story.supervisor, path, **body)) == (409, "wrong-stage")


async def test_a_stale_version_is_refused_with_the_state_of_now(story: Story) -> None:
    await story.open()
    await story.assess()
    refused = await story.act(story.worker, "/assessments", version=1, **ACTS["/assessments"])
    assert slug(refused) == (409, "version-conflict")
    assert (refused.json()["version"], refused.json()["state"]) == (2, "asesmen")


async def test_of_two_approvals_at_once_one_wins_and_the_steps_go_out_once(story: Story) -> None:
    await story.open()
    await story.assess()
    await story.draft()
    await story.done(story.worker, "/plan/submit")
    answers = await asyncio.gather(*(story.act(story.supervisor, "/plan/approve") for _ in range(2)))
    assert sorted(answer.status_code for answer in answers) == [200, 409]
    assert [one["what"] for one in (await story.read())["history"]].count("step_sent") == 1


async def test_nobody_approves_a_plan_or_closure_of_their_own(story: Story, cases: Running) -> None:
    await story.open()
    await story.assess()
    await story.draft(COACHING)
    await story.done(story.worker, "/plan/submit")
    assert slug(await story.act(story.worker, "/plan/approve")) == (403, "not-permitted")
    async with cases.client("supervisor", sub=story.worker_sub) as same:
        assert slug(await story.act(same, "/plan/approve")) == (403, "self-approval")
    body = {"client_kind": "person", "client_id": story.client_id, "area": "31.74", "way_in": "registry"}
    own = await story.worker.post("/cases", json=body | {"supervisor": story.worker_sub})
    assert slug(own) == (422, "self-approval")


async def test_the_first_supervisor_who_acts_stays_the_supervisor(story: Story, cases: Running) -> None:
    await story.open()
    await story.assess()
    await story.draft()
    await story.done(story.worker, "/plan/submit")
    await story.done(story.supervisor, "/plan/return", comment="Lengkapi")
    await story.done(story.worker, "/plan/submit")
    async with cases.client("supervisor", sub="a-colleague") as colleague:
        assert slug(await story.act(colleague, "/plan/approve")) == (403, "not-the-supervisor")
        assert (await colleague.get(f"/cases/{story.case_id}")).status_code == 200
    await story.done(story.supervisor, "/plan/approve")


@pytest.mark.parametrize(
    ("role", "agency", "area", "reason"),
    [
        ("social_worker", "dinsos", "31.74", "not-your-case"),
        ("social_worker", "dinkes", "31.74", "not-your-agency"),
        ("social_worker", "dinsos", "31.75", "outside-your-area"),
        ("supervisor", "dinkes", "31.74", "not-your-agency"),
        ("supervisor", "dinsos", "31.74.02", "outside-your-area"),
        ("desk_officer", "dinsos", "31.74", "not-permitted"),
        ("auditor", "dinsos", "31.74", "not-permitted"),
        ("operator", "dinsos", "31.74", "not-permitted"),
    ],
)
async def test_an_outsider_neither_reads_nor_acts(
    story: Story, cases: Running, role: str, agency: str, area: str, reason: str
) -> None:
    await story.open()
    async with cases.client(role, agency, area, sub="an-outsider") as outsider:
        assert slug(await outsider.get(f"/cases/{story.case_id}")) == (403, reason)
        path = "/plan/approve" if role == "supervisor" else "/assessments"
        refused = await story.act(outsider, path, version=99, **(ACTS | SUPERVISING)[path])
        assert slug(refused) == (403, reason)


async def test_a_case_that_is_not_there_is_not_found(story: Story) -> None:
    story.case_id = story.client_id
    assert slug(await story.act(story.worker, "/plan/submit")) == (404, "not-found")


async def test_the_steps_that_wait_for_nothing_go_out_at_approval(story: Story) -> None:
    await story.approved(COACHING, LICENCE, step("health-check", service="dinkes-check"))
    states = {one["key"]: one["state"] for one in (await story.read())["steps"]}
    assert states == {"coaching": "sent", "licence": "planned", "health-check": "sent"}
    assert (await story.read())["stage"] == "intervensi"


async def test_a_plan_that_begins_with_empowerment_takes_the_case_there(story: Story) -> None:
    await story.approved(step("course", stage="pemberdayaan"))
    assert (await story.read())["stage"] == "pemberdayaan"


async def test_a_plan_whose_reason_is_a_text_or_a_number_is_refused(story: Story) -> None:
    await story.open()
    await story.assess()
    for wrong in ("Ibu dari RT 05 perlu modal", "3174015506900001", "x3174015506900001"):
        body = {"goals": GOALS, "steps": [step("coaching", reason=wrong)]}
        refused = await story.act(story.worker, "/plan", method="PUT", **body)
        assert slug(refused) == (422, "request-not-valid")


async def test_a_closure_needs_an_outcome_for_every_goal(story: Story) -> None:
    await story.approved(COACHING)
    await story.declined("coaching")
    dropped = {"coaching": "Klien menolak"}
    refused = await story.act(
        story.worker, "/closure", reason="refused", outcomes={"skill": "not_met"}, dropped=dropped
    )
    assert slug(refused) == (422, "outcomes-missing")
    assert refused.json()["goals"] == ["licence"]
    outcomes = {"skill": "not_met", "licence": "not_met", "other": "met"}
    refused = await story.act(story.worker, "/closure", reason="refused", outcomes=outcomes, dropped=dropped)
    assert slug(refused) == (422, "plan-unknown-goal")
    assert (await story.read())["stage"] == "intervensi"


async def test_a_closure_waits_for_steps_at_work_and_for_a_word_about_the_others(story: Story) -> None:
    await story.approved()
    outcomes = {"skill": "not_met", "licence": "not_met"}
    closing = {"reason": "moved", "outcomes": outcomes}
    refused = await story.act(story.worker, "/closure", **closing, dropped={"coaching": "x", "licence": "x"})
    assert slug(refused) == (409, "step-not-droppable")
    await story.declined("coaching")
    refused = await story.act(story.worker, "/closure", **closing, dropped={"licence": "Tidak perlu lagi"})
    assert slug(refused) == (409, "steps-not-settled")
    assert refused.json()["steps"] == ["coaching"]
    await story.done(story.worker, "/closure", **closing, dropped={"coaching": "Pindah", "licence": "Pindah"})
    case = await story.read()
    assert {one["state"] for one in case["steps"]} == {"dropped"}
    assert all(task["done_at"] for task in case["tasks"] if task["step_id"])


async def test_a_case_without_an_approved_plan_can_close_but_not_as_goals_met(story: Story) -> None:
    await story.open()
    await story.assess()
    await story.draft()
    await story.done(story.worker, "/plan/submit")
    met = await story.act(story.worker, "/closure", reason="goals-met", outcomes={})
    assert slug(met) == (409, "no-goals-agreed")
    await story.done(story.worker, "/closure", reason="moved", outcomes={})
    assert slug(await story.act(story.supervisor, "/plan/approve")) == (409, "wrong-stage")
    assert (await story.done(story.supervisor, "/close"))["state"] == "pembinaan_lanjut"


async def test_input_that_no_rule_can_read_is_refused_and_never_a_failure(story: Story) -> None:
    await story.open()
    await story.assess()
    goal = GOALS[0] | {"text": "nul \x00"}
    bodies: list[tuple[str, dict[str, Any]]] = [
        ("/plan", {"method": "PUT", "goals": [goal], "steps": [step("a")]}),
        ("/plan", {"method": "PUT", "goals": [], "steps": []}),
        ("/assessments", {"instrument": "general", "answers": {"safety\x00": 1}}),
        ("/assessments", {"instrument": "other", "answers": CALM}),
        ("/assessments", {"instrument": "general", "answers": CALM, "version": 2**70}),
        ("/closure", {"reason": "moved", "outcomes": {"a": "perhaps"}}),
        ("/closure", {"reason": "moved", "outcomes": {}, "surplus": 1}),
        ("/closure", {"reason": "moved", "outcomes": {}, "client_view": "\x00"}),
    ]
    for path, body in bodies:
        assert (await story.act(story.worker, path, **body)).status_code in (409, 422), (path, body)
    for query in ({"purpose": "\x00"}, {"purpose": "x" * 201}):
        assert (await story.worker.get(f"/cases/{story.case_id}", params=query)).status_code == 422
    for query in ({"page": 0}, {"size": 101}, {"stage": "none"}):
        assert (await story.worker.get("/cases", params=query)).status_code == 422
    assert (await story.worker.get("/cases/none")).status_code == 422


async def test_a_client_may_have_a_new_case_after_the_old_one_closed(story: Story) -> None:
    await story.approved(COACHING)
    await story.declined("coaching")
    outcomes = {"skill": "not_met", "licence": "not_met"}
    died = {"reason": "died", "happened_on": "2026-01-02", "outcomes": outcomes, "dropped": {"coaching": "Wafat"}}
    await story.done(story.worker, "/closure", **died)
    await story.done(story.supervisor, "/close")
    assert (await story.read())["follow_ups"] == []
    first = story.case_id
    assert (await story.open())["id"] != first
