"""What cases tells: a case on its path."""

from datetime import date, datetime
from typing import Literal

from sinergi.events.event import ClientKind, Event, Priority

#: a step of a plan: asked of another agency, or seen to by the case's own office
StepKind = Literal["referral", "own_service", "aid", "placement", "visit"]


class CaseFact(Event):
    """What every fact about a case tells."""

    case_id: str
    agency: str
    area: str
    worker: str
    supervisor: str


class CaseOpened(CaseFact):
    """Identifikasi: a social worker took up the case of a person, a household or a group.

    `provisional`: a person whom nobody has identified yet; the id is of cases alone until `case.client_bound`.
    """

    name = "case.opened.v1"
    client_kind: ClientKind
    client_id: str
    provisional: bool = False


class CaseAssigned(CaseFact):
    """A supervisor gave a case that waited for a worker to one."""

    name = "case.assigned.v1"


class CaseHandedOver(CaseFact):
    """Another social worker holds the case now. With `hand_over_id` it is one of a whole caseload."""

    name = "case.handed_over.v1"
    previous_worker: str
    reason: Literal["retirement", "leave", "transfer", "balance"]
    read_until: datetime
    hand_over_id: str | None = None


class CaseLoadHandedOver(Event):
    """A caseload, or a part of it, has gone to other workers; each of its cases told `case.handed_over` before."""

    name = "case.load_handed_over.v1"
    hand_over_id: str
    agency: str
    previous_worker: str
    workers: list[str]
    reason: Literal["retirement", "leave", "transfer", "balance"]
    cases: int


class CaseCoverArranged(Event):
    """Somebody stands in for a worker for a while."""

    name = "case.cover_arranged.v1"
    cover_id: str
    agency: str
    area: str
    worker: str
    stand_in: str
    starts_at: datetime
    ends_at: datetime


class CaseCoverEnded(Event):
    """A cover was ended before its time."""

    name = "case.cover_ended.v1"
    cover_id: str
    agency: str
    area: str
    worker: str
    stand_in: str


class CaseAssessed(CaseFact):
    """Asesmen: an instrument was filled in and gave a level of risk. `case_risk`: the highest of all instruments."""

    name = "case.assessed.v1"
    assessment_id: str
    instrument: str
    risk: Literal["low", "medium", "high", "life"]
    case_risk: Literal["low", "medium", "high", "life"] | None = None


class CasePlanDrafted(CaseFact):
    """Rencana: the worker wrote or rewrote the plan."""

    name = "case.plan_drafted.v1"
    plan_id: str


class CasePlanSubmitted(CaseFact):
    """A plan lies before the supervisor."""

    name = "case.plan_submitted.v1"
    plan_id: str


class CasePlanReturned(CaseFact):
    """The supervisor sent the plan back, with comments that stay in the case."""

    name = "case.plan_returned.v1"
    plan_id: str


class CasePlanApproved(CaseFact):
    """The supervisor approved the plan; intervensi may begin."""

    name = "case.plan_approved.v1"
    plan_id: str


class CaseReferralPlanned(CaseFact):
    """A step of the approved plan asks another agency for a service; referrals sends the referral."""

    name = "case.referral_planned.v1"
    step_id: str
    client_kind: ClientKind
    client_id: str
    service: str
    reason: str
    legal_basis: str
    priority: Priority
    documents: list[str] = []
    replaces: str | None = None


class CaseStepCompleted(CaseFact):
    """A step of the plan has its outcome."""

    name = "case.step_completed.v1"
    step_id: str
    outcome: str
    kind: StepKind = "referral"


class CaseStepFailed(CaseFact):
    """A step of the plan was declined or failed: the worker decides what becomes of it."""

    name = "case.step_failed.v1"
    step_id: str
    reason: str


class CaseClosureRequested(CaseFact):
    """The worker asks the supervisor to approve terminasi."""

    name = "case.closure_requested.v1"
    reason: str


class CaseClosed(CaseFact):
    """Terminasi, approved: a coded reason, and what became of each goal."""

    name = "case.closed.v1"
    reason: str
    goals_met: int
    goals_partly_met: int
    goals_not_met: int
    follow_up_due: list[date]


class CaseClosureReturned(CaseFact):
    """The supervisor sent the request for terminasi back, with a comment that stays in the case."""

    name = "case.closure_returned.v1"
    closure_id: str


class CaseFollowedUp(CaseFact):
    """Somebody looked after the client of a closed case, or reached nobody (`reason`); an aggregate of its own."""

    name = "case.followed_up.v1"
    follow_up_id: str
    attempt: int
    due_on: date
    situation: Literal["better", "same", "worse"] | None = None
    needs: list[str] = []
    reason: str | None = None


class CaseFollowUpEnded(CaseFact):
    """The last follow-up was made: nothing is due in this case any more."""

    name = "case.follow_up_ended.v1"


class CaseReopeningRequested(CaseFact):
    """The worker asks the supervisor to open a closed case again."""

    name = "case.reopening_requested.v1"
    reason: str


class CaseReopeningRefused(CaseFact):
    """The case stays closed."""

    name = "case.reopening_refused.v1"
    reason: str


class CaseReopened(CaseFact):
    """A closed case goes on, from asesmen."""

    name = "case.reopened.v1"
    reason: str


class VisitRecorded(Event):
    """A visit was made, or the client was not met; an aggregate of its own, beside its case."""

    name = "visit.recorded.v1"
    visit_id: str
    case_id: str
    agency: str
    area: str
    worker: str
    outcome: Literal["done", "not_met"]
    purpose: str
    client_present: bool
    started_at: datetime
    ended_at: datetime
    reason: str | None = None
    next_visit_on: date | None = None


class CasePlanRevised(CaseFact):
    """A new version of an approved plan is being written; the old one stays in force until that is approved."""

    name = "case.plan_revised.v1"
    plan_id: str
    number: int


class CaseStepOpened(CaseFact):
    """A step that the case's own office sees to has begun: for an aid, `service` is the programme."""

    name = "case.step_opened.v1"
    step_id: str
    kind: StepKind
    service: str
    due_on: date | None = None


class CaseStepDropped(CaseFact):
    """A step of the plan was given up, for words that stay in the case."""

    name = "case.step_dropped.v1"
    step_id: str
    kind: StepKind


class CaseReferralWithdrawn(CaseFact):
    """The worker gives up a step whose referral runs; referrals cancels it, or asks its receiver to stop."""

    name = "case.referral_withdrawn.v1"
    step_id: str
    client_id: str
    service: str
    reason: Literal["need-met", "client-withdrew", "client-moved", "client-died", "plan-changed"]


class CaseGoalProgressed(CaseFact):
    """The worker saw how far a goal is reached."""

    name = "case.goal_progressed.v1"
    goal_id: str
    reached: Literal["none", "some", "most", "reached"]
    seen_on: date


class CaseStageReverted(CaseFact):
    """The case went back to an earlier stage, for a coded reason. Steps that run, run on."""

    name = "case.stage_reverted.v1"
    from_stage: str
    to_stage: str
    reason: str
