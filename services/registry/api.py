"""The registry over HTTP. No logic: each route calls a command or a query."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query

from services.registry import commands, doors_known, doors_lists, doors_matching, doors_people, queries, search
from sinergi.app import Ctx, Key, Who, obey

router = APIRouter()


# routes are tried in their order, and this one is asked most
@router.post("/persons/search")
async def search_persons(what: search.SearchPersons, context: Ctx, who: Who) -> dict[str, Any]:
    """Find people; a POST, so that no name and no NIK stands in a URL."""
    async with context.db.reading(who) as reading:
        return await search.search_persons(what, who, reading)


router.include_router(doors_people.router)
router.include_router(doors_matching.router)
router.include_router(doors_known.router)
router.include_router(doors_lists.router)


# --------------------------------------------------------------------- persons


@router.get("/persons/{person_id}")
async def read_person(
    person_id: UUID, purpose: Annotated[str, Query(min_length=3, max_length=200)], context: Ctx, who: Who
) -> dict[str, Any]:
    """Open one person."""
    async with context.db.begin(who) as tx:
        return await queries.read_person(queries.ReadPerson(person_id=person_id, purpose=purpose), who, tx)


# ---------------------------------------------------------------------- groups


@router.post("/groups", status_code=201)
async def form_group(cmd: commands.FormGroup, context: Ctx, who: Who, key: Key = None) -> Any:
    """Form a KUBE."""
    return await obey(context, commands.form_group, cmd, who, key)


@router.get("/groups/{group_id}")
async def read_group(group_id: UUID, context: Ctx, who: Who) -> dict[str, Any]:
    """A group and its members."""
    async with context.db.begin(who) as tx:
        return await queries.read_group(queries.ReadGroup(group_id=group_id), who, tx)


# ----------------------------------------------------------------------- audit


@router.get("/audit")
async def read_audit(what: Annotated[queries.ReadAudit, Query()], context: Ctx, who: Who) -> dict[str, Any]:
    """Who read what, and why."""
    async with context.db.begin(who) as tx:
        return await queries.read_audit(what, who, tx)
