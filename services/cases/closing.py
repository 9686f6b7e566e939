"""Terminasi and what follows: coded reasons, an outcome for each goal, the follow-ups that are due."""

from calendar import monthrange
from collections.abc import Sequence
from datetime import date, timedelta, timezone
from typing import Literal

from services.cases.models import Goal
from sinergi.problems import Refused

#: Due dates are the office's days: Waktu Indonesia Barat.
WIB = timezone(timedelta(hours=7), "WIB")

ClosureReason = Literal["goals-met", "moved", "died", "refused", "referred-onwards", "other"]
GoalOutcome = Literal["met", "partly_met", "not_met"]

#: Months after closure at which a follow-up is due. Source: DOMAIN.md, "Casework" ("e.g. 1, 3, 6 months"); no law gives
#: numbers.
FOLLOW_UP_MONTHS = (1, 3, 6)
#: Nobody is left to visit.
NO_FOLLOW_UP: frozenset[ClosureReason] = frozenset({"died"})


def follow_up_dates(reason: str, closed_on: date) -> list[date]:
    """When the follow-ups of a case closed for this reason on this day are due."""
    return [] if reason in NO_FOLLOW_UP else [months_later(closed_on, months) for months in FOLLOW_UP_MONTHS]


def months_later(day: date, months: int) -> date:
    """The same day so many months later, or that month's last day."""
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    return date(year, month + 1, min(day.day, monthrange(year, month + 1)[1]))


def check_outcomes(goals: Sequence[Goal], outcomes: dict[str, GoalOutcome]) -> None:
    """`Refused` unless exactly the plan's goals have an outcome."""
    keys = {goal.key for goal in goals}
    if missing := sorted(keys - outcomes.keys()):
        raise Refused("outcomes-missing", "Say for every goal whether it was met.", goals=missing)
    if unknown := sorted(outcomes.keys() - keys):
        raise Refused("plan-unknown-goal", "Give outcomes for the plan's goals only.", goals=unknown)
