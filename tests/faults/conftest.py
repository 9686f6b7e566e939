"""Each test begins with empty tables and an empty stream, and leaves no process behind."""

from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from nats.aio.client import Client
from nats.js.errors import NotFoundError

from sinergi.db import Database
from sinergi.provision import declare_stream
from sinergi.settings import Settings
from tests.faults.probing import Start, Worker, reset
from tests.harness.stack import Stack
from tests.shared import probe


@pytest.fixture(scope="session")
async def made(stack: Stack) -> Settings:
    """The probe's settings, its tables made."""
    return await probe.settings_for(stack)


@pytest.fixture
async def settings(made: Settings, nats: Client) -> Settings:
    """The probe's settings; the stream is new."""
    with suppress(NotFoundError):
        await nats.jetstream().delete_stream("PROBE")
    await declare_stream(nats, "PROBE", made)
    return made


@pytest.fixture
async def db(settings: Settings) -> AsyncIterator[Database]:
    """The probe's database, empty, for the test to look into; no relay is at work."""
    db = Database(settings, "probe")
    await reset(db)
    yield db
    await db.close()


@pytest.fixture
def start(stack: Stack, settings: Settings, tmp_path: Path) -> Iterator[Start]:
    """`start("hear", "name")` starts a process of tests/faults/worker.py and waits until it is ready."""
    workers: list[Worker] = []

    def start(*arguments: str, until: str = "ready", user: str = "operator") -> Worker:
        mine = settings.model_copy(update={"nats_seed_file": stack.backend.seed_file(user)})
        worker = Worker(tmp_path / f"{len(workers)}-{arguments[0]}.log", mine, *arguments)
        workers.append(worker)
        return worker.start(until)

    yield start
    for worker in workers:
        worker.kill()
