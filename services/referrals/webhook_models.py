"""Webhooks: where facts are sent to, by which secrets they are signed, and every delivery, made or to be made."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Identity, Index, UniqueConstraint, func
from sqlalchemy import text as sql
from sqlalchemy.orm import Mapped, mapped_column

from services.referrals.models import Base


class Webhook(Base):
    """An agency's server, or one desk's. `events` empty: all of them. `state`: active, paused, failing or removed.

    `failures` counts the tries in a row that found nobody there; until `not_before` it is left in peace.
    """

    __tablename__ = "webhooks"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    version: Mapped[int] = mapped_column(default=1)
    agency: Mapped[str] = mapped_column(ForeignKey("agencies.code"))
    desk: Mapped[str | None] = mapped_column(ForeignKey("desks.code"))
    url: Mapped[str]
    events: Mapped[list[str]]
    state: Mapped[str] = mapped_column(default="active")
    reason: Mapped[str | None]
    failures: Mapped[int] = mapped_column(default=0)
    not_before: Mapped[datetime | None]
    made_at: Mapped[datetime] = mapped_column(server_default=func.now())
    made_by: Mapped[str]

    __table_args__ = (
        CheckConstraint("state IN ('active', 'paused', 'failing', 'removed')", name="webhooks_state"),
        Index("webhooks_agency", "agency"),
    )


class WebhookSecret(Base):
    """A secret that is in use until `ends_at`. Its value is nowhere: it is made from the service's key and this id."""

    __tablename__ = "webhook_secrets"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    webhook_id: Mapped[UUID] = mapped_column(ForeignKey("webhooks.id"), index=True)
    made_at: Mapped[datetime] = mapped_column(server_default=func.now())
    ends_at: Mapped[datetime | None]


class WebhookDelivery(Base):
    """One fact for one webhook: `state` waiting, delivered, or failed (its server does not want it). `body` is the
    event as it is sent, so that it is the same at each try; like all events it holds no personal data."""

    __tablename__ = "webhook_deliveries"

    seq: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    webhook_id: Mapped[UUID] = mapped_column(ForeignKey("webhooks.id"))
    event_id: Mapped[UUID]
    type: Mapped[str]
    aggregate_id: Mapped[UUID]
    version: Mapped[int] = mapped_column(BigInteger)
    body: Mapped[str]
    state: Mapped[str] = mapped_column(server_default=sql("'waiting'"))
    tries: Mapped[int] = mapped_column(server_default=sql("0"))
    next_at: Mapped[datetime] = mapped_column(server_default=func.now())
    made_at: Mapped[datetime] = mapped_column(server_default=func.now())
    tried_at: Mapped[datetime | None]
    status: Mapped[int | None]
    problem: Mapped[str | None]
    ms: Mapped[int | None]

    __table_args__ = (
        UniqueConstraint("webhook_id", "event_id"),
        CheckConstraint("state IN ('waiting', 'delivered', 'failed')", name="webhook_deliveries_state"),
        Index("webhook_deliveries_due", "webhook_id", "next_at", "seq", postgresql_where=sql("state = 'waiting'")),
        Index(
            "webhook_deliveries_order",
            "webhook_id",
            "aggregate_id",
            "version",
            postgresql_where=sql("state = 'waiting'"),
        ),
        Index("webhook_deliveries_log", "webhook_id", "seq"),
        Index("webhook_deliveries_failed", "webhook_id", "seq", postgresql_where=sql("state = 'failed'")),
        Index("webhook_deliveries_old", "made_at", postgresql_where=sql("state <> 'waiting'")),
    )
