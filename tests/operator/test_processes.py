"""Programs of the launcher: private keys, and nothing outlives its launcher."""

import os
import stat
from pathlib import Path

import psutil
import pytest

from sinergi_operator import processes
from sinergi_operator.keys import ensure_keys, ensure_secret
from sinergi_operator.processes import (
    AlreadyRunningError,
    Process,
    ProcessError,
    find_running,
    free_port,
    is_free,
    kept_port,
    living,
    stop_all,
)
from sinergi_operator.servers import NatsServer, PostgresServer
from tests.operator.launching import AGENCIES, launcher, wait_for


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


def test_no_port_is_given_out_twice(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    monkeypatch.setattr(processes, "GIVEN_OUT", {})
    monkeypatch.setattr(processes.random, "SystemRandom", lambda: _AsTheyCome())
    first, second = kept_port(folder / "registry"), kept_port(folder / "referrals")
    assert first != second
    assert (kept_port(folder / "registry"), kept_port(folder / "referrals")) == (first, second)


class _AsTheyCome:
    """No chance in it: each search for a port finds the same first one."""

    def sample(self, ports: range, count: int) -> range:
        return ports[:count]
