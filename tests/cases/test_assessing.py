"""Assessments in a case: submitted, explained, repeated, compared; half filled in; and whom nobody lets in."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import text

from services.cases.instruments import Shelf
from tests.cases.filling import extreme
from tests.cases.story import CALM, Story
from tests.cases.test_rules import slug
from tests.harness.stack import Running

ELDERLY = extreme(Shelf.load().newest("elderly"), worst=False)


@pytest.fixture
async def elder(story: Story) -> Story:
    """The open case of an elder."""
    await story.open(client_kind="person")
    return story


async def fill(story: Story, instrument: str = "elderly", **answers: Any) -> dict[str, Any]:
    """Submit an instrument; answers differ from those of somebody well."""
    given = (ELDERLY if instrument == "elderly" else CALM) | answers
    return await story.done(story.worker, "/assessments", instrument=instrument, answers=given)


async def get(story: Story, path: str, **params: Any) -> dict[str, Any]:
    response = await story.worker.get(f"/cases/{story.case_id}/assessments{path}", params=params)
    assert response.is_success, response.text
    found: dict[str, Any] = response.json()
    return found


async def save(story: Story, expected: int, **body: Any) -> Any:
    """Save a draft of `elderly`."""
    return await story.act(
        story.worker, "/assessments/draft", method="PUT", version=expected, instrument="elderly", **body
    )


# ------------------------------------------------------------------ instruments


async def reassessments(story: Story) -> list[dict[str, Any]]:
    """The worker's open tasks to assess the client again."""
    found = (await story.worker.get("/tasks", params={"case_id": story.case_id})).json()["items"]
    return [one for one in found if one["kind"] == "reassess"]


async def test_instruments_are_offered_by_client_in_the_asked_language_with_the_schema_of_answers(story: Story) -> None:
    offered = (await story.worker.get("/instruments", params={"client_kind": "household"})).json()
    assert [one["code"] for one in offered["items"]] == ["family-economy", "general"]
    assert (await story.worker.get("/instruments")).json()["total"] == 6
    indonesian, english = [
        (await story.worker.get("/instruments/elderly", params={"lang": lang})).json() for lang in ("id", "en")
    ]
    assert (indonesian["title"], english["title"]) == ("Asesmen lanjut usia", "Assessment of elders")
    strain = next(one for one in english["domains"][4]["items"] if one["key"] == "carer_strain")
    assert strain["when"]["text"] == "Who lives with the elder?"
    assert english["answers_schema"]["properties"]["bathing"]["enum"] == [0, 1, 2]
    assert (await story.worker.get("/instruments/general", params={"version": 1})).json()["version"] == 1
    assert slug(await story.worker.get("/instruments/luck"))[1] == "unknown-instrument"
    assert slug(await story.worker.get("/instruments/general", params={"version": 9})) == (404, "unknown-instrument")


# ------------------------------------------------------------------ submitting


async def test_an_assessment_explains_its_whole_working_in_words(elder: Story) -> None:
    remarks = {"meals": "Menurut tetangga"}
    answers = ELDERLY | {"meals": 0, "bathing": 2, "dressing": 1}
    assessed = await elder.done(elder.worker, "/assessments", instrument="elderly", answers=answers, remarks=remarks)
    found = await get(elder, f"/{assessed['assessment_id']}", lang="en")
    assert (found["risk"], found["current"], found["instrument_version"]) == ("high", True, 1)
    assert [one["words"] for one in found["because"]] == ["Nothing eaten since yesterday."]
    scores = {one["key"]: one for one in found["scores"]}
    assert scores["daily_living"]["words"] == "Daily living: 3 / 12, ≥ 3 → medium"
    assert (scores["neglect"]["score"], scores["neglect"]["risk"]) == (3, "medium")
    meals = next(one for one in found["answers"] if one["item"] == "meals")
    assert (meals["answer"], meals["points"], meals["remark"]) == ("0 meals", 3, "Menurut tetangga")


