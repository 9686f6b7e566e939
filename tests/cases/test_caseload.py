"""The caseload: what is counted is what is there, a new case finds its worker, and who stands in may write."""

import asyncio
import random
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from io import BytesIO
from typing import Any
from uuid import UUID

import httpx2 as httpx
import pytest
from python_calamine import CalamineWorkbook
from sqlalchemy import func, select

from services.cases.caseload import loads_of
from services.cases.caseload_models import CaseCount
from services.cases.caseload_worker import fold
from services.cases.models import Case
from services.cases.stages import Stage
from services.cases.weights import WEIGHTS, weigh
from sinergi.db import Database
from tests.cases.caseloads import OPEN, RISKS, case, known, new_worker, put, slug
from tests.cases.story import Story, besides_duties
from tests.harness.stack import Running, eventually

NOW = datetime.now(UTC)


@pytest.fixture
async def supervisor(cases: Running) -> AsyncIterator[httpx.AsyncClient]:
    async with cases.client("supervisor", sub="the-supervisor") as client:
        yield client


async def counted(db: Database, agency: str) -> dict[str, tuple[int, int]]:
    """worker -> cases and points, as they are kept."""
    async with db.begin() as tx:
        loads = await loads_of(agency, "*", tx)
    return {worker: (load.counts["cases"], load.points) for worker, load in loads.items()}


async def there(db: Database, agency: str) -> dict[str, tuple[int, int]]:
    """The same, from the cases themselves."""
    found: dict[str, tuple[int, int]] = {}
    async with db.begin() as tx:
        for one in await tx.session.scalars(select(Case).where(Case.agency == agency, Case.closed_at.is_(None))):
            cases, points = found.get(one.worker, (0, 0))
            found[one.worker] = (cases + 1, points + weigh(one))
    return found


async def test_what_is_counted_is_what_is_there_whatever_happens_at_once(cases: Running) -> None:
    agency, db = f"a{random.randrange(10**8)}", cases.context.db
    workers = [new_worker() for _ in range(4)]
    areas = ["31.74.01.1001", "31.74.02", "31.01.01"]
    some = [
        case(
            random.choice(workers),
            agency=agency,
            area=random.choice(areas),
            client_kind=random.choice(["person", "group", "unknown"]),
        )
        for _ in range(60)
    ]
    ids = await put(cases, *some)

    async def change(case_id: str) -> None:
        async with db.begin() as tx:
            found = await tx.lock(Case, UUID(case_id))
            match random.randrange(4):
                case 0:
                    found.worker = random.choice([*workers, ""])
                case 1:
                    found.stage, found.risk = random.choice(OPEN), random.choice(RISKS)
                case 2:
                    found.area = random.choice(areas)
                case _:
                    found.closed_at = None if found.closed_at else NOW
                    found.stage = Stage.PEMBINAAN_LANJUT if found.closed_at else Stage.ASESMEN

    changes = [change(random.choice(ids)) for _ in range(200)]
    await asyncio.gather(*changes, *(fold(db) for _ in range(5)))
    assert await counted(db, agency) == await there(db, agency)
    await fold(db)
    assert await counted(db, agency) == await there(db, agency)
    async with db.begin() as tx:
        unfolded = select(func.count()).where(CaseCount.agency == agency, CaseCount.folded.is_(False))
        assert await tx.session.scalar(unfolded) == 0


async def test_a_case_on_its_way_is_counted_at_each_step(story: Story, cases: Running) -> None:
    async def mine() -> tuple[int, int]:
        return (await counted(cases.context.db, "dinsos")).get(story.worker_sub, (0, 0))

    await story.open()
    risk, stage, client = WEIGHTS.risk, WEIGHTS.stage, WEIGHTS.client["group"]
    assert await mine() == (1, risk["none"] + stage["identifikasi"] + client)
    await story.assess(safety=4)
    assert await mine() == (1, risk["life"] + stage["asesmen"] + client)
    await story.done(story.worker, "/closure", reason="moved", outcomes={})
    await story.done(story.supervisor, "/close")
    assert await mine() == (0, 0)


