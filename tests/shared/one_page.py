"""A service of one page for the tests of the doors, and a cable to its servers that can be cut."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated, Any, cast
from urllib.parse import urlsplit
from uuid import UUID

from fastapi import APIRouter, Body
from pydantic import BaseModel

from sinergi import tracing
from sinergi.app import Ctx, Key, Service, Who, obey
from sinergi.auth import Actor, permit
from sinergi.bus import Bus
from sinergi.db import Tx, new_id
from sinergi.settings import Settings
from tests.harness.issuer import Issuer
from tests.harness.stack import Running, eventually
from tests.shared.probe import Noted, Thing

#: nobody's: it must not come back in any answer or log
NIK = "3174015708900001"


class OpenThing(BaseModel):
    """Make a thing."""

    text: str


class NoteOn(BaseModel):
    """Note on a thing."""

    thing: UUID
    expected_version: int
    text: str


@permit("case.open")
async def open_thing(cmd: OpenThing, actor: Actor, tx: Tx) -> dict[str, Any]:
    """One row, one fact."""
    row = Thing(id=new_id(), version=0)
    tx.add(row)
    tx.emit(Noted(text=cmd.text), of=row)
    return {"id": str(row.id), "version": row.version}


@permit("case.assess")
async def note_on(cmd: NoteOn, actor: Actor, tx: Tx) -> dict[str, Any]:
    """One fact more."""
    row = await tx.lock(Thing, cmd.thing, cmd.expected_version)
    tx.emit(Noted(text=cmd.text), of=row)
    return {"id": str(row.id), "version": row.version}


@permit("case.open")
async def stumble(cmd: OpenThing, actor: Actor, tx: Tx) -> dict[str, Any]:
    """A bug, whose text quotes a person's data."""
    raise KeyError(f"no such person: {NIK}")


router = APIRouter()


@router.post("/things", status_code=201)
async def post_thing(who: Who, context: Ctx, cmd: OpenThing, key: Key = None) -> Any:
    return await obey(context, open_thing, cmd, who, key)


@router.post("/things/{thing}/notes")
async def post_note(
    thing: UUID,
    expected_version: Annotated[int, Body()],
    text: Annotated[str, Body()],
    who: Who,
    context: Ctx,
    key: Key = None,
) -> Any:
    return await obey(context, note_on, NoteOn(thing=thing, expected_version=expected_version, text=text), who, key)


@router.post("/stumble")
async def post_stumble(who: Who, context: Ctx, cmd: OpenThing) -> Any:
    return await obey(context, stumble, cmd, who)


class Cable:
    """What lies between the service and a server, and can be cut."""

    def __init__(self, url: str) -> None:
        self._to = urlsplit(url)
        self._server: asyncio.Server | None = None
        self._ends: set[asyncio.StreamWriter] = set()
        self.port = 0

    async def mend(self) -> None:
        """Let connections through."""
        self._server = await asyncio.start_server(self._join, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    def cut(self) -> None:
        """Break what goes through, and let nothing more through."""
        assert self._server
        self._server.close()
        for end in self._ends:
            end.transport.abort()

    def through(self) -> str:
        """The server's URL by this cable."""
        whom = self._to.netloc.rpartition("@")[0]
        place = f"{whom}@127.0.0.1:{self.port}" if whom else f"127.0.0.1:{self.port}"
        return self._to._replace(netloc=place).geturl()

    async def _join(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there_reader, there = await asyncio.open_connection(self._to.hostname, self._to.port)
        self._ends |= {writer, there}
        await asyncio.gather(_pour(reader, there), _pour(there_reader, writer))


async def _pour(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    except OSError:
        return
    finally:
        writer.close()


@asynccontextmanager
async def serving(
    settings: Settings, issuer: Issuer, heard: list[tuple[str, str]], name: str = "probe"
) -> AsyncIterator[Running]:
    """The service at work; `heard` gets (note, traceparent) of what its consumer heard."""
    service_bus = Bus(name)

    @service_bus.on(Noted)
    async def when_noted(event: Noted, tx: Tx) -> None:
        heard.append((event.text, tracing.traceparent()))

    service = Service(name, router=router, bus=service_bus, settings=cast("type[Settings]", lambda: settings))
    async with service.app.router.lifespan_context(service.app):
        running = Running(service.app.state.context, service.app, issuer)
        await eventually(lambda: _ready(running))
        yield running


async def _ready(running: Running) -> bool:
    return not await running.context.bus.ready()
