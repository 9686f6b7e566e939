"""The tables of what happens to people, households, change requests and groups beside the lists."""

from datetime import date, datetime
from uuid import UUID

from sqlalchemy import ForeignKey, Index, LargeBinary, func, text
from sqlalchemy.orm import Mapped, mapped_column

from services.registry.models import Base, Group
from services.registry.seal import SealedNumber

Index("groups_area", Group.__table__.c.area, Group.__table__.c.id, postgresql_ops={"area": "text_pattern_ops"})


class PersonChange(Base):
    """Why something about a person changed, and what proves it. `kind`: registered, bound, died, death-undone, moved,
    related (another relation to the head, or the head itself)."""

    __tablename__ = "person_changes"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    person_id: Mapped[UUID] = mapped_column(ForeignKey("persons.id"))
    kind: Mapped[str]
    happened_on: Mapped[date]
    reason: Mapped[str]
    evidence: Mapped[str | None]
    by: Mapped[str]
    at: Mapped[datetime] = mapped_column(server_default=func.now())

    __table_args__ = (Index("person_changes_person", "person_id", "id"),)


class HouseholdNumber(Base):
    """A No. KK that a household has (`until_on` None) or had. `from_on` None: since before the registry knew it."""

    __tablename__ = "household_numbers"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    household_id: Mapped[UUID] = mapped_column(ForeignKey("households.id"))
    kk: Mapped[str] = mapped_column(SealedNumber("kk"))
    from_on: Mapped[date | None]
    until_on: Mapped[date | None]
    reason: Mapped[str]

    __table_args__ = (
        Index("household_numbers_now", "household_id", unique=True, postgresql_where=text("until_on IS NULL")),
        Index("household_numbers_household", "household_id"),
        Index("household_numbers_kk", "kk"),
    )


class PastMember(Base):
    """Somebody who was in a household and left it, written when he leaves: the present members stand in `persons`.

    `household_id` None: he was in none until then. `from_on` None: since before the registry knew it.
    """

    __tablename__ = "household_members_past"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    person_id: Mapped[UUID] = mapped_column(ForeignKey("persons.id"))
    household_id: Mapped[UUID | None] = mapped_column(ForeignKey("households.id"))
    relation: Mapped[str | None]
    is_head: Mapped[bool]
    from_on: Mapped[date | None]
    until_on: Mapped[date]
    to_household_id: Mapped[UUID | None] = mapped_column(ForeignKey("households.id"))
    reason: Mapped[str]
    by: Mapped[str]

    __table_args__ = (
        Index("household_members_past_person", "person_id", "id"),
        Index("household_members_past_household", "household_id", "id"),
    )


class RequestTier(Base):
    """A tier that decides change requests in an area (`` is everywhere; the longest code counts), in order of place.

    Somebody decides for a tier when the depth of his own area (1 province … 4 kelurahan, 0 everything) lies in it.
    """

    __tablename__ = "request_tiers"

    area: Mapped[str] = mapped_column(primary_key=True)
    place: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str]
    depth_least: Mapped[int]
    depth_most: Mapped[int]


class ChangeRequest(Base):
    """A proposed change (usul) of a person's fields, on its way through the tiers.

    `sealed`: JSON {field: [value when it was proposed, proposed value]} under the name `request:<id>`. The present
    tier is copied into the row (`tier`, `place`, depths), so that a queue is one condition. Any step moves `version`.
    """

    __tablename__ = "change_requests"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    version: Mapped[int]
    person_id: Mapped[UUID] = mapped_column(ForeignKey("persons.id"))
    area: Mapped[str]
    fields: Mapped[list[str]]
    sealed: Mapped[bytes] = mapped_column(LargeBinary)
    reason: Mapped[str]
    evidence: Mapped[str | None]
    proposed_by: Mapped[str]
    state: Mapped[str] = mapped_column(default="open")
    place: Mapped[int]
    tier: Mapped[str]
    depth_least: Mapped[int]
    depth_most: Mapped[int]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    closed_at: Mapped[datetime | None]

    __table_args__ = (
        Index(
            "change_requests_queue",
            *("area", "id"),
            postgresql_ops={"area": "text_pattern_ops"},
            postgresql_where=text("state = 'open'"),
        ),
        Index("change_requests_person", "person_id"),
    )


class RequestStep(Base):
    """What somebody said to a request. `kind`: approved, rejected, objected (sanggah), withdrawn."""

    __tablename__ = "request_steps"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    request_id: Mapped[UUID] = mapped_column(ForeignKey("change_requests.id"))
    kind: Mapped[str]
    tier: Mapped[str]
    reason: Mapped[str | None]
    by: Mapped[str]
    at: Mapped[datetime] = mapped_column(server_default=func.now())

    __table_args__ = (Index("request_steps_request", "request_id", "id"),)


class GroupLimits(Base):
    """How a kind of group is made up in an area (`` is everywhere) from a day on: the longest code, the latest day."""

    __tablename__ = "group_limits"

    kind: Mapped[str] = mapped_column(primary_key=True)
    area: Mapped[str] = mapped_column(primary_key=True)
    from_on: Mapped[date] = mapped_column(primary_key=True)
    least: Mapped[int]
    most: Mapped[int]
    one_each: Mapped[list[str]]
    legal_basis: Mapped[str]
    source: Mapped[str]
    by: Mapped[str]


class PastGroupMember(Base):
    """Somebody who left a group."""

    __tablename__ = "group_members_past"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    group_id: Mapped[UUID] = mapped_column(ForeignKey("groups.id"))
    person_id: Mapped[UUID] = mapped_column(ForeignKey("persons.id"))
    role: Mapped[str]
    until_on: Mapped[date]
    reason: Mapped[str]
    by: Mapped[str]

    __table_args__ = (Index("group_members_past_group", "group_id", "id"),)
