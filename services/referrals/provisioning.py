"""Keeps a durable consumer for each connected agency, also after somebody deleted one by hand, and for no other."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import structlog
from nats.errors import Error as NatsError
from nats.js.errors import NotFoundError
from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError

from services.referrals.models import Agency
from sinergi.app import Context
from sinergi.provision import declare_agency, durable_exists
from sinergi.tasks import beside

log = structlog.get_logger()

EVERY_SECONDS = 2.0


@asynccontextmanager
async def keep_consumers(context: Context) -> AsyncIterator[None]:
    """Beside the service: at once and then every two seconds, every connected agency has its consumer, no other has."""
    async with beside(_keep(context)):
        yield


async def _keep(context: Context) -> None:
    up_to_date: set[str] = set()
    while True:
        try:
            await _provide(context, up_to_date)
        except (NatsError, NotFoundError, TimeoutError, OSError, SQLAlchemyError) as wrong:
            log.warning("provisioning.interrupted", error=type(wrong).__name__)
        await asyncio.sleep(EVERY_SECONDS)


async def _provide(context: Context, up_to_date: set[str]) -> None:
    """`up_to_date` holds the agencies whose consumer this process has declared as the code says."""
    nats = context.bus.nats
    for agency, connected in await _agencies(context):
        exists = await durable_exists(nats, "REFERRALS", agency)
        if connected and not (exists and agency in up_to_date):
            await declare_agency(nats, agency)
            log.info("provisioning.declared", agency=agency)
            up_to_date.add(agency)
        elif exists and not connected:
            await nats.jetstream().delete_consumer("REFERRALS", agency)
            log.info("provisioning.deleted", agency=agency)
            up_to_date.discard(agency)


async def _agencies(context: Context) -> list[tuple[str, bool]]:
    async with context.db.begin() as tx:
        found = await tx.session.execute(select(Agency.code, Agency.connected))
        return [(code, connected) for code, connected in found]
