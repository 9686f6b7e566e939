"""What can be read about facilities and placements: the board, a facility, a case's placements, the waiting list."""

from datetime import date
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import BaseModel, StringConstraints
from sqlalchemy import func, select, text

from services.cases.beds import SUITS, TAKES_IN
from services.cases.casefile import readable_case
from services.cases.models import Base
from services.cases.placement_models import Bed, Facility, Placement
from services.cases.placement_rules import RULES
from services.cases.placement_states import possible
from services.cases.placements import Sex
from services.cases.queries import Page, Purpose
from services.cases.waiting import position
from sinergi.auth import Actor, covers, permit
from sinergi.db import Tx
from sinergi.permissions import Role
from sinergi.problems import Refused

#: the last year of life of each band; what an officer sees in the place of a birth date (ours)
AGE_BANDS = ((0, "0"), (5, "1-5"), (12, "6-12"), (17, "13-17"), (59, "18-59"), (69, "60-69"), (79, "70-79"))
OLDEST = "80+"

_SHOWN = """FROM facilities f WHERE (CAST(:kind AS text) IS NULL OR f.kind = :kind)
    AND (CAST(:area AS text) IS NULL OR f.area = :area OR f.area LIKE :below)
    AND (CAST(:sex AS text) IS NULL OR :sex = ANY (f.sexes))"""
TOTAL = text(f"SELECT count(*) {_SHOWN}")
#: counts are kept, never counted here: at most 18 rows of bed_counts a facility, and the kind's rows of waiting_counts
_BOARD_SQL = f"""
    SELECT f.*, c.*, w.waiting FROM (SELECT f.* {_SHOWN} ORDER BY f.code LIMIT :size OFFSET :skip) f
    CROSS JOIN LATERAL (
      SELECT coalesce(sum(beds) FILTER (WHERE state = 'free'), 0)::int AS free,
             coalesce(sum(beds) FILTER (WHERE state = 'held'), 0)::int AS held,
             coalesce(sum(beds) FILTER (WHERE state = 'occupied'), 0)::int AS occupied,
             coalesce(sum(beds) FILTER (WHERE state = 'on_leave'), 0)::int AS on_leave,
             coalesce(sum(beds) FILTER (WHERE state = 'out_of_service'), 0)::int AS out_of_service,
             coalesce(sum(beds) FILTER (WHERE state = 'extra'), 0)::int AS extra
      FROM bed_counts b WHERE b.facility_id = f.id
        AND (CAST(:sex AS text) IS NULL OR b.sex IN (:sex, 'any'))) c
    CROSS JOIN LATERAL (
      SELECT coalesce(sum(people), 0)::int AS waiting FROM waiting_counts w
      WHERE w.kind = f.kind AND w.sex = ANY (f.sexes) AND (CAST(:sex AS text) IS NULL OR w.sex = :sex)
        AND f.serves && ARRAY['*', left(w.regency, 2), w.regency]) w
    ORDER BY f.code"""
BOARD = text(_BOARD_SQL)
_ONE = text(_BOARD_SQL.replace(_SHOWN, "FROM facilities f WHERE f.id = :id"))
#: serves from the index placements_waiting: the line of one kind, in its order
_LINE = f"""FROM facilities f JOIN placements p ON p.kind = f.kind
    WHERE f.id = :facility AND p.state = 'waiting' AND {TAKES_IN}
      AND EXISTS (SELECT 1 FROM beds b WHERE b.facility_id = f.id AND {SUITS})"""
_LINE_ITEMS = text(f"SELECT p.* {_LINE} ORDER BY p.rank, p.requested_at, p.id LIMIT :size OFFSET :skip")
_LINE_TOTAL = text(f"SELECT count(*) {_LINE}")


class ListFacilities(Page):
    """The board: `area` is where a facility stands, a code and all below it."""

    kind: Annotated[str, StringConstraints(pattern=r"^[a-z-]{1,40}$")] | None = None
    area: Annotated[str, StringConstraints(pattern=r"^\d{2}(\.\d{2}){0,2}$")] | None = None
    sex: Sex | None = None


class ReadFacility(Page):
    """A facility, and a page of its beds."""

    facility_id: UUID = UUID(int=0)


class ReadLine(Page):
    """Those who wait for a bed like this facility's."""

    facility_id: UUID = UUID(int=0)


class ReadPlacements(BaseModel):
    """The placements of a case, and why they are read."""

    case_id: UUID
    purpose: Purpose = "casework"


class ReadKinds(BaseModel):
    """What a placement can be."""

    about: Literal["placement"] = "placement"


@permit("facility.read")
async def list_facilities(what: ListFacilities, actor: Actor, tx: Tx) -> dict[str, Any]:
    """The board: beds free, held, occupied, on leave, out of service, beyond the beds; and who waits for such a bed."""
    asked = _asked(what)
    total = (await tx.session.execute(TOTAL, asked)).scalar_one()
    rows = (await tx.session.execute(BOARD, asked | {"size": what.size, "skip": what.skip})).mappings()
    return {"items": [dict(row) for row in rows], "total": total}


