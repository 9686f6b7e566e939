"""An import that is interrupted goes on where it was: nothing lost, nothing twice."""

import asyncio
import os
import signal
import sys
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any

import asyncpg
import httpx2 as httpx
import pytest
from sqlalchemy import text

from services.registry import imports
from services.registry.matching import put_batch
from sinergi_operator.processes import free_port
from tests.harness.stack import Running, Stack, eventually
from tests.registry.lists import ministry_csv, ministry_row, people

ROOT = Path(__file__).parents[2]
RunService = Callable[..., AbstractAsyncContextManager[Running]]
Facts = Callable[..., Awaitable[list[tuple[str, dict[str, Any]]]]]

_WHOLE = text(
    """SELECT count(*) AS records, count(DISTINCT r.row) AS rows, count(DISTINCT r.person_id) AS persons,
         min(r.row) AS first, max(r.row) AS last FROM records r WHERE r.import_id = CAST(:id AS uuid)"""
)


async def upload(client: httpx.AsyncClient, content: bytes) -> str:
    answer = await client.post("/imports", data={"source": "ministry"}, files={"file": ("list.csv", content)})
    assert answer.status_code == 202, answer.text
    return str(answer.json()["id"])


async def state(client: httpx.AsyncClient, import_id: str) -> dict[str, Any]:
    found: dict[str, Any] = (await client.get(f"/imports/{import_id}")).json()
    return found


async def assert_whole(running: Running, import_id: str, rows: int) -> None:
    async with running.client("operator") as client:

        async def completed() -> bool:
            return bool((await state(client, import_id))["state"] == "completed")

        await eventually(completed, timeout=60)
        done = await state(client, import_id)
    async with running.context.db.begin() as tx:
        found = (await tx.session.execute(_WHOLE, {"id": import_id})).one()
    assert tuple(found) == (rows, rows, rows, 2, rows + 1)
    assert (done["rows_read"], done["rows_good"], done["persons_new"]) == (rows, rows, rows)


async def test_a_worker_stopped_between_and_inside_batches_is_resumed(
    run_service: RunService, monkeypatch: pytest.MonkeyPatch, facts: Facts
) -> None:
    reached = asyncio.Event()
    calls = 0

    async def stop_in_the_third(*args: Any) -> tuple[int, int]:
        nonlocal calls
        calls += 1
        counts = await put_batch(*args)
        if calls == 3:
            reached.set()
            await asyncio.Event().wait()
        return counts

    content = ministry_csv([ministry_row(one) for one in people(4500)])
    monkeypatch.setattr(imports, "put_batch", stop_in_the_third)
    async with run_service("registry") as running, running.client("operator") as client:
        import_id = await upload(client, content)
        await asyncio.wait_for(reached.wait(), 20)
        assert (await state(client, import_id))["rows_read"] == 2000
    monkeypatch.undo()
    async with run_service("registry") as running:
        await assert_whole(running, import_id, 4500)
        assert len(await facts("REGISTRY", import_id)) == 1


async def test_kill_minus_nine_in_the_middle_loses_nothing_and_does_nothing_twice(
    stack: Stack, run_service: RunService, facts: Facts
) -> None:
    rows = 20_000
    port = free_port()
    environment = os.environ | stack.environment("registry", SINERGI_PORT=str(port))
    command = [sys.executable, "-m", "services.registry.main"]
    token = stack.issuer.token(sinergi_role="operator")
    process = await asyncio.create_subprocess_exec(*command, env=environment, cwd=ROOT)
    try:
        async with httpx.AsyncClient(
            base_url=f"http://127.0.0.1:{port}", headers={"Authorization": f"Bearer {token}"}
        ) as client:
            await eventually(lambda: _answers(client), timeout=30)
            import_id = await upload(client, ministry_csv([ministry_row(one) for one in people(rows)]))
            await eventually(lambda: _begun(client, import_id), timeout=20)
    finally:
        process.send_signal(signal.SIGKILL)
        await process.wait()
    assert 1000 <= await _rows_read(stack, import_id) < rows
    async with run_service("registry") as running:
        await assert_whole(running, import_id, rows)
        assert len(await facts("REGISTRY", import_id)) == 1


async def _rows_read(stack: Stack, import_id: str) -> int:
    connection = await asyncpg.connect(stack.database_url("registry"))
    try:
        return int(await connection.fetchval("SELECT rows_read FROM imports WHERE id::text = $1", import_id))
    finally:
        await connection.close()


async def _answers(client: httpx.AsyncClient) -> bool:
    try:
        return (await client.get("/readyz")).status_code == 200
    except httpx.HTTPError:
        return False


async def _begun(client: httpx.AsyncClient, import_id: str) -> bool:
    return bool((await state(client, import_id))["rows_read"] >= 1000)


async def test_two_workers_read_one_list_once(run_service: RunService) -> None:
    """The cursor moves only from where its worker left it, whatever the lock says."""
    async with run_service("registry") as running:
        db, settings = running.context.db, running.context.settings
        first, second = (imports.Worker(db, settings) for _ in range(2))  # type: ignore[arg-type]
        async with running.client("operator") as client:
            import_id = await upload(client, ministry_csv([ministry_row(one) for one in people(3000)]))
        await asyncio.gather(first._read_next(), second._read_next())
        await assert_whole(running, import_id, 3000)
