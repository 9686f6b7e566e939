"""Servers of their own for these tests: they are killed and erased."""

import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
from nats.aio.client import Client

from sinergi_operator.servers import NatsServer, PostgresServer
from tests.harness.stack import Stack
from tests.operator.launching import AGENCIES
from tests.operator.office import Office, opened


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


@pytest.fixture(scope="module")
async def office(run_service: Any, stack: Stack, nats: Client) -> AsyncIterator[Office]:
    async with opened(run_service, stack, nats) as office:
        yield office
