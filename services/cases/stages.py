"""What may happen when: the stages of a case, the states of its plan and of the plan's steps, each in one table.

Source: DOMAIN.md, "Casework". The stages are the field's own words.
"""

from enum import StrEnum
from typing import TypeVar

from sinergi.events import (
    ReferralAccepted,
    ReferralCancelled,
    ReferralCancelRequested,
    ReferralCompleted,
    ReferralDeclined,
    ReferralFact,
    ReferralFailed,
    ReferralHeld,
    ReferralProgressed,
    ReferralReceived,
    ReferralRequested,
    ReferralResumed,
    ReferralRetracted,
)
from sinergi.problems import Refused


class Stage(StrEnum):
    """Where a case stands."""

    IDENTIFIKASI = "identifikasi"
    ASESMEN = "asesmen"
    RENCANA = "rencana"
    INTERVENSI = "intervensi"
    PEMBERDAYAAN = "pemberdayaan"
    TERMINASI = "terminasi"
    PEMBINAAN_LANJUT = "pembinaan_lanjut"


_1, _2, _3, _4, _5, _6, _7 = Stage

#: what is done -> {stage before: stage after}; what is not here is refused
STAGES: dict[str, dict[Stage, Stage]] = {
    # a new assessment later on changes the risk, never the stage
    "assess": {_1: _2, _2: _2, _3: _3, _4: _4, _5: _5},
    "draft_plan": {_2: _3, _3: _3},
    "submit_plan": {_3: _3},
    "return_plan": {_3: _3},
    "approve_plan": {_3: _4},
    # a step goes out: the first one of pemberdayaan moves the case, and nothing moves it back
    "fire_intervensi": {_4: _4, _5: _5},
    "fire_pemberdayaan": {_4: _5, _5: _5},
    "resend_step": {_4: _4, _5: _5},
    # before a plan is approved too: a client moves or dies at any stage
    "request_closure": {_1: _6, _2: _6, _3: _6, _4: _6, _5: _6},
    "close": {_6: _7},
    # another case of the same client goes on in its place
    "join": {_1: _7, _2: _7, _3: _7, _4: _7, _5: _7, _6: _7},
    # the closure remembers whereto the case goes back
    "return_closure": {_6: _6},
    "follow_up": {_7: _7},
    "request_reopening": {_7: _7},
    "refuse_reopening": {_7: _7},
    "reopen": {_7: _2},
}


class PlanState(StrEnum):
    """Where a case's plan stands."""

    DRAFT = "draft"
    SUBMITTED = "submitted"
    RETURNED = "returned"
    APPROVED = "approved"


_D, _S, _R, _A = PlanState

#: what is done -> {plan state before: after}
PLANS: dict[str, dict[PlanState, PlanState]] = {
    "draft_plan": {_D: _D, _R: _D},
    "submit_plan": {_D: _S, _R: _S},
    "return_plan": {_S: _R},
    "approve_plan": {_S: _A},
}


class StepState(StrEnum):
    """Where a step of the plan stands. From `sent` to `cancelled` it mirrors its referral."""

    PLANNED = "planned"
    SENT = "sent"
    REQUESTED = "requested"
    RECEIVED = "received"
    ACCEPTED = "accepted"
    IN_PROGRESS = "in_progress"
    ON_HOLD = "on_hold"
    CANCEL_REQUESTED = "cancel_requested"
    COMPLETED = "completed"
    DECLINED = "declined"
    FAILED = "failed"
    CANCELLED = "cancelled"
    DROPPED = "dropped"


#: a fact about a step's referral -> the step's state after it
FOLLOWS: dict[type[ReferralFact], StepState] = {
    ReferralRequested: StepState.REQUESTED,
    ReferralReceived: StepState.RECEIVED,
    ReferralAccepted: StepState.ACCEPTED,
    ReferralProgressed: StepState.IN_PROGRESS,
    ReferralHeld: StepState.ON_HOLD,
    ReferralResumed: StepState.IN_PROGRESS,
    ReferralCancelRequested: StepState.CANCEL_REQUESTED,
    ReferralCompleted: StepState.COMPLETED,
    ReferralDeclined: StepState.DECLINED,
    ReferralFailed: StepState.FAILED,
    ReferralCancelled: StepState.CANCELLED,
    ReferralRetracted: StepState.CANCELLED,
}

#: ended without its service: the worker decides, and may send it again
ENDED_BADLY = frozenset({StepState.DECLINED, StepState.FAILED, StepState.CANCELLED})
#: its referral says nothing more
ENDED = ENDED_BADLY | {StepState.COMPLETED, StepState.DROPPED}
#: nothing more to decide
SETTLED = frozenset({StepState.COMPLETED, StepState.DROPPED})
#: the worker may give it up when it closes the case
DROPPABLE = ENDED_BADLY | {StepState.PLANNED}

S = TypeVar("S", bound=StrEnum)


def next_stage(doing: str, stage: str) -> Stage:
    """The stage after doing this; `Refused` (wrong-stage) when it may not be done at this stage."""
    after = STAGES[doing].get(Stage(stage))
    if after is None:
        raise Refused(
            "wrong-stage",
            f"Not possible while the case is at {stage}. Possible at: {_named(STAGES[doing])}.",
            "conflict",
            stage=stage,
        )
    return after


def next_plan_state(doing: str, state: str) -> PlanState:
    """The plan's state after doing this; `Refused` (wrong-plan-state) when it may not be done now."""
    after = PLANS[doing].get(PlanState(state))
    if after is None:
        raise Refused(
            "wrong-plan-state",
            f"Not possible while the plan is {state}. Possible when: {_named(PLANS[doing])}.",
            "conflict",
            plan_state=state,
        )
    return after


def _named(rows: dict[S, S]) -> str:
    return ", ".join(rows)
