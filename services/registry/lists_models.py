"""The tables about lists beside `imports`: where lists come from, and the rows that were not good."""

from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, LargeBinary
from sqlalchemy.orm import Mapped, mapped_column

from services.registry.models import Base


class Source(Base):
    """Where records come from. The lower the `rank`, the more a source is trusted (0-1000; golden.py uses it).

    `handed_in`: lists of it may be imported; the others are our own. `list_date`: when its lists were drawn unless the
    hand-in says otherwise. `mapping` (field of ours -> column) is how the last list with an unknown header was read.
    """

    __tablename__ = "sources"

    code: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str]
    rank: Mapped[int]
    handed_in: Mapped[bool]
    list_date: Mapped[date | None]
    mapping: Mapped[dict[str, Any] | None]
    mapping_by: Mapped[str | None]
    mapping_at: Mapped[datetime | None]

    __table_args__ = (CheckConstraint("rank BETWEEN 0 AND 1000", name="sources_rank"),)


class BadRow(Base):
    """A row that was not good, as it came: JSON of its cells under the name `<import>:<row>`, sealed (seal.py).

    Row 0 holds the header.
    """

    __tablename__ = "import_bad_rows"

    import_id: Mapped[UUID] = mapped_column(ForeignKey("imports.id"), primary_key=True)
    row: Mapped[int] = mapped_column(primary_key=True)
    sealed: Mapped[bytes] = mapped_column(LargeBinary)
