"""What can be read of webhooks: themselves, their logs, and who it is that signs a command."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import Select, func, or_, select

from services.referrals.models import Referral
from services.referrals.requests import Page
from services.referrals.webhook_models import Webhook, WebhookDelivery, WebhookSecret
from services.referrals.webhook_requests import FindSigner, ListDeliveries, ListWebhooks, ReadWebhook
from sinergi.auth import Actor, permit
from sinergi.db import Tx
from sinergi.permissions import Role

Found = dict[str, Any]
#: a log is counted so far and no further
COUNTED = 10_000
_SHOWN = ("id", "version", "agency", "desk", "url", "events", "state", "reason", "failures", "not_before", "made_at")
#: no body: whoever wants an event replays it
_LOGGED = ("seq", "event_id", "type", "aggregate_id", "version", "state", "tries", "next_at", "made_at", "tried_at",
           "status", "problem", "ms")  # fmt: skip


@dataclass(frozen=True, slots=True)
class Signer:
    """A webhook as the giver of commands."""

    agency: str
    desk: str | None
    secret_ids: list[UUID]
    is_active: bool
    #: the desk that the referral lies at, if there is such a referral
    referral_desk: str | None


@dataclass(frozen=True, slots=True)
class Aim:
    """Where a webhook is sent to, and by which secrets it is signed."""

    url: str
    secret_ids: list[UUID]


@permit("webhook.read")
async def list_webhooks(what: ListWebhooks, actor: Actor, tx: Tx) -> Found:
    """A page of the webhooks that the actor may see, by agency; a desk sees its agency's."""
    query = select(Webhook).where(Webhook.state != "removed").order_by(Webhook.agency, Webhook.id)
    if actor.role is not Role.OPERATOR:
        query = query.where(Webhook.agency == actor.agency)
    if what.agency:
        query = query.where(Webhook.agency == what.agency)
    return await _page(query, _SHOWN, what, tx)


@permit("webhook.read")
async def read_webhook(what: ReadWebhook, actor: Actor, tx: Tx) -> Found:
    """One webhook, the dates of its secrets, and how many deliveries wait or failed (10,000 at the most)."""
    webhook = await _own(what.webhook_id, actor, tx)
    secrets = select(WebhookSecret).where(WebhookSecret.webhook_id == webhook.id, _is_valid())
    dated = (await tx.session.scalars(secrets.order_by(WebhookSecret.made_at))).all()
    return {name: getattr(webhook, name) for name in _SHOWN} | {
        "secrets": [{"made_at": one.made_at, "ends_at": one.ends_at} for one in dated],
        "waiting": await _count(_of(webhook.id, "waiting"), tx),
        "failed": await _count(_of(webhook.id, "failed"), tx),
    }


@permit("webhook.read")
async def list_deliveries(what: ListDeliveries, actor: Actor, tx: Tx) -> Found:
    """A page of the log, newest first; the indexes webhook_deliveries_log and _failed serve it."""
    await _own(what.webhook_id, actor, tx)
    query = _of(what.webhook_id, what.state).order_by(WebhookDelivery.seq.desc())
    return await _page(query, _LOGGED, what, tx)


@permit("webhook.manage")
async def read_aim(what: ReadWebhook, actor: Actor, tx: Tx) -> Aim:
    """What a test needs to be sent."""
    webhook = await _own(what.webhook_id, actor, tx)
    return Aim(webhook.url, await secrets_of(webhook.id, tx))


@permit("webhook.verify")
async def find_signer(what: FindSigner, actor: Actor, tx: Tx) -> Signer | None:
    """By whose secrets a command must be signed; None for a webhook that is not there."""
    webhook = await tx.session.get(Webhook, what.webhook_id)
    if webhook is None:
        return None
    secrets = select(WebhookSecret.id).where(WebhookSecret.webhook_id == webhook.id, _is_valid())
    desk = await tx.session.scalar(select(Referral.desk).where(Referral.id == what.referral_id))
    found = (await tx.session.scalars(secrets)).all()
    return Signer(webhook.agency, webhook.desk, list(found), webhook.state in ("active", "failing"), desk)


async def secrets_of(webhook_id: UUID, tx: Tx) -> list[UUID]:
    """The secrets that sign now, the newest first."""
    valid = select(WebhookSecret.id).where(WebhookSecret.webhook_id == webhook_id, _is_valid())
    return list((await tx.session.scalars(valid.order_by(WebhookSecret.made_at.desc()))).all())


async def _own(webhook_id: UUID, actor: Actor, tx: Tx) -> Webhook:
    webhook = await tx.get(Webhook, webhook_id)
    if actor.role is not Role.OPERATOR:
        actor.within(agencies=(webhook.agency,))
    return webhook


def _is_valid() -> Any:
    return or_(WebhookSecret.ends_at.is_(None), WebhookSecret.ends_at > func.now())


def _of(webhook_id: UUID, state: str | None) -> Select[Any]:
    query = select(WebhookDelivery).where(WebhookDelivery.webhook_id == webhook_id)
    return query.where(WebhookDelivery.state == state) if state else query


async def _count(query: Select[Any], tx: Tx) -> int:
    some = query.order_by(None).limit(COUNTED).subquery()
    return await tx.session.scalar(select(func.count()).select_from(some)) or 0


async def _page(query: Select[Any], names: tuple[str, ...], what: Page, tx: Tx) -> Found:
    rows = (await tx.session.scalars(query.offset((what.page - 1) * what.size).limit(what.size))).all()
    items = [{name: getattr(row, name) for name in names} for row in rows]
    return {"items": items, "total": await _count(query, tx)}
