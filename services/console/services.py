"""The services' HTTP APIs, called with the user's own token: the console may do what its user may, no more."""

from typing import Any

import httpx2 as httpx

from services.console.settings import ConsoleSettings
from sinergi import tracing
from sinergi.problems import Refused

SECONDS = 10


class Services:
    """Calls for one user. Answers are JSON; a problem+json comes as the `Refused` that it tells of."""

    def __init__(self, client: httpx.AsyncClient, settings: ConsoleSettings, token: str) -> None:
        self._client, self._token = client, token
        self._urls = {
            "referrals": settings.referrals_url,
            "cases": settings.cases_url,
            "notify": settings.notify_url,
            "registry": settings.registry_url,
        }

    async def get(self, service: str, path: str, **params: Any) -> Any:
        """Read. Parameters that are None are left out."""
        known = {name: value for name, value in params.items() if value is not None}
        return await self._call("GET", service, path, params=known)

    async def post(self, service: str, path: str, body: Any, key: str | None = None) -> Any:
        """Give a command, once for each key."""
        headers = {"Idempotency-Key": key} if key else {}
        return await self._call("POST", service, path, json=body, headers=headers)

    async def _call(
        self, method: str, service: str, path: str, headers: dict[str, str] | None = None, **more: Any
    ) -> Any:
        signed = {"Authorization": f"Bearer {self._token}", "traceparent": tracing.traceparent()}
        url = self._urls[service].rstrip("/") + path
        try:
            answer = await self._client.request(method, url, headers=signed | (headers or {}), **more)
            body = answer.json()
        except (httpx.HTTPError, ValueError) as wrong:
            raise Refused("service-unavailable", f"{service} does not answer.", "unavailable") from wrong
        if answer.is_error:
            raise Refused.of(body)
        return body
