"""Where a Sinergi is: the addresses of its parts and the logins to it, the same for embedded and compose."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2 as httpx
import nats
from nats.aio.client import Client
from rich.console import Console

from sinergi.problems import Refused
from sinergi_operator.setup import Login

console = Console(highlight=False)


@dataclass(frozen=True, slots=True)
class Place:
    """One running system. `urls`: service -> base URL; `mail`: where its SMTP server keeps mails, if it is ours."""

    urls: dict[str, str]
    nats_url: str
    seed_file: Path
    logins: dict[str, Login]
    mail: Path | None = None

    async def connect(self) -> Client:
        """A NATS connection with the operator's rights."""
        return await nats.connect(
            self.nats_url.split(","), nkeys_seed=str(self.seed_file), name="operator", max_reconnect_attempts=-1
        )

    def sign_in(self, username: str) -> "Api":
        """An API client that acts as this user."""
        return Api(self.urls, self.logins[username])


def read_logins(file: Path) -> dict[str, Login]:
    """username -> login, from `logins.json`."""
    entries = json.loads(file.read_text())
    return {one["username"]: Login(**one) for one in entries}


class Api:
    """The services' HTTP APIs as one user. A refusal of theirs is raised as `Refused`."""

    def __init__(self, urls: dict[str, str], login: Login) -> None:
        self._urls, self._login = urls, login
        self._http = httpx.AsyncClient(timeout=30)
        self._token = ""

    async def close(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    async def get(self, service: str, path: str, **query: Any) -> Any:
        """GET; None-valued query parameters are left out."""
        return await self._call("GET", service, path, params={k: v for k, v in query.items() if v is not None})

    async def post(self, service: str, path: str, body: Any = None, **more: Any) -> Any:
        """POST a JSON body, or with `files`/`data` a form."""
        return await self._call("POST", service, path, json=body, **more)

    async def put(self, service: str, path: str, body: Any) -> Any:
        """PUT a JSON body."""
        return await self._call("PUT", service, path, json=body)

    async def download(self, service: str, path: str) -> bytes:
        """GET a file."""
        return (await self._send("GET", service, path)).content

    async def _call(self, method: str, service: str, path: str, **more: Any) -> Any:
        return (await self._send(method, service, path, **more)).json()

    async def _send(self, method: str, service: str, path: str, **more: Any) -> httpx.Response:
        if not self._token:
            await self._sign_in()
        headers = {"Authorization": f"Bearer {self._token}"}
        answer = await self._http.request(method, self._urls[service] + path, headers=headers, **more)
        if answer.status_code == 401:
            await self._sign_in()
            headers = {"Authorization": f"Bearer {self._token}"}
            answer = await self._http.request(method, self._urls[service] + path, headers=headers, **more)
        if answer.status_code >= 400:
            raise _refusal(answer)
        return answer

    async def _sign_in(self) -> None:
        form = {"grant_type": "password", "username": self._login.username, "password": self._login.password}
        answer = await self._http.post(self._urls["console"] + "/oauth/token", data=form)
        if answer.status_code >= 400:
            raise _refusal(answer)
        self._token = answer.json()["access_token"]


def _refusal(answer: httpx.Response) -> Refused:
    if "json" in answer.headers.get("content-type", ""):
        return Refused.of(answer.json())
    return Refused("http-error", f"{answer.request.url.path} answered {answer.status_code}.", "unavailable")
