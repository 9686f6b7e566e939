"""`make demo` as its user runs it: the whole system in processes of its own, the story, and nothing left behind."""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from sinergi_operator.servers import PostgresServer

ROOT = Path(__file__).parents[2]
SINERGI = Path(sys.executable).with_name("sinergi")
#: limits for a machine that does much beside this; alone the story takes 20 s
STORY_SECONDS, PATIENCE_SECONDS = 240, 60
pytestmark = pytest.mark.timeout(STORY_SECONDS + PATIENCE_SECONDS)


@pytest.fixture(scope="module")
def state() -> Iterator[Path]:
    """A state folder of its own."""
    folder = Path(tempfile.mkdtemp(prefix="sinergi-journey-"))
    folder.chmod(0o755)
    yield folder / "state"
    PostgresServer(folder / "state").erase()
    shutil.rmtree(folder)


def sinergi(*arguments: str, state: Path) -> "subprocess.Popen[str]":
    command = [str(SINERGI), *arguments, "--state", str(state)]
    wide = os.environ | {"COLUMNS": "160"}
    return subprocess.Popen(command, cwd=ROOT, env=wide, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)


def ours(state: Path) -> list[str]:
    """What still runs out of this state folder."""
    found = []
    for process in psutil.process_iter(["cmdline", "environ", "status"]):
        told = " ".join([*(process.info["cmdline"] or []), *(process.info["environ"] or {}).values()])
        if str(state) in told and process.pid != os.getpid() and process.info["status"] != psutil.STATUS_ZOMBIE:
            found.append(" ".join(process.info["cmdline"] or []))
    return found


def test_the_first_loop_closes_and_nothing_is_left_running(state: Path) -> None:
    telling = sinergi("demo", "--exit", "--people", "2000", state=state)
    output, _ = telling.communicate(timeout=STORY_SECONDS)
    assert telling.returncode == 0, output
    assert "The first loop is closed." in output
    assert "said by bptsp" in output
    assert "heard by cases-referrals, koperasi, notify-referrals" in output
    assert ours(state) == []


@pytest.mark.slow
def test_the_state_survives_a_restart_and_the_story_can_be_told_again(state: Path) -> None:
    telling = sinergi("demo", "--exit", "--people", "2000", state=state)
    output, _ = telling.communicate(timeout=STORY_SECONDS)
    assert telling.returncode == 0, output
    assert " 1 good" not in output
    assert "The first loop is closed." in output


@pytest.mark.javascript
def test_the_first_loop_closes_with_plug_ins_that_hold_no_code_of_ours(state: Path) -> None:
    folder = ROOT / "deploy" / "agency" / "javascript"
    subprocess.run(["npm", "ci", "--no-audit", "--no-fund", "--silent"], cwd=folder, check=True)
    telling = sinergi("demo", "--exit", "--javascript", state=state)
    output, _ = telling.communicate(timeout=STORY_SECONDS)
    assert telling.returncode == 0, output
    assert "said by bptsp" in output


@pytest.mark.slow
def test_a_service_that_is_killed_is_started_again_and_ctrl_c_stops_everything(state: Path) -> None:
    running = sinergi("up", state=state)
    assert running.stdout
    lines = iter(running.stdout.readline, "")
    assert any("Ctrl-C stops everything" in line for line in lines), "it never came up"
    assert len(ours(state)) >= 9, "servers, services and plug-ins should be running"
    first = service(state, "services.cases.main")
    assert first
    first.kill()
    deadline = time.monotonic() + PATIENCE_SECONDS
    while (again := service(state, "services.cases.main")) is None or again.pid == first.pid:
        assert time.monotonic() < deadline, "it was not started again"
        time.sleep(0.1)
    assert any("cases ended" in line for line in lines)
    running.send_signal(signal.SIGINT)
    assert running.wait(timeout=PATIENCE_SECONDS) == 0
    assert ours(state) == []


def service(state: Path, module: str) -> psutil.Process | None:
    for process in psutil.process_iter(["cmdline", "environ"]):
        if module in (process.info["cmdline"] or []) and str(state) in str(process.info["environ"]):
            return process
    return None
