"""A registry of the first release comes along: its numbers are sealed, its raw rows open, its people are found."""

from pathlib import Path
from uuid import uuid4

import asyncpg
from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, text
from sqlalchemy.ext.asyncio import create_async_engine

import services.registry
from services.registry.keys import keys_of
from services.registry.seal import Seal
from sinergi_operator.database import setup_database
from tests.harness.stack import PASSWORD, Running, Stack

NIK, KK = "3174010101900001", "3174010101200002"
FIRST_RELEASE = """
    INSERT INTO imports (id, version, source, filename, sha256, area, uploaded_by, state, cursor_row, rows_read,
                         rows_good, rows_bad, persons_new, persons_matched)
    VALUES (:import, 1, 'city', 'list.csv', 'x', '31.74', 'somebody', 'completed', 2, 1, 1, 0, 1, 0);
    INSERT INTO households (id, version, kk) VALUES (:home, 0, :kk);
    INSERT INTO persons (id, version, nik, name, name_key, birth_date, area, household_id, kk, is_head,
                         unmatched, sources)
    VALUES (:person, 0, :nik, 'Budi Lama', 'BUDI LAMA', '1990-01-01', '31.74.01.1001', :home, :kk, true, false,
            jsonb_build_object('name', CAST(:record AS uuid)));
    INSERT INTO records (id, import_id, "row", person_id, raw, kk, nik, name, name_key, area, is_head, need, warnings)
    VALUES (:record, :import, 2, :person, '{"NIK": "3174010101900001"}', :kk, :nik, 'Budi Lama', 'BUDI LAMA',
            '31.74.01.1001', true, 'Fakir miskin', '{}')"""  # fmt: skip


def upgrade(connection: Connection, revision: str) -> None:
    config = Config()
    folder = Path(str(services.registry.__path__[0])) / "migrations"
    config.set_main_option("script_location", str(folder))
    config.attributes["connection"] = connection
    command.upgrade(config, revision)


async def test_people_of_the_first_release_come_along(stack: Stack, registry: Running) -> None:
    database = f"migrated_{uuid4().hex[:8]}"
    await setup_database(stack.backend.admin_url, database, {"registry": PASSWORD})
    url = stack.database_url("registry").replace(f"/{stack.database}", f"/{database}")
    engine = create_async_engine(url.replace("postgresql://", "postgresql+asyncpg://"))
    ids = {name: uuid4() for name in ("import", "home", "person", "record")}
    async with engine.connect() as connection:
        await connection.run_sync(upgrade, "0001")
        for statement in FIRST_RELEASE.split(";"):
            named = text(statement)
            await connection.execute(named, {key: (ids | {"nik": NIK, "kk": KK})[key] for key in named._bindparams})
        await connection.commit()
        await connection.run_sync(upgrade, "head")
        await connection.commit()
    await engine.dispose()

    found = await asyncpg.connect(url)
    seal = Seal.current()
    person = await found.fetchrow("SELECT * FROM persons WHERE nik = $1", seal.nik.seal(NIK))
    assert (person["id"], seal.kk.open(person["kk"]), person["record_id"]) == (ids["person"], KK, ids["record"])
    assert set(person["keys"]) == set(keys_of("BUDI LAMA", person["birth_date"], person["area"]))
    assert await found.fetchval("SELECT need FROM records") == "fakir-miskin"
    page = await found.fetchrow("SELECT * FROM raw_pages")
    assert NIK in seal.open_page(page["sealed"], f"{ids['import']}:2")
    await found.close()
