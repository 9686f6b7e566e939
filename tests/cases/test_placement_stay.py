"""A stay in a facility, a placement outside of any, and who may do what."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import date, timedelta
from typing import Any
from uuid import uuid4

import pytest

from services.cases.placement_rules import RULES
from tests.cases.placing import NEED, OUTSIDE, Province, good, slug
from tests.cases.story import CALM, besides_duties
from tests.harness.stack import Running, eventually

TOMORROW = str(date.today() + timedelta(days=2))
GONE = {"reason": "family-found", "destination": "own-family"}


@pytest.fixture
async def province(cases: Running) -> AsyncIterator[Province]:
    """A province of its own."""
    province = Province(cases)
    yield province
    await province.leave()


async def test_a_stay_from_request_to_discharge_is_told_and_kept_in_the_case(
    province: Province, facts: Callable[..., Awaitable[list[tuple[str, dict[str, Any]]]]]
) -> None:
    home, other = await province.facility("f"), await province.facility("f", "any", kind="elderly")
    asked = await province.asked("high")
    good(await province.do(province.worker, asked, "accept"))
    where = str((await province.row(asked["id"]))["facility_id"])
    good(await province.do(province.officer, asked, "admit", facility_id=where))
    good(await province.do(province.officer, asked, "leave", kind="hospital", until=TOMORROW))
    assert (await province.board(where))["on_leave"] == 1
    good(await province.do(province.officer, asked, "return"))
    target = other if where == home else home
    good(await province.do(province.officer, asked, "transfer", facility_id=target))
    assert (await province.board(where))["occupied"] == 0
    good(await province.do(province.officer, asked, "discharge", **GONE))
    row = await province.row(asked["id"])

    async def all_told() -> list[tuple[str, dict[str, Any]]] | None:
        told = await facts("CASES", asked["id"])
        return told if len(told) == row["version"] else None

    told = await eventually(all_told)
    assert [kind.split(".")[2] for kind, _ in told] == [
        "requested", "offered", "accepted", "admitted", "leave_started", "returned", "transferred", "discharged",
    ]  # fmt: skip
    secrets = {"elderly", NEED["category"], "1950"}
    assert not [body for _, body in told if secrets & {str(value) for value in body.values()}]
    case = good(await province.worker.get(f"/cases/{row['case_id']}"))
    assert [one["what"] for one in case["history"]][1:3] == ["placement_requested", "placement_offered"]
    assert case["version"] == 1  # nobody's open form of the case grew stale
    assert not [one for one in besides_duties(case["tasks"]) if not one["done_at"]]
    await province.sound()


async def test_who_is_not_back_from_leave_is_told_and_the_bed_stays(province: Province) -> None:
    facility = await province.facility("f", kind="disability")
    there = await province.admitted(facility, kind="disability")
    past = await province.do(province.officer, there, "leave", kind="home-leave", until="2026-01-01")
    assert slug(past) == (422, "return-in-the-past")
    good(await province.do(province.officer, there, "leave", kind="home-leave", until=TOMORROW))
    await province.ring("placement.return", there["id"])
    kinds = (
        "SELECT kind, done_at IS NULL AS open FROM tasks WHERE case_id = :case AND kind LIKE 'placement%' ORDER BY kind"
    )
    of_case = {"case": (await province.row(there["id"]))["case_id"]}
    assert {one["kind"] for one in await province.rows(kinds, **of_case) if one["open"]} == {
        "placement-return",
        "placement-review",
    }
    assert (await province.board(facility))["on_leave"] == 1
    good(await province.do(province.officer, there, "return"))
    assert [one["kind"] for one in await province.rows(kinds, **of_case) if one["open"]] == ["placement-review"]


async def test_beyond_the_beds_only_a_supervisor_lets_somebody_in_and_the_next_free_bed_ends_it(
    province: Province, facts: Callable[..., Awaitable[list[tuple[str, dict[str, Any]]]]]
) -> None:
    facility = await province.facility("f")
    emergency = {"facility_id": facility, "emergency": "risk-to-life", "reason": "Ditemukan di jalan"}
    there, second, third = await province.admitted(facility), await province.asked("life"), await province.asked()
    assert slug(await province.do(province.officer, second, "override", **emergency)) == (403, "not-permitted")
    good(await province.do(province.supervisor, second, "override", **emergency))
    board = await province.board(facility)
    assert (board["occupied"], board["extra"], board["waiting"]) == (2, 1, 1)
    await province.sound()
    good(await province.do(province.officer, there, "discharge", **GONE))
    board = await province.board(facility)
    assert (board["occupied"], board["extra"]) == (1, 0)
    assert await province.states(second, third) == ["admitted", "waiting"]  # who lay on the extra place has the bed

    async def told() -> bool:
        names = [kind.split(".")[2] for kind, _ in await facts("CASES", facility)]
        return names == ["registered", "changed", "over_capacity", "within_capacity"]

    await eventually(told)
    await province.at(facility, "/beds", beds=[{"label": "free", "sex": "m"}])
    man = await province.asked(sex="m")
    assert slug(await province.do(province.supervisor, man, "override", **emergency)) == (409, "wrong-placement-state")
    await province.sound()


async def test_outside_of_any_facility_is_a_placement_with_follow_ups_of_its_own(province: Province) -> None:
    case = await province.case()
    asked = good(await province.ask(case, **OUTSIDE | {"why_inside": None}))
    good(await province.do(province.worker, asked, "place"))
    open_ones = "FROM tasks WHERE case_id = :case AND done_at IS NULL AND kind LIKE 'placement%'"
    due = await province.rows(f"SELECT due_on {open_ones}", case=case)
    assert len(due) == len(RULES.outside["own-family"].follow_up_days) == 3
    inside = good(await province.ask(case))  # a bed may be waited for at home
    assert inside["state"] == "waiting"
    assert slug(await province.ask(case)) == (409, "placement-already-open")
    good(await province.do(province.worker, asked, "end", reason="into-facility"))
    assert slug(await province.do(province.worker, asked, "end", reason="other")) == (409, "wrong-placement-state")
    open_now = "SELECT kind FROM tasks WHERE case_id = :case AND done_at IS NULL AND kind LIKE 'placement%'"
    assert await province.rows(open_now, case=case) == []


async def test_inside_needs_a_reason_and_the_wrong_level_is_warned_not_blocked(province: Province) -> None:
    case = await province.case()
    assert slug(await province.ask(case, why_inside=None)) == (422, "reason-inside-missing")
    assert slug(await province.ask(case, kind="castle")) == (422, "unknown-placement-kind")
    assert good(await province.ask(case))["warning"] == "answered-by-province"
    assert good(await province.ask(case, **OUTSIDE))["warning"] is None
    assert RULES.warning(inside=False, office_area="12", area="12.71") == "answered-by-regency"
    assert RULES.warning(inside=True, office_area="31.74", area="31.74.01") is None  # DKI: one office does both


async def test_of_ten_requests_for_one_person_at_once_one_is_taken(province: Province) -> None:
    case = await province.case()
    answers = await asyncio.gather(*(province.ask(case) for _ in range(10)))
    assert sorted(one.status_code for one in answers) == [201] + [409] * 9
    await province.sound()


async def test_a_new_risk_moves_the_person_and_a_closed_case_leaves_the_list(province: Province) -> None:
    first, second = await province.asked("medium"), await province.asked()
    case = (await province.row(second["id"]))["case_id"]
    answers = CALM | {"safety": 3}
    body = {"instrument": "general", "answers": answers, "expected_version": 1}
    risk = good(await province.worker.post(f"/cases/{case}/assessments", json=body))["risk"]
    assert risk in ("high", "life")

    async def moved() -> bool:
        return bool((await province.row(second["id"]))["risk"] == risk)

    await eventually(moved)
    seen = (await province.placements(case))[0]["position"]
    assert (seen["place"], seen["of"], seen["level"]) == (1, 2, risk)
    closing = {"reason": "moved", "outcomes": {}, "expected_version": 2}
    good(await province.worker.post(f"/cases/{case}/closure", json=closing))
    good(await province.supervisor.post(f"/cases/{case}/close", json={"expected_version": 3}))
    await eventually(lambda: _has_state(province, second, "cancelled"))
    assert await province.states(first) == ["waiting"]
    await province.sound()


async def test_only_a_supervisor_changes_the_order_and_says_why(province: Province) -> None:
    first, second = await province.asked("high"), await province.asked("low")
    up = {"level": "life", "reason": "Hidup di jalan, sakit"}
    assert slug(await province.do(province.worker, second, "prioritise", **up)) == (403, "not-permitted")
    good(await province.do(province.supervisor, second, "prioritise", **up))
    case = (await province.row(second["id"]))["case_id"]
    seen = (await province.placements(case))[0]["position"]
    assert (seen["place"], seen["by_supervisor"]) == (1, True)
    await province.facility("f")
    assert await province.states(first, second) == ["waiting", "offered"]


async def test_an_outsider_neither_reads_nor_acts(province: Province, cases: Running) -> None:
    facility = await province.facility("f")
    there = await province.admitted(facility)
    case = (await province.row(there["id"]))["case_id"]
    far = f"{int(province.area[:2]) + 40}.71"
    for role, agency, area, reason in (
        ("facility_officer", "dinkes", province.area, "not-your-agency"),
        ("facility_officer", "dinsos", far, "outside-your-area"),
        ("social_worker", "dinsos", province.area, "not-permitted"),
        ("desk_officer", "dinsos", province.area, "not-permitted"),
    ):
        async with province.client(role, agency, area) as outsider:
            body = {"expected_version": 0} | GONE
            refused = await outsider.post(f"/placements/{there['id']}/discharge", json=body)
            assert slug(refused) == (403, reason)
            assert slug(await outsider.get(f"/facilities/{facility}/waiting"))[0] == 403
    async with province.client("social_worker") as colleague:
        assert slug(await colleague.get(f"/cases/{case}/placements")) == (403, "not-your-case")
        assert slug(await colleague.post(f"/cases/{case}/placements", json=NEED)) == (403, "not-your-case")
        assert slug(await colleague.post(f"/placements/{there['id']}/cancel", json=CANCEL)) == (403, "not-your-case")
        shown = good(await colleague.get(f"/facilities/{facility}"))
        assert "placement" not in shown["items"][0]
    assert slug(await province.officer.get(f"/cases/{case}")) == (403, "not-permitted")
    stale = await province.officer.post(f"/placements/{there['id']}/discharge", json={"expected_version": 1} | GONE)
    assert slug(stale) == (409, "version-conflict")


CANCEL = {"expected_version": 0, "reason": "other"}


async def test_an_officer_sees_a_card_and_never_the_case(province: Province) -> None:
    facility = await province.facility("f")
    there, waiting = await province.admitted(facility), await province.asked("high")
    card = (await province.board(facility))["items"][0]["placement"]
    assert card["age_band"] == "70-79"
    assert set(card) & {"case_id", "person_id", "birth_year"} == set()
    line = good(await province.officer.get(f"/facilities/{facility}/waiting"))
    assert [(one["id"], one["place"]) for one in line["items"]] == [(waiting["id"], 1)]
    read = "SELECT subject_id FROM audit WHERE action = :action AND subject_id = :id"
    assert await province.rows(read, action="facility.read", id=there["id"])
    assert await province.rows(read, action="waiting.read", id=waiting["id"])


async def test_input_that_no_rule_can_read_is_refused_and_never_a_failure(province: Province) -> None:
    facility = await province.facility("f")
    there = await province.admitted(facility)
    for wrong in ({"birth_year": 10**9}, {"sex": "x"}, {"category": "3174015506900001"}, {"kind": "\x00"}, {"more": 1}):
        assert (await province.ask(str(uuid4()), **wrong)).status_code == 422, wrong
    assert slug(await province.ask(str(uuid4()))) == (404, "not-found")
    no = await province.do(province.officer, there, "discharge", reason="died", destination="own-family")
    assert slug(no) == (422, "destination-not-valid")
    assert slug(await province.do(province.officer, there, "transfer", facility_id=facility)) == (409, "no-free-bed")
    taken = await province.board(facility)
    bed = {"expected_version": taken["version"], "reason": "Rusak"}
    occupied = await province.officer.post(f"/facilities/{facility}/beds/{taken['items'][0]['id']}/close", json=bed)
    assert slug(occupied) == (409, "bed-not-free")
    twice = {"expected_version": taken["version"], "beds": [{"label": "00", "sex": "f"}]}
    assert slug(await province.officer.post(f"/facilities/{facility}/beds", json=twice)) == (409, "bed-label-taken")
    for query in ({"kind": "\x00"}, {"area": "x"}, {"size": 101}, {"sex": "any"}):
        assert (await province.worker.get("/facilities", params=query)).status_code == 422, query
    found = good(await province.worker.get("/facilities", params={"area": province.area[:2], "sex": "f"}))
    assert [(one["id"], one["occupied"]) for one in found["items"]] == [(facility, 1)]
    assert found["total"] == 1


async def _has_state(province: Province, placement: dict[str, Any], state: str) -> bool:
    return (await province.states(placement)) == [state]
