"""An import that is interrupted goes on where it was: nothing lost, nothing twice."""

import asyncio
import os
import signal
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

import asyncpg
import httpx2 as httpx
import psutil
import pytest
from sqlalchemy import text

from services.registry import applying, imports
from services.registry.applying import put_batch
from sinergi_operator.processes import free_port, living
from sinergi_operator.samples import generate
from tests.harness.stack import Running, Stack, eventually

#: a process takes its time to start on a machine that does much beside this
pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

#: makes many batches (tests.registry.small_batches), and each stage lasts long enough to be caught in it
PEOPLE = 5_000
_seeds = count(101)

ROOT = Path(__file__).parents[2]
RunService = Callable[..., AbstractAsyncContextManager[Running]]
Facts = Callable[..., Awaitable[list[tuple[str, dict[str, Any]]]]]

_WHOLE = text(
    """SELECT count(*) AS records, count(DISTINCT r.row) AS rows, min(r.row) AS first, max(r.row) AS last,
         count(DISTINCT r.person_id) FILTER (WHERE r.link = 'new') AS made
       FROM records r JOIN persons p ON p.id = r.person_id WHERE r.import_id = CAST(:id AS uuid)"""
)
_RAW_ROWS = text("SELECT sum(last_row - first_row + 1) FROM raw_pages WHERE import_id = CAST(:id AS uuid)")


@pytest.fixture
def a_list(tmp_path: Path) -> bytes:
    """A list without any mistake, long enough for several batches, of people whom no other list names."""
    return generate(tmp_path, PEOPLE, next(_seeds), errors=(0, 0), broken_share=0).ministry.read_bytes()


async def upload(client: httpx.AsyncClient, content: bytes) -> str:
    answer = await client.post("/imports", data={"source": "ministry"}, files={"file": ("list.csv", content)})
    assert answer.status_code == 202, answer.text
    return str(answer.json()["id"])


async def state(client: httpx.AsyncClient, import_id: str) -> dict[str, Any]:
    found: dict[str, Any] = (await client.get(f"/imports/{import_id}")).json()
    return found


async def completed(client: httpx.AsyncClient, import_id: str) -> dict[str, Any]:
    async def found() -> dict[str, Any] | None:
        now = await state(client, import_id)
        return now if now["state"] in ("completed", "failed") else None

    done: dict[str, Any] = await eventually(found, timeout=180)
    assert done["state"] == "completed", done
    return done


async def assert_whole(running: Running, import_id: str, content: bytes) -> None:
    rows = content.count(b"\n") - 1
    async with running.client("operator") as client:
        done = await completed(client, import_id)
    async with running.context.db.begin() as tx:
        found = (await tx.session.execute(_WHOLE, {"id": import_id})).one()
        raw = await tx.session.scalar(_RAW_ROWS, {"id": import_id})
    assert tuple(found) == (rows, rows, 2, rows + 1, done["persons_new"])
    assert raw == rows
    assert (done["rows_read"], done["rows_good"]) == (rows, rows)
    assert done["persons_new"] + done["persons_matched"] == rows
    await eventually(lambda: _no_file_is_left(running, import_id), timeout=30)


def assert_told_once(told: list[tuple[str, dict[str, Any]]]) -> None:
    kinds = [kind for kind, _ in told]
    assert kinds.count("sinergi.import.completed.v1") == 1
    assert kinds[-1] == "sinergi.import.completed.v1"
    changed = [person for kind, body in told if "persons_changed" in kind for person in body["persons"]]
    assert len(changed) <= told[-1][1]["persons_changed"]


@dataclass
class Service:
    """The registry as a process of its own, with the process that reads lists."""

    process: psutil.Process
    client: httpx.AsyncClient

    async def worker(self, *, after: int = 0) -> psutil.Process:
        """The process that reads lists, another one than `after`."""

        async def found() -> psutil.Process | None:
            children = living(self.process.children())
            return next((one for one in children if one.pid != after and "worker" in " ".join(one.cmdline())), None)

        running: psutil.Process = await eventually(found, timeout=60)
        return running


@asynccontextmanager
async def service(stack: Stack) -> AsyncIterator[Service]:
    port = free_port()
    environment = os.environ | stack.environment("registry", SINERGI_PORT=str(port), SINERGI_IMPORT_PROCESS="true")
    command = [sys.executable, "-m", "tests.registry.small_batches"]
    headers = {"Authorization": f"Bearer {stack.issuer.token(sinergi_role='operator')}"}
    process = await asyncio.create_subprocess_exec(*command, env=environment, cwd=ROOT)
    try:
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", headers=headers, timeout=30) as client:
            await eventually(lambda: _answers(client), timeout=90)
            yield Service(psutil.Process(process.pid), client)
    finally:
        if process.returncode is None:
            process.send_signal(signal.SIGKILL)
        await process.wait()


