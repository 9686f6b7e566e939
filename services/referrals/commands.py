"""What can be done with referrals: send one, and each command of the table in states.py."""

from collections.abc import Callable, Coroutine
from datetime import UTC, datetime
from typing import Any, NamedTuple

from sqlalchemy import select, text
from sqlalchemy.dialects.postgresql import insert

from services.referrals.clock_terms import ClockTerms
from services.referrals.clocks import area_of, confirm_term, go_on, pause, promised, wind
from services.referrals.consents import must_be_consented
from services.referrals.consequences import consequence_of
from services.referrals.directory import Place, find_place
from services.referrals.ledger import permitted_question, write_disclosure
from services.referrals.lettering import withdraw_letters
from services.referrals.models import IS_OPEN, Base, Disclosure, Referral
from services.referrals.requests import (
    WIB,
    AcceptReferral,
    AcknowledgeReferral,
    CancelReferral,
    CloseReferral,
    CompleteReferral,
    ConfirmCancel,
    DeclineReferral,
    FailReferral,
    Given,
    HoldReferral,
    JudgedReferral,
    ProgressReferral,
    ReadDetails,
    RequestCancel,
    ResumeReferral,
    RetractReferral,
    SendAnyway,
    SendReferral,
)
from services.referrals.sending import Sent, must_be_eligible, must_have_room, sent
from services.referrals.states import TAKEN_ON, TERMINAL, State
from services.referrals.turn import Answer, answer, take_turn, tell
from services.referrals.working_time import end_of_term
from sinergi.auth import Actor, covers, permit
from sinergi.db import Tx, new_id
from sinergi.events import ReferralCancelled, ReferralDeclined, ReferralRequested, ReferralRerouted
from sinergi.problems import Refused

# -------------------------------------------------------------------- send

#: the table's own insert: through the mapper it cost a send as much again
_TABLE = Base.metadata.tables[Referral.__tablename__]
_COLUMNS = tuple(column.name for column in _TABLE.columns)
_INSERT_UNLESS_OPEN = (
    insert(_TABLE)
    .on_conflict_do_nothing(index_elements=["client_id", "service"], index_where=text(IS_OPEN))
    .returning(_TABLE.c.id)
)


@permit("referral.send")
async def send_referral(cmd: JudgedReferral, actor: Actor, tx: Tx) -> Sent:
    """Ask the desk that offers the service. `Refused` when nobody offers it there, one is open already, it is not for
    this client, it takes nobody now, or the consent that it rests on is not there. Missing documents are named in
    the answer."""
    actor.within(area=cmd.area)
    place = await _place_for(cmd, actor, tx)
    must_be_eligible(place, cmd.verdict)
    await must_have_room(place, cmd, tx)
    return sent(await _send(cmd, actor, place, tx), place, cmd.verdict)


@permit("referral.send_anyway")
async def send_anyway(cmd: SendAnyway, actor: Actor, tx: Tx) -> Sent:
    """A supervisor sends it although it is full, closed, or not meant for this client; the desk still decides."""
    actor.within(area=cmd.area)
    place = await _place_for(cmd, actor, tx)
    return sent(await _send(cmd, actor, place, tx, cmd.override), place, None)


async def _send(cmd: SendReferral, actor: Actor, place: Place, tx: Tx, note: str | None = None) -> Referral:
    replaced = await _lock_replaced(cmd, actor, tx)
    referral = _new(cmd, actor, place)
    await must_be_consented(referral, tx)
    await _insert(referral, 1, tx)
    await wind(referral, None, tx)
    await tell(ReferralRequested, referral, place, actor, tx, _asked(referral), note)
    if replaced is not None:
        replaced.replaced_by = referral.id
        heard = await find_place(tx, replaced.service, replaced.sender)
        await tell(ReferralRerouted, replaced, heard, actor, tx, {"replaced_by": str(referral.id)})
    return referral


