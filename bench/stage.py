"""What every bench stands on: nats-server and PostgreSQL of its own in a temporary folder, erased afterwards."""

import asyncio
import os
import shutil
import tempfile
import time
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import asyncpg
import nats
from nats.aio.client import Client

from sinergi import tracing
from sinergi.bus import Bus, Running
from sinergi.db import SCHEMA_V1, Database
from sinergi.provision import declare_agency, declare_stream
from sinergi.settings import Settings
from sinergi_operator.database import setup_database
from sinergi_operator.servers import NatsServer, PostgresServer

AGENCY = "koperasi"
SERVICES = ["referrals", "cases"]
PASSWORD = "only-for-this-bench"
DATABASE = "bench"


class Stage:
    """The servers, with a schema for each service of the bench. The settings are the embedded default's."""

    def __enter__(self) -> "Stage":
        self.folder = Path(tempfile.mkdtemp(prefix="sinergi-bench-"))
        self.folder.chmod(0o755)  # PostgreSQL runs as another user when we are root
        self.nats, self.postgres = NatsServer(self.folder, [AGENCY]), PostgresServer(self.folder)
        try:
            self.nats.start()
            self.postgres.start()
            asyncio.run(setup_database(self.postgres.admin_url, DATABASE, dict.fromkeys(SERVICES, PASSWORD)))
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.nats.stop()
        self.postgres.stop()
        shutil.rmtree(self.folder)

    def settings(self, service: str) -> dict[str, Any]:
        """The settings of a service, as `Settings` takes them."""
        return {
            "database_url": self.postgres.url(service, PASSWORD, DATABASE),
            "nats_url": self.nats.url,
            "nats_seed_file": self.nats.seed_file(service),
            "stream_max_bytes": 4 * 1024**3,
        }

    def environment(self, service: str, **more: str) -> dict[str, str]:
        """The same as environment variables of a process."""
        settings = {f"SINERGI_{name.upper()}": str(value) for name, value in self.settings(service).items()}
        keys = {"SINERGI_WEBHOOKS_KEY_FILE": str(self.folder / "webhooks")}
        return {**os.environ, **settings, **keys, **more}

    def prepare(self, service: str, *tables: str) -> None:
        """Make the library's tables and these in the service's schema."""
        asyncio.run(_execute(self.settings(service), (*SCHEMA_V1, *tables)))

    def value(self, service: str, query: str) -> Any:
        """The query's one value, as the service sees it."""
        return asyncio.run(_fetchval(self.settings(service), query))

    def commit(self, service: str, rows: Iterable[dict[str, Any]]) -> float:
        """Insert outbox rows in one transaction, as quickly as PostgreSQL can; returns the monotonic time then."""
        return asyncio.run(_copy(self.settings(service), list(rows)))

    def provision(self) -> None:
        """Declare the streams of referrals and cases, and the agency's consumer."""

        async def declare(client: Client) -> None:
            for stream in ("REFERRALS", "CASES"):
                await declare_stream(client, stream, Settings(**self.settings("referrals")))
            await declare_agency(client, AGENCY)

        self.with_nats(declare)

    def with_nats(self, act: Any) -> Any:
        """Run `await act(client)` with the operator's rights."""

        async def connected() -> Any:
            async with operator(self.nats.url, self.nats.seed_file("operator")) as client:
                return await act(client)

        return asyncio.run(connected())


@asynccontextmanager
async def operator(url: str, seed_file: Path) -> AsyncIterator[Client]:
    """A plain nats-py connection."""
    client = await nats.connect(url, nkeys_seed=str(seed_file))
    try:
        yield client
    finally:
        await client.close()


@asynccontextmanager
async def serving(bus: Bus, settings: dict[str, Any]) -> AsyncIterator[Database]:
    """A service's bus at work as in a service's process: relay, consumers, watchdog."""
    typed = Settings(**settings)
    db = Database(typed, bus.service)
    running = Running(bus, typed, db)
    tracing.start()
    await running.start()
    try:
        async with asyncio.timeout(30):
            while await running.ready():
                await asyncio.sleep(0.02)
        yield db
    finally:
        await running.stop()
        await db.close()


async def _execute(settings: dict[str, Any], statements: Iterable[str]) -> None:
    connection = await asyncpg.connect(settings["database_url"])
    for statement in statements:
        await connection.execute(statement)
    await connection.close()


async def _fetchval(settings: dict[str, Any], query: str) -> Any:
    connection = await asyncpg.connect(settings["database_url"])
    value = await connection.fetchval(query)
    await connection.close()
    return value


async def _copy(settings: dict[str, Any], rows: list[dict[str, Any]]) -> float:
    connection = await asyncpg.connect(settings["database_url"])
    columns = list(rows[0])
    await connection.copy_records_to_table("outbox", records=[tuple(row.values()) for row in rows], columns=columns)
    committed = time.monotonic()
    await connection.close()
    return committed
