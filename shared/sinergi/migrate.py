"""Migrations by Alembic, each service its own, run under a lock so that replicas starting together take turns."""

import hashlib
from importlib import import_module
from pathlib import Path

from alembic import command, context
from alembic.config import Config
from sqlalchemy import MetaData, text
from sqlalchemy.engine import Connection
from sqlalchemy.ext.asyncio import create_async_engine

from sinergi.settings import Settings


async def migrate(service: str, settings: Settings) -> None:
    """Bring a service's tables up to date; returns when they are, whoever did it."""
    engine = create_async_engine(settings.sqlalchemy_url())
    try:
        async with engine.connect() as connection:
            lock = int.from_bytes(hashlib.sha256(f"sinergi-migrate-{service}".encode()).digest()[:7])
            await connection.execute(text("SELECT pg_advisory_lock(:lock)"), {"lock": lock})
            await connection.commit()
            await connection.run_sync(_upgrade, service)
            await connection.commit()
    finally:
        await engine.dispose()


def _upgrade(connection: Connection, service: str) -> None:
    folder = Path(str(import_module(f"services.{service}").__path__[0])) / "migrations"
    config = Config()
    config.set_main_option("script_location", str(folder))
    config.attributes["connection"] = connection
    command.upgrade(config, "head")


def run(metadata: MetaData) -> None:
    """What a service's migrations/env.py calls: run the migrations on the connection that `migrate` opened.

    A migration that waits for a lock gives up after five seconds rather than block the service behind it.
    """
    connection = context.config.attributes["connection"]
    connection.execute(text("SET lock_timeout = '5s'"))
    context.configure(connection=connection, target_metadata=metadata)
    with context.begin_transaction():
        context.run_migrations()