@permit("referral.send")
async def return_referral(cmd: SendReferral, actor: Actor, tx: Tx, *, why: str) -> Answer:
    """A planned referral that cannot be sent: told as requested and declined at once, to core alone, so that the
    case sees it. Its receiver is the sender itself, desk `<sender>/returned`: no agency was asked."""
    nobody = Place(cmd.service, actor.agency, f"{actor.agency}/returned", (), ClockTerms(), False)
    referral = _new(cmd.model_copy(update={"replaces": None}), actor, nobody)
    declined = {"reason": why, "side": "agency", "consequence": consequence_of(why)}
    referral.state, referral.ended_at, referral.outcome = State.DECLINED, referral.requested_at, declined
    await _insert(referral, 2, tx)
    await tell(ReferralRequested, referral, nobody, actor, tx, _asked(referral))
    await tell(ReferralDeclined, referral, nobody, actor, tx, declined)
    return answer(referral)


async def _place_for(cmd: SendReferral, actor: Actor, tx: Tx) -> Place:
    if not actor.agency:
        raise Refused("no-agency", "Your account belongs to no agency: nobody could be answered.", "forbidden")
    place = await find_place(tx, cmd.service, actor.agency)
    if place is None:
        raise Refused("no-such-service", f"Nobody offers the service {cmd.service}. Look in the directory.")
    if not any(covers(area, cmd.area) for area in place.areas):
        raise Refused("out-of-area", f"The service {cmd.service} is not offered in {cmd.area}.")
    return place


async def _lock_replaced(cmd: SendReferral, actor: Actor, tx: Tx) -> Referral | None:
    if cmd.replaces is None:
        return None
    replaced = await tx.lock(Referral, cmd.replaces)
    actor.within(agencies=(replaced.sender,), area=replaced.area)
    same = replaced.client_id == cmd.client_id and replaced.sender == actor.agency
    if not same or replaced.state not in TERMINAL or replaced.replaced_by:
        raise Refused(
            "not-replaceable",
            "Only an ended referral of the same client can be replaced, and only once.",
            "conflict",
            state=replaced.state,
            version=replaced.version,
        )
    return replaced


def _new(cmd: SendReferral, actor: Actor, place: Place) -> Referral:
    now = datetime.now(UTC)
    return Referral(
        **cmd.model_dump(include=set(SendReferral.model_fields)),
        id=new_id(),
        version=0,
        state=State.REQUESTED,
        sender=actor.agency,
        receiver=place.agency,
        desk=place.desk,
        requested_at=now,
        evidence=[],
        service_version=place.terms_version,
        takes_place=False,
        escalation=0,
        **promised(getattr(place.clocks, cmd.priority), now, place.desk_area or cmd.area),
    )


async def _insert(referral: Referral, version: int, tx: Tx) -> None:
    """One statement inserts and finds out whether one is open already, also when two are sent at once."""
    values = {name: getattr(referral, name) for name in _COLUMNS} | {"version": version}
    if (await tx.session.execute(_INSERT_UNLESS_OPEN, values)).one_or_none() is None:
        raise await _already_open(referral, tx)


async def _already_open(referral: Referral, tx: Tx) -> Refused:
    same = (Referral.client_id == referral.client_id, Referral.service == referral.service, text(IS_OPEN))
    open_one = (await tx.session.execute(select(Referral).where(*same))).scalar_one_or_none()
    found = open_one and {"referral_id": str(open_one.id), "step_id": str(open_one.step_id)}
    return Refused(
        "referral-already-open",
        "This client has an open referral for this service. Follow that one.",
        "conflict",
        **(found or {}),
    )


def _asked(referral: Referral) -> dict[str, Any]:
    return {
        "reason": referral.reason,
        "legal_basis": referral.legal_basis,
        "documents": referral.documents,
        "replaces": str(referral.replaces) if referral.replaces else None,
        "acknowledge_due": referral.acknowledge_due,
        "decide_due": referral.decide_due,
        "finish_due": referral.finish_due,
    }


