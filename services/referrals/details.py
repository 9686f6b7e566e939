"""Handing out a client's details: ask the registry, write the ledger, and only then hand out. For both doors."""

from typing import Any

from services.referrals import commands, queries
from services.referrals.ledger import only
from services.referrals.requests import ReadDetails
from sinergi.app import Context
from sinergi.auth import Actor


async def hand_out(context: Context, request: ReadDetails, actor: Actor) -> dict[str, Any]:
    """`{"client": {…}}` with only the fields that the service needs. No transaction is open while we ask."""
    async with context.db.begin(actor) as tx:
        question = await queries.read_details_question(request, actor, tx)
    answer = await context.bus.ask("registry.disclosure", question)
    async with context.db.begin(actor) as tx:
        line = await commands.record_disclosure(request, actor, tx)
    return {"client": only(line.fields, answer["client"])}
