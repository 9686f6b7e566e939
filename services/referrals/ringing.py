"""What happens when a referral's clock rings: it reminds, climbs, and in the end ends what nobody answered.

Accepted work never ends by itself (REFERRALS.md): it is overdue, and climbs. A notice is an aggregate of its own, so
that no open form and no agency's plug-in grows stale by being reminded.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import Any, get_args
from uuid import UUID

from services.referrals.clocks import climb, due_of, ladder_of, running
from services.referrals.directory import find_place
from services.referrals.ladders import Does, Rung, alarms_of
from services.referrals.models import ClockNotice, Referral
from services.referrals.states import State, rule_for
from services.referrals.turn import Turn, about, audiences, turn_of
from services.referrals.webhook_hearing import deliver_later
from sinergi.auth import Actor, permit, service_actor
from sinergi.clock import Clock
from sinergi.db import Tx, new_id
from sinergi.events import ReferralClock, ReferralEscalated, ReferralNotice, ReferralOverdue, ReferralReminded

clock = Clock()
_WE = service_actor("referrals")

#: why a referral expired, by the clock that nobody answered
UNANSWERED = {"acknowledge": "not-acknowledged", "decide": "not-decided"}


@dataclass(frozen=True, slots=True)
class Rang:
    """An alarm of this clock rang about this referral."""

    referral_id: UUID
    clock: ReferralClock
    alarm: str


@permit("referral.keep_time")
async def keep_time(cmd: Rang, actor: Actor, tx: Tx) -> None:
    """Do what the rung says and set the next one. A referral that moved on meanwhile has another clock: nothing is
    done, and its alarm is gone."""
    referral = await tx.lock(Referral, cmd.referral_id)
    rung = next((one for one in ladder_of(referral, cmd.clock) if one.alarm(cmd.clock) == cmd.alarm), None)
    if rung is None or running(referral) != cmd.clock:
        return
    await _DOES[rung.does](referral, cmd.clock, rung, actor, tx)
    if running(referral) == cmd.clock:
        await climb(referral, cmd.clock, rung, tx)


async def _remind(referral: Referral, clock: ReferralClock, rung: Rung, actor: Actor, tx: Tx) -> None:
    referral.reminded_at = datetime.now(UTC)
    await _notice(ReferralReminded, referral, clock, rung, actor, tx)


async def _be_overdue(referral: Referral, clock: ReferralClock, rung: Rung, actor: Actor, tx: Tx) -> None:
    _is_late(referral, rung)
    await _notice(ReferralOverdue, referral, clock, rung, actor, tx)


async def _escalate(referral: Referral, clock: ReferralClock, rung: Rung, actor: Actor, tx: Tx) -> None:
    _is_late(referral, rung)
    await _notice(ReferralEscalated, referral, clock, rung, actor, tx, level=rung.level)


def _is_late(referral: Referral, rung: Rung) -> None:
    referral.overdue_since = referral.overdue_since or datetime.now(UTC)
    referral.escalation = rung.level


async def _expire(referral: Referral, clock: ReferralClock, rung: Rung, actor: Actor, tx: Tx) -> None:
    why = {"reason": UNANSWERED[clock], "clock": clock}
    referral.outcome = why
    await (await _turn("expire", referral, actor, tx)).tell(**why, due=due_of(referral, clock))


async def _lapse(referral: Referral, clock: ReferralClock, rung: Rung, actor: Actor, tx: Tx) -> None:
    why = {"reason": referral.cancel_reason, "clock": clock}
    referral.outcome = why
    await (await _turn("lapse", referral, actor, tx)).tell(**why)


_Act = Callable[[Referral, ReferralClock, Rung, Actor, Tx], Awaitable[None]]
_DOES: dict[Does, _Act] = {
    "remind": _remind,
    "overdue": _be_overdue,
    "escalate": _escalate,
    "expire": _expire,
    "lapse": _lapse,
}


async def _turn(command: str, referral: Referral, actor: Actor, tx: Tx) -> Turn:
    rule = rule_for(command, State(referral.state))
    if rule is None:
        raise LookupError(f"the clock may not {command} a referral that is {referral.state}")
    return await turn_of(referral, rule, actor, tx)


async def _notice(
    event: type[ReferralNotice], referral: Referral, clock: ReferralClock, rung: Rung, actor: Actor, tx: Tx, **more: Any
) -> None:
    """Tell it, and keep it beside the timeline."""
    due = due_of(referral, clock)
    notice = ClockNotice(
        id=new_id(),
        version=0,
        referral_id=referral.id,
        fact=event.name.split(".")[1],
        clock=clock,
        level=rung.level,
        due=due,
        at=datetime.now(UTC),
    )
    tx.add(notice)
    about_it = about(referral, actor) | {"referral_version": referral.version, "clock": clock, "due": due}
    place = await find_place(tx, referral.service, referral.sender)
    told = event(**about_it, **more)
    await deliver_later(told, tx.emit(told, of=notice, to=audiences(referral, place)), referral, tx)


async def _ring(of: ReferralClock, alarm: str, referral_id: UUID, tx: Tx) -> None:
    await keep_time(Rang(referral_id, of, alarm), _WE, tx)


for _clock in get_args(ReferralClock):
    for _alarm in alarms_of(_clock):
        clock.on(_alarm)(partial(_ring, _clock, _alarm))
