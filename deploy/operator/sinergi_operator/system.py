"""The whole system on this machine without Docker: servers, services, plug-ins, mail, each its own process."""

import asyncio
import os
import sys
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import httpx2 as httpx
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from sinergi_operator.database import setup_database
from sinergi_operator.directory import fill
from sinergi_operator.keys import ensure_secret
from sinergi_operator.place import Place, console, read_logins
from sinergi_operator.processes import Process, Stoppable, kept_port, stop_all, tail
from sinergi_operator.servers import NatsServer, PostgresServer
from sinergi_operator.setup import BUILT_IN, SERVICES, ensure_users

READY_SECONDS = 60
#: a service that ends is started again after so long, doubled each time up to a minute
FIRST_RESTART_SECONDS = 1.0


class System:
    """Everything, kept in one state folder, which a later start finds again. `root` is the repository.

    With `javascript` the agencies' plug-ins are those in plain JavaScript (node and `npm ci` are the caller's);
    `without` names agencies whose plug-in somebody else runs; at `leaf_port` agencies' own servers may connect.
    """

    def __init__(
        self,
        state: Path,
        root: Path,
        *,
        javascript: bool = False,
        without: Sequence[str] = (),
        leaf_port: int | None = None,
    ) -> None:
        self.state, self.root, self._javascript = state.absolute(), root.absolute(), javascript
        self.nats = NatsServer(self.state, BUILT_IN, leaf_port=leaf_port)
        self.postgres = PostgresServer(self.state)
        self._without = without
        self.services: dict[str, Process] = {}
        self._started: list[Stoppable] = []
        self._ports = {name: kept_port(self.state / "ports" / name) for name in (*SERVICES, "smtp")}
        self._restarts: dict[str, tuple[float, float]] = {}

    @property
    def place(self) -> Place:
        """Where it all is."""
        return Place(
            urls={name: f"http://127.0.0.1:{self._ports[name]}" for name in SERVICES},
            nats_url=self.nats.url,
            seed_file=self.nats.seed_file("operator"),
            logins=read_logins(self.state / "users" / "logins.json"),
            mail=self.state / "mail",
        )

    async def start(self) -> None:
        """Start all, in order, until every service is ready; what exists already is kept."""
        with _progress() as progress:
            self._step(progress, "NATS JetStream", partial(self._start, self.nats))
            self._step(progress, "PostgreSQL", partial(self._start, self.postgres))
            await setup_database(self.postgres.admin_url, "sinergi", self._passwords())
            ensure_users(self.state / "users")
            self._step(progress, "mail server", self._start_mail)
            for name in SERVICES:
                self._step(progress, f"service {name}", partial(self._start_service, name))
            await self._until_ready(progress)
            await self._fill_directory()
            for code in self._plugins():
                self._step(progress, f"plug-in of {code}", partial(self._start_plugin, code))

    def stop(self) -> None:
        """Stop all, in reverse order."""
        stop_all(self._started)

    async def watch_over(self) -> None:
        """Start again whatever of ours ends, with growing pauses; runs until cancelled."""
        while True:
            await asyncio.sleep(0.5)
            for name, process in self.services.items():
                if not process.alive:
                    self._restart(name, process)

    def _restart(self, name: str, process: Process) -> None:
        now = time.monotonic()
        due, pause = self._restarts.get(name, (now, FIRST_RESTART_SECONDS))
        if now >= due:
            console.print(f"[red]{name} ended with {process.returncode}[/]: started again. Its log: {process.log}")
            process.start()
            self._restarts[name] = (now + pause, min(pause * 2, 60))

    # ---------------------------------------------------------------- parts

    def _start(self, server: NatsServer | PostgresServer) -> None:
        self._started.append(server)
        server.start()

    def _plugins(self) -> list[str]:
        """The agencies whose plug-in we run: ours, unless they were revoked or somebody else runs it."""
        accounts = self.nats.account_codes()
        return [code for code in BUILT_IN if code in accounts and code not in self._without]

    def _start_mail(self) -> None:
        argv: list[str | Path] = [
            "-m",
            "sinergi_operator.mail",
            self.state / "mail",
            "--port",
            str(self._ports["smtp"]),
        ]
        self._run("smtp", argv, {})

    def _start_service(self, name: str) -> None:
        self._run(name, ["-m", f"services.{name}.main"], self._environment(name))

    def _start_plugin(self, code: str) -> None:
        keys = {"SINERGI_NATS_URL": self.nats.url, "SINERGI_NATS_SEED_FILE": str(self.nats.seed_file(code))}
        folder = self.root / "deploy" / "agency"
        if self._javascript:
            self._run(code, [folder / "javascript" / f"{code}.mjs"], keys, program="node")
        else:
            self._run(code, [folder / f"{code}.py"], keys)

    def _run(
        self, name: str, arguments: Sequence[str | Path], environment: dict[str, str], program: str = sys.executable
    ) -> None:
        process = Process(
            name,
            [program, *arguments],
            log=self.state / "logs" / f"{name}.log",
            env=os.environ | environment,
            cwd=self.root,
        )
        self.services[name] = process
        self._started.append(process)
        process.start()

    def _passwords(self) -> dict[str, str]:
        return {name: ensure_secret(self.state / "secrets" / name) for name in SERVICES}

    def _environment(self, name: str) -> dict[str, str]:
        urls = {service: f"http://127.0.0.1:{self._ports[service]}" for service in SERVICES}
        return {
            "SINERGI_DATABASE_URL": self.postgres.url(name, self._passwords()[name], "sinergi"),
            "SINERGI_NATS_URL": self.nats.url,
            "SINERGI_NATS_SEED_FILE": str(self.nats.seed_file(name)),
            "SINERGI_PORT": str(self._ports[name]),
            "SINERGI_ISSUER": urls["console"],
            "SINERGI_FILES_FOLDER": str(self.state / "files"),
            "SINERGI_SEAL_KEY_FILE": str(self.state / "secrets" / "seal"),
            "SINERGI_NOTES_KEY_FILE": str(self.state / "secrets" / "notes"),
            "SINERGI_WEBHOOKS_KEY_FILE": str(self.state / "secrets" / "webhooks"),
            "SINERGI_ATTACHMENTS_URL": (self.state / "attachments").absolute().as_uri(),
            "SINERGI_USERS_FILE": str(self.state / "users" / "users.json"),
            "SINERGI_SMTP_URL": f"smtp://127.0.0.1:{self._ports['smtp']}",
            "SINERGI_MAIL_FROM": "sinergi@dinsos.example",
            "SINERGI_CONSOLE_URL": urls["console"],
            **{
                f"SINERGI_{service.upper()}_URL": urls[service]
                for service in ("registry", "cases", "referrals", "notify")
            },
        }

    async def _until_ready(self, progress: Progress) -> None:
        task = progress.add_task("waiting until every service is ready")
        deadline = time.monotonic() + READY_SECONDS
        async with httpx.AsyncClient(timeout=2) as http:
            for name in SERVICES:
                while not await _answers(http, f"http://127.0.0.1:{self._ports[name]}/readyz"):
                    self.services[name].check()
                    if time.monotonic() > deadline:
                        log = self.services[name].log
                        raise TimeoutError(f"{name} is not ready after {READY_SECONDS} s. {log}:\n{tail(log)}")
                    await asyncio.sleep(0.05)
        progress.remove_task(task)

    async def _fill_directory(self) -> None:
        place = self.place
        api = place.sign_in("operator")
        revoked = set(BUILT_IN) - set(self.nats.account_codes())
        await fill(api, {login.username: login.sub for login in place.logins.values()}, revoked)
        await api.close()

    def _step(self, progress: Progress, text: str, act: Callable[[], None]) -> None:
        task = progress.add_task(text)
        act()
        progress.remove_task(task)


async def _answers(http: httpx.AsyncClient, url: str) -> bool:
    try:
        return (await http.get(url)).status_code == 200
    except httpx.HTTPError:
        return False


def _progress() -> Progress:
    return Progress(
        SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn(), console=console, transient=True
    )
