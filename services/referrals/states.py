"""The referral's state machine: ONE table (REFERRALS.md; harmonised from HL7 BSeR and IHE 360X).

The commands, the actions that a reader is offered, docs/referrals.md and the tests are all made from `RULES`. What the
clock does and when is in clocks.json; here stands in which states it may.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

from sinergi.events import (
    ReferralAccepted,
    ReferralCancelled,
    ReferralCancelRequested,
    ReferralClosed,
    ReferralCompleted,
    ReferralDeclined,
    ReferralEscalated,
    ReferralExpired,
    ReferralFact,
    ReferralFailed,
    ReferralHeld,
    ReferralOverdue,
    ReferralProgressed,
    ReferralReceived,
    ReferralReminded,
    ReferralRequested,
    ReferralResumed,
    ReferralRetracted,
)

Side = Literal["sender", "receiver", "clock"]


class State(StrEnum):
    """Where a referral stands. A draft is never stored: it is a step of a case's plan, and sending makes the row."""

    DRAFT = "draft"
    REQUESTED = "requested"
    RECEIVED = "received"
    ACCEPTED = "accepted"
    IN_PROGRESS = "in_progress"
    ON_HOLD = "on_hold"
    CANCEL_REQUESTED = "cancel_requested"
    DECLINED = "declined"
    CANCELLED = "cancelled"
    COMPLETED = "completed"
    FAILED = "failed"
    EXPIRED = "expired"
    ENTERED_IN_ERROR = "entered_in_error"


DRAFT, REQUESTED, RECEIVED = State.DRAFT, State.REQUESTED, State.RECEIVED
ACCEPTED, IN_PROGRESS, ON_HOLD = State.ACCEPTED, State.IN_PROGRESS, State.ON_HOLD
CANCEL_REQUESTED = State.CANCEL_REQUESTED
DECLINED, CANCELLED, COMPLETED = State.DECLINED, State.CANCELLED, State.COMPLETED
FAILED, EXPIRED, ENTERED_IN_ERROR = State.FAILED, State.EXPIRED, State.ENTERED_IN_ERROR

TERMINAL = frozenset({DECLINED, CANCELLED, COMPLETED, FAILED, EXPIRED, ENTERED_IN_ERROR})
OPEN = frozenset(State) - TERMINAL - {DRAFT}
#: the states in which the receiver has said yes: a decline from here is the loud one
TAKEN_ON = frozenset({ACCEPTED, IN_PROGRESS, ON_HOLD})


@dataclass(frozen=True, slots=True)
class Rule:
    """One row: this side may give this command in these states. `to` None leaves the state as it is."""

    command: str
    side: Side
    sources: frozenset[State]
    to: State | None
    event: type[ReferralFact]

    @property
    def action(self) -> str:
        """The permission table's name for it."""
        return "referral.keep_time" if self.side == "clock" else f"referral.{self.command}"


def _rule(command: str, side: Side, sources: set[State], to: State | None, event: type[ReferralFact]) -> Rule:
    return Rule(command, side, frozenset(sources), to, event)


RULES = (
    _rule("send", "sender", {DRAFT}, REQUESTED, ReferralRequested),
    _rule("acknowledge", "receiver", {REQUESTED}, RECEIVED, ReferralReceived),
    _rule("accept", "receiver", {REQUESTED, RECEIVED}, ACCEPTED, ReferralAccepted),
    _rule(
        "decline",
        "receiver",
        {REQUESTED, RECEIVED, ACCEPTED, IN_PROGRESS, ON_HOLD},
        DECLINED,
        ReferralDeclined,
    ),
    _rule("decline", "receiver", {CANCEL_REQUESTED}, CANCELLED, ReferralCancelled),
    _rule("progress", "receiver", {ACCEPTED, IN_PROGRESS}, IN_PROGRESS, ReferralProgressed),
    _rule("hold", "receiver", {IN_PROGRESS}, ON_HOLD, ReferralHeld),
    _rule("resume", "receiver", {ON_HOLD}, IN_PROGRESS, ReferralResumed),
    _rule(
        "complete",
        "receiver",
        {ACCEPTED, IN_PROGRESS, ON_HOLD, CANCEL_REQUESTED},
        COMPLETED,
        ReferralCompleted,
    ),
    _rule("fail", "receiver", {ACCEPTED, IN_PROGRESS, ON_HOLD}, FAILED, ReferralFailed),
    _rule("cancel", "sender", {REQUESTED}, CANCELLED, ReferralCancelled),
    _rule(
        "request_cancel",
        "sender",
        {RECEIVED, ACCEPTED, IN_PROGRESS, ON_HOLD},
        CANCEL_REQUESTED,
        ReferralCancelRequested,
    ),
    _rule("confirm_cancel", "receiver", {CANCEL_REQUESTED}, CANCELLED, ReferralCancelled),
    _rule(
        "retract",
        "sender",
        {DRAFT, REQUESTED, RECEIVED, ACCEPTED, IN_PROGRESS, ON_HOLD, CANCEL_REQUESTED},
        ENTERED_IN_ERROR,
        ReferralRetracted,
    ),
    _rule("close", "sender", {COMPLETED, FAILED, DECLINED, CANCELLED, EXPIRED}, None, ReferralClosed),
    _rule("expire", "clock", {REQUESTED, RECEIVED}, EXPIRED, ReferralExpired),
    _rule("lapse", "clock", {CANCEL_REQUESTED}, CANCELLED, ReferralCancelled),
    _rule("overdue", "clock", {ACCEPTED, IN_PROGRESS}, None, ReferralOverdue),
    _rule("remind", "clock", set(OPEN), None, ReferralReminded),
    _rule("escalate", "clock", set(OPEN), None, ReferralEscalated),
)

#: every command that somebody gives to a referral that exists -> its side
SIDES: dict[str, Side] = {rule.command: rule.side for rule in RULES if rule.command != "send" and rule.side != "clock"}


def rule_for(command: str, state: State) -> Rule | None:
    """The row that allows this command in this state, if there is one."""
    return next((rule for rule in RULES if rule.command == command and state in rule.sources), None)
