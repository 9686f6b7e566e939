"""People by hand, households, change requests and groups over HTTP. No logic: each route calls a command or a query."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query

from services.registry import (
    groups,
    histories,
    household_queries,
    households,
    people,
    request_queries,
    requests,
    tiers,
)
from services.registry.commands import Request
from sinergi.app import Ctx, Key, Who, obey

router = APIRouter()

Purpose = Annotated[str, Query(min_length=3, max_length=200)]


# --------------------------------------------------------------------- persons


@router.post("/persons/check")
async def check_person(what: people.CheckPerson, context: Ctx, who: Who) -> dict[str, Any]:
    """Who may be this person already? A POST, so that no name and no NIK stands in a URL."""
    async with context.db.begin(who) as tx:
        return await people.check_person(what, who, tx)


@router.post("/persons", status_code=201)
async def register_person(cmd: people.RegisterPerson, context: Ctx, who: Who, key: Key = None) -> Any:
    """Enter a person."""
    return await obey(context, people.register_person, cmd, who, key)


@router.post("/persons/{person_id}/identity")
async def bind_identity(person_id: UUID, cmd: people.BindIdentity, context: Ctx, who: Who, key: Key = None) -> Any:
    """Give a person the NIK that has become known."""
    return await obey(context, people.bind_identity, _on(cmd, person_id=person_id), who, key)


@router.post("/persons/{person_id}/death")
async def record_death(person_id: UUID, cmd: people.RecordDeath, context: Ctx, who: Who, key: Key = None) -> Any:
    """The person has died."""
    return await obey(context, people.record_death, _on(cmd, person_id=person_id), who, key)


@router.post("/persons/{person_id}/death/undo")
async def undo_death(person_id: UUID, cmd: people.UndoDeath, context: Ctx, who: Who, key: Key = None) -> Any:
    """The death was recorded by mistake."""
    return await obey(context, people.undo_death, _on(cmd, person_id=person_id), who, key)


@router.post("/persons/{person_id}/move")
async def move_person(person_id: UUID, cmd: people.MovePerson, context: Ctx, who: Who, key: Key = None) -> Any:
    """The person lives elsewhere."""
    return await obey(context, people.move_person, _on(cmd, person_id=person_id), who, key)


@router.get("/persons/{person_id}/history")
async def read_history(person_id: UUID, purpose: Purpose, context: Ctx, who: Who) -> dict[str, Any]:
    """What happened to a person, and in which households he or she was."""
    what = histories.ReadHistory(person_id=person_id, purpose=purpose)
    async with context.db.begin(who) as tx:
        return await histories.read_history(what, who, tx)


@router.post("/persons/{person_id}/requests", status_code=201)
async def propose_change(person_id: UUID, cmd: requests.ProposeChange, context: Ctx, who: Who, key: Key = None) -> Any:
    """Usul: propose a change."""
    return await obey(context, requests.propose_change, _on(cmd, person_id=person_id), who, key)


# ------------------------------------------------------------------ households


@router.post("/households/search")
async def find_household(what: household_queries.FindHousehold, context: Ctx, who: Who) -> dict[str, Any]:
    """The households that have or had a No. KK; a POST, so that it stands in no URL."""
    async with context.db.begin(who) as tx:
        return await household_queries.find_household(what, who, tx)


@router.get("/households/{household_id}")
async def read_household(household_id: UUID, purpose: Purpose, context: Ctx, who: Who) -> dict[str, Any]:
    """A household with its members and its past."""
    what = household_queries.ReadHousehold(household_id=household_id, purpose=purpose)
    async with context.db.begin(who) as tx:
        return await household_queries.read_household(what, who, tx)


@router.post("/households/{household_id}/split", status_code=201)
async def split_household(
    household_id: UUID, cmd: households.SplitHousehold, context: Ctx, who: Who, key: Key = None
) -> Any:
    """Members leave into a household of their own."""
    return await obey(context, households.split_household, _on(cmd, household_id=household_id), who, key)


@router.post("/households/{household_id}/merge")
async def merge_households(
    household_id: UUID, cmd: households.MergeHouseholds, context: Ctx, who: Who, key: Key = None
) -> Any:
    """Another household comes into this one."""
    return await obey(context, households.merge_households, _on(cmd, household_id=household_id), who, key)


@router.post("/households/{household_id}/move")
async def move_household(
    household_id: UUID, cmd: households.MoveHousehold, context: Ctx, who: Who, key: Key = None
) -> Any:
    """Everybody lives elsewhere, or has another No. KK."""
    return await obey(context, households.move_household, _on(cmd, household_id=household_id), who, key)


@router.post("/households/{household_id}/head")
async def change_head(household_id: UUID, cmd: households.ChangeHead, context: Ctx, who: Who, key: Key = None) -> Any:
    """Another member is the head."""
    return await obey(context, households.change_head, _on(cmd, household_id=household_id), who, key)


# -------------------------------------------------------------------- requests


@router.get("/requests")
async def list_requests(
    what: Annotated[request_queries.ListRequests, Query()], context: Ctx, who: Who
) -> dict[str, Any]:
    """The queue of an area and a tier."""
    async with context.db.begin(who) as tx:
        return await request_queries.list_requests(what, who, tx)


@router.put("/requests/tiers")
async def set_tiers(cmd: tiers.SetTiers, context: Ctx, who: Who, key: Key = None) -> Any:
    """The tiers that decide in an area."""
    return await obey(context, tiers.set_tiers, cmd, who, key)


@router.get("/requests/{request_id}")
async def read_request(request_id: UUID, purpose: Purpose, context: Ctx, who: Who) -> dict[str, Any]:
    """One request: what it would change, and what was said to it."""
    what = request_queries.ReadRequest(request_id=request_id, purpose=purpose)
    async with context.db.begin(who) as tx:
        return await request_queries.read_request(what, who, tx)


@router.post("/requests/{request_id}/approve")
async def approve_request(
    request_id: UUID, cmd: requests.ApproveRequest, context: Ctx, who: Who, key: Key = None
) -> Any:
    """The tier says yes."""
    return await obey(context, requests.approve_request, _on(cmd, request_id=request_id), who, key)


@router.post("/requests/{request_id}/reject")
async def reject_request(request_id: UUID, cmd: requests.RejectRequest, context: Ctx, who: Who, key: Key = None) -> Any:
    """The tier says no."""
    return await obey(context, requests.reject_request, _on(cmd, request_id=request_id), who, key)


@router.post("/requests/{request_id}/object")
async def object_to_request(
    request_id: UUID, cmd: requests.ObjectToRequest, context: Ctx, who: Who, key: Key = None
) -> Any:
    """Sanggah: somebody objects."""
    return await obey(context, requests.object_to_request, _on(cmd, request_id=request_id), who, key)


@router.post("/requests/{request_id}/withdraw")
async def withdraw_request(
    request_id: UUID, cmd: requests.WithdrawRequest, context: Ctx, who: Who, key: Key = None
) -> Any:
    """Whoever proposed it takes it back."""
    return await obey(context, requests.withdraw_request, _on(cmd, request_id=request_id), who, key)


# ---------------------------------------------------------------------- groups


@router.get("/groups")
async def list_groups(what: Annotated[groups.ListGroups, Query()], context: Ctx, who: Who) -> dict[str, Any]:
    """Groups by area and name."""
    async with context.db.begin(who) as tx:
        return await groups.list_groups(what, who, tx)


@router.get("/group-limits")
async def read_group_limits(what: Annotated[groups.ReadGroupLimits, Query()], context: Ctx, who: Who) -> dict[str, Any]:
    """How a group is made up in an area, and which law says so."""
    async with context.db.begin(who) as tx:
        return await groups.read_group_limits(what, who, tx)


@router.put("/group-limits")
async def set_group_limits(cmd: groups.SetGroupLimits, context: Ctx, who: Who, key: Key = None) -> Any:
    """A local rule."""
    return await obey(context, groups.set_group_limits, cmd, who, key)


@router.post("/groups/{group_id}/members")
async def replace_members(group_id: UUID, cmd: groups.ReplaceMembers, context: Ctx, who: Who, key: Key = None) -> Any:
    """Members leave and come."""
    return await obey(context, groups.replace_members, _on(cmd, group_id=group_id), who, key)


@router.post("/groups/{group_id}/dissolve")
async def dissolve_group(group_id: UUID, cmd: groups.DissolveGroup, context: Ctx, who: Who, key: Key = None) -> Any:
    """The group ends."""
    return await obey(context, groups.dissolve_group, _on(cmd, group_id=group_id), who, key)


def _on(cmd: Request, **ids: UUID) -> Request:
    """The command on what the path names."""
    return cmd.model_copy(update=ids)
