"""The tables of letters: what an office writes on them, the counter of its numbers, and the letters themselves."""

from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from services.referrals.models import Base


class LetterOffice(Base):
    """What an agency's letters look like: `letterhead` (kop surat) line by line, the number's schemes by kind of
    letter, who signs. `office` is its code in numbers; `zone` says which day it is when a letter is made."""

    __tablename__ = "letter_offices"

    agency: Mapped[str] = mapped_column(ForeignKey("agencies.code"), primary_key=True)
    version: Mapped[int] = mapped_column(default=1)
    office: Mapped[str]
    letterhead: Mapped[list[str]]
    place: Mapped[str]
    zone: Mapped[str]
    schemes: Mapped[dict[str, Any]]
    signatory: Mapped[dict[str, Any]]


class LetterCounter(Base):
    """The last number that an office gave in a year (agenda surat keluar): raised by the letter's own transaction."""

    __tablename__ = "letter_counters"

    agency: Mapped[str] = mapped_column(ForeignKey("letter_offices.agency"), primary_key=True)
    year: Mapped[int] = mapped_column(primary_key=True)
    last: Mapped[int]


class Letter(Base):
    """A letter as it was frozen: `content` is all that stands on it but the client, who is asked for at each printing.

    `content_hash` (by `salt`) covers both, so a letter is printed as it was made or not at all. `files`: the SHA-256 of
    every PDF that was made of it. `about`: the answer that it tells, so that one answer has one valid letter.
    """

    __tablename__ = "letters"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    agency: Mapped[str] = mapped_column(ForeignKey("letter_offices.agency"))
    referral_id: Mapped[UUID] = mapped_column(ForeignKey("referrals.id"))
    area: Mapped[str]
    kind: Mapped[str]
    about: Mapped[str]
    year: Mapped[int]
    seq: Mapped[int]
    number: Mapped[str]
    code: Mapped[str]
    issued_on: Mapped[date]
    made_at: Mapped[datetime]
    made_by: Mapped[str]
    fields: Mapped[list[str]]
    content: Mapped[dict[str, Any]]
    salt: Mapped[str]
    content_hash: Mapped[str]
    files: Mapped[list[str]] = mapped_column(default=list, server_default=text("'{}'"))
    replaces: Mapped[UUID | None] = mapped_column(ForeignKey("letters.id"))
    withdrawn_at: Mapped[datetime | None]
    withdrawn_reason: Mapped[str | None]

    __table_args__ = (
        UniqueConstraint("agency", "year", "seq", name="letters_seq"),
        UniqueConstraint("agency", "number", name="letters_number"),
        UniqueConstraint("code", name="letters_code"),
        Index("letters_referral", "referral_id", "id"),
        Index(
            "letters_one_valid",
            *("referral_id", "kind", "about"),
            unique=True,
            postgresql_where=text("withdrawn_at IS NULL"),
        ),
        CheckConstraint("kind IN ('rujukan', 'balasan')", name="letters_kind"),
        CheckConstraint("(withdrawn_at IS NULL) = (withdrawn_reason IS NULL)", name="letters_withdrawn"),
    )
