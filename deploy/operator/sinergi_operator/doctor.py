"""`sinergi doctor`: looks at every part of a running system and says what is wrong and what to do about it."""

import httpx2 as httpx
from nats.aio.client import Client
from nats.js.errors import NotFoundError
from rich.table import Table

from sinergi import dead_letters
from sinergi.events import STREAMS
from sinergi.provision import DEAD_LETTERS
from sinergi_operator.place import Place, console
from sinergi_operator.setup import SERVICES

#: a consumer with so many messages waiting is behind
BEHIND = 1000


async def examine(place: Place) -> bool:
    """Print what was found; True when nothing needs doing."""
    table = Table("part", "state", "what to do")
    healthy = [await _service(table, name, place.urls[name]) for name in SERVICES]
    nats = await place.connect()
    try:
        for stream in (*STREAMS, DEAD_LETTERS):
            healthy.append(await _stream(table, nats, stream))
        healthy.append(await _dead(table, nats))
    finally:
        await nats.close()
    console.print(table)
    return all(healthy)


async def _service(table: Table, name: str, url: str) -> bool:
    try:
        async with httpx.AsyncClient(timeout=5) as http:
            answer = (await http.get(f"{url}/readyz")).json()
    except (httpx.HTTPError, ValueError):
        table.add_row(f"service {name}", "[red]does not answer[/]", "look at its log; start it again")
        return False
    missing = ", ".join(answer.get("missing", []))
    table.add_row(
        f"service {name}",
        f"[red]not ready: {missing}[/]" if missing else "ready",
        "wait, or look at its log" if missing else "",
    )
    return not missing


async def _stream(table: Table, nats: Client, name: str) -> bool:
    try:
        info = await nats.jetstream().stream_info(name)
    except NotFoundError:
        table.add_row(f"stream {name}", "[red]missing[/]", "start the service that owns it: it declares and refills it")
        return False
    table.add_row(f"stream {name}", f"{info.state.messages:,} messages, {info.state.bytes:,} bytes", "")
    healthy = True
    for consumer in await nats.jetstream().consumers_info(name):
        behind = (consumer.num_pending or 0) > BEHIND
        state = f"{consumer.num_pending:,} waiting, {consumer.num_ack_pending:,} in hand"
        table.add_row(
            f"  {consumer.name}",
            f"[yellow]{state}[/]" if behind else state,
            "it is behind: is it running?" if behind else "",
        )
        healthy = healthy and not behind
    return healthy


async def _dead(table: Table, nats: Client) -> bool:
    count = len([one async for one in dead_letters.letters(nats)])
    table.add_row("dead letters", f"[red]{count}[/]" if count else "none", "sinergi dead-letters list" if count else "")
    return not count
