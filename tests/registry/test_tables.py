"""The migrations make the tables that the models name."""

from typing import Any

from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy.engine import Connection

from services.registry.models import Base
from tests.harness.stack import Running

SINERGI = {"outbox", "inbox", "inbox_versions", "inbox_parked", "answered", "audit", "alarms", "alembic_version"}


def _difference(connection: Connection) -> list[Any]:
    def ours(thing: Any, name: str | None, kind: str, reflected: bool, other: Any) -> bool:
        table = name if kind == "table" else getattr(getattr(thing, "table", None), "name", None)
        return table not in SINERGI

    options = {"include_object": ours, "compare_type": True}
    return list(compare_metadata(MigrationContext.configure(connection, opts=options), Base.metadata))


async def test_the_migrated_tables_are_the_models(registry: Running) -> None:
    async with registry.context.db.engine.connect() as connection:
        assert await connection.run_sync(_difference) == []
