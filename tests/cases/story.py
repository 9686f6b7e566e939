"""What the tests tell: a KUBE's case with coaching by koperasi first, and a licence by bptsp after it."""

from collections.abc import Awaitable, Callable
from typing import Any
from uuid import uuid4

import httpx2 as httpx

from services.cases.duties import DUTIES
from services.cases.reassessing import REASSESS
from sinergi.events import Event, ReferralDeclined, ReferralFact, ReferralRequested
from tests.harness.stack import Running, eventually

CALM = {
    "basic_needs": 1,
    "health": 0,
    "family": 1,
    "economic": 3,
    "psychosocial": 0,
    "legal": 1,
    "safety": 0,
}
GOALS = [
    {"key": "skill", "need": "economic", "text": "Mampu mengelola usaha bersama"},
    {"key": "licence", "need": "legal", "text": "Usaha berizin"},
]


def step(key: str, **other: Any) -> dict[str, Any]:
    """A step of a plan."""
    usual = {
        "key": key,
        "goal": "skill",
        "stage": "intervensi",
        "kind": "referral",
        "service": "koperasi-pembinaan",
        "reason": "business-coaching",
        "legal_basis": "Permensos 2/2019",
        "documents": ["ktp"],
    }
    return usual | other


COACHING = step("coaching", due_days=30)
LICENCE = step(
    "licence",
    goal="licence",
    stage="pemberdayaan",
    service="bptsp-nib",
    after=["coaching"],
    reason="micro-licence",
)


def besides_duties(tasks: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The tasks that stage and risk alone do not give."""
    return [one for one in tasks if one["kind"] not in {REASSESS, *(duty.kind for duty in DUTIES)}]


class Story:
    """One case and everyone around it. Each act returns the answer's JSON; `act` gives the response itself."""

    def __init__(self, running: Running, publish: Callable[..., Awaitable[str]]) -> None:
        self.running, self._publish = running, publish
        self.worker_sub, self.client_id = f"worker-{uuid4().hex}", str(uuid4())
        self.worker = running.client("social_worker", sub=self.worker_sub)
        self.supervisor = running.client("supervisor", sub=f"supervisor-{uuid4().hex}")
        self.case_id, self.version = "", 0

    async def leave(self) -> None:
        """Close the clients."""
        await self.worker.aclose()
        await self.supervisor.aclose()

    async def act(
        self, who: httpx.AsyncClient, path: str, *, method: str = "POST", version: int | None = None, **body: Any
    ) -> httpx.Response:
        """A command on the case, at the version last seen."""
        expected = self.version if version is None else version
        return await who.request(method, f"/cases/{self.case_id}{path}", json=body | {"expected_version": expected})

    async def done(self, who: httpx.AsyncClient, path: str, **more: Any) -> dict[str, Any]:
        """A command that must succeed."""
        return self._seen(await self.act(who, path, **more))

    def _seen(self, response: httpx.Response) -> dict[str, Any]:
        assert response.is_success, response.text
        answer: dict[str, Any] = response.json()
        self.case_id, self.version = answer["id"], answer["version"]
        return answer

    async def open(self, **other: Any) -> dict[str, Any]:
        """Open the case."""
        body = {"client_kind": "group", "client_id": self.client_id, "area": "31.74.01", "way_in": "registry"}
        return self._seen(await self.worker.post("/cases", json=body | other))

    async def assess(self, **answers: int) -> dict[str, Any]:
        """Assess it; `answers` differ from a calm family's."""
        return await self.done(self.worker, "/assessments", instrument="general", answers=CALM | answers)

    async def draft(self, *steps: dict[str, Any]) -> dict[str, Any]:
        """Write the plan."""
        wanted = list(steps) or [COACHING, LICENCE]
        return await self.done(self.worker, "/plan", method="PUT", goals=GOALS, steps=wanted)

    async def approved(self, *steps: dict[str, Any]) -> None:
        """Everything from opening to the approved plan."""
        await self.open()
        await self.assess()
        await self.draft(*steps)
        await self.done(self.worker, "/plan/submit")
        await self.done(self.supervisor, "/plan/approve", comment="Baik")

    async def read(self) -> dict[str, Any]:
        """The case as its worker sees it."""
        response = await self.worker.get(f"/cases/{self.case_id}")
        assert response.is_success, response.text
        case: dict[str, Any] = response.json()
        self.version = case["version"]
        return case

    async def step(self, key: str) -> dict[str, Any]:
        """One of its steps."""
        return next(one for one in (await self.read())["steps"] if one["key"] == key)

    async def until(self, key: str, state: str) -> dict[str, Any]:
        """Wait until the step is in this state."""

        async def there() -> dict[str, Any] | None:
            found = await self.step(key)
            return found if found["state"] == state else None

        found: dict[str, Any] = await eventually(there, what=f"{key} never became {state}")
        return found

    async def fact(self, kind: type[ReferralFact], key: str, referral: str, version: int, **more: Any) -> str:
        """A fact about the referral of a step, as the service `referrals` tells it."""
        return await self.publish(await self.event(kind, key, **({"referral_id": referral} | more)), version)

    async def publish(self, event: ReferralFact, version: int, aggregate: str | None = None, **more: Any) -> str:
        """Tell it; a notice is an `aggregate` of its own."""
        return await self._publish(event, aggregate or event.referral_id, version, **more)

    async def publish_any(self, event: Event, aggregate: str, version: int) -> str:
        """Tell a fact about something else than a referral."""
        return await self._publish(event, aggregate, version)

    async def event(self, kind: type[ReferralFact], key: str, **more: Any) -> ReferralFact:
        """The fact about the step's referral, not yet told."""
        found = await self.step(key)
        about = {
            "service": found["service"],
            "sender": "dinsos",
            "receiver": "koperasi",
            "desk": "koperasi/pembinaan",
            "area": "31.74.01",
            "client_kind": "group",
            "client_id": self.client_id,
            "case_id": self.case_id,
            "step_id": found["id"],
            "by": "agency",
            "by_agency": "koperasi",
        }
        return kind(**(about | more))

    async def requested(self, key: str, **more: Any) -> str:
        """A new referral for the step was sent; returns its id."""
        referral, asked = str(uuid4()), {"reason": "business-coaching", "legal_basis": "Permensos 2/2019"}
        await self.fact(ReferralRequested, key, referral, 1, **(asked | more))
        await self.until(key, "requested")
        return referral

    async def declined(self, key: str) -> str:
        """A referral for the step was sent, and declined for a missing document; returns its id."""
        referral = await self.requested(key)
        why = {"reason": "missing-documents", "side": "agency", "missing_documents": ["domicile-letter"]}
        await self.fact(ReferralDeclined, key, referral, 2, **why)
        await self.until(key, "declined")
        return referral
