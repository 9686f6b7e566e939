"""One command's turn at a referral: lock it, see that it may be given now, change it, tell the fact."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from pydantic import BaseModel
from pydantic_core import to_json
from sqlalchemy import select, text

from services.referrals.capacity import count_turn
from services.referrals.clocks import running, wind
from services.referrals.directory import Place, find_place
from services.referrals.models import IS_OPEN, Referral, TimelineEntry
from services.referrals.pathway_progress import follow
from services.referrals.requests import Given
from services.referrals.states import SIDES, TERMINAL, Rule, State, rule_for
from services.referrals.webhook_hearing import deliver_later
from sinergi.auth import Actor
from sinergi.db import Tx
from sinergi.events import ReferralClock, ReferralFact
from sinergi.problems import Refused


class Answer(BaseModel):
    """What every command answers: the referral, its version after the command, and its state."""

    id: str
    version: int
    state: str


@dataclass(frozen=True, slots=True)
class Turn:
    """A locked referral, the table's row that allows the command, and the clock that ran before it."""

    referral: Referral
    rule: Rule
    place: Place | None
    ran: ReferralClock | None
    actor: Actor
    tx: Tx

    async def tell(self, note: str | None = None, **fact: Any) -> Answer:
        """Move the referral as the row says, let its clock and its pathway follow, and tell the event with these fields
        of its own."""
        referral, to, before = self.referral, self.rule.to, State(self.referral.state)
        if to is not None:
            _move(referral, to)
            await count_turn(referral, before, self.tx)
            await wind(referral, self.ran, self.tx, ringing=self.rule.side == "clock")
        await tell(self.rule.event, referral, self.place, self.actor, self.tx, fact, note)
        if to is not None:
            await follow(referral, self.tx)
        return answer(referral)


async def lock_running(client_id: UUID, service: str, step_id: UUID, tx: Tx) -> Referral | None:
    """The step's referral, locked, if one runs: the index of open referrals serves the question."""
    running = (Referral.client_id == client_id, Referral.service == service, text(IS_OPEN))
    found = await tx.session.scalar(select(Referral.id).where(*running, Referral.step_id == step_id))
    if found is None:
        return None
    referral = await tx.lock(Referral, found)
    return None if referral.state in TERMINAL else referral


def _move(referral: Referral, to: State) -> None:
    """Into the next state; what belongs to the state that it leaves does not stay behind."""
    referral.state = to
    if to is not State.IN_PROGRESS:
        referral.business_status = None
    if to is not State.ON_HOLD:
        referral.review_on = referral.paused = None
    if to in TERMINAL:
        referral.ended_at = datetime.now(UTC)


async def take_turn(command: str, given: Given, actor: Actor, tx: Tx) -> Turn:
    """Lock the referral for this command. `Refused` when it is another side's, has changed, or is in a wrong state."""
    referral = await tx.lock(Referral, given.referral_id)
    side = referral.sender if SIDES[command] == "sender" else referral.receiver
    actor.within(agencies=(side,), area=referral.area)
    if referral.version != given.expected_version:
        raise _lost("version-conflict", "It was changed meanwhile. Read it again, then decide.", referral)
    rule = rule_for(command, State(referral.state))
    if rule is None:
        name = command.replace("_", " ")
        raise _lost("wrong-state", f"A referral that is {referral.state} can take no {name}.", referral)
    return await turn_of(referral, rule, actor, tx)


async def turn_of(referral: Referral, rule: Rule, actor: Actor, tx: Tx) -> Turn:
    """The turn at a locked referral that this row allows."""
    place = await find_place(tx, referral.service, referral.sender)
    return Turn(referral, rule, place, running(referral), actor, tx)


def _lost(slug: str, detail: str, referral: Referral) -> Refused:
    return Refused(slug, detail, "conflict", state=referral.state, version=referral.version)


async def tell(
    event: type[ReferralFact],
    referral: Referral,
    place: Place | None,
    actor: Actor,
    tx: Tx,
    fact: dict[str, Any],
    note: str | None = None,
) -> None:
    """Tell a fact to core, the receiver, and the sender if it hears, and put it on the timeline with its note."""
    told = event(**about(referral, actor), **fact)
    await deliver_later(told, tx.emit(told, of=referral, to=audiences(referral, place)), referral, tx)
    entry = dict(
        referral_id=referral.id,
        version=referral.version,
        at=datetime.now(UTC),
        fact=event.name.split(".")[1],
        state=referral.state,
        by=actor.role,
        by_agency=actor.agency,
        actor=actor.id,
        data=to_json(fact).decode(),
        note=note,
    )
    tx.append(TimelineEntry.__tablename__, entry)


def audiences(referral: Referral, place: Place | None) -> list[str]:
    """Who hears of it beside core: the receiver, and the sender if it has its own consumer."""
    to = [referral.receiver] if referral.receiver != referral.sender else []
    return [*to, referral.sender] if place is not None and place.sender_hears else to


def about(referral: Referral, actor: Actor) -> dict[str, Any]:
    """What every fact about a referral tells."""
    return {
        "referral_id": str(referral.id),
        "service": referral.service,
        "sender": referral.sender,
        "receiver": referral.receiver,
        "desk": referral.desk,
        "area": referral.area,
        "client_kind": referral.client_kind,
        "client_id": str(referral.client_id),
        "case_id": str(referral.case_id) if referral.case_id else None,
        "step_id": str(referral.step_id) if referral.step_id else None,
        "priority": referral.priority,
        "by": actor.role.value,
        "by_agency": actor.agency,
    }


def answer(referral: Referral) -> Answer:
    """The answer of a command on this referral."""
    return Answer(id=str(referral.id), version=referral.version, state=referral.state)
