"""What referrals tells, to us and to the agencies concerned."""

from datetime import date, datetime
from typing import Literal

from sinergi.cloudevents import Envelope
from sinergi.events.event import ClientKind, Event, Priority

#: what a referral's clock waits for; one runs at a time
ReferralClock = Literal["acknowledge", "decide", "finish", "review", "confirm"]


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
    """The desk will not. `after_acceptance` is the loud case; `consequence` is what the sender does next, by reason."""

    name = "referral.declined.v1"
    reason: str
    side: Literal["agency", "client"]
    better_service: str | None = None
    missing_documents: list[str] = []
    after_acceptance: bool = False
    consequence: str | None = None


class ReferralProgressed(ReferralFact):
    """Work has started or moved on."""

    name = "referral.progressed.v1"
    business_status: str | None = None


class ReferralHeld(ReferralFact):
    """Work waits, until the review date. Its clock waits too, with the working days or seconds that were left."""

    name = "referral.held.v1"
    reason: str
    review_on: date
    days_left: int | None = None
    seconds_left: int | None = None


class ReferralResumed(ReferralFact):
    """Work goes on, and is due anew."""

    name = "referral.resumed.v1"
    finish_due: datetime | None = None


class ReferralCancelRequested(ReferralFact):
    """The sender asks to stop; only the receiver can confirm, and it may still complete. When it has not answered by
    `confirm_due`, the clock cancels."""

    name = "referral.cancel_requested.v1"
    reason: str
    confirm_due: datetime | None = None


class ReferralCancelled(ReferralFact):
    """It was stopped, for the sender's reason. `clock`: nobody confirmed it, it was stopped when that clock was due."""

    name = "referral.cancelled.v1"
    reason: str
    clock: ReferralClock | None = None


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


class ReferralExpired(ReferralFact):
    """Nobody answered in time: the clock ended it. `reason` is `not-acknowledged` or `not-decided`."""

    name = "referral.expired.v1"
    reason: str
    clock: ReferralClock
    due: datetime


class ReferralNotice(ReferralFact):
    """What a referral's clock tells. The referral does not change by it: a notice is numbered by itself (its partition
    key is its own), and `referral_version` is what a command on the referral expects."""

    referral_version: int
    clock: ReferralClock
    due: datetime

    def with_envelope(self, envelope: Envelope) -> "Event":
        """This notice, knowing its envelope, and the version of the referral that it is about."""
        super().with_envelope(envelope)
        self.knows_version(self.referral_version)
        return self


class ReferralReminded(ReferralNotice):
    """Something is due soon."""

    name = "referral.reminded.v1"


class ReferralEscalated(ReferralNotice):
    """Something is late: 1 worker and desk, 2 supervisor and the receiver's head, 3 the heads of both."""

    name = "referral.escalated.v1"
    level: int


class ReferralOverdue(ReferralNotice):
    """Accepted work is not finished in time. It never ends by itself."""

    name = "referral.overdue.v1"


class ReferralLetterIssued(ReferralFact):
    """A letter about it is there: surat rujukan from the sender, surat balasan from the receiver. `replaces`: the
    letter that no longer holds."""

    name = "referral.letter_issued.v1"
    letter_id: str
    letter_kind: Literal["rujukan", "balasan"]
    letter_number: str
    replaces: str | None = None


class ReferralLetterWithdrawn(ReferralFact):
    """A letter about it no longer holds."""

    name = "referral.letter_withdrawn.v1"
    letter_id: str
    letter_kind: Literal["rujukan", "balasan"]
    reason: str
