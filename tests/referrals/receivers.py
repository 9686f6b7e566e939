"""Agencies' servers: one real HTTP server, each path of it an agency's, that does as it is told."""

import asyncio
import json
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, nullcontext
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import httpx2 as httpx
import uvicorn
from standardwebhooks import Webhook as Signer

from services.referrals.webhook_hearing import forget
from sinergi_operator.processes import free_port
from tests.harness.stack import Running, eventually

#: what a server does with a request: the status that it answers
Behaviour = Callable[[], Awaitable[int]]


@dataclass
class Came:
    """A request that came, as it stood on the wire."""

    headers: dict[str, str]
    body: bytes
    answered: int = 0

    @property
    def event(self) -> dict[str, Any]:
        """The CloudEvent."""
        event: dict[str, Any] = json.loads(self.body)
        return event

    def is_signed_by(self, secret: str) -> bool:
        """Whether this secret signed it."""
        try:
            Signer(secret).verify(self.body, self.headers)
        except Exception:
            return False
        return True


@dataclass
class Receivers:
    """The servers."""

    port: int = field(default_factory=free_port)
    came: dict[str, list[Came]] = field(default_factory=lambda: defaultdict(list))
    behaviours: dict[str, Behaviour] = field(default_factory=dict)
    answer: tuple[list[tuple[bytes, bytes]], bytes] = ([], b"")

    def url(self, name: str) -> str:
        """Where an agency's server is."""
        return f"http://127.0.0.1:{self.port}/{name}"

    def taken(self, name: str, about: str | None = None) -> list[tuple[str, int]]:
        """(type, version) of the events that a server has answered 2xx, as they came; of one referral or of all."""
        events = [one.event for one in self.came[name] if 200 <= one.answered < 300]
        return [
            (event["type"].split(".")[2], int(event["sequence"]))
            for event in events
            if about in (None, event["partitionkey"])
        ]

    def answers(self, name: str, *statuses: int) -> None:
        """Answer these one after the other, and then the last one for ever."""
        left = list(statuses)

        async def answer() -> int:
            return left.pop(0) if len(left) > 1 else left[0]

        self.behaviours[name] = answer

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """ASGI."""
        if scope["type"] != "http":
            return
        name, body, more = scope["path"].strip("/"), b"", True
        while more:
            message = await receive()
            body, more = body + message.get("body", b""), message.get("more_body", False)
        came = Came({key.decode(): value.decode() for key, value in scope["headers"]}, body)
        self.came[name].append(came)
        came.answered = await self.behaviours[name]() if name in self.behaviours else 204
        headers, answer = self.answer
        await send({"type": "http.response.start", "status": came.answered, "headers": headers})
        await send({"type": "http.response.body", "body": answer})


@asynccontextmanager
async def receivers_at_work() -> AsyncIterator[Receivers]:
    """The servers, listening."""
    receivers = Receivers()
    config = uvicorn.Config(
        receivers, port=receivers.port, log_config=None, lifespan="off", timeout_graceful_shutdown=1
    )
    server = uvicorn.Server(config)
    server.capture_signals = nullcontext  # type: ignore[assignment, method-assign]
    task = asyncio.create_task(server.serve())

    async def started() -> bool:
        return server.started

    await eventually(started)
    yield receivers
    server.should_exit = True
    await task


async def make_webhook(running: Running, url: str, agency: str = "koperasi", **more: Any) -> dict[str, Any]:
    """A webhook as the operator makes it: id, version, secret."""
    async with running.client("operator") as operator:
        made = await operator.post("/webhooks", json={"agency": agency, "url": url, **more})
    assert made.status_code == 201, made.text
    answer: dict[str, Any] = made.json()
    return answer


async def manage(running: Running, webhook: dict[str, Any], command: str, **more: Any) -> httpx.Response:
    """Give a command to a webhook as the operator, with the version that it has."""
    async with running.client("operator") as operator:
        if command not in ("replay", "test"):
            more["expected_version"] = (await operator.get(f"/webhooks/{webhook['id']}")).json()["version"]
        return await operator.post(f"/webhooks/{webhook['id']}/{command}", json=more)


async def remove_all(running: Running) -> None:
    """Remove every webhook, so that the next test's facts are told to its own alone."""
    async with running.client("operator") as operator:
        for one in (await operator.get("/webhooks?size=100")).json()["items"]:
            body = {"expected_version": one["version"]}
            while (answer := await operator.post(f"/webhooks/{one['id']}/remove", json=body)).status_code == 409:
                body = {"expected_version": answer.json()["version"]}
            answer.raise_for_status()
    forget(running.context.db.engine)


async def log_of(running: Running, webhook: dict[str, Any], **wanted: Any) -> list[dict[str, Any]]:
    """The log of a webhook, newest first."""
    async with running.client("operator") as operator:
        answer = await operator.get(f"/webhooks/{UUID(webhook['id'])}/deliveries", params=wanted)
    items: list[dict[str, Any]] = answer.raise_for_status().json()["items"]
    return items


async def delivered(running: Running, webhook: dict[str, Any], count: int) -> list[dict[str, Any]]:
    """The log, once so many deliveries are written down as delivered (a server has them a moment earlier)."""

    async def written() -> list[dict[str, Any]] | None:
        log = await log_of(running, webhook, state="delivered")
        return log if len(log) == count else None

    log: list[dict[str, Any]] = await eventually(written)
    return log
