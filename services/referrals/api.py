"""The HTTP door. Each route turns a request into a command or a query; nothing is decided here."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query

from services.referrals import (
    commands,
    doors_agency,
    doors_consents,
    doors_directory,
    doors_hsds,
    doors_ledger,
    doors_letters,
    doors_pathways,
    doors_webhooks,
    queries,
)
from services.referrals.asking import judged
from services.referrals.bodies import body_of, with_path
from services.referrals.details import hand_out
from services.referrals.requests import (
    ListReferrals,
    Purpose,
    ReadDetails,
    SendAnyway,
    SendReferral,
)
from services.referrals.sending import Sent
from services.referrals.turn import Answer
from sinergi.app import Ctx, Key, Who, obey

router = APIRouter()
router.include_router(doors_directory.router)
router.include_router(doors_hsds.router)
router.include_router(doors_pathways.router)
router.include_router(doors_webhooks.router)
router.include_router(doors_agency.router)
router.include_router(doors_letters.router)
router.include_router(doors_consents.router)
router.include_router(doors_ledger.router)


@router.post("/referrals", status_code=201, response_model=Sent)
async def send_referral(body: SendReferral, context: Ctx, who: Who, key: Key = None) -> Any:
    """Ask another agency's desk for a service; its rules are judged by the registry's facts first."""
    return await obey(context, commands.send_referral, await judged(context, body, who), who, key)


@router.post("/referrals/anyway", status_code=201, response_model=Sent)
async def send_anyway(body: SendAnyway, context: Ctx, who: Who, key: Key = None) -> Any:
    """Ask although the service is full, closed, or not meant for this client: a supervisor, with a reason."""
    return await obey(context, commands.send_anyway, body, who, key)


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


def _add_command(name: str, door: commands.Door) -> None:
    """`POST /referrals/{id}/<command>`, one for each command of the table in states.py."""
    body_model = body_of(door.request, "referral_id")

    async def give(
        referral_id: UUID,
        body: body_model,  # type: ignore[valid-type]
        context: Ctx,
        who: Who,
        key: Key = None,
    ) -> Any:
        given = with_path(door.request, body, referral_id=referral_id)
        return await obey(context, door.function, given, who, key)

    path = f"/referrals/{{referral_id}}/{name.replace('_', '-')}"
    router.post(path, name=f"{name}_referral", description=door.function.__doc__, response_model=Answer)(give)


for _name, _door in commands.DOORS.items():
    _add_command(_name, _door)
