"""What may happen when: the stages of a case, the states of its plan and of the plan's steps, each in one table.

Source: DOMAIN.md, "Casework". The stages are the field's own words.
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Literal, TypeVar

from sinergi.events import (
    ReferralAccepted,
    ReferralCancelled,
    ReferralCancelRequested,
    ReferralCompleted,
    ReferralDeclined,
    ReferralExpired,
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
    # a new version of an approved plan is written while the old one is carried out; only a first one moves the case
    "draft_plan": {_2: _3, _3: _3, _4: _4, _5: _5},
    "revise_plan": {_2: _3, _4: _4, _5: _5},
    "submit_plan": {_3: _3, _4: _4, _5: _5},
    "return_plan": {_3: _3, _4: _4, _5: _5},
    "approve_plan": {_3: _4, _4: _4, _5: _5},
    "review_plan": {_4: _4, _5: _5},
    # a step goes out: the first one of pemberdayaan moves the case
    "fire_intervensi": {_4: _4, _5: _5},
    "fire_pemberdayaan": {_4: _5, _5: _5},
    "resend_step": {_4: _4, _5: _5},
    # what runs, runs on when a case went back to be assessed or planned anew
    "finish_step": {_2: _2, _3: _3, _4: _4, _5: _5},
    "fail_step": {_2: _2, _3: _3, _4: _4, _5: _5},
    "drop_step": {_2: _2, _3: _3, _4: _4, _5: _5},
    "judge_goal": {_2: _2, _3: _3, _4: _4, _5: _5},
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

#: the ways back, each with a coded reason: stage before -> stages after. Steps that run, run on; none goes out until
#: the case is at intervensi or pemberdayaan again. Source: ours; the field's flow (DOMAIN.md) names the ways on.
REVERTS: dict[Stage, tuple[Stage, ...]] = {_3: (_2,), _4: (_2,), _5: (_4,)}
RevertReason = Literal[
    "material-change", "new-need", "risk-changed", "assessment-incomplete", "client-not-ready", "setback", "other"
]


class PlanState(StrEnum):
    """Where a case's plan stands."""

    DRAFT = "draft"
    SUBMITTED = "submitted"
    RETURNED = "returned"
    APPROVED = "approved"
    REPLACED = "replaced"


_D, _S, _R, _A, _X = PlanState

#: what is done -> {state of the plan's newest version before: after}
PLANS: dict[str, dict[PlanState, PlanState]] = {
    "draft_plan": {_D: _D, _R: _D},
    "submit_plan": {_D: _S, _R: _S},
    "return_plan": {_S: _R},
    "approve_plan": {_S: _A},
    "revise_plan": {_A: _A},
    "review_plan": {_A: _A, _D: _D, _S: _S, _R: _R},
    # the case went back: what lay before the supervisor is a draft again
    "revert_stage": {_S: _D, _D: _D, _R: _R, _A: _A},
}


class StepState(StrEnum):
    """Where a step of the plan stands. From `sent` to `expired` it mirrors its referral; other steps are open."""

    PLANNED = "planned"
    OPEN = "open"
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
    EXPIRED = "expired"
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
    ReferralExpired: StepState.EXPIRED,
}

#: ended without its service: the worker decides, and may send it again
ENDED_BADLY = frozenset({StepState.DECLINED, StepState.FAILED, StepState.CANCELLED, StepState.EXPIRED})
#: its referral says nothing more
ENDED = ENDED_BADLY | {StepState.COMPLETED, StepState.DROPPED}
#: nothing more to decide
SETTLED = frozenset({StepState.COMPLETED, StepState.DROPPED})
#: the worker may give it up
DROPPABLE = ENDED_BADLY | {StepState.PLANNED, StepState.OPEN}
#: its referral is at work: it must be cancelled before the step is given up
AT_WORK = frozenset(StepState) - DROPPABLE - SETTLED
#: at these stages steps go out
CARRIED_OUT = frozenset({_4, _5})

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


def next_stage_back(to: str, stage: str) -> Stage:
    """The stage to go back to; `Refused` (no-way-back) when no way leads there from this stage."""
    ways = REVERTS.get(Stage(stage), ())
    if to not in ways:
        sentence = f"From {stage} a case can go back to: {', '.join(ways) or 'no stage'}."
        raise Refused("no-way-back", sentence, "conflict", stage=stage)
    return Stage(to)


# ------------------------------------------------------------ what a stage needs


@dataclass(frozen=True, slots=True)
class Standing:
    """What the requirements look at: how far a case has come."""

    stage: Stage
    assessed: bool
    #: high and life-threatening needs of the current assessment without goal or reason in the newest version
    needs_left: tuple[str, ...]
    plan: PlanState | None
    in_force: bool
    #: keys of steps in force that are neither completed nor dropped
    unsettled: tuple[str, ...]
    empowering: bool


@dataclass(frozen=True, slots=True)
class Requirement:
    """What must be so before a case may be at a stage; the sentence says what to do."""

    slug: str
    sentence: str
    met: Callable[[Standing], bool]


_ASSESSED = Requirement("not-assessed", "Fill in an instrument first.", lambda case: case.assessed)
_NEEDS_ANSWERED = Requirement(
    "needs-not-answered",
    "Give each high or life-threatening need a goal, or write why it has none.",
    lambda case: not case.needs_left,
)
#: stage -> what it needs before a case comes there
REQUIREMENTS: dict[Stage, tuple[Requirement, ...]] = {
    Stage.IDENTIFIKASI: (),
    Stage.ASESMEN: (_ASSESSED,),
    Stage.RENCANA: (
        _ASSESSED,
        Requirement("no-plan", "Write the plan first.", lambda case: case.plan is not None),
    ),
    Stage.INTERVENSI: (
        _ASSESSED,
        _NEEDS_ANSWERED,
        Requirement(
            "plan-not-approved",
            "Submit the plan; a supervisor must approve it.",
            lambda case: case.plan is PlanState.APPROVED,
        ),
    ),
    Stage.PEMBERDAYAAN: (
        Requirement(
            "nothing-empowers-yet",
            "A step of pemberdayaan must go out: finish the steps that it waits for, or plan one.",
            lambda case: case.empowering,
        ),
    ),
    Stage.TERMINASI: (
        Requirement(
            "steps-not-settled",
            "Wait for the open steps, or drop those that ended without their service, saying why.",
            lambda case: not case.unsettled,
        ),
    ),
    Stage.PEMBINAAN_LANJUT: (
        Requirement(
            "closure-not-approved",
            "A supervisor must approve terminasi.",
            lambda case: case.stage is Stage.PEMBINAAN_LANJUT,
        ),
    ),
}


def missing_for(stage: Stage, case: Standing) -> list[Requirement]:
    """What the case still needs before it may be at this stage."""
    return [one for one in REQUIREMENTS[stage] if not one.met(case)]


def _named(rows: dict[S, S]) -> str:
    return ", ".join(rows)
