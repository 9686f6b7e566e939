"""The table of consents: what a client, or who speaks for them, agreed to, and whether they took it back."""

from datetime import date, datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, func
from sqlalchemy.orm import Mapped, mapped_column

from services.referrals.models import Base


class Consent(Base):
    """Consent that a client's data go to one service, or to one agency (`receiver`): exactly one of the two is named.

    `agency` recorded it, and its referrals alone may rest on it. `evidence` is a reference to what was signed. It holds
    from `from_on` to `until_on`, both days included, until it is withdrawn.
    """

    __tablename__ = "consents"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    version: Mapped[int] = mapped_column(default=1)
    agency: Mapped[str]
    area: Mapped[str]
    client_kind: Mapped[str]
    client_id: Mapped[UUID]
    service: Mapped[str | None] = mapped_column(ForeignKey("services.code"))
    receiver: Mapped[str | None] = mapped_column(ForeignKey("agencies.code"))
    given_by: Mapped[str]
    evidence: Mapped[str]
    from_on: Mapped[date]
    until_on: Mapped[date | None]
    recorded_at: Mapped[datetime] = mapped_column(server_default=func.now())
    recorded_by: Mapped[str]
    withdrawn_at: Mapped[datetime | None]
    withdrawn_by: Mapped[str | None]

    __table_args__ = (
        Index("consents_client", "agency", "client_id", "id"),
        CheckConstraint("num_nonnulls(service, receiver) = 1", name="consents_scope"),
        CheckConstraint("until_on >= from_on", name="consents_days"),
        CheckConstraint("given_by IN ('self', 'guardian', 'proxy')", name="consents_given_by"),
        CheckConstraint("(withdrawn_at IS NULL) = (withdrawn_by IS NULL)", name="consents_withdrawn"),
    )
