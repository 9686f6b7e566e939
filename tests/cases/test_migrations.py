"""Cases of the first release come along: their closures, and their follow-ups as tasks; from here on they are known."""

from pathlib import Path
from uuid import uuid4

import asyncpg
from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, text
from sqlalchemy.ext.asyncio import create_async_engine

import services.cases
from sinergi_operator.database import setup_database
from tests.harness.stack import PASSWORD, Running, Stack

FIRST_RELEASE = """
    INSERT INTO cases (id, version, agency, area, worker, supervisor, client_kind, client_id, way_in, stage,
                       closure_reason, client_view, closed_at)
    VALUES (:case, 9, 'dinsos', '31.74.01', 'w', 's', 'person', :client, 'registry', 'pembinaan_lanjut', 'goals-met',
            'Puas', '2026-03-01T03:00Z');
    INSERT INTO plans (id, case_id, state, comment) VALUES (:plan, :case, 'approved', '');
    INSERT INTO goals (id, case_id, position, key, need, text, outcome)
    VALUES (:goal, :case, 0, 'skill', 'economic', 'Mampu', 'met');
    INSERT INTO follow_ups (id, case_id, due_on, done_at) VALUES (:done, :case, '2026-04-01', now());
    INSERT INTO follow_ups (id, case_id, due_on) VALUES (:due, :case, '2099-06-01')"""


def upgrade(connection: Connection, revision: str) -> None:
    config = Config()
    config.set_main_option("script_location", str(Path(str(services.cases.__path__[0])) / "migrations"))
    config.attributes["connection"] = connection
    command.upgrade(config, revision)


async def test_cases_of_the_first_release_come_along(stack: Stack, cases: Running) -> None:
    database = f"migrated_{uuid4().hex[:8]}"
    await setup_database(stack.backend.admin_url, database, {"cases": PASSWORD})
    url = stack.database_url("cases").replace(f"/{stack.database}", f"/{database}")
    engine = create_async_engine(url.replace("postgresql://", "postgresql+asyncpg://"))
    ids = {name: uuid4() for name in ("case", "client", "plan", "goal", "done", "due")}
    async with engine.connect() as connection:
        await connection.run_sync(upgrade, "0001")
        for statement in FIRST_RELEASE.split(";"):
            named = text(statement)
            await connection.execute(named, {key: ids[key] for key in named._bindparams})
        await connection.commit()
        await connection.run_sync(upgrade, "head")
        await connection.commit()
    await engine.dispose()

    found = await asyncpg.connect(url)
    closure = await found.fetchrow("SELECT * FROM closures")
    assert (closure["state"], closure["reason"], closure["client_view"]) == ("approved", "goals-met", "Puas")
    assert (closure["requested_by"], closure["decided_by"], closure["asked_from"]) == ("w", "s", "intervensi")
    assert closure["outcomes"] == '{"skill": {"outcome": "met", "evidence": ""}}'
    states = dict(await found.fetch("SELECT id, state FROM follow_ups"))
    assert states == {ids["done"]: "done", ids["due"]: "due"}
    (task,) = await found.fetch("SELECT t.* FROM tasks AS t JOIN follow_ups AS f ON f.task_id = t.id")
    assert (task["kind"], task["worker"], str(task["due_on"])) == ("follow-up", "w", "2099-06-01")
    alarm = await found.fetchval("SELECT due_at FROM alarms WHERE about = $1 AND kind = 'task.overdue'", task["id"])
    assert alarm.isoformat() == "2099-06-01T17:00:00+00:00"
    kept = await found.fetch("SELECT kind, count(*) AS n FROM versions GROUP BY kind ORDER BY kind")
    assert {one["kind"]: one["n"] for one in kept} == {
        "cases": 1, "closures": 1, "follow_ups": 2, "goals": 1, "plans": 1, "tasks": 1,
    }  # fmt: skip
    await found.close()
