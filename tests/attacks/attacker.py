"""What an attacker does with a raw connection: ask anything, hear anything, pull, and look what came of it."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.errors import NoRespondersError
from nats.errors import TimeoutError as NatsTimeoutError

from sinergi.events import ReferralRequested

NEXT = "SIN.API.CONSUMER.MSG.NEXT.REFERRALS.me"
INFO = "SIN.API.CONSUMER.INFO.REFERRALS.me"
#: how long an attack may take to have an effect; the effects that work are there within 5 ms
PATIENCE = 0.3


async def ask(attacker: Client, subject: str, body: Any = "", headers: dict[str, str] | None = None) -> Any:
    """The answer as JSON; None when nobody hears the request or nobody answers."""
    data = body.encode() if isinstance(body, str) else json.dumps(body).encode()
    try:
        reply = await attacker.request(subject, data, timeout=PATIENCE, headers=headers)
    except (NoRespondersError, NatsTimeoutError):
        return None
    return json.loads(reply.data) if reply.data else None


async def pull(agency: Client, batch: int = 100, wait: float = PATIENCE) -> list[Msg]:
    """What the agency's consumer gives within `wait` seconds, not acknowledged."""
    inbox = agency.new_inbox()
    box = await agency.subscribe(inbox)
    await agency.publish(NEXT, json.dumps({"batch": batch, "expires": int(wait * 1e9)}).encode(), reply=inbox)
    came = [message async for message in _until_status(box, wait)]
    await box.unsubscribe()
    return came


async def _until_status(box: Any, wait: float) -> AsyncIterator[Msg]:
    while True:
        try:
            message = await box.next_msg(timeout=wait + 0.5)
        except NatsTimeoutError:
            return
        if (message.headers or {}).get("Status"):
            return
        yield message


async def pull_own(agency: Client, referral_id: str) -> Msg:
    """This referral's message, all others acknowledged on the way."""
    for _ in range(20):
        for message in await pull(agency):
            if referral_id in message.data.decode():
                return message
            await message.ack()
    raise AssertionError("the agency's own message did not come")


@dataclass
class Heard:
    """Messages that a listener heard, and the sentinel that tells that it heard all before it."""

    messages: list[Msg] = field(default_factory=list)

    def about(self, marker: str) -> list[str]:
        """The subjects of the messages that hold the marker in subject, body, reply or headers."""
        return [m.subject for m in self.messages if marker in f"{m.subject} {m.data!r} {m.reply} {m.headers}"]


@asynccontextmanager
async def listening(connection: Client, *subjects: str) -> AsyncIterator[Heard]:
    """Hear these subjects until the block ends, and a little on."""
    heard = Heard()

    async def hear(message: Msg) -> None:
        heard.messages.append(message)

    subscriptions = [await connection.subscribe(subject, cb=hear) for subject in subjects]
    await connection.flush()
    yield heard
    await asyncio.sleep(PATIENCE)
    await connection.flush()
    for subscription in subscriptions:
        await subscription.unsubscribe()


def requested(receiver: str) -> ReferralRequested:
    """A referral to this agency about a new client."""
    return ReferralRequested(
        referral_id=str(uuid4()),
        service="izin-usaha-mikro",
        sender="dinsos",
        receiver=receiver,
        desk=f"{receiver}/desk",
        area="31.74",
        client_kind="group",
        client_id=str(uuid4()),
        by="social_worker",
        by_agency="dinsos",
        reason="income",
        legal_basis="UU 13/2011",
    )
