"""The real servers behind the tests, by SINERGI_TEST_BACKEND: embedded (default), containers or external.

A backend that cannot be had is a failure, never a skip.
"""

import os
import shutil
import tempfile
from pathlib import Path
from typing import Protocol

from testcontainers.core.container import DockerContainer
from testcontainers.core.waiting_utils import wait_for_logs

from sinergi_operator.keys import ensure_keys
from sinergi_operator.nats_config import CORE_USERS, SYSTEM_USER, render
from sinergi_operator.servers import NatsServer, PostgresServer

AGENCIES = ["koperasi", "bptsp", "dinkes"]
NATS_IMAGE = "nats:2.15-alpine"
POSTGRES_IMAGE = "postgres:18"


class Backend(Protocol):
    """Where the servers are, and how a test breaks them."""

    nats_url: str
    admin_url: str

    def seed_file(self, user: str) -> Path: ...
    def stop(self) -> None: ...
    def crash_nats(self) -> None:
        """kill -9, then start again on the same store and port."""

    def crash_postgres(self) -> None:
        """kill -9 of every process, then start again on the same data and port."""


class Embedded:
    """nats-server and PostgreSQL from their wheels."""

    def __init__(self) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="sinergi-test-"))
        self._folder.chmod(0o755)
        self.nats, self.postgres = NatsServer(self._folder, AGENCIES), PostgresServer(self._folder)
        self.nats.start()
        self.postgres.start()
        self.nats_url, self.admin_url = self.nats.url, self.postgres.admin_url

    def seed_file(self, user: str) -> Path:
        return self.nats.seed_file(user)

    def stop(self) -> None:
        self.nats.stop()
        self.postgres.stop()
        shutil.rmtree(self._folder)

    def crash_nats(self) -> None:
        self.nats.kill()
        self.nats.start()

    def crash_postgres(self) -> None:
        self.postgres.kill()
        self.postgres.start()


class Containers:
    """The images of docker-compose.yml, through testcontainers."""

    def __init__(self) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="sinergi-test-"))
        keys = ensure_keys(self._folder / "keys", [*CORE_USERS, SYSTEM_USER, *AGENCIES])
        config = render(keys, AGENCIES, port=4222, store_dir=Path("/data"), listen="0.0.0.0")
        (self._folder / "nats.conf").write_text(config)
        self._nats = (
            DockerContainer(NATS_IMAGE)
            .with_command(["nats-server", "-c", "/etc/sinergi/nats.conf"])
            .with_volume_mapping(str(self._folder / "nats.conf"), "/etc/sinergi/nats.conf")
            .with_exposed_ports(4222)
        )
        self._postgres = (
            DockerContainer(POSTGRES_IMAGE)
            .with_env("POSTGRES_PASSWORD", "only-for-this-test")
            .with_command(["postgres", "-c", "max_connections=200"])
            .with_exposed_ports(5432)
        )
        self._nats.start()
        self._postgres.start()
        self._find()

    def _find(self) -> None:
        wait_for_logs(self._nats, "Server is ready", 60)
        wait_for_logs(self._postgres, r"listening on IPv4[\s\S]*ready to accept connections", 120)
        nats, postgres = self._nats, self._postgres
        self.nats_url = f"nats://{nats.get_container_host_ip()}:{nats.get_exposed_port(4222)}"
        host = f"{postgres.get_container_host_ip()}:{postgres.get_exposed_port(5432)}"
        self.admin_url = f"postgresql://postgres:only-for-this-test@{host}/postgres"

    def seed_file(self, user: str) -> Path:
        return self._folder / "keys" / f"{user}.nk"

    def stop(self) -> None:
        self._nats.stop()
        self._postgres.stop()
        shutil.rmtree(self._folder)

    def crash_nats(self) -> None:
        _crash(self._nats)

    def crash_postgres(self) -> None:
        _crash(self._postgres)


def _crash(container: DockerContainer) -> None:
    wrapped = container.get_wrapped_container()
    wrapped.kill("SIGKILL")
    wrapped.start()


class External:
    """Servers that somebody else runs: SINERGI_TEST_NATS_URL, SINERGI_TEST_DATABASE_URL (a superuser's),
    SINERGI_TEST_SEEDS (the folder of the NKEY seeds), SINERGI_TEST_CRASH (a command that takes `nats` or
    `postgres`, kills that server with SIGKILL and starts it again)."""

    def __init__(self) -> None:
        self.nats_url = os.environ["SINERGI_TEST_NATS_URL"]
        self.admin_url = os.environ["SINERGI_TEST_DATABASE_URL"]
        self._seeds = Path(os.environ["SINERGI_TEST_SEEDS"])

    def seed_file(self, user: str) -> Path:
        return self._seeds / f"{user}.nk"

    def stop(self) -> None:
        """They are not ours to stop."""

    def crash_nats(self) -> None:
        self._crash("nats")

    def crash_postgres(self) -> None:
        self._crash("postgres")

    def _crash(self, server: str) -> None:
        if os.spawnlp(os.P_WAIT, os.environ["SINERGI_TEST_CRASH"], os.environ["SINERGI_TEST_CRASH"], server):
            raise RuntimeError(f"the external {server} could not be crashed")


BACKENDS = {"embedded": Embedded, "containers": Containers, "external": External}


def chosen() -> Backend:
    """The backend that SINERGI_TEST_BACKEND names; an unknown name is an error."""
    return BACKENDS[os.environ.get("SINERGI_TEST_BACKEND", "embedded")]()
