"""Referrals that were open before there were clocks get the alarm of the one that runs for them, late or not."""

from pathlib import Path
from typing import Any
from uuid import uuid4

import asyncpg
from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, text
from sqlalchemy.ext.asyncio import create_async_engine

import services.referrals
from services.referrals.ladders import alarms_of
from sinergi_operator.database import setup_database
from tests.harness.stack import PASSWORD, Running, Stack

OLD = text(
    """INSERT INTO referrals (id, version, state, service, sender, receiver, desk, area, client_kind, client_id,
         priority, reason, legal_basis, documents, requested_at, acknowledge_due, decide_due, finish_due, review_on,
         evidence, ended_at)
       VALUES (:id, 2, CAST(:state AS text), 's', 'dinsos', 'koperasi', 'koperasi/d', '31.74', 'person',
         gen_random_uuid(), 'routine', 'r', 'l', '{}', '2026-01-01Z', '2026-01-02Z', '2026-01-03Z', '2026-02-01Z',
         CASE WHEN CAST(:state AS text) = 'on_hold' THEN date '2026-01-20' END, '[]',
         CASE WHEN CAST(:state AS text) = 'completed' THEN timestamptz '2026-01-09Z' END)"""
)
HELD = text(
    """INSERT INTO timeline (referral_id, version, at, fact, state, by, by_agency, actor, data)
       VALUES (:id, 2, '2026-01-31Z', 'held', 'on_hold', 'agency', 'koperasi', 'a', '{}')"""
)
RUNS = {
    "requested": ("referral.acknowledge.escalate1", "2026-01-02T00:00"),
    "received": ("referral.decide.escalate1", "2026-01-03T00:00"),
    "accepted": ("referral.finish.overdue1", "2026-02-01T00:00"),
    "in_progress": ("referral.finish.overdue1", "2026-02-01T00:00"),
    "on_hold": ("referral.review.remind", "2026-01-20T17:00"),
    "cancel_requested": ("referral.confirm.lapse", "20"),
}


def upgrade(connection: Connection, revision: str) -> None:
    config = Config()
    config.set_main_option("script_location", str(Path(str(services.referrals.__path__[0])) / "migrations"))
    config.attributes["connection"] = connection
    command.upgrade(config, revision)


async def upgraded(url: str, ids: dict[str, Any]) -> None:
    """A database with these referrals, brought from the release without clocks to the one with them."""
    engine = create_async_engine(url.replace("postgresql://", "postgresql+asyncpg://"))
    async with engine.connect() as connection:
        await connection.run_sync(upgrade, "0002")
        for state, one in ids.items():
            await connection.execute(OLD, {"id": one, "state": state})
        await connection.execute(HELD, {"id": ids["on_hold"]})
        await connection.commit()
        await connection.run_sync(upgrade, "head")
        await connection.commit()
    await engine.dispose()


async def test_open_referrals_of_before_get_their_clock(stack: Stack, referrals: Running) -> None:
    database = f"migrated_{uuid4().hex[:8]}"
    await setup_database(stack.backend.admin_url, database, {"referrals": PASSWORD})
    url = stack.database_url("referrals").replace(f"/{stack.database}", f"/{database}")
    ids = {state: uuid4() for state in (*RUNS, "completed")}
    await upgraded(url, ids)
    found = await asyncpg.connect(url)
    alarms = {one["about"]: one for one in await found.fetch("SELECT * FROM alarms")}
    assert alarms.keys() == {ids[state] for state in RUNS}
    for state, (kind, at) in RUNS.items():
        alarm = alarms[ids[state]]
        assert (alarm["kind"], alarm["due_at"].isoformat()[: len(at)]) == (kind, at)
        assert kind in alarms_of(kind.split(".")[1])  # type: ignore[arg-type]
    held = await found.fetchrow("SELECT * FROM referrals WHERE id = $1", ids["on_hold"])
    assert (held["finish_due"], held["paused"]) == (None, '{"seconds": 86400}')
    waiting = await found.fetchrow("SELECT * FROM referrals WHERE id = $1", ids["cancel_requested"])
    assert waiting["confirm_due"] == alarms[ids["cancel_requested"]]["due_at"]
    await found.close()
