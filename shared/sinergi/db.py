"""One transaction holds the rows and the facts: `tx.add(row)` and `tx.emit(event)` stand side by side.

`Database.begin()` opens it, whoever leaves the block without an error commits it, and the relay (relay.py) carries
the facts to NATS afterwards. The tables that this needs are `SCHEMA_V1`, run by each service's first migration.
"""

import asyncio
import hashlib
import json
from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from datetime import UTC, datetime
from typing import Any, Protocol, TypeVar
from uuid import UUID

import asyncpg
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError, InterfaceError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, async_sessionmaker, create_async_engine
from uuid_utils.compat import uuid7

from sinergi import tracing
from sinergi.auth import Actor
from sinergi.cloudevents import Envelope
from sinergi.events import Event
from sinergi.problems import Refused
from sinergi.settings import Settings

#: Never edited once released; what comes later is a SCHEMA of its own, run by a later migration.
SCHEMA_V1 = (
    """CREATE TABLE outbox (
         seq bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, event_id uuid NOT NULL, audience text NOT NULL,
         subject text NOT NULL, headers jsonb NOT NULL, body bytea NOT NULL,
         aggregate_id uuid NOT NULL, version bigint NOT NULL,
         created_at timestamptz NOT NULL DEFAULT now(), published_at timestamptz, stream_seq bigint,
         UNIQUE (event_id, audience))""",
    # serves the relay: unsent rows in order
    "CREATE INDEX outbox_unsent ON outbox (seq) WHERE published_at IS NULL",
    # serves the refill after a stream lost its tail
    "CREATE INDEX outbox_stream_seq ON outbox (stream_seq) WHERE published_at IS NOT NULL",
    # serves the purge after 90 days
    "CREATE INDEX outbox_published_at ON outbox (published_at) WHERE published_at IS NOT NULL",
    """CREATE TABLE inbox (
         durable text NOT NULL, event_id uuid NOT NULL, handled_at timestamptz NOT NULL DEFAULT now(),
         PRIMARY KEY (durable, event_id))""",
    """CREATE TABLE inbox_versions (
         durable text NOT NULL, aggregate_id uuid NOT NULL, version bigint NOT NULL,
         PRIMARY KEY (durable, aggregate_id))""",
    """CREATE TABLE inbox_parked (
         durable text NOT NULL, aggregate_id uuid NOT NULL, version bigint NOT NULL, event_id uuid NOT NULL,
         headers jsonb NOT NULL, body bytea NOT NULL, parked_at timestamptz NOT NULL DEFAULT now(),
         PRIMARY KEY (durable, aggregate_id, version))""",
    """CREATE TABLE answered (
         actor text NOT NULL, key text NOT NULL, request text NOT NULL, answer jsonb,
         at timestamptz NOT NULL DEFAULT now(), PRIMARY KEY (actor, key))""",
    """CREATE TABLE audit (
         id uuid PRIMARY KEY, at timestamptz NOT NULL DEFAULT now(), actor text NOT NULL, role text NOT NULL,
         agency text NOT NULL, action text NOT NULL, subject_kind text NOT NULL, subject_id text NOT NULL,
         purpose text NOT NULL, trace_id text NOT NULL DEFAULT '')""",
    "CREATE INDEX audit_subject ON audit (subject_kind, subject_id, at)",
)

#: What alarms need (clock.py): run by the next migration of each service that has a clock.
SCHEMA_V2 = (
    """CREATE TABLE alarms (
         id uuid PRIMARY KEY, kind text NOT NULL, about uuid NOT NULL, due_at timestamptz NOT NULL,
         tries integer NOT NULL DEFAULT 0, not_before timestamptz,
         CONSTRAINT alarms_one UNIQUE (about, kind))""",
    # serves the clock: what is due, the oldest first
    "CREATE INDEX alarms_due ON alarms (due_at, id)",
)

_CLAIM_ANSWER = text(
    "INSERT INTO answered (actor, key, request) VALUES (:actor, :key, :request) ON CONFLICT DO NOTHING"
)
_READ_ANSWER = text("SELECT request, answer FROM answered WHERE actor = :actor AND key = :key")
_WRITE_ANSWER = text("UPDATE answered SET answer = CAST(:answer AS jsonb) WHERE actor = :actor AND key = :key")


def new_id() -> UUID:
    """A UUIDv7: unique, and in order of time, so that indexes grow at one end."""
    return uuid7()


class Aggregate(Protocol):
    """A row whose facts are numbered: it has an id and a version, 0 before its first fact."""

    id: Any
    version: Any


A = TypeVar("A")


