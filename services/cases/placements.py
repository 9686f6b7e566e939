"""A placement, as the social worker asks for it: outside with a family or in the community first, else a bed inside.

The worker requests, answers offers, places outside; a supervisor changes the order of the list. What the facility does
with who lives there stands in residence.py.
"""

from datetime import UTC, datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field
from pydantic.json_schema import SkipJsonSchema
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.sql.dml import ReturningInsert

from services.cases.casefile import own_case, record, supervised_case
from services.cases.models import Case
from services.cases.placement_models import NOT_OVER, Placement
from services.cases.placement_rules import RULES
from services.cases.placement_states import HELD, PlacementState, next_placement_state
from services.cases.plans import Code, Words
from services.cases.waiting import (
    OFFER,
    end_offer,
    in_turn,
    leave_list,
    queue,
    rank_of,
    release,
    remind,
    seek,
    settle,
    take_turn,
    tell,
    today,
)
from sinergi.auth import Actor, permit
from sinergi.clock import set_alarm
from sinergi.db import Tx, new_id
from sinergi.events import (
    PlacementAccepted,
    PlacementCancelled,
    PlacementEnded,
    PlacementPlaced,
    PlacementPrioritised,
    PlacementRequested,
)
from sinergi.problems import Refused

FROM_THE_PATH = UUID(int=0)

Sex = Literal["m", "f"]
BedKind = Literal["regular", "isolation", "accessible", "infant"]
Level = Literal["life", "high", "medium", "low"]
#: ours: no standard lists the reasons why nothing outside a facility fits
WhyInside = Literal[
    "no-family", "family-unsafe", "family-refused", "no-foster-family", "care-needs", "court-order", "emergency"
]
#: PostgreSQL's integers, and people who live
BirthYear = Annotated[int, Field(ge=1880, le=2200)]


class RequestPlacement(BaseModel):
    """Ask for a placement of a person of the case: `person_id` unset is the case's client, if that is one person.

    Outside a facility is the first choice: `why_inside` says why nothing outside fits, and is needed inside alone.
    """

    model_config = ConfigDict(extra="forbid")
    case_id: SkipJsonSchema[UUID] = FROM_THE_PATH
    person_id: UUID | None = None
    step_id: UUID | None = None
    inside: bool
    kind: Code
    why_inside: WhyInside | None = None
    sex: Sex
    birth_year: BirthYear
    category: Code
    bed_kind: BedKind = "regular"


class OnPlacement(BaseModel):
    """A command on a placement as the actor last saw it. The door puts the id of its path in."""

    model_config = ConfigDict(extra="forbid")
    placement_id: SkipJsonSchema[UUID] = FROM_THE_PATH
    expected_version: int = Field(ge=0)


class AcceptOffer(OnPlacement):
    """Take the bed that is held; the person must arrive before the hold ends."""


class RefuseOffer(OnPlacement):
    """Do not take this bed; the person stays on the list."""

    reason: Literal["unsuitable", "too-far", "client-refused", "other"]


class SeekBed(OnPlacement):
    """Look for a free bed again, also for the one that was refused or lapsed."""


class CancelPlacement(OnPlacement):
    """It is not needed any more; nobody has moved yet."""

    reason: Literal["placed-elsewhere", "client-refused", "need-met", "moved", "died", "other"]


class PrioritisePlacement(OnPlacement):
    """Give the person another place on the list (`level` None: by the risk again), saying why."""

    level: Level | None
    reason: Words


class PlaceOutside(OnPlacement):
    """The person lives there now."""


class EndPlacement(OnPlacement):
    """The placement outside is over."""

    reason: Literal["independent", "back-with-family", "broke-down", "moved", "died", "into-facility", "other"]


class PlacementAnswer(BaseModel):
    """The placement after a command."""

    id: UUID
    version: int
    state: str
    warning: str | None


