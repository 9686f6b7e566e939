"""The directory's tables beside agencies and services: desks, the map of who serves what where, loads, versions."""

from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ForeignKey, Index, Integer, func
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from services.referrals.models import Base


class Desk(Base):
    """Where an agency takes referrals: `code` is `<agency>/<desk>`. `receives`: nats, webhook, console or link.

    `channels`: `[{kind, value, public}]`, an office's and never a person's. `opening`: `[{day, opens, closes}]`.
    """

    __tablename__ = "desks"

    code: Mapped[str] = mapped_column(primary_key=True)
    version: Mapped[int] = mapped_column(default=1)
    agency: Mapped[str] = mapped_column(ForeignKey("agencies.code"))
    name: Mapped[str]
    receives: Mapped[str]
    area: Mapped[str | None]
    channels: Mapped[list[dict[str, Any]]]
    opening: Mapped[list[dict[str, Any]]]


class ServiceVersion(Base):
    """The terms of a service as they were from this version on: a referral keeps those that it was sent under."""

    __tablename__ = "service_versions"

    service: Mapped[str] = mapped_column(ForeignKey("services.code"), primary_key=True)
    version: Mapped[int] = mapped_column(primary_key=True)
    at: Mapped[datetime] = mapped_column(server_default=func.now())
    by: Mapped[str]
    terms: Mapped[dict[str, Any]]


class ServedNeed(Base):
    """The map of strength (pemetaan kekuatan OPD): this service serves this need in this area and all below it."""

    __tablename__ = "served_needs"

    need: Mapped[str] = mapped_column(primary_key=True)
    area: Mapped[str] = mapped_column(primary_key=True)
    service: Mapped[str] = mapped_column(ForeignKey("services.code"), primary_key=True)

    __table_args__ = (
        Index("served_needs_area", "area", "need", postgresql_ops={"area": "text_pattern_ops"}),
        Index("served_needs_service", "service"),
    )


class ServiceLoad(Base):
    """How busy a service is, kept by the transactions that accept and end its referrals: nothing is ever counted over.

    `taken`: how many were accepted in `month` (its first day). `answered`: how many first answers fell into each of
    the spans of capacity.py, since ever.
    """

    __tablename__ = "service_loads"

    service: Mapped[str] = mapped_column(ForeignKey("services.code"), primary_key=True)
    running: Mapped[int] = mapped_column(default=0)
    month: Mapped[date]
    taken: Mapped[int] = mapped_column(default=0)
    answered: Mapped[list[int]] = mapped_column(ARRAY(Integer))


class NeedAsked(Base):
    """How often somebody looked for a need in a kecamatan in a month, and found nobody with room. No client's id."""

    __tablename__ = "needs_asked"

    need: Mapped[str] = mapped_column(primary_key=True)
    area: Mapped[str] = mapped_column(primary_key=True)
    month: Mapped[date] = mapped_column(primary_key=True)
    asked: Mapped[int]
    unmet: Mapped[int]

    __table_args__ = (Index("needs_asked_area", "area", "month", postgresql_ops={"area": "text_pattern_ops"}),)


class WaitingReferral(Base):
    """A planned referral whose eligibility is still to be asked, outside of the transaction that heard the plan."""

    __tablename__ = "waiting_referrals"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    agency: Mapped[str]
    request: Mapped[dict[str, Any]]
    cause: Mapped[dict[str, Any]]
    since: Mapped[datetime] = mapped_column(server_default=func.now())
    tries: Mapped[int] = mapped_column(default=0)
    not_before: Mapped[datetime] = mapped_column(server_default=func.now())

    __table_args__ = (Index("waiting_referrals_next", "not_before", "id"),)
