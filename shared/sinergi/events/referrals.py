"""What referrals tells, to us and to the agencies concerned."""

from datetime import date, datetime
from typing import Literal

from sinergi.events.event import ClientKind, Event, Priority


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
