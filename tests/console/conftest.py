"""The console with the services that it asks, each over real HTTP on its own port, and users of each role."""

import asyncio
import contextlib
import importlib
import json
import os
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import httpx2 as httpx
import pytest
import uvicorn
from pwdlib import PasswordHash
from pwdlib.hashers.argon2 import Argon2Hasher

from sinergi.app import Context
from sinergi_operator.processes import free_port
from tests.harness.stack import Stack, eventually

PASSWORD = "a password of this test"
#: argon2 as in earnest, but cheap: these tests sign in a hundred times
QUICK = PasswordHash((Argon2Hasher(time_cost=1, memory_cost=64),))
USERS = {
    "bptsp": ("desk_officer", "bptsp"),
    "koperasi": ("desk_officer", "koperasi"),
    "peksos": ("social_worker", "dinsos"),
    "operator": ("operator", "dinsos"),
    "supervisor": ("supervisor", "dinsos"),
    "auditor": ("auditor", "dinsos"),
    # far from other tests' clients: else a free bed goes to who waits longest
    "panti": ("facility_officer", "dinsos", "94.71"),
    "panti-peksos": ("social_worker", "dinsos", "94.71"),
    "panti-ketua": ("supervisor", "dinsos", "94.71"),
    "relawan": ("volunteer", "dinsos"),
    # offices that no other file's tests fill: what their supervisors see is all on the first page
    "beban-peksos": ("social_worker", "beban"),
    "beban-ketua": ("supervisor", "beban"),
    "rapat-peksos": ("social_worker", "rapat"),
    "rapat-ketua": ("supervisor", "rapat"),
}


@dataclass
class System:
    """Where everything answers."""

    urls: dict[str, str]
    apps: dict[str, Any]

    @property
    def console(self) -> Context:
        context: Context = self.apps["console"].state.context
        return context

    def browser(self) -> httpx.AsyncClient:
        """A browser that nobody has signed in with."""
        return httpx.AsyncClient(base_url=self.urls["console"], timeout=30)

    @contextlib.asynccontextmanager
    async def signed_in(self, username: str) -> AsyncIterator[httpx.AsyncClient]:
        """A browser signed in as this user."""
        async with self.browser() as browser:
            answer = await browser.post("/login", data={"username": username, "password": PASSWORD})
            assert answer.status_code == 303, answer.text
            yield browser

    @contextlib.asynccontextmanager
    async def api(self, service: str, username: str) -> AsyncIterator[httpx.AsyncClient]:
        """A service's API, with a token of the built-in issuer."""
        async with self.browser() as browser:
            form = {"grant_type": "password", "username": username, "password": PASSWORD}
            token = (await browser.post("/oauth/token", data=form)).raise_for_status().json()["access_token"]
        headers = {"Authorization": f"Bearer {token}"}
        async with httpx.AsyncClient(base_url=self.urls[service], headers=headers, timeout=30) as api:
            yield api

    async def referral(self) -> str:
        """The id of a new referral to BPTSP."""
        async with self.api("referrals", "peksos") as api:
            sent = {
                "service": "izin-usaha",
                "client_kind": "person",
                "client_id": str(uuid4()),
                "area": "31.74.04",
                "reason": "business",
                "legal_basis": "UU 13/2011",
                "documents": ["ktp"],
            }
            answer = await api.post("/referrals", json=sent)
            return str(answer.raise_for_status().json()["id"])


def hidden(html: str, name: str) -> str:
    """The value of the page's first hidden field of this name."""
    found = re.search(rf'name="{name}" value="([^"]*)"', html)
    assert found, f"no {name} in the page"
    return found[1]


@pytest.fixture(scope="module")
async def system(stack: Stack) -> AsyncIterator[System]:
    """Console and the services that it asks, at work."""
    names = ["console", "notify", "referrals", "registry", "cases"]
    urls = {name: f"http://127.0.0.1:{free_port()}" for name in names}
    before = dict(os.environ)
    more = {f"SINERGI_{name.upper()}_URL": url for name, url in urls.items()}
    more |= {"SINERGI_ISSUER": urls["console"], "SINERGI_USERS_FILE": _users_file(stack)}
    async with contextlib.AsyncExitStack() as servers:
        apps = {}
        for name in names:
            os.environ.update(stack.environment(name, **more))
            apps[name] = await servers.enter_async_context(_serving(name, urls[name]))
        system = System(urls, apps)
        await _fill_directory(system)
        os.environ.clear()
        os.environ.update(before)
        yield system


def _users_file(stack: Stack) -> str:
    kept = QUICK.hash(PASSWORD)
    users = [
        {
            "sub": f"sub-{name}",
            "username": name,
            "password_hash": kept,
            "name": f"Pengguna {name}",
            "role": role,
            "agency": agency,
            "area": area[0] if area else "31.74",
        }
        for name, (role, agency, *area) in USERS.items()
    ]
    file = stack.folder / "users.json"
    file.write_text(json.dumps(users))
    return str(file)


@contextlib.asynccontextmanager
async def _serving(name: str, url: str) -> AsyncIterator[Any]:
    app = importlib.import_module(f"services.{name}.main").app
    config = uvicorn.Config(
        app, port=int(url.rsplit(":", 1)[1]), log_config=None, timeout_graceful_shutdown=1, lifespan="on"
    )
    server = uvicorn.Server(config)
    server.capture_signals = contextlib.nullcontext  # type: ignore[assignment, method-assign]
    task = asyncio.create_task(server.serve())

    async def started() -> bool:
        return server.started or task.done()

    await eventually(started, timeout=30)
    assert server.started, f"{name} did not start"
    yield app
    server.should_exit = True
    await task


async def _fill_directory(system: System) -> None:
    async with system.api("referrals", "operator") as api:
        for code in ("dinsos", "bptsp", "koperasi"):
            agency = {"name": code, "kind": "office"}
            (await api.put(f"/directory/agencies/{code}", json=agency)).raise_for_status()
        service = {
            "agency": "bptsp",
            "desk": "bptsp/izin-usaha",
            "name": "Izin usaha mikro",
            "purpose": "Menerbitkan NIB",
            "fields": ["name", "nik"],
            "documents": ["ktp", "surat-domisili"],
            "areas": ["31.74"],
            "decide_hours": 72,
        }
        (await api.put("/directory/services/izin-usaha", json=service)).raise_for_status()
