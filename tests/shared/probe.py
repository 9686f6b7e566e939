"""A tiny service for the tests of `sinergi` itself: one table, one stream, facts that are numbered notes."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID

import asyncpg
from sqlalchemy import text
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from sinergi.bus import Bus
from sinergi.bus import Running as RunningBus
from sinergi.db import SCHEMA_V1, SCHEMA_V2, Database, Tx, new_id
from sinergi.events import STREAMS, Event
from sinergi.settings import Settings
from sinergi_operator.database import setup_database
from tests.harness.stack import PASSWORD, Stack

STREAMS["PROBE"] = ("probe", ["sinergi.probe.>"])


class Noted(Event):
    """Something was noted."""

    name = "probe.noted.v1"
    text: str


class Base(DeclarativeBase):
    """The probe's tables."""


class Thing(Base):
    """An aggregate."""

    __tablename__ = "things"
    id: Mapped[UUID] = mapped_column(primary_key=True)
    version: Mapped[int] = mapped_column(default=0)


TABLES = (
    *SCHEMA_V1,
    *SCHEMA_V2,
    "CREATE TABLE things (id uuid PRIMARY KEY, version bigint NOT NULL)",
    "CREATE TABLE effects (seq bigint GENERATED ALWAYS AS IDENTITY, by text, thing text, version int, note text)",
)


async def settings_for(stack: Stack) -> Settings:
    """The probe's settings; makes its role, schema and tables."""
    await setup_database(stack.backend.admin_url, stack.database, {"probe": PASSWORD})
    settings = Settings(
        database_url=stack.database_url("probe"),
        nats_url=stack.backend.nats_url,
        nats_seed_file=stack.backend.seed_file("operator"),
        retry_delays=[0.2, 0.2],
        stream_max_bytes=256 * 1024**2,
    )
    connection = await asyncpg.connect(settings.asyncpg_dsn())
    if not await connection.fetchval("SELECT to_regclass('things')"):
        for statement in TABLES:
            await connection.execute(statement)
    await connection.close()
    return settings


async def note(db: Database, text_: str, thing: UUID | None = None) -> UUID:
    """A command: make a thing, or note on one; one fact."""
    async with db.begin() as tx:
        row = Thing(id=new_id(), version=0) if thing is None else await tx.lock(Thing, thing)
        tx.add(row)
        tx.emit(Noted(text=text_), of=row)
        return row.id


async def effect(tx: Tx, by: str, event: Noted) -> None:
    """An effect: a row that tells who did what, in order."""
    await tx.session.execute(
        text("INSERT INTO effects (by, thing, version, note) VALUES (:by, :thing, :version, :note)"),
        {
            "by": by,
            "thing": event.envelope.partitionkey,
            "version": event.envelope.sequence,
            "note": event.text,
        },
    )


async def effects(db: Database, by: str) -> list[tuple[str, int, str]]:
    """What was done: (thing, version, note), in order."""
    async with db.begin() as tx:
        rows: Any = await tx.session.execute(
            text("SELECT thing, version, note FROM effects WHERE by = :by ORDER BY seq"), {"by": by}
        )
        return [tuple(row) for row in rows]


async def rows(db: Database, sql: str, **values: object) -> list[Any]:
    """Look into the probe's tables."""
    async with db.begin() as tx:
        return list(await tx.session.execute(text(sql), values))


@asynccontextmanager
async def listening(settings: Settings, name: str, handler: Any) -> AsyncIterator[RunningBus]:
    """A service `name` that handles every note; it tells nothing itself."""
    bus = Bus(name)
    bus.on(Noted)(handler)
    db = Database(settings, name)
    running = RunningBus(bus, settings, db)
    await running.start()
    try:
        async with asyncio.timeout(10):
            while await running.ready():
                await asyncio.sleep(0.02)
        yield running
    finally:
        await running.stop()
        await db.close()


@asynccontextmanager
async def telling(settings: Settings) -> AsyncIterator[tuple[Database, RunningBus]]:
    """The service that owns the stream: its relay is at work."""
    db = Database(settings, "probe")
    running = RunningBus(Bus("probe"), settings, db)
    await running.start()
    try:
        yield db, running
    finally:
        await running.stop()
        await db.close()