class Tx:
    """One transaction: domain rows through `session`, facts through `emit`, both or neither."""

    def __init__(self, session: AsyncSession, source: str, actor: Actor | None) -> None:
        self.session = session
        self.actor = actor
        self._source = source
        self._cause: Envelope | None = None
        self._appended: dict[tuple[str, tuple[str, ...]], list[tuple[Any, ...]]] = {}
        self._claimed: tuple[str, str] | None = None

    @contextmanager
    def caused_by(self, cause: Envelope) -> Iterator[None]:
        """Facts told in this block are caused by that event: they carry its correlation and its id."""
        self._cause, before = cause, self._cause
        try:
            yield
        finally:
            self._cause = before

    def add(self, *rows: Any) -> None:
        """Insert rows when the transaction commits."""
        self.session.add_all(rows)

    async def get(self, model: type[A], key: Any) -> A:
        """The row with this primary key; `Refused` (not-found) when there is none."""
        return found(await self.session.get(model, key), model)

    async def lock(self, model: type[A], key: Any, expected_version: int | None = None) -> A:
        """The row, locked until the end. `Refused` (conflict) when its version is not the expected one."""
        # an inbox group locks one row for several events: what the first changed must not be read over
        await self.session.flush()
        row: Any = found(await self.session.get(model, key, with_for_update=True, populate_existing=True), model)
        if expected_version is not None and row.version != expected_version:
            raise Refused(
                "version-conflict",
                "It was changed meanwhile. Read it again, then decide.",
                "conflict",
                version=row.version,
                state=getattr(row, "state", None),
            )
        return row  # type: ignore[no-any-return]

    def emit(self, event: Event, *, of: Aggregate, to: Sequence[str] = ()) -> Envelope:
        """Tell a fact about the aggregate `of`: to `core` and to each agency in `to`. Bumps its version by one.

        The caller holds the aggregate's lock (`lock`, or it has just made the row), so versions have no gaps. Returns
        the envelope in which it goes.
        """
        of.version = (of.version or 0) + 1
        envelope = self._envelope(event, str(of.id), of.version)
        headers, body = json.dumps(envelope.headers()), event.model_dump_json().encode()
        for audience in dict.fromkeys(("core", *to)):
            self.append(
                "outbox",
                {
                    "event_id": envelope.id,
                    "audience": audience,
                    "subject": event.subject(audience),
                    "headers": headers,
                    "body": body,
                    "aggregate_id": envelope.partitionkey,
                    "version": envelope.sequence,
                },
            )
        return envelope

    def append(self, table: str, row: dict[str, Any]) -> None:
        """Insert into a table that only grows, when the transaction commits: past the mapper, at a third of its cost.

        JSON is given as text. Rows that `add` makes are there by then.
        """
        self._appended.setdefault((table, tuple(row)), []).append(tuple(row.values()))

    def _envelope(self, event: Event, aggregate: str, version: int) -> Envelope:
        event_id, cause = str(new_id()), self._cause
        return Envelope(
            id=event_id,
            type=event.type(),
            source=self._source,
            time=datetime.now(UTC),
            partitionkey=aggregate,
            sequence=version,
            correlationid=(cause.correlationid or cause.id) if cause else event_id,
            causationid=cause.id if cause else "",
            traceparent=tracing.traceparent(),
        )

    async def audit(self, action: str, subject_kind: str, subject_ids: Sequence[Any], purpose: str) -> None:
        """Write down that the actor read these subjects, and why (UU 27/2022: reads are processing too)."""
        for row in _audit_rows(self.actor, action, subject_kind, subject_ids, purpose):
            self.append("audit", row)

    async def answered(self, key: str | None, request: str) -> Any | None:
        """The answer already given to this actor under this idempotency key, or None if this is the first time.

        Two requests with one key wait for each other; the same key with another request is refused.
        """
        if key is None:
            return None
        actor = self.actor.id if self.actor else ""
        digest = hashlib.sha256(request.encode()).hexdigest()
        claim = {"actor": actor, "key": key, "request": digest}
        if (await self.session.execute(_CLAIM_ANSWER, claim)).rowcount == 1:  # type: ignore[attr-defined]
            self._claimed = (actor, key)
            return None
        earlier = (await self.session.execute(_READ_ANSWER, {"actor": actor, "key": key})).one()
        if earlier.request != digest:
            raise Refused("idempotency-key-reused", "This idempotency key was used for another request.", "conflict")
        return earlier.answer

    async def remember(self, answer: Any) -> None:
        """Keep the answer for the idempotency key that `answered` claimed; nothing to do without one."""
        if self._claimed:
            actor, key = self._claimed
            await self.session.execute(_WRITE_ANSWER, {"actor": actor, "key": key, "answer": json.dumps(answer)})

    async def write(self) -> bool:
        """Write what was added and appended; called by `begin` before it commits. Whether facts were told."""
        await self.session.flush()
        if self._appended:
            connection = await (await self.session.connection()).get_raw_connection()
            driver: Any = connection.driver_connection
            if not driver.is_in_transaction():  # SQLAlchemy begins with its first statement; there was none so far
                await self.session.execute(text("SELECT 1"))
            await self._write_appended(driver)
        return any(table == "outbox" for table, _ in self._appended)

    async def _write_appended(self, driver: Any) -> None:
        for (table, columns), rows in self._appended.items():
            await driver.executemany(_insert(table, columns), rows)


