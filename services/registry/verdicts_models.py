"""The tables of matching by people: pairs that wait for a human, what humans said, and records that they took away."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, ForeignKeyConstraint, Index, UniqueConstraint, func, text
from sqlalchemy.dialects.postgresql import JSONB, REAL
from sqlalchemy.orm import Mapped, mapped_column

from services.registry.models import Base


class Review(Base):
    """A pair of persons about whom the evidence does not decide. `open` until it is judged; a pair is queued once.

    `area` is the smallest area that holds both (`reviews.common_area`), so that whoever sees the pair may judge it.
    `levels` are the comparison's (linkage/model.py), `reason` says which rule sent the pair here.
    """

    __tablename__ = "reviews"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    low_id: Mapped[UUID] = mapped_column(ForeignKey("persons.id"))
    high_id: Mapped[UUID] = mapped_column(ForeignKey("persons.id"))
    bits: Mapped[float | None] = mapped_column(REAL)
    levels: Mapped[list[int | None] | None] = mapped_column(JSONB)
    reason: Mapped[str]
    area: Mapped[str]
    import_id: Mapped[UUID | None] = mapped_column(ForeignKey("imports.id"))
    state: Mapped[str] = mapped_column(default="open", server_default="open")
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())

    __table_args__ = (
        CheckConstraint("low_id < high_id", name="reviews_of_two"),
        CheckConstraint("state IN ('open', 'decided')", name="reviews_state"),
        UniqueConstraint("low_id", "high_id", name="reviews_pair"),
        Index("reviews_high", "high_id"),
        Index("reviews_open", text("abs(bits)"), "id", postgresql_where=text("state = 'open'")),
        Index(
            "reviews_area",
            "area",
            "reason",
            postgresql_where=text("state = 'open'"),
            postgresql_ops={"area": "text_pattern_ops"},
        ),
    )


class Verdict(Base):
    """What a human said about two persons; it counts until it is withdrawn, and outlives every list."""

    __tablename__ = "verdicts"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    low_id: Mapped[UUID] = mapped_column(ForeignKey("persons.id"))
    high_id: Mapped[UUID] = mapped_column(ForeignKey("persons.id"))
    verdict: Mapped[str]
    reason: Mapped[str]
    decided_by: Mapped[str]
    decided_at: Mapped[datetime] = mapped_column(server_default=func.now())
    withdrawn_by: Mapped[str | None]
    withdrawn_at: Mapped[datetime | None]
    withdrawn_reason: Mapped[str | None]

    __table_args__ = (
        CheckConstraint("low_id < high_id", name="verdicts_of_two"),
        CheckConstraint("verdict IN ('same', 'different')", name="verdicts_verdict"),
        Index("verdicts_pair", "low_id", "high_id", unique=True, postgresql_where=text("withdrawn_at IS NULL")),
        Index("verdicts_high", "high_id", postgresql_where=text("withdrawn_at IS NULL")),
    )


class RecordMove(Base):
    """A human took this record away from the person to whom it was attached: it speaks of `person_id` since.

    The record itself keeps its first person. The view `attachments(record_id, person_id)` says of whom each record
    speaks now.
    """

    __tablename__ = "record_moves"

    record_id: Mapped[UUID] = mapped_column(ForeignKey("records.id"), primary_key=True)
    person_id: Mapped[UUID] = mapped_column(ForeignKey("persons.id"))
    reason: Mapped[str]
    moved_by: Mapped[str]
    moved_at: Mapped[datetime] = mapped_column(server_default=func.now())

    __table_args__ = (Index("record_moves_person", "person_id"),)


class MergedPlace(Base):
    """A place in a group that a survivor holds for a merged person, `origin_id`, who gets it back when set free."""

    __tablename__ = "merged_places"

    group_id: Mapped[UUID] = mapped_column(primary_key=True)
    person_id: Mapped[UUID] = mapped_column(primary_key=True)
    origin_id: Mapped[UUID] = mapped_column(ForeignKey("persons.id"))

    __table_args__ = (
        ForeignKeyConstraint(
            ["group_id", "person_id"],
            ["group_members.group_id", "group_members.person_id"],
            name="merged_places_member",
            onupdate="CASCADE",
            ondelete="CASCADE",
        ),
    )
