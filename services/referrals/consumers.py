"""The NATS door: plans of cases become referrals, and agencies give the receiver's commands."""

from typing import Any
from uuid import UUID

from pydantic import BaseModel

from services.referrals import commands, directory_commands
from services.referrals.connected import must_be_connected
from services.referrals.details import hand_out
from services.referrals.directory_requests import CloseService, OpenService, SetCapacity
from services.referrals.pathway_plans import start_planned, stop_planned
from services.referrals.planned import send_or_wait, sender, take_back
from services.referrals.replaying import ReplayFacts, replay_facts
from services.referrals.requests import PATHWAY, CancelReferral, ReadDetails, RequestCancel, SendReferral, parse
from services.referrals.states import SIDES, State
from services.referrals.turn import lock_running
from sinergi.app import obey
from sinergi.auth import Actor
from sinergi.bus import Answer, Bus
from sinergi.db import Tx
from sinergi.events import CaseReferralPlanned, CaseReferralWithdrawn
from sinergi.inbox import Poison
from sinergi.problems import Refused

bus = Bus("referrals")

#: what the event and the request have in common
PLANNED = set(SendReferral.model_fields)


@bus.on(CaseReferralPlanned)
async def when_case_referral_planned_send_the_referral(event: CaseReferralPlanned, tx: Tx) -> None:
    """Send it for the case's agency, or let it wait until its client was judged (planned.py); a step that names a
    pathway starts one. A plan that breaks the rules of codes is a fault of the sending service: a dead letter."""
    try:
        request = parse(SendReferral, event.model_dump(include=PLANNED))
    except Refused as no:
        raise Poison("; ".join(f"{rule['field']}: {rule['rule']}" for rule in no.extra["errors"])) from None
    if request.service.startswith(PATHWAY):
        await start_planned(request, event.agency, event.worker, tx)
    else:
        await send_or_wait(request, event.agency, event.envelope, tx)


@bus.on(CaseReferralWithdrawn)
async def when_case_referral_withdrawn_stop_the_referral(event: CaseReferralWithdrawn, tx: Tx) -> None:
    """Do not send what still waits, cancel what nobody has acknowledged, else ask the receiver to stop. What has ended,
    or is asked to stop already, is left alone: the case hears of that by the referral's own facts."""
    if event.service.startswith(PATHWAY):
        return await stop_planned(event.service, UUID(event.client_id), UUID(event.step_id), event.reason, tx)
    if await take_back(event.step_id, event.reason, tx):
        return
    referral = await lock_running(UUID(event.client_id), event.service, UUID(event.step_id), tx)
    if referral is None or referral.state == State.CANCEL_REQUESTED:
        return
    actor = sender(referral.sender)
    given = {"referral_id": referral.id, "expected_version": referral.version, "reason": event.reason}
    if referral.state == State.REQUESTED:
        await commands.cancel_referral(CancelReferral.model_validate(given), actor, tx)
    else:
        await commands.request_cancel(RequestCancel.model_validate(given), actor, tx)


def _answer_agencies(name: str, door: commands.Door) -> None:
    """`sinergi.cmd.<agency>.referral.<command>`: the body as over HTTP, with `referral_id` and `idempotency_key`."""

    @bus.command(f"referral.{name}")
    async def answer(request: dict[str, Any], actor: Actor) -> Answer:
        await must_be_connected(bus.context, actor)
        given = parse(door.request, _without_key(request))
        done: Answer = await obey(bus.context, door.function, given, actor, _key(request), compare=False)
        return done


for _name, _door in commands.DOORS.items():
    if SIDES[_name] == "receiver":
        _answer_agencies(_name, _door)


# --------------------------------------------------------------- directory


def _answer_capacity(name: str, request_model: type[BaseModel], command: Any) -> None:
    """`sinergi.cmd.<agency>.directory.<name>`: an agency's system tells the capacity of its own services."""

    @bus.command(f"directory.{name}")
    async def answer(request: dict[str, Any], actor: Actor) -> Answer:
        await must_be_connected(bus.context, actor)
        given = parse(request_model, _without_key(request))
        done: Answer = await obey(bus.context, command, given, actor, _key(request))
        return done


_answer_capacity("capacity", SetCapacity, directory_commands.set_capacity)
_answer_capacity("close", CloseService, directory_commands.close_service)
_answer_capacity("open", OpenService, directory_commands.open_service)


@bus.command("referral.details")
async def answer_details(request: dict[str, Any], actor: Actor) -> Answer:
    """The client's data that the service needs; each asking is a new line of the ledger, whatever its key."""
    await must_be_connected(bus.context, actor)
    return await hand_out(bus.context, parse(ReadDetails, _without_key(request)), actor)


@bus.command("agency.replay")
async def answer_replay(request: dict[str, Any], actor: Actor) -> Answer:
    """The agency hears its own facts again, from a moment on."""
    await must_be_connected(bus.context, actor)
    return await replay_facts(parse(ReplayFacts, _without_key(request)), actor, bus.context)


def _without_key(request: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in request.items() if name != "idempotency_key"}


def _key(request: dict[str, Any]) -> str | None:
    key = request.get("idempotency_key")
    if key is not None and not (isinstance(key, str) and 0 < len(key) <= 200 and key.isprintable()):
        raise Refused("request-not-valid", "idempotency_key is a printable text of at most 200 characters.")
    return key
