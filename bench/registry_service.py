"""The real registry service on a stage, and one client that asks it, one request after the other."""

import asyncio
import json
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from typing import Any

import psutil

from bench.p3 import ROOT, _running
from bench.stage import DATABASE, PASSWORD, Stage
from services.registry.seal import Seal
from sinergi.settings import ensure_key
from sinergi_operator.database import setup_database
from sinergi_operator.processes import free_port
from tests.harness.issuer import Issuer

SERVICE = "registry"


def prepare(stage: Stage) -> Seal:
    """Make the registry's role, tables and seal; returns the seal, in use in this process too."""
    asyncio.run(setup_database(stage.postgres.admin_url, DATABASE, {SERVICE: PASSWORD}))
    migration = [sys.executable, "-m", "services.registry.main", "migrate"]
    subprocess.run(migration, cwd=ROOT, env=environment(stage), check=True, timeout=60)
    seal = Seal(ensure_key(stage.folder / "seal"))
    seal.use()
    return seal


def environment(stage: Stage, **more: str) -> dict[str, str]:
    """The environment of the service's process."""
    own = {
        "SINERGI_SEAL_KEY_FILE": str(stage.folder / "seal"),
        "SINERGI_FILES_FOLDER": str(stage.folder / "files"),
    }
    return stage.environment(SERVICE, **own, **more)


@dataclass(frozen=True)
class Door:
    """Where the service answers, a token, and the bytes of memory that its process holds at the start."""

    port: int
    token: str

    def memory(self) -> int:
        """The resident bytes of the service's process now."""
        listening = (one for one in psutil.net_connections("tcp") if one.status == "LISTEN")
        pid = next(one.pid for one in listening if one.laddr and one.laddr.port == self.port)
        return int(psutil.Process(pid).memory_info().rss)


@contextmanager
def serving(stage: Stage, area: str) -> Iterator[Door]:
    """The service as its main.py runs it, for an operator of the area."""
    port = free_port()
    with closing(Issuer()) as issuer:
        settings = environment(stage, SINERGI_PORT=str(port), SINERGI_ISSUER=issuer.url)
        with _running(stage, "services.registry.main", port, settings, "/healthz"):
            token = issuer.token(sinergi_role="operator", sinergi_area=area, exp=int(time.time()) + 3600)
            yield Door(port, token)


class Client:
    """One keep-alive connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, token: str) -> None:
        self._reader, self._writer = reader, writer
        self._head = f"Host: 127.0.0.1\r\nAuthorization: Bearer {token}\r\nContent-Type: application/json\r\n"

    @classmethod
    async def at(cls, door: Door) -> "Client":
        """Connected to the service."""
        return cls(*await asyncio.open_connection("127.0.0.1", door.port), door.token)

    async def post(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        """The answer's body; RuntimeError unless it is 200."""
        return await self._ask("POST", path, json.dumps(body).encode())

    async def get(self, path: str) -> dict[str, Any]:
        """The same."""
        return await self._ask("GET", path, b"")

    async def _ask(self, method: str, path: str, content: bytes) -> dict[str, Any]:
        head = f"{method} {path} HTTP/1.1\r\n{self._head}Content-Length: {len(content)}\r\n\r\n"
        self._writer.write(head.encode() + content)
        answer = await self._reader.readuntil(b"\r\n\r\n")
        length = next(line for line in answer.lower().split(b"\r\n") if line.startswith(b"content-length:"))
        text = await self._reader.readexactly(int(length.split(b":")[1]))
        if not answer.startswith(b"HTTP/1.1 200"):
            raise RuntimeError(f"{answer.splitlines()[0].decode()}: {text.decode()}")
        found: dict[str, Any] = json.loads(text)
        return found

    def close(self) -> None:
        """Hang up."""
        self._writer.close()
