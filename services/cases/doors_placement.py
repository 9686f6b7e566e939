"""Facilities, beds and placements over HTTP. No logic: each route calls a command or a query."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query

from services.cases import facilities, placement_queries, placements, residence
from services.cases.queries import Purpose
from sinergi.app import Ctx, Key, Who, obey

router = APIRouter(tags=["placement"])

# --------------------------------------------------------------- facilities


@router.get("/facilities")
async def list_facilities(
    what: Annotated[placement_queries.ListFacilities, Query()], who: Who, context: Ctx
) -> dict[str, Any]:
    """The board."""
    async with context.db.begin(who) as tx:
        return await placement_queries.list_facilities(what, who, tx)


@router.post("/facilities", status_code=201)
async def register_facility(body: facilities.RegisterFacility, who: Who, context: Ctx, key: Key = None) -> Any:
    """Enter a facility."""
    return await obey(context, facilities.register_facility, body, who, key)


@router.get("/placement-kinds")
async def read_kinds(who: Who, context: Ctx) -> dict[str, Any]:
    """The kinds of placements."""
    async with context.db.begin(who) as tx:
        return await placement_queries.read_kinds(placement_queries.ReadKinds(), who, tx)


@router.get("/facilities/{facility_id}")
async def read_facility(
    facility_id: UUID, what: Annotated[placement_queries.ReadFacility, Query()], who: Who, context: Ctx
) -> dict[str, Any]:
    """A facility and its beds."""
    named = what.model_copy(update={"facility_id": facility_id})
    async with context.db.begin(who) as tx:
        return await placement_queries.read_facility(named, who, tx)


@router.get("/facilities/{facility_id}/waiting")
async def read_line(
    facility_id: UUID, what: Annotated[placement_queries.ReadLine, Query()], who: Who, context: Ctx
) -> dict[str, Any]:
    """Who waits for a bed like its own."""
    named = what.model_copy(update={"facility_id": facility_id})
    async with context.db.begin(who) as tx:
        return await placement_queries.read_line(named, who, tx)


@router.put("/facilities/{facility_id}")
async def change_facility(
    facility_id: UUID, body: facilities.ChangeFacility, who: Who, context: Ctx, key: Key = None
) -> Any:
    """What it takes in from now on."""
    return await obey(context, facilities.change_facility, _at(body, facility_id), who, key)


@router.post("/facilities/{facility_id}/beds", status_code=201)
async def add_beds(facility_id: UUID, body: facilities.AddBeds, who: Who, context: Ctx, key: Key = None) -> Any:
    """More beds."""
    return await obey(context, facilities.add_beds, _at(body, facility_id), who, key)


@router.post("/facilities/{facility_id}/beds/{bed_id}/close")
async def close_bed(
    facility_id: UUID, bed_id: UUID, body: facilities.CloseBed, who: Who, context: Ctx, key: Key = None
) -> Any:
    """Out of service."""
    named = _at(body, facility_id).model_copy(update={"bed_id": bed_id})
    return await obey(context, facilities.close_bed, named, who, key)


@router.post("/facilities/{facility_id}/beds/{bed_id}/reopen")
async def reopen_bed(
    facility_id: UUID, bed_id: UUID, body: facilities.ReopenBed, who: Who, context: Ctx, key: Key = None
) -> Any:
    """Back in service."""
    named = _at(body, facility_id).model_copy(update={"bed_id": bed_id})
    return await obey(context, facilities.reopen_bed, named, who, key)


# --------------------------------------------------------------- the worker


@router.get("/cases/{case_id}/placements")
async def read_placements(case_id: UUID, who: Who, context: Ctx, purpose: Purpose = "casework") -> dict[str, Any]:
    """The placements of a case."""
    async with context.db.begin(who) as tx:
        what = placement_queries.ReadPlacements(case_id=case_id, purpose=purpose)
        return await placement_queries.read_placements(what, who, tx)


@router.post("/cases/{case_id}/placements", status_code=201)
async def request_placement(
    case_id: UUID, body: placements.RequestPlacement, who: Who, context: Ctx, key: Key = None
) -> Any:
    """Ask for a placement."""
    named = body.model_copy(update={"case_id": case_id})
    return await obey(context, placements.request_placement, named, who, key)


@router.post("/placements/{placement_id}/accept")
async def accept_offer(
    placement_id: UUID, body: placements.AcceptOffer, who: Who, context: Ctx, key: Key = None
) -> Any:
    """Take the bed that is held."""
    return await obey(context, placements.accept_offer, _of(body, placement_id), who, key)


@router.post("/placements/{placement_id}/refuse")
async def refuse_offer(
    placement_id: UUID, body: placements.RefuseOffer, who: Who, context: Ctx, key: Key = None
) -> Any:
    """Do not take it."""
    return await obey(context, placements.refuse_offer, _of(body, placement_id), who, key)


@router.post("/placements/{placement_id}/seek")
async def seek_bed(placement_id: UUID, body: placements.SeekBed, who: Who, context: Ctx, key: Key = None) -> Any:
    """Look for a free bed again."""
    return await obey(context, placements.seek_bed, _of(body, placement_id), who, key)


@router.post("/placements/{placement_id}/cancel")
async def cancel_placement(
    placement_id: UUID, body: placements.CancelPlacement, who: Who, context: Ctx, key: Key = None
) -> Any:
    """It is not needed any more."""
    return await obey(context, placements.cancel_placement, _of(body, placement_id), who, key)


@router.post("/placements/{placement_id}/prioritise")
async def prioritise_placement(
    placement_id: UUID, body: placements.PrioritisePlacement, who: Who, context: Ctx, key: Key = None
) -> Any:
    """Another place on the list."""
    return await obey(context, placements.prioritise_placement, _of(body, placement_id), who, key)


@router.post("/placements/{placement_id}/place")
async def place_outside(
    placement_id: UUID, body: placements.PlaceOutside, who: Who, context: Ctx, key: Key = None
) -> Any:
    """The person lives there now."""
    return await obey(context, placements.place_outside, _of(body, placement_id), who, key)


@router.post("/placements/{placement_id}/end")
async def end_placement(
    placement_id: UUID, body: placements.EndPlacement, who: Who, context: Ctx, key: Key = None
) -> Any:
    """The placement outside is over."""
    return await obey(context, placements.end_placement, _of(body, placement_id), who, key)


# -------------------------------------------------------------- the facility


@router.post("/placements/{placement_id}/admit")
async def admit_person(placement_id: UUID, body: residence.AdmitPerson, who: Who, context: Ctx, key: Key = None) -> Any:
    """The person has arrived."""
    return await obey(context, residence.admit_person, _of(body, placement_id), who, key)


@router.post("/placements/{placement_id}/override")
async def admit_beyond_beds(
    placement_id: UUID, body: residence.AdmitBeyondBeds, who: Who, context: Ctx, key: Key = None
) -> Any:
    """Beyond the facility's beds."""
    return await obey(context, residence.admit_beyond_beds, _of(body, placement_id), who, key)


