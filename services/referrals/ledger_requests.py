"""What may be asked of the disclosure ledger. Days are whole days of the capital's zone, both included."""

from datetime import date, timedelta
from typing import Self
from uuid import UUID

from pydantic import BaseModel, ConfigDict, model_validator

from services.referrals.codes import AgencyCode, Line
from services.referrals.requests import Page

#: the longest period of one export (ours: a year, leap days included)
LONGEST = timedelta(days=366)


class LedgerFilter(BaseModel):
    """Which lines: of a client, a referral, an agency that was shown something, somebody who read, a period."""

    model_config = ConfigDict(extra="forbid")

    client_id: UUID | None = None
    referral_id: UUID | None = None
    agency: AgencyCode | None = None
    actor: Line | None = None
    from_on: date | None = None
    until_on: date | None = None


class ListDisclosures(Page, LedgerFilter):
    """A page of the ledger."""


class ExportDisclosures(LedgerFilter):
    """The ledger of a period, of at most a year."""

    from_on: date
    until_on: date

    @model_validator(mode="after")
    def _is_a_period(self) -> Self:
        if not timedelta() <= self.until_on - self.from_on < LONGEST:
            raise ValueError("a period begins before it ends, and is at most a year")
        return self


class ListOfClient(BaseModel):
    """All that was shown of one client, for the client."""

    model_config = ConfigDict(extra="forbid")

    client_id: UUID
