"""Plans of cases that become referrals: sent at once, or, where a service has rules, once the client was judged.

The registry is never asked inside the transaction that hears the plan: the plan waits in a row of its own, and a worker
asks, then sends. Whatever is killed, the row is there until the referral is.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import structlog
from sqlalchemy import delete, text
from sqlalchemy.exc import SQLAlchemyError

from services.referrals import commands
from services.referrals.asking import judged
from services.referrals.directory import find_place
from services.referrals.directory_models import WaitingReferral
from services.referrals.requests import JudgedReferral, SendReferral
from sinergi.app import Context
from sinergi.auth import Actor, service_actor
from sinergi.cloudevents import Envelope
from sinergi.db import Tx, new_id
from sinergi.problems import Refused
from sinergi.tasks import beside

log = structlog.get_logger()

#: DOMAIN.md's reasons of declining, where one says what our refusal says; other refusals keep their own slug
DECLINED_AS = {
    "no-such-service": "wrong-service",
    "out-of-area": "out-of-area",
    "capacity-full": "capacity",
    "service-closed": "capacity",
}
#: refusals that say nothing about the plan: it is tried again
PASSING = {"service-changed", "service-unavailable"}
EVERY_SECONDS = 0.3

#: claims the next one that is due; it is due again, for whoever comes, if this process dies over it
_CLAIM = text(
    """UPDATE waiting_referrals SET tries = tries + 1,
         not_before = now() + least(60, 2 * power(2, least(tries, 5))) * interval '1 second'
       WHERE id = (SELECT id FROM waiting_referrals WHERE not_before <= now()
                   ORDER BY not_before, id LIMIT 1 FOR UPDATE SKIP LOCKED)
       RETURNING id, agency, request, cause"""
)


def sender(agency: str) -> Actor:
    """The actor as which a case's plan is sent."""
    return replace(service_actor("referrals"), agency=agency)


async def send_or_wait(request: SendReferral, agency: str, cause: Envelope, tx: Tx) -> None:
    """Send what is planned, or let it wait until its client was judged."""
    place = await find_place(tx, request.service, agency)
    if place is None or place.eligibility is None:
        await send_or_return(JudgedReferral(**request.model_dump()), sender(agency), tx)
        return
    asked = request.model_dump(mode="json")
    tx.add(WaitingReferral(id=new_id(), agency=agency, request=asked, cause=cause.headers()))


async def take_back(step_id: str, reason: str, tx: Tx) -> bool:
    """Whether the step's referral still waited: then it is not sent, and the case hears so as of a declined one.

    What is being sent in this moment is waited for. Few rows wait at a time: no index serves the question.
    """
    waiting = delete(WaitingReferral).where(WaitingReferral.request["step_id"].astext == step_id)
    gone = (await tx.session.execute(waiting.returning(WaitingReferral.agency, WaitingReferral.request))).one_or_none()
    if gone is None:
        return False
    request = JudgedReferral.model_validate(gone.request)
    await commands.return_referral(request, sender(gone.agency), tx, why=reason)
    return True


async def send_or_return(request: JudgedReferral, actor: Actor, tx: Tx) -> None:
    """Send it. What the rules refuse comes back to the case at once, declined, so that the worker sees it. A step that
    has its open referral already is left alone."""
    try:
        await commands.send_referral(request, actor, tx)
    except Refused as no:
        if no.slug in PASSING:
            raise
        if no.slug == "referral-already-open" and no.extra.get("step_id") == str(request.step_id):
            return
        await commands.return_referral(request, actor, tx, why=DECLINED_AS.get(no.slug, no.slug))


@asynccontextmanager
async def send_waiting(context: Context) -> AsyncIterator[None]:
    """Beside the service: judges and sends what waits."""
    async with beside(_work(context)):
        yield


async def _work(context: Context) -> None:
    while True:
        try:
            while await _send_next(context):
                pass
        except (OSError, SQLAlchemyError, Refused) as wrong:
            log.warning("waiting.interrupted", error=type(wrong).__name__)
        await asyncio.sleep(EVERY_SECONDS)


async def _send_next(context: Context) -> bool:
    """Judge and send one that is due; False when none is."""
    async with context.db.begin() as tx:
        row = (await tx.session.execute(_CLAIM)).mappings().one_or_none()
    if row is None:
        return False
    actor = sender(row["agency"])
    try:
        request = await judged(context, SendReferral.model_validate(row["request"]), actor)
        await _send(context, row, request, actor)
    except Refused as no:  # nobody answers, or the rules changed meanwhile: it is due again by itself
        log.info("waiting.postponed", refusal=no.slug)
    return True


async def _send(context: Context, row: Any, request: JudgedReferral, actor: Actor) -> None:
    async with context.db.begin(actor) as tx:
        gone = delete(WaitingReferral).where(WaitingReferral.id == row["id"]).returning(WaitingReferral.id)
        if (await tx.session.execute(gone)).one_or_none() is None:
            return  # somebody else has sent it
        with tx.caused_by(Envelope.from_headers(row["cause"])):
            await send_or_return(request, actor, tx)