async def test_the_supervisors_page_shows_each_worker_and_the_office(cases: Running) -> None:
    ann, bob, agency = new_worker(), new_worker(), f"b{random.randrange(10**8)}"
    await put(cases, case(ann, agency=agency, risk="life", stage="asesmen", area="31.74.02"), tasks=1)
    await put(cases, case("", agency=agency, risk=None, stage="identifikasi"))
    async with cases.client("supervisor", agency, sub="s") as client:
        await known(client, bob, capacity=30, specialities=["child"])
        page = (await client.get("/caseload")).json()
        first, second = page["items"]
        assert (first["worker"], first["cases"], first["life"], first["free"]) == (ann, 1, 1, WEIGHTS.capacity - 8)
        assert (second["worker"], second["capacity"], second["profile"]["specialities"]) == (bob, 30, ["child"])
        assert (page["total"], page["office"]["cases"], page["office"]["unassigned"]) == (2, 2, 1)
        assert page["office"]["by_risk"] == {"life": 1, "high": 0, "none": 1, "medium": 0, "low": 0}
    async with cases.client("supervisor", agency, "31.74.02", sub="s") as narrow:
        assert (await narrow.get("/caseload")).json()["office"]["cases"] == 1
    for role, area in (("social_worker", "31.74"), ("auditor", "31.74"), ("operator", "31.74")):
        async with cases.client(role, agency, area) as client:
            assert (await client.get("/caseload")).status_code == 403
            assert (await client.get("/caseload/export.xlsx")).status_code == 403


async def test_a_case_that_waits_is_given_to_whom_it_suits_and_why_is_said(cases: Running) -> None:
    agency = f"c{random.randrange(10**8)}"
    near, expert, full, gone, away = (new_worker() for _ in range(5))
    (case_id,) = await put(cases, case("", agency=agency, area="31.74.01.1002"))
    await put(cases, *(case(full, agency=agency, risk="life", stage="intervensi") for _ in range(3)))
    async with cases.client("supervisor", agency, sub="s") as client:
        await known(client, near, away, area="31.74.01")
        await known(client, expert, area="31.74.01", specialities=["child"])
        await known(client, full, area="31.74.01", capacity=10, specialities=["child"])
        await known(client, gone, area="31.74.01", available_until=(NOW - timedelta(days=2)).date().isoformat())
        cover = {"worker": away, "stand_in": near, "starts_at": (NOW - timedelta(days=1)).isoformat()}
        await client.post("/caseload/covers", json=cover | {"ends_at": (NOW + timedelta(days=1)).isoformat()})
        asked = {"area": "31.74.01.1002", "need": "child"}
        found = (await client.get("/caseload/suggest", params=asked)).json()["items"]
        assert [one["worker"] for one in found] == [expert, near, full]
        assert [one["why"] for one in found] == [
            ["has-room", "works-here", "fits-need"],
            ["has-room", "works-here"],
            ["is-full", "works-here", "fits-need"],
        ]
        queue = (await client.get("/cases", params={"worker": "-"})).json()
        assert [one["id"] for one in queue["items"]] == [case_id]
        given = await client.post(f"/cases/{case_id}/assign", json={"worker": expert, "expected_version": 1})
        assert given.status_code == 200, given.text
    async with cases.client("social_worker", agency, sub=expert) as worker:
        assert [one["id"] for one in (await worker.get("/cases")).json()["items"]] == [case_id]


