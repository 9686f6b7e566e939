"""Terminasi: what each reason needs, and the request that a supervisor sends back."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any
from uuid import uuid4

from services.cases.closing import RULES
from tests.cases.ending import OUTCOMES, assessed, closed, dropped, ending, refused
from tests.cases.noting import day, note, slug, visit
from tests.cases.story import Story
from tests.harness.stack import Running, eventually

Facts = Callable[..., Awaitable[list[tuple[str, dict[str, Any]]]]]


def test_every_reason_has_its_rule_and_says_whose_it_is() -> None:
    assert set(RULES.reasons) == {"goals-met", "moved", "died", "refused", "referred-onwards", "other"}
    assert RULES.source.startswith("ours")


async def test_each_reason_needs_what_the_rules_say(story: Story) -> None:
    await assessed(story)
    bodies: list[tuple[str, dict[str, Any]]] = [
        ("no-goals-agreed", {"reason": "goals-met"}),
        ("day-missing", {"reason": "died"}),
        ("in-the-future", {"reason": "died", "happened_on": day(1)}),
        ("attempts-missing", {"reason": "refused"}),
        ("client-view-missing", {"reason": "referred-onwards"}),
        ("client-view-missing", {"reason": "other", "explanation": "Rumah kosong"}),
        ("explanation-missing", {"reason": "other", "not_asked": "too-ill"}),
        ("plan-unknown-goal", {"reason": "moved", "evidence": {"skill": "Sertifikat"}}),
        ("request-not-valid", {"reason": "moved", "client_view": "\x00"}),
    ]
    for why, body in bodies:
        assert await refused(story, story.worker, "/closure", outcomes={}, **body) == why, body
    assert (await story.read())["stage"] == "asesmen"
    asked = await story.done(story.worker, "/closure", reason="moved", outcomes={})
    assert asked["suggests"] == "transfer"


async def test_a_refusal_of_the_client_is_documented_twice_or_explained(story: Story) -> None:
    await assessed(story)
    await story.worker.post(f"/cases/{story.case_id}/notes", json=note(kind="contact"))
    assert await refused(story, story.worker, "/closure", reason="refused", outcomes={}) == "attempts-missing"
    keys = ("purpose", "started_at", "ended_at", "place_kind", "area")
    missed = {key: value for key, value in visit().items() if key in keys} | {"reason": "refused", "next_on": day(3)}
    answer = await story.worker.post(f"/cases/{story.case_id}/visits/missed", json=missed)
    assert answer.is_success, answer.text
    await story.done(story.worker, "/closure", reason="refused", outcomes={})


async def test_goals_that_were_not_met_are_no_success_and_evidence_is_kept(story: Story) -> None:
    about = await dropped(story)
    met = {"reason": "goals-met", "client_view": "Puas"}
    assert await refused(story, story.worker, "/closure", **met, **about) == "outcomes-contradict-reason"
    partly = about | {"outcomes": OUTCOMES | {"skill": "met", "licence": "partly_met"}}
    await story.done(story.worker, "/closure", **met, **partly, evidence={"skill": "Sertifikat 12/2026"})
    (closure,) = (await ending(story))["closures"]
    assert closure["outcomes"]["skill"] == {"outcome": "met", "evidence": "Sertifikat 12/2026"}
    assert (closure["client_view"], closure["state"], closure["asked_from"]) == ("Puas", "requested", "intervensi")


async def test_a_request_that_is_sent_back_leaves_the_case_where_it_was(story: Story, facts: Facts) -> None:
    about = await dropped(story)
    await story.done(story.worker, "/closure", reason="moved", **about)
    assert await refused(story, story.worker, "/closure/return", comment="x") == "not-permitted"
    returned = await story.done(story.supervisor, "/closure/return", comment="Tanyakan klien dulu")
    assert returned["state"] == "intervensi"
    case = await story.read()
    assert [one["outcome"] for one in case["goals"]] == [None, None]
    assert (case["closure_reason"], case["history"][-1]["note"]) == (None, "Tanyakan klien dulu")
    assert await refused(story, story.supervisor, "/closure/return", comment="lagi") == "wrong-stage"
    await story.done(story.worker, "/closure", reason="moved", outcomes=OUTCOMES, client_view="Setuju")
    await story.done(story.supervisor, "/close")
    page = await ending(story)
    assert [one["state"] for one in page["closures"]] == ["approved", "returned"]
    assert page["closures"][1]["comment"] == "Tanyakan klien dulu"
    assert page["summary"]["reason"] == "moved"

    async def told() -> list[str] | None:
        heard = [kind.removeprefix("sinergi.case.") for kind, _ in await facts("CASES", story.case_id)]
        return heard if heard and heard[-1] == "closed.v1" else None

    heard = await eventually(told)
    assert heard[-4:] == ["closure_requested.v1", "closure_returned.v1", "closure_requested.v1", "closed.v1"]
    assert "Tanyakan" not in str(await facts("CASES", story.case_id))


async def test_of_an_approval_and_a_return_at_once_one_wins(story: Story) -> None:
    await assessed(story)
    await story.done(story.worker, "/closure", reason="moved", outcomes={})
    answers = await asyncio.gather(
        *(story.act(story.supervisor, "/close") for _ in range(5)),
        *(story.act(story.supervisor, "/closure/return", comment="x") for _ in range(5)),
    )
    assert sorted(one.status_code for one in answers) == [200] + [409] * 9
    assert len((await ending(story))["follow_ups"]) in (0, 3)


async def test_after_a_death_nothing_is_due(story: Story) -> None:
    page = await closed(story, "died", happened_on=day(-1))
    assert page["follow_ups"] == []
    assert page["summary"]["follow_up_done_at"]
    asked = {"reason": "situation-worse", "note": "x"}
    assert await refused(story, story.worker, "/reopening", **asked) == "client-died"


async def test_strangers_neither_see_how_a_case_ended_nor_change_it(story: Story, cases: Running) -> None:
    page = await closed(story)
    one, body = page["follow_ups"][0], {"expected_version": 0, "seen_how": "phone", "situation": "same"}
    strangers = {
        ("social_worker", "dinsos", "31.74"): "not-your-case",
        ("social_worker", "dinkes", "31.74"): "not-your-agency",
        ("social_worker", "dinsos", "31.75"): "outside-your-area",
        ("supervisor", "dinsos", "31.75"): "outside-your-area",
        ("desk_officer", "dinsos", "31.74"): "not-permitted",
        ("auditor", "dinsos", "31.74"): "not-permitted",
    }
    for (role, agency, area), why in strangers.items():
        async with cases.client(role, agency, area, sub=uuid4().hex) as who:
            for path in ("closure", "as-known?at=2026-01-01"):
                assert slug(await who.get(f"/cases/{story.case_id}/{path}")) == why, (role, path)
            answer = await who.post(f"/cases/{story.case_id}/follow-ups/{one['id']}", json=body)
            assert slug(answer) == ("not-permitted" if role == "supervisor" else why)
            ask = await story.act(who, "/reopening", version=99, reason="new-need", note="x")
            assert slug(ask) == ("not-permitted" if role == "supervisor" else why)
    async with cases.client("supervisor", sub="a-colleague") as colleague:
        assert (await ending(story, colleague))["may_write"] is False
