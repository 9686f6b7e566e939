"""An agency goes out, at once: account, connections, commands, consumer; or gets a new key.

Its open referrals stay as they are, for their senders to see and to re-route; its services take no new ones.
"""

import time
from contextlib import suppress
from dataclasses import dataclass

from nats.aio.client import Client
from nats.js.errors import NotFoundError

from sinergi.problems import Refused
from sinergi_operator.accounts import Accounts
from sinergi_operator.onboarding import NEVER, REVOKED_REASON, every, find_agency, turn_desks
from sinergi_operator.place import Api


@dataclass(frozen=True, slots=True)
class Revoked:
    """What was done. `seconds`: until it could neither pull, acknowledge nor command; `left`: what is left to do."""

    seconds: float
    closed: list[str]
    left: str


async def revoke(code: str, accounts: Accounts, operator: Api, nats: Client) -> Revoked:
    """Refused: `no-such-agency`. Again, after a run that was broken off, does what is missing.

    The account goes first: that needs none of the services.
    """
    started = time.monotonic()
    left = accounts.take(code) if accounts.seed_file(code).exists() else ""
    agency = await find_agency(operator, code)
    if agency is None:
        raise Refused("no-such-agency", f"The directory has no agency {code}.", "not-found")
    entry = {"name": agency["name"], "kind": agency["kind"], "connected": False}
    await operator.put("referrals", f"/directory/agencies/{code}", entry)
    with suppress(NotFoundError):  # referrals was faster
        await nats.jetstream().delete_consumer("REFERRALS", code)
    seconds = time.monotonic() - started
    return Revoked(seconds, await _close(code, operator), left)


async def _close(code: str, operator: Api) -> list[str]:
    """Nobody sends to a desk that no longer hears: its services are closed, those that answer in the console too."""
    closed = []
    for service in await every(operator, "services", agency=code):
        if service["closed_until"] is None:
            body = {"until": NEVER, "reason": REVOKED_REASON}
            await operator.post("referrals", f"/directory/services/{service['code']}/close", body)
            closed.append(str(service["code"]))
    await turn_desks(code, "nats", "console", operator)
    return closed