class Reading:
    """One transaction that only reads, in plain SQL by the driver, and writes down what it read.

    For a question that is asked so often, and answered so quickly, that the mapper's session would cost as much.
    """

    def __init__(self, connection: "asyncpg.Connection[Any]", actor: Actor) -> None:
        self.connection, self.actor = connection, actor

    async def audit(self, action: str, subject_kind: str, subject_ids: Sequence[Any], purpose: str) -> None:
        """As `Tx.audit`."""
        rows = _audit_rows(self.actor, action, subject_kind, subject_ids, purpose)
        if rows:
            await self.connection.executemany(_insert("audit", rows[0]), [tuple(row.values()) for row in rows])


def _audit_rows(actor: Actor | None, action: str, kind: str, ids: Sequence[Any], purpose: str) -> list[dict[str, Any]]:
    if actor is None:
        raise LookupError("an audit row needs an actor: begin(actor)")
    who = {"actor": actor.id, "role": actor.role.value, "agency": actor.agency}
    what = {"action": action, "subject_kind": kind, "purpose": purpose, "trace_id": tracing.trace_id()}
    return [{"id": new_id(), "subject_id": str(one), **who, **what} for one in ids]


def _insert(table: str, columns: Iterable[str]) -> str:
    names = [f'"{column}"' for column in columns]
    places = ", ".join(f"${number}" for number in range(1, len(names) + 1))
    return f"INSERT INTO {table} ({', '.join(names)}) VALUES ({places})"


class Database:
    """A service's database: an engine, and `begin()`. `committed` wakes the relay of this process."""

    def __init__(self, settings: Settings, service: str, pool_size: int = 20) -> None:
        self.service = service
        self.committed = asyncio.Event()
        self.engine: AsyncEngine = create_async_engine(
            settings.sqlalchemy_url(),
            pool_size=pool_size,
            max_overflow=0,  # one beyond the pool is closed after each use: connecting anew cost half the rate
            pool_recycle=1800,
            hide_parameters=True,  # an error's text must not quote a person's data
            connect_args={"timeout": 5, "command_timeout": 60},
        )
        self._sessions = async_sessionmaker(self.engine, expire_on_commit=False, autoflush=False)

    @asynccontextmanager
    async def begin(self, actor: Actor | None = None, *, snapshot: bool = False) -> AsyncIterator[Tx]:
        """A transaction: commits at the end of the block, rolls back on an error.

        With `snapshot` all its reads see one moment: else a page read in several statements may show the version of
        before a change beside the rows of after it, and a command from that page is refused for no reason.
        """
        async with self._sessions() as session:
            async with session.begin():
                if snapshot:
                    await session.connection(execution_options={"isolation_level": "REPEATABLE READ"})
                tx = Tx(session, f"sinergi/{self.service}", actor)
                yield tx
                emitted = await tx.write()
            if emitted:
                self.committed.set()

    @asynccontextmanager
    async def reading(self, actor: Actor) -> AsyncIterator[Reading]:
        """A transaction without a session, on a connection of the same pool."""
        async with self.engine.connect() as borrowed:
            driver: Any = (await borrowed.get_raw_connection()).driver_connection
            try:
                async with driver.transaction():
                    yield Reading(driver, actor)
            finally:
                if driver.is_closed():  # the pool learns only from its own statements that a connection is lost
                    await borrowed.invalidate()

    async def answers(self) -> bool:
        """Whether the database can be reached and answers within three seconds."""
        try:
            async with asyncio.timeout(3), self.engine.connect() as connection:
                await connection.execute(text("SELECT 1"))
        except (OSError, SQLAlchemyError, asyncpg.PostgresError, asyncpg.InterfaceError):
            return False
        return True

    async def close(self) -> None:
        """Close every connection."""
        await self.engine.dispose()


def is_outage(wrong: BaseException) -> bool:
    """Whether an error tells that the database cannot be reached now, rather than that it refused something."""
    if isinstance(wrong, DBAPIError):
        return wrong.connection_invalidated or isinstance(wrong, InterfaceError) or _is_starting(wrong.orig)
    return isinstance(wrong, (ConnectionError, PoolTimeout, asyncpg.InterfaceError)) or _is_starting(wrong)


def is_unkeepable(wrong: BaseException) -> bool:
    """Whether a request's value passes its fields but not the database: a NUL in a text (22021) or in JSON (22P05), or
    a date or a number beyond all that can be counted with. Nothing but a request brings such a value here."""
    error = (wrong.orig or wrong) if isinstance(wrong, DBAPIError) else wrong
    causes = (error, error.__cause__, getattr(error.__cause__, "__cause__", None))
    states = {getattr(one, "sqlstate", None) for one in causes}
    return bool(states & {"22021", "22P05"}) or any(isinstance(one, OverflowError) for one in causes)


def _is_starting(wrong: BaseException | None) -> bool:
    """PostgreSQL starts up, recovers or shuts down (57P01-57P03), has no connection left (53300), or hung up (08)."""
    state = str(getattr(wrong, "sqlstate", None) or "")
    return state[:2] == "08" or state in ("57P01", "57P02", "57P03", "53300")


def found(row: A | None, model: type[Any]) -> A:
    """The row, or `Refused` (not-found) naming its kind."""
    if row is None:
        kind = str(getattr(model, "__tablename__", "row")).rstrip("s").replace("_", " ")
        raise Refused("not-found", f"There is no such {kind}.", "not-found")
    return row
