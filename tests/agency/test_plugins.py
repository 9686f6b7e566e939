"""The example plug-ins as processes, with the agency's own key, against a core that answers as the core does."""

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from nats.aio.client import Client
from nats.aio.msg import Msg

from services.referrals.commands import DOORS
from services.referrals.requests import parse
from sinergi.events import ReferralRequested
from sinergi.provision import declare_agency
from tests.attacks.attacker import requested
from tests.harness.stack import Stack

Publish = Callable[..., Awaitable[str]]
Eventually = Callable[..., Awaitable[Any]]

PLUGINS = Path(__file__).parents[2] / "deploy" / "agency"
JAVASCRIPT = PLUGINS / "javascript"
LANGUAGES = ["python", pytest.param("javascript", marks=pytest.mark.javascript)]
NEEDED = "surat-keterangan-usaha"


class Core:
    """Answers every command with the next version; keeps what was asked, by (agency, command)."""

    def __init__(self, nats: Client) -> None:
        self._nats, self.refuse = nats, ""
        self.given: list[tuple[str, dict[str, Any]]] = []

    async def answer(self, message: Msg) -> None:
        request = json.loads(message.data)
        self.given.append((message.subject.removeprefix("sinergi.cmd."), request))
        fields = {name: value for name, value in request.items() if name != "idempotency_key"}
        parse(DOORS[message.subject.rsplit(".", 1)[1]].request, fields)  # what the core would refuse fails here
        answer: dict[str, Any] = {"id": request["referral_id"], "version": request["expected_version"] + 1}
        if self.refuse:
            problem = {"type": f"urn:sinergi:problem:{self.refuse}", "status": 409, "detail": "No."}
            answer = {"problem": problem | {"title": "No"}}
        await self._nats.publish(message.reply, json.dumps(answer).encode())

    def about(self, referral_id: str) -> list[tuple[str, dict[str, Any]]]:
        """The commands given about this referral, oldest first."""
        return [(name, request) for name, request in self.given if request["referral_id"] == referral_id]

    def names(self, referral_id: str) -> list[str]:
        return [name for name, _ in self.about(referral_id)]


@pytest.fixture
async def core(nats: Client) -> AsyncIterator[Core]:
    """The core's side of the commands."""
    core = Core(nats)
    subscription = await nats.subscribe("sinergi.cmd.*.>", cb=core.answer)
    await nats.flush()
    yield core
    await subscription.unsubscribe()


def command_line(language: str, agency: str) -> list[str]:
    """How the plug-in is started."""
    if language == "python":
        return [sys.executable, str(PLUGINS / f"{agency}.py")]
    if not (JAVASCRIPT / "node_modules").exists():
        subprocess.run(["npm", "ci", "--no-audit", "--no-fund"], cwd=JAVASCRIPT, check=True, timeout=120)
    return ["node", str(JAVASCRIPT / f"{agency}.mjs")]


@asynccontextmanager
async def plugin(stack: Stack, nats: Client, language: str, agency: str) -> AsyncIterator[None]:
    """The plug-in at work; at the end it leaves in order on SIGTERM."""
    await declare_agency(nats, agency)
    environment = os.environ | {
        "SINERGI_NATS_URL": stack.backend.nats_url,
        "SINERGI_NATS_SEED_FILE": str(stack.backend.seed_file(agency)),
    }
    process = await asyncio.create_subprocess_exec(*command_line(language, agency), env=environment)
    try:
        yield
    finally:
        process.terminate()
        async with asyncio.timeout(10):
            status = await process.wait()
    assert status == 0