async def test_nobody_gives_a_case_who_may_not_and_to_nobody_unknown(story: Story, cases: Running) -> None:
    await story.open()
    other = new_worker()
    body = {"worker": other, "expected_version": 1}
    outsiders = [
        ("supervisor", "dinkes", "31.74"),
        ("supervisor", "dinsos", "31.75"),
        ("social_worker", "dinsos", "31.74"),
    ]
    for role, agency, area in outsiders:
        async with cases.client(role, agency, area, sub="x") as client:
            assert (await client.post(f"/cases/{story.case_id}/assign", json=body)).status_code == 403
    unknown = await story.act(story.supervisor, "/assign", worker=other)
    assert slug(unknown) == (422, "worker-unknown")
    await known(story.supervisor, other)
    assert slug(await story.act(story.supervisor, "/assign", version=7, worker=other)) == (409, "version-conflict")
    assert slug(await story.act(story.supervisor, "/assign", worker=story.worker_sub)) == (409, "same-worker")
    for wrong in ("", "dua kata", "x" * 101):
        assert (await story.act(story.supervisor, "/assign", worker=wrong)).status_code == 422
    answers = await asyncio.gather(*(story.act(story.supervisor, "/assign", worker=other) for _ in range(8)))
    assert sorted(one.status_code for one in answers) == [200] + [409] * 7


async def test_a_profile_is_kept_once_and_changed_by_who_knows_it(
    cases: Running, supervisor: httpx.AsyncClient
) -> None:
    worker = new_worker()
    path, body = f"/caseload/workers/{worker}", {"expected_version": 0, "area": "31.74.01"}
    answers = await asyncio.gather(*(supervisor.put(path, json=body) for _ in range(6)))
    assert sorted(one.status_code for one in answers) == [200] + [409] * 5
    assert (await supervisor.put(path, json=body | {"expected_version": 1, "capacity": 5})).json()["version"] == 2
    assert slug(await supervisor.put(path, json=body | {"expected_version": 1})) == (409, "version-conflict")
    assert (
        await supervisor.put(f"/caseload/workers/{new_worker()}", json=body | {"expected_version": 3})
    ).status_code == 404
    assert slug(await supervisor.put(path, json=body | {"area": "31.75"})) == (403, "outside-your-area")
    async with cases.client("supervisor", area="31.74.02", sub="n") as narrow:
        moved = await narrow.put(path, json=body | {"expected_version": 2, "area": "31.74.02"})
        assert slug(moved) == (403, "outside-your-area")
    for wrong in ({"capacity": -1}, {"specialities": ["3174015506900001"]}, {"speaks": ["\x00"]}, {"area": "Tebet"}):
        assert (await supervisor.put(path, json=body | wrong)).status_code == 422


async def test_who_stands_in_writes_in_old_and_new_cases_until_it_ends(
    story: Story, cases: Running, facts: Callable[..., Any]
) -> None:
    await story.open()
    other = new_worker()
    await known(story.supervisor, other)
    body = {"note": "Kunjungi", "due_on": NOW.date().isoformat()}
    task = (await story.worker.post(f"/cases/{story.case_id}/tasks", json=body)).json()
    cover = {"worker": story.worker_sub, "stand_in": other, "starts_at": (NOW - timedelta(hours=1)).isoformat()}
    cover |= {"ends_at": (NOW + timedelta(days=3)).isoformat()}
    async with cases.client("social_worker", sub=other) as stand_in:
        assert (await stand_in.get(f"/cases/{story.case_id}")).status_code == 403
        made = (await story.supervisor.post("/caseload/covers", json=cover)).json()
        assert (await stand_in.get(f"/cases/{story.case_id}")).json()["may_write"] is True
        (later,) = await put(cases, case(story.worker_sub, stage="identifikasi"))
        (far,) = await put(cases, case(story.worker_sub, area="31.75.01"))
        listed = {one["id"] for one in (await stand_in.get("/cases")).json()["items"]}
        assert listed == {story.case_id, later}
        assert [one["id"] for one in besides_duties((await stand_in.get("/tasks")).json()["items"])] == [task["id"]]
        noted = await stand_in.post(f"/cases/{later}/tasks", json=body)
        assert noted.status_code == 201, noted.text
        assert (await stand_in.get(f"/cases/{far}")).status_code == 403
        assert (await stand_in.post(f"/tasks/{task['id']}/finish", json={"expected_version": 1})).status_code == 200
        assert [one["id"] for one in (await story.supervisor.get("/caseload/covers")).json()["items"]].count(
            made["id"]
        ) == 1
        end = f"/caseload/covers/{made['id']}/end"
        async with cases.client("supervisor", area="31.74.01", sub="n") as narrow:
            assert (await narrow.post(end, json={"expected_version": 1})).status_code == 403
        assert slug(await story.supervisor.post(end, json={"expected_version": 9})) == (409, "version-conflict")
        assert (await story.supervisor.post(end, json={"expected_version": 1})).json()["state"] == "ended"
        assert slug(await story.supervisor.post(end, json={"expected_version": 2})) == (409, "cover-ended")
        assert slug(await stand_in.get(f"/cases/{story.case_id}")) == (403, "not-your-case")
        assert (await stand_in.get("/cases")).json()["items"] == []

    async def told() -> bool:
        return len(await facts("CASES", made["id"])) == 2

    await eventually(told)


