"""The tables of referrals: the directory, the referrals with their timelines, and the disclosure ledger."""

from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, DateTime, ForeignKey, Index, Text, func, text
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from services.referrals.states import TERMINAL

_TERMINAL = ", ".join(f"'{state}'" for state in sorted(TERMINAL))
#: the rows that the unique index `referrals_one_open` covers
IS_OPEN = f"state NOT IN ({_TERMINAL})"


class Base(DeclarativeBase):
    """Referrals' own tables."""

    type_annotation_map = {  # noqa: RUF012 (SQLAlchemy's way)
        str: Text,
        datetime: DateTime(timezone=True),
        list[str]: ARRAY(Text),
        dict[str, Any]: JSONB(none_as_null=True),
        list[dict[str, Any]]: JSONB,
    }


class Agency(Base):
    """An agency that offers services. `connected`: it has a NATS account and hears its referrals there."""

    __tablename__ = "agencies"

    code: Mapped[str] = mapped_column(primary_key=True)
    version: Mapped[int] = mapped_column(default=1)
    name: Mapped[str]
    kind: Mapped[str]
    connected: Mapped[bool]


class Offer(Base):
    """A service that a desk offers: `fields` are all that its agency may see of a client. Hours None: never due.

    `places` (None: no limit) are counted by `places_per`: accepted in a month, or running at once. `terms_version`: the
    version at which its terms changed last (`ServiceVersion`); capacity and closing are no terms.
    """

    __tablename__ = "services"

    code: Mapped[str] = mapped_column(primary_key=True)
    version: Mapped[int] = mapped_column(default=1)
    agency: Mapped[str] = mapped_column(ForeignKey("agencies.code"))
    desk: Mapped[str] = mapped_column(ForeignKey("desks.code"))
    name: Mapped[str]
    purpose: Mapped[str]
    fields: Mapped[list[str]]
    documents: Mapped[list[str]]
    areas: Mapped[list[str]]
    acknowledge_hours: Mapped[int | None]
    decide_hours: Mapped[int | None]
    finish_hours: Mapped[int | None]
    public_id: Mapped[UUID] = mapped_column(unique=True)
    terms_version: Mapped[int]
    changed_at: Mapped[datetime] = mapped_column(server_default=func.now())
    needs: Mapped[list[str]] = mapped_column(server_default=text("'{}'"))
    eligibility: Mapped[dict[str, Any] | None]
    clocks: Mapped[dict[str, Any]]
    details_days: Mapped[int] = mapped_column(default=30, server_default=text("30"))
    places: Mapped[int | None]
    places_per: Mapped[str | None]
    closed_until: Mapped[date | None]
    closed_reason: Mapped[str | None]


class Referral(Base):
    """A referral as it stands. `outcome` is the coded end, `evidence` its proof; free texts are on the timeline.

    `clock_terms` are those of its priority, counted in `clock_area`. `paused`: what is left of the time to finish, in
    `days` or `seconds`, while it is on hold. The three last are the running clock's; they are no change of version.
    """

    __tablename__ = "referrals"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    version: Mapped[int] = mapped_column(default=0)
    state: Mapped[str]
    service: Mapped[str]
    sender: Mapped[str]
    receiver: Mapped[str]
    desk: Mapped[str]
    area: Mapped[str]
    client_kind: Mapped[str]
    client_id: Mapped[UUID]
    case_id: Mapped[UUID | None]
    step_id: Mapped[UUID | None]
    priority: Mapped[str]
    reason: Mapped[str]
    legal_basis: Mapped[str]
    documents: Mapped[list[str]]
    replaces: Mapped[UUID | None] = mapped_column(ForeignKey("referrals.id"))
    replaced_by: Mapped[UUID | None]
    requested_at: Mapped[datetime]
    acknowledge_due: Mapped[datetime | None]
    decide_due: Mapped[datetime | None]
    finish_due: Mapped[datetime | None]
    receiver_reference: Mapped[str | None]
    expected_on: Mapped[date | None]
    business_status: Mapped[str | None]
    review_on: Mapped[date | None]
    cancel_reason: Mapped[str | None]
    outcome: Mapped[dict[str, Any] | None]
    evidence: Mapped[list[dict[str, Any]]] = mapped_column(default=list)
    ended_at: Mapped[datetime | None]
    closed_at: Mapped[datetime | None]
    closed_by: Mapped[str | None]
    service_version: Mapped[int | None]
    takes_place: Mapped[bool] = mapped_column(default=False, server_default=text("false"))
    clock_area: Mapped[str | None]
    clock_terms: Mapped[dict[str, Any] | None]
    confirm_due: Mapped[datetime | None]
    paused: Mapped[dict[str, Any] | None]
    reminded_at: Mapped[datetime | None]
    overdue_since: Mapped[datetime | None]
    escalation: Mapped[int] = mapped_column(default=0, server_default=text("0"))

    __table_args__ = (
        Index("referrals_one_open", "client_id", "service", unique=True, postgresql_where=text(IS_OPEN)),
        Index("referrals_received", "receiver", "state", "id"),
        Index("referrals_sent", "sender", "state", "id"),
        Index("referrals_received_late", "receiver", "id", postgresql_where=text("overdue_since IS NOT NULL")),
        Index("referrals_sent_late", "sender", "id", postgresql_where=text("overdue_since IS NOT NULL")),
        CheckConstraint("(ended_at IS NULL) = (" + IS_OPEN + ")", name="referrals_ended_at"),
    )


class TimelineEntry(Base):
    """One fact of a referral, with what was said about it. The note is free text: it never leaves but to the two."""

    __tablename__ = "timeline"

    referral_id: Mapped[UUID] = mapped_column(ForeignKey("referrals.id"), primary_key=True)
    version: Mapped[int] = mapped_column(primary_key=True)
    at: Mapped[datetime]
    fact: Mapped[str]
    state: Mapped[str]
    by: Mapped[str]
    by_agency: Mapped[str]
    actor: Mapped[str]
    data: Mapped[dict[str, Any]]
    note: Mapped[str | None]


class ClockNotice(Base):
    """What a referral's clock told: reminded, escalated, overdue. An aggregate of its own, never changed."""

    __tablename__ = "clock_notices"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    version: Mapped[int] = mapped_column(default=0)
    referral_id: Mapped[UUID] = mapped_column(ForeignKey("referrals.id"))
    at: Mapped[datetime]
    fact: Mapped[str]
    clock: Mapped[str]
    level: Mapped[int]
    due: Mapped[datetime | None]

    __table_args__ = (Index("clock_notices_referral", "referral_id", "id"),)


class Disclosure(Base):
    """One line of the ledger: who was shown which fields of whom, for which referral and purpose. Never changed."""

    __tablename__ = "disclosures"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    at: Mapped[datetime] = mapped_column(server_default=func.now())
    actor: Mapped[str]
    agency: Mapped[str]
    referral_id: Mapped[UUID] = mapped_column(ForeignKey("referrals.id"))
    sender: Mapped[str]
    area: Mapped[str]
    client_kind: Mapped[str]
    client_id: Mapped[UUID]
    fields: Mapped[list[str]]
    purpose: Mapped[str]
    letter_id: Mapped[UUID | None] = mapped_column(ForeignKey("letters.id"))

    __table_args__ = (
        Index("disclosures_client", "client_id", "id"),
        Index("disclosures_referral", "referral_id", "id"),
        Index("disclosures_agency", "agency", "at"),
        Index("disclosures_sender", "sender", "at"),
    )
