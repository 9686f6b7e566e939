"""How much room a service has, kept live by the transactions that accept and end its referrals (ours).

An accepted referral takes a place until it ends; a sent one takes none, since the desk decides. Places are counted at
once (a panti's beds) or by month (a course's intake). What is full is not asked again: the sender is told first.
"""

from datetime import UTC, date, datetime, timedelta

from sqlalchemy import text

from services.referrals.directory_models import ServiceLoad
from services.referrals.models import Offer, Referral
from services.referrals.requests import WIB
from services.referrals.states import TAKEN_ON, State
from sinergi.db import Tx

#: the spans into which answers fall, as upper ends in hours; the last span has no end
SPANS = (1, 4, 8, 24, 48, 72, 120, 168, 240, 336, 720)
_ANSWERS = (State.ACCEPTED, State.DECLINED)
_UNANSWERED = (State.REQUESTED, State.RECEIVED)

#: one row, by its key: no referral is counted. The last statement before the commit, so it is locked for a moment only
_COUNT = text(
    """UPDATE service_loads SET running = running + :places, month = :month,
         taken = CASE WHEN month = :month THEN taken ELSE 0 END + :taken,
         answered[:span] = answered[:span] + :answered
       WHERE service = :service"""
)


def today() -> date:
    """Today in the capital: months and closings are counted there."""
    return datetime.now(WIB).date()


def this_month() -> date:
    """The first day of this month."""
    return today().replace(day=1)


def empty_load(service: str) -> ServiceLoad:
    """The load of a service that has done nothing yet."""
    return ServiceLoad(service=service, running=0, month=this_month(), taken=0, answered=[0] * (len(SPANS) + 1))


def free_places(offer: Offer, load: ServiceLoad | None) -> int | None:
    """How many more the service takes now; None when it has no limit."""
    counts = (load.running, load.month, load.taken) if load else (0, this_month(), 0)
    return places_left(offer.places, offer.places_per, *counts)


def places_left(places: int | None, places_per: str | None, running: int, month: date, taken: int) -> int | None:
    """The same of bare numbers. Never below 0: a desk may accept beyond its places."""
    if places is None:
        return None
    used = running if places_per == "at-once" else taken if month == this_month() else 0
    return max(0, places - used)


def is_closed(closed_until: date | None) -> bool:
    """Whether it takes nobody today; the last day counts."""
    return closed_until is not None and closed_until >= today()


def median_hours(answered: list[int]) -> int | None:
    """Within how many hours half of the first answers came; None when there are none, or it took longer than any."""
    half, passed = sum(answered) / 2, 0
    if not half:
        return None
    for hours, count in zip(SPANS, answered, strict=False):
        passed += count
        if passed >= half:
            return hours
    return None


async def count_turn(referral: Referral, before: State, tx: Tx) -> None:
    """Count what this turn of a referral means for its service: a place taken or given back, a first answer."""
    after, took = State(referral.state), referral.takes_place
    referral.takes_place = after in TAKEN_ON or (after is State.CANCEL_REQUESTED and took)
    places = int(referral.takes_place) - int(took)
    answered = before in _UNANSWERED and after in _ANSWERS
    if places or answered:
        counted = {"places": places, "taken": max(0, places), "answered": int(answered), "month": this_month()}
        span = _span(datetime.now(UTC) - referral.requested_at)
        await tx.session.execute(_COUNT, counted | {"service": referral.service, "span": span})


def _span(took: timedelta) -> int:
    """The span's place in the array, from 1."""
    hours = took.total_seconds() / 3600
    return next((place for place, end in enumerate(SPANS, 1) if hours <= end), len(SPANS) + 1)
