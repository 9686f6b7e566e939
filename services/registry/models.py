"""The registry's tables. `SCHEMA_V1` of sinergi.db stands beside them."""

from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ForeignKey, Index, Text, UniqueConstraint, func, text
from sqlalchemy.dialects.postgresql import ARRAY, JSONB, TIMESTAMP
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

Moment = TIMESTAMP(timezone=True)


class Base(DeclarativeBase):
    """Every table of this service."""

    type_annotation_map = {str: Text, datetime: Moment, dict[str, Any]: JSONB, list[str]: ARRAY(Text)}  # noqa: RUF012


class Import(Base):
    """One list that was handed in. `cursor_row` is the last row of the file (header = 1) whose effects are in."""

    __tablename__ = "imports"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    version: Mapped[int] = mapped_column(default=0)
    source: Mapped[str]
    filename: Mapped[str]
    sha256: Mapped[str]
    area: Mapped[str]
    uploaded_by: Mapped[str]
    state: Mapped[str] = mapped_column(default="queued")
    encoding: Mapped[str | None]
    cursor_row: Mapped[int] = mapped_column(default=1)
    rows_total: Mapped[int | None]
    rows_read: Mapped[int] = mapped_column(default=0)
    rows_good: Mapped[int] = mapped_column(default=0)
    rows_bad: Mapped[int] = mapped_column(default=0)
    persons_new: Mapped[int] = mapped_column(default=0)
    persons_matched: Mapped[int] = mapped_column(default=0)
    problem: Mapped[dict[str, Any] | None]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    finished_at: Mapped[datetime | None]

    __table_args__ = (
        Index("imports_same_file", "source", "sha256", "area", unique=True, postgresql_where=text("state <> 'failed'")),
        Index("imports_waiting", "id", postgresql_where=text("state IN ('queued', 'running')")),
    )


class RowError(Base):
    """A rule that a row broke, with the value masked."""

    __tablename__ = "import_errors"

    import_id: Mapped[UUID] = mapped_column(ForeignKey("imports.id"), primary_key=True)
    row: Mapped[int] = mapped_column(primary_key=True)
    column_name: Mapped[str] = mapped_column(primary_key=True)
    rule: Mapped[str] = mapped_column(primary_key=True)
    value_masked: Mapped[str]


class Household(Base):
    """A household. The No. KK is an attribute that changes, so it is not the key; its history comes later."""

    __tablename__ = "households"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    version: Mapped[int] = mapped_column(default=0)
    kk: Mapped[str]

    __table_args__ = (UniqueConstraint("kk", name="households_kk"),)


class Person(Base):
    """What we hold to be true about one person. `sources` names, for each field, the record it came from.

    `unmatched`: the record had no NIK, or one that its list had given to an earlier row; a human or the matcher
    decides later whether it is somebody known. Only matched persons own their NIK.
    """

    __tablename__ = "persons"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    version: Mapped[int] = mapped_column(default=0)
    nik: Mapped[str | None]
    name: Mapped[str]
    name_key: Mapped[str]
    birthplace: Mapped[str | None]
    birth_date: Mapped[date | None]
    sex: Mapped[str | None]
    area: Mapped[str]
    address: Mapped[str | None]
    rt: Mapped[str | None]
    rw: Mapped[str | None]
    household_id: Mapped[UUID | None] = mapped_column(ForeignKey("households.id"))
    kk: Mapped[str | None]
    is_head: Mapped[bool]
    desil: Mapped[int | None]
    desil_period: Mapped[str | None]
    unmatched: Mapped[bool]
    sources: Mapped[dict[str, Any]]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())

    __table_args__ = (
        Index("persons_nik", "nik", unique=True, postgresql_where=text("nik IS NOT NULL AND NOT unmatched")),
        Index("persons_unmatched_nik", "nik", postgresql_where=text("nik IS NOT NULL AND unmatched")),
        Index("persons_area", "area", "name_key", postgresql_ops={"area": "text_pattern_ops"}),
        Index("persons_household", "household_id"),
    )


class Record(Base):
    """One good row of a list, as it came (`raw`) and as it was understood; never changed afterwards."""

    __tablename__ = "records"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    import_id: Mapped[UUID] = mapped_column(ForeignKey("imports.id"))
    row: Mapped[int]
    person_id: Mapped[UUID] = mapped_column(ForeignKey("persons.id", deferrable=True, initially="DEFERRED"))
    raw: Mapped[dict[str, Any]]
    kk: Mapped[str | None]
    nik: Mapped[str | None]
    name: Mapped[str]
    name_key: Mapped[str]
    birthplace: Mapped[str | None]
    birth_date: Mapped[date | None]
    sex: Mapped[str | None]
    address: Mapped[str | None]
    rt: Mapped[str | None]
    rw: Mapped[str | None]
    area: Mapped[str]
    relation: Mapped[str | None]
    is_head: Mapped[bool]
    desil: Mapped[int | None]
    desil_period: Mapped[str | None]
    need: Mapped[str | None]
    warnings: Mapped[list[str]]

    __table_args__ = (
        UniqueConstraint("import_id", "row", name="records_row"),
        Index("records_nik", "import_id", "nik", postgresql_where=text("nik IS NOT NULL")),
        Index("records_person", "person_id"),
    )


class Group(Base):
    """A group of people that acts as one client, e.g. a KUBE."""

    __tablename__ = "groups"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    version: Mapped[int] = mapped_column(default=0)
    kind: Mapped[str]
    name: Mapped[str]
    area: Mapped[str]
    state: Mapped[str] = mapped_column(default="formed")
    formed_by: Mapped[str]
    formed_at: Mapped[datetime] = mapped_column(server_default=func.now())


class GroupMember(Base):
    """Who is in a group, and as what. Nobody is in two."""

    __tablename__ = "group_members"

    group_id: Mapped[UUID] = mapped_column(ForeignKey("groups.id"), primary_key=True)
    person_id: Mapped[UUID] = mapped_column(ForeignKey("persons.id"), primary_key=True)
    role: Mapped[str]

    __table_args__ = (UniqueConstraint("person_id", name="group_members_once"),)
