"""Consents over HTTP."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query

from services.referrals import consent_queries, consents
from services.referrals.bodies import body_of, with_path
from services.referrals.turn import Answer
from sinergi.app import Ctx, Key, Who, obey

router = APIRouter()
WithdrawBody = body_of(consents.WithdrawConsent, "consent_id")


@router.post("/consents", status_code=201, response_model=Answer)
async def record_consent(body: consents.RecordConsent, context: Ctx, who: Who, key: Key = None) -> Any:
    """Record that a client agreed that a service or an agency is shown their data."""
    return await obey(context, consents.record_consent, body, who, key)


@router.get("/consents")
async def list_consents(
    what: Annotated[consent_queries.ListConsents, Query()], context: Ctx, who: Who
) -> dict[str, Any]:
    """What a client agreed to, as my office recorded it."""
    async with context.db.begin(who) as tx:
        return await consent_queries.list_consents(what, who, tx)


@router.post("/consents/{consent_id}/withdraw", response_model=Answer)
async def withdraw_consent(
    consent_id: UUID,
    body: WithdrawBody,  # type: ignore[valid-type]
    context: Ctx,
    who: Who,
    key: Key = None,
) -> Any:
    """The client takes a consent back."""
    given = with_path(consents.WithdrawConsent, body, consent_id=consent_id)
    return await obey(context, consents.withdraw_consent, given, who, key)