# ---------------------------------------------------------------- receiver


@permit("referral.acknowledge")
async def acknowledge_referral(cmd: AcknowledgeReferral, actor: Actor, tx: Tx) -> Answer:
    """The desk has seen it."""
    turn = await take_turn("acknowledge", cmd, actor, tx)
    turn.referral.receiver_reference = cmd.receiver_reference
    return await turn.tell(receiver_reference=cmd.receiver_reference)


@permit("referral.accept")
async def accept_referral(cmd: AcceptReferral, actor: Actor, tx: Tx) -> Answer:
    """The desk will do it."""
    turn = await take_turn("accept", cmd, actor, tx)
    turn.referral.expected_on = cmd.expected_on
    return await turn.tell(expected_on=cmd.expected_on)


@permit("referral.decline")
async def decline_referral(cmd: DeclineReferral, actor: Actor, tx: Tx) -> Answer:
    """The desk will not do it, even after it had accepted. When the sender has asked to stop, that is the end."""
    turn = await take_turn("decline", cmd, actor, tx)
    declined: dict[str, Any] = {
        "reason": cmd.reason,
        "side": cmd.reason.side,
        "better_service": cmd.better_service,
        "missing_documents": cmd.missing_documents,
        "after_acceptance": turn.referral.state in TAKEN_ON,
        "consequence": consequence_of(cmd.reason, cmd.better_service),
    }
    turn.referral.outcome = declined
    if turn.rule.event is ReferralCancelled:
        return await turn.tell(cmd.text, reason=turn.referral.cancel_reason)
    return await turn.tell(cmd.text, **declined)


@permit("referral.progress")
async def progress_referral(cmd: ProgressReferral, actor: Actor, tx: Tx) -> Answer:
    """Work has started or moved on."""
    turn = await take_turn("progress", cmd, actor, tx)
    if cmd.business_status:
        turn.referral.business_status = cmd.business_status
    return await turn.tell(cmd.note, business_status=cmd.business_status)


@permit("referral.hold")
async def hold_referral(cmd: HoldReferral, actor: Actor, tx: Tx) -> Answer:
    """Work waits, and its clock with it."""
    turn = await take_turn("hold", cmd, actor, tx)
    turn.referral.review_on = cmd.review_on
    left = {f"{unit}_left": count for unit, count in pause(turn.referral).items()}
    return await turn.tell(cmd.note, reason=cmd.reason, review_on=cmd.review_on, **left)


@permit("referral.resume")
async def resume_referral(cmd: ResumeReferral, actor: Actor, tx: Tx) -> Answer:
    """Work goes on with the time that was left."""
    turn = await take_turn("resume", cmd, actor, tx)
    go_on(turn.referral)
    return await turn.tell(cmd.note, finish_due=turn.referral.finish_due)


@permit("referral.complete")
async def complete_referral(cmd: CompleteReferral, actor: Actor, tx: Tx) -> Answer:
    """The service was given; the event tells the kinds of evidence, the numbers stay here."""
    turn = await take_turn("complete", cmd, actor, tx)
    given_on = cmd.given_on or datetime.now(WIB).date()
    outcome = cmd.model_dump(mode="json", exclude={"referral_id", "expected_version", "evidence", "text"})
    turn.referral.outcome = outcome | {"given_on": given_on.isoformat()}
    turn.referral.evidence = [one.model_dump(mode="json") for one in cmd.evidence]
    kinds = [one.kind for one in cmd.evidence]
    return await turn.tell(cmd.text, outcome=cmd.outcome, given_on=given_on, evidence=kinds)


@permit("referral.fail")
async def fail_referral(cmd: FailReferral, actor: Actor, tx: Tx) -> Answer:
    """The service could not be given."""
    turn = await take_turn("fail", cmd, actor, tx)
    turn.referral.outcome = {"reason": cmd.reason}
    return await turn.tell(cmd.text, reason=cmd.reason)


