"""The codes that a referral's commands carry: reasons, outcomes, evidence. Codes travel in events; texts never do.

Reasons of declining and failing: DOMAIN.md "Referrals between agencies" and REFERRALS.md (HL7 BSeR, Gravity SDOH).
Reasons of holding, cancelling and retracting are ours: no standard gives them.
"""

import re
from datetime import date
from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints


def _no_nik(value: str) -> str:
    if re.search(r"\d{16}", value):
        raise ValueError("16 digits in a row look like a NIK: no personal data here")
    return value


def _no_nul(value: str) -> str:
    if "\0" in value:
        raise ValueError("a text holds no NUL character: the database cannot keep it")
    return value


#: Everything of these types travels in events: it is short, has no blanks, and cannot be a NIK.
Code = Annotated[str, StringConstraints(pattern=r"^[A-Za-z][A-Za-z0-9._/-]{0,79}$"), AfterValidator(_no_nik)]
Reference = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9_./-]{0,39}$"), AfterValidator(_no_nik)]
#: a law's or consent's short title, e.g. "UU 13/2011" or "consent"
LegalBasis = Annotated[
    str, StringConstraints(pattern=r"^[A-Za-z][A-Za-z0-9 ,;()./:_-]{0,119}$"), AfterValidator(_no_nik)
]
ServiceCode = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9-]{1,39}$")]
AgencyCode = Annotated[str, StringConstraints(pattern=r"^[a-z0-9-]{2,12}$")]
#: `<agency>/<desk>`, or the desk alone
Desk = Annotated[str, StringConstraints(pattern=r"^([a-z0-9-]{2,12}/)?[a-z0-9-]{2,40}$")]
#: kode wilayah: PP, PP.KK, PP.KK.CC or PP.KK.CC.DDDD
Area = Annotated[str, StringConstraints(pattern=r"^\d{2}(\.\d{2}(\.\d{2}(\.\d{4})?)?)?$")]
FieldName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z_]{1,39}$")]
#: said by a person to a person: kept on the timeline, never in an event
Text = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=2000),
    AfterValidator(_no_nul),
]
Line = Annotated[Text, StringConstraints(max_length=200)]
Number = Annotated[Text, StringConstraints(max_length=60)]


class DeclineReason(StrEnum):
    """Why a desk will not; the first five are the agency's side, the others the client's."""

    CAPACITY = "capacity"
    NOT_ELIGIBLE = "not-eligible"
    OUT_OF_AREA = "out-of-area"
    MISSING_DOCUMENTS = "missing-documents"
    WRONG_SERVICE = "wrong-service"
    REFUSED = "refused"
    UNREACHABLE = "unreachable"
    MOVED = "moved"
    DIED = "died"

    @property
    def side(self) -> Literal["agency", "client"]:
        """On whose side the reason lies."""
        client = {self.REFUSED, self.UNREACHABLE, self.MOVED, self.DIED}
        return "client" if self in client else "agency"


class FailReason(StrEnum):
    """Why a service that was taken on could not be given."""

    UNREACHABLE = "unreachable"
    NOT_ELIGIBLE = "not-eligible"
    CLIENT_WITHDREW = "client-withdrew"
    NO_CAPACITY = "no-capacity"
    OTHER = "other"


class HoldReason(StrEnum):
    """What work waits for."""

    CLIENT = "client"
    DOCUMENTS = "documents"
    OTHER_AGENCY = "other-agency"
    CAPACITY = "capacity"
    OTHER = "other"


class CancelReason(StrEnum):
    """Why the sender wants it stopped."""

    NEED_MET = "need-met"
    CLIENT_WITHDREW = "client-withdrew"
    CLIENT_MOVED = "client-moved"
    CLIENT_DIED = "client-died"
    PLAN_CHANGED = "plan-changed"
    OTHER = "other"


class RetractReason(StrEnum):
    """What was wrong with a referral that should never have been sent."""

    WRONG_CLIENT = "wrong-client"
    WRONG_SERVICE = "wrong-service"
    DUPLICATE = "duplicate"
    OTHER = "other"


class BusinessStatus(StrEnum):
    """BSeR's codes while the work is in progress: 5.1.1 to 5.1.4."""

    SCHEDULED = "scheduled"
    NO_SHOW = "no_show"
    APPOINTMENT_CANCELLED = "appointment_cancelled"
    VISIT_COMPLETED = "visit_completed"


class Outcome(StrEnum):
    """What the client got."""

    SERVICE_GIVEN = "service-given"
    COACHING_COMPLETED = "coaching-completed"
    TRAINING_COMPLETED = "training-completed"
    LICENCE_ISSUED = "licence-issued"
    LOAN_GRANTED = "loan-granted"
    AID_GIVEN = "aid-given"
    ADMITTED = "admitted"
    PARTLY_GIVEN = "partly-given"
    OTHER = "other"


class _Evidence(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Nib(_Evidence):
    """A business licence number (Nomor Induk Berusaha): 13 digits (PP 5/2021)."""

    kind: Literal["nib"]
    number: str = Field(pattern=r"^\d{13}$")


class Certificate(_Evidence):
    """A certificate that the client holds."""

    kind: Literal["certificate"]
    number: Number
    issued_on: date


class Loan(_Evidence):
    """A loan, in rupiah."""

    kind: Literal["loan"]
    account_reference: Number
    amount: Decimal = Field(gt=0, max_digits=15, decimal_places=2)


class Admission(_Evidence):
    """A letter of admission."""

    kind: Literal["admission"]
    letter_number: Number


Evidence = Annotated[Nib | Certificate | Loan | Admission, Field(discriminator="kind")]
