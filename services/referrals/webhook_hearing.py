"""Which webhooks a fact is for: their deliveries are written in the transaction that tells it.

A receiver's webhook hears the referrals to its desk, or to all desks of its agency; a sender's hears what becomes of
the referrals that its agency sent.
"""

import time
from dataclasses import dataclass
from typing import Any
from uuid import UUID
from weakref import WeakKeyDictionary

from sqlalchemy import select

from services.referrals.models import Referral
from services.referrals.webhook_models import Webhook, WebhookDelivery
from sinergi.cloudevents import Envelope
from sinergi.db import Tx
from sinergi.events import Event

#: how old a remembered answer may be: a new webhook hears every fact from so many seconds on
REMEMBERED_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class Listener:
    """A webhook, as far as a fact is concerned."""

    id: UUID
    agency: str
    desk: str | None
    events: frozenset[str]

    def hears(self, referral: Referral, event: Event) -> bool:
        """Whether the fact is for it."""
        if self.events and event.name not in self.events:
            return False
        receives = self.agency == referral.receiver and self.desk in (None, referral.desk)
        return receives or (self.agency == referral.sender and self.desk is None)


Remembered = dict[str, tuple[float, list[Listener]]]
#: for each database its own answers, by agency
_remembered: WeakKeyDictionary[object, Remembered] = WeakKeyDictionary()


def forget(engine: object) -> None:
    """Webhooks of this database have changed: look again at the next fact."""
    _remembered.pop(engine, None)


async def deliver_later(event: Event, envelope: Envelope, referral: Referral, tx: Tx) -> None:
    """Write down for whom the fact is to be sent."""
    hearing = [
        one
        for agency in dict.fromkeys((referral.receiver, referral.sender))
        for one in await _listeners(agency, tx)
        if one.hears(referral, event)
    ]
    if hearing:
        body = envelope.structured(event.model_dump_json())
        for one in hearing:
            tx.append(WebhookDelivery.__tablename__, _row(one, envelope, body))


def _row(listener: Listener, envelope: Envelope, body: str) -> dict[str, Any]:
    return {
        "webhook_id": listener.id,
        "event_id": envelope.id,
        "type": envelope.type,
        "aggregate_id": envelope.partitionkey,
        "version": envelope.sequence,
        "body": body,
    }


async def _listeners(agency: str, tx: Tx) -> list[Listener]:
    known = _remembered.setdefault(tx.session.bind, {})
    at, listeners = known.get(agency, (0.0, []))
    if not at or time.monotonic() - at > REMEMBERED_SECONDS:
        of_agency = select(Webhook).where(Webhook.agency == agency, Webhook.state != "removed")
        found = (await tx.session.scalars(of_agency)).all()
        listeners = [Listener(one.id, one.agency, one.desk, frozenset(one.events)) for one in found]
        known[agency] = (time.monotonic(), listeners)
    return listeners
