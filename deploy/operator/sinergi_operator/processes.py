"""The programs that the launcher starts: each ends with us, however we end."""

import atexit
import ctypes
import fcntl
import os
import random
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO, Protocol

import psutil

# Below the ephemeral ranges of Linux (32768-) and macOS (49152-): a client that keeps dialling a stopped
# server's port could otherwise be given that very port as its own, connect to itself and hold it.
PORTS = range(15_000, 32_000)
#: Ports that this process has given out, to a file that keeps them or to nobody by name: whoever got one may not
#: listen yet, and nobody else gets it.
GIVEN_OUT: dict[int, Path | None] = {}
PR_SET_PDEATHSIG = 1  # linux/prctl.h
LIBC = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None


class AlreadyRunningError(RuntimeError):
    """Another launcher holds this state folder."""


class ProcessError(RuntimeError):
    """A program ended or stayed silent; the message carries the end of its log."""


class Stoppable(Protocol):
    """Whatever can be stopped: a `Process` or a server."""

    def stop(self) -> None: ...


def is_free(port: int) -> bool:
    """Whether nobody listens on this loopback TCP port."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True


def free_port() -> int:
    """A free loopback TCP port outside the ephemeral range, never the same one twice."""
    for port in random.SystemRandom().sample(PORTS, 200):
        if port not in GIVEN_OUT and is_free(port):
            GIVEN_OUT[port] = None
            return port
    raise OSError("no free loopback port found in 200 tries")


def kept_port(file: Path) -> int:
    """The port stored in `file` when it is still free and nobody else's, else a new one, stored there."""
    text = file.read_text() if file.exists() else ""
    if text.isdigit() and GIVEN_OUT.get(int(text), file) == file and is_free(int(text)):
        port = int(text)
    else:
        port = free_port()
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(str(port))
    GIVEN_OUT[port] = file
    return port


def find_running(name: str, marker: str) -> list[psutil.Process]:
    """Processes called `name` with `marker` somewhere in their command line."""
    found = []
    for process in psutil.process_iter(["name", "cmdline"]):
        if process.info["name"] == name and marker in " ".join(process.info["cmdline"] or ()):
            found.append(process)
    return found


def living(processes: Iterable[psutil.Process]) -> list[psutil.Process]:
    """Those that still run; a zombie does not (in a container nobody may ever reap an orphan)."""
    found = []
    for process in processes:
        with suppress(psutil.NoSuchProcess):
            if process.is_running() and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
    return found


def end_running(processes: Iterable[psutil.Process], sig: signal.Signals, grace: float = 10.0) -> None:
    """Send `sig`, wait `grace` seconds, then kill what is left."""
    left = living(processes)
    for chosen in (sig, signal.SIGKILL):
        for process in left:
            with suppress(psutil.NoSuchProcess):
                process.send_signal(chosen)
        deadline = time.monotonic() + grace
        while (left := living(left)) and time.monotonic() < deadline:
            time.sleep(0.02)


def stop_all(things: Sequence[Stoppable]) -> None:
    """Stop in reverse order of starting; one that fails does not keep the others running."""
    failures = []
    for thing in reversed(things):
        try:
            thing.stop()
        except Exception as failure:
            failures.append(failure)
    if failures:
        raise ExceptionGroup("not everything could be stopped", failures)


def tail(log: Path, lines: int = 20) -> str:
    """The last lines of a log file, "" when there is none."""
    if not log.exists():
        return ""
    with log.open("rb") as file:
        file.seek(max(0, log.stat().st_size - 64_000))
        return "\n".join(file.read().decode(errors="replace").splitlines()[-lines:])