async def _answers(client: httpx.AsyncClient) -> bool:
    try:
        return (await client.get("/readyz")).status_code == 200
    except httpx.HTTPError:
        return False


async def test_a_worker_stopped_between_and_inside_batches_is_resumed(
    run_service: RunService, monkeypatch: pytest.MonkeyPatch, facts: Facts, a_list: bytes
) -> None:
    reached = asyncio.Event()
    calls = 0

    async def stop_in_the_third(*args: Any) -> applying.Applied:
        nonlocal calls
        calls += 1
        applied = await put_batch(*args)
        if calls == 3:
            reached.set()
            await asyncio.Event().wait()
        return applied

    monkeypatch.setattr(imports, "put_batch", stop_in_the_third)
    monkeypatch.setattr(applying, "BATCH_ROWS", 1000)
    async with run_service("registry") as running, running.client("operator") as client:
        import_id = await upload(client, a_list)
        await asyncio.wait_for(reached.wait(), 60)
        assert (await state(client, import_id))["rows_read"] == 1998  # rows 2 to 1999
    monkeypatch.undo()
    async with run_service("registry") as running:
        await assert_whole(running, import_id, a_list)
        assert_told_once(await facts("REGISTRY", import_id))


@pytest.mark.parametrize("stage", ["reading", "matching", "applying"])
async def test_a_worker_killed_in_any_stage_is_started_again_and_goes_on(
    stage: str, stack: Stack, run_service: RunService, facts: Facts, a_list: bytes
) -> None:
    async with service(stack) as registry:
        worker = await registry.worker()
        import_id = await upload(registry.client, a_list)
        await eventually(lambda: _is_in(registry.client, import_id, stage), timeout=90)
        worker.kill()
        assert (await state(registry.client, import_id))["rows_read"] < a_list.count(b"\n") - 1
        again = await registry.worker(after=worker.pid)
        await completed(registry.client, import_id)
    await eventually(lambda: _is_gone(again), timeout=30)
    (stack.folder / "files" / import_id).touch()  # as if it was killed before the file went
    async with run_service("registry") as running:
        await assert_whole(running, import_id, a_list)
        assert_told_once(await facts("REGISTRY", import_id))


async def test_the_service_answers_while_a_large_list_is_read_and_its_end_ends_the_reading(
    stack: Stack, run_service: RunService, a_list: bytes
) -> None:
    async with service(stack) as registry:
        worker = await registry.worker()
        import_id = await upload(registry.client, a_list)
        took = []
        while (await state(registry.client, import_id))["rows_read"] == 0:
            begun = time.monotonic()
            await state(registry.client, import_id)
            took.append(time.monotonic() - begun)
        assert len(took) > 20
        assert sorted(took)[len(took) * 9 // 10] < 0.2
        registry.process.kill()
        await eventually(lambda: _is_gone(worker), timeout=30)
    assert 0 < await _rows_read(stack, import_id) < a_list.count(b"\n") - 1
    async with run_service("registry") as running:
        await assert_whole(running, import_id, a_list)


async def _no_file_is_left(running: Running, import_id: str) -> bool:
    """They go just after the list is told to be completed."""
    return not list(running.context.settings.files_folder.glob(f"{import_id}*"))  # type: ignore[attr-defined]


async def _is_in(client: httpx.AsyncClient, import_id: str, stage: str) -> bool:
    now = await state(client, import_id)
    return bool(now["stage"] == stage)


async def _is_gone(process: psutil.Process) -> bool:
    return not living([process])


async def _rows_read(stack: Stack, import_id: str) -> int:
    connection = await asyncpg.connect(stack.database_url("registry"))
    try:
        return int(await connection.fetchval("SELECT rows_read FROM imports WHERE id::text = $1", import_id))
    finally:
        await connection.close()


async def test_two_workers_read_one_list_once(run_service: RunService, a_list: bytes) -> None:
    """The cursor moves only from where its worker left it, whatever the lock says."""
    async with run_service("registry") as running:
        db, settings = running.context.db, running.context.settings
        first, second = (imports.Worker(db, settings) for _ in range(2))  # type: ignore[arg-type]
        async with running.client("operator") as client:
            import_id = await upload(client, a_list)
        await asyncio.gather(first.work_on_next(), second.work_on_next())
        await assert_whole(running, import_id, a_list)
