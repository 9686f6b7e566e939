"""The sender of webhooks: one active for each database (an advisory lock), the others stand by, as with the relay.

Each webhook has a task of its own, one delivery at a time, and a place in one of two lanes. Those whose server was not
there or slow at their last try share a lane of few places: they wait for each other, and no one else waits for them.
Of one referral a later fact waits for an earlier one. A sender that is killed after a POST sends it again: at least
once, in order, and the receiver knows it by its `webhook-id`.
"""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import asyncpg
import structlog
from prometheus_client import Counter
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from services.referrals.settings import ReferralsSettings
from services.referrals.webhook_border import Border
from services.referrals.webhook_posting import Posted, Posting, SystemResolver
from services.referrals.webhook_queries import secrets_of
from services.referrals.webhook_settling import Try, settle
from services.referrals.webhook_signing import signature_headers
from sinergi.app import Context
from sinergi.auth import service_actor
from sinergi.problems import Refused
from sinergi.tasks import beside, end

log = structlog.get_logger()

POSTED = Counter("sinergi_webhooks", "Webhooks by what became of a try: taken, refused, unreachable", ["result"])

HEADERS = {"content-type": "application/cloudevents+json", "user-agent": "Sinergi-Webhooks/1"}
LOOK_SECONDS = 0.2
STAND_BY_SECONDS = 0.5
#: a server that took longer at its last try waits with those that were not there
SLOW_MS = 2000
PLACES, SICK_PLACES = 200, 20
#: after so many deliveries a webhook gives its place to the next one
IN_A_ROW = 50
PURGE_EVERY_SECONDS = 3600.0
KEPT = "90 days"

_LOCK = "SELECT pg_try_advisory_lock(hashtext('sinergi-webhooks'))"
_DUE = """SELECT id FROM webhooks w WHERE state = 'active' AND (not_before IS NULL OR not_before <= now())
          AND EXISTS (SELECT FROM webhook_deliveries d WHERE d.webhook_id = w.id AND d.state = 'waiting'
                      AND d.next_at <= now())"""
_NEXT = text(
    """SELECT d.seq, d.webhook_id, d.tries, d.type, d.event_id, d.body, w.url
       FROM webhook_deliveries d JOIN webhooks w ON w.id = d.webhook_id
       WHERE w.id = :id AND w.state = 'active' AND (w.not_before IS NULL OR w.not_before <= now())
         AND d.state = 'waiting' AND d.next_at <= now()
         AND NOT EXISTS (SELECT FROM webhook_deliveries earlier WHERE earlier.webhook_id = d.webhook_id
                         AND earlier.aggregate_id = d.aggregate_id AND earlier.state = 'waiting'
                         AND earlier.version < d.version)
       ORDER BY d.next_at, d.seq LIMIT 1"""
)
_PURGE = f"""DELETE FROM webhook_deliveries WHERE seq IN (SELECT seq FROM webhook_deliveries
             WHERE state <> 'waiting' AND made_at < now() - interval '{KEPT}' LIMIT 10000)"""


@dataclass(frozen=True, slots=True)
class Lane:
    """Places, and connections and name servers of its own: what hangs here hangs nobody elsewhere."""

    places: asyncio.Semaphore
    posting: Posting


@asynccontextmanager
async def send_webhooks(context: Context) -> AsyncIterator[None]:
    """Send what is due while the service runs."""
    assert isinstance(context.settings, ReferralsSettings)
    async with beside(Sender(context, context.settings).run()):
        yield


