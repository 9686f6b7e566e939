"""What the tests of obstacles and meetings tell: an office of its own, so that nobody else's lie in its agenda."""

import secrets
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import httpx2 as httpx

from tests.harness.stack import Running

#: the day in Jakarta
TODAY = (datetime.now(UTC) + timedelta(hours=7)).date()
OBSTACLE = {
    "area": "31.74.01",
    "category": "civil-documents",
    "severity": "high",
    "since": (TODAY - timedelta(days=40)).isoformat(),
    "words": "Blanko KTP-el habis di kelurahan",
}


class Office:
    """One office with a worker, and two supervisors of whom the first chairs."""

    def __init__(self, cases: Running) -> None:
        self.cases, self.agency = cases, f"d{secrets.token_hex(4)}"
        self.worker_sub, self.chair_sub = f"worker-{uuid4().hex}", f"chair-{uuid4().hex}"
        self.worker = cases.client("social_worker", self.agency, sub=self.worker_sub)
        self.chair = cases.client("supervisor", self.agency, sub=self.chair_sub)
        self.other = cases.client("supervisor", self.agency, sub=f"other-{uuid4().hex}")

    async def leave(self) -> None:
        """Close the clients."""
        for one in (self.worker, self.chair, self.other):
            await one.aclose()

    async def case(self, area: str = "31.74.01") -> str:
        """A new case of the worker."""
        body = {"client_kind": "person", "client_id": str(uuid4()), "area": area, "way_in": "walk-in"}
        return str((await done(self.worker.post("/cases", json=body)))["id"])

    async def raised(self, *case_ids: str, **other: Any) -> dict[str, Any]:
        """An obstacle that the worker names."""
        about = [{"kind": "case", "id": one} for one in case_ids]
        return await done(self.worker.post("/obstacles", json=OBSTACLE | {"about": about} | other))

    async def called(self, days: int = 0, area: str = "31.74", **other: Any) -> dict[str, Any]:
        """A meeting that the chair calls."""
        body = {"area": area, "held_on": (TODAY + timedelta(days=days)).isoformat(), "place": "Aula Sudinsos"}
        return await done(self.chair.post("/meetings", json=body | other))

    async def meeting(self, meeting_id: str) -> dict[str, Any]:
        """The meeting as the chair reads it."""
        return await done(self.chair.get(f"/meetings/{meeting_id}"))

    async def held(self, meeting: dict[str, Any]) -> dict[str, Any]:
        """The meeting took place."""
        body = {"expected_version": meeting["version"], "participants": [{"name": "Sri Kepala", "office": "Sudinsos"}]}
        return await done(self.chair.post(f"/meetings/{meeting['id']}/hold", json=body))

    async def minuted(self, meeting_id: str, kind: str, *decisions: dict[str, Any], notes: str = "Dibahas.") -> None:
        """The minutes of the meeting's first point of a kind."""
        item = next(one for one in (await self.meeting(meeting_id))["items"] if one["kind"] == kind)
        body = {"expected_version": item["version"], "notes": notes, "decisions": list(decisions)}
        await done(self.other.post(f"/meetings/{meeting_id}/items/{item['id']}", json=body))

    def decision(self, **other: Any) -> dict[str, Any]:
        """What was decided: the worker does it in a week."""
        due = (TODAY + timedelta(days=7)).isoformat()
        return {"text": "Minta blanko ke Dukcapil", "worker": self.worker_sub, "due_on": due} | other


async def done(asked: Any) -> dict[str, Any]:
    """The answer of what must succeed."""
    response: httpx.Response = await asked
    assert response.is_success, response.text
    answer: dict[str, Any] = response.json()
    return answer


async def refused(asked: Any) -> tuple[int, str]:
    """Status and slug of what must be refused."""
    response: httpx.Response = await asked
    assert response.is_error, response.text
    return response.status_code, response.json()["type"].rsplit(":", 1)[-1]
