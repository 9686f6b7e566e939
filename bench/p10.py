"""P10, caseload: a supervisor's pages over an office of 50,000 open cases, in a table of 50,000 and of CASES.

The bare side sends the very statements that the service sends (recorded once from its own queries), by one asyncpg
connection: no HTTP, no token, no objects. Both take turns.
"""

import asyncio
import os
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import closing, contextmanager
from typing import Any

import asyncpg
from sqlalchemy import event

from bench.outcome import Outcome, percentile, show
from bench.p3 import ROOT, _running
from bench.registry_service import Client, Door
from bench.stage import Stage
from services.cases.case_list import ListCases, list_cases
from services.cases.caseload import ReadCaseload, read_caseload
from sinergi.auth import Actor
from sinergi.db import Database, Tx, new_id
from sinergi.permissions import Role
from sinergi.settings import Settings
from sinergi_operator.processes import free_port
from tests.harness.issuer import Issuer

GOAL, GOAL_GROWTH = 2.0, 1.5
OFFICE, AREA = "dinsos", "31.74"
OPEN = 50_000
CASES = int(os.environ.get("SINERGI_BENCH_CASES", "250000"))
QUESTIONS, WARM_UP = 200, 20

Query = Callable[[Actor, Tx], Awaitable[Any]]
#: page -> its address, and the query behind it
PAGES: dict[str, tuple[str, Query]] = {
    "first page": ("/cases", lambda who, tx: list_cases(ListCases(), who, tx)),
    "filtered page": (
        "/cases?stage=intervensi&risk=high&sort=touched",
        lambda who, tx: list_cases(ListCases.model_validate(_FILTERS), who, tx),
    ),
    "caseload": ("/caseload", lambda who, tx: read_caseload(ReadCaseload(), who, tx)),
}
_FILTERS = {"stage": "intervensi", "risk": "high", "sort": "touched"}

#: 200 workers and 50 kelurahan an office, 250 open cases a worker, each worker in two kelurahan
_FILL = """
    INSERT INTO cases (id, version, agency, area, worker, supervisor, client_kind, client_id, way_in, stage, risk,
                       opened_at, touched_at)
    SELECT uuidv7(), 1, CASE n / 50000 WHEN 0 THEN 'dinsos' ELSE 'office-' || n / 50000 END,
      '31.74.' || lpad((1 + n % 200 / 40)::text, 2, '0') || '.' || 1001 + (n % 200 / 20 + n / 200 % 2) % 10,
      'worker-' || n % 200, '', 'person', gen_random_uuid(), 'registry',
      (ARRAY['identifikasi', 'asesmen', 'rencana', 'intervensi', 'pemberdayaan', 'terminasi'])[1 + n * 7 % 6],
      (ARRAY[NULL, 'low', 'medium', 'high', 'life'])[1 + n * 11 / 7 % 5],
      now() - n % 700 * interval '1 day', now() - n * 13 % 400 * interval '1 day'
    FROM generate_series($1::integer, $2::integer - 1) AS n"""
_COUNT = """
    TRUNCATE case_counts;
    INSERT INTO case_counts (agency, area, worker, folded, cases, risk_none, risk_low, risk_medium, risk_high,
      risk_life, stage_identifikasi, stage_asesmen, stage_rencana, stage_intervensi, stage_pemberdayaan,
      stage_terminasi,      client_person, client_household, client_group, client_unknown)
    SELECT agency, area, worker, true, count(*), count(*) FILTER (WHERE risk IS NULL),
      count(*) FILTER (WHERE risk = 'low'), count(*) FILTER (WHERE risk = 'medium'),
      count(*) FILTER (WHERE risk = 'high'), count(*) FILTER (WHERE risk = 'life'),
      count(*) FILTER (WHERE stage = 'identifikasi'), count(*) FILTER (WHERE stage = 'asesmen'),
      count(*) FILTER (WHERE stage = 'rencana'), count(*) FILTER (WHERE stage = 'intervensi'),
      count(*) FILTER (WHERE stage = 'pemberdayaan'), count(*) FILTER (WHERE stage = 'terminasi'), count(*), 0, 0, 0
    FROM cases WHERE closed_at IS NULL GROUP BY agency, area, worker"""
#: every fifth case has a task, a tenth of them overdue; a third of the plans wait
_PARTS = (
    """INSERT INTO tasks (id, version, case_id, agency, area, worker, kind, reason, note, due_on, overdue_since)
       SELECT uuidv7(), 1, id, agency, area, worker, 'by-hand', 'by-hand', '', current_date + (n % 90)::integer - 9,
         CASE WHEN n % 10 = 0 THEN now() END
       FROM (SELECT *, row_number() OVER () AS n FROM cases c
             WHERE NOT EXISTS (SELECT 1 FROM tasks WHERE case_id = c.id)) AS new WHERE n % 5 = 0""",
    """INSERT INTO plans (id, case_id, number, state, content, comment, submitted_at)
       SELECT uuidv7(), id, 1, CASE WHEN n % 3 = 0 THEN 'submitted' ELSE 'draft' END, '{}', '',
         CASE WHEN n % 3 = 0 THEN now() END
       FROM (SELECT id, row_number() OVER () AS n FROM cases WHERE stage = 'rencana'
             AND NOT EXISTS (SELECT 1 FROM plans WHERE case_id = cases.id)) AS new""",
)


