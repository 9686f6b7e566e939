"""An agency's system is answered only while the directory says that its agency is connected.

The account at the border is the first lock; this is the second: revoking an agency needs no server's reload.
"""

import time
from weakref import WeakKeyDictionary

from sqlalchemy import select

from services.referrals.models import Agency
from sinergi.app import Context
from sinergi.auth import Actor
from sinergi.problems import Refused

#: how long an answer is remembered: a revoked agency commands no longer than that (promised: two seconds)
REMEMBERED_SECONDS = 0.5
#: when so many are remembered, all are forgotten
REMEMBERED_AT_MOST = 1000

#: for each database its own answers: agency -> (when it was asked, whether it is connected)
_remembered: WeakKeyDictionary[object, dict[str, tuple[float, bool]]] = WeakKeyDictionary()


async def must_be_connected(context: Context, actor: Actor) -> None:
    """Refused: `agency-not-connected` when the actor's agency is not connected, or not in the directory."""
    known = _remembered.setdefault(context.db, {})
    at, connected = known.get(actor.agency, (0.0, False))
    if time.monotonic() - at > REMEMBERED_SECONDS:
        connected = await _is_connected(context, actor.agency)
        if len(known) >= REMEMBERED_AT_MOST:
            known.clear()
        known[actor.agency] = (time.monotonic(), connected)
    if not connected:
        sentence = "The directory does not list your agency as connected. Ask the operator."
        raise Refused("agency-not-connected", sentence, "forbidden")


async def _is_connected(context: Context, agency: str) -> bool:
    async with context.db.begin() as tx:
        return bool(await tx.session.scalar(select(Agency.connected).where(Agency.code == agency)))
