"""What the commands and questions of the directory carry, beside agencies and services (requests.py)."""

from datetime import date, time
from typing import Literal, Self
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from services.referrals.codes import AgencyCode, Area, Desk, Line, ServiceCode
from services.referrals.requests import Need, Page
from services.referrals.workbook_layout import CHANNELS
from sinergi.events import ClientKind

Receives = Literal["nats", "webhook", "console", "link"]
Day = Literal["MO", "TU", "WE", "TH", "FR", "SA", "SU"]
PlacesPer = Literal["month", "at-once"]


class _Request(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Channel(_Request):
    """How to reach a desk: an office's, never a person's. `public`: it may stand in the open directory (HSDS)."""

    kind: Literal["phone", "whatsapp", "email", "website", "address"]
    value: Line
    public: bool = False


class Opening(_Request):
    """When the desk is open on a day of the week, in its own zone's time."""

    day: Day
    opens: time
    closes: time

    @model_validator(mode="after")
    def _is_a_span(self) -> Self:
        if self.opens >= self.closes:
            raise ValueError("it closes after it opens")
        return self


class PutDesk(_Request):
    """Describe a desk, `<agency>/<desk>`: where it is, how it is reached, and by which way it takes referrals."""

    code: Desk
    name: Line
    receives: Receives = "console"
    area: Area | None = None
    channels: list[Channel] = Field(default=[], max_length=20)
    opening: list[Opening] = Field(default=[], max_length=21)

    @model_validator(mode="after")
    def _names_its_agency(self) -> Self:
        if "/" not in self.code:
            raise ValueError("a desk's code is <agency>/<desk>")
        return self

    @field_validator("channels")
    @classmethod
    def _are_in_order(cls, channels: list[Channel]) -> list[Channel]:
        """By kind, as the workbook has them: the same channels are the same entry, in whatever order they are told."""
        return sorted(channels, key=lambda one: CHANNELS.index(one.kind))

    @property
    def agency(self) -> str:
        """Whose desk it is."""
        return self.code.split("/")[0]


class SetCapacity(_Request):
    """How many it takes: so many a month, or at once; no `places`: no limit. Without a version the last word counts,
    which suits a system that tells its free beds every hour."""

    code: ServiceCode
    places: int | None = Field(default=None, ge=0, le=100_000)
    places_per: PlacesPer | None = None
    expected_version: int | None = Field(default=None, ge=1)

    @model_validator(mode="after")
    def _is_whole(self) -> Self:
        if (self.places is None) != (self.places_per is None):
            raise ValueError("places and places_per belong together")
        return self


class CloseService(_Request):
    """Take nobody until a day, that day included."""

    code: ServiceCode
    until: date
    reason: Line
    expected_version: int | None = Field(default=None, ge=1)


class OpenService(_Request):
    """Take people again."""

    code: ServiceCode
    expected_version: int | None = Field(default=None, ge=1)


class ListAgencies(Page):
    """All agencies."""


class ListDesks(Page):
    """The desks of an agency, or all."""

    agency: AgencyCode | None = None


class ListServices(Page):
    """The services of an agency, or all."""

    agency: AgencyCode | None = None


class FindServices(_Request):
    """Who can help with this need here? `client_id`: judge this client's eligibility, by asking the registry."""

    need: Need
    client_kind: ClientKind = "person"
    client_id: UUID | None = None
    area: Area
    limit: int = Field(default=20, ge=1, le=100)
    page: int = Field(default=1, ge=1, le=100)


class FindGaps(Page):
    """The gaps in the map of an area's parts: of a province its kota, of a kota or kabupaten its kecamatan."""

    area: Area | None = None
    state: Literal["nobody", "partly", "full"] | None = None
