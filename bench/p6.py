"""P6, import: two lists from file to matched and searchable people, against COPY of the same rows and the match alone.

The service runs as its own main.py does, with the process that reads lists. Each list is laid where an upload leaves
it, and counts until its import is completed. Bare is the COPY of the very same records into a table with the same
indexes and foreign keys, plus the engine's matching of the two files. Then a late list is read, and meanwhile, as
during the second list, the search is asked: its p99 against the idle service's.
"""

import asyncio
import hashlib
import os
import shutil
import time
from contextlib import suppress
from pathlib import Path
from typing import Any
from uuid import UUID

import asyncpg

from bench import p7
from bench.linkage_runs import run as run_alone
from bench.outcome import Outcome, percentile, show
from bench.registry_people import AREA, make_lists, questions
from bench.registry_service import Client, Door, prepare, serving
from bench.stage import Stage
from services.registry.seal import Seal
from sinergi.db import new_id

PEOPLE = int(os.environ.get("SINERGI_BENCH_PEOPLE", "100000"))
GOAL = 3.0
LATE_ROWS = 10_000
LATE_GOAL = 5000
ANSWERS_GOAL = 2.0
#: seconds between two questions: people ask while a list is read, but they do not fight it for the processors
PAUSE = 0.05
QUESTIONS = 200
KIND = "name + kecamatan + year"

_QUEUE = """
    INSERT INTO imports (id, version, source, filename, sha256, area, uploaded_by, list_date, state, cursor_row,
                         rows_read, rows_good, rows_bad, persons_new, persons_matched)
    VALUES ($1, 0, $2, $3, $4, $5, 'bench', current_date, 'queued', 1, 0, 0, 0, 0, 0)"""
_BARE = """
    CREATE TABLE bare (LIKE records INCLUDING ALL);
    ALTER TABLE bare ADD FOREIGN KEY (person_id) REFERENCES persons (id) DEFERRABLE INITIALLY DEFERRED,
                     ADD FOREIGN KEY (import_id) REFERENCES imports (id)"""


