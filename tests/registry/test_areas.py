"""Counts by area: right after each change, summed by prefix, without reading anybody."""

import asyncio
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import text

from services.registry import counting
from services.registry.counting import mark_old, recount, recount_all
from services.registry.marks import mark
from tests.harness.stack import Running
from tests.registry.known_people import TODAY, Said, household, merge, settle
from tests.registry.test_known_needs import add, end, post


async def counts(registry: Running, code: str, area: str = "31", role: str = "operator") -> dict[str, Any]:
    async with registry.client(role, area=area) as client:
        answer = await client.get(f"/areas/{code}/counts")
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found


async def count(registry: Running, *areas: str) -> None:
    for area in areas:
        async with registry.context.db.begin() as tx:
            await recount(area, tx)


async def test_an_area_is_counted_by_state_desil_and_category(registry: Running) -> None:
    db, area = registry.context.db, "31.75.01.1001"
    home = await household(db, area)
    poor = [Said("city", need="fakir-miskin")]
    await settle(db, area=area, household_id=home, desil=1, desil_period="2026-Q3", said=poor)
    await settle(db, area=area, household_id=home, desil=1, desil_period="2026-Q3", is_head=False)
    await settle(db, area=area, nik=None, unmatched=True, said=poor)
    await settle(db, area=area, state="dead")
    await count(registry, area)
    found = await counts(registry, area)
    assert found["counts"]["state"] == {
        **{"active": 3, "dead": 1, "without-nik": 1, "unmatched": 1, "provisional": 0, "households": 1},
        **{"in-households": 2, "open-reviews": 0},
    }
    assert found["counts"]["desil"] == {"1": 2, "unknown": 1}
    assert found["counts"]["category"] == {"fakir-miskin": 2}
    assert found["counts"]["category-desil"] == {"fakir-miskin:1": 1, "fakir-miskin:unknown": 1}
    assert (found["people_per_household"], found["people_per_household_nation"]) == (2.0, 3.04)


async def test_a_kecamatan_is_the_sum_of_its_kelurahan_and_lists_them_all(registry: Running) -> None:
    db = registry.context.db
    for area in ("31.75.02.1001", "31.75.02.1001", "31.75.02.1002", "31.75.03.1001"):
        await settle(db, area=area)
    await count(registry, "31.75.02.1001", "31.75.02.1002", "31.75.03.1001")
    found = await counts(registry, "31.75.02")
    assert found["counts"]["state"]["active"] == 3
    children = {child["area"]: child["active"] for child in found["children"]}
    assert (children["31.75.02.1001"], children["31.75.02.1002"], children["31.75.02.1003"]) == (2, 1, 0)
    assert all(child["name"] for child in found["children"])
    city = await counts(registry, "31.75")
    assert {child["area"]: child["active"] for child in city["children"]}["31.75.02"] == 3
    assert city["name"]


async def test_a_merged_person_counts_once_with_the_categories_of_both(registry: Running) -> None:
    db, area = registry.context.db, "31.75.04.1001"
    survivor = await settle(db, area=area, said=[Said("ministry", need="pemulung")])
    loser = await settle(db, area=area, said=[Said("city", need="pengemis")])
    await merge(db, loser, survivor)
    await count(registry, area)
    found = (await counts(registry, area))["counts"]
    assert (found["state"]["active"], found["category"]) == (1, {"pemulung": 1, "pengemis": 1})


async def test_categories_by_hand_count_as_the_person_shows_them(registry: Running) -> None:
    db, area = registry.context.db, "31.75.05.1001"
    person = await settle(db, area=area, said=[Said("city", TODAY - timedelta(days=30), need="pemulung")])
    await post(registry, "/needs/end", end(person, "pemulung"), area="31")
    await post(registry, "/needs", add(person, "pengemis", 1), area="31")
    await count(registry, area)
    assert (await counts(registry, area))["counts"]["category"] == {"pengemis": 1}


async def test_the_task_beside_the_service_counts_what_was_marked(registry: Running, eventually: Any) -> None:
    db, area = registry.context.db, "31.75.06.1001"
    person = await settle(db, area=area)
    assert (await post(registry, "/needs", add(person), area="31"))["version"] == 1

    async def counted() -> bool:
        return bool((await counts(registry, area))["counts"].get("category") == {"fakir-miskin": 1})

    assert await eventually(counted, timeout=30)


