"""Servers of their own for these tests: they are killed and erased."""

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from sinergi_operator.servers import NatsServer, PostgresServer
from tests.operator.launching import AGENCIES


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
