"""An agency's plug-in is killed between the two commands of one handler: each command is carried out once."""

import asyncio
from pathlib import Path
from typing import Any

import pytest
from nats.aio.client import Client

from sinergi import ReferralRequested, provision
from sinergi.db import Database
from tests.faults.probing import Start, Worker, done
from tests.harness.backends import Backend
from tests.harness.stack import Facts, caught_up, eventually
from tests.shared.probe import note


@pytest.fixture
async def koperasi(nats: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    """The agency's durable, on an empty stream."""
    monkeypatch.setattr(provision, "ACK_WAIT_SECONDS", 2)
    await nats.jetstream().purge_stream("REFERRALS")
    await provision.declare_agency(nats, "koperasi")


async def test_a_plug_in_killed_between_two_commands_gives_each_once(
    db: Database, start: Start, nats: Client, koperasi: None, tmp_path: Path
) -> None:
    start("core")
    plug_in = start("agency", "koperasi", str(tmp_path / "died"), user="koperasi")
    thing = await _refer(db, nats)
    await eventually(lambda: _ended(plug_in))
    assert await _commands(db, thing) == ["accept"], "it was to die between the two"
    plug_in.start()
    await eventually(lambda: _has(db, thing, 2))
    await _drained(nats)
    assert await _commands(db, thing) == ["accept", "progress"]


async def test_a_plug_in_killed_again_and_again_gives_each_command_once_and_in_order(
    db: Database, start: Start, nats: Client, koperasi: None, tmp_path: Path
) -> None:
    (tmp_path / "died").touch()
    start("core")
    plug_in = start("agency", "koperasi", str(tmp_path / "died"), user="koperasi")
    things = []
    for _ in range(4):
        things += [await _refer(db, nats) for _ in range(40)]
        await asyncio.sleep(0.05)
        plug_in.kill()
        plug_in.start()
    await _drained(nats)
    for thing in things:
        assert await _commands(db, thing) == ["accept", "progress"]


async def test_a_broker_killed_while_a_plug_in_works_loses_no_command(
    db: Database, start: Start, nats: Client, koperasi: None, backend: Backend, tmp_path: Path
) -> None:
    (tmp_path / "died").touch()
    start("core")
    start("agency", "koperasi", str(tmp_path / "died"), user="koperasi")
    things = [await _refer(db, nats) for _ in range(100)]
    backend.crash_nats()
    await _drained(nats)
    for thing in things:
        assert await _commands(db, thing) == ["accept", "progress"]


async def _refer(db: Database, nats: Client) -> str:
    """A thing that plays the referral, and the fact that asks the agency."""
    thing = str(await note(db, "requested"))
    asked: dict[str, Any] = dict.fromkeys(("sender", "by_agency"), "dinsos")
    event = ReferralRequested(
        referral_id=thing,
        service="pembinaan-kube",
        receiver="koperasi",
        desk="koperasi/pembinaan",
        area="31.74",
        client_kind="group",
        client_id=thing,
        by="social_worker",
        reason="group-needs-coaching",
        legal_basis="UU 13/2011",
        **asked,
    )
    await Facts(nats).publish(event, thing, 1, audience="koperasi")
    return thing


async def _commands(db: Database, thing: str) -> list[str]:
    facts = (await done(db, "agency:koperasi")).get(thing, [])
    assert [version for version, _ in facts] == list(range(2, len(facts) + 2))
    return [name for _, name in facts]


async def _has(db: Database, thing: str, count: int) -> bool:
    return len(await _commands(db, thing)) >= count


async def _ended(worker: Worker) -> bool:
    return worker.ended is not None


async def _drained(nats: Client) -> None:
    await eventually(lambda: caught_up(nats, "REFERRALS", "koperasi"), timeout=40)
