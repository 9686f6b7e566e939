"""The disclosure ledger over HTTP."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query, Response

from services.referrals import ledger_queries
from services.referrals.ledger_requests import ExportDisclosures, ListDisclosures, ListOfClient
from sinergi.app import Ctx, Who

router = APIRouter()


@router.get("/disclosures")
async def list_disclosures(what: Annotated[ListDisclosures, Query()], context: Ctx, who: Who) -> dict[str, Any]:
    """Who was shown what of whom, and why."""
    async with context.db.begin(who) as tx:
        return await ledger_queries.list_disclosures(what, who, tx)


@router.get("/disclosures.csv", response_class=Response)
async def export_disclosures(what: Annotated[ExportDisclosures, Query()], context: Ctx, who: Who) -> Response:
    """The ledger of a period as CSV."""
    async with context.db.begin(who) as tx:
        found = await ledger_queries.export_disclosures(what, who, tx)
    named = {"Content-Disposition": f'attachment; filename="ledger-{what.from_on}-{what.until_on}.csv"'}
    return Response(found, media_type="text/csv", headers=named | {"Cache-Control": "no-store"})


@router.get("/clients/{client_id}/disclosures")
async def disclosures_of_client(client_id: UUID, context: Ctx, who: Who) -> dict[str, Any]:
    """To whom a client's data were shown, for the client who asks."""
    async with context.db.begin(who) as tx:
        return await ledger_queries.of_client(ListOfClient(client_id=client_id), who, tx)
