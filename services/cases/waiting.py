"""The waiting list: who gets a bed. Risk first, then the date of the request; a bed that comes free moves the list.

Whatever moves beds or the list of one kind of facility does it in turn (`take_turn`), before it locks anything else:
so nobody begins to wait while a bed comes free beside him, and no two commands lock each other out. That no bed is
given twice does not hang on it: beds are taken by one conditional write (beds.py).
"""

from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import select, text

from services.cases.beds import SUITS, TAKES_IN, bed_of, change, give_back, on_extra_place, take
from services.cases.casefile import record, told
from services.cases.models import Case, Task
from services.cases.placement_models import Bed, Placement
from services.cases.placement_rules import RULES
from services.cases.placement_states import next_placement_state
from services.cases.tasks import add_task, clock, finish, open_tasks
from sinergi.auth import Actor, service_actor
from sinergi.clock import set_alarm, silence
from sinergi.db import Tx
from sinergi.events import (
    PlacementFact,
    PlacementOffered,
    PlacementTransferred,
    PlacementWaiting,
)
from sinergi.workdays import zone_of

OFFER = "placement.offer"
#: a level of risk -> its place; nobody assessed yet comes last
RANKS = {"life": 1, "high": 2, "medium": 3, "low": 4}
UNKNOWN = 5

_TURN = text("SELECT pg_advisory_xact_lock(hashtextextended('waiting list:' || :kind, 0))")
#: the index placements_waiting gives them in this order
_NEXT = text(
    f"""SELECT p.* FROM beds b JOIN facilities f ON f.id = b.facility_id JOIN placements p ON p.kind = f.kind
        WHERE b.id = :bed AND p.state = 'waiting' AND {SUITS} AND {TAKES_IN}
          AND p.passed_bed_id IS DISTINCT FROM b.id
        ORDER BY p.rank, p.requested_at, p.id LIMIT 1"""
)
_MORE = text(
    """INSERT INTO waiting_counts AS c (kind, bed_kind, sex, regency, people)
       VALUES (:kind, :bed_kind, :sex, :regency, 1)
       ON CONFLICT (kind, bed_kind, sex, regency) DO UPDATE SET people = c.people + 1"""
)
_LESS = text(
    """UPDATE waiting_counts SET people = people - 1
       WHERE kind = :kind AND bed_kind = :bed_kind AND sex = :sex AND regency = :regency"""
)
_BEFORE = text(
    """SELECT count(*) AS before, count(*) FILTER (WHERE rank < :rank) AS riskier FROM placements
       WHERE state = 'waiting' AND kind = :kind AND bed_kind = :bed_kind AND sex = :sex
         AND left(area, 2) = left(:area, 2) AND (rank, requested_at, id) < (:rank, :requested_at, :id)"""
)
_ALL = text(
    """SELECT coalesce(sum(people), 0) FROM waiting_counts
       WHERE kind = :kind AND bed_kind = :bed_kind AND sex = :sex AND left(regency, 2) = left(:area, 2)"""
)


async def take_turn(kind: str, tx: Tx) -> None:
    """Wait until nobody else moves beds or the list of this kind of facility; until the transaction ends it is ours."""
    await tx.session.execute(_TURN, {"kind": kind})


def tell(fact: type[PlacementFact], placement: Placement, case: Case, tx: Tx, **more: Any) -> None:
    """Tell a fact about the placement."""
    facility, step = placement.facility_id, placement.step_id
    ids = {"placement_id": str(placement.id), "inside": placement.inside}
    ids |= {"facility_id": str(facility) if facility else None, "step_id": str(step) if step else None}
    tx.emit(fact(**told(case), **ids, **more), of=placement)


def rank_of(priority: str | None, risk: str | None) -> int:
    """The place by the supervisor's word, else by the risk."""
    return RANKS.get(priority or risk or "", UNKNOWN)


# ----------------------------------------------------------------- moving


async def seek(placement: Placement, case: Case, actor: Actor, tx: Tx) -> bool:
    """Hold a free bed for the person if there is one; False when there is none."""
    until = _held_until()
    bed = await take(placement, "held", tx, until=until, not_bed=placement.passed_bed_id)
    if bed is None:
        return False
    await _offer(placement, bed, until, case, actor, tx)
    return True


async def queue(placement: Placement, because: str, case: Case, actor: Actor, tx: Tx) -> None:
    """Put the person on the list."""
    placement.state = next_placement_state("queue", placement.state)
    placement.facility_id = placement.held_until = None
    await tx.session.execute(_MORE, _group(placement))
    tell(PlacementWaiting, placement, case, tx, because=because)
    record(case, "placement_waiting", actor, tx, because)


async def leave_list(placement: Placement, tx: Tx) -> None:
    """The person waits no longer."""
    await tx.session.execute(_LESS, _group(placement))


async def pass_on(bed: Bed, actor: Actor, tx: Tx) -> None:
    """A bed came free: it goes to whoever lies on an extra place there, else to the first on the list whom it suits."""
    await tx.session.flush()
    if (place := await on_extra_place(bed, tx)) is not None:
        await _move_up(place, bed, actor, tx)
        return
    found = select(Placement).from_statement(_NEXT).execution_options(populate_existing=True)
    first = (await tx.session.scalars(found, {"bed": bed.id})).one_or_none()
    if first is None:
        return
    until = _held_until()
    if (held := await take(first, "held", tx, until=until, bed=bed.id)) is not None:
        await _offer(first, held, until, await tx.get(Case, first.case_id), actor, tx)


