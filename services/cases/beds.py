"""Beds: taken by one conditional write, given back, and counted in the same transaction. The rules lie elsewhere."""

from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from sqlalchemy import or_, select, text

from services.cases.placement_models import Bed, BedCount, Facility, Placement
from sinergi.db import Tx, new_id
from sinergi.events import FacilityOverCapacity, FacilityWithinCapacity

BedState = Literal["free", "held", "occupied", "on_leave", "out_of_service"]

#: in SQL: facility `f` takes in the person of placement `p`. An area counts with its regency and its province.
TAKES_IN = """f.open AND f.kind = p.kind AND p.sex = ANY (f.sexes)
    AND date_part('year', now()) - p.birth_year BETWEEN f.age_from AND f.age_to
    AND (f.categories = '{}' OR p.category = ANY (f.categories))
    AND f.serves && ARRAY['*', left(p.area, 2), left(p.area, 5)]"""
#: in SQL: bed `b` suits that person
SUITS = "b.kind = p.bed_kind AND b.sex IN (p.sex, 'any')"

#: One conditional write. Whoever comes second waits for the first one's commit, finds the bed no longer free, and gets
#: the next one. Near beds come first, and those that somebody of the other sex could not have.
_TAKE = text(
    f"""UPDATE beds SET state = :state, placement_id = :placement, held_until = :until
        WHERE state = 'free' AND id = (
          SELECT b.id FROM beds b JOIN facilities f ON f.id = b.facility_id JOIN placements p ON p.id = :placement
          WHERE b.state = 'free' AND {SUITS} AND {TAKES_IN} AND b.id IS DISTINCT FROM CAST(:not_bed AS uuid)
            AND f.id = coalesce(CAST(:facility AS uuid), f.id) AND b.id = coalesce(CAST(:bed AS uuid), b.id)
          ORDER BY left(f.area, 5) <> left(p.area, 5), b.sex = 'any', f.code, b.label
          LIMIT 1 FOR UPDATE OF b)
        RETURNING *"""
)
_LESS = text("UPDATE bed_counts SET beds = beds - 1 WHERE facility_id = :facility AND sex = :sex AND state = :state")
_MORE = text(
    """INSERT INTO bed_counts AS c (facility_id, sex, state, beds) VALUES (:facility, :sex, :state, 1)
       ON CONFLICT (facility_id, sex, state) DO UPDATE SET beds = c.beds + 1"""
)
EXTRA = "extra"


async def take(
    placement: Placement,
    state: Literal["held", "occupied"],
    tx: Tx,
    *,
    until: datetime | None = None,
    facility: UUID | None = None,
    bed: UUID | None = None,
    not_bed: UUID | None = None,
) -> Bed | None:
    """A free bed that suits the person, now taken: any, or in this facility, or this one. None when there is none."""
    await tx.session.flush()
    where = {"facility": facility, "bed": bed, "not_bed": not_bed}
    values = where | {"state": state, "placement": placement.id, "until": until}
    found = select(Bed).from_statement(_TAKE).execution_options(populate_existing=True)
    taken = (await tx.session.scalars(found, values)).one_or_none()
    if taken is not None:
        await _count(taken, "free", state, tx)
    return taken


async def bed_of(placement: Placement, tx: Tx) -> Bed:
    """The bed that is held for the person, or where he or she lies."""
    found = select(Bed).where(Bed.placement_id == placement.id).with_for_update()
    return (await tx.session.scalars(found.execution_options(populate_existing=True))).one()


async def change(bed: Bed, state: BedState, tx: Tx, reason: str = "") -> None:
    """The bed's new state; in use it keeps its person."""
    before, bed.state, bed.reason = bed.state, state, reason
    bed.held_until = None
    if state in ("free", "out_of_service"):
        bed.placement_id = None
    await _count(bed, before, state, tx)
    await tx.session.flush()


async def give_back(bed: Bed, tx: Tx) -> bool:
    """Nobody has it any more; True when it is free now. An extra place is gone: one less over capacity."""
    if not bed.extra:
        await change(bed, "free", tx)
        return True
    await tx.session.delete(bed)
    await _count(bed, bed.state, None, tx)
    await _count(bed, EXTRA, None, tx)
    if await extras(bed.facility_id, tx) == 0:
        facility = await tx.lock(Facility, bed.facility_id)
        tx.emit(FacilityWithinCapacity(**facility_told(facility)), of=facility)
    return False


async def add_bed(facility: Facility, label: str, sex: str, kind: str, tx: Tx) -> Bed:
    """A new bed, free."""
    bed = _bed(facility.id, label, sex, kind, state="free", extra=False)
    tx.add(bed)
    await tx.session.flush()
    await _count(bed, None, "free", tx)
    return bed


async def add_place(facility: Facility, placement: Placement, tx: Tx) -> Bed:
    """An extra place beyond the facility's beds, taken by the person; tells when it is the first."""
    label = f"+{placement.id.hex[-8:]}"
    bed = _bed(facility.id, label, placement.sex, placement.bed_kind, state="occupied", extra=True)
    bed.placement_id = placement.id
    tx.add(bed)
    await tx.session.flush()
    await _count(bed, None, "occupied", tx)
    await _count(bed, None, EXTRA, tx)
    if (now := await extras(facility.id, tx)) == 1:
        tx.emit(FacilityOverCapacity(**facility_told(facility), extra=now), of=facility)
    return bed


async def on_extra_place(bed: Bed, tx: Tx) -> Bed | None:
    """Whoever lies on an extra place of this bed's facility, and could have the bed: the first one to get it."""
    suits = (Bed.kind == bed.kind, or_(bed.sex == "any", Bed.sex == bed.sex))  # type: ignore[arg-type]
    lying = (Bed.facility_id == bed.facility_id, Bed.extra, Bed.state == "occupied")
    found = select(Bed).where(*lying, *suits).order_by(Bed.id).limit(1)
    return (await tx.session.scalars(found.execution_options(populate_existing=True))).one_or_none()


async def extras(facility: UUID, tx: Tx) -> int:
    """How many extra places a facility has now."""
    counted = select(BedCount.beds).where(BedCount.facility_id == facility, BedCount.state == EXTRA)
    return sum((await tx.session.scalars(counted)).all())


def facility_told(facility: Facility) -> dict[str, Any]:
    """What every fact about the facility tells."""
    return {"facility_id": str(facility.id), "agency": facility.agency, "area": facility.area}


def _bed(facility: UUID, label: str, sex: str, kind: str, *, state: str, extra: bool) -> Bed:
    row = {"label": label, "sex": sex, "kind": kind, "state": state, "extra": extra, "reason": ""}
    return Bed(id=new_id(), facility_id=facility, **row)


async def _count(bed: Bed, before: str | None, after: str | None, tx: Tx) -> None:
    of_bed = {"facility": bed.facility_id, "sex": bed.sex}
    if before:
        await tx.session.execute(_LESS, of_bed | {"state": before})
    if after:
        await tx.session.execute(_MORE, of_bed | {"state": after})
