"""The services' HTTP APIs, called with the user's own token: the console may do what its user may, no more."""

from typing import Any

import httpx2 as httpx
from fastapi import Response
from starlette.datastructures import UploadFile

from services.console.settings import ConsoleSettings
from sinergi import tracing
from sinergi.problems import Refused

SECONDS = 10
#: a large list takes its time
UPLOAD_SECONDS = 120
#: what a download may tell the browser
DOWNLOAD_HEADERS = ("content-type", "content-disposition")


class Services:
    """Calls for one user, or for nobody without a token. Answers are JSON; a problem+json comes as the `Refused` that
    it tells of."""

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

    async def put(self, service: str, path: str, body: Any, key: str | None = None) -> Any:
        """Write what the path names, once for each key."""
        headers = {"Idempotency-Key": key} if key else {}
        return await self._call("PUT", service, path, json=body, headers=headers)

    async def upload(self, service: str, path: str, file: UploadFile, fields: dict[str, str]) -> Any:
        """Hand on a file that the browser sent; it goes from disk to the service, not through memory."""
        files = {"file": (file.filename, file.file, file.content_type)}
        return await self._call("POST", service, path, data=fields, files=files, timeout=UPLOAD_SECONDS)

    async def download(self, service: str, path: str, **params: Any) -> Response:
        """Hand a file on to the browser."""
        answer = await self._send("GET", service, path, params=params, timeout=UPLOAD_SECONDS)
        if answer.is_error:
            raise Refused.of(_json(service, answer))
        headers = {name: answer.headers[name] for name in DOWNLOAD_HEADERS if name in answer.headers}
        return Response(answer.content, headers=headers | {"Cache-Control": "no-store"})

    async def _call(self, method: str, service: str, path: str, **more: Any) -> Any:
        answer = await self._send(method, service, path, **more)
        body = _json(service, answer)
        if answer.is_error:
            raise Refused.of(body)
        return body

    async def _send(
        self, method: str, service: str, path: str, headers: dict[str, str] | None = None, **more: Any
    ) -> httpx.Response:
        signed = {"traceparent": tracing.traceparent()}
        if self._token:
            signed["Authorization"] = f"Bearer {self._token}"
        url = self._urls[service].rstrip("/") + path
        try:
            return await self._client.request(method, url, headers=signed | (headers or {}), **more)
        except httpx.HTTPError as wrong:
            raise Refused("service-unavailable", f"{service} does not answer.", "unavailable") from wrong


def _json(service: str, answer: httpx.Response) -> Any:
    try:
        return answer.json()
    except ValueError as wrong:
        raise Refused("service-unavailable", f"{service} does not answer.", "unavailable") from wrong