@pytest.mark.parametrize("language", LANGUAGES)
async def test_koperasi_takes_the_group_on_and_certifies_its_coaching(
    stack: Stack, nats: Client, core: Core, publish_fact: Publish, eventually: Eventually, language: str
) -> None:
    fact = _fact("koperasi", "pembinaan-kube")
    async with plugin(stack, nats, language, "koperasi"):
        event_id = await publish_fact(fact, fact.referral_id, 1, audience="koperasi")
        await eventually(lambda: _has(core, fact, 4))
    assert core.names(fact.referral_id) == [
        f"koperasi.referral.{name}" for name in ("acknowledge", "accept", "progress", "complete")
    ]
    requests = [request for _, request in core.about(fact.referral_id)]
    today = datetime.now(UTC).date()
    assert [request["expected_version"] for request in requests] == [1, 2, 3, 4]
    assert requests[1]["idempotency_key"] == f"{event_id}:accept"
    assert date.fromisoformat(requests[1]["expected_on"]) == today + timedelta(days=14)
    assert requests[3]["outcome"] == "service-given"
    assert requests[3]["evidence"][0]["kind"] == "certificate"


@pytest.mark.parametrize("language", LANGUAGES)
async def test_bptsp_declines_without_the_document_and_licenses_with_it(
    stack: Stack, nats: Client, core: Core, publish_fact: Publish, eventually: Eventually, language: str
) -> None:
    without, whole = _fact("bptsp", "izin-usaha-mikro"), _fact("bptsp", "izin-usaha-mikro", NEEDED)
    async with plugin(stack, nats, language, "bptsp"):
        await publish_fact(without, without.referral_id, 1, audience="bptsp")
        await publish_fact(whole, whole.referral_id, 1, audience="bptsp")
        await eventually(lambda: _has(core, whole, 2))
    (name, declined), *more = core.about(without.referral_id)
    assert (name, more) == ("bptsp.referral.decline", [])
    assert (declined["reason"], declined["missing_documents"]) == ("missing-documents", [NEEDED])
    accepted, completed = (request for _, request in core.about(whole.referral_id))
    assert accepted["expected_on"]
    (nib,) = completed["evidence"]
    assert nib["kind"] == "nib"
    assert len(nib["number"]) == 13
    assert nib["number"].isdecimal()


@pytest.mark.parametrize("language", LANGUAGES)
async def test_an_event_that_comes_again_gives_the_very_same_commands(
    stack: Stack, nats: Client, core: Core, publish_fact: Publish, eventually: Eventually, language: str
) -> None:
    """So that the core, which compares them under their idempotency keys, does nothing twice."""
    fact = _fact("bptsp", "izin-usaha-mikro", NEEDED)
    core.refuse = "service-unavailable"
    async with plugin(stack, nats, language, "bptsp"):
        await publish_fact(fact, fact.referral_id, 1, audience="bptsp")
        await eventually(lambda: _has(core, fact, 1))
        core.refuse = ""
        await eventually(lambda: _has(core, fact, 3))
    refused, accepted, _ = core.about(fact.referral_id)
    assert refused == accepted


@pytest.mark.parametrize("language", LANGUAGES)
async def test_a_lost_race_and_a_foreign_service_end_an_event_quietly(
    stack: Stack, nats: Client, core: Core, publish_fact: Publish, eventually: Eventually, language: str
) -> None:
    foreign, late = _fact("bptsp", "izin-lain"), _fact("bptsp", "izin-usaha-mikro", NEEDED)
    core.refuse = "version-conflict"
    async with plugin(stack, nats, language, "bptsp"):
        for fact in (foreign, late):
            await publish_fact(fact, fact.referral_id, 1, audience="bptsp")
        await eventually(lambda: _has(core, late, 1))
        await eventually(lambda: _nothing_waits(nats, "bptsp"))
    assert core.names(foreign.referral_id) == []
    assert core.names(late.referral_id) == ["bptsp.referral.accept"]


def test_each_python_plugin_has_fewer_than_thirty_lines() -> None:
    for path in PLUGINS.glob("*.py"):
        assert len(path.read_text().splitlines()) < 30, path.name


def _fact(receiver: str, service: str, *documents: str) -> ReferralRequested:
    return requested(receiver).model_copy(update={"service": service, "documents": list(documents)})


async def _has(core: Core, fact: ReferralRequested, commands: int) -> bool:
    return len(core.about(fact.referral_id)) >= commands


async def _nothing_waits(nats: Client, agency: str) -> bool:
    info = await nats.jetstream().consumer_info("REFERRALS", agency)
    return not info.num_ack_pending and not info.num_pending
