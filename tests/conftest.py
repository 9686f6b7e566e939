"""Fixtures of every test: the session's stack on real servers. See tests/harness."""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any

import pytest
from nats.aio.client import Client

from sinergi.events import STREAMS
from sinergi.logs import configure_logs
from sinergi.provision import DEAD_LETTERS, declare_stream
from sinergi.settings import Settings
from tests.harness import stack as harness
from tests.harness.backends import Backend, chosen
from tests.harness.issuer import Issuer
from tests.harness.stack import Facts, Running, Stack


@pytest.fixture(scope="session", autouse=True)
def plain_logs() -> None:
    """Logs as in production: one JSON object a line, without anybody's data."""
    configure_logs("test", Settings(database_url="postgresql://not-used"))


@pytest.fixture(scope="session")
def backend() -> Iterator[Backend]:
    """The real servers."""
    backend = chosen()
    yield backend
    backend.stop()


@pytest.fixture(scope="session")
def issuer() -> Iterator[Issuer]:
    """The tests' OIDC issuer."""
    issuer = Issuer()
    yield issuer
    issuer.close()


@pytest.fixture(scope="session")
async def stack(backend: Backend, issuer: Issuer, tmp_path_factory: pytest.TempPathFactory) -> Stack:
    """Servers, issuer and a fresh database; every stream is there, so that facts can be published at once."""
    stack = Stack(backend, issuer, Path(tmp_path_factory.mktemp("stack")))
    await stack.setup()
    nats = await stack.connect()
    settings = Settings(database_url="postgresql://not-used", stream_max_bytes=256 * 1024**2)
    for name in (DEAD_LETTERS, *STREAMS):
        await declare_stream(nats, name, settings)
    await nats.close()
    return stack


@pytest.fixture(scope="module", autouse=True)
async def quiet_streams() -> None:
    """Each test file begins with empty streams: what another one told is not its business."""
    if Stack.current:
        await Stack.current.purge()


@pytest.fixture(scope="session")
def run_service(stack: Stack) -> Callable[..., AbstractAsyncContextManager[Running]]:
    """`async with run_service("cases") as running:` runs a service in this process."""
    return stack.run


@pytest.fixture(scope="session")
async def nats(stack: Stack) -> AsyncIterator[Client]:
    """A connection to the core account with the operator's rights."""
    connection = await stack.connect()
    yield connection
    await connection.close()


@pytest.fixture(scope="session")
def publish_fact(nats: Client) -> Callable[..., Awaitable[str]]:
    """`await publish_fact(event, aggregate_id, version, audience="core")`."""
    return Facts(nats).publish


@pytest.fixture(scope="session")
def facts(nats: Client) -> Callable[..., Awaitable[list[tuple[str, dict[str, Any]]]]]:
    """`await facts(stream, aggregate_id)` -> [(type, body)], oldest first."""
    return Facts(nats).of


@pytest.fixture(scope="session")
def eventually() -> Callable[..., Awaitable[Any]]:
    """`await eventually(async_predicate, timeout=15)`."""
    return harness.eventually