def run(stage: Stage) -> Outcome:
    """The office alone first, then among others."""
    show(f"P10: an office of {OPEN:,} open cases, alone and among {CASES:,}; {QUESTIONS} questions of each page")
    migration = [sys.executable, "-m", "services.cases.main", "migrate"]
    subprocess.run(migration, cwd=ROOT, env=stage.environment("cases"), check=True, timeout=60)
    stage.provision()
    small, large = _measured(stage, 0, OPEN), _measured(stage, OPEN, CASES)
    ratio = max(one["ratio"] for one in large.values())
    growth = max(large[page]["p99_ms"] / small[page]["p99_ms"] for page in PAGES)
    verdict = "kept" if round(growth, 2) <= GOAL_GROWTH else "broken"
    show(f"  growth of the p99 at worst {growth:.2f}, promised {GOAL_GROWTH:.2f}: {verdict}")
    figures = {"small": small, "large": large, "growth": round(growth, 2)}
    return Outcome("P10", ratio, GOAL, at_most=True, figures=figures)


def _measured(stage: Stage, first: int, end: int) -> dict[str, dict[str, float]]:
    url, began = stage.settings("cases")["database_url"], time.monotonic()
    asyncio.run(_fill(url, first, end))
    show(f"  {end:,} cases in the table after {time.monotonic() - began:.0f} s")
    with _serving(stage) as door:
        return asyncio.run(_ask(stage, url, door))


async def _fill(url: str, first: int, end: int) -> None:
    connection = await asyncpg.connect(url)
    await connection.execute("ALTER TABLE cases DISABLE TRIGGER USER")
    await connection.execute(_FILL.replace("$1", str(first)).replace("$2", str(end)))
    for statement in (*_PARTS, _COUNT, "ALTER TABLE cases ENABLE TRIGGER USER"):
        await connection.execute(statement)
    await connection.execute("VACUUM ANALYZE")
    await connection.close()


@contextmanager
def _serving(stage: Stage) -> Iterator[Door]:
    port = free_port()
    with closing(Issuer()) as issuer:
        settings = stage.environment("cases", SINERGI_PORT=str(port), SINERGI_ISSUER=issuer.url)
        with _running(stage, "services.cases.main", port, settings, "/healthz"):
            who = {"sinergi_role": "supervisor", "sinergi_agency": OFFICE, "sinergi_area": AREA}
            yield Door(port, issuer.token(**who, exp=int(time.time()) + 3600))


async def _ask(stage: Stage, url: str, door: Door) -> dict[str, dict[str, float]]:
    connection, client = await asyncpg.connect(url), await Client.at(door)
    db = Database(Settings(**stage.settings("cases")), "cases")
    figures = {page: await _page(page, await _recorded(db, PAGES[page][1]), connection, client) for page in PAGES}
    client.close()
    await connection.close()
    await db.close()
    return figures


async def _recorded(db: Database, query: Query) -> list[tuple[str, Any, bool]]:
    """What the query sends: statement, values, and whether they are many."""
    sent: list[tuple[str, Any, bool]] = []

    def keep(conn: Any, cursor: Any, statement: str, values: Any, context: Any, many: bool) -> None:
        sent.append((statement, values, many))

    who = Actor("bench", Role.SUPERVISOR, OFFICE, AREA)
    event.listen(db.engine.sync_engine, "before_cursor_execute", keep)
    async with db.begin(who) as tx:
        await query(who, tx)
    event.remove(db.engine.sync_engine, "before_cursor_execute", keep)
    return sent


async def _send(connection: "asyncpg.Connection[Any]", statements: list[tuple[str, Any, bool]]) -> None:
    async with connection.transaction():
        for statement, values, many in statements:
            if many:  # the audit's rows, each with an id of its own
                await connection.executemany(statement, [(new_id(), *row[1:]) for row in values])
            else:
                await connection.fetch(statement, *values)


async def _page(
    page: str, statements: list[tuple[str, Any, bool]], connection: "asyncpg.Connection[Any]", client: Client
) -> dict[str, float]:
    times: dict[str, list[float]] = {"bare": [], "ours": []}
    asked: dict[str, Callable[[], Awaitable[Any]]] = {
        "bare": lambda: _send(connection, statements),
        "ours": lambda: client.get(PAGES[page][0]),
    }
    for number in range(WARM_UP + QUESTIONS):
        for side in ("bare", "ours") if number % 2 else ("ours", "bare"):
            began = time.perf_counter()
            await asked[side]()
            if number >= WARM_UP:
                times[side].append((time.perf_counter() - began) * 1000)
    found = {f"{side}_p{at}_ms": percentile(times[side], at) for side in times for at in (50, 99)}
    ratio = found["ours_p99_ms"] / found["bare_p99_ms"]
    show(
        f"    {page}: p50 {found['ours_p50_ms']:.1f} ms (bare {found['bare_p50_ms']:.1f}),"
        f" p99 {found['ours_p99_ms']:.1f} ms (bare {found['bare_p99_ms']:.1f}), ratio {ratio:.2f}"
    )
    rounded = {name: round(value, 2) for name, value in found.items()}
    return rounded | {"p99_ms": found["ours_p99_ms"], "ratio": ratio}
