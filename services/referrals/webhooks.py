"""Keeping webhooks: made and changed by the operator; paused, resumed and replayed by their agency's desk too."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

from pydantic import BaseModel
from sqlalchemy import ColumnElement, delete, func, select, true, update

from services.referrals.directory_models import Desk
from services.referrals.models import Agency
from services.referrals.turn import Answer
from services.referrals.webhook_border import Border
from services.referrals.webhook_models import Webhook, WebhookDelivery, WebhookSecret
from services.referrals.webhook_requests import (
    ChangeWebhook,
    MakeWebhook,
    OneWebhook,
    PauseWebhook,
    RemoveWebhook,
    ReplayDeliveries,
    ResumeWebhook,
    RotateSecret,
)
from sinergi.auth import Actor, permit
from sinergi.db import Tx, new_id
from sinergi.permissions import Role
from sinergi.problems import Refused

#: so many webhooks an agency may have: each fact is written once for each
MOST = 10


class WithSecret(Answer):
    """What making and rotating answer: the secret is made from this id by whoever holds the service's key."""

    secret_id: UUID


class Replayed(BaseModel):
    """How many deliveries wait to be sent again."""

    count: int


@permit("webhook.write")
async def make_webhook(cmd: MakeWebhook, actor: Actor, tx: Tx) -> WithSecret:
    """Begin to send. Refused: `webhook-url-not-allowed`, `no-such-agency`, `no-such-desk`, `too-many-webhooks`."""
    Border.current().target(cmd.url)
    await _must_be_known(cmd, tx)
    webhook = Webhook(id=new_id(), version=1, state="active", failures=0, made_by=actor.id, **cmd.model_dump())
    tx.add(webhook)
    await tx.session.flush()
    return _with_secret(webhook, _new_secret(webhook, tx))


async def _must_be_known(cmd: MakeWebhook, tx: Tx) -> None:
    agency = await tx.session.get(Agency, cmd.agency, with_for_update=True)
    if agency is None:
        raise Refused("no-such-agency", f"There is no agency {cmd.agency}: enter it first.")
    if cmd.desk and await tx.session.get(Desk, cmd.desk) is None:
        raise Refused("no-such-desk", f"There is no desk {cmd.desk}: enter it first.")
    have = select(func.count()).where(Webhook.agency == cmd.agency, Webhook.state != "removed")
    if (await tx.session.scalar(have) or 0) >= MOST:
        raise Refused("too-many-webhooks", f"An agency has at most {MOST}: remove one first.", "conflict")


@permit("webhook.write")
async def change_webhook(cmd: ChangeWebhook, actor: Actor, tx: Tx) -> Answer:
    """Send elsewhere, or other facts, from now on. Refused: as making, and `version-conflict`."""
    Border.current().target(cmd.url)
    webhook = await _lock(cmd, actor, tx)
    webhook.url, webhook.events = cmd.url, cmd.events
    return _changed(webhook)


@permit("webhook.write")
async def rotate_secret(cmd: RotateSecret, actor: Actor, tx: Tx) -> WithSecret:
    """A new secret beside the one in use, which ends after `keep_hours`; one that was ending already ends now."""
    webhook, now = await _lock(cmd, actor, tx), datetime.now(UTC)
    of_it = update(WebhookSecret).where(WebhookSecret.webhook_id == webhook.id)
    await tx.session.execute(of_it.where(WebhookSecret.ends_at > now).values(ends_at=now))
    ends = now + timedelta(hours=cmd.keep_hours)
    await tx.session.execute(of_it.where(WebhookSecret.ends_at.is_(None)).values(ends_at=ends))
    secret = _new_secret(webhook, tx)
    _changed(webhook)
    return _with_secret(webhook, secret)


@permit("webhook.write")
async def remove_webhook(cmd: RemoveWebhook, actor: Actor, tx: Tx) -> Answer:
    """Send nothing more, and take nothing more; what waits is dropped, its log stays for its time."""
    webhook = await _lock(cmd, actor, tx)
    of_it = (WebhookDelivery.webhook_id == webhook.id, WebhookDelivery.state == "waiting")
    await tx.session.execute(delete(WebhookDelivery).where(*of_it))
    webhook.state, webhook.reason = "removed", None
    return _changed(webhook)


