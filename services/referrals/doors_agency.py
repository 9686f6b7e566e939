"""Commands of agencies over HTTP, signed by Standard Webhooks with the secret of their webhook.

`POST /agency/referrals/{id}/{command}`, headers `sinergi-webhook` (the webhook's id), `webhook-id` (the idempotency
key), `webhook-timestamp`, `webhook-signature`; the body is as over NATS, and names `command` and `referral_id` too: the
signature covers the body alone, and what is signed for one referral must not serve for another.
"""

import json
from dataclasses import dataclass
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Header, Request

from services.referrals import commands, webhook_queries
from services.referrals.details import hand_out
from services.referrals.requests import ReadDetails, parse
from services.referrals.states import SIDES
from services.referrals.turn import Answer
from services.referrals.webhook_requests import FindSigner
from services.referrals.webhook_signing import must_be_signed
from sinergi.app import Context, Ctx, obey
from sinergi.auth import Actor, agency_actor, service_actor
from sinergi.problems import Refused

router = APIRouter()

#: the longest command is about 20 KB
BODY_BYTES = 64 * 1024


@dataclass(frozen=True, slots=True)
class Signed:
    """A command whose signature was checked."""

    actor: Actor
    key: str
    given: dict[str, Any]


async def signed_agency(
    referral_id: UUID,
    request: Request,
    context: Ctx,
    webhook_id: Annotated[UUID, Header(alias="sinergi-webhook")],
    key: Annotated[str, Header(alias="webhook-id", min_length=1, max_length=200)],
) -> Signed:
    """The agency by whose webhook's secret the request is signed, and what it asks. Refused: `signature-not-valid`."""
    body, us = await _body(request), service_actor("referrals")
    async with context.db.begin(us) as tx:
        asked = FindSigner(webhook_id=webhook_id, referral_id=referral_id)
        signer = await webhook_queries.find_signer(asked, us, tx)
    must_be_signed(signer.secret_ids if signer else [], request.headers, body)
    assert signer is not None  # nobody's secrets have signed nothing
    if not signer.is_active:
        raise Refused("webhook-paused", "This webhook is paused: ask the operator.", "forbidden")
    if signer.desk not in (None, signer.referral_desk):
        raise Refused("not-your-agency", "This belongs to another desk.", "forbidden")
    return Signed(agency_actor(signer.agency), key, _given(body, request, referral_id))


async def _body(request: Request) -> bytes:
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > BODY_BYTES:
            raise Refused("body-too-long", f"A command has at most {BODY_BYTES // 1024} KB.")
    return body


def _given(body: bytes, request: Request, referral_id: UUID) -> dict[str, Any]:
    """What was signed, once it is about what the path says."""
    try:
        given = json.loads(body)
    except ValueError:
        given = None
    if not isinstance(given, dict):
        raise Refused("not-json", "The request's body is not a JSON object.")
    about = (str(given.get("referral_id")), given.pop("command", None))
    if about != (str(referral_id), request.url.path.rsplit("/", 1)[1]):
        raise Refused("signed-for-another", "Name command and referral_id in the body as in the path.")
    return given


def _add_command(name: str, door: commands.Door) -> None:
    """One for each of the receiver's commands."""

    async def give(context: Ctx, signed: Annotated[Signed, Depends(signed_agency)]) -> Any:
        request = parse(door.request, signed.given)
        return await obey(context, door.function, request, signed.actor, signed.key, compare=False)

    path = f"/agency/referrals/{{referral_id}}/{name.replace('_', '-')}"
    router.post(path, name=f"agency_{name}", description=door.function.__doc__, response_model=Answer)(give)


for _name, _door in commands.DOORS.items():
    if SIDES[_name] == "receiver":
        _add_command(_name, _door)


@router.post("/agency/referrals/{referral_id}/details")
async def read_signed_details(context: Ctx, signed: Annotated[Signed, Depends(signed_agency)]) -> dict[str, Any]:
    """The client's data that the service needs, once for each `webhook-id`: whoever overheard a request and sends it
    again is told nothing."""
    await _must_be_new(context, signed)
    return await hand_out(context, parse(ReadDetails, signed.given), signed.actor)


async def _must_be_new(context: Context, signed: Signed) -> None:
    async with context.db.begin(signed.actor) as tx:
        if await tx.answered(signed.key, "referral.details:") is not None:
            raise Refused("already-answered", "This was asked before: sign it anew under a new webhook-id.", "conflict")
        await tx.remember({"asked": True})
