"""Webhooks over HTTP. No logic: each route calls a command or a query."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query
from pydantic import BaseModel

from services.referrals import webhook_queries, webhooks
from services.referrals.bodies import body_of, with_path
from services.referrals.turn import Answer
from services.referrals.webhook_hearing import forget
from services.referrals.webhook_requests import (
    ChangeWebhook,
    ListDeliveries,
    ListWebhooks,
    MakeWebhook,
    PauseWebhook,
    ReadWebhook,
    RemoveWebhook,
    ReplayDeliveries,
    ResumeWebhook,
    RotateSecret,
)
from services.referrals.webhook_signing import Secrets
from services.referrals.webhook_testing import Tested, send_test
from sinergi.app import Context, Ctx, Key, Who, obey

router = APIRouter()

ReplayBody, RotateBody = body_of(ReplayDeliveries, "webhook_id"), body_of(RotateSecret, "webhook_id")
LogQuery = body_of(ListDeliveries, "webhook_id")


class SecretAnswer(Answer):
    """The secret, shown in this answer and in no other (but to who asks again under the same idempotency key)."""

    secret: str


@router.post("/webhooks", status_code=201, response_model=SecretAnswer)
async def make_webhook(body: MakeWebhook, context: Ctx, who: Who, key: Key = None) -> Any:
    """Send an agency's facts to its server."""
    made = await obey(context, webhooks.make_webhook, body, who, key)
    return _shown(context, made)


@router.get("/webhooks")
async def list_webhooks(what: Annotated[ListWebhooks, Query()], context: Ctx, who: Who) -> dict[str, Any]:
    """Webhooks, by agency."""
    async with context.db.begin(who) as tx:
        return await webhook_queries.list_webhooks(what, who, tx)


@router.get("/webhooks/{webhook_id}")
async def read_webhook(webhook_id: UUID, context: Ctx, who: Who) -> dict[str, Any]:
    """A webhook and how it is doing."""
    async with context.db.begin(who) as tx:
        return await webhook_queries.read_webhook(ReadWebhook(webhook_id=webhook_id), who, tx)


@router.get("/webhooks/{webhook_id}/deliveries")
async def list_deliveries(
    webhook_id: UUID,
    what: Annotated[LogQuery, Query()],  # type: ignore[valid-type]
    context: Ctx,
    who: Who,
) -> dict[str, Any]:
    """What was sent, and what became of it."""
    given = with_path(ListDeliveries, what, webhook_id=webhook_id)
    async with context.db.begin(who) as tx:
        return await webhook_queries.list_deliveries(given, who, tx)


@router.post("/webhooks/{webhook_id}/rotate", response_model=SecretAnswer)
async def rotate_secret(
    webhook_id: UUID,
    body: RotateBody,  # type: ignore[valid-type]
    context: Ctx,
    who: Who,
    key: Key = None,
) -> Any:
    """A new secret; the old one stays for so many hours."""
    given = with_path(RotateSecret, body, webhook_id=webhook_id)
    return _shown(context, await obey(context, webhooks.rotate_secret, given, who, key))


@router.post("/webhooks/{webhook_id}/replay", response_model=webhooks.Replayed)
async def replay_deliveries(
    webhook_id: UUID,
    body: ReplayBody,  # type: ignore[valid-type]
    context: Ctx,
    who: Who,
    key: Key = None,
) -> Any:
    """Send again."""
    given = with_path(ReplayDeliveries, body, webhook_id=webhook_id)
    return await obey(context, webhooks.replay_deliveries, given, who, key)


@router.post("/webhooks/{webhook_id}/test", response_model=Tested)
async def test_webhook(webhook_id: UUID, context: Ctx, who: Who) -> Any:
    """Send a test event now, and say what became of it."""
    return await send_test(context, ReadWebhook(webhook_id=webhook_id), who)


def _add_command(name: str, request: type[BaseModel], command: Any) -> None:
    """`POST /webhooks/{id}/<name>`."""
    body_model = body_of(request, "webhook_id")

    async def give(
        webhook_id: UUID,
        body: body_model,  # type: ignore[valid-type]
        context: Ctx,
        who: Who,
        key: Key = None,
    ) -> Any:
        answer = await obey(context, command, with_path(request, body, webhook_id=webhook_id), who, key)
        forget(context.db.engine)
        return answer

    path = f"/webhooks/{{webhook_id}}/{name}"
    router.post(path, name=f"{name}_webhook", description=command.__doc__, response_model=Answer)(give)


_add_command("change", ChangeWebhook, webhooks.change_webhook)
_add_command("pause", PauseWebhook, webhooks.pause_webhook)
_add_command("resume", ResumeWebhook, webhooks.resume_webhook)
_add_command("remove", RemoveWebhook, webhooks.remove_webhook)


def _shown(context: Context, answer: dict[str, Any]) -> dict[str, Any]:
    """The answer with the secret in the place of its id."""
    forget(context.db.engine)
    return {**answer, "secret": Secrets.current().of(UUID(answer["secret_id"]))}
