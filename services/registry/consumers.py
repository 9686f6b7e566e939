"""What the registry hears: one question, the disclosure of a client's fields for a referral."""

from typing import Any

from pydantic import ValidationError

from services.registry import queries
from sinergi.auth import Actor
from sinergi.bus import Bus
from sinergi.problems import Refused

bus = Bus("registry")


@bus.answers("registry.disclosure")
async def disclose(request: dict[str, Any], actor: Actor) -> dict[str, Any]:
    """`{client_kind, client_id, fields, purpose, referral_id, agency}` -> `{"client": {...}}`."""
    try:
        what = queries.Disclose.model_validate(request)
    except ValidationError as wrong:
        places = sorted({".".join(map(str, one["loc"])) for one in wrong.errors()})
        raise Refused("request-not-valid", f"Some fields break their rules: {', '.join(places)}.") from None
    async with bus.context.db.begin(actor) as tx:
        return await queries.disclose(what, actor, tx)
