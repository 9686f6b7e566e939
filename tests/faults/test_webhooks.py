"""The service is killed in the middle of deliveries: each comes at least once, in the order of its referral."""

import asyncio
import os
import random
import sys
from collections import defaultdict
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path
from typing import Any
from uuid import uuid4

import asyncpg
import httpx2 as httpx
import pytest

from sinergi_operator.processes import Process, free_port
from tests.harness.issuer import Issuer
from tests.harness.stack import Running, Stack, eventually
from tests.referrals.conftest import CARRIES, a_referral, fill_directory
from tests.referrals.receivers import Came, Receivers, make_webhook, receivers_at_work

ROOT = Path(__file__).parents[2]
SETTINGS = {"SINERGI_WEBHOOK_LOOPBACK": "true", "SINERGI_WEBHOOK_RETRY_DELAYS": str([0.05] * 50)}
KILLS = 3
REFERRALS = 8
ANSWERS = ("acknowledge", "accept", "progress", "complete")


class Apart(Running):
    """The service as a process of its own."""

    def __init__(self, stack: Stack, issuer: Issuer, folder: Path) -> None:
        super().__init__(None, None, issuer)  # type: ignore[arg-type]
        self._url = f"http://127.0.0.1:{(port := free_port())}"
        self._asking = self.anonymous()
        environment = stack.environment("referrals", SINERGI_PORT=str(port), **SETTINGS)
        argv = [sys.executable, "-m", "services.referrals.main"]
        self._process = Process("referrals", argv, log=folder / "log", env=os.environ | environment, cwd=ROOT)

    def anonymous(self, headers: dict[str, str] | None = None) -> httpx.AsyncClient:
        return httpx.AsyncClient(base_url=self._url, headers=headers, timeout=20)

    async def start(self) -> None:
        """Start, and wait until it is ready."""
        self._process.start()
        await eventually(self._ready, timeout=60)

    async def _ready(self) -> bool:
        try:
            return (await self._asking.get("/readyz")).status_code == 200
        except httpx.HTTPError:
            return False

    def kill(self) -> None:
        """kill -9."""
        self._process.kill()

    async def give(self, role: str, agency: str, path: str, body: dict[str, Any]) -> dict[str, Any]:
        """A command, asked again under its key until it is answered."""
        async with self.client(role, agency=agency) as http:
            key = {"Idempotency-Key": uuid4().hex}
            while (answer := await _asked(http, path, body, key)) is None:
                await asyncio.sleep(0.1)  # it is dead just now
        given: dict[str, Any] = answer.raise_for_status().json()
        return given


async def _asked(
    http: httpx.AsyncClient, path: str, body: dict[str, Any], headers: dict[str, str]
) -> httpx.Response | None:
    try:
        answer = await http.post(path, json=body, headers=headers)
    except httpx.HTTPError:
        return None
    return answer if answer.status_code < 500 else None


@pytest.fixture
async def service(stack: Stack, issuer: Issuer, tmp_path: Path) -> AsyncIterator[Apart]:
    service = Apart(stack, issuer, tmp_path)
    await service.start()
    await fill_directory(service)
    yield service
    service.kill()


@pytest.fixture
async def servers() -> AsyncIterator[Receivers]:
    async with receivers_at_work() as receivers:
        yield receivers


@pytest.mark.timeout(300)
async def test_no_delivery_is_lost_or_overtaken_though_the_sender_is_killed_among_them(
    service: Apart, servers: Receivers, stack: Stack
) -> None:
    async def steady() -> int:
        await asyncio.sleep(0.01)
        return 204

    async def moody() -> int:
        return random.choice((204, 204, 204, 429, 503))

    servers.behaviours |= {"steady": steady, "moody": moody}
    for name in ("steady", "moody"):
        await make_webhook(service, servers.url(name))
    lives = [_lives(service) for _ in range(REFERRALS)]
    killed, *referrals = await asyncio.gather(_is_killed(service, servers), *lives)
    assert killed == KILLS
    told = await _told(stack, referrals)
    assert sum(map(len, told.values())) == REFERRALS * (1 + len(ANSWERS))
    for name in ("steady", "moody"):
        await eventually(partial(_all_taken, servers.came[name], told), timeout=90, what=f"{name} never took all")
        _assert_in_order(servers.came[name])


async def _lives(service: Apart) -> str:
    """A referral from its sending to its end; its id."""
    seen = await service.give("social_worker", "dinsos", "/referrals", a_referral())
    for command in ANSWERS:
        body = {"expected_version": seen["version"], **CARRIES[command]}
        seen = await service.give("desk_officer", "koperasi", f"/referrals/{seen['id']}/{command}", body)
    return str(seen["id"])


async def _is_killed(service: Apart, servers: Receivers) -> int:
    """Each time while deliveries come."""
    for _ in range(KILLS):
        count = len(servers.came["steady"]) + random.randint(1, 8)
        await eventually(partial(_has_come, servers, count), what="no more deliveries came")
        service.kill()
        await service.start()
    return KILLS


async def _has_come(servers: Receivers, count: int) -> bool:
    return len(servers.came["steady"]) >= count


async def _told(stack: Stack, referrals: list[str]) -> dict[str, set[int]]:
    """The versions of each referral's facts that were committed."""
    connection = await asyncpg.connect(stack.database_url("referrals"))
    rows = await connection.fetch(
        "SELECT DISTINCT aggregate_id::text, version FROM outbox WHERE aggregate_id::text = ANY($1)", referrals
    )
    await connection.close()
    told: dict[str, set[int]] = defaultdict(set)
    for row in rows:
        told[row["aggregate_id"]].add(row["version"])
    return told


async def _all_taken(came: list[Came], told: dict[str, set[int]]) -> bool:
    taken: dict[str, set[int]] = defaultdict(set)
    for one in came:
        if one.answered == 204:
            taken[one.event["partitionkey"]].add(int(one.event["sequence"]))
    return taken == told


def _assert_in_order(came: list[Came]) -> None:
    """Nothing came before what precedes it had been taken; what came twice is the same event."""
    taken: dict[str, int] = defaultdict(int)
    ids: dict[tuple[str, int], str] = {}
    for one in came:
        about, version = one.event["partitionkey"], int(one.event["sequence"])
        assert version <= taken[about] + 1
        assert ids.setdefault((about, version), one.headers["webhook-id"]) == one.headers["webhook-id"]
        if one.answered == 204:
            taken[about] = max(taken[about], version)
