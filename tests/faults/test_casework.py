"""The social worker's service is killed in the middle of each act and between any two: each act happens once."""

import asyncio
import os
import random
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import date
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx2 as httpx
import pytest

from sinergi.events import ReferralCompleted, ReferralFact, ReferralRequested
from sinergi_operator.processes import Process, free_port
from tests.cases.story import CALM, COACHING, GOALS
from tests.harness.issuer import Issuer
from tests.harness.stack import Stack, eventually

ROOT = Path(__file__).parents[2]
Facts = Callable[..., Awaitable[list[tuple[str, dict[str, Any]]]]]
#: an act takes 10 to 30 ms: so early a kill comes before, within, or after its commit
AT_MOST_SECONDS = 0.05


class Office:
    """The service as a process of its own, and the people who call it."""

    def __init__(self, stack: Stack, issuer: Issuer, folder: Path) -> None:
        self.url = f"http://127.0.0.1:{(port := free_port())}"
        environment = stack.environment("cases", SINERGI_PORT=str(port), SINERGI_RETRY_DELAYS="[0.2, 0.2]")
        argv = [sys.executable, "-m", "services.cases.main"]
        self._process = Process("cases", argv, log=folder / "cases.log", env=os.environ | environment, cwd=ROOT)
        self._tokens = {role: issuer.token(sub=f"{role}-{uuid4().hex}", sinergi_role=role) for role in ROLES}
        self.case_id, self.version, self.kills = "", 0, 0

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

    async def act(self, role: str, method: str, path: str, body: dict[str, Any]) -> dict[str, Any]:
        """Give the command while the service is killed at some moment of it; ask again until it is answered."""
        key = uuid4().hex
        asking = asyncio.create_task(self._ask(role, method, path, body, key))
        await asyncio.sleep(random.uniform(0, AT_MOST_SECONDS))
        self.kill()
        await asking
        await self.start()
        answer = await self._ask(role, method, path, body, key)
        assert answer is not None
        self.case_id, self.version = answer["id"], answer["version"]
        return answer

    async def _ask(self, role: str, method: str, path: str, body: Any, key: str) -> dict[str, Any] | None:
        headers = {"Authorization": f"Bearer {self._tokens[role]}", "Idempotency-Key": key}
        try:
            async with httpx.AsyncClient(base_url=self.url, headers=headers, timeout=20) as http:
                answer = await http.request(method, path, json=body)
        except httpx.HTTPError:
            return None
        assert answer.is_success, answer.text
        found: dict[str, Any] = answer.json()
        return found

    async def on_case(self, role: str, path: str, method: str = "POST", **body: Any) -> dict[str, Any]:
        """A command on the case, at the version last seen."""
        return await self.act(role, method, f"/cases/{self.case_id}{path}", body | {"expected_version": self.version})

    async def read(self) -> dict[str, Any]:
        """The case as its worker sees it."""
        case = await self._ask("social_worker", "GET", f"/cases/{self.case_id}", None, uuid4().hex)
        assert case is not None
        self.version = case["version"]
        return case


ROLES = ("social_worker", "supervisor")


@pytest.fixture
async def office(stack: Stack, issuer: Issuer, tmp_path: Path) -> AsyncIterator[Office]:
    office = Office(stack, issuer, tmp_path)
    await office.start()
    yield office
    office.kill()


@pytest.mark.timeout(500)
async def test_each_act_of_a_case_happens_once_though_the_service_is_killed_in_it(
    office: Office, publish_fact: Callable[..., Awaitable[str]], facts: Facts
) -> None:
    client = str(uuid4())
    opened = {"client_kind": "group", "client_id": client, "area": "31.74.01", "way_in": "registry"}
    await office.act("social_worker", "POST", "/cases", opened)
    await office.on_case("social_worker", "/assessments", instrument="general", answers=CALM)
    await office.on_case("social_worker", "/plan", "PUT", goals=GOALS, steps=[COACHING])
    await office.on_case("social_worker", "/plan/submit")
    await office.on_case("supervisor", "/plan/approve")
    await _the_referral_is_answered(office, client, publish_fact)
    outcomes = {"skill": "met", "licence": "partly_met"}
    await office.on_case("social_worker", "/closure", reason="goals-met", outcomes=outcomes, client_view="Baik")
    await office.on_case("supervisor", "/close")
    await _assert_all_of_it_happened_once(office, facts)


async def _the_referral_is_answered(office: Office, client: str, publish: Callable[..., Awaitable[str]]) -> None:
    """Its facts come while the service is killed; it hears them all the same, once."""
    (step,) = (await office.read())["steps"]
    referral = str(uuid4())
    about = {
        "referral_id": referral, "service": step["service"], "sender": "dinsos", "receiver": "koperasi",
        "desk": "koperasi/pembinaan", "area": "31.74.01", "client_kind": "group", "client_id": client,
        "case_id": office.case_id, "step_id": step["id"], "by": "agency", "by_agency": "koperasi",
    }  # fmt: skip
    given = {"outcome": "coached", "given_on": date(2026, 12, 1), "evidence": []}
    told: list[ReferralFact] = [
        ReferralRequested(**about, reason="business-coaching", legal_basis="Permensos 2/2019"),
        ReferralCompleted(**about, **given),
    ]
    for version, event in enumerate(told, start=1):
        await publish(event, referral, version)
        await asyncio.sleep(random.uniform(0, AT_MOST_SECONDS))
        office.kill()
        await office.start()

    async def completed() -> bool:
        return bool((await office.read())["steps"][0]["state"] == "completed")

    await eventually(completed, timeout=40)


async def _assert_all_of_it_happened_once(office: Office, facts: Facts) -> None:
    case = await office.read()
    done = [one["what"] for one in case["history"]]
    acts = ["open", "assess", "draft_plan", "submit_plan", "approve_plan", "request_closure", "close"]
    assert {act: done.count(act) for act in acts} == dict.fromkeys(acts, 1)
    assert case["stage"] == "pembinaan_lanjut"
    assert office.kills >= len(acts)

    async def all_told() -> list[str] | None:
        told = await facts("CASES", office.case_id)
        return [kind for kind, _ in told] if len(told) >= case["version"] else None

    told = await eventually(all_told)
    assert len(told) == case["version"]
    assert len(set(told)) == len(told)
