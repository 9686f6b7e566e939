"""What each command must carry (REFERRALS.md, column "must carry"). Both doors read these same models."""

from datetime import date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Annotated, Any, Literal, Self, TypeVar
from uuid import UUID

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints, ValidationError, model_validator

from services.referrals.clock_terms import ClockTerms
from services.referrals.codes import (
    AgencyCode,
    Area,
    BusinessStatus,
    CancelReason,
    Code,
    DeclineReason,
    Desk,
    Evidence,
    FailReason,
    FieldName,
    HoldReason,
    LegalBasis,
    Line,
    Outcome,
    Reference,
    RetractReason,
    ServiceCode,
    Text,
)
from services.referrals.eligibility import Eligibility, Verdict
from services.referrals.needs import NEEDS
from services.referrals.states import State
from sinergi.events import STREAMS, ClientKind, Priority
from sinergi.problems import Refused

R = TypeVar("R", bound=BaseModel)

#: the capital's zone: what "today" is when nobody tells a date
WIB = timezone(timedelta(hours=7))
#: Indonesia's easternmost zone (WIT): the latest "today" in the country
WIT = timezone(timedelta(hours=9))
#: the audience of our own services, and the users of the core's NATS account
RESERVED = {"core", *(owner for owner, _ in STREAMS.values()), "console", "operator", "operator-sys"}
Hours = Annotated[int, Field(gt=0, le=24 * 366)]
#: where a service is offered: an area and all below it, or the whole country
ServedArea = Area | Literal["*"]
Purpose = Annotated[Line, StringConstraints(min_length=3)]
Codes = Annotated[list[Code], Field(max_length=50)]


def _known(need: str) -> str:
    if need not in NEEDS:
        raise ValueError("there is no such need: GET /directory/needs lists them")
    return need


Need = Annotated[str, StringConstraints(max_length=60), AfterValidator(_known)]


def parse(model: type[R], request: dict[str, Any]) -> R:
    """The request, or `Refused` (request-not-valid) naming each field and rule, without the values."""
    try:
        return model.model_validate(request)
    except ValidationError as wrong:
        rules = [
            {"field": ".".join(map(str, one["loc"])), "rule": one["type"], "message": one["msg"]}
            for one in wrong.errors(include_input=False, include_url=False)
        ]
        raise Refused("request-not-valid", "Some fields break their rules.", errors=rules) from None


class _Request(BaseModel):
    model_config = ConfigDict(extra="forbid")


# --------------------------------------------------------------- directory


class PutAgency(_Request):
    """Name an agency. `connected`: it has a NATS account, and gets its consumer within seconds."""

    code: AgencyCode
    name: Line
    kind: Code
    connected: bool = False

    @model_validator(mode="after")
    def _is_none_of_ours(self) -> Self:
        if self.code in RESERVED:
            raise ValueError("this name is one of our own: an agency of that name would hear what is not for it")
        return self


#: how a step of a plan names a pathway where another one names a service: no service may be called so
PATHWAY = "pathway-"


class PutService(_Request):
    """Describe a service: whose desk, for which needs, people and areas, what it needs to know, in what time.

    Hours count plainly, day and night; `clocks` not told are the hours, or else the usual terms (clock_terms.py): to be
    never due, a service tells its clocks. An area `*` is the whole country. `details_days`: how long after a referral's
    end the client's details may still be read (the number is ours; UU 27/2022 asks for a limit).
    """

    code: ServiceCode
    agency: AgencyCode
    desk: Desk
    name: Line
    purpose: Line
    fields: list[FieldName] = Field(max_length=40)
    documents: Codes = []
    areas: list[ServedArea] = Field(min_length=1, max_length=600)
    acknowledge_hours: Hours | None = None
    decide_hours: Hours | None = None
    finish_hours: Hours | None = None
    needs: list[Need] = Field(default=[], max_length=40)
    eligibility: Eligibility | None = None
    clocks: ClockTerms | None = None
    details_days: int = Field(default=30, ge=0, le=3650)

    @model_validator(mode="after")
    def _is_no_pathway(self) -> Self:
        if self.code.startswith(PATHWAY):
            raise ValueError(f"a code that begins with {PATHWAY} names a pathway")
        return self

    @model_validator(mode="after")
    def _desk_is_the_agencys(self) -> Self:
        if "/" in self.desk and self.desk.split("/")[0] != self.agency:
            raise ValueError("the desk belongs to another agency")
        return self


# --------------------------------------------------------------- referrals


