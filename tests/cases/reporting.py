"""Who takes part when a TKSK of Jember finds somebody in Probolinggo: two offices, their people, and outsiders."""

import contextlib
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import httpx2 as httpx

from services.cases.ways_in import ways_in
from tests.harness.stack import Running

JEMBER, PROBOLINGGO = ("dinsos-jbr", "35.09"), ("dinsos-pbl", "35.13")
SEEN = {"description": "Laki-laki, luka di kaki kiri, tidak menyebut nama", "nickname": "Mbah Jenggot", "sex": "L"}
CALM = {one.key: False for one in ways_in().screening.questions}


class Office:
    """An office and its people."""

    def __init__(self, running: Running, agency: str, area: str) -> None:
        self.agency, self.area = agency, area
        self.worker_sub, self.supervisor_sub = f"worker-{uuid4().hex}", f"supervisor-{uuid4().hex}"
        self.worker = running.client("social_worker", agency, area, self.worker_sub)
        self.supervisor = running.client("supervisor", agency, area, self.supervisor_sub)

    async def report(self, who: httpx.AsyncClient | None = None, **other: Any) -> dict[str, Any]:
        """A report in this office's queue."""
        body = {
            "area": self.area,
            "way_in": "outreach",
            "reporter": "tksk",
            "contact": "TKSK, lewat telepon",
            "place_area": "35.13.07",
            "place": "Tepi jalan dekat pasar",
            "seen_at": datetime.now(UTC).isoformat(),
            "needs": ["health", "shelter"],
            "account": "Tidur di emperan, kaki terluka",
            "unknown": SEEN,
        }
        return done(await (who or self.worker).post("/intake", json=body | other), 201)

    async def screened(self, *yes: str, **other: Any) -> dict[str, Any]:
        """A report whose questions are answered: yes to these."""
        report = await self.report(**other)
        body = {"answers": CALM | dict.fromkeys(yes, True), "expected_version": report["version"]}
        return done(await self.worker.post(f"/intake/{report['id']}/screen", json=body))

    async def take_up(self, report: dict[str, Any], **other: Any) -> dict[str, Any]:
        """The report as a case of the worker's."""
        return done(await act(self.worker, report, "take-up", area=self.area, **other))

    async def case(self, **other: Any) -> dict[str, Any]:
        """A new case of somebody of the registry."""
        body = {"client_kind": "person", "client_id": str(uuid4()), "area": self.area, "way_in": "walk-in"}
        return done(await self.worker.post("/cases", json=body | other), 201)

    async def read(self, case_id: str) -> dict[str, Any]:
        """The case as the worker sees it."""
        return done(await self.worker.get(f"/cases/{case_id}"))

    async def proposed(self, case: dict[str, Any], to: "Office", **other: Any) -> dict[str, Any]:
        """A transfer that the worker wishes."""
        said = {"reason": "lives-there", "summary": "Keluarganya di sana.", "to_agency": to.agency, "to_area": to.area}
        body = said | {"expected_version": case["version"]} | other
        return done(await self.worker.post(f"/cases/{case['id']}/transfers", json=body), 201)

    async def offered(self, case: dict[str, Any], to: "Office") -> dict[str, Any]:
        """A transfer that lies before the other office."""
        return done(await act(self.supervisor, await self.proposed(case, to), "offer", of="transfers"))


def done(answer: httpx.Response, status: int = 200) -> dict[str, Any]:
    """The answer of something that must succeed."""
    assert answer.status_code == status, answer.text
    body: dict[str, Any] = answer.json()
    return body


def slug(answer: httpx.Response) -> tuple[int, str]:
    """Why it was refused."""
    return answer.status_code, str(answer.json()["type"]).rsplit(":", 1)[-1]


async def act(
    who: httpx.AsyncClient, thing: dict[str, Any], doing: str, *, of: str = "intake", **body: Any
) -> httpx.Response:
    """A command on a report or a transfer, at the version last seen."""
    return await who.post(f"/{of}/{thing['id']}/{doing}", json={"expected_version": thing["version"]} | body)


@contextlib.asynccontextmanager
async def offices(running: Running) -> AsyncIterator[tuple[Office, Office]]:
    """Jember and Probolinggo."""
    both = Office(running, *JEMBER), Office(running, *PROBOLINGGO)
    try:
        yield both
    finally:
        for office in both:
            await office.worker.aclose()
            await office.supervisor.aclose()
