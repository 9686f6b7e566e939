"""The tables of what is known about people beside the lists: needs, disability, aid, organisations, counts, exports."""

from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Identity, Index, LargeBinary, Uuid, func, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from services.registry.models import Base


class Need(Base):
    """A PPKS category or special group (ppks.py) that somebody gave a person by hand, or ended by hand.

    An ended row also ends what a list says, until a list of a later day says it again.
    """

    __tablename__ = "needs"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    person_id: Mapped[UUID] = mapped_column(ForeignKey("persons.id"))
    category: Mapped[str]
    since: Mapped[date]
    until: Mapped[date | None]
    source: Mapped[str]
    by: Mapped[str]
    reason: Mapped[str]
    ended_by: Mapped[str | None]
    ended_reason: Mapped[str | None]
    at: Mapped[datetime] = mapped_column(server_default=func.now())

    __table_args__ = (
        CheckConstraint("until >= since", name="needs_order"),
        Index("needs_now", "person_id", "category", unique=True, postgresql_where=text("until IS NULL")),
        Index("needs_person", "person_id"),
    )


class Disability(Base):
    """One kind of disability of a person (UU 8/2016), written by hand. A change ends the row and writes the next."""

    __tablename__ = "disabilities"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    person_id: Mapped[UUID] = mapped_column(ForeignKey("persons.id"))
    kind: Mapped[str]
    degree: Mapped[str]
    aids: Mapped[list[str]]
    since: Mapped[date | None]
    source: Mapped[str]
    by: Mapped[str]
    reason: Mapped[str]
    at: Mapped[datetime] = mapped_column(server_default=func.now())
    ended_at: Mapped[datetime | None]
    ended_by: Mapped[str | None]
    ended_reason: Mapped[str | None]

    __table_args__ = (
        Index("disabilities_now", "person_id", "kind", unique=True, postgresql_where=text("ended_at IS NULL")),
        Index("disabilities_person", "person_id"),
    )


class AidEntry(Base):
    """Aid (bantuan) that one person or one household received: what, from whom, for which period. Amounts in rupiah.

    `excluded_by`: the programmes that exclude this one and that were received at the same time all the same.
    """

    __tablename__ = "aid_entries"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    person_id: Mapped[UUID | None] = mapped_column(ForeignKey("persons.id"))
    household_id: Mapped[UUID | None] = mapped_column(ForeignKey("households.id"))
    programme: Mapped[str]
    period: Mapped[str]
    amount: Mapped[int | None] = mapped_column(BigInteger)
    kind: Mapped[str | None]
    giver: Mapped[str]
    given_on: Mapped[date]
    reference: Mapped[str]
    excluded_by: Mapped[list[str]]
    by: Mapped[str]
    at: Mapped[datetime] = mapped_column(server_default=func.now())
    withdrawn_at: Mapped[datetime | None]
    withdrawn_by: Mapped[str | None]
    withdrawn_reason: Mapped[str | None]

    __table_args__ = (
        CheckConstraint("(person_id IS NULL) <> (household_id IS NULL)", name="aid_entries_of_one"),
        CheckConstraint("amount IS NOT NULL OR kind IS NOT NULL", name="aid_entries_what"),
        CheckConstraint("amount > 0", name="aid_entries_amount"),
        Index(
            "aid_entries_person",
            *("person_id", "programme", "period"),
            unique=True,
            postgresql_where=text("withdrawn_at IS NULL AND person_id IS NOT NULL"),
        ),
        Index(
            "aid_entries_household",
            *("household_id", "programme", "period"),
            unique=True,
            postgresql_where=text("withdrawn_at IS NULL AND household_id IS NOT NULL"),
        ),
    )


class Organisation(Base):
    """A potential of social welfare (PSKS): an organisation, or somebody known by the office, with its services.

    `contact` is the organisation's: an office's telephone or address.
    """

    __tablename__ = "organisations"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    version: Mapped[int] = mapped_column(default=1)
    kind: Mapped[str]
    name: Mapped[str]
    area: Mapped[str]
    contact: Mapped[str | None]
    services: Mapped[list[str]]
    active: Mapped[bool] = mapped_column(default=True)
    by: Mapped[str]
    at: Mapped[datetime] = mapped_column(server_default=func.now())

    __table_args__ = (
        Index("organisations_area", "area", "name", "id", postgresql_ops={"area": "text_pattern_ops"}),
        Index("organisations_same", "kind", "area", text("lower(name)"), unique=True, postgresql_where=text("active")),
    )


class AreaCount(Base):
    """How many there are of one key of a dimension in one kelurahan; counted anew as a whole (areas.py)."""

    __tablename__ = "area_counts"

    area: Mapped[str] = mapped_column(primary_key=True)
    dimension: Mapped[str] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(primary_key=True)
    people: Mapped[int]

    __table_args__ = (
        Index("area_counts_prefix", "dimension", "area", "key", postgresql_ops={"area": "text_pattern_ops"}),
    )


class AreaCounted(Base):
    """When a kelurahan was counted last."""

    __tablename__ = "areas_counted"

    area: Mapped[str] = mapped_column(primary_key=True)
    counted_at: Mapped[datetime]

    __table_args__ = (Index("areas_counted_prefix", "area", postgresql_ops={"area": "text_pattern_ops"}),)


class DirtyArea(Base):
    """A mark: something in this kelurahan changed. Only ever inserted, so that writers never wait for each other."""

    __tablename__ = "dirty_areas"

    seq: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    area: Mapped[str]
    marked_at: Mapped[datetime] = mapped_column(server_default=func.now())

    __table_args__ = (Index("dirty_areas_area", "area", postgresql_ops={"area": "text_pattern_ops"}),)


class Export(Base):
    """An encrypted workbook of an area's people that somebody asked for. The password is never kept.

    `lock`: what the workbook says of its password (office_crypto.py). `sealed_key`: the key of its content, sealed
    under `export:<id>`, and forgotten when the workbook is written.
    """

    __tablename__ = "exports"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    area: Mapped[str]
    purpose: Mapped[str]
    requested_by: Mapped[str]
    role: Mapped[str]
    agency: Mapped[str]
    state: Mapped[str] = mapped_column(default="queued")
    lock: Mapped[dict[str, Any]]
    sealed_key: Mapped[bytes | None] = mapped_column(LargeBinary)
    tries: Mapped[int] = mapped_column(default=0)
    people: Mapped[int | None]
    bytes: Mapped[int | None] = mapped_column(BigInteger)
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    ready_at: Mapped[datetime | None]
    expires_at: Mapped[datetime | None]

    __table_args__ = (
        Index("exports_waiting", "id", postgresql_where=text("state IN ('queued', 'running')")),
        Index("exports_area", "area", "id", postgresql_ops={"area": "text_pattern_ops"}),
    )


class ExportPart(Base):
    """A piece of the finished, encrypted workbook; gone when the export has expired."""

    __tablename__ = "export_parts"

    export_id: Mapped[UUID] = mapped_column(ForeignKey("exports.id"), primary_key=True)
    part: Mapped[int] = mapped_column(primary_key=True)
    content: Mapped[bytes] = mapped_column(LargeBinary)


class ExportPage(Base):
    """Who was in an export, up to 1,000 persons a page; kept as long as the audit is."""

    __tablename__ = "export_pages"

    export_id: Mapped[UUID] = mapped_column(ForeignKey("exports.id"), primary_key=True)
    page: Mapped[int] = mapped_column(primary_key=True)
    persons: Mapped[list[UUID]] = mapped_column(ARRAY(Uuid()))
