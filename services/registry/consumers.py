"""What the registry hears: two questions, both disclosures: a client's fields for a referral, and facts for rules."""

from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from services.registry import facts, queries
from sinergi.auth import Actor
from sinergi.bus import Bus
from sinergi.problems import Refused

bus = Bus("registry")
R = TypeVar("R", bound=BaseModel)


@bus.answers("registry.disclosure")
async def disclose(request: dict[str, Any], actor: Actor) -> dict[str, Any]:
    """`{client_kind, client_id, fields, purpose, referral_id, agency}` -> `{"client": {...}}`."""
    what = _valid(queries.Disclose, request)
    async with bus.context.db.begin(actor) as tx:
        return await queries.disclose(what, actor, tx)


@bus.answers("registry.facts")
async def tell_facts(request: dict[str, Any], actor: Actor) -> dict[str, Any]:
    """`{client_kind, client_id, facts, purpose, asked_by, agency, within}` -> `{"people": [...], "members": n}`."""
    what = _valid(facts.AskFacts, request)
    async with bus.context.db.begin(actor) as tx:
        return await facts.facts(what, actor, tx)


def _valid(model: type[R], request: dict[str, Any]) -> R:
    try:
        return model.model_validate(request)
    except ValidationError as wrong:
        places = sorted({".".join(map(str, one["loc"])) for one in wrong.errors()})
        raise Refused("request-not-valid", f"Some fields break their rules: {', '.join(places)}.") from None
