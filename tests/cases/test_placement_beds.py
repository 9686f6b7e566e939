"""A bed is given once, whoever asks, and a bed that comes free goes to the first on the list."""

import asyncio
from collections.abc import AsyncIterator, Awaitable
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import text

from services.cases import beds
from services.cases.placement_models import Placement
from services.cases.residence import DischargePerson, discharge_person
from sinergi.auth import Actor, service_actor
from sinergi.permissions import Role
from tests.cases.placing import Province, good, slug
from tests.harness.stack import Running, eventually


@pytest.fixture
async def province(cases: Running) -> AsyncIterator[Province]:
    """A province of its own."""
    province = Province(cases)
    yield province
    await province.leave()


@pytest.mark.parametrize("sexes", [["f"], ["f"] * 10, ["f"] * 3 + ["m"] * 4 + ["any"] * 3])
async def test_of_fifty_who_ask_at_once_exactly_as_many_get_a_bed_as_there_are(
    province: Province, sexes: list[str]
) -> None:
    await province.facility(*sexes)
    wanted = ["f"] * 50 if set(sexes) == {"f"} else ["f", "m"] * 25
    ids = await province.cases(50)
    answers = await asyncio.gather(*(province.ask(one, sex=sex) for one, sex in zip(ids, wanted, strict=True)))
    states = [good(answer)["state"] for answer in answers]
    assert states.count("offered") == len(sexes)
    assert states.count("waiting") == 50 - len(sexes)
    await province.sound()


async def test_of_thirty_officers_who_admit_at_once_as_many_succeed_as_beds_are_free(province: Province) -> None:
    waiting = [good(one) for one in await asyncio.gather(*map(province.ask, await province.cases(30)))]
    facility = await province.facility()
    await province.at(facility, "", method="PUT", **_intake(province) | {"open": False})
    await province.at(facility, "/beds", beds=[{"label": f"{n}", "sex": "f"} for n in range(10)])
    assert set(await province.states(*waiting)) == {"waiting"}
    # open it behind the service's back, so that the beds are free and offered to nobody
    await province.rows("UPDATE facilities SET open = true WHERE id = :id RETURNING id", id=facility)
    admit = (province.do(province.officer, one, "admit", facility_id=facility) for one in waiting)
    answers = await asyncio.gather(*admit)
    assert [one.status_code for one in answers].count(200) == 10
    assert {slug(one) for one in answers if one.status_code != 200} == {(409, "no-free-bed")}
    await province.sound()


async def test_the_write_that_takes_a_bed_needs_no_turn_to_be_safe(province: Province, cases: Running) -> None:
    """Thirty transactions at once, none waiting for the list's turn: the database alone decides."""
    waiting = [good(one) for one in await asyncio.gather(*map(province.ask, await province.cases(30)))]
    facility = await province.facility()
    await province.at(facility, "", method="PUT", **_intake(province) | {"open": False})
    await province.at(facility, "/beds", beds=[{"label": f"{n}", "sex": "f"} for n in range(10)])
    await province.rows("UPDATE facilities SET open = true WHERE id = :id RETURNING id", id=facility)

    async def take(placement_id: str) -> UUID | None:
        async with cases.context.db.begin(service_actor("cases")) as tx:
            bed = await beds.take(await tx.get(Placement, UUID(placement_id)), "held", tx)
            return bed.id if bed else None

    taken = [one for one in await asyncio.gather(*(take(one["id"]) for one in waiting)) if one]
    assert len(taken) == len(set(taken)) == 10


async def test_a_freed_bed_goes_to_the_highest_risk_then_to_the_oldest_request(province: Province) -> None:
    facility = await province.facility("f")
    lives_there = await province.admitted(facility)
    low, medium, older, newer = [await province.asked(risk) for risk in ("low", "medium", "life", "life")]
    seen = (await province.placements((await province.row(newer["id"]))["case_id"]))[0]["position"]
    assert (seen["place"], seen["of"], seen["riskier"], seen["earlier"], seen["level"]) == (2, 4, 0, 1, "life")
    for first in (older, newer, medium, low):
        gone = {"reason": "goals-met", "destination": "own-family"}
        good(await province.do(province.officer, lives_there, "discharge", **gone))
        assert await province.states(first) == ["offered"]
        lives_there = good(await province.do(province.officer, first, "admit", facility_id=facility))
    await province.sound()


async def test_nobody_is_lost_when_beds_come_free_at_once(province: Province) -> None:
    facility = await province.facility(*["f"] * 8)
    there = [await province.admitted(facility) for _ in range(8)]
    waiting = [await province.asked() for _ in range(5)]
    gone = {"reason": "end-of-term", "destination": "community"}
    await asyncio.gather(
        *(province.do(province.officer, one, "discharge", **gone) for one in there),
        *(province.ask() for _ in range(6)),
    )
    assert await province.states(*waiting) == ["offered"] * 5
    await province.sound()
    counted = (await province.board(facility))["held"]
    assert counted == 8  # 5 waited before, 3 of those who asked meanwhile


