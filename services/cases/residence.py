"""Who lives in a facility: admitted into a bed, away on leave, moved to another bed, gone. The facility's officers act.

They see a placement by its number and by what care needs; the case is not theirs to read.
"""

from datetime import UTC, date, datetime
from typing import Literal
from uuid import UUID

from pydantic import Field

from services.cases.beds import add_place, bed_of, change, give_back, take
from services.cases.casefile import record
from services.cases.models import Case
from services.cases.placement_models import Facility, Placement
from services.cases.placement_rules import RULES
from services.cases.placement_states import HELD, PlacementState, next_placement_state
from services.cases.placements import OnPlacement, PlacementAnswer, answer
from services.cases.plans import Words
from services.cases.tasks import clock, end_of
from services.cases.waiting import (
    end_offer,
    in_turn,
    leave_list,
    pass_on,
    release,
    remind,
    settle,
    take_turn,
    tell,
    today,
)
from sinergi.auth import Actor, permit, service_actor
from sinergi.clock import set_alarm, silence
from sinergi.db import Tx
from sinergi.events import (
    PlacementAdmitted,
    PlacementDischarged,
    PlacementLeaveStarted,
    PlacementReturned,
    PlacementReturnOverdue,
    PlacementTransferred,
)
from sinergi.permissions import Role
from sinergi.problems import Refused

RETURN = "placement.return"

Destination = Literal[
    "own-family", "foster-family", "community", "rented-room", "other-facility", "hospital", "unknown", "none"
]


class AdmitPerson(OnPlacement):
    """The person has arrived: into the bed that is held, or (waiting) into a free one of this facility."""

    facility_id: UUID


class AdmitBeyondBeds(OnPlacement):
    """Take in somebody beyond the facility's beds: an emergency, said in words that stay in the case."""

    facility_id: UUID
    emergency: Literal["risk-to-life", "disaster", "violence", "court-order"]
    reason: Words


class GoOnLeave(OnPlacement):
    """The person is away; the bed is kept. `until` is the day by which he or she is back."""

    kind: Literal["home-leave", "hospital", "school", "other"]
    until: date


class ReturnFromLeave(OnPlacement):
    """The person is back."""


class TransferPerson(OnPlacement):
    """To another bed, here or in another facility of the agency: `bed_id` unset is any that suits."""

    facility_id: UUID
    bed_id: UUID | None = None


class DischargePerson(OnPlacement):
    """The person has left for good."""

    reason: Literal["goals-met", "end-of-term", "family-found", "left-on-own", "transferred-out", "died", "other"]
    destination: Destination = Field(description="`none` after a death, and only then")


@permit("placement.admit")
async def admit_person(cmd: AdmitPerson, actor: Actor, tx: Tx) -> PlacementAnswer:
    """Into a bed, or not at all: `Refused` (no-free-bed, held-elsewhere)."""
    placement = await _here("admit", cmd, actor, tx, facility=cmd.facility_id)
    waited, placement.state = placement.state, PlacementState.ADMITTED
    if waited in HELD:
        if placement.facility_id != cmd.facility_id:
            raise Refused("held-elsewhere", "Another facility holds a bed for this person.", "conflict")
        await change(await bed_of(placement, tx), "occupied", tx)
    else:
        if await take(placement, "occupied", tx, facility=cmd.facility_id) is None:
            raise Refused("no-free-bed", "No bed here that suits the person is free.", "conflict")
        await leave_list(placement, tx)
    return await _moved_in(placement, cmd.facility_id, actor, tx)


@permit("placement.override")
async def admit_beyond_beds(cmd: AdmitBeyondBeds, actor: Actor, tx: Tx) -> PlacementAnswer:
    """An extra place, by a supervisor of the case's office or the facility's, in an emergency.

    `Refused` (bed-is-free, facility-does-not-fit).
    """
    placement = await _here("override", cmd, actor, tx, facility=cmd.facility_id)
    facility = await tx.lock(Facility, cmd.facility_id)
    if not facility.open or facility.kind != placement.kind or placement.sex not in facility.sexes:
        raise Refused("facility-does-not-fit", "This facility does not take in such people.", "conflict")
    if await take(placement, "occupied", tx, facility=cmd.facility_id) is not None:
        raise Refused("bed-is-free", "A bed is free here: admit the person into it.", "conflict")
    placement.state = PlacementState.ADMITTED
    await leave_list(placement, tx)
    await add_place(facility, placement, tx)
    record(await tx.get(Case, placement.case_id), "placement_override", actor, tx, f"{cmd.emergency}: {cmd.reason}")
    return await _moved_in(placement, cmd.facility_id, actor, tx, extra=True)


@permit("placement.leave")
async def go_on_leave(cmd: GoOnLeave, actor: Actor, tx: Tx) -> PlacementAnswer:
    """The bed is kept. `Refused` (return-in-the-past)."""
    placement = await _here("leave", cmd, actor, tx)
    case = await tx.get(Case, placement.case_id)
    if cmd.until < today(case):
        raise Refused("return-in-the-past", "Give a day of return that is still to come.")
    placement.state, placement.leave_kind, placement.leave_until = PlacementState.ON_LEAVE, cmd.kind, cmd.until
    await change(await bed_of(placement, tx), "on_leave", tx)
    await set_alarm(tx, RETURN, placement.id, end_of(cmd.until, case.area))
    tell(PlacementLeaveStarted, placement, case, tx, until=cmd.until)
    record(case, "placement_leave", actor, tx, cmd.kind)
    return answer(placement)


