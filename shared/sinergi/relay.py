"""The outbox relay: carries committed facts to NATS JetStream, in order, each at least once.

One relay a database is active (an advisory lock), the others stand by. It reads UNSENT rows in order of `seq`: a
cursor over identity values missed 623 of 6,954 events, SKIP LOCKED with two relays broke the order 49 times, the
unsent flag missed none. It marks a row only after its PubAck; what was sent twice, the inbox passes over.
"""

import asyncio
import json
from contextlib import suppress
from typing import Any
from uuid import uuid4

import asyncpg
import structlog
from nats.aio.client import Client
from nats.errors import Error as NatsError
from nats.errors import NoRespondersError
from nats.js.errors import APIError, NoStreamResponseError

from sinergi.metrics import OUTBOX_SENT
from sinergi.provision import declare_stream
from sinergi.settings import Settings

log = structlog.get_logger()

BATCH = 500
#: up to so many rows go out side by side: two took 1.1 ms, as an atomic batch 3.3 ms
FEW = 4
POLL_SECONDS = 0.05
#: under load, commits of so long are sent together: many small batches cost the service more than the wait
GATHER_SECONDS = 0.005
ACK_SECONDS = 5.0
KEPT = "90 days"
PURGE_EVERY_SECONDS = 3600
#: the server's error for "this message id is already in the stream" inside an atomic batch
DUPLICATE_IN_BATCH = 10201

_UNSENT = f"""SELECT seq, event_id, audience, subject, headers, body, aggregate_id FROM outbox
              WHERE published_at IS NULL ORDER BY seq LIMIT {BATCH}"""
_MARK = """UPDATE outbox SET published_at = now(), stream_seq = sent.stream_seq
           FROM unnest($1::bigint[], $2::bigint[]) AS sent(seq, stream_seq) WHERE outbox.seq = sent.seq"""
_REFILL = "UPDATE outbox SET published_at = NULL, stream_seq = NULL WHERE stream_seq > $1"
#: the same, when rows of ours were just given places that other rows had
_REFILL_FROM = "UPDATE outbox SET published_at = NULL, stream_seq = NULL WHERE stream_seq >= $1"
_PURGE = f"""DELETE FROM outbox WHERE seq IN (SELECT seq FROM outbox
             WHERE published_at < now() - interval '{KEPT}' LIMIT 10000)"""