class SendReferral(_Request):
    """Ask the desk that offers the service. `replaces`: the ended referral whose place this one takes."""

    service: Code
    client_kind: ClientKind
    client_id: UUID
    area: Area
    reason: Code
    legal_basis: LegalBasis
    priority: Priority = "routine"
    documents: Codes = []
    case_id: UUID | None = None
    step_id: UUID | None = None
    replaces: UUID | None = None


class JudgedReferral(SendReferral):
    """A request to send as the doors hand it on: with what became of the service's rules, if it has any. The verdict is
    no part of what is asked: the same request asked again is the same, whatever the registry says by then."""

    verdict: Verdict | None = Field(default=None, exclude=True)


class SendAnyway(SendReferral):
    """Send although it is full, closed, or not meant for this client: why, in words that stay on the timeline."""

    override: Text


class Given(_Request):
    """What every command to a referral carries: which one, and the version that the giver has seen."""

    referral_id: UUID
    expected_version: int = Field(ge=1)


class AcknowledgeReferral(Given):
    """It was seen; under the receiver's own number, if it has one."""

    receiver_reference: Reference | None = None


class AcceptReferral(Given):
    """It will be done, by this date."""

    expected_on: date


class DeclineReferral(Given):
    """It will not be done. The side (agency or client) follows from the reason."""

    reason: DeclineReason
    text: Text
    missing_documents: Codes = []
    better_service: ServiceCode | None = None

    @model_validator(mode="after")
    def _missing_documents_are_named(self) -> Self:
        if (self.reason is DeclineReason.MISSING_DOCUMENTS) != bool(self.missing_documents):
            raise ValueError("missing_documents is named with the reason missing-documents, and only with it")
        return self


class ProgressReferral(Given):
    """Work started or moved on."""

    business_status: BusinessStatus | None = None
    note: Text | None = None


class HoldReferral(Given):
    """Work waits until the review date."""

    reason: HoldReason
    review_on: date
    note: Text | None = None


class ResumeReferral(Given):
    """Work goes on."""

    note: Text | None = None


class CompleteReferral(Given):
    """The service was given, today if no date is told. `amount` counts `unit` (rupiah, hours, days …)."""

    outcome: Outcome
    text: Text | None = None
    service_given: ServiceCode | None = None
    given_on: date | None = None
    amount: Decimal | None = Field(default=None, gt=0, max_digits=15, decimal_places=2)
    unit: Code | None = None
    enrolled: bool | None = None
    next_step: Text | None = None
    evidence: list[Evidence] = Field(default=[], max_length=20)

    @model_validator(mode="after")
    def _is_whole(self) -> Self:
        if self.outcome is Outcome.OTHER and not self.text:
            raise ValueError("the outcome other needs a text")
        if (self.amount is None) != (self.unit is None):
            raise ValueError("amount and unit belong together")
        if self.given_on and self.given_on > datetime.now(WIT).date():
            raise ValueError("given_on lies in the future")
        return self


class FailReferral(Given):
    """The service could not be given."""

    reason: FailReason
    text: Text | None = None

    @model_validator(mode="after")
    def _other_is_explained(self) -> Self:
        return _explained(self, self.reason, self.text)


class CancelReferral(Given):
    """Stop it: nobody has acknowledged it yet."""

    reason: CancelReason
    note: Text | None = None

    @model_validator(mode="after")
    def _other_is_explained(self) -> Self:
        return _explained(self, self.reason, self.note)


class RequestCancel(CancelReferral):
    """Ask the receiver to stop; it may still complete."""


class ConfirmCancel(Given):
    """Stopped, as the sender asked."""

    note: Text | None = None


class RetractReferral(Given):
    """It should never have been sent."""

    reason: RetractReason
    note: Text | None = None

    @model_validator(mode="after")
    def _other_is_explained(self) -> Self:
        return _explained(self, self.reason, self.note)


class CloseReferral(Given):
    """The sender has read the outcome; the client's word, if it gave one."""

    client_view: Text | None = None


def _explained(request: R, reason: str, text: str | None) -> R:
    if reason == "other" and not text:
        raise ValueError("the reason other needs a text")
    return request


class ReadDetails(_Request):
    """Ask for the client's data that the service needs, for this purpose; it goes into the ledger."""

    referral_id: UUID
    purpose: Purpose


# ------------------------------------------------------------------- lists


class Page(_Request):
    """One page of a list."""

    page: int = Field(default=1, ge=1, le=10_000)
    size: int = Field(default=20, ge=1, le=100)


class ListReferrals(Page):
    """The actor's agency's referrals: sent, received, or both; in one state or in any; only what is late."""

    state: State | None = None
    late: bool = False
    side: Literal["sent", "received"] | None = None