async def test_a_risk_to_life_is_told_puts_the_case_first_and_is_due_again_in_a_week(
    elder: Story, facts: Callable[..., Awaitable[list[tuple[str, dict[str, Any]]]]], eventually: Any
) -> None:
    await fill(elder, illness="severe")
    told = await eventually(lambda: _assessed(elder, facts))
    assert (told["instrument"], told["risk"], told["case_risk"]) == ("elderly.v1", "life", "life")
    await elder.worker.post(
        "/cases",
        json={"client_kind": "group", "client_id": elder.case_id, "area": "31.74", "way_in": "walk-in"},
    )
    assert (await elder.worker.get("/cases")).json()["items"][0]["id"] == elder.case_id
    [task] = await reassessments(elder)
    today = (datetime.now(UTC) + timedelta(hours=7)).date()
    assert (task["kind"], task["reason"]) == ("reassess", "elderly")
    assert date.fromisoformat(task["due_on"]) - today in (timedelta(days=7), timedelta(days=6))


async def _assessed(story: Story, facts: Callable[..., Awaitable[Any]]) -> dict[str, Any] | None:
    found = [body for kind, body in await facts("CASES", story.case_id) if kind.endswith("assessed.v1")]
    return found[-1] if found else None


async def test_the_case_has_the_highest_risk_of_the_current_assessments(elder: Story) -> None:
    assert (await fill(elder, illness="severe"))["case_risk"] == "life"
    assert (await fill(elder, "general", safety=1))["case_risk"] == "life"
    again = await fill(elder)
    assert (again["risk"], again["case_risk"]) == ("low", "medium")
    assert (await fill(elder, "general"))["case_risk"] == "medium"  # CALM is medium by its economy
    found = await get(elder, "")
    assert [(one["instrument"], one["current"]) for one in found["items"]] == [
        ("general", True),
        ("elderly", True),
        ("general", False),
        ("elderly", False),
    ]
    assert (await get(elder, "", size=3, page=2))["total"] == 4
    assert sorted(one["reason"] for one in await reassessments(elder)) == ["elderly", "general"]


async def test_of_five_submissions_at_once_one_wins_and_one_assessment_is_current(elder: Story) -> None:
    body = {"instrument": "elderly", "answers": ELDERLY}
    answers = await asyncio.gather(*(elder.act(elder.worker, "/assessments", **body) for _ in range(5)))
    assert sorted(one.status_code for one in answers) == [201] + [409] * 4
    assert [one["current"] for one in (await get(elder, ""))["items"]] == [True]


WRONG: list[tuple[dict[str, Any], str]] = [
    ({"answers": ELDERLY | {"bathing": 7}}, "answers-not-valid"),
    ({"answers": {}}, "answers-not-valid"),
    ({"answers": ELDERLY, "remarks": {"luck": "?"}}, "answers-not-valid"),
    ({"answers": ELDERLY, "version": 2}, "instrument-superseded"),
    ({"answers": ELDERLY, "instrument": "luck"}, "unknown-instrument"),
    ({"answers": ELDERLY | {"falls": 1.5}}, "request-not-valid"),
    ({"answers": ELDERLY | {"falls": None}}, "request-not-valid"),
    ({"answers": ELDERLY | {"falls": 2**70}}, "answers-not-valid"),
    ({"answers": ELDERLY | {"falls\x00": 1}}, "request-not-valid"),
    ({"answers": ELDERLY, "remarks": {"falls": "x" * 4001}}, "request-not-valid"),
    ({"answers": ELDERLY, "remarks": {"falls": "\x00"}}, "request-not-valid"),
]


@pytest.mark.parametrize(("body", "refusal"), WRONG, ids=lambda one: one if isinstance(one, str) else "")
async def test_what_does_not_fit_is_refused_and_nothing_changes(
    elder: Story, body: dict[str, Any], refusal: str
) -> None:
    sent = {"instrument": "elderly", "expected_version": elder.version} | body
    refused = await elder.worker.post(f"/cases/{elder.case_id}/assessments", json=sent)
    assert slug(refused)[1] == refusal
    assert (await elder.read())["version"] == 1


