"""P11, the board: `GET /facilities` of services/cases as `main.py` runs it, FACILITIES facilities with BEDS beds,
against its bare SQL; then the same with CASES rows in the table of cases, which must not slow it.

The bare side sends the page's two statements by asyncpg, in one transaction. Both are asked in turn for every page.
"""

import asyncio
import json
import os
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import closing, contextmanager
from typing import Any

import asyncpg

from bench.outcome import Outcome, percentile, show
from bench.p3 import ROOT, _running
from bench.stage import Stage
from services.cases import placement_queries
from sinergi_operator.processes import free_port
from tests.harness.issuer import Issuer

FACILITIES = 200
BEDS = 10_000
CASES = int(os.environ.get("SINERGI_BENCH_CASES", "250000"))
WAITING = 2_000
SIZE = 20
ROUNDS = 3
TURNS = 20  # of all pages in a round
WARM_UP = 3
#: with CASES rows against none
GOAL = 1.5

WHERE: tuple[str | None, ...] = (None, None, None, None)  # kind, area, below, sex: all facilities
_PLACES = {":kind": "$1", ":area": "$2", ":below": "$3", ":sex": "$4", ":size": "$5", ":skip": "$6"}


def _numbered(statement: Any) -> str:
    """The statement of the query itself, as asyncpg takes it."""
    sql = str(statement)
    for name, place in _PLACES.items():
        sql = sql.replace(name, f"CAST({place} AS {'bigint' if place > '$4' else 'text'})")
    return sql


TOTAL, BOARD = _numbered(placement_queries.TOTAL), _numbered(placement_queries.BOARD)

FILL = (
    """INSERT INTO facilities SELECT gen_random_uuid(), 1, 'dinsos', 'panti-' || n, 'Panti ' || n,
         (ARRAY['elderly', 'children', 'shelter'])[n % 3 + 1], (11 + n % 34) || '.71',
         ARRAY[(11 + n % 34)::text], ARRAY['m', 'f'], 0, 150, '{{}}', true
       FROM generate_series(1, {facilities}) AS n""",
    """INSERT INTO beds SELECT gen_random_uuid(), f.id, n::text, (ARRAY['m', 'f', 'any'])[n % 3 + 1], 'regular',
         CASE n % 9 WHEN 0 THEN 'out_of_service' ELSE 'free' END, false, NULL, NULL, ''
       FROM facilities f, generate_series(1, {beds}) AS n""",
    "INSERT INTO bed_counts SELECT facility_id, sex, state, count(*) FROM beds GROUP BY 1, 2, 3",
    """INSERT INTO waiting_counts SELECT kind, 'regular', sex, (11 + n) || '.71', {waiting} / 200
       FROM unnest(ARRAY['elderly', 'children', 'shelter']) kind, unnest(ARRAY['m', 'f']) sex,
         generate_series(0, 33) n""",
)
MANY_CASES = """INSERT INTO cases (id, version, agency, area, worker, supervisor, client_kind, client_id, way_in, stage)
    SELECT gen_random_uuid(), 1, 'dinsos', (11 + n % 34) || '.71', 'worker-' || n % 500, '', 'person',
      gen_random_uuid(), 'registry', 'identifikasi' FROM generate_series(1, CASES) AS n""".replace("CASES", str(CASES))
INDEXES = """SELECT indexname, indexdef FROM pg_indexes
    WHERE schemaname = current_schema() AND tablename = 'cases' AND indexname <> 'cases_pkey'"""