@permit("facility.read")
async def read_facility(what: ReadFacility, actor: Actor, tx: Tx) -> dict[str, Any]:
    """A facility and its beds; who lies in them is for its own agency, as a card without name or case."""
    shown = {"id": what.facility_id, "size": 1, "skip": 0, "sex": None}
    facility = (await tx.session.execute(_ONE, shown)).mappings().one_or_none()
    if facility is None:
        raise Refused("not-found", "There is no such facility.", "not-found")
    inside = _is_theirs(actor, facility["agency"], facility["area"])
    of_it = select(Bed).where(Bed.facility_id == what.facility_id)
    beds = (await tx.session.scalars(of_it.order_by(Bed.label).limit(what.size).offset(what.skip))).all()
    cards = await _cards([one.placement_id for one in beds if one.placement_id], tx) if inside else {}
    if inside:
        await tx.audit("facility.read", "placement", list(cards), "facility")
    total = await tx.session.scalar(select(func.count()).select_from(Bed).where(Bed.facility_id == what.facility_id))
    items = [_bed(one, cards.get(one.placement_id), inside) for one in beds]
    return dict(facility) | {"items": items, "total": total, "own": inside}


@permit("waiting.read")
async def read_line(what: ReadLine, actor: Actor, tx: Tx) -> dict[str, Any]:
    """Who waits for a bed like this facility's, in the order of the offers; for its own agency, as cards."""
    facility = await tx.get(Facility, what.facility_id)
    actor.within(agencies=(facility.agency,), area=facility.area)
    of_it = {"facility": facility.id}
    found = select(Placement).from_statement(_LINE_ITEMS)
    rows = (await tx.session.scalars(found, of_it | {"size": what.size, "skip": what.skip})).all()
    total = (await tx.session.execute(_LINE_TOTAL, of_it)).scalar_one()
    await tx.audit("waiting.read", "placement", [one.id for one in rows], "facility")
    return {"items": [card(one) | {"place": what.skip + n} for n, one in enumerate(rows, 1)], "total": total}


@permit("placement.read")
async def read_placements(what: ReadPlacements, actor: Actor, tx: Tx) -> dict[str, Any]:
    """A case's placements, the newest first, with the place on the list of who waits, and what may be done."""
    case = await readable_case(what.case_id, actor, tx)
    await tx.audit("placement.read", "case", [case.id], what.purpose)
    of_case = select(Placement).where(Placement.case_id == case.id).order_by(Placement.id.desc()).limit(100)
    items = [await _told_to_the_worker(one, tx) for one in (await tx.session.scalars(of_case)).all()]
    return {"items": items, "total": len(items), "client_kind": case.client_kind, "closed": case.closed_at is not None}


@permit("facility.read")
async def read_kinds(what: ReadKinds, actor: Actor, tx: Tx) -> dict[str, Any]:
    """The kinds of placements, inside and outside, and how long a bed is held."""
    return {"inside": list(RULES.inside), "outside": list(RULES.outside), "hold_hours": RULES.hold_hours}


def card(placement: Placement) -> dict[str, Any]:
    """What an officer may know of a person: a case's number, sex, age band, what care needs; no name, no birth date."""
    names = ("id", "version", "state", "sex", "category", "bed_kind", "risk", "held_until", "leave_until", "review_on")
    shown = {name: getattr(placement, name) for name in names}
    return shown | {"case_number": placement.case_id.hex[-8:].upper(), "age_band": age_band(placement.birth_year)}


def age_band(birth_year: int) -> str:
    """The band of the age that somebody born that year reaches this year."""
    age = date.today().year - birth_year
    return next((band for last, band in AGE_BANDS if age <= last), OLDEST)


def _asked(what: ListFacilities) -> dict[str, Any]:
    return {"kind": what.kind, "area": what.area, "below": f"{what.area}.%", "sex": what.sex}


def _is_theirs(actor: Actor, agency: str, area: str) -> bool:
    keeps = actor.role in (Role.FACILITY_OFFICER, Role.SUPERVISOR)
    return keeps and actor.agency == agency and covers(actor.area, area)


async def _cards(placements: list[UUID], tx: Tx) -> dict[UUID | None, dict[str, Any]]:
    rows = (await tx.session.scalars(select(Placement).where(Placement.id.in_(placements)))).all()
    return {one.id: card(one) for one in rows}


def _bed(bed: Bed, lying: dict[str, Any] | None, inside: bool) -> dict[str, Any]:
    shown = {name: getattr(bed, name) for name in ("id", "label", "sex", "kind", "state", "extra", "held_until")}
    return shown | ({"reason": bed.reason, "placement": lying} if inside else {})


async def _told_to_the_worker(placement: Placement, tx: Tx) -> dict[str, Any]:
    facility = await tx.session.get(Facility, placement.facility_id) if placement.facility_id else None
    return _columns(placement) | {
        "facility": {"id": facility.id, "code": facility.code, "name": facility.name} if facility else None,
        "position": await position(placement, tx) if placement.state == "waiting" else None,
        "possible": possible(placement.state),
    }


def _columns(row: Base) -> dict[str, Any]:
    return {column.name: getattr(row, column.name) for column in row.__table__.columns}
