"""The inbox: effects of events happen once, in the order of each aggregate, whatever the broker delivers again.

Messages that wait together are handled in one transaction (groups double the rate, measured). In it: claim the
event's id; apply if its version is the aggregate's next, park it if it is later, pass over it if it is earlier. When
anything in a group fails, the group rolls back and its messages are tried one by one, so that one poison harms none.
"""

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

import structlog
from pydantic import ValidationError
from sqlalchemy import bindparam, text
from sqlalchemy.dialects.postgresql import ARRAY, UUID
from sqlalchemy.types import BigInteger

from sinergi import tracing
from sinergi.auth import service_actor
from sinergi.cloudevents import Envelope, NotAnEvent
from sinergi.db import Database, Tx
from sinergi.events import EVENTS, Event
from sinergi.metrics import HANDLED, PARKED

log = structlog.get_logger()

Handler = Callable[[Any, Tx], Awaitable[None]]
GROUP = 100
#: header of a dead letter that the operator gives up: count it as seen, call nobody
SKIP_HEADER = "Sinergi-Skip"

_IDS, _LONGS = ARRAY(UUID(as_uuid=False)), ARRAY(BigInteger)
_CLAIM = text(
    """INSERT INTO inbox (durable, event_id) SELECT :durable, unnest(CAST(:ids AS uuid[]))
       ON CONFLICT DO NOTHING RETURNING event_id::text"""
).bindparams(bindparam("ids", type_=_IDS))
#: Locks each aggregate, new ones too: without a row to lock, one replica could park the second fact of a new aggregate
#: while another applies the first, and neither would ever see the other's.
_VERSIONS = text(
    """INSERT INTO inbox_versions (durable, aggregate_id, version)
       SELECT :durable, id, 0 FROM unnest(CAST(:ids AS uuid[])) AS id ORDER BY id
       ON CONFLICT (durable, aggregate_id) DO UPDATE SET version = inbox_versions.version
       RETURNING aggregate_id::text, version"""
).bindparams(bindparam("ids", type_=_IDS))
_SET_VERSIONS = text(
    """INSERT INTO inbox_versions (durable, aggregate_id, version)
       SELECT :durable, a, v FROM unnest(CAST(:ids AS uuid[]), CAST(:versions AS bigint[])) AS n(a, v)
       ON CONFLICT (durable, aggregate_id) DO UPDATE SET version = excluded.version"""
).bindparams(bindparam("ids", type_=_IDS), bindparam("versions", type_=_LONGS))
_PARK = text(
    """INSERT INTO inbox_parked (durable, aggregate_id, version, event_id, headers, body)
       VALUES (:durable, :aggregate, :version, :event, CAST(:headers AS jsonb), :body) ON CONFLICT DO NOTHING"""
)
_UNPARK = text(
    """DELETE FROM inbox_parked WHERE durable = :durable AND aggregate_id = CAST(:aggregate AS uuid)
       AND version = :version RETURNING headers, body"""
)
_ANY_PARKED = text(
    """SELECT DISTINCT aggregate_id::text FROM inbox_parked
       WHERE durable = :durable AND aggregate_id = ANY(CAST(:ids AS uuid[]))"""
).bindparams(bindparam("ids", type_=_IDS))


class Poison(Exception):
    """A message that no retry can help: no event, an unknown version, a body that breaks its schema."""


@dataclass(slots=True)
class Incoming:
    """One delivered message: its envelope, its headers and body as they came, and the place in its stream.

    `event` is the body once it was read, if somebody handles it.
    """

    envelope: Envelope
    headers: Mapping[str, str]
    body: bytes
    place: int
    event: Event | None = None

    @classmethod
    def read(cls, headers: Mapping[str, str] | None, body: bytes, place: int) -> "Incoming":
        """Read a message's envelope; `Poison` when it is no event."""
        try:
            return cls(Envelope.from_headers(headers), headers or {}, body, place)
        except NotAnEvent as wrong:
            raise Poison(str(wrong)) from wrong


@dataclass(slots=True, eq=False)
class _Waiting:
    message: Incoming
    done: asyncio.Future[None]


