"""An operator's office: the service referrals in this process, and the session's own nats-server to reload."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

import httpx2 as httpx
from nats.aio.client import Client

from sinergi_operator.accounts import Embedded
from sinergi_operator.onboarding import Entry, onboard
from sinergi_operator.place import Api
from sinergi_operator.revoking import Revoked, revoke
from sinergi_operator.setup import Login
from tests.harness import backends
from tests.harness.stack import Running, Stack

CODE = "bank-uji"
ENTRY = Entry(CODE, "Bank Uji", "bank", "kur", "kur-mikro", "KUR mikro", "pinjaman", ["name"], ["31"], ["economic"])


class Door(Api):
    """The operator's API client, at the service in this process."""

    def __init__(self, running: Running, role: str) -> None:
        super().__init__({"referrals": "http://test"}, Login(role, "", role, role))
        self._token = running.issuer.token(sub=role, sinergi_role=role)
        self._http = httpx.AsyncClient(transport=httpx.ASGITransport(app=running.app), timeout=30)


@dataclass
class Office:
    """What the operator works with."""

    accounts: Embedded
    operator: Door
    supervisor: Door
    worker: Door
    stack: Stack
    nats: Client
    said: list[str] = field(default_factory=list)

    async def add(self, entry: Entry = ENTRY) -> list[str]:
        """The lines that onboarding told."""
        self.said.clear()
        url = self.stack.backend.nats_url
        await onboard(entry, self.accounts, self.operator, self.supervisor, url, self.said.append)
        return self.said

    async def revoke(self) -> Revoked:
        return await revoke(CODE, self.accounts, self.operator, self.nats)

    async def refer(self) -> dict[str, Any]:
        """A social worker's referral to the agency's own service."""
        request = {"service": "kur-mikro", "client_kind": "person", "client_id": str(uuid4()), "area": "31.74"}
        sent = await self.worker.post("referrals", "/referrals", request | {"reason": "income", "legal_basis": "UU 13"})
        return dict(sent)


@asynccontextmanager
async def opened(run_service: Any, stack: Stack, nats: Client) -> AsyncIterator[Office]:
    """The office until the block ends; its agency is locked out then."""
    assert isinstance(stack.backend, backends.Embedded)
    accounts = Embedded(stack.backend.nats.state, backends.AGENCIES)
    async with run_service("referrals") as running:
        doors = [Door(running, role) for role in ("operator", "supervisor", "social_worker")]
        yield Office(accounts, *doors, stack, nats)
        for door in doors:
            await door.close()
    accounts.take(CODE)
