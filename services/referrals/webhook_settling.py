"""What follows from a try: delivered, again later, given up, or the whole webhook at rest. Nothing ends in silence."""

import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from uuid import UUID

from sqlalchemy import func, select, text

from services.referrals.webhook_models import Webhook, WebhookDelivery
from services.referrals.webhook_posting import Posted
from sinergi.db import Tx, new_id
from sinergi.events import WebhookFailing, WebhookRefused

#: the longest that a server which was not there is left in peace: then what is new tries it again
PEACE_SECONDS = 900.0
#: a delay grows by up to so much at random, so that what failed together does not come back together
JITTER = 0.2
GONE = 410

#: counts only for the try that it belongs to: a replay meanwhile, or another sender, is not overwritten
_TRIED = text(
    """UPDATE webhook_deliveries SET state = :state, tries = tries + 1, tried_at = now(), status = :status,
         problem = :problem, ms = :ms, next_at = now() + make_interval(secs => :delay)
       WHERE seq = :seq AND tries = :tries AND state = 'waiting'"""
)
_IS_THERE = text("UPDATE webhooks SET failures = 0, not_before = NULL WHERE id = :id AND failures > 0")
_AT_ONCE = text("UPDATE webhook_deliveries SET next_at = now() WHERE webhook_id = :id AND state = 'waiting'")


@dataclass(frozen=True, slots=True)
class Try:
    """A delivery as it was taken to be sent."""

    seq: int
    webhook_id: UUID
    tries: int
    type: str


@dataclass
class Alert:
    """What a fact about a webhook is numbered by: each stands alone, and none waits for another."""

    id: UUID = field(default_factory=new_id)
    version: int = 0


async def settle(one: Try, posted: Posted, delays: Sequence[float], tx: Tx) -> None:
    """Write down what became of the try, and what follows."""
    if posted.is_taken:
        await _write(one, posted, "delivered", tx)
        await _server_is_there(one.webhook_id, tx)
    elif posted.status == GONE:
        await _gone(one, posted, tx)
    elif posted.is_refused:
        await _refused(one, posted, delays, tx)
    else:
        await _nobody_there(one, posted, delays, tx)


async def _write(one: Try, posted: Posted, state: str, tx: Tx, delay: float = 0) -> bool:
    values = {"seq": one.seq, "tries": one.tries, "state": state, "delay": delay}
    result = {"status": posted.status, "problem": posted.problem, "ms": posted.ms}
    return bool((await tx.session.execute(_TRIED, values | result)).rowcount)  # type: ignore[attr-defined]


async def _server_is_there(webhook_id: UUID, tx: Tx) -> None:
    """After an outage all that waits is due at once, not when its own long delay ends."""
    if (await tx.session.execute(_IS_THERE, {"id": webhook_id})).rowcount:  # type: ignore[attr-defined]
        await tx.session.execute(_AT_ONCE, {"id": webhook_id})


async def _gone(one: Try, posted: Posted, tx: Tx) -> None:
    webhook = await tx.lock(Webhook, one.webhook_id)
    if await _write(one, posted, "waiting", tx):
        await _rest(webhook, "paused", "gone", tx)


async def _refused(one: Try, posted: Posted, delays: Sequence[float], tx: Tx) -> None:
    """The server is there: this delivery alone waits, and those behind it in its referral."""
    if one.tries < len(delays):
        await _write(one, posted, "waiting", tx, _delay(delays, one.tries))
        await _server_is_there(one.webhook_id, tx)
        return
    webhook = await tx.lock(Webhook, one.webhook_id)
    if await _write(one, posted, "failed", tx):
        given_up = {"delivery": one.seq, "event_type": one.type, "status": posted.status}
        tx.emit(WebhookRefused(**_whose(webhook), **given_up), of=Alert())


async def _nobody_there(one: Try, posted: Posted, delays: Sequence[float], tx: Tx) -> None:
    webhook = await tx.lock(Webhook, one.webhook_id)
    is_last = one.tries >= len(delays)
    counts = await _write(one, posted, "waiting", tx, 0 if is_last else _delay(delays, one.tries))
    if counts and is_last:
        await _rest(webhook, "failing", "unreachable", tx)
        return
    peace = min(_delay(delays, webhook.failures), PEACE_SECONDS)
    webhook.failures += 1
    webhook.not_before = datetime.now(UTC) + timedelta(seconds=peace)


async def _rest(webhook: Webhook, state: str, reason: str, tx: Tx) -> None:
    """Send nothing until somebody resumes it, and say so."""
    if webhook.state != "active":
        return
    webhook.state, webhook.reason = state, reason
    webhook.version += 1  # whoever still sees it active is told so
    await tx.session.flush()
    of_it = (WebhookDelivery.webhook_id == webhook.id, WebhookDelivery.state == "waiting")
    waiting = await tx.session.scalar(select(func.count()).where(*of_it)) or 0
    tx.emit(WebhookFailing(**_whose(webhook), reason=reason, waiting=waiting), of=Alert())


def _whose(webhook: Webhook) -> dict[str, str | None]:
    return {"webhook_id": str(webhook.id), "agency": webhook.agency, "desk": webhook.desk}


def _delay(delays: Sequence[float], tries: int) -> float:
    return delays[min(tries, len(delays) - 1)] * random.uniform(1, 1 + JITTER)