async def release(placement: Placement, actor: Actor, tx: Tx, *, passed: bool = False) -> None:
    """Give the person's bed to the next one. `passed`: it is not offered to this person again by itself."""
    bed = await bed_of(placement, tx)
    placement.passed_bed_id = bed.id if passed else None
    if await give_back(bed, tx):
        await pass_on(bed, actor, tx)


async def _offer(placement: Placement, bed: Bed, until: datetime, case: Case, actor: Actor, tx: Tx) -> None:
    if placement.state == "waiting":
        await leave_list(placement, tx)
    placement.state = next_placement_state("offer", placement.state)
    placement.facility_id, placement.held_until = bed.facility_id, until
    await set_alarm(tx, OFFER, placement.id, until)
    await remind(placement, "placement-offer", case, tx, on=day_of(until, case))
    tell(PlacementOffered, placement, case, tx, held_until=until)
    record(case, "placement_offered", actor, tx)


async def _move_up(place: Bed, bed: Bed, actor: Actor, tx: Tx) -> None:
    """From the extra place into the bed, in the same facility."""
    placement = await tx.lock(Placement, place.placement_id)
    await give_back(place, tx)
    await tx.session.flush()
    bed.placement_id = placement.id
    await change(bed, "occupied", tx)
    case = await tx.get(Case, placement.case_id)
    tell(PlacementTransferred, placement, case, tx, from_facility_id=str(bed.facility_id))
    record(case, "placement_transferred", actor, tx)


# ------------------------------------------------------------------ clock


@clock.on(OFFER)
async def when_an_offer_lapses_offer_the_bed_to_the_next(placement_id: UUID, tx: Tx) -> None:
    """Nobody took it, or nobody came: the person stays on the list at the old place, the bed goes on."""
    placement = await in_turn(placement_id, tx)
    if placement.state not in ("offered", "accepted"):
        return
    actor, case = service_actor("cases"), await tx.get(Case, placement.case_id)
    await settle(placement, actor, tx)
    await queue(placement, "offer-lapsed", case, actor, tx)
    await remind(placement, "placement-offer-lapsed", case, tx, on=today(case))
    await release(placement, actor, tx, passed=True)


async def in_turn(placement_id: UUID, tx: Tx, expected_version: int | None = None) -> Placement:
    """The placement, locked after the turn of its kind."""
    found = await tx.get(Placement, placement_id)
    if found.inside:
        await take_turn(found.kind, tx)
    return await tx.lock(Placement, placement_id, expected_version)


# ------------------------------------------------------------------ tasks


async def remind(placement: Placement, kind: str, case: Case, tx: Tx, *, on: date) -> None:
    """Give the case's worker a task about the placement, due on that day."""
    task = await add_task(tx, case=case, kind=kind, due_on=on)
    placement.tasks = [*placement.tasks, str(task.id)]


def today(case: Case) -> date:
    """The day that it is where the case is."""
    return day_of(datetime.now(UTC), case)


def day_of(at: datetime, case: Case) -> date:
    """The day of this time where the case is."""
    return at.astimezone(zone_of(case.area)).date()


async def settle(placement: Placement, actor: Actor, tx: Tx, *kinds: str) -> None:
    """What was to be done about the placement (of these kinds, or all) is done, or not needed any more."""
    where = [Task.id.in_([UUID(one) for one in placement.tasks]), *([Task.kind.in_(kinds)] if kinds else [])]
    for task in await open_tasks(tx, *where):
        await finish(task, actor, tx)


async def end_offer(placement: Placement, actor: Actor, tx: Tx) -> None:
    """The offer was answered, or is needed no more: it does not lapse. (Not for the alarm itself, while it rings.)"""
    await settle(placement, actor, tx)
    await silence(tx, placement.id, OFFER)


# --------------------------------------------------------------- position


async def position(placement: Placement, tx: Tx) -> dict[str, Any]:
    """The place on the list of the person's province, and why: "3rd of 12"."""
    of_it = _group(placement) | {"area": placement.area}
    mine = {"rank": placement.rank, "requested_at": placement.requested_at, "id": placement.id}
    ahead = (await tx.session.execute(_BEFORE, of_it | mine)).one()
    everybody = (await tx.session.execute(_ALL, of_it)).scalar_one()
    return {
        "place": ahead.before + 1,
        "of": int(everybody),
        "riskier": ahead.riskier,
        "earlier": ahead.before - ahead.riskier,
        "level": placement.priority or placement.risk,
        "by_supervisor": placement.priority is not None,
        "since": placement.requested_at,
    }


def _group(placement: Placement) -> dict[str, str]:
    one = placement
    return {"kind": one.kind, "bed_kind": one.bed_kind, "sex": one.sex, "regency": one.area[:5]}


def _held_until() -> datetime:
    return datetime.now(UTC) + RULES.hold
