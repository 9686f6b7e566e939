"""The one clock that runs for a referral: which, until when, and the alarm that it has set.

A clock starts, stops, pauses and goes on in the transaction of the command that moves the referral. What happens when
it rings is in ringing.py.
"""

from datetime import UTC, datetime, timedelta
from typing import Any

from services.referrals.clock_terms import PriorityTerms, Term
from services.referrals.ladders import CLOCKS, Rung, alarms_of
from services.referrals.models import Referral
from services.referrals.states import State
from services.referrals.working_time import after_days, days_left, end_of_day, end_of_term, part_of
from sinergi.clock import set_alarm, silence
from sinergi.db import Tx
from sinergi.events import ReferralClock

_RUNS: dict[State, ReferralClock] = {
    State.REQUESTED: "decide",
    State.RECEIVED: "decide",
    State.ACCEPTED: "finish",
    State.IN_PROGRESS: "finish",
    State.ON_HOLD: "review",
    State.CANCEL_REQUESTED: "confirm",
}


def promised(terms: PriorityTerms, start: datetime, area: str) -> dict[str, Any]:
    """The columns of a referral that is sent under these terms: its dues, and what they are counted by."""
    dues = {f"{name}_due": end_of_term(term, start, area) if term else None for name, term in terms}
    return dues | {"clock_area": area, "clock_terms": terms.model_dump(exclude_none=True)}


def running(referral: Referral) -> ReferralClock | None:
    """The clock that runs now; None when nothing is due in this state, or never. A desk that need not acknowledge is
    still to decide."""
    if referral.state == State.REQUESTED and referral.acknowledge_due:
        return "acknowledge"
    clock = _RUNS.get(State(referral.state))
    return clock if clock and due_of(referral, clock) else None


def due_of(referral: Referral, clock: ReferralClock) -> datetime | None:
    """When that clock is due."""
    if clock == "review":
        return end_of_day(referral.review_on, area_of(referral)) if referral.review_on else None
    due: datetime | None = getattr(referral, f"{clock}_due")
    return due


def area_of(referral: Referral) -> str:
    """Where its working days are counted: the desk's area; one sent before there were clocks has only its own."""
    return referral.clock_area or referral.area


# --------------------------------------------------------------- start, stop


async def wind(referral: Referral, ran: ReferralClock | None, tx: Tx, *, ringing: bool = False) -> None:
    """Let the clock of the referral's state run instead of the one that `ran`. While an alarm is `ringing` it goes by
    itself, and is not silenced."""
    runs = running(referral)
    if runs == ran:
        return
    if ran and not ringing:
        await silence(tx, referral.id, *alarms_of(ran))
    referral.reminded_at = referral.overdue_since = None
    referral.escalation = 0
    if runs:
        await _start(referral, runs, tx)


async def _start(referral: Referral, clock: ReferralClock, tx: Tx) -> None:
    now = datetime.now(UTC)
    for rung in ladder_of(referral, clock):
        at = _at(rung, referral, clock, now)
        if rung.share is None or now < at < _due(referral, clock):  # no reminder that comes too late to remind
            return await set_alarm(tx, rung.alarm(clock), referral.id, at)


async def climb(referral: Referral, clock: ReferralClock, rung: Rung, tx: Tx) -> None:
    """Set the alarm of the rung above this one, which was told now; the last one has none."""
    ladder = ladder_of(referral, clock)
    above = ladder[ladder.index(rung) + 1 :]
    if above:
        at = _at(above[0], referral, clock, datetime.now(UTC))
        await set_alarm(tx, above[0].alarm(clock), referral.id, at)


def ladder_of(referral: Referral, clock: ReferralClock) -> list[Rung]:
    """The rungs that this referral's clock climbs."""
    return CLOCKS.ladders[referral.priority][clock]  # type: ignore[index]


def _at(rung: Rung, referral: Referral, clock: ReferralClock, now: datetime) -> datetime:
    due, area = _due(referral, clock), area_of(referral)
    if rung.share:
        return part_of(rung.share, now, due, area, _in_days(referral, clock))
    return end_of_term(rung.after, now, area) if rung.after else due


def _due(referral: Referral, clock: ReferralClock) -> datetime:
    due = due_of(referral, clock)
    if due is None:
        raise LookupError(f"the clock {clock} does not run")
    return due


def _in_days(referral: Referral, clock: ReferralClock) -> bool:
    term = confirm_term(referral) if clock == "confirm" else _term(referral, clock)
    return term is not None and term.days is not None


def _term(referral: Referral, clock: ReferralClock) -> Term | None:
    told = (referral.clock_terms or {}).get(clock)
    return Term.model_validate(told) if told else None


def confirm_term(referral: Referral) -> Term:
    """How long the receiver may leave the sender's wish to stop unanswered."""
    return CLOCKS.confirm[referral.priority]  # type: ignore[index]


# ------------------------------------------------------------- pause, go on


def pause(referral: Referral) -> dict[str, int]:
    """Work waits, and so does its clock: keep what is left of the time, in working days or in seconds. Work that is
    overdue has nothing left and stays overdue."""
    now, due = datetime.now(UTC), referral.finish_due
    if due is None or due <= now:
        return {}
    if _in_days(referral, "finish"):
        left = {"days": days_left(now, due, area_of(referral))}
    else:
        left = {"seconds": round((due - now).total_seconds())}
    referral.paused, referral.finish_due = left, None
    return left


def go_on(referral: Referral) -> None:
    """Work goes on with the time that was left."""
    left, now = referral.paused, datetime.now(UTC)
    if left is None:
        return
    if "days" in left:
        referral.finish_due = after_days(now, left["days"], area_of(referral))
    else:
        referral.finish_due = now + timedelta(seconds=left["seconds"])