@permit("webhook.manage")
async def pause_webhook(cmd: PauseWebhook, actor: Actor, tx: Tx) -> Answer:
    """Send nothing for now; facts go on being written down for it."""
    webhook = await _lock(cmd, actor, tx)
    webhook.state, webhook.reason = "paused", "by-hand"
    return _changed(webhook)


@permit("webhook.manage")
async def resume_webhook(cmd: ResumeWebhook, actor: Actor, tx: Tx) -> Answer:
    """Send what waits, at once, each with all its tries."""
    webhook = await _lock(cmd, actor, tx)
    await _again(webhook, WebhookDelivery.state == "waiting", tx)
    _begin_again(webhook)
    return _changed(webhook)


@permit("webhook.manage")
async def replay_deliveries(cmd: ReplayDeliveries, actor: Actor, tx: Tx) -> Replayed:
    """Let these deliveries be sent again, in the order of each referral's facts. A failing webhook begins again with
    it; for a paused one they wait. Refused: `not-found` for a delivery of another webhook."""
    webhook = await tx.lock(Webhook, cmd.webhook_id)
    _must_be_own(webhook, actor)
    count = await _again(webhook, _wanted(cmd), tx)
    if cmd.delivery and not count:
        raise Refused("not-found", "There is no such delivery.", "not-found")
    if webhook.state == "failing":
        await _again(webhook, WebhookDelivery.state == "waiting", tx)
        _begin_again(webhook)
    _changed(webhook)
    return Replayed(count=count)


def _wanted(cmd: ReplayDeliveries) -> ColumnElement[bool]:
    if cmd.delivery:
        return WebhookDelivery.seq == cmd.delivery
    return WebhookDelivery.made_at >= cmd.since if cmd.since else true()


# ------------------------------------------------------------------ inside


async def _lock(cmd: OneWebhook, actor: Actor, tx: Tx) -> Webhook:
    webhook = await tx.lock(Webhook, cmd.webhook_id)
    _must_be_own(webhook, actor)
    if webhook.version != cmd.expected_version:
        raise Refused(
            "version-conflict",
            "It was changed meanwhile. Read it again, then decide.",
            "conflict",
            version=webhook.version,
            state=webhook.state,
        )
    if webhook.state == "removed":
        raise Refused("webhook-removed", "It was removed: make another one.", "conflict", state=webhook.state)
    return webhook


def _must_be_own(webhook: Webhook, actor: Actor) -> None:
    """Any for an operator, its own agency's for a desk."""
    if actor.role is not Role.OPERATOR:
        actor.within(agencies=(webhook.agency,))


def _begin_again(webhook: Webhook) -> None:
    webhook.state, webhook.reason, webhook.failures, webhook.not_before = "active", None, 0, None


async def _again(webhook: Webhook, which: ColumnElement[bool], tx: Tx) -> int:
    """Deliveries wait afresh, due now; returns how many. What is on its way in this moment is sent again."""
    of_it = update(WebhookDelivery).where(WebhookDelivery.webhook_id == webhook.id, which)
    done = await tx.session.execute(of_it.values(state="waiting", tries=0, next_at=func.now()))
    return int(done.rowcount)  # type: ignore[attr-defined]


def _new_secret(webhook: Webhook, tx: Tx) -> UUID:
    secret = WebhookSecret(id=new_id(), webhook_id=webhook.id)
    tx.add(secret)
    return secret.id


def _changed(webhook: Webhook) -> Answer:
    webhook.version += 1
    return Answer(id=str(webhook.id), version=webhook.version, state=webhook.state)


def _with_secret(webhook: Webhook, secret_id: UUID) -> WithSecret:
    return WithSecret(id=str(webhook.id), version=webhook.version, state=webhook.state, secret_id=secret_id)