class Sender:
    """Runs until cancelled."""

    def __init__(self, context: Context, settings: ReferralsSettings) -> None:
        self._db, self._settings = context.db, settings
        self._well, self._sick = _lane(settings, PLACES), _lane(settings, SICK_PLACES)
        self._poorly: set[UUID] = set()
        self._working: dict[UUID, asyncio.Task[None]] = {}

    async def run(self) -> None:
        """Stand by for the lock, then send; after any failure begin again."""
        try:
            while True:
                try:
                    await self._serve_connection()
                except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, TimeoutError) as wrong:
                    log.warning("webhooks.interrupted", error=type(wrong).__name__)
                except Exception as wrong:  # whatever it was: a sender that ended would be silence
                    log.error("webhooks.failed", error=type(wrong).__name__, exc_info=wrong)
                await asyncio.sleep(STAND_BY_SECONDS)
        finally:
            await self._well.posting.close()
            await self._sick.posting.close()

    async def _serve_connection(self) -> None:
        connection = await asyncpg.connect(self._settings.asyncpg_dsn(), timeout=5, command_timeout=30)
        try:
            while not await connection.fetchval(_LOCK):
                await asyncio.sleep(STAND_BY_SECONDS)
            await self._lead(connection)
        finally:
            await end(*self._working.values())
            connection.terminate()

    async def _lead(self, connection: Any) -> None:
        clock = asyncio.get_running_loop().time
        purge_at = clock()
        while True:
            for row in await connection.fetch(_DUE):
                self._begin(UUID(str(row["id"])))
            if clock() >= purge_at:
                await connection.execute(_PURGE)
                purge_at = clock() + PURGE_EVERY_SECONDS
            await asyncio.sleep(LOOK_SECONDS)

    def _begin(self, webhook_id: UUID) -> None:
        if webhook_id not in self._working:
            task = self._working[webhook_id] = asyncio.create_task(self._work(webhook_id))
            task.add_done_callback(lambda _: self._working.pop(webhook_id, None))

    async def _work(self, webhook_id: UUID) -> None:
        """Send what is due, until nothing is, or the webhook has to change its lane."""
        was_poorly = webhook_id in self._poorly
        lane = self._sick if was_poorly else self._well
        try:
            async with lane.places:
                for _ in range(IN_A_ROW):
                    if not await self._send_next(webhook_id, lane) or was_poorly != (webhook_id in self._poorly):
                        break
        except (OSError, SQLAlchemyError, TimeoutError) as wrong:
            log.warning("webhooks.interrupted", error=type(wrong).__name__)

    async def _send_next(self, webhook_id: UUID, lane: Lane) -> bool:
        async with self._db.begin() as tx:
            row = (await tx.session.execute(_NEXT, {"id": webhook_id})).one_or_none()
            secret_ids = await secrets_of(webhook_id, tx) if row else []
        if row is None:
            return False
        posted = await post_signed(lane.posting, row.url, secret_ids, str(row.event_id), row.body)
        self._feel(webhook_id, posted)
        async with self._db.begin(service_actor("referrals")) as tx:
            one = Try(row.seq, row.webhook_id, row.tries, row.type)
            await settle(one, posted, self._settings.webhook_retry_delays, tx)
        return True

    def _feel(self, webhook_id: UUID, posted: Posted) -> None:
        POSTED.labels("taken" if posted.is_taken else "refused" if posted.is_refused else "unreachable").inc()
        if posted.status is None or posted.status >= 500 or posted.ms > SLOW_MS:
            self._poorly.add(webhook_id)
        else:
            self._poorly.discard(webhook_id)


async def post_signed(posting: Posting, url: str, secret_ids: Sequence[UUID], message_id: str, body: str) -> Posted:
    """Send a CloudEvent, signed by each secret; the URL is looked at each time, as the rules may have changed."""
    try:
        target = Border.current().target(url)
    except Refused:
        return Posted(None, "url-not-allowed", 0)
    return await posting.post(target, HEADERS | signature_headers(secret_ids, message_id, body), body)


def _lane(settings: ReferralsSettings, places: int) -> Lane:
    border = Border(SystemResolver(places), frozenset(settings.webhook_ports), settings.webhook_loopback)
    return Lane(asyncio.Semaphore(places), Posting(border, 2 * places, settings.webhook_ca_file))
