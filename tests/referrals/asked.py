"""A registry that answers the question of facts as it is told to, and remembers what it was asked."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from nats.aio.client import Client
from nats.aio.msg import Msg


class Registry:
    """`people`: what it knows of the members of any client. None: it does not answer well."""

    def __init__(self) -> None:
        self.people: list[dict[str, Any]] | None = [{}]
        self.asked: list[dict[str, Any]] = []

    async def answer(self, message: Msg) -> None:
        self.asked.append(json.loads(message.data))
        if self.people is None:
            gone = {"type": "urn:sinergi:problem:service-unavailable", "status": 503, "detail": "Try again."}
            await message.respond(json.dumps({"problem": gone}).encode())
            return
        facts = {"people": self.people, "members": len(self.people)}
        await message.respond(json.dumps(facts).encode())


@asynccontextmanager
async def answering(nats: Client) -> AsyncIterator[Registry]:
    """The registry, for as long as the block lasts."""
    registry = Registry()
    subscription = await nats.subscribe("sinergi.ask.registry.facts", cb=registry.answer)
    await nats.flush()
    yield registry
    await subscription.unsubscribe()
