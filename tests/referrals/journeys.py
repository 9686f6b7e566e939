"""A pathway as its worker and its desks live it, over HTTP: who serves what, starting, answering, looking."""

from typing import Any
from uuid import uuid4

from tests.harness.stack import Running, eventually

#: where nobody else's tests offer anything
AREA, HERE = "52.71.01", "52"
AGENCIES = {"kop-ntb": "cooperatives", "kop-lotim": "cooperatives", "ptsp-ntb": "licensing", "bank-ntb": "bank"}
SERVICES = {
    "pembinaan-ntb": "kop-ntb",
    "izin-ntb": "ptsp-ntb",
    "modal-ntb": "bank-ntb",
}
ANSWERS = {
    "decline": {"reason": "capacity", "text": "Penuh."},
    "accept": {"expected_on": "2030-01-01"},
    "fail": {"reason": "unreachable"},
}


def offer(agency: str, **other: Any) -> dict[str, Any]:
    """A service of this agency for economic needs in the area."""
    entry = {"agency": agency, "desk": f"{agency}/loket", "name": "Layanan", "purpose": "a service for groups"}
    return entry | {"fields": ["name"], "areas": [HERE], "needs": ["economic"], **other}


class Journey:
    """One pathway of a fresh client, and everybody around it."""

    def __init__(self, referrals: Running, client: str | None = None) -> None:
        self.referrals, self.client_id, self.id = referrals, client or str(uuid4()), ""

    async def call(self, who: str, method: str, path: str, body: Any = None, **claims: Any) -> Any:
        """One request; the answer."""
        signed = {"area": HERE} | claims
        async with self.referrals.client(who, **signed) as client:
            return await client.request(method, path, json=body)

    async def start(self, template: str = "kube-naik-kelas", **other: Any) -> Any:
        """The worker starts it."""
        body = {"template": template, "client_kind": "group", "client_id": self.client_id, "area": AREA} | other
        answer = await self.call("social_worker", "POST", "/pathways", body)
        if answer.status_code == 201:
            self.id = answer.json()["id"]
        return answer

    async def look(self) -> dict[str, Any]:
        """The pathway as its worker sees it."""
        answer = await self.call("social_worker", "GET", f"/pathways/{self.id}")
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found

    async def step(self, key: str) -> dict[str, Any]:
        """One step of it."""
        return next(one for one in (await self.look())["steps"] if one["key"] == key)

    async def states(self) -> dict[str, str]:
        """Where each step stands."""
        return {one["key"]: one["state"] for one in (await self.look())["steps"]}

    async def until(self, key: str, state: str, attempt: int | None = None) -> dict[str, Any]:
        """Wait until the step stands there; the step."""

        async def there() -> dict[str, Any] | None:
            step = await self.step(key)
            return step if step["state"] == state and attempt in (None, step["attempt"]) else None

        found: dict[str, Any] = await eventually(there, what=f"{key} never became {state}")
        return found

    async def ended(self, state: str) -> dict[str, Any]:
        """Wait until the pathway stands there; the pathway."""

        async def there() -> dict[str, Any] | None:
            found = await self.look()
            return found if found["state"] == state else None

        found: dict[str, Any] = await eventually(there, what=f"it never became {state}")
        return found

    async def answer(self, key: str, command: str, version: int = 1, **body: Any) -> Any:
        """The desk of the step's referral answers."""
        step = await self.step(key)
        agency = (await self.call("social_worker", "GET", f"/referrals/{step['referral_id']}")).json()["receiver"]
        given = {"expected_version": version} | ANSWERS.get(command, {}) | body
        path = f"/referrals/{step['referral_id']}/{command.replace('_', '-')}"
        return await self.call("desk_officer", "POST", path, given, agency=agency)

    async def goes_well(self, key: str, outcome: str, *evidence: dict[str, Any]) -> None:
        """The step is sent, accepted and completed."""
        await self.until(key, "sent")
        assert (await self.answer(key, "accept")).is_success
        done = await self.answer(key, "complete", 2, outcome=outcome, evidence=list(evidence))
        assert done.is_success, done.text

    async def decide(self, command: str, version: int | None = None, who: str = "social_worker", **body: Any) -> Any:
        """A decision at the version that is seen now."""
        seen = version or (await self.look())["version"]
        claims = {name: body.pop(name) for name in ("agency", "area") if name in body}
        return await self.call(
            who, "POST", f"/pathways/{self.id}/{command}", {"expected_version": seen} | body, **claims
        )


async def furnish(referrals: Running) -> None:
    """The agencies and their services."""
    async with referrals.client("operator", area="*") as operator:
        for code, kind in AGENCIES.items():
            entry = {"name": code, "kind": kind, "connected": False}
            (await operator.put(f"/directory/agencies/{code}", json=entry)).raise_for_status()
        for code, agency in SERVICES.items():
            (await operator.put(f"/directory/services/{code}", json=offer(agency))).raise_for_status()