@permit("placement.request")
async def request_placement(cmd: RequestPlacement, actor: Actor, tx: Tx) -> PlacementAnswer:
    """Ask for a placement. Inside: a free bed is held at once, else the person goes on the waiting list.

    `Refused` (reason-inside-missing, unknown-placement-kind, person-missing, placement-already-open, case-closed).
    Another level of government's placement (PP 2/2018, placement.json) is made with a `warning`.
    """
    _check(cmd)
    if cmd.inside:
        await take_turn(cmd.kind, tx)
    case = await _open_case(cmd.case_id, actor, tx)
    placement = (await tx.session.scalars(_insert(cmd, case, actor))).one_or_none()
    if placement is None:
        raise Refused("placement-already-open", "This person has an open placement: follow that one.", "conflict")
    tell(PlacementRequested, placement, case, tx, warning=placement.warning)
    record(case, "placement_requested", actor, tx, placement.warning or "")
    if cmd.inside and not await seek(placement, case, actor, tx):
        await queue(placement, "no-free-bed", case, actor, tx)
    return answer(placement)


@permit("placement.answer")
async def accept_offer(cmd: AcceptOffer, actor: Actor, tx: Tx) -> PlacementAnswer:
    """The bed is held for the arrival, as long again as it was held for the answer."""
    placement, case = await _own("accept", cmd, actor, tx)
    await settle(placement, actor, tx)
    placement.held_until = datetime.now(UTC) + RULES.hold
    await set_alarm(tx, OFFER, placement.id, placement.held_until)
    tell(PlacementAccepted, placement, case, tx, held_until=placement.held_until)
    record(case, "placement_accepted", actor, tx)
    return answer(placement)


@permit("placement.answer")
async def refuse_offer(cmd: RefuseOffer, actor: Actor, tx: Tx) -> PlacementAnswer:
    """The bed goes to the next; the person keeps the old place on the list, or gets another bed that is free."""
    placement, case = await _own("refuse", cmd, actor, tx, stays=True)
    await end_offer(placement, actor, tx)
    await queue(placement, f"offer-refused-{cmd.reason}", case, actor, tx)
    await release(placement, actor, tx, passed=True)
    await seek(placement, case, actor, tx)
    return answer(placement)


@permit("placement.answer")
async def seek_bed(cmd: SeekBed, actor: Actor, tx: Tx) -> PlacementAnswer:
    """Hold a free bed, any that suits. `Refused` (no-free-bed) when there is none."""
    placement, case = await _own("seek", cmd, actor, tx)
    placement.passed_bed_id = None
    await settle(placement, actor, tx)
    if not await seek(placement, case, actor, tx):
        raise Refused("no-free-bed", "No bed that suits is free: the person stays on the list.", "conflict")
    return answer(placement)


@permit("placement.cancel")
async def cancel_placement(cmd: CancelPlacement, actor: Actor, tx: Tx) -> PlacementAnswer:
    """A bed that was held goes to the next."""
    placement, case = await _own("cancel", cmd, actor, tx, stays=True, closed_too=True)
    await call_off(placement, cmd.reason, case, actor, tx)
    return answer(placement)


async def call_off(placement: Placement, reason: str, case: Case, actor: Actor, tx: Tx) -> None:
    """End a placement for which nobody has moved yet."""
    before, placement.state = placement.state, next_placement_state("cancel", placement.state)
    _end(placement, reason)
    await end_offer(placement, actor, tx)
    if before == PlacementState.WAITING:
        await leave_list(placement, tx)
    tell(PlacementCancelled, placement, case, tx, reason=reason)
    record(case, "placement_cancelled", actor, tx, reason)
    if before in HELD:
        await release(placement, actor, tx)


@permit("placement.prioritise")
async def prioritise_placement(cmd: PrioritisePlacement, actor: Actor, tx: Tx) -> PlacementAnswer:
    """A supervisor's word moves the person on the list; who, when and why stand in the case's history."""
    found = await tx.get(Placement, cmd.placement_id)
    await take_turn(found.kind, tx)
    case = await supervised_case(found.case_id, None, actor, tx)
    placement = await tx.lock(Placement, cmd.placement_id, cmd.expected_version)
    placement.state = next_placement_state("prioritise", placement.state)
    placement.priority = cmd.level
    placement.rank = rank_of(cmd.level, placement.risk)
    tell(PlacementPrioritised, placement, case, tx, level=cmd.level)
    record(case, "placement_prioritised", actor, tx, cmd.reason)
    return answer(placement)