@pytest.fixture
def no_counter(monkeypatch: pytest.MonkeyPatch) -> None:
    """The task beside the service finds nothing to count: the test counts itself."""
    monkeypatch.setattr(counting, "_NEXT", text("SELECT CAST(NULL AS text) WHERE false"))
    monkeypatch.setattr(counting, "LOOK_SECONDS", float("inf"))


async def marks_of(registry: Running, area: str) -> int:
    async with registry.context.db.begin() as tx:
        statement = text("SELECT count(*) FROM dirty_areas WHERE area = :area")
        return int(await tx.session.scalar(statement, {"area": area}) or 0)


@pytest.mark.usefixtures("no_counter")
async def test_a_change_that_is_committed_while_an_area_is_counted_is_counted_afterwards(registry: Running) -> None:
    """The mark of a writer is not taken by a counter that could not see its change."""
    db, area = registry.context.db, "32.01.01.1001"
    await settle(db, area=area)
    async with db.begin() as earlier:
        await mark([area], earlier)
    async with db.begin() as writer:
        await mark([area], writer)
        await writer.session.execute(text("UPDATE persons SET desil = 9 WHERE area = :area"), {"area": area})
        await asyncio.wait_for(count(registry, area), 10)  # waits for no writer
    assert (await counts(registry, area, "32"))["counts"]["desil"] == {"unknown": 1}
    assert await marks_of(registry, area) == 1
    await count(registry, area)
    assert (await counts(registry, area, "32"))["counts"]["desil"] == {"9": 1}
    assert await marks_of(registry, area) == 0


async def test_two_counters_at_once_give_the_counts_of_one(registry: Running) -> None:
    db, area = registry.context.db, "31.75.07.1001"
    await settle(db, area=area)
    await asyncio.gather(*(count(registry, area) for _ in range(4)))
    assert (await counts(registry, area))["counts"]["state"]["active"] == 1


async def test_everything_can_be_counted_anew_and_an_emptied_area_is_empty(registry: Running) -> None:
    db, left, entered = registry.context.db, "31.75.08.1001", "31.75.08.1002"
    person = await settle(db, area=left)
    await count(registry, left)
    async with db.begin() as tx:
        values = {"area": entered, "id": person}
        await tx.session.execute(text("UPDATE persons SET area = :area WHERE id = :id"), values)
    assert {left, entered} <= set(await recount_all(db))
    assert (await counts(registry, left))["counts"]["state"]["active"] == 0
    assert (await counts(registry, entered))["counts"]["state"]["active"] == 1


@pytest.mark.usefixtures("no_counter")
async def test_an_area_that_nobody_marked_is_counted_once_a_day(registry: Running) -> None:
    db, fresh, old = registry.context.db, "31.75.10.1001", "31.75.10.1002"
    await settle(db, area=fresh)
    await settle(db, area=old)
    await recount_all(db)
    async with db.begin() as tx:
        yesterday = "UPDATE areas_counted SET counted_at = now() - interval '25 hours' WHERE area = :area"
        await tx.session.execute(text(yesterday), {"area": old})
    assert await mark_old(db)
    assert (await marks_of(registry, old), await marks_of(registry, fresh)) == (1, 0)


async def test_an_operator_has_an_area_counted_anew(registry: Running) -> None:
    area = "31.75.09.1001"
    await settle(registry.context.db, area=area)
    assert await post(registry, "/areas/recount", {"code": area}, area="31") == {"marked": 1}
    refused = await post(registry, "/areas/recount", {"code": area}, area="31.71")
    assert refused["type"] == "urn:sinergi:problem:outside-your-area"


async def test_counts_of_another_area_or_of_none_are_refused(registry: Running) -> None:
    async with registry.client("operator", area="31.74") as client:
        for code, status in (("31.75", 403), ("31", 403), ("31.74.99", 404), ("3174", 422), ("x", 422)):
            assert (await client.get(f"/areas/{code}/counts")).status_code == status
    async with registry.client("desk_officer", area="*") as client:
        assert (await client.get("/areas/31.74/counts")).status_code == 403


async def test_counts_leave_no_trace_as_they_read_nobody(registry: Running) -> None:
    role = f"worker-{uuid4().hex[:8]}"
    async with registry.client("operator", area="31", sub=role) as client:
        await client.get("/areas/31.75/counts")
    async with registry.context.db.begin() as tx:
        rows = await tx.session.scalar(text("SELECT count(*) FROM audit WHERE actor = :actor"), {"actor": role})
    assert rows == 0
