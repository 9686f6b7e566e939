"""The rules of terminasi, as data (`closure_reasons.json`): what each reason needs, which follow-ups come after it."""

import json
from calendar import monthrange
from collections.abc import Mapping, Sequence
from datetime import date, timedelta, timezone
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from services.cases.models import Goal
from sinergi.problems import Refused

#: Due dates are the office's days: Waktu Indonesia Barat.
WIB = timezone(timedelta(hours=7), "WIB")

ClosureReason = Literal["goals-met", "moved", "died", "refused", "referred-onwards", "other"]
GoalOutcome = Literal["met", "partly_met", "not_met"]


class ReasonRule(BaseModel):
    """What a closure for this reason needs, and when the follow-ups after it are due."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    #: the outcomes that its goals may have
    outcomes: list[GoalOutcome] = ["met", "partly_met", "not_met"]
    #: the client's words, or the code of why the client could not be asked
    client_view: bool = False
    #: the day on which it happened
    happened_on: bool = False
    #: why, in the worker's words
    explanation: bool = False
    #: so many documented attempts to reach the client, or an explanation instead
    attempts: int = 0
    #: what might serve the client better than closing
    suggests: Literal["transfer"] | None = None
    follow_up_months: list[int] = Field(max_length=24)


class ClosureRules(BaseModel):
    """The whole file."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    source: str
    date: date
    reasons: dict[ClosureReason, ReasonRule]
    #: a follow-up that reaches nobody so often is given up
    follow_up_attempts: int
    #: the supervisor thinks within so many days about a case that has grown worse
    consider_reopening_days: int
    #: a case is opened again within so many days after it was closed; later a new one is opened
    reopen_within_days: int


RULES = ClosureRules.model_validate(json.loads((Path(__file__).parent / "closure_reasons.json").read_text()))


def follow_up_dates(reason: str, closed_on: date) -> list[date]:
    """When the follow-ups of a case closed for this reason on this day are due."""
    rules: Mapping[str, ReasonRule] = {str(code): rule for code, rule in RULES.reasons.items()}
    return [months_later(closed_on, months) for months in rules[reason].follow_up_months] if reason in rules else []


def months_later(day: date, months: int) -> date:
    """The same day so many months later, or that month's last day."""
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    return date(year, month + 1, min(day.day, monthrange(year, month + 1)[1]))


def check_outcomes(goals: Sequence[Goal], outcomes: Mapping[str, GoalOutcome]) -> None:
    """`Refused` unless exactly the plan's goals have an outcome."""
    keys = {goal.key for goal in goals}
    if missing := sorted(keys - outcomes.keys()):
        raise Refused("outcomes-missing", "Say for every goal whether it was met.", goals=missing)
    if unknown := sorted(outcomes.keys() - keys):
        raise Refused("plan-unknown-goal", "Give outcomes for the plan's goals only.", goals=unknown)