def run(stage: Stage) -> Outcome:
    """Import the ministry's list, then the city's but for a late part, then that; then measure the bare side."""
    show(f"P6: two lists of {PEOPLE:,} people from file to searchable")
    lists, seal = make_lists(stage.folder / "lists", PEOPLE), prepare(stage)
    files = _split(lists, min(LATE_ROWS, PEOPLE // 10))
    with serving(stage, AREA) as door:
        seconds, answers = asyncio.run(_ours(stage, door, seal, files, lists))
    bare = asyncio.run(_copied(stage)) | {"match": run_alone("ours", lists).seconds}
    return _told(seconds, bare, answers)


def _told(seconds: dict[str, float], bare: dict[str, float], answers: dict[str, float]) -> Outcome:
    rate = seconds.pop("late rows") / seconds["late"]
    for side, times in (("ours", seconds), ("bare", bare)):
        show(f"  {side}: " + ", ".join(f"{name} {value:.1f} s" for name, value in times.items()))
    show(f"  the late list: {rate:,.0f} rows/s (goal >= {LATE_GOAL:,})")
    slower = answers["importing"] / answers["idle"]
    show(
        f"  search p99: idle {answers['idle']:.1f} ms, during an import {answers['importing']:.1f} ms "
        f"({slower:.2f}, goal <= {ANSWERS_GOAL})"
    )
    ratio = (seconds["ministry"] + seconds["city"]) / sum(bare.values())
    figures = {"people": PEOPLE, "seconds": seconds, "bare": bare, "late_rows_per_second": rate, "p99_ms": answers}
    return Outcome("P6", ratio, GOAL, at_most=True, figures=figures)


def _split(lists: Path, late: int) -> dict[str, Path]:
    """The city's last rows become a list of their own."""
    city, early, rest = lists / "daftar-kota.csv", lists / "kota-awal.csv", lists / "kota-susulan.csv"
    lines = city.read_bytes().splitlines(keepends=True)
    early.write_bytes(b"".join(lines[:-late]))
    rest.write_bytes(b"".join([lines[0], *lines[-late:]]))
    return {"ministry": lists / "daftar-kementerian.csv", "city": early, "late": rest}


async def _ours(
    stage: Stage, door: Door, seal: Seal, files: dict[str, Path], lists: Path
) -> tuple[dict[str, float], dict[str, float]]:
    """Seconds of each list, and p99 of the search in milliseconds, idle and during the city's import."""
    url = stage.settings("registry")["database_url"]
    connection = await asyncpg.connect(url)
    seconds = {"ministry": await _import(stage, connection, "ministry", files["ministry"])}
    everything = questions(lists, 4 * QUESTIONS)
    known = await p7.ids_of(connection, seal, everything)
    bodies = [p7.wanted(KIND, one) for one in p7.asked(KIND, [one for one in everything if one.nik in known])]
    client = await Client.at(door)
    await _ask(client, bodies[:50], 0)
    answers = {"idle": percentile(await _ask(client, bodies[:QUESTIONS], PAUSE), 99)}
    asking = asyncio.create_task(_ask_on(client, bodies))
    seconds["city"] = await _import(stage, connection, "city", files["city"])
    asking.cancel()
    answers["importing"] = percentile(await asking, 99)
    seconds["late"] = await _import(stage, connection, "city", files["late"])
    seconds["late rows"] = await connection.fetchval("SELECT rows_read FROM imports ORDER BY id DESC LIMIT 1")
    client.close()
    await connection.close()
    return seconds, answers


async def _import(stage: Stage, connection: "asyncpg.Connection[Any]", source: str, file: Path) -> float:
    """Hand the list in as an upload does, and wait for its end; seconds."""
    import_id: UUID = new_id()
    folder = stage.folder / "files"
    folder.mkdir(exist_ok=True, mode=0o700)
    shutil.copy(file, folder / str(import_id))
    digest = hashlib.sha256(str(import_id).encode()).hexdigest()  # no two lists of the bench are one
    began = time.monotonic()
    await connection.execute(_QUEUE, import_id, source, file.name, digest, AREA)
    while (state := await connection.fetchval("SELECT state FROM imports WHERE id = $1", import_id)) != "completed":
        if state == "failed":
            raise RuntimeError(f"the import of {file.name} failed")
        await asyncio.sleep(0.02)
    took = time.monotonic() - began
    show(f"  {file.name}: {took:.1f} s")
    return took


async def _ask_on(client: Client, bodies: list[dict[str, Any]]) -> list[float]:
    """Ask again and again until cancelled; milliseconds of each answer."""
    times: list[float] = []
    with suppress(asyncio.CancelledError):
        while True:
            times += await _ask(client, bodies[len(times) % len(bodies) :][:1], PAUSE)
    return times


async def _ask(client: Client, bodies: list[dict[str, Any]], pause: float) -> list[float]:
    times = []
    for body in bodies:
        began = time.perf_counter()
        await client.post("/persons/search", body)
        times.append((time.perf_counter() - began) * 1000)
        await asyncio.sleep(pause)
    return times


async def _copied(stage: Stage) -> dict[str, float]:
    """Seconds of COPY of the records of the two large lists, into a table like theirs."""
    connection = await asyncpg.connect(stage.settings("registry")["database_url"])
    await connection.execute(_BARE)
    seconds = {}
    file = stage.folder / "records.bin"
    imports = await connection.fetch("SELECT id, source FROM imports ORDER BY id LIMIT 2")
    for import_id, source in imports:
        query = "SELECT * FROM records WHERE import_id = $1 ORDER BY row"
        await connection.copy_from_query(query, import_id, output=file, format="binary", timeout=600)
        began = time.monotonic()
        await connection.copy_to_table("bare", source=file, format="binary", timeout=600)
        seconds[f"copy {source}"] = time.monotonic() - began
    await connection.close()
    return seconds
