"""One database: a role and a schema for each service, set up again and again."""

import asyncio

import asyncpg
import pytest

from sinergi_operator.database import setup_database
from sinergi_operator.servers import PostgresServer
from tests.operator.launching import PASSWORDS


async def test_one_services_role_cannot_read_anothers_tables(postgres: PostgresServer) -> None:
    postgres.start()
    await setup_database(postgres.admin_url, "sinergi", PASSWORDS)
    cases = await asyncpg.connect(postgres.url("cases", PASSWORDS["cases"], "sinergi"))
    registry = await asyncpg.connect(postgres.url("registry", PASSWORDS["registry"], "sinergi"))
    await cases.execute("CREATE TABLE notes (text text)")
    assert await cases.fetchval("SELECT schemaname FROM pg_tables WHERE tablename = 'notes'") == "cases"
    refused = ["SELECT * FROM cases.notes", "CREATE TABLE cases.mine ()", "CREATE TABLE public.mine ()"]
    refused += [
        "SET ROLE cases",
        "CREATE SCHEMA mine",
        "CREATE TABLE extensions.mine ()",
        "CREATE TEMP TABLE t ()",
    ]
    for statement in refused:
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await registry.execute(statement)
    assert await registry.fetchval("SELECT similarity('siti', 'siti')") == 1
    await cases.close()
    await registry.close()


async def test_a_role_made_outside_cannot_connect_to_the_database(postgres: PostgresServer) -> None:
    postgres.start()
    await setup_database(postgres.admin_url, "sinergi", PASSWORDS)
    admin = await asyncpg.connect(postgres.admin_url)
    await admin.execute("CREATE ROLE stranger LOGIN PASSWORD 'x'")
    await admin.close()
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await asyncpg.connect(postgres.url("stranger", "x", "sinergi"))


async def test_setting_up_again_keeps_the_data_and_takes_the_new_password(postgres: PostgresServer) -> None:
    postgres.start()
    await setup_database(postgres.admin_url, "sinergi", PASSWORDS)
    cases = await asyncpg.connect(postgres.url("cases", PASSWORDS["cases"], "sinergi"))
    await cases.execute("CREATE TABLE notes AS SELECT 'kept' AS text")
    await cases.close()
    await setup_database(postgres.admin_url, "sinergi", {**PASSWORDS, "cases": "it's \\new"})
    cases = await asyncpg.connect(postgres.url("cases", "it's \\new", "sinergi"))
    assert await cases.fetchval("SELECT text FROM notes") == "kept"
    await cases.close()


async def test_setting_up_twice_at_once_does_no_harm(postgres: PostgresServer) -> None:
    postgres.start()
    await asyncio.gather(*(setup_database(postgres.admin_url, "sinergi", PASSWORDS) for _ in range(3)))