async def test_an_instrument_for_people_is_refused_for_a_group(story: Story) -> None:
    await story.open()
    refused = await story.act(story.worker, "/assessments", instrument="elderly", answers=ELDERLY)
    assert slug(refused) == (422, "instrument-not-fitting")


# ---------------------------------------------------------------------- change


async def test_change_over_time_says_per_domain_whether_it_went_better_or_worse(elder: Story) -> None:
    await fill(elder, bathing=2, sad=1)
    await fill(elder, sad=3)
    [elderly] = (await get(elder, "/changes", instrument="elderly", lang="en"))["items"]
    domains = {one["domain"]: one for one in elderly["domains"]}
    assert (domains["daily_living"]["direction"], domains["daily_living"]["title"]) == ("better", "Daily living")
    assert [one["score"] for one in domains["daily_living"]["measured"]] == [2, 0]
    assert (domains["mood"]["direction"], domains["health"]["direction"]) == ("worse", "same")


async def test_an_old_assessment_is_read_by_the_first_version_and_compared_with_the_second(elder: Story) -> None:
    old = {"id": (await fill(elder, "general", safety=3))["assessment_id"]}
    as_before_0003 = """UPDATE assessments SET instrument_version = 1, working = NULL,
        because = '[{"domain": "safety", "score": 3, "threshold": 3, "risk": "high"}]' WHERE id = :id"""
    async with elder.running.context.db.begin() as tx:
        await tx.session.execute(text(as_before_0003), old)
    found = await get(elder, f"/{old['id']}")
    assert [one["words"] for one in found["because"]] == ["Keamanan: 3 ≥ 3 → high"]
    assert (found["title"], len(found["scores"])) == ("Asesmen umum (bentuk pertama)", 7)
    await fill(elder, "general")
    [general] = (await get(elder, "/changes"))["items"]
    safety = next(one for one in general["domains"] if one["domain"] == "safety")
    assert [(one["version"], one["comparable"]) for one in safety["measured"]] == [(1, False), (2, True)]
    assert safety["direction"] == "better"


async def test_scores_on_another_scale_are_not_compared_and_it_says_so(elder: Story) -> None:
    first = {"id": (await fill(elder, sad=1))["assessment_id"]}
    async with elder.running.context.db.begin() as tx:
        other = "UPDATE assessments SET working = jsonb_set(working, '{domains,3,most}', '99') WHERE id = :id"
        await tx.session.execute(text(other), first)
    await fill(elder, sad=3)
    [elderly] = (await get(elder, "/changes"))["items"]
    assert {one["domain"]: one["direction"] for one in elderly["domains"]}["mood"] == "not-comparable"


# ---------------------------------------------------------------------- drafts


async def test_a_draft_is_saved_resumed_and_gone_when_it_is_submitted(elder: Story) -> None:
    saved = await save(elder, 0, answers={"bathing": 1, "carer_strain": 2}, remarks={"bathing": "Perlu kursi"})
    assert (saved.status_code, saved.json()["version"]) == (200, 1)
    found = await get(elder, "/draft", instrument="elderly")
    assert (found["answers"], found["remarks"]) == ({"bathing": 1, "carer_strain": 2}, {"bathing": "Perlu kursi"})
    assert (await save(elder, 1, answers={"bathing": 2})).json()["version"] == 2
    listed = await get(elder, "")
    assert [(one["instrument"], one["answered"]) for one in listed["drafts"]] == [("elderly", 1)]
    assert (await elder.read())["version"] == 1
    await fill(elder)
    gone = await elder.worker.get(f"/cases/{elder.case_id}/assessments/draft", params={"instrument": "elderly"})
    assert slug(gone) == (404, "not-found")