@permit("placement.leave")
async def return_from_leave(cmd: ReturnFromLeave, actor: Actor, tx: Tx) -> PlacementAnswer:
    """Back into the bed that was kept."""
    placement = await _here("return", cmd, actor, tx)
    placement.state, placement.leave_kind, placement.leave_until = PlacementState.ADMITTED, None, None
    await change(await bed_of(placement, tx), "occupied", tx)
    await silence(tx, placement.id, RETURN)
    await settle(placement, actor, tx, "placement-return")
    case = await tx.get(Case, placement.case_id)
    tell(PlacementReturned, placement, case, tx)
    record(case, "placement_returned", actor, tx)
    return answer(placement)


@permit("placement.transfer")
async def transfer_person(cmd: TransferPerson, actor: Actor, tx: Tx) -> PlacementAnswer:
    """Out of one bed and into the other in one transaction; the old one goes to the next. `Refused` (no-free-bed).

    Another kind of facility is another placement: discharge, and let the worker request it.
    """
    placement = await _here("transfer", cmd, actor, tx, facility=cmd.facility_id)
    before, old = placement.facility_id, await bed_of(placement, tx)
    free = await give_back(old, tx)
    await tx.session.flush()
    new = await take(placement, "occupied", tx, facility=cmd.facility_id, bed=cmd.bed_id, not_bed=old.id)
    if new is None:
        raise Refused("no-free-bed", "No bed there that suits the person is free.", "conflict")
    placement.facility_id = cmd.facility_id
    case = await tx.get(Case, placement.case_id)
    tell(PlacementTransferred, placement, case, tx, from_facility_id=str(before))
    record(case, "placement_transferred", actor, tx)
    if free:
        await pass_on(old, actor, tx)
    return answer(placement)


@permit("placement.discharge")
async def discharge_person(cmd: DischargePerson, actor: Actor, tx: Tx) -> PlacementAnswer:
    """The bed goes to the next; what was still to be done about the stay is not needed any more."""
    if (cmd.reason == "died") != (cmd.destination == "none"):
        raise Refused("destination-not-valid", "Say where the person went; nowhere only after a death.")
    placement = await _here("discharge", cmd, actor, tx)
    placement.state, placement.ended_at = PlacementState.DISCHARGED, datetime.now(UTC)
    placement.end_reason, placement.destination = cmd.reason, cmd.destination
    await settle(placement, actor, tx)
    await silence(tx, placement.id, RETURN)
    case = await tx.get(Case, placement.case_id)
    tell(PlacementDischarged, placement, case, tx, reason=cmd.reason, destination=cmd.destination)
    record(case, "placement_discharged", actor, tx, cmd.reason)
    await release(placement, actor, tx)
    return answer(placement)


@clock.on(RETURN)
async def when_somebody_is_not_back_from_leave_tell(placement_id: UUID, tx: Tx) -> None:
    """A fact, and a task for the case's worker; the bed stays kept until an officer decides."""
    placement = await in_turn(placement_id, tx)
    if placement.state != PlacementState.ON_LEAVE or placement.leave_until is None:
        return
    case = await tx.get(Case, placement.case_id)
    await remind(placement, "placement-return", case, tx, on=today(case))
    tell(PlacementReturnOverdue, placement, case, tx, until=placement.leave_until)
    record(case, "placement_return_overdue", service_actor("cases"), tx)


async def _here(doing: str, cmd: OnPlacement, actor: Actor, tx: Tx, *, facility: UUID | None = None) -> Placement:
    """The placement, locked for whoever acts at the facility where the person is, and at the one where he or she goes.

    An outsider learns neither version nor state. The state after is the caller's to set.
    """
    found = await tx.get(Placement, cmd.placement_id)
    if not found.facility_id and not facility:
        raise Refused("not-admitted", "The person lives in no facility.", "conflict")
    for place in filter(None, (found.facility_id, facility)):
        _check_who(found, await tx.get(Facility, place), actor)
    await take_turn(found.kind, tx)
    placement = await tx.lock(Placement, cmd.placement_id, cmd.expected_version)
    next_placement_state(doing, placement.state)
    return placement


def _check_who(placement: Placement, facility: Facility, actor: Actor) -> None:
    """Officers and supervisors of the facility's agency; supervisors of the case's office too."""
    if actor.role is Role.SUPERVISOR and actor.agency == placement.agency:
        actor.within(area=placement.area)
    else:
        actor.within(agencies=(facility.agency,), area=facility.area)


async def _moved_in(
    placement: Placement, facility: UUID, actor: Actor, tx: Tx, *, extra: bool = False
) -> PlacementAnswer:
    case = await tx.get(Case, placement.case_id)
    await end_offer(placement, actor, tx)
    placement.facility_id, placement.held_until, placement.admitted_at = facility, None, datetime.now(UTC)
    placement.review_on = RULES.review_on(placement.kind, today(case))
    if placement.review_on:
        await remind(placement, "placement-review", case, tx, on=placement.review_on)
    tell(PlacementAdmitted, placement, case, tx, extra=extra, review_on=placement.review_on)
    record(case, "placement_admitted", actor, tx)
    return answer(placement)