@router.post("/placements/{placement_id}/leave")
async def go_on_leave(placement_id: UUID, body: residence.GoOnLeave, who: Who, context: Ctx, key: Key = None) -> Any:
    """Away for a time."""
    return await obey(context, residence.go_on_leave, _of(body, placement_id), who, key)


@router.post("/placements/{placement_id}/return")
async def return_from_leave(
    placement_id: UUID, body: residence.ReturnFromLeave, who: Who, context: Ctx, key: Key = None
) -> Any:
    """Back from leave."""
    return await obey(context, residence.return_from_leave, _of(body, placement_id), who, key)


@router.post("/placements/{placement_id}/transfer")
async def transfer_person(
    placement_id: UUID, body: residence.TransferPerson, who: Who, context: Ctx, key: Key = None
) -> Any:
    """Another bed."""
    return await obey(context, residence.transfer_person, _of(body, placement_id), who, key)


@router.post("/placements/{placement_id}/discharge")
async def discharge_person(
    placement_id: UUID, body: residence.DischargePerson, who: Who, context: Ctx, key: Key = None
) -> Any:
    """Gone for good."""
    return await obey(context, residence.discharge_person, _of(body, placement_id), who, key)


def _at(body: facilities.OnFacility, facility_id: UUID) -> facilities.OnFacility:
    """The command on the facility that the path names."""
    return body.model_copy(update={"facility_id": facility_id})


def _of(body: placements.OnPlacement, placement_id: UUID) -> placements.OnPlacement:
    """The command on the placement that the path names."""
    return body.model_copy(update={"placement_id": placement_id})
