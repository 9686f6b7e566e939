"""Commands as an agency's own server signs them."""

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import httpx2 as httpx
from standardwebhooks import Webhook as Signer

from tests.harness.stack import Running
from tests.referrals.conftest import CARRIES


@dataclass
class Server:
    """An agency's server: it knows its webhook's id and secret."""

    running: Running
    webhook: str
    secret: str
    age: timedelta = field(default_factory=timedelta)

    def body(self, command: str, referral: dict[str, Any], **more: Any) -> bytes:
        """What it signs."""
        about = {"command": command, "referral_id": referral["id"], "expected_version": referral["version"]}
        return json.dumps(about | CARRIES.get(command.replace("-", "_"), {}) | more).encode()

    def headers(self, body: bytes, key: str) -> dict[str, str]:
        """Its signature."""
        at = datetime.now(UTC) - self.age
        return {
            "sinergi-webhook": self.webhook,
            "webhook-id": key,
            "webhook-timestamp": str(int(at.timestamp())),
            "webhook-signature": Signer(self.secret).sign(key, at, body.decode()),
        }

    async def give(self, command: str, referral: dict[str, Any], key: str | None = None, **more: Any) -> httpx.Response:
        """Give a command with all that it must carry."""
        body = self.body(command, referral, **more)
        return await self.post(command, referral, body, self.headers(body, key or uuid4().hex))

    async def post(
        self, command: str, referral: dict[str, Any], body: bytes, headers: dict[str, str]
    ) -> httpx.Response:
        """Post this body under these headers."""
        async with self.running.anonymous(headers) as http:
            return await http.post(f"/agency/referrals/{referral['id']}/{command}", content=body)


def slug(answer: httpx.Response) -> str:
    """Why it was refused."""
    return str(answer.json()["type"]).rsplit(":", 1)[-1]