@permit("referral.confirm_cancel")
async def confirm_cancel(cmd: ConfirmCancel, actor: Actor, tx: Tx) -> Answer:
    """The receiver has stopped, as the sender asked."""
    turn = await take_turn("confirm_cancel", cmd, actor, tx)
    turn.referral.outcome = {"reason": turn.referral.cancel_reason}
    return await turn.tell(cmd.note, reason=turn.referral.cancel_reason)


# ------------------------------------------------------------------ sender


@permit("referral.cancel")
async def cancel_referral(cmd: CancelReferral, actor: Actor, tx: Tx) -> Answer:
    """The sender stops it before anybody has acknowledged it."""
    turn = await take_turn("cancel", cmd, actor, tx)
    turn.referral.cancel_reason, turn.referral.outcome = cmd.reason, {"reason": cmd.reason}
    return await turn.tell(cmd.note, reason=cmd.reason)


@permit("referral.request_cancel")
async def request_cancel(cmd: RequestCancel, actor: Actor, tx: Tx) -> Answer:
    """The sender asks the receiver to stop; when it does not answer in time, the clock cancels."""
    turn = await take_turn("request_cancel", cmd, actor, tx)
    referral = turn.referral
    referral.cancel_reason = cmd.reason
    referral.confirm_due = end_of_term(confirm_term(referral), datetime.now(UTC), area_of(referral))
    return await turn.tell(cmd.note, reason=cmd.reason, confirm_due=referral.confirm_due)


@permit("referral.retract")
async def retract_referral(cmd: RetractReferral, actor: Actor, tx: Tx) -> Answer:
    """It was entered in error: nobody may read its details any longer, and its letters no longer hold."""
    turn = await take_turn("retract", cmd, actor, tx)
    turn.referral.outcome = {"reason": cmd.reason}
    await withdraw_letters(turn.referral, tx)
    return await turn.tell(cmd.note, reason=cmd.reason)


@permit("referral.close")
async def close_referral(cmd: CloseReferral, actor: Actor, tx: Tx) -> Answer:
    """The sender has read the outcome: the loop is closed, once."""
    turn = await take_turn("close", cmd, actor, tx)
    if turn.referral.closed_at:
        raise Refused(
            "already-closed",
            "The outcome was already read.",
            "conflict",
            state=turn.referral.state,
            version=turn.referral.version,
        )
    turn.referral.closed_at, turn.referral.closed_by = datetime.now(UTC), actor.id
    return await turn.tell(cmd.client_view)


# ------------------------------------------------------------------ ledger


@permit("referral.details")
async def record_disclosure(cmd: ReadDetails, actor: Actor, tx: Tx) -> Disclosure:
    """Write down, before it is handed out, who is shown which fields of whom and why."""
    question = await permitted_question(cmd, actor, tx)
    return write_disclosure(question, await tx.get(Referral, cmd.referral_id), actor, tx)


# ------------------------------------------------------------------- table


class Door(NamedTuple):
    """How a command of the table is called from outside."""

    request: type[Given]
    function: Callable[[Any, Actor, Tx], Coroutine[Any, Any, Answer]]


#: every command to a referral that exists; a test compares it with states.SIDES
DOORS: dict[str, Door] = {
    "acknowledge": Door(AcknowledgeReferral, acknowledge_referral),
    "accept": Door(AcceptReferral, accept_referral),
    "decline": Door(DeclineReferral, decline_referral),
    "progress": Door(ProgressReferral, progress_referral),
    "hold": Door(HoldReferral, hold_referral),
    "resume": Door(ResumeReferral, resume_referral),
    "complete": Door(CompleteReferral, complete_referral),
    "fail": Door(FailReferral, fail_referral),
    "confirm_cancel": Door(ConfirmCancel, confirm_cancel),
    "cancel": Door(CancelReferral, cancel_referral),
    "request_cancel": Door(RequestCancel, request_cancel),
    "retract": Door(RetractReferral, retract_referral),
    "close": Door(CloseReferral, close_referral),
}
