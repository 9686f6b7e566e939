"""Reports: entered by whoever hears, screened for risk to life, decided once, by the office in whose queue they lie."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import text

from tests.cases.reporting import CALM, Office, act, done, offices, slug
from tests.cases.story import besides_duties
from tests.harness.stack import Running, eventually

Facts = Callable[..., Awaitable[list[tuple[str, dict[str, Any]]]]]


@pytest.fixture
async def both(cases: Running) -> AsyncIterator[tuple[Office, Office]]:
    async with offices(cases) as them:
        yield them


async def told(facts: Facts, aggregate: str, *kinds: str) -> list[dict[str, Any]]:
    """Wait for these facts about something, in this order; their bodies."""

    async def all_there() -> list[dict[str, Any]] | None:
        heard = await facts("CASES", aggregate)
        names = [kind.removeprefix("sinergi.").removesuffix(".v1") for kind, _ in heard]
        return [body for _, body in heard] if names == list(kinds) else None

    found: list[dict[str, Any]] = await eventually(all_there, what=f"never told: {kinds}")
    return found


async def test_a_risk_to_life_is_first_in_the_queue_a_task_of_today_and_a_fact(
    cases: Running, both: tuple[Office, Office], facts: Facts
) -> None:
    jember, _ = both
    calm = await jember.screened()
    urgent = await jember.screened("no-food")
    life = await jember.screened("no-food", "unconscious")
    assert (life["urgency"], life["because"]) == ("life", ["unconscious"])
    assert (urgent["urgency"], calm["urgency"], calm["because"]) == ("urgent", "normal", [])
    ours = {calm["id"], urgent["id"], life["id"]}
    queue = done(await jember.worker.get("/intake", params={"size": 100}))
    assert [one["id"] for one in queue["items"] if one["id"] in ours] == [life["id"], urgent["id"], calm["id"]]
    (task,) = besides_duties(done(await jember.worker.get("/tasks"))["items"])
    assert (task["kind"], task["due_on"] is not None) == ("risk-to-life", True)
    bodies = await told(facts, life["id"], "intake.received", "intake.screened", "intake.risk_to_life")
    assert "Mbah" not in str(bodies)
    assert "emperan" not in str(bodies)

    case = await jember.take_up(life)
    opened = await jember.read(case["case_id"])
    assert (opened["risk"], opened["client_kind"], opened["way_in"]) == ("life", "unknown", "outreach")
    assert [(one["kind"], one["done_at"]) for one in besides_duties(opened["tasks"])] == [("risk-to-life", None)]
    seen = done(await jember.worker.get(f"/cases/{case['case_id']}/unknown-client"))
    assert seen["nickname"] == "Mbah Jenggot"


async def test_a_report_is_decided_once_however_many_take_it_up(both: tuple[Office, Office]) -> None:
    jember, _ = both
    report = await jember.screened()
    tries = await asyncio.gather(*(act(jember.worker, report, "take-up", area="35.09") for _ in range(8)))
    assert sorted(one.status_code for one in tries) == [200] + [409] * 7
    again = await act(jember.worker, report | {"version": report["version"] + 1}, "close", reason="other")
    assert slug(again) == (409, "intake-decided")


async def test_nobody_decides_before_the_questions_are_answered(both: tuple[Office, Office]) -> None:
    jember, _ = both
    report = await jember.report()
    assert slug(await act(jember.worker, report, "close", reason="other")) == (409, "intake-not-screened")
    some = dict(list(CALM.items())[1:]) | {"made-up": True}
    refused = await act(jember.worker, report, "screen", answers=some)
    assert slug(refused) == (422, "screening-incomplete")
    assert (refused.json()["missing"], refused.json()["unknown"]) == (["unconscious"], ["made-up"])
    assert slug(await act(jember.worker, report | {"version": 0}, "screen", answers=CALM)) == (409, "version-conflict")


@pytest.mark.parametrize(
    "wrong",
    [
        {"seen_at": (datetime.now(UTC) + timedelta(days=2)).isoformat()},
        {"seen_at": "2026-11-01T10:00:00"},
        {"account": ""},
        {"account": "x" * 4001},
        {"place_area": "Jember"},
        {"needs": ["Budi 3509011203450001"]},
        {"client_kind": "person"},
        {"unknown": {"description": "x", "age_from": 60, "age_to": 20}},
        {"reporter": "neighbour"},
    ],
)
async def test_what_breaks_its_rules_is_refused(both: tuple[Office, Office], wrong: dict[str, Any]) -> None:
    body = {
        "area": "35.09", "way_in": "outreach", "reporter": "public", "place_area": "35.09", "account": "x",
        "seen_at": datetime.now(UTC).isoformat(),
    }  # fmt: skip
    assert (await both[0].worker.post("/intake", json=body | wrong)).status_code == 422


async def test_a_volunteer_brings_a_report_and_sees_what_becomes_of_it_and_no_more(
    cases: Running, both: tuple[Office, Office]
) -> None:
    jember, _ = both
    async with cases.client("volunteer", "dinsos-jbr", "35.09.01", sub=uuid4().hex) as volunteer:
        report = await jember.report(volunteer, area="35.09.01")
        await jember.report()
        found = done(await volunteer.get("/intake"))
        assert [one["id"] for one in found["items"]] == [report["id"]]
        assert "account" not in found["items"][0]
        assert (await volunteer.get(f"/intake/{report['id']}")).status_code == 403
        assert (await volunteer.get("/cases")).status_code == 403
        assert (await volunteer.get("/tasks")).status_code == 403
        assert slug(await volunteer.post("/intake", json={})) == (422, "request-not-valid")


async def test_reports_are_the_offices_within_its_area(cases: Running, both: tuple[Office, Office]) -> None:
    jember, probolinggo = both
    report = await jember.screened(area="35.09.01")
    inside = cases.client("social_worker", "dinsos-jbr", "35.09.01", sub=uuid4().hex)
    others = {
        "another kecamatan": cases.client("social_worker", "dinsos-jbr", "35.09.02", sub=uuid4().hex),
        "another office": probolinggo.worker,
        "another agency here": cases.client("supervisor", "dinkes", "35.09", sub=uuid4().hex),
        "no area": cases.client("supervisor", "dinsos-jbr", "", sub=uuid4().hex),
    }
    for who, client in others.items():
        listed = done(await client.get("/intake", params={"size": 100}))["items"]
        assert report["id"] not in {one["id"] for one in listed}, who
        assert (await client.get(f"/intake/{report['id']}")).status_code == 403, who
        assert (await act(client, report, "close", reason="other")).status_code == 403, who
        await client.aclose()
    assert report["id"] in {one["id"] for one in done(await inside.get("/intake", params={"size": 100}))["items"]}
    assert done(await inside.get(f"/intake/{report['id']}"))["contact"] == "TKSK, lewat telepon"
    outside = await inside.post("/intake", json={"area": "35.10"})
    assert outside.status_code == 422
    await inside.aclose()
    async with cases.client("auditor", "dinsos-jbr", "35.09", sub=uuid4().hex) as auditor:
        trail = done(await auditor.get("/audit", params={"subject_kind": "intake", "subject_id": report["id"]}))
        assert "intake.read" in {one["action"] for one in trail["items"]}
        assert (await auditor.get("/intake")).status_code == 403


async def test_a_report_that_nobody_screens_in_time_is_overdue(
    cases: Running, both: tuple[Office, Office], facts: Facts
) -> None:
    late, done_in_time = await both[0].report(), await both[0].screened()
    async with cases.context.db.begin() as tx:
        moved = "UPDATE alarms SET due_at = now() - interval '1 hour' WHERE about = ANY(CAST(:ids AS uuid[]))"
        changed = await tx.session.execute(text(moved), {"ids": [late["id"], done_in_time["id"]]})
        assert changed.rowcount == 1  # type: ignore[attr-defined]
    await told(facts, late["id"], "intake.received", "intake.overdue")


async def test_a_report_of_another_regency_goes_on_with_all_that_was_told(
    both: tuple[Office, Office], facts: Facts
) -> None:
    jember, probolinggo = both
    report = await jember.screened("injury")
    gone = done(await act(jember.worker, report, "refer-on", to_agency=probolinggo.agency, to_area="35.13.07"))
    assert gone["state"] == "referred_on"
    queue = done(await probolinggo.worker.get("/intake", params={"size": 100}))["items"]
    (theirs,) = [one for one in queue if one["referred_from"] == report["id"]]
    assert (theirs["state"], theirs["urgency"], theirs["way_in"]) == ("screened", "life", "other-regency")
    read = done(await probolinggo.worker.get(f"/intake/{theirs['id']}"))
    assert (read["contact"], read["unknown"]["nickname"]) == ("TKSK, lewat telepon", "Mbah Jenggot")
    assert (await jember.worker.get(f"/intake/{theirs['id']}")).status_code == 403
    assert besides_duties(done(await jember.worker.get("/tasks"))["items"]) == []
    heard = await told(facts, theirs["id"], "intake.received", "intake.risk_to_life")
    assert heard[0]["referred_by"] == "dinsos-jbr"


async def test_a_report_about_a_client_with_an_open_case_is_joined_to_it(both: tuple[Office, Office]) -> None:
    jember, probolinggo = both
    client = str(uuid4())
    open_case = await probolinggo.case(client_id=client)
    report = await jember.screened(unknown=None, client_kind="person", client_id=client)
    refused = await act(jember.worker, report, "take-up", area="35.09")
    assert slug(refused) == (409, "case-already-open")
    assert refused.json()["case_id"] == open_case["id"]
    done(await act(jember.worker, report, "join", case_id=open_case["id"]))
    (task,) = besides_duties((await probolinggo.read(open_case["id"]))["tasks"])
    assert (task["kind"], task["note"]) == ("intake-joined", "Tidur di emperan, kaki terluka")
    assert done(await probolinggo.worker.get(f"/intake/{report['id']}"))["reporter"] == "tksk"
    assert (await probolinggo.supervisor.get(f"/intake/{report['id']}")).status_code == 200
