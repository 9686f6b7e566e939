"""One database: a role and a schema for each service, so that none reads another's tables."""

import asyncpg


async def setup_database(admin_url: str, database: str, passwords: dict[str, str]) -> None:
    """Create `database`, with a role and a schema for each service; run again, it changes only passwords.

    `passwords`: service -> its role's password. A role may connect to `database` and use its own schema and
    the functions of schema `extensions` (pg_trgm), which are its search_path; no role sees another's schema.
    """
    admin = await asyncpg.connect(admin_url, database="postgres")
    try:
        await admin.execute("SELECT pg_advisory_lock(hashtext('sinergi setup_database'))")
        for service, password in passwords.items():
            await _setup_role(admin, service, password)
        if not await admin.fetchval("SELECT 1 FROM pg_database WHERE datname = $1", database):
            await admin.execute(f"CREATE DATABASE {_ident(database)}")
        await _setup_schemas(admin_url, database, list(passwords))
    finally:
        await admin.close()


async def _setup_role(admin: asyncpg.Connection, service: str, password: str) -> None:
    exists = await admin.fetchval("SELECT 1 FROM pg_roles WHERE rolname = $1", service)
    verb = "ALTER" if exists else "CREATE"
    literal = await admin.fetchval("SELECT quote_literal($1::text)", password)
    await admin.execute(f"{verb} ROLE {_ident(service)} LOGIN PASSWORD {literal}")


async def _setup_schemas(admin_url: str, database: str, services: list[str]) -> None:
    owner = await asyncpg.connect(admin_url, database=database)
    try:
        async with owner.transaction():
            await owner.execute(f"REVOKE ALL ON DATABASE {_ident(database)} FROM PUBLIC")
            await owner.execute("REVOKE ALL ON SCHEMA public FROM PUBLIC")
            await owner.execute("CREATE SCHEMA IF NOT EXISTS extensions")
            if await owner.fetchval("SELECT 1 FROM pg_available_extensions WHERE name = 'pg_trgm'"):
                await owner.execute("CREATE EXTENSION IF NOT EXISTS pg_trgm SCHEMA extensions")
            for service in services:
                await owner.execute(_schema_sql(_ident(database), _ident(service)))
    finally:
        await owner.close()


def _schema_sql(database: str, service: str) -> str:
    return f"""
        GRANT CONNECT ON DATABASE {database} TO {service};
        CREATE SCHEMA IF NOT EXISTS {service} AUTHORIZATION {service};
        REVOKE ALL ON SCHEMA {service} FROM PUBLIC;
        GRANT USAGE ON SCHEMA extensions TO {service};
        ALTER ROLE {service} IN DATABASE {database} SET search_path = {service}, extensions;
    """


def _ident(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