class Relay:
    """Runs until cancelled; `active` tells whether it holds the lock. Its stream is the service's own."""

    def __init__(self, settings: Settings, nats: Client, stream: str, committed: asyncio.Event, service: str) -> None:
        self.active = False
        self._settings, self._nats, self._stream = settings, nats, stream
        self._committed, self._service = committed, service
        self._suspect = True
        self._newest = 0  # the highest place in the stream that we know to be taken

    def suspect(self) -> None:
        """The connection to NATS was lost: before sending on, look whether the stream lost its tail."""
        self._suspect = True

    async def run(self) -> None:
        """Stand by for the lock, then send; after any failure begin again."""
        while True:
            try:
                await self._serve_connection()
            except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, NatsError, TimeoutError) as wrong:
                log.warning("relay.interrupted", error=type(wrong).__name__)
            except Exception as wrong:  # whatever it was: a relay that ended would be silence
                log.error("relay.failed", error=type(wrong).__name__, exc_info=wrong)
            self.active = False
            await asyncio.sleep(0.5)

    async def _serve_connection(self) -> None:
        connection = await asyncpg.connect(self._settings.asyncpg_dsn(), timeout=5, command_timeout=30)
        try:
            while not await connection.fetchval("SELECT pg_try_advisory_lock(hashtext($1))", self._lock()):
                await asyncio.sleep(0.5)
            # No fsync for marks: one that a crash loses only sends its row again, which the inbox passes over.
            await connection.execute("SET synchronous_commit = off")
            self.active, self._suspect = True, True
            await self._lead(connection)
        finally:
            connection.terminate()

    def _lock(self) -> str:
        return f"sinergi-relay-{self._service}"

    async def _lead(self, connection: Any) -> None:
        clock = asyncio.get_running_loop().time
        purge_at = next_at = clock()
        while True:
            await asyncio.sleep(max(0.0, next_at - clock()))
            if self._suspect:
                await self._refill(connection)
            self._committed.clear()
            rows = await connection.fetch(_UNSENT)
            if rows:
                next_at = clock() + GATHER_SECONDS if len(rows) < BATCH else clock()
                await self._send(connection, rows)
            elif clock() >= purge_at:
                await connection.execute(_PURGE)
                purge_at = clock() + PURGE_EVERY_SECONDS
            if len(rows) < BATCH:
                await self._sleep()

    async def _sleep(self) -> None:
        # not wait_for: before Python 3.12 it loses a cancellation that comes together with a commit
        with suppress(TimeoutError):
            async with asyncio.timeout(POLL_SECONDS):
                await self._committed.wait()

    async def _refill(self, connection: Any) -> None:
        """Mark as unsent what the stream no longer has: it was acked, and lost by a power cut or by hand."""
        self._suspect = False
        try:
            await declare_stream(self._nats, self._stream, self._settings)
            last = (await self._nats.jetstream().stream_info(self._stream)).state.last_seq
        except BaseException:
            self._suspect = True
            raise
        self._newest = last
        await self._unmark(connection, _REFILL, last)

    async def _unmark(self, connection: Any, statement: str, place: int) -> None:
        """Unlike a mark, this must survive a crash: nobody would find out a second time."""
        async with connection.transaction():
            await connection.execute("SET LOCAL synchronous_commit = on")
            again = await connection.execute(statement, place)
        if again != "UPDATE 0":
            log.warning("relay.refilled", stream=self._stream, place=place, rows=again.split()[-1])

    async def _send(self, connection: Any, rows: list[Any]) -> None:
        try:
            sent = await self._publish(rows)
        except (NoStreamResponseError, NoRespondersError):
            self.suspect()  # the stream is gone: declare it again and refill it
            return
        new = [place for place, duplicate in sent if not duplicate]
        if new and min(new) <= self._newest:  # the stream lost its tail under us, and gave its places anew
            await self._unmark(connection, _REFILL_FROM, min(new))
        self._newest = max(new, default=self._newest)
        await connection.execute(_MARK, [row["seq"] for row in rows], [place for place, _ in sent])
        OUTBOX_SENT.inc(len(rows))

    async def _publish(self, rows: list[Any]) -> list[tuple[int, bool]]:
        """Publish all, in order. Returns each row's place in the stream, and whether it lay there already."""
        if len(rows) <= FEW and _free_of_order(rows):
            return list(await asyncio.gather(*(self._publish_one(row) for row in rows)))
        try:
            return await self._publish_atomically(rows)
        except APIError as refused:
            if refused.err_code != DUPLICATE_IN_BATCH:
                raise
            return await self._publish_singly(rows)

    async def _publish_singly(self, rows: list[Any]) -> list[tuple[int, bool]]:
        return [await self._publish_one(row) for row in rows]

    async def _publish_one(self, row: Any) -> tuple[int, bool]:
        ack = await self._nats.jetstream().publish(
            row["subject"], row["body"], ACK_SECONDS, stream=self._stream, headers=_headers(row)
        )
        return ack.seq, bool(ack.duplicate)

    async def _publish_atomically(self, rows: list[Any]) -> list[tuple[int, bool]]:
        """One atomic batch (ADR-50): all or none, one fsync."""
        batch, last = uuid4().hex, len(rows)
        for number, row in enumerate(rows[:-1], 1):
            headers = _headers(row) | {"Nats-Batch-Id": batch, "Nats-Batch-Sequence": str(number)}
            await self._nats.publish(row["subject"], row["body"], headers=headers)
        headers = _headers(rows[-1]) | {
            "Nats-Batch-Id": batch,
            "Nats-Batch-Sequence": str(last),
            "Nats-Batch-Commit": "1",
        }
        reply = await self._nats.request(rows[-1]["subject"], rows[-1]["body"], timeout=ACK_SECONDS, headers=headers)
        ack = json.loads(reply.data)
        if "error" in ack:
            APIError.from_error(ack["error"])
        return [(place, False) for place in range(ack["seq"] - last + 1, ack["seq"] + 1)]


def _free_of_order(rows: list[Any]) -> bool:
    """Whether no two rows tell the same audience about the same aggregate."""
    return len({(row["aggregate_id"], row["audience"]) for row in rows}) == len(rows)


def _headers(row: Any) -> dict[str, str]:
    headers: dict[str, str] = json.loads(row["headers"])
    return headers | {"Nats-Msg-Id": f"{row['event_id']}:{row['audience']}"}
