"""The list of cases: every filter and order, page after page without a gap, and never a step too deep."""

import random
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import httpx2 as httpx
import pytest

from services.cases.tasks import add_task
from sinergi.db import new_id
from tests.cases.caseloads import case, new_worker, put, slug
from tests.harness.stack import Running

AGENCY = f"l{random.randrange(10**8)}"
NOW = datetime.now(UTC)
ANN, BOB = new_worker(), new_worker()


@pytest.fixture(scope="module")
async def rows(cases: Running) -> dict[str, Any]:
    """Forty cases of two workers; the tenth have a task that is due, two of those overdue."""
    made = [
        case(
            ANN if number % 2 else BOB,
            agency=AGENCY,
            area=f"31.74.0{1 + number % 3}",
            stage="asesmen" if number % 4 else "rencana",
            risk=("life", "high", None, "medium", "low")[number % 5],
            opened_at=NOW - timedelta(days=number),
            touched_at=NOW - timedelta(hours=number * 7 % 40),
        )
        for number in range(40)
    ]
    await put(cases, *made)
    async with cases.context.db.begin() as tx:
        for number in (0, 10, 20, 30):
            for later in (3, 1):
                due = (NOW + timedelta(days=number + later)).date()
                task = await add_task(tx, case=made[number], kind="by-hand", due_on=due)
            task.overdue_since = NOW if number < 20 else None
    return {str(one.id): one for one in made}


@pytest.fixture
async def supervisor(cases: Running, rows: dict[str, Any]) -> AsyncIterator[httpx.AsyncClient]:
    async with cases.client("supervisor", AGENCY, sub="s") as client:
        yield client


async def pages(client: httpx.AsyncClient, **asked: Any) -> list[dict[str, Any]]:
    """All items, seven at a time."""
    items: list[dict[str, Any]] = []
    after: str | None = None
    while True:
        params = {"size": 7} | asked | ({"after": after} if after else {})
        found = (await client.get("/cases", params=params)).json()
        items += found["items"]
        after = found["next"]
        if after is None:
            return items


async def test_pages_follow_each_other_without_gap_or_repetition(
    supervisor: httpx.AsyncClient, rows: dict[str, Any]
) -> None:
    by_risk = await pages(supervisor)
    rank = {"life": 4, "high": 3, None: 2, "medium": 1, "low": 0}
    expected = sorted(rows.values(), key=lambda one: (rank[one.risk], one.opened_at), reverse=True)
    assert [one["id"] for one in by_risk] == [str(one.id) for one in expected]
    touched = await pages(supervisor, sort="touched")
    assert len(touched) == 40
    assert [one["touched_at"] for one in touched] == sorted(one["touched_at"] for one in touched)
    due = await pages(supervisor, sort="due", size=1)
    assert [one["next_due_on"] for one in due] == [
        (NOW + timedelta(days=days + 1)).date().isoformat() for days in (0, 10, 20, 30)
    ]
    assert [one["overdue"] for one in due] == [True, True, False, False]


@pytest.mark.parametrize(
    ("asked", "fits"),
    [
        ({"stage": "rencana"}, lambda one: one.stage == "rencana"),
        ({"risk": "none"}, lambda one: one.risk is None),
        ({"risk": "life", "worker": ANN}, lambda one: (one.risk, one.worker) == ("life", ANN)),
        ({"area": "31.74.02"}, lambda one: one.area == "31.74.02"),
        ({"opened_to": (NOW - timedelta(days=20)).date().isoformat()}, lambda one: one.opened_at < NOW - timedelta(19)),
        ({"worker": "-"}, lambda one: False),
        ({"closed": True}, lambda one: False),
    ],
)
async def test_each_filter_lets_through_what_fits(
    supervisor: httpx.AsyncClient, rows: dict[str, Any], asked: dict[str, Any], fits: Any
) -> None:
    found = {one["id"] for one in await pages(supervisor, **asked)}
    expected = {key for key, one in rows.items() if fits(one)}
    if "opened_to" in asked:  # a day begins at another hour here
        assert expected - found == set()
        assert len(found - expected) <= 2
    else:
        assert found == expected


async def test_overdue_cases_and_a_short_number_are_found(supervisor: httpx.AsyncClient, rows: dict[str, Any]) -> None:
    assert {one["overdue"] for one in await pages(supervisor, overdue=True)} == {True}
    assert {one["overdue"] for one in await pages(supervisor, overdue=True, sort="due")} == {True}
    too_late = await supervisor.get("/cases", params={"opened_to": "9999-12-31"})
    assert (too_late.status_code, too_late.json()["type"]) == (422, "urn:sinergi:problem:request-not-valid")
    assert len(await pages(supervisor, overdue=True)) == 2
    wanted = random.choice(list(rows))
    found = (await supervisor.get("/cases", params={"q": wanted[-8:].upper()})).json()["items"]
    assert [one["id"] for one in found] == [wanted]


async def test_another_office_finds_no_case_by_its_number(cases: Running, rows: dict[str, Any]) -> None:
    async with cases.client("supervisor", "dinkes", sub="s") as other:
        assert (await other.get("/cases", params={"q": next(iter(rows))[-8:]})).json()["items"] == []


async def test_a_broken_cursor_and_a_page_too_deep_are_refused(supervisor: httpx.AsyncClient) -> None:
    after = (await supervisor.get("/cases", params={"size": 5})).json()["next"]
    for wrong in ("abc", "W10=", "bnVsbA==", after[:-8]):
        assert slug(await supervisor.get("/cases", params={"after": wrong})) == (422, "cursor-not-valid")
    other = await supervisor.get("/cases", params={"after": after, "sort": "touched"})
    assert slug(other) == (422, "cursor-not-valid")
    assert slug(await supervisor.get("/cases", params={"page": 100_000})) == (422, "page-too-deep")


async def test_a_total_is_counted_up_to_a_bound(cases: Running, monkeypatch: pytest.MonkeyPatch, rows: Any) -> None:
    monkeypatch.setattr("services.cases.case_list.COUNTED", 25)
    async with cases.client("supervisor", AGENCY, sub="s") as client:
        found = (await client.get("/cases", params={"size": 5})).json()
        assert (found["total"], found["more"]) == (25, True)
        few = (await client.get("/cases", params={"size": 5, "risk": "life"})).json()
        assert (few["total"], few["more"]) == (8, False)


async def test_what_is_listed_is_written_down(cases: Running, supervisor: httpx.AsyncClient) -> None:
    case_id = new_id()
    await put(cases, case(ANN, id=case_id, agency=AGENCY, risk="life", opened_at=NOW + timedelta(days=1)))
    listed = (await supervisor.get("/cases", params={"size": 1})).json()["items"]
    assert UUID(listed[0]["id"]) == case_id
    async with cases.client("auditor", AGENCY) as auditor:
        trail = (await auditor.get("/audit", params={"subject_kind": "case", "subject_id": str(case_id)})).json()
    assert [one["action"] for one in trail["items"]] == ["case.list"]
