"""A transaction that only reads: what was read is written down with it, and a lost connection is not asked again."""

import asyncpg
import pytest

from sinergi.auth import Actor
from sinergi.db import Database, new_id
from sinergi.permissions import Role
from sinergi.settings import Settings
from tests.shared import probe

READER = Actor(id="reader", role=Role.OPERATOR, agency="dinsos", area="31")


async def test_what_is_read_is_written_down_or_not_read(db: Database) -> None:
    shown, failed = new_id(), new_id()
    async with db.reading(READER) as reading:
        await reading.audit("thing.read", "thing", [shown], "a test")
        await reading.audit("thing.read", "thing", [], "nothing was shown")
    with pytest.raises(ZeroDivisionError):
        await _read_and_fail(db, failed)
    told = "SELECT actor, role, agency, action, purpose FROM audit WHERE subject_id = :id"
    assert [tuple(row) for row in await probe.rows(db, told, id=str(shown))] == [
        ("reader", "operator", "dinsos", "thing.read", "a test")
    ]
    assert not await probe.rows(db, told, id=str(failed))


async def _read_and_fail(db: Database, thing: object) -> None:
    async with db.reading(READER) as reading:
        await reading.audit("thing.read", "thing", [thing], "a test")
        raise ZeroDivisionError


async def test_a_lost_connection_is_not_asked_again(db: Database, settings: Settings) -> None:
    own = Database(settings, "probe", pool_size=1)
    try:
        lost = await _backend(own)
        await probe.rows(db, "SELECT pg_terminate_backend(:pid, 5000)", pid=lost)
        with pytest.raises((asyncpg.PostgresError, asyncpg.InterfaceError)):
            await _backend(own)
        assert await _backend(own) != lost
    finally:
        await own.close()


async def _backend(db: Database) -> int:
    async with db.reading(READER) as reading:
        return int(await reading.connection.fetchval("SELECT pg_backend_pid()"))
