"""Dead letters: messages that were given up, kept with their error until an operator replays or skips them.

A replay publishes the message again on its own subject under its own event id: every durable that has handled it
passes over it, the one that failed handles it now, and what waited behind it follows.
"""

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.js.errors import NotFoundError

from sinergi.inbox import SKIP_HEADER
from sinergi.problems import Refused
from sinergi.provision import DEAD_LETTERS

_OURS = ("Sinergi-Durable", "Sinergi-Error", "Sinergi-Tries", "Sinergi-First-Seen", "Sinergi-Subject")


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """One message that was given up. `number` is its place in the dead letters, by which it is named."""

    number: int
    durable: str
    subject: str
    error: str
    tries: int
    first_seen: datetime
    buried_at: datetime
    headers: Mapping[str, str]
    body: bytes

    @property
    def type(self) -> str:
        """The event's type, `?` when the message was no event."""
        return self.headers.get("ce-type", "?")


async def bury(nats: Client, durable: str, message: Msg, error: str) -> None:
    """Put a message into the dead letters; returns when the server has it on disk."""
    metadata = message.metadata
    headers = {name: value for name, value in (message.headers or {}).items() if not name.startswith("Nats-")}
    headers |= {
        "Sinergi-Durable": durable,
        "Sinergi-Error": error.encode("ascii", "replace").decode().replace("\n", " ")[:500],
        "Sinergi-Tries": str(metadata.num_delivered),
        "Sinergi-First-Seen": metadata.timestamp.astimezone(UTC).isoformat(),
        "Sinergi-Subject": message.subject,
        # with its time: a stream that was made anew gives the same places again
        "Nats-Msg-Id": f"{durable}:{metadata.stream}:{metadata.sequence.stream}:{metadata.timestamp.timestamp()}",
    }
    await nats.jetstream().publish(f"dead.{durable}", message.data, 5, DEAD_LETTERS, headers)


async def letters(nats: Client) -> AsyncIterator[DeadLetter]:
    """Every dead letter, oldest first."""
    try:
        state = (await nats.jetstream().stream_info(DEAD_LETTERS)).state
    except NotFoundError:
        return
    for number in range(max(state.first_seq, 1), state.last_seq + 1):
        try:
            yield await letter(nats, number)
        except Refused:
            continue  # it was replayed or skipped


async def letter(nats: Client, number: int) -> DeadLetter:
    """One dead letter; `Refused` (not-found) when there is none of that number."""
    try:
        raw = await nats.jetstream().get_msg(DEAD_LETTERS, number)
    except NotFoundError as missing:
        raise Refused("no-such-dead-letter", f"There is no dead letter {number}.", "not-found") from missing
    headers: dict[str, Any] = dict(raw.headers or {})
    return DeadLetter(
        number=number,
        durable=headers.get("Sinergi-Durable", "?"),
        subject=headers.get("Sinergi-Subject", "?"),
        error=headers.get("Sinergi-Error", "?"),
        tries=int(headers.get("Sinergi-Tries", 0)),
        first_seen=datetime.fromisoformat(headers["Sinergi-First-Seen"]),
        buried_at=raw.time or datetime.now(UTC),
        headers=headers,
        body=raw.data or b"",
    )


async def replay(nats: Client, number: int, *, skip: bool = False) -> DeadLetter:
    """Give the message to its durable again, and take it out of the dead letters.

    With `skip` its handlers are not called: it counts as seen, so that later facts of its aggregate go on.
    """
    dead = await letter(nats, number)
    headers = {name: value for name, value in dead.headers.items() if name not in _OURS and name[:5] != "Nats-"}
    headers["Nats-Msg-Id"] = f"replay:{uuid4()}"
    if skip:
        headers[SKIP_HEADER] = dead.durable
    await nats.jetstream().publish(dead.subject, dead.body, 5, headers=headers)
    await nats.jetstream().delete_msg(DEAD_LETTERS, number)
    return dead
