"""The stack of one test session: a fresh database with its roles, and services run in this process on demand."""

import asyncio
import importlib
import json
import os
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import urlsplit
from uuid import uuid4

import httpx2 as httpx
import nats
from nats.aio.client import Client
from nats.errors import Error as NatsError

from sinergi.app import Context
from sinergi.cloudevents import Envelope
from sinergi.events import Event
from sinergi_operator.database import setup_database
from tests.harness.backends import Backend
from tests.harness.issuer import Issuer

SERVICES = ["registry", "cases", "referrals", "notify", "console"]
PASSWORD = "only-for-this-test"


@dataclass
class Running:
    """One service at work in this process."""

    context: Context
    app: Any
    issuer: Issuer

    def client(
        self, role: str = "social_worker", agency: str = "dinsos", area: str = "31.74", sub: str | None = None
    ) -> httpx.AsyncClient:
        """An HTTP client signed in as this role."""
        token = self.issuer.token(
            sub=sub or f"{role}@{agency}", sinergi_role=role, sinergi_agency=agency, sinergi_area=area
        )
        return self.anonymous({"Authorization": f"Bearer {token}"})

    def anonymous(self, headers: dict[str, str] | None = None) -> httpx.AsyncClient:
        """An HTTP client that is not signed in."""
        transport = httpx.ASGITransport(app=self.app)
        return httpx.AsyncClient(transport=transport, base_url="http://test", headers=headers, timeout=30)


class Stack:
    """Servers, issuer and database of a session; `current` is the session's, once something needed it."""

    current: "ClassVar[Stack | None]" = None

    def __init__(self, backend: Backend, issuer: Issuer, folder: Path) -> None:
        Stack.current = self
        self.backend, self.issuer, self.folder = backend, issuer, folder
        self.database = f"sinergi_{uuid4().hex[:8]}"

    async def setup(self) -> None:
        """Make the database, its roles and schemas."""
        passwords = dict.fromkeys(SERVICES, PASSWORD)
        await setup_database(self.backend.admin_url, self.database, passwords)

    async def purge(self) -> None:
        """Empty every stream, and forget who listened."""
        nats = await self.connect()
        stream = nats.jetstream()
        for name in [str(info.config.name) for info in await stream.streams_info()]:
            for consumer in await stream.consumers_info(name):
                await stream.delete_consumer(name, consumer.name)
            await stream.purge_stream(name)
        await nats.close()

    def database_url(self, service: str) -> str:
        """The service's own role in the session's database."""
        host = urlsplit(self.backend.admin_url).netloc.rsplit("@", 1)[1]
        return f"postgresql://{service}:{PASSWORD}@{host}/{self.database}"

    def environment(self, service: str, **more: str) -> dict[str, str]:
        """The settings with which a service runs here, as a process would get them."""
        return {
            "SINERGI_DATABASE_URL": self.database_url(service),
            "SINERGI_NATS_URL": self.backend.nats_url,
            "SINERGI_NATS_SEED_FILE": str(self.backend.seed_file(service)),
            "SINERGI_ISSUER": self.issuer.url,
            "SINERGI_RETRY_DELAYS": "[0.2, 0.2]",
            "SINERGI_STREAM_MAX_BYTES": str(256 * 1024**2),
            "SINERGI_FILES_FOLDER": str(self.folder / "files"),
            "SINERGI_SEAL_KEY_FILE": str(self.folder / "seal"),
            "SINERGI_IMPORT_PROCESS": "false",
            "SINERGI_NOTES_KEY_FILE": str(self.folder / "notes"),
            "SINERGI_WEBHOOKS_KEY_FILE": str(self.folder / "webhooks"),
            "SINERGI_ATTACHMENTS_URL": (self.folder / "attachments").as_uri(),
            **more,
        }

    @asynccontextmanager
    async def run(self, name: str, **more: str) -> AsyncIterator[Running]:
        """Run a service in this process until the block ends; `more` are settings (SINERGI_…)."""
        os.environ.update(self.environment(name, **more))
        app = importlib.import_module(f"services.{name}.main").app
        async with app.router.lifespan_context(app):
            running = Running(app.state.context, app, self.issuer)
            await eventually(lambda: _is_ready(running))
            yield running

    async def connect(self, user: str = "operator", **options: Any) -> Client:
        """A raw NATS connection as a core user or an agency."""
        seed = str(self.backend.seed_file(user))
        return await nats.connect(self.backend.nats_url, nkeys_seed=seed, max_reconnect_attempts=-1, **options)


async def _is_ready(running: Running) -> bool:
    return not await running.context.bus.ready()


async def eventually(
    true: Callable[[], Awaitable[Any]], timeout: float = 30.0, what: str = "it never came true"
) -> Any:
    """Wait until the predicate gives something true, and return that."""
    deadline = time.monotonic() + timeout
    while not (value := await true()):
        if time.monotonic() > deadline:
            raise AssertionError(what)
        await asyncio.sleep(0.05)
    return value


async def caught_up(nats: Client, stream: str, durable: str) -> bool:
    """Whether the durable has acknowledged all that lies in the stream for it (`num_pending` lags behind a publish)."""
    try:
        info = await nats.jetstream().consumer_info(stream, durable)
        last = await nats.jetstream().get_last_msg(stream, str(info.config.filter_subject))
    except (NatsError, TimeoutError):  # the broker was away when we asked
        return False
    return not info.num_ack_pending and info.ack_floor is not None and info.ack_floor.stream_seq >= (last.seq or 0)


class Facts:
    """Facts told and heard as another service would."""

    def __init__(self, connection: Client) -> None:
        self._nats = connection

    async def publish(
        self, event: Event, aggregate_id: str, version: int, audience: str = "core", event_id: str | None = None
    ) -> str:
        """Publish a CloudEvent; returns the event's id."""
        envelope = Envelope(
            id=event_id or str(uuid4()),
            type=event.type(),
            source="sinergi/test",
            time=datetime.now(UTC),
            partitionkey=aggregate_id,
            sequence=version,
        )
        await self._nats.jetstream().publish(
            event.subject(audience), event.model_dump_json().encode(), headers=envelope.headers()
        )
        return envelope.id

    async def of(self, stream: str, aggregate_id: str, audience: str = "core") -> list[tuple[str, dict[str, Any]]]:
        """The facts about an aggregate that lie in the stream: (type, body), oldest first."""
        found = []
        async for message in self._all(stream):
            headers = message.headers or {}
            if headers.get("ce-partitionkey") == aggregate_id and message.subject.endswith(f".{audience}"):
                found.append((headers["ce-type"], json.loads(message.data)))
        return found

    async def _all(self, stream: str) -> AsyncIterator[Any]:
        state = (await self._nats.jetstream().stream_info(stream)).state
        for sequence in range(max(state.first_seq, 1), state.last_seq + 1):
            yield await self._nats.jetstream().get_msg(stream, sequence)