class Lock:
    """A file lock that ends with its holder: two launchers never look after the same servers.

    Errors: `AlreadyRunningError` from `acquire` when another process holds it.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file: IO[str] | None = None

    def acquire(self) -> None:
        """Take the lock; nothing happens when it is ours already."""
        if self._file:
            return
        self.path.parent.mkdir(parents=True, exist_ok=True)
        file = self.path.open("a")
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.close()
            raise AlreadyRunningError(f"already running from this folder: {self.path.parent}") from None
        self._file = file

    def release(self) -> None:
        """Give the lock back."""
        if self._file:
            self._file.close()
            self._file = None


class Process:
    """One program in a session of its own, so that a Ctrl-C reaches only us; its output is appended to `log`.

    On Linux the kernel sends it `death_signal` when we die, even by kill -9; elsewhere our exit stops it.
    `user` and `group` are numeric ids to drop to, possible for root only.
    Errors: `ProcessError`, with the end of the log, from `check` and `wait`.
    """

    def __init__(
        self,
        name: str,
        argv: Sequence[str | Path],
        *,
        log: Path,
        env: Mapping[str, str] | None = None,
        cwd: Path | None = None,
        user: int | None = None,
        group: int | None = None,
        stop_signal: signal.Signals = signal.SIGTERM,
        death_signal: signal.Signals = signal.SIGTERM,
    ) -> None:
        self.name = name
        self.argv = [str(part) for part in argv]
        self.log = log
        self.env = env
        self.cwd = cwd
        self.user = user
        self.group = group
        self.stop_signal = stop_signal
        self.death_signal = death_signal
        self._popen: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int | None:
        """Its process id once started, also after its end."""
        return self._popen.pid if self._popen else None

    @property
    def returncode(self) -> int | None:
        """Its exit code, minus the signal's number when a signal ended it; None while it runs."""
        return self._popen.poll() if self._popen else None

    @property
    def alive(self) -> bool:
        """Whether it was started and still runs."""
        return self._popen is not None and self._popen.poll() is None

    def start(self) -> None:
        """Start it, from the main thread; nothing happens while it runs."""
        if self.alive:
            return
        if threading.current_thread() is not threading.main_thread():
            # PDEATHSIG follows the thread that forked: the end of a pool's thread would end the program.
            raise RuntimeError(f"{self.name} must be started from the main thread")
        self.log.parent.mkdir(parents=True, exist_ok=True)
        with self.log.open("ab") as log:
            self._popen = self._spawn(log)
        atexit.register(self.terminate)

    def terminate(self, grace: float = 10.0) -> None:
        """Ask it to stop, wait `grace` seconds, then kill its whole group."""
        if self._popen is None:
            return
        if self.alive:
            self._popen.send_signal(self.stop_signal)
            with suppress(subprocess.TimeoutExpired):
                self._popen.wait(grace)
        self.kill()

    def stop(self) -> None:
        """`terminate` with its usual grace."""
        self.terminate()

    def kill(self) -> None:
        """SIGKILL to its whole group."""
        if self._popen is None:
            return
        # macOS answers EPERM for a group of which only a zombie is left.
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self._popen.pid, signal.SIGKILL)
        self._popen.wait()
        atexit.unregister(self.terminate)

    def wait(self, timeout: float) -> None:
        """Wait for a successful end; a failure or `timeout` seconds passed raise `ProcessError`."""
        if self._popen is None:
            raise ProcessError(f"{self.name} was never started")
        try:
            returncode = self._popen.wait(timeout)
        except subprocess.TimeoutExpired as late:
            raise ProcessError(self._told("did not end in time")) from late
        finally:
            self.kill()
        if returncode != 0:
            raise ProcessError(self._told(f"ended with {returncode}"))

    def wait_until(self, ready: Callable[[], bool], timeout: float) -> None:
        """Poll `ready` every 20 ms; `ProcessError` when the program ends or `timeout` seconds pass first."""
        deadline = time.monotonic() + timeout
        while not ready():
            self.check()
            if time.monotonic() > deadline:
                raise ProcessError(self._told(f"was not ready after {timeout:.0f} s"))
            time.sleep(0.02)

    def check(self) -> None:
        """Raise `ProcessError` when it does not run."""
        if not self.alive:
            raise ProcessError(self._told(f"ended with {self.returncode}"))

    def _told(self, what: str) -> str:
        return f"{self.name} {what}; the end of {self.log}:\n{tail(self.log)}"

    def _spawn(self, log: IO[bytes]) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            self.argv,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            env=self.env,
            cwd=self.cwd,
            user=self.user,
            group=self.group,
            extra_groups=[] if self.user is not None else None,
            start_new_session=True,
            # Safe beside threads: one system call by a library that is loaded already, and no Python import.
            preexec_fn=_die_with(os.getpid(), self.death_signal),
        )


def _die_with(parent: int, death_signal: signal.Signals) -> Callable[[], None] | None:
    """What the child runs after dropping its rights (which clears PDEATHSIG), before exec; None off Linux."""
    libc = LIBC
    if libc is None:
        return None

    def ask_the_kernel() -> None:
        libc.prctl(PR_SET_PDEATHSIG, int(death_signal), 0, 0, 0)
        if os.getppid() != parent:  # it died before the call: no signal will come any more
            os._exit(1)

    return ask_the_kernel
