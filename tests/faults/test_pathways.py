"""The service `referrals` is killed in the middle of each answer and between any two steps of a pathway: it goes on,
and no step is sent twice."""

import asyncio
import os
import random
import sys
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx2 as httpx
import pytest

from sinergi_operator.processes import Process, free_port
from tests.harness.issuer import Issuer
from tests.harness.stack import Stack, eventually
from tests.referrals.journeys import AGENCIES, AREA, HERE, SERVICES, offer

ROOT = Path(__file__).parents[2]
Facts = Callable[..., Awaitable[list[tuple[str, dict[str, Any]]]]]
#: a step is found and sent within about 50 ms of a look that comes every 300: a kill comes before, within, or after it
AT_MOST_SECONDS = 0.4
STEPS = (
    ("pembinaan", "kop-ntb", "coaching-completed"),
    ("izin", "ptsp-ntb", "licence-issued"),
    ("modal", "bank-ntb", "loan-granted"),
    ("pendampingan", "kop-ntb", "service-given"),
)
#: in the answers to these; a start takes seconds
KILLED_IN = ("pembinaan", "modal")


class Office:
    """The service as a process of its own, and the people who call it."""

    def __init__(self, stack: Stack, issuer: Issuer, folder: Path) -> None:
        self.url, self._issuer, self.kills = f"http://127.0.0.1:{(port := free_port())}", issuer, 0
        environment = stack.environment("referrals", SINERGI_PORT=str(port))
        argv = [sys.executable, "-m", "services.referrals.main"]
        self._process = Process("referrals", argv, log=folder / "referrals.log", env=os.environ | environment, cwd=ROOT)

    async def start(self) -> None:
        """Start, and wait until it is ready."""
        self._process.start()
        await eventually(self._ready, timeout=60)

    async def _ready(self) -> bool:
        try:
            async with httpx.AsyncClient(base_url=self.url, timeout=5) as http:
                return (await http.get("/readyz")).status_code == 200
        except httpx.HTTPError:
            return False

    def kill(self) -> None:
        """kill -9."""
        self._process.kill()
        self.kills += 1

    async def ask(self, role: str, agency: str, method: str, path: str, body: Any = None, key: str = "") -> Any:
        """One request; None when nobody answers."""
        token = self._issuer.token(sub=role, sinergi_role=role, sinergi_agency=agency, sinergi_area=HERE)
        headers = {"Authorization": f"Bearer {token}", "Idempotency-Key": key or uuid4().hex}
        try:
            async with httpx.AsyncClient(base_url=self.url, headers=headers, timeout=20) as http:
                answer = await http.request(method, path, json=body)
        except httpx.HTTPError:
            return None
        assert answer.is_success, answer.text
        return answer.json()

    async def killed_in(self, role: str, agency: str, path: str, body: dict[str, Any]) -> Any:
        """Give the command while the service is killed at some moment of it or soon after; ask again under its key."""
        key = uuid4().hex
        asking = asyncio.create_task(self.ask(role, agency, "POST", path, body, key))
        await asyncio.sleep(random.uniform(0, AT_MOST_SECONDS))
        self.kill()
        await asking
        await self.start()
        return await self.ask(role, agency, "POST", path, body, key)


@pytest.fixture
async def office(stack: Stack, issuer: Issuer, tmp_path: Path) -> AsyncIterator[Office]:
    office = Office(stack, issuer, tmp_path)
    await office.start()
    for code, kind in AGENCIES.items():
        entry = {"name": code, "kind": kind, "connected": False}
        await office.ask("operator", "dinsos", "PUT", f"/directory/agencies/{code}", entry)
    for code, agency in SERVICES.items():
        await office.ask("operator", "dinsos", "PUT", f"/directory/services/{code}", offer(agency, areas=[HERE]))
    yield office
    office.kill()


@pytest.mark.timeout(300)
async def test_a_pathway_goes_on_though_the_service_is_killed_and_no_step_is_sent_twice(
    office: Office, facts: Facts
) -> None:
    start = {"template": "kube-naik-kelas", "client_kind": "group", "client_id": str(uuid4()), "area": AREA}
    pathway = (await office.killed_in("social_worker", "dinsos", "/pathways", start))["id"]

    async def look() -> dict[str, Any]:
        found = await office.ask("social_worker", "dinsos", "GET", f"/pathways/{pathway}")
        return dict(found)

    for key, agency, outcome in STEPS:

        async def sent(key: str = key) -> str | None:
            (step,) = [one for one in (await look())["steps"] if one["key"] == key]
            return str(step["referral_id"]) if step["state"] == "sent" else None

        referral = await eventually(sent, timeout=90)
        accepted = {"expected_version": 1, "expected_on": "2030-01-01"}
        await office.ask("desk_officer", agency, "POST", f"/referrals/{referral}/accept", accepted)
        done = {"expected_version": 2, "outcome": outcome}
        path = f"/referrals/{referral}/complete"
        if key in KILLED_IN:
            await office.killed_in("desk_officer", agency, path, done)
        else:
            await office.ask("desk_officer", agency, "POST", path, done)

    async def completed() -> dict[str, Any] | None:
        found = await look()
        return found if found["state"] == "completed" else None

    seen = await eventually(completed, timeout=60)
    assert office.kills == len(KILLED_IN) + 1
    assert {one["key"]: len(one["referrals"]) for one in seen["steps"]} == dict.fromkeys(
        [key for key, _, _ in STEPS], 1
    ) | {"sertifikasi": 0}
    await _assert_each_fact_was_told_once(pathway, seen["version"], facts)


async def _assert_each_fact_was_told_once(pathway: str, version: int, facts: Facts) -> None:
    async def all_told() -> list[tuple[str, dict[str, Any]]] | None:
        told = await facts("REFERRALS", pathway)
        return told if len(told) >= version else None

    told = await eventually(all_told)
    assert len(told) == version
    fired = Counter(body["step"] for kind, body in told if kind == "sinergi.pathway.step_fired.v1")
    assert fired == Counter(key for key, _, _ in STEPS)
    assert told[0][0] == "sinergi.pathway.started.v1"
    assert told[-1][0] == "sinergi.pathway.completed.v1"
