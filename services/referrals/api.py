"""The HTTP door. Each route turns a request into a command or a query; nothing is decided here."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, create_model

from services.referrals import commands, queries
from services.referrals.codes import AgencyCode, ServiceCode
from services.referrals.details import hand_out
from services.referrals.requests import (
    ListDisclosures,
    ListReferrals,
    Page,
    Purpose,
    PutAgency,
    PutService,
    ReadDetails,
    SendReferral,
    parse,
)
from services.referrals.turn import Answer
from sinergi.app import Ctx, Key, Who, obey

router = APIRouter()


def _body(request: type[BaseModel], in_path: str) -> Any:
    """The request as an HTTP body: without the field that the path holds."""
    fields: dict[str, Any] = {
        name: (field.annotation, field) for name, field in request.model_fields.items() if name != in_path
    }
    return create_model(f"{request.__name__}Body", __config__=ConfigDict(extra="forbid"), **fields)


def _with(request: type[BaseModel], body: BaseModel, **path: Any) -> Any:
    return parse(request, body.model_dump(exclude_unset=True) | path)


AgencyBody, ServiceBody = _body(PutAgency, "code"), _body(PutService, "code")


@router.put("/directory/agencies/{code}", response_model=Answer)
async def put_agency(
    code: AgencyCode,
    body: AgencyBody,  # type: ignore[valid-type]
    context: Ctx,
    who: Who,
    key: Key = None,
) -> Any:
    """Enter or change an agency."""
    return await obey(context, commands.put_agency, _with(PutAgency, body, code=code), who, key)


@router.put("/directory/services/{code}", response_model=Answer)
async def put_service(
    code: ServiceCode,
    body: ServiceBody,  # type: ignore[valid-type]
    context: Ctx,
    who: Who,
    key: Key = None,
) -> Any:
    """Enter or change a service that an agency's desk offers."""
    return await obey(context, commands.put_service, _with(PutService, body, code=code), who, key)


@router.get("/directory/services")
async def list_services(what: Annotated[Page, Query()], context: Ctx, who: Who) -> dict[str, Any]:
    """The services that agencies offer."""
    async with context.db.begin(who) as tx:
        return await queries.list_services(what, who, tx)


@router.post("/referrals", status_code=201, response_model=Answer)
async def send_referral(body: SendReferral, context: Ctx, who: Who, key: Key = None) -> Any:
    """Ask another agency's desk for a service."""
    return await obey(context, commands.send_referral, body, who, key)


@router.get("/referrals")
async def list_referrals(what: Annotated[ListReferrals, Query()], context: Ctx, who: Who) -> dict[str, Any]:
    """My agency's referrals, newest first."""
    async with context.db.begin(who) as tx:
        return await queries.list_referrals(what, who, tx)


@router.get("/referrals/{referral_id}")
async def read_referral(referral_id: UUID, context: Ctx, who: Who) -> dict[str, Any]:
    """A referral with its timeline and the commands that I may give now."""
    async with context.db.begin(who, snapshot=True) as tx:
        return await queries.read_referral(referral_id, who, tx)


@router.get("/referrals/{referral_id}/details")
async def read_details(referral_id: UUID, purpose: Purpose, context: Ctx, who: Who) -> dict[str, Any]:
    """The client's data that the service needs; written into the ledger first."""
    return await hand_out(context, ReadDetails(referral_id=referral_id, purpose=purpose), who)


@router.get("/disclosures")
async def list_disclosures(what: Annotated[ListDisclosures, Query()], context: Ctx, who: Who) -> dict[str, Any]:
    """Who was shown what of whom, and why."""
    async with context.db.begin(who) as tx:
        return await queries.list_disclosures(what, who, tx)


def _add_command(name: str, door: commands.Door) -> None:
    """`POST /referrals/{id}/<command>`, one for each command of the table in states.py."""
    body_model = _body(door.request, "referral_id")

    async def give(
        referral_id: UUID,
        body: body_model,  # type: ignore[valid-type]
        context: Ctx,
        who: Who,
        key: Key = None,
    ) -> Any:
        given = _with(door.request, body, referral_id=referral_id)
        return await obey(context, door.function, given, who, key)

    path = f"/referrals/{{referral_id}}/{name.replace('_', '-')}"
    router.post(path, name=f"{name}_referral", description=door.function.__doc__, response_model=Answer)(give)


for _name, _door in commands.DOORS.items():
    _add_command(_name, _door)
