"""Work that only one process at a time does for a database: whoever holds an advisory lock, until it dies."""

import asyncio
from collections.abc import Awaitable, Callable

import asyncpg
import structlog
from sqlalchemy.exc import DBAPIError

from sinergi.db import is_outage
from sinergi.settings import Settings

log = structlog.get_logger()

STAND_BY_SECONDS = 1.0


async def alone(name: str, settings: Settings, work: Callable[[], Awaitable[bool]], pause: float) -> None:
    """Call `work` for ever, again at once when it says that it found something, else after `pause` seconds.

    After a failure it stands by anew; the failure is logged by its class alone, as its text may quote a row.
    """
    while True:
        try:
            await _serve(name, settings, work, pause)
        except (DBAPIError, asyncpg.PostgresError, asyncpg.InterfaceError, OSError) as wrong:
            away = is_outage(wrong) or isinstance(wrong, OSError)
            log.log(30 if away else 40, f"{name}.interrupted", error=type(wrong).__name__)
        await asyncio.sleep(STAND_BY_SECONDS)


async def _serve(name: str, settings: Settings, work: Callable[[], Awaitable[bool]], pause: float) -> None:
    connection = await asyncpg.connect(settings.asyncpg_dsn(), timeout=5, command_timeout=30)
    try:
        while not await connection.fetchval("SELECT pg_try_advisory_lock(hashtext($1))", name):
            await asyncio.sleep(STAND_BY_SECONDS)
        while await connection.fetchval("SELECT true"):  # raises when the lock is lost with the connection
            if not await work():
                await asyncio.sleep(pause)
    finally:
        connection.terminate()
