"""The migrations make the tables that the models say."""

from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy.engine import Connection

from services.console.models import Base
from tests.console.conftest import System

OURS = {"outbox", "inbox", "inbox_versions", "inbox_parked", "answered", "audit", "alarms", "alembic_version"}


async def test_models_and_migrated_tables_do_not_differ(system: System) -> None:
    async with system.console.db.engine.connect() as connection:
        assert await connection.run_sync(differences) == []


def differences(connection: Connection) -> list[object]:
    def ours(thing: object, name: str | None, kind: str, reflected: bool, other: object) -> bool:
        return not (kind == "table" and name in OURS)

    context = MigrationContext.configure(connection, opts={"include_object": ours, "compare_type": True})
    return list(compare_metadata(context, Base.metadata))
