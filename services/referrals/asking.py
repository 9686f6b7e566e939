"""Judging a client by the registry's facts: asked at the moment, used, and forgotten. For both doors.

No transaction is open while we ask. The registry answers only what it is asked, in codes and numbers, and writes down
that it did; it tells nothing of a client outside the asker's area, so that the judgement is "cannot tell".
"""

from typing import Any
from uuid import UUID

from services.referrals import finding
from services.referrals.directory_queries import read_rules
from services.referrals.directory_requests import FindServices
from services.referrals.eligibility import Facts, judge
from services.referrals.requests import JudgedReferral, SendReferral
from sinergi.app import Context
from sinergi.auth import Actor

PURPOSE = "eligibility"


async def judged(context: Context, request: SendReferral, actor: Actor) -> JudgedReferral:
    """The request with the verdict of the service's rules; without, when it has none (or is not there)."""
    async with context.db.begin(actor) as tx:
        found = await read_rules(request, actor, tx)
    handed_on = JudgedReferral(**request.model_dump())
    if found:
        rules, version = found
        facts = await facts_of(context, request.client_kind, request.client_id, rules.asks(), actor)
        handed_on.verdict = judge(rules, facts, version)
    return handed_on


async def found(context: Context, what: FindServices, actor: Actor) -> dict[str, Any]:
    """A page of services for a need, judged for the client if one is named."""
    async with context.db.begin(actor) as tx:
        candidates = await finding.candidates(what, actor, tx)
    asks = finding.questions(candidates) if what.client_id else {}
    facts = await facts_of(context, what.client_kind, what.client_id, asks, actor)
    return finding.ranked(candidates, facts, what)


async def facts_of(
    context: Context, kind: str, client_id: UUID | None, asks: dict[str, list[str]], actor: Actor
) -> Facts:
    """What the registry says of the client; nobody is asked when nothing is to be known."""
    told: Facts = {"client_kind": kind}
    if not asks or client_id is None:
        return told
    question = {
        "client_kind": kind,
        "client_id": str(client_id),
        "facts": asks,
        "purpose": PURPOSE,
        "asked_by": actor.id,
        "agency": actor.agency,
        "within": actor.area,
    }
    return await context.bus.ask("registry.facts", question) | told
