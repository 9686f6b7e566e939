"""Live pages: a hint to each browser whose inbox has something new. Hints may be lost: pages reload on connecting."""

import asyncio
from collections.abc import AsyncIterator

from sinergi.auth import Actor
from sinergi.permissions import Role

#: a stream ends after so long; the browser comes again, and is asked for its session again
STREAM_SECONDS = 600


class Live:
    """The browsers connected to this replica."""

    def __init__(self) -> None:
        self._browsers: dict[asyncio.Event, Actor] = {}

    def tell(self, recipient: str) -> None:
        """A message was posted for this recipient."""
        for hint, actor in self._browsers.items():
            if concerns(recipient, actor):
                hint.set()

    async def hints(self, actor: Actor) -> AsyncIterator[None]:
        """One value for each time that something new came, and one at the beginning."""
        hint = asyncio.Event()
        self._browsers[hint] = actor
        try:
            yield
            ends = asyncio.get_running_loop().time() + STREAM_SECONDS
            while await _came(hint, ends):
                hint.clear()
                yield
        finally:
            del self._browsers[hint]


#: this process's browsers
live = Live()


def concerns(recipient: str, actor: Actor) -> bool:
    """Whether a message for this recipient lies in the actor's inbox (the rule is notify's)."""
    if actor.role is Role.DESK_OFFICER and recipient.startswith(f"desk:{actor.agency}/"):
        return True
    shared = {Role.OPERATOR: "data", Role.SUPERVISOR: "supervisor"}.get(actor.role)
    return recipient in (f"user:{actor.id}", f"desk:{actor.agency}/{shared}")


async def _came(hint: asyncio.Event, ends: float) -> bool:
    """Whether a hint came before the loop's clock shows `ends`."""
    try:
        return await asyncio.wait_for(hint.wait(), ends - asyncio.get_running_loop().time())
    except TimeoutError:
        return False
