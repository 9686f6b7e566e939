"""The NATS door: plans of cases become referrals, and agencies give the receiver's commands."""

from dataclasses import replace
from typing import Any

from services.referrals import commands
from services.referrals.details import hand_out
from services.referrals.requests import ReadDetails, SendReferral, parse
from services.referrals.states import SIDES
from sinergi.app import obey
from sinergi.auth import Actor, service_actor
from sinergi.bus import Answer, Bus
from sinergi.db import Tx
from sinergi.events import CaseReferralPlanned
from sinergi.inbox import Poison
from sinergi.problems import Refused

bus = Bus("referrals")

#: DOMAIN.md's reasons of declining, where one says what our refusal says; other refusals keep their own slug
DECLINED_AS = {"no-such-service": "wrong-service", "out-of-area": "out-of-area"}
#: what the event and the request have in common
PLANNED = set(SendReferral.model_fields)


@bus.on(CaseReferralPlanned)
async def when_case_referral_planned_send_the_referral(event: CaseReferralPlanned, tx: Tx) -> None:
    """Send it for the case's agency. What the rules refuse is not tried again: it comes back to the case at once,
    declined, so that the worker sees it. A step that has its open referral already is left alone. A plan that breaks
    the rules of codes is a fault of the sending service: a dead letter, for the operator."""
    actor = replace(service_actor("referrals"), agency=event.agency)
    try:
        request = parse(SendReferral, event.model_dump(include=PLANNED))
    except Refused as no:
        raise Poison("; ".join(f"{rule['field']}: {rule['rule']}" for rule in no.extra["errors"])) from None
    try:
        await commands.send_referral(request, actor, tx)
    except Refused as no:
        if no.slug == "referral-already-open" and no.extra.get("step_id") == event.step_id:
            return
        await commands.return_referral(request, actor, tx, why=DECLINED_AS.get(no.slug, no.slug))


def _answer_agencies(name: str, door: commands.Door) -> None:
    """`sinergi.cmd.<agency>.referral.<command>`: the body as over HTTP, with `referral_id` and `idempotency_key`."""

    @bus.command(f"referral.{name}")
    async def answer(request: dict[str, Any], actor: Actor) -> Answer:
        given = parse(door.request, _without_key(request))
        done: Answer = await obey(bus.context, door.function, given, actor, _key(request), compare=False)
        return done


for _name, _door in commands.DOORS.items():
    if SIDES[_name] == "receiver":
        _answer_agencies(_name, _door)


@bus.command("referral.details")
async def answer_details(request: dict[str, Any], actor: Actor) -> Answer:
    """The client's data that the service needs; each asking is a new line of the ledger, whatever its key."""
    return await hand_out(bus.context, parse(ReadDetails, _without_key(request)), actor)


def _without_key(request: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in request.items() if name != "idempotency_key"}


def _key(request: dict[str, Any]) -> str | None:
    key = request.get("idempotency_key")
    if key is not None and not (isinstance(key, str) and 0 < len(key) <= 200 and key.isprintable()):
        raise Refused("request-not-valid", "idempotency_key is a printable text of at most 200 characters.")
    return key