async def test_a_draft_is_checked_as_far_as_it_goes(elder: Story) -> None:
    for answers, wrong in (({"bathing": 9}, "off_scale"), ({"luck": 1}, "unknown")):
        refused = await save(elder, 0, answers=answers)
        assert slug(refused) == (422, "answers-not-valid")
        assert refused.json()[wrong] == list(answers)
    refused = await save(elder, 0, answers={"lives_with": "alone", "carer_strain": 1})
    assert refused.json()["not_asked"] == ["carer_strain"]


async def test_of_five_savings_at_once_one_wins_and_a_stale_one_is_refused(elder: Story) -> None:
    saved = await asyncio.gather(*(save(elder, 0, answers={"bathing": 1}) for _ in range(5)))
    assert sorted(one.status_code for one in saved) == [200] + [409] * 4
    refused = next(one for one in saved if one.status_code == 409)
    assert (slug(refused)[1], refused.json()["version"]) == ("draft-changed", 1)


# ------------------------------------------------------------------------- who


async def test_nobody_else_assesses_reads_or_drafts(elder: Story, cases: Running) -> None:
    assessed = await fill(elder)
    await save(elder, 0, answers={"bathing": 1})
    path = f"/cases/{elder.case_id}/assessments"
    reads = [path, f"{path}/changes", f"{path}/{assessed['assessment_id']}", f"{path}/draft?instrument=elderly"]
    body = {"instrument": "elderly", "answers": ELDERLY, "expected_version": elder.version}
    outsiders: list[tuple[dict[str, str], str]] = [
        ({"sub": "another"}, "not-your-case"),
        ({"agency": "bptsp"}, "not-your-agency"),
        ({"area": "31.75"}, "outside-your-area"),
        ({"role": "supervisor", "area": "31.75"}, "outside-your-area"),
        ({"role": "operator"}, "not-permitted"),
        ({"role": "desk_officer"}, "not-permitted"),
        ({"role": "auditor"}, "not-permitted"),
    ]
    for who, why in outsiders:
        async with cases.client(**who) as outsider:
            answers = [await outsider.get(one) for one in reads]
            answers += [await outsider.post(path, json=body), await outsider.put(f"{path}/draft", json=body)]
        assert {one.status_code for one in answers} == {403}, who
        assert why in {slug(one)[1] for one in answers}, who
    for one in reads[:3]:
        assert (await elder.supervisor.get(one)).status_code == 200
    assert slug(await elder.supervisor.post(path, json=body)) == (403, "not-permitted")
    assert slug(await elder.supervisor.get(reads[3])) == (403, "not-permitted")


async def test_an_assessment_of_another_case_is_not_read_through_this_one(elder: Story, cases: Running) -> None:
    body = {"client_kind": "person", "client_id": elder.case_id, "area": "31.74", "way_in": "walk-in"}
    async with cases.client(sub="somebody-else") as other:
        case = (await other.post("/cases", json=body)).json()
        given = {"instrument": "elderly", "answers": ELDERLY, "expected_version": case["version"]}
        theirs = (await other.post(f"/cases/{case['id']}/assessments", json=given)).json()
    through = await elder.worker.get(f"/cases/{elder.case_id}/assessments/{theirs['assessment_id']}")
    assert slug(through) == (404, "not-found")


async def test_each_reading_leaves_a_trail(elder: Story, cases: Running) -> None:
    assessed = await fill(elder)
    await save(elder, 0, answers={})
    for path in ("", "/changes", f"/{assessed['assessment_id']}", "/draft?instrument=elderly"):
        assert (await elder.worker.get(f"/cases/{elder.case_id}/assessments{path}")).is_success
    async with cases.client("auditor") as auditor:
        trail = (await auditor.get("/audit", params={"subject_kind": "case", "subject_id": elder.case_id})).json()
    read = {one["action"] for one in trail["items"]}
    assert {"assessment.list", "assessment.changes", "assessment.read", "assessment.draft"} <= read