class Inbox:
    """The inbox of one durable. `apply` returns when the message's effects are committed, and raises if they failed."""

    def __init__(self, db: Database, durable: str, handlers: Mapping[str, list[Handler]]) -> None:
        self._db, self._durable, self._handlers = db, durable, handlers
        self._waiting: list[_Waiting] = []
        self._working = asyncio.Lock()
        self._handled_entities = {name.rsplit(".", 1)[0] for name in handlers}

    async def apply(self, message: Incoming) -> None:
        """Handle the message, together with all others that wait by then."""
        self._check(message)
        waiting = _Waiting(message, asyncio.get_running_loop().create_future())
        self._waiting.append(waiting)
        async with self._working:
            while self._waiting and not waiting.done.done():
                group = sorted(self._waiting, key=lambda one: one.message.place)[:GROUP]
                self._waiting = [one for one in self._waiting if one not in group]
                await self._settle(group)
        await waiting.done

    def _check(self, message: Incoming) -> None:
        """An unknown version of a fact that we handle would be lost if it were passed over."""
        kind = message.envelope.type
        if kind not in EVENTS and kind.rsplit(".", 1)[0] in self._handled_entities:
            raise Poison(f"{kind} is a version that this release does not know")
        if kind in self._handlers:
            message.event = _event(message)

    async def _settle(self, group: list[_Waiting]) -> None:
        try:
            await self._commit([one.message for one in group])
        except Exception as wrong:
            if len(group) == 1:
                group[0].done.set_exception(wrong)
                return
            for one in group:
                await self._settle([one])
            return
        for one in group:
            one.done.set_result(None)

    async def _commit(self, messages: list[Incoming]) -> None:
        async with self._db.begin(service_actor(self._db.service)) as tx:
            new = await self._claim(tx, messages)
            if new:
                await _Group(tx, self._durable, self._handlers).apply(new)
        HANDLED.labels(self._durable).inc(len(new))

    async def _claim(self, tx: Tx, messages: list[Incoming]) -> list[Incoming]:
        ids = [one.envelope.id for one in messages]
        rows = await tx.session.execute(_CLAIM, {"durable": self._durable, "ids": ids})
        left = set(rows.scalars())
        new = []
        for one in messages:  # the same id twice in a group: once
            if one.envelope.id in left:
                left.discard(one.envelope.id)
                new.append(one)
        return new


class _Group:
    """One transaction's worth of new messages."""

    def __init__(self, tx: Tx, durable: str, handlers: Mapping[str, list[Handler]]) -> None:
        self._tx, self._durable, self._handlers = tx, durable, handlers
        self._versions: dict[str, int] = {}
        self._parked: set[str] = set()

    async def apply(self, messages: list[Incoming]) -> None:
        ids = sorted({one.envelope.partitionkey for one in messages})
        parameters = {"durable": self._durable, "ids": ids}
        execute = self._tx.session.execute
        self._versions = {row[0]: row[1] for row in await execute(_VERSIONS, parameters)}
        self._parked = set((await execute(_ANY_PARKED, parameters)).scalars())
        for message in messages:
            await self._one(message)
        moved = list(self._versions.items())
        await execute(
            _SET_VERSIONS,
            {"durable": self._durable, "ids": [a for a, _ in moved], "versions": [v for _, v in moved]},
        )

    async def _one(self, message: Incoming) -> None:
        aggregate, version = message.envelope.partitionkey, message.envelope.sequence
        next_version = self._versions.get(aggregate, 0) + 1
        if version > next_version:
            await self._park(message)
        elif version == next_version:
            await self._effect(message)
            while aggregate in self._parked and (later := await self._unpark(aggregate)):
                await self._effect(later)

    async def _effect(self, message: Incoming) -> None:
        self._versions[message.envelope.partitionkey] = message.envelope.sequence
        handlers = self._handlers.get(message.envelope.type, [])
        if not handlers or message.headers.get(SKIP_HEADER):
            return
        event = message.event or _event(message)
        with (
            tracing.span(f"handle {message.envelope.type}", {"traceparent": message.envelope.traceparent}),
            self._tx.caused_by(message.envelope),
        ):
            for handler in handlers:
                await handler(event, self._tx)

    async def _park(self, message: Incoming) -> None:
        PARKED.labels(self._durable).inc()
        await self._tx.session.execute(
            _PARK,
            {
                "durable": self._durable,
                "aggregate": message.envelope.partitionkey,
                "version": message.envelope.sequence,
                "event": message.envelope.id,
                "headers": json.dumps(dict(message.headers)),
                "body": message.body,
            },
        )
        self._parked.add(message.envelope.partitionkey)

    async def _unpark(self, aggregate: str) -> Incoming | None:
        row = (
            await self._tx.session.execute(
                _UNPARK,
                {
                    "durable": self._durable,
                    "aggregate": aggregate,
                    "version": self._versions[aggregate] + 1,
                },
            )
        ).one_or_none()
        return Incoming.read(row.headers, row.body, 0) if row else None


def _event(message: Incoming) -> Event:
    try:
        event = EVENTS[message.envelope.type].model_validate_json(message.body)
    except ValidationError as wrong:
        rules = ", ".join(f"{'.'.join(map(str, one['loc']))}: {one['type']}" for one in wrong.errors())
        raise Poison(f"the body breaks the schema of {message.envelope.type} ({rules})") from None
    return event.with_envelope(message.envelope)