async def test_who_asks_while_a_bed_comes_free_gets_it_and_does_not_wait_beside_it(
    province: Province, cases: Running
) -> None:
    facility = await province.facility("f")
    there, case = await province.admitted(facility), await province.case()
    officer = Actor("officer", Role.FACILITY_OFFICER, "dinsos", province.area)
    gone = {"placement_id": there["id"], "expected_version": there["version"], "reason": "other"}
    async with cases.context.db.begin(officer) as tx:
        await discharge_person(DischargePerson(**gone, destination="community"), officer, tx)
        await tx.session.flush()
        asking = asyncio.create_task(province.ask(case))  # the bed is free, but nobody else can see it yet
        in_turn = "SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
        await eventually(lambda: _either(asking, province.rows(in_turn)))
    assert good(await asking)["state"] == "offered"
    await province.sound()


async def _either(asking: asyncio.Task[Any], waits: Awaitable[list[Any]]) -> bool:
    return bool(await waits) or asking.done()


async def test_a_refused_offer_goes_on_and_the_person_keeps_the_place(province: Province) -> None:
    facility = await province.facility("f")
    first = await province.asked("high")
    second = await province.asked("low")
    good(await province.do(province.worker, first, "refuse", reason="too-far"))
    assert await province.states(first, second) == ["waiting", "offered"]
    good(await province.do(province.worker, second, "cancel", reason="need-met"))
    # the bed that the first one refused is free, and not pressed upon anybody
    assert await province.states(first, second) == ["waiting", "cancelled"]
    assert (await province.board(facility))["free"] == 1
    good(await province.do(province.worker, first, "seek"))
    assert await province.states(first) == ["offered"]
    await province.sound()


async def test_an_offer_that_nobody_answers_lapses_and_goes_to_the_next(province: Province) -> None:
    await province.facility("f")
    first, second = await province.asked(), await province.asked()
    await province.ring("placement.offer", first["id"])
    assert await province.states(first, second) == ["waiting", "offered"]
    kinds = (
        "SELECT kind, done_at IS NULL AS open FROM tasks WHERE case_id = :case AND kind LIKE 'placement%' ORDER BY id"
    )
    tasks = await province.rows(kinds, case=(await province.row(first["id"]))["case_id"])
    assert tasks == [{"kind": "placement-offer", "open": False}, {"kind": "placement-offer-lapsed", "open": True}]
    good(await province.do(province.worker, second, "accept"))
    await province.ring("placement.offer", second["id"])  # accepted, but nobody arrived
    assert await province.states(second) == ["waiting"]
    await province.sound()


async def test_a_repaired_bed_and_a_new_one_go_to_who_waits(province: Province) -> None:
    facility = await province.facility("f")
    bed = (await province.board(facility))["items"][0]["id"]
    await province.at(facility, f"/beds/{bed}/close", reason="Atap bocor")
    waiting, second = await province.asked(), await province.asked()
    assert waiting["state"] == second["state"] == "waiting"
    await province.at(facility, f"/beds/{bed}/reopen")
    await province.at(facility, "/beds", beds=[{"label": "new", "sex": "any"}])
    assert await province.states(waiting, second) == ["offered", "offered"]
    await province.sound()


async def test_a_kill_between_freeing_and_offering_leaves_the_bed_with_its_person(
    province: Province, cases: Running
) -> None:
    """Both are one transaction: what dies in the middle has done neither."""
    facility = await province.facility("f")
    there, waiting = await province.admitted(facility), await province.asked()
    gone = {"reason": "other", "destination": "community"}
    # the bed's next person is busy: the discharge stands still after the bed is free and before the offer
    async with cases.context.db.begin() as tx:
        await tx.session.execute(text("SELECT 1 FROM placements WHERE id = :id FOR UPDATE"), {"id": waiting["id"]})
        discharge = asyncio.create_task(province.do(province.officer, there, "discharge", **gone))
        await eventually(lambda: province.rows(_KILL_WAITING))
        assert (await discharge).status_code == 503
    assert await province.states(there, waiting) == ["admitted", "waiting"]
    await province.sound()
    good(await province.do(province.officer, there, "discharge", **gone))
    assert await province.states(there, waiting) == ["discharged", "offered"]


_KILL_WAITING = """SELECT pg_terminate_backend(pid) FROM pg_stat_activity
    WHERE usename = current_user AND wait_event_type = 'Lock' AND wait_event <> 'advisory'"""


def _intake(province: Province) -> dict[str, object]:
    return {"name": "Panti Uji", "area": province.area, "serves": [province.area[:2]], "sexes": ["m", "f"]}
