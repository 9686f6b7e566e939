"""Consents (UU 27/2022, on consent as a basis of processing): recorded, withdrawn, listed, and asked for by a referral
whose legal basis is consent: when it is sent, and each time that its client's details are read or printed.

A child's consent is the guardian's, a person with a disability gives their own or their guardian's (`given_by`). Which
of them it must be is the worker's to know: nothing here knows anybody's age.
"""

from datetime import UTC, date, datetime
from typing import Literal, Self
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, model_validator
from sqlalchemy import ColumnElement, Select, and_, or_, select

from services.referrals.codes import AgencyCode, Area, Reference, ServiceCode
from services.referrals.consent_models import Consent
from services.referrals.models import Agency, Offer, Referral
from services.referrals.requests import WIB
from services.referrals.turn import Answer
from sinergi.auth import Actor, permit
from sinergi.db import Tx, new_id
from sinergi.events import ClientKind
from sinergi.problems import Refused

#: how a legal basis begins that is consent, in the two languages of the pages; case does not count
CONSENT = ("consent", "persetujuan")


class RecordConsent(BaseModel):
    """A client, or who speaks for them, agreed that a service or an agency is shown their data. Without `from_on` it
    holds from today on (in the capital), without `until_on` until it is withdrawn."""

    model_config = ConfigDict(extra="forbid")

    client_kind: ClientKind
    client_id: UUID
    area: Area
    service: ServiceCode | None = None
    receiver: AgencyCode | None = None
    given_by: Literal["self", "guardian", "proxy"]
    evidence: Reference
    from_on: date | None = None
    until_on: date | None = None

    @model_validator(mode="after")
    def _has_one_scope_and_an_order(self) -> Self:
        if (self.service is None) == (self.receiver is None):
            raise ValueError("consent is to a service or to an agency: name one of them")
        if self.until_on and self.until_on < (self.from_on or _today()):
            raise ValueError("it ends before it begins")
        return self


class WithdrawConsent(BaseModel):
    """The client takes it back."""

    model_config = ConfigDict(extra="forbid")

    consent_id: UUID
    expected_version: int = Field(ge=1)


@permit("consent.record")
async def record_consent(cmd: RecordConsent, actor: Actor, tx: Tx) -> Answer:
    """Write it down for the actor's office. Refused: `no-agency`, `no-such-service`, `no-such-agency`."""
    actor.within(area=cmd.area)
    if not actor.agency:
        raise Refused("no-agency", "Your account belongs to no agency: no referral could rest on it.", "forbidden")
    if cmd.service and await tx.session.get(Offer, cmd.service) is None:
        raise Refused("no-such-service", f"Nobody offers the service {cmd.service}. Look in the directory.")
    if cmd.receiver and await tx.session.get(Agency, cmd.receiver) is None:
        raise Refused("no-such-agency", f"There is no agency {cmd.receiver}. Look in the directory.")
    said = cmd.model_dump() | {"from_on": cmd.from_on or _today()}
    consent = Consent(**said, id=new_id(), version=1, agency=actor.agency, recorded_by=actor.id)
    tx.add(consent)
    return _answer(consent)


@permit("consent.withdraw")
async def withdraw_consent(cmd: WithdrawConsent, actor: Actor, tx: Tx) -> Answer:
    """Take it back, with every other consent of this client to the same service or agency that the office recorded:
    the details close at once. Refused: `consent-withdrawn`."""
    consent = await tx.get(Consent, cmd.consent_id)
    actor.within(agencies=(consent.agency,), area=consent.area)
    same = (await tx.session.scalars(_of_same_scope(consent).order_by(Consent.id).with_for_update())).all()
    await tx.lock(Consent, cmd.consent_id, cmd.expected_version)
    if consent.withdrawn_at:
        raise Refused("consent-withdrawn", "It was withdrawn already.", "conflict", version=consent.version)
    for one in same:
        one.withdrawn_at, one.withdrawn_by, one.version = datetime.now(UTC), actor.id, one.version + 1
    return _answer(consent)


async def must_be_consented(referral: Referral, tx: Tx) -> None:
    """Refused (consent-missing) for a referral that rests on consent when its sender has none that holds today. What
    is found stays as it is until the transaction's end: a withdrawal comes before a reading or after it."""
    if not referral.legal_basis.lower().startswith(CONSENT):
        return
    to = or_(Consent.service == referral.service, Consent.receiver == referral.receiver)
    of = (Consent.agency == referral.sender, Consent.client_id == referral.client_id)
    held = select(Consent.id).where(*of, to, _holds()).limit(1).with_for_update(read=True)
    if await tx.session.scalar(held) is None:
        sentence = "The client's consent to this is missing, over, or withdrawn. Record it first (POST /consents)."
        raise Refused("consent-missing", sentence, "forbidden")


def _holds() -> ColumnElement[bool]:
    today = _today()
    ends_later = or_(Consent.until_on.is_(None), Consent.until_on >= today)
    return and_(Consent.withdrawn_at.is_(None), Consent.from_on <= today, ends_later)


def _of_same_scope(consent: Consent) -> Select[Consent]:
    of = (Consent.agency == consent.agency, Consent.client_id == consent.client_id)
    to = (
        Consent.service.is_not_distinct_from(consent.service),
        Consent.receiver.is_not_distinct_from(consent.receiver),
    )
    return select(Consent).where(*of, *to, Consent.withdrawn_at.is_(None))


def _answer(consent: Consent) -> Answer:
    state = "withdrawn" if consent.withdrawn_at else "recorded"
    return Answer(id=str(consent.id), version=consent.version, state=state)


def _today() -> date:
    return datetime.now(WIB).date()
