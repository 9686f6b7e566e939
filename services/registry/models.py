"""The registry's tables. `SCHEMA_V1` of sinergi.db stands beside them."""

from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, ForeignKey, Index, LargeBinary, Text, UniqueConstraint, func, text
from sqlalchemy.dialects.postgresql import ARRAY, JSONB, REAL, TIMESTAMP
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from services.registry.seal import SealedNumber

Moment = TIMESTAMP(timezone=True)


class Base(DeclarativeBase):
    """Every table of this service."""

    type_annotation_map = {str: Text, datetime: Moment, dict[str, Any]: JSONB, list[str]: ARRAY(Text)}  # noqa: RUF012


class Import(Base):
    """One list that was handed in. `cursor_row` is the last row of the file (header = 1) whose effects are in.

    A correction is a list of rows of the import that it `corrects`, under their numbers there. `list_date`: when the
    list was drawn. While it is worked on, `stage` (reading, matching, applying) and `share` (0-1) say how far.
    """

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
    persons_changed: Mapped[int] = mapped_column(default=0, server_default="0")
    pairs_for_review: Mapped[int] = mapped_column(default=0, server_default="0")
    problem: Mapped[dict[str, Any] | None]
    kind: Mapped[str] = mapped_column(server_default="list")
    corrects: Mapped[UUID | None] = mapped_column(ForeignKey("imports.id"))
    list_date: Mapped[date] = mapped_column()
    mapping: Mapped[dict[str, Any] | None]
    stage: Mapped[str | None]
    share: Mapped[float | None] = mapped_column(REAL)
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    finished_at: Mapped[datetime | None]

    __table_args__ = (
        Index("imports_same_file", "source", "sha256", "area", unique=True, postgresql_where=text("state <> 'failed'")),
        Index("imports_waiting", "id", postgresql_where=text("state IN ('queued', 'running')")),
        Index("imports_corrects", "corrects", postgresql_where=text("corrects IS NOT NULL")),
    )


class RowError(Base):
    """A rule that a row broke, with the value masked."""

    __tablename__ = "import_errors"

    import_id: Mapped[UUID] = mapped_column(ForeignKey("imports.id"), primary_key=True)
    row: Mapped[int] = mapped_column(primary_key=True)
    column_name: Mapped[str] = mapped_column(primary_key=True)
    rule: Mapped[str] = mapped_column(primary_key=True)
    value_masked: Mapped[str]


class RawPage(Base):
    """Up to 1,000 rows of a list as they came, JSON lines under the name `<import>:<first row>`, sealed (seal.py)."""

    __tablename__ = "raw_pages"

    import_id: Mapped[UUID] = mapped_column(ForeignKey("imports.id"), primary_key=True)
    first_row: Mapped[int] = mapped_column(primary_key=True)
    last_row: Mapped[int]
    sealed: Mapped[bytes] = mapped_column(LargeBinary)


class Household(Base):
    """A household. The No. KK is an attribute that changes, so it is not the key; `household_numbers` has the past."""

    __tablename__ = "households"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    version: Mapped[int] = mapped_column(default=0)
    kk: Mapped[str | None] = mapped_column(SealedNumber("kk"))
    area: Mapped[str | None]

    __table_args__ = (UniqueConstraint("kk", name="households_kk"),)


class Person(Base):
    """What we hold to be true about one person: the golden record.

    Every field comes from the record `record_id`, except those that `sources` names another record for.
    `unmatched`: the record had no NIK, or one that another person owns; only matched persons own their NIK.
    A merged person points to its survivor, and keeps its records, so that a merge can be undone.
    """

    __tablename__ = "persons"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    version: Mapped[int] = mapped_column(default=0)
    state: Mapped[str] = mapped_column(default="active")
    survivor_id: Mapped[UUID | None] = mapped_column(ForeignKey("persons.id"))
    nik: Mapped[str | None] = mapped_column(SealedNumber("nik"))
    name: Mapped[str]
    name_key: Mapped[str]
    alias: Mapped[str | None]
    birthplace: Mapped[str | None]
    birth_date: Mapped[date | None]
    sex: Mapped[str | None]
    area: Mapped[str]
    address: Mapped[str | None]
    rt: Mapped[str | None]
    rw: Mapped[str | None]
    household_id: Mapped[UUID | None]  # of households; no foreign key (migration 0004)
    kk: Mapped[str | None] = mapped_column(SealedNumber("kk"))
    relation: Mapped[str | None]
    is_head: Mapped[bool]
    desil: Mapped[int | None]
    desil_period: Mapped[str | None]
    died_on: Mapped[date | None]
    provisional: Mapped[dict[str, Any] | None]
    unmatched: Mapped[bool]
    record_id: Mapped[UUID | None]
    sources: Mapped[dict[str, Any]] = mapped_column(default=dict)
    keys: Mapped[list[int]] = mapped_column(ARRAY(BigInteger), default=list)
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())

    __table_args__ = (
        Index("persons_nik", "nik", unique=True, postgresql_where=text("nik IS NOT NULL AND NOT unmatched")),
        Index("persons_unmatched_nik", "nik", postgresql_where=text("nik IS NOT NULL AND unmatched")),
        Index("persons_area", "area", "name_key", postgresql_ops={"area": "text_pattern_ops"}),
        Index("persons_household", "household_id"),
        Index("persons_keys", "keys", postgresql_using="gin"),
        Index("persons_survivor", "survivor_id", postgresql_where=text("survivor_id IS NOT NULL")),
    )


class NameWord(Base):
    """A word of somebody's name. `near`: the word, and the word with one letter left out, for each letter."""

    __tablename__ = "name_words"

    word: Mapped[str] = mapped_column(Text(collation="C"), primary_key=True)
    near: Mapped[list[str]]

    __table_args__ = (Index("name_words_near", "near", postgresql_using="gin"),)


class Record(Base):
    """One good row of a list as it was understood (or one entry by hand); never changed, never moved.

    `person_id` says to whom it was attached at first: a merge moves persons, not records. `link` says how: nik,
    household, score (with its `bits` of evidence), new (nobody known was like it), entry (a human said so).
    """

    __tablename__ = "records"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    import_id: Mapped[UUID | None] = mapped_column(ForeignKey("imports.id"))
    row: Mapped[int | None]
    source: Mapped[str]
    observed_on: Mapped[date]
    person_id: Mapped[UUID] = mapped_column(ForeignKey("persons.id", deferrable=True, initially="DEFERRED"))
    link: Mapped[str]
    bits: Mapped[float | None] = mapped_column(REAL)
    kk: Mapped[str | None] = mapped_column(SealedNumber("kk"))
    nik: Mapped[str | None] = mapped_column(SealedNumber("nik"))
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
        Index("records_person", "person_id"),
    )


class SealCheck(Base):
    """One row: tells whether this database was sealed by the key that is in use."""

    __tablename__ = "seal_check"

    value: Mapped[bytes] = mapped_column(LargeBinary, primary_key=True)


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

    __table_args__ = (Index("groups_name", "name", postgresql_using="gin", postgresql_ops={"name": "gin_trgm_ops"}),)


class GroupMember(Base):
    """Who is in a group, and as what. Nobody is in two."""

    __tablename__ = "group_members"

    group_id: Mapped[UUID] = mapped_column(ForeignKey("groups.id"), primary_key=True)
    person_id: Mapped[UUID] = mapped_column(ForeignKey("persons.id"), primary_key=True)
    role: Mapped[str]

    __table_args__ = (UniqueConstraint("person_id", name="group_members_once"),)
