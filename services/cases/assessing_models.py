"""The table of half-filled assessments. (`Assessment` itself stands with the case's other parts in models.py.)"""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ForeignKey, func
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from services.cases.models import Base


class AssessmentDraft(Base):
    """An instrument half filled in: one for each instrument and case, gone when it is submitted."""

    __tablename__ = "assessment_drafts"

    case_id: Mapped[UUID] = mapped_column(ForeignKey("cases.id"), primary_key=True)
    instrument: Mapped[str] = mapped_column(primary_key=True)
    instrument_version: Mapped[int]
    version: Mapped[int]
    answers: Mapped[dict[str, Any]] = mapped_column(JSONB())
    remarks: Mapped[dict[str, Any]] = mapped_column(JSONB())
    saved_by: Mapped[str]
    saved_at: Mapped[datetime] = mapped_column(server_default=func.now())
