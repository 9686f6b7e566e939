"""The open directory over HTTP (HSDS 3.1): its base is `/hsds`. No sign-in: it is public information about services."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query, Request

from services.referrals.hsds import PROFILE, VERSION, ListPublic, page_of_services, whole_service
from sinergi.app import Ctx

router = APIRouter()


@router.get("/hsds/")
async def about(request: Request) -> dict[str, Any]:
    """Which version of HSDS this is."""
    return {"version": VERSION, "profile": PROFILE, "openapi_url": str(request.base_url.replace(path="/openapi.json"))}


@router.get("/hsds/services")
async def list_public_services(what: Annotated[ListPublic, Query()], context: Ctx) -> dict[str, Any]:
    """A page of the services."""
    async with context.db.begin() as tx:
        return await page_of_services(what, tx)


@router.get("/hsds/services/{service_id}")
async def read_public_service(service_id: UUID, context: Ctx) -> dict[str, Any]:
    """One service with all that belongs to it."""
    async with context.db.begin() as tx:
        return await whole_service(service_id, tx)