def run(stage: Stage) -> Outcome:
    """Fill, measure, add the cases, measure again."""
    show(f"P11: the board of {FACILITIES} facilities with {BEDS:,} beds, without and with {CASES:,} cases")
    url = stage.settings("cases")["database_url"]
    migration = [sys.executable, "-m", "services.cases.main", "migrate"]
    subprocess.run(migration, cwd=ROOT, env=stage.environment("cases"), check=True, timeout=60)
    values = {"facilities": FACILITIES, "beds": BEDS // FACILITIES, "waiting": WAITING}
    asyncio.run(_execute(url, *(one.format(**values) for one in FILL), "ANALYZE"))
    with serving(stage) as (port, token):
        alone = asyncio.run(_measure(url, port, token))
        began = time.monotonic()
        asyncio.run(_add_cases(url))
        show(f"  {CASES:,} cases after {time.monotonic() - began:.0f} s")
        among = asyncio.run(_measure(url, port, token))
    ratio = among["ours_p99_ms"] / alone["ours_p99_ms"]
    return Outcome("P11", ratio, GOAL, at_most=True, figures={"alone": alone, "among_cases": among})


@contextmanager
def serving(stage: Stage) -> Iterator[tuple[int, str]]:
    """The service as its main.py runs it: its port, and a worker's token."""
    port = free_port()
    with closing(Issuer()) as issuer:
        settings = stage.environment("cases", SINERGI_PORT=str(port), SINERGI_ISSUER=issuer.url)
        with _running(stage, "services.cases.main", port, settings, "/healthz"):
            yield port, issuer.token(sinergi_role="social_worker", sinergi_area="31.74", exp=int(time.time()) + 3600)


async def _execute(url: str, *statements: str) -> None:
    connection = await asyncpg.connect(url)
    for statement in statements:
        await connection.execute(statement)
    await connection.close()


async def _add_cases(url: str) -> None:
    """The rows first, their indexes after: a third of the time."""
    connection = await asyncpg.connect(url)
    indexes = await connection.fetch(INDEXES)
    await connection.execute(";".join(f"DROP INDEX {one['indexname']}" for one in indexes))
    await connection.execute(MANY_CASES, timeout=300)
    await connection.execute(";".join([*(one["indexdef"] for one in indexes), "ANALYZE cases"]), timeout=300)
    await connection.close()


async def _measure(url: str, port: int, token: str) -> dict[str, float]:
    connection = await asyncpg.connect(url)
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    head = f" HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {token}\r\n\r\n"

    async def ours(page: int) -> int:
        writer.write(f"GET /facilities?page={page}&size={SIZE}{head}".encode())
        answer = await reader.readuntil(b"\r\n\r\n")
        length = next(line for line in answer.lower().split(b"\r\n") if line.startswith(b"content-length:"))
        return len(json.loads(await reader.readexactly(int(length.split(b":")[1])))["items"])

    async def bare(page: int) -> int:
        async with connection.transaction():
            await connection.fetchval(TOTAL, *WHERE)
            return len(await connection.fetch(BOARD, *WHERE, SIZE, (page - 1) * SIZE))

    rounds = [(await _times(bare), await _times(ours)) for _ in range(ROUNDS)]
    writer.close()
    await connection.close()
    return _told({side: [one[n] for one in rounds] for n, side in enumerate(("bare", "ours"))})


async def _times(ask: Callable[[int], Awaitable[int]]) -> list[float]:
    times = []
    for turn in range(TURNS):
        for page in range(1, FACILITIES // SIZE + 1):
            began = time.perf_counter()
            assert await ask(page) == SIZE
            if turn >= WARM_UP:
                times.append((time.perf_counter() - began) * 1000)
    return times


def _told(rounds: dict[str, list[list[float]]]) -> dict[str, float]:
    """The best of the rounds at each percentile: what else the machine does is not the board's."""
    figures = {
        f"{side}_p{at}_ms": min(percentile(times, at) for times in those)
        for side, those in rounds.items()
        for at in (50, 99)
    }
    ratio = figures["ours_p99_ms"] / figures["bare_p99_ms"]
    ours, bare = (_said(figures, one) for one in ("ours", "bare"))
    show(f"  bare {bare}; ours {ours}; p99 ratio {ratio:.2f}")
    return {name: round(value, 3) for name, value in figures.items()} | {"ratio_to_bare_p99": ratio}


def _said(figures: dict[str, float], side: str) -> str:
    return f"p50 {figures[f'{side}_p50_ms']:.2f} ms, p99 {figures[f'{side}_p99_ms']:.2f} ms"
