"""The tables of facilities, their beds, placements and the lists on which people wait for a bed."""

from datetime import date, datetime
from uuid import UUID

from sqlalchemy import ForeignKey, Index, Text, func, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from services.cases.models import Base
from services.cases.placement_states import OVER

#: in SQL: the placement is not over
NOT_OVER = text(f"state NOT IN ({', '.join(repr(str(one)) for one in sorted(OVER))})")


class Facility(Base):
    """A panti or UPT: what it is, where, and whom it takes in. Its beds are rows of their own."""

    __tablename__ = "facilities"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    version: Mapped[int]
    agency: Mapped[str]
    code: Mapped[str] = mapped_column(unique=True)
    name: Mapped[str]
    kind: Mapped[str]
    area: Mapped[str]
    #: provinces and regencies whose people it takes in; `*` is everywhere
    serves: Mapped[list[str]] = mapped_column(ARRAY(Text))
    sexes: Mapped[list[str]] = mapped_column(ARRAY(Text))
    age_from: Mapped[int]
    age_to: Mapped[int]
    #: PPKS categories; none means all
    categories: Mapped[list[str]] = mapped_column(ARRAY(Text))
    #: a closed one offers no bed any more
    open: Mapped[bool]

    __table_args__ = (
        # serve the board: all, by kind, by area
        Index("facilities_kind", "kind", "code"),
        Index("facilities_area", "area", "code", postgresql_ops={"area": "text_pattern_ops"}),
    )


class Bed(Base):
    """A bed. `state`: free, held, occupied, on_leave or out_of_service. `extra`: a place beyond the facility's beds,
    which is gone when the person leaves it. `reason` says why it is out of service."""

    __tablename__ = "beds"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    facility_id: Mapped[UUID] = mapped_column(ForeignKey("facilities.id"))
    label: Mapped[str]
    sex: Mapped[str]
    kind: Mapped[str]
    state: Mapped[str]
    extra: Mapped[bool]
    placement_id: Mapped[UUID | None] = mapped_column(ForeignKey("placements.id"))
    held_until: Mapped[datetime | None]
    reason: Mapped[str]

    __table_args__ = (
        Index("beds_label", "facility_id", "label", unique=True),
        # nobody lies in two beds
        Index("beds_placement", "placement_id", unique=True, postgresql_where=text("placement_id IS NOT NULL")),
        # serves the search for a free bed
        Index("beds_free", "facility_id", "kind", postgresql_where=text("state = 'free'")),
    )


class BedCount(Base):
    """How many beds of a facility are in a state; kept by the transactions that change beds. State `extra` counts the
    extra places, each of them in its own state too."""

    __tablename__ = "bed_counts"

    facility_id: Mapped[UUID] = mapped_column(ForeignKey("facilities.id"), primary_key=True)
    sex: Mapped[str] = mapped_column(primary_key=True)
    state: Mapped[str] = mapped_column(primary_key=True)
    beds: Mapped[int]


class Placement(Base):
    """A person of a case who needs, has or had a place to live: in a facility, or outside of any."""

    __tablename__ = "placements"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    version: Mapped[int]
    case_id: Mapped[UUID] = mapped_column(ForeignKey("cases.id"), index=True)
    #: the step of a plan that asked for it
    step_id: Mapped[UUID | None]
    person_id: Mapped[UUID]
    agency: Mapped[str]
    area: Mapped[str]
    inside: Mapped[bool]
    #: a kind of facility, or a kind of placement outside
    kind: Mapped[str]
    state: Mapped[str]
    warning: Mapped[str | None]
    #: inside: why nothing outside fits
    why_inside: Mapped[str | None]
    sex: Mapped[str]
    birth_year: Mapped[int]
    category: Mapped[str]
    bed_kind: Mapped[str]
    risk: Mapped[str | None]
    #: a supervisor's word about the place on the list, in the place of the risk
    priority: Mapped[str | None]
    rank: Mapped[int]
    requested_by: Mapped[str]
    requested_at: Mapped[datetime] = mapped_column(server_default=func.now())
    facility_id: Mapped[UUID | None] = mapped_column(ForeignKey("facilities.id"))
    #: the bed of the last offer that was refused or lapsed: it is not offered again by itself
    passed_bed_id: Mapped[UUID | None]
    held_until: Mapped[datetime | None]
    admitted_at: Mapped[datetime | None]
    leave_kind: Mapped[str | None]
    leave_until: Mapped[date | None]
    review_on: Mapped[date | None]
    ended_at: Mapped[datetime | None]
    end_reason: Mapped[str | None]
    destination: Mapped[str | None]
    #: tasks that are done when the placement moves on
    tasks: Mapped[list[str]]

    __table_args__ = (
        # a person has one open placement inside, and one outside
        Index("placements_open", "person_id", "inside", unique=True, postgresql_where=NOT_OVER),
        # serves the next one for a bed, and the list
        Index(
            "placements_waiting",
            *("kind", "bed_kind", "rank", "requested_at", "id"),
            postgresql_where=text("state = 'waiting'"),
        ),
        # serves the cards of a facility
        Index("placements_facility", "facility_id", postgresql_where=NOT_OVER),
    )


class WaitingCount(Base):
    """How many wait for a kind of facility and bed, by sex and regency; kept by the transactions that move the list."""

    __tablename__ = "waiting_counts"

    kind: Mapped[str] = mapped_column(primary_key=True)
    bed_kind: Mapped[str] = mapped_column(primary_key=True)
    sex: Mapped[str] = mapped_column(primary_key=True)
    regency: Mapped[str] = mapped_column(primary_key=True)
    people: Mapped[int]