@permit("placement.place")
async def place_outside(cmd: PlaceOutside, actor: Actor, tx: Tx) -> PlacementAnswer:
    """A real placement, with a family or in the community, with follow-ups of its own (placement.json)."""
    placement, case = await _own("place", cmd, actor, tx)
    placement.admitted_at = datetime.now(UTC)
    due = RULES.follow_ups(placement.kind, today(case))
    for day in due:
        await remind(placement, "placement-follow-up", case, tx, on=day)
    tell(PlacementPlaced, placement, case, tx, follow_up_due=due)
    record(case, "placement_placed", actor, tx, placement.kind)
    return answer(placement)


@permit("placement.place")
async def end_placement(cmd: EndPlacement, actor: Actor, tx: Tx) -> PlacementAnswer:
    """The follow-ups that are left are not needed any more."""
    placement, case = await _own("end", cmd, actor, tx, closed_too=True)
    _end(placement, cmd.reason)
    await settle(placement, actor, tx)
    tell(PlacementEnded, placement, case, tx, reason=cmd.reason)
    record(case, "placement_ended", actor, tx, cmd.reason)
    return answer(placement)


def answer(placement: Placement) -> PlacementAnswer:
    """What every command on a placement answers."""
    one = placement
    return PlacementAnswer(id=one.id, version=one.version, state=one.state, warning=one.warning)


def _end(placement: Placement, reason: str) -> None:
    placement.ended_at, placement.end_reason, placement.held_until = datetime.now(UTC), reason, None


def _check(cmd: RequestPlacement) -> None:
    kinds: dict[str, Any] = dict(RULES.inside if cmd.inside else RULES.outside)
    if cmd.kind not in kinds:
        raise Refused("unknown-placement-kind", f"Choose one of: {', '.join(kinds)}.", known=list(kinds))
    if cmd.inside and cmd.why_inside is None:
        raise Refused("reason-inside-missing", "Say why no placement with a family or in the community fits.")


async def _open_case(case_id: UUID, actor: Actor, tx: Tx, closed_too: bool = False) -> Case:
    case = await own_case(case_id, None, actor, tx)
    if case.closed_at and not closed_too:
        raise Refused("case-closed", "The case is closed: nobody is placed from it.", "conflict")
    return case


def _insert(cmd: RequestPlacement, case: Case, actor: Actor) -> ReturningInsert[Any]:
    """Two may ask for one person at once: the index of open placements lets one of them in."""
    if cmd.person_id is None and case.client_kind != "person":
        raise Refused("person-missing", "The client is no single person: say who of them is placed.")
    row = insert(Placement).values(
        **cmd.model_dump(exclude={"person_id", "why_inside"}),
        id=new_id(),
        version=0,
        person_id=cmd.person_id or case.client_id,
        agency=case.agency,
        area=case.area,
        state=PlacementState.REQUESTED,
        warning=RULES.warning(cmd.inside, actor.area, case.area),
        why_inside=cmd.why_inside if cmd.inside else None,
        risk=case.risk,
        rank=rank_of(None, case.risk),
        requested_by=actor.id,
        tasks=[],
    )
    one_open = (Placement.person_id, Placement.inside)
    return row.on_conflict_do_nothing(index_elements=one_open, index_where=NOT_OVER).returning(Placement)


async def _own(
    doing: str, cmd: OnPlacement, actor: Actor, tx: Tx, *, stays: bool = False, closed_too: bool = False
) -> tuple[Placement, Case]:
    """The placement and its case, locked for the case's worker; in its next state, unless it `stays` for now."""
    found = await tx.get(Placement, cmd.placement_id)
    if found.inside:
        await take_turn(found.kind, tx)
    case = await _open_case(found.case_id, actor, tx, closed_too)
    placement = await in_turn(cmd.placement_id, tx, cmd.expected_version)
    after = next_placement_state(doing, placement.state)
    if not stays:
        placement.state = after
    return placement, case
