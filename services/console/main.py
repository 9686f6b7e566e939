"""The console as a process."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx2 as httpx
from starlette.staticfiles import StaticFiles

from services.console import api, consumers
from services.console.issuer import ensure_key
from services.console.page import HERE
from services.console.services import SECONDS
from services.console.settings import ConsoleSettings
from services.console.sign_in import load_users
from sinergi.app import Context, Service

HEADERS = {
    "Content-Security-Policy": "default-src 'self'; object-src 'none'; base-uri 'none'; form-action 'self'; "
    "frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
}


class SafeHeaders:
    """ASGI middleware: what a browser may do with our pages. No inline script or style runs."""

    def __init__(self, app: Any) -> None:
        self._app = app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        async def with_headers(message: Any) -> None:
            if message["type"] == "http.response.start":
                added = [(name.lower().encode(), value.encode()) for name, value in HEADERS.items()]
                message["headers"] = [*message["headers"], *added]
            await send(message)

        await self._app(scope, receive, with_headers if scope["type"] == "http" else send)


@asynccontextmanager
async def users_and_keys(context: Context) -> AsyncIterator[None]:
    """Make the signing key and the users of the file."""
    await ensure_key(context.db)
    assert isinstance(context.settings, ConsoleSettings)
    if context.settings.users_file:
        await load_users(context.db, context.settings.users_file)
    yield


@asynccontextmanager
async def http_client(context: Context) -> AsyncIterator[None]:
    """One pool of connections to the services."""
    async with httpx.AsyncClient(timeout=SECONDS) as client:
        app.state.http = client
        yield


service = Service(
    "console",
    router=api.router,
    bus=consumers.bus,
    settings=ConsoleSettings,
    extras=[users_and_keys, http_client],
)
app = service.app
app.add_middleware(SafeHeaders)
app.mount("/static", StaticFiles(directory=HERE / "static"), name="static")

if __name__ == "__main__":
    service.run()
