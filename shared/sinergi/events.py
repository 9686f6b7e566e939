"""Every fact that Sinergi's services tell each other and the agencies: the whole vocabulary, in one file.

An event is thin: ids, codes, versions, dates, who acted. Never a name, a NIK, an address or a diagnosis
(UU 27/2022): whoever needs the details asks for them by `sinergi.cmd.referral.details`, and the asking is written
down. A schema only grows; a breaking change is a new class with the next version, beside the old one.
"""

from datetime import date, datetime
from typing import Any, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, PrivateAttr

from sinergi.cloudevents import Envelope

ClientKind = Literal["person", "household", "group"]
Priority = Literal["routine", "urgent"]

#: stream -> (the one service that declares it, the subjects that it holds)
STREAMS: dict[str, tuple[str, list[str]]] = {
    "REGISTRY": (
        "registry",
        ["sinergi.person.>", "sinergi.household.>", "sinergi.group.>", "sinergi.import.>"],
    ),
    "CASES": ("cases", ["sinergi.case.>"]),
    "REFERRALS": ("referrals", ["sinergi.referral.>"]),
    "MESSAGES": ("notify", ["sinergi.message.>"]),
}

#: CloudEvents type -> class, filled as the classes below are defined
EVENTS: dict[str, type["Event"]] = {}


class Event(BaseModel):
    """A fact. A subclass names its `name` (`<entity>.<fact>.v<N>`) and its fields.

    After it was received, `event.envelope` tells its id, its time and its place among the facts of its aggregate.
    Unknown fields are ignored, so that an older reader understands a newer writer.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")
    name: ClassVar[str] = ""

    _envelope: Envelope | None = PrivateAttr(default=None)
    #: the aggregate's version as far as the holder of this event knows; a command's answer moves it on
    _known_version: int = PrivateAttr(default=0)

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if "name" in cls.__dict__:
            EVENTS[cls.type()] = cls

    @classmethod
    def type(cls) -> str:
        """The CloudEvents `type`, e.g. `sinergi.referral.accepted.v1`."""
        return f"sinergi.{cls.name}"

    @classmethod
    def subject(cls, audience: str) -> str:
        """The NATS subject for an audience: `core` or an agency's code."""
        return f"sinergi.{cls.name}.{audience}"

    @classmethod
    def stream(cls) -> str:
        """The stream that holds this event."""
        prefix = f"sinergi.{cls.name.split('.')[0]}.>"
        return next(name for name, (_, subjects) in STREAMS.items() if prefix in subjects)

    @property
    def envelope(self) -> Envelope:
        """The CloudEvents attributes with which this event came; an error on one that was never sent."""
        if self._envelope is None:
            raise LookupError(f"{type(self).__name__} was made here and has no envelope yet")
        return self._envelope

    @property
    def known_version(self) -> int:
        """The aggregate's version that a command should expect: this event's, or its last answer's."""
        return self._known_version

    def knows_version(self, version: int) -> None:
        """A command's answer told the aggregate's version (pydantic lets no property of a frozen model be set)."""
        self._known_version = version

    def with_envelope(self, envelope: Envelope) -> "Event":
        """This event, knowing the envelope in which it came."""
        self._envelope, self._known_version = envelope, envelope.sequence
        return self


# ---------------------------------------------------------------- registry


class ImportCompleted(Event):
    """A list was read to its end: good rows are in, bad rows are reported."""

    name = "import.completed.v1"
    import_id: str
    source: str
    rows_good: int
    rows_bad: int
    persons_new: int
    persons_matched: int


class GroupFormed(Event):
    """A group of people was formed; KUBE: 5-20 heads of family of one kecamatan (Permensos 2/2019)."""

    name = "group.formed.v1"
    group_id: str
    kind: Literal["kube"]
    area: str
    members: int


# ------------------------------------------------------------------- cases


class CaseFact(Event):
    """What every fact about a case tells."""

    case_id: str
    agency: str
    area: str
    worker: str
    supervisor: str


class CaseOpened(CaseFact):
    """Identifikasi: a social worker took up the case of a person, a household or a group."""

    name = "case.opened.v1"
    client_kind: ClientKind
    client_id: str


class CaseAssessed(CaseFact):
    """Asesmen: an instrument was filled in and gave a level of risk."""

    name = "case.assessed.v1"
    assessment_id: str
    instrument: str
    risk: Literal["low", "medium", "high", "life"]


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


# --------------------------------------------------------------- referrals


class ReferralFact(Event):
    """What every fact about a referral tells. `by` is the role that acted, `by_agency` its agency."""

    referral_id: str
    service: str
    sender: str
    receiver: str
    desk: str
    area: str
    client_kind: ClientKind
    client_id: str
    case_id: str | None = None
    step_id: str | None = None
    priority: Priority = "routine"
    by: str
    by_agency: str


class ReferralRequested(ReferralFact):
    """A desk is asked for a service. The three dues: to acknowledge, to decide, to finish (None: never)."""

    name = "referral.requested.v1"
    reason: str
    legal_basis: str
    documents: list[str] = []
    replaces: str | None = None
    acknowledge_due: datetime | None = None
    decide_due: datetime | None = None
    finish_due: datetime | None = None


class ReferralReceived(ReferralFact):
    """The desk has seen it."""

    name = "referral.received.v1"
    receiver_reference: str | None = None


class ReferralAccepted(ReferralFact):
    """The desk will do it, by the expected date."""

    name = "referral.accepted.v1"
    expected_on: date


class ReferralDeclined(ReferralFact):
    """The desk will not. `after_acceptance` is the loud case."""

    name = "referral.declined.v1"
    reason: str
    side: Literal["agency", "client"]
    better_service: str | None = None
    missing_documents: list[str] = []
    after_acceptance: bool = False


class ReferralProgressed(ReferralFact):
    """Work has started or moved on."""

    name = "referral.progressed.v1"
    business_status: str | None = None


class ReferralHeld(ReferralFact):
    """Work waits, until the review date."""

    name = "referral.held.v1"
    reason: str
    review_on: date


class ReferralResumed(ReferralFact):
    """Work goes on."""

    name = "referral.resumed.v1"


class ReferralCancelRequested(ReferralFact):
    """The sender asks to stop; only the receiver can confirm, and it may still complete."""

    name = "referral.cancel_requested.v1"
    reason: str


class ReferralCancelled(ReferralFact):
    """It was stopped."""

    name = "referral.cancelled.v1"
    reason: str


class ReferralCompleted(ReferralFact):
    """The service was given: a coded outcome, and the kinds of evidence that the referral holds."""

    name = "referral.completed.v1"
    outcome: str
    given_on: date
    evidence: list[str] = []


class ReferralFailed(ReferralFact):
    """The service could not be given."""

    name = "referral.failed.v1"
    reason: str


class ReferralClosed(ReferralFact):
    """The sender has read the outcome: the loop is closed."""

    name = "referral.closed.v1"


class ReferralRetracted(ReferralFact):
    """It was entered in error."""

    name = "referral.retracted.v1"
    reason: str


class ReferralRerouted(ReferralFact):
    """A new referral took this one's place."""

    name = "referral.rerouted.v1"
    replaced_by: str


# ------------------------------------------------------------------ notify


class MessagePosted(Event):
    """A message lies in somebody's inbox. `recipient` is `user:<sub>` or `desk:<agency>/<desk>`."""

    name = "message.posted.v1"
    message_id: str
    recipient: str
    kind: str