async def test_a_cover_begins_and_ends_by_itself(story: Story, cases: Running) -> None:
    await story.open()
    other = new_worker()
    await known(story.supervisor, other)
    async with cases.client("social_worker", sub=other) as stand_in:
        for starts, ends in ((1, 2), (-1, 0.00002)):
            cover = {"worker": story.worker_sub, "stand_in": other}
            cover |= {"starts_at": (datetime.now(UTC) + timedelta(days=starts)).isoformat()}
            cover |= {"ends_at": (datetime.now(UTC) + timedelta(days=ends)).isoformat()}
            assert (await story.supervisor.post("/caseload/covers", json=cover)).status_code == 201

        async def shut() -> bool:
            return (await stand_in.get(f"/cases/{story.case_id}")).status_code == 403

        await eventually(shut)


async def test_a_cover_needs_two_people_of_the_office_and_dates_in_order(supervisor: httpx.AsyncClient) -> None:
    ann, bob = new_worker(), new_worker()
    await known(supervisor, ann, bob)
    starts, ends = NOW.isoformat(), (NOW + timedelta(days=3)).isoformat()
    good = {"worker": ann, "stand_in": bob, "starts_at": starts, "ends_at": ends}
    wrong = {
        "cover-of-oneself": {"stand_in": ann},
        "worker-unknown": {"stand_in": new_worker()},
        "cover-dates-wrong": {"ends_at": (NOW - timedelta(days=3)).isoformat()},
        "request-not-valid": {"starts_at": "besok"},
    }
    for reason, other in wrong.items():
        assert slug(await supervisor.post("/caseload/covers", json=good | other)) == (422, reason)


async def test_the_workbook_holds_numbers_areas_and_stages_and_is_written_down(cases: Running) -> None:
    agency, worker = f"d{random.randrange(10**8)}", new_worker()
    ids = await put(cases, *(case(worker, agency=agency, stage="asesmen") for _ in range(3)))
    async with cases.client("supervisor", agency, sub="s") as client:
        answer = await client.get("/caseload/export.xlsx")
        assert (await client.get("/caseload/export.xlsx", params={"area": "31.75"})).status_code == 403
    book = CalamineWorkbook.from_filelike(BytesIO(answer.content))
    rows = book.get_sheet_by_name("Kasus").to_python()
    assert {row[0] for row in rows[1:]} == {one[-8:].upper() for one in ids}
    assert [row[2] for row in rows] == ["Tahap", "asesmen", "asesmen", "asesmen"]
    assert book.get_sheet_by_name("Per pekerja sosial").to_python()[1][:2] == [worker, 3]
    async with cases.client("auditor", agency) as auditor:
        trail = (await auditor.get("/audit", params={"subject_kind": "case", "subject_id": ids[0]})).json()["items"]
    assert [one["action"] for one in trail] == ["caseload.export"]
