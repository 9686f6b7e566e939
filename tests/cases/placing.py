"""What the tests of placements tell: a province of its own with a panti, its officer, workers and their cases."""

import asyncio
import itertools
from typing import Any
from uuid import uuid4

import httpx2 as httpx
from sqlalchemy import text

from services.cases.tasks import clock
from sinergi.clock import Ringing
from tests.harness.stack import Running, eventually

_PROVINCES = itertools.count(11)

PERSON = {"inside": True, "kind": "elderly", "why_inside": "no-family", "sex": "f", "birth_year": 1950}
NEED = PERSON | {"category": "lansia-telantar"}
OUTSIDE = {"inside": False, "kind": "own-family", "sex": "f", "birth_year": 1950, "category": "lansia-telantar"}


def slug(response: httpx.Response) -> tuple[int, str]:
    """The refusal's status and slug."""
    return response.status_code, response.json()["type"].rsplit(":", 1)[-1]


class Province:
    """One province: `area` is its first kota."""

    def __init__(self, running: Running) -> None:
        self.running = running
        self.area = f"{next(_PROVINCES):02d}.71"
        self.worker = self.client("social_worker")
        self.officer = self.client("facility_officer")
        self.supervisor = self.client("supervisor")

    def client(self, role: str, agency: str = "dinsos", area: str | None = None) -> httpx.AsyncClient:
        """Somebody who works here."""
        return self.running.client(role, agency, area or self.area, sub=f"{role}-{uuid4().hex}")

    async def leave(self) -> None:
        """Close the clients."""
        for one in (self.worker, self.officer, self.supervisor):
            await one.aclose()

    async def facility(self, *sexes: str, kind: str = "elderly", **other: Any) -> str:
        """A facility with a bed for each of these (m, f, any, or a dict); returns its id."""
        intake = {"name": "Panti Uji", "area": self.area, "serves": [self.area[:2]], "sexes": ["m", "f"]}
        body = intake | {"code": f"panti-{uuid4().hex[:12]}", "kind": kind} | other
        facility = good(await self.officer.post("/facilities", json=body))
        if sexes:
            beds = [one if isinstance(one, dict) else {"label": f"{n:02d}", "sex": one} for n, one in enumerate(sexes)]
            await self.at(facility["id"], "/beds", beds=beds)
        return str(facility["id"])

    async def at(self, facility: str, path: str, *, method: str = "POST", **body: Any) -> dict[str, Any]:
        """A command on a facility that must succeed."""
        seen = await self.board(facility)
        body |= {"expected_version": seen["version"]}
        return good(await self.officer.request(method, f"/facilities/{facility}{path}", json=body))

    async def board(self, facility: str) -> dict[str, Any]:
        """The facility with its beds, as its officer sees it."""
        return good(await self.officer.get(f"/facilities/{facility}", params={"size": 100}))

    async def case(self, risk: str | None = None) -> str:
        """A new case of a person; its id."""
        body = {"client_kind": "person", "client_id": str(uuid4()), "area": self.area, "way_in": "outreach"}
        case_id = str(good(await self.worker.post("/cases", json=body))["id"])
        if risk:
            async with self.running.context.db.begin() as tx:
                await tx.session.execute(
                    text("UPDATE cases SET risk = :risk WHERE id = :id"), {"risk": risk, "id": case_id}
                )
        return case_id

    async def ask(self, case_id: str | None = None, **other: Any) -> httpx.Response:
        """Ask for a placement, in a new case unless one is named."""
        case_id = case_id or await self.case()
        return await self.worker.post(f"/cases/{case_id}/placements", json=NEED | other)

    async def cases(self, count: int) -> list[str]:
        """So many new cases."""
        return await asyncio.gather(*(self.case() for _ in range(count)))

    async def asked(self, risk: str | None = None, **other: Any) -> dict[str, Any]:
        """A placement that was asked for, in a new case of this risk."""
        return good(await self.ask(await self.case(risk), **other))

    async def do(self, who: httpx.AsyncClient, placement: dict[str, Any], doing: str, **body: Any) -> httpx.Response:
        """A command on a placement, at its version now."""
        version = (await self.row(placement["id"]))["version"]
        return await who.post(f"/placements/{placement['id']}/{doing}", json={"expected_version": version} | body)

    async def admitted(self, facility: str, **other: Any) -> dict[str, Any]:
        """Somebody who lives there."""
        placement = await self.asked(**other)
        return good(await self.do(self.officer, placement, "admit", facility_id=facility))

    async def row(self, placement_id: str) -> dict[str, Any]:
        """The placement's row."""
        return (await self.rows("SELECT * FROM placements WHERE id = :id", id=placement_id))[0]

    async def rows(self, sql: str, **values: Any) -> list[dict[str, Any]]:
        """What lies in the database."""
        async with self.running.context.db.begin() as tx:
            return [dict(row) for row in (await tx.session.execute(text(sql), values)).mappings()]

    async def placements(self, case_id: str) -> list[dict[str, Any]]:
        """A case's placements, as its worker sees them."""
        items: list[dict[str, Any]] = good(await self.worker.get(f"/cases/{case_id}/placements"))["items"]
        return items

    async def states(self, *placements: dict[str, Any]) -> list[str]:
        """Where they stand."""
        return [(await self.row(one["id"]))["state"] for one in placements]

    async def ring(self, kind: str, about: str) -> None:
        """Let the alarm ring now, as if its time had come; here or in the service, whichever is first."""
        of_it = {"kind": kind, "about": about}
        past = """UPDATE alarms SET due_at = now() - interval '1 s'
            WHERE kind = :kind AND about = :about RETURNING id"""
        assert await self.rows(past, **of_it), f"no alarm {kind}"
        await self.quiet(**of_it)

    async def quiet(self, kind: str, about: str) -> None:
        """Wait until no such alarm is due."""
        due = "SELECT id FROM alarms WHERE kind = :kind AND about = :about AND due_at <= now()"

        async def rung() -> bool:
            await Ringing(clock, self.running.context.db, [0.05]).ring_next()
            return not await self.rows(due, kind=kind, about=about)

        await eventually(rung)

    async def sound(self) -> None:
        """What must always hold here: counts are the rows, nobody in two beds, nobody waits beside a bed."""
        area = {"area": f"{self.area[:2]}.%"}
        counted = """SELECT facility_id, sex, state, count(*) FROM (
              SELECT facility_id, sex, state FROM beds
              UNION ALL SELECT facility_id, sex, 'extra' FROM beds WHERE extra) b
            WHERE facility_id IN (SELECT id FROM facilities WHERE area LIKE :area) GROUP BY 1, 2, 3 ORDER BY 1, 2, 3"""
        kept = """SELECT facility_id, sex, state, beds AS count FROM bed_counts WHERE beds > 0
            AND facility_id IN (SELECT id FROM facilities WHERE area LIKE :area) ORDER BY 1, 2, 3"""
        assert await self.rows(kept, **area) == await self.rows(counted, **area)
        waiting = """SELECT kind, bed_kind, sex, left(area, 5) AS regency, count(*) AS people FROM placements
            WHERE state = 'waiting' AND area LIKE :area GROUP BY 1, 2, 3, 4 ORDER BY 1, 2, 3, 4"""
        kept = "SELECT * FROM waiting_counts WHERE people > 0 AND regency LIKE :area ORDER BY 1, 2, 3, 4"
        assert await self.rows(kept, **area) == await self.rows(waiting, **area)
        lying = """SELECT p.id FROM placements p LEFT JOIN beds b ON b.placement_id = p.id WHERE p.area LIKE :area
            AND CASE WHEN p.state IN ('offered', 'accepted') THEN b.state IS DISTINCT FROM 'held'
                     WHEN p.state = 'admitted' THEN b.state IS DISTINCT FROM 'occupied'
                     WHEN p.state = 'on_leave' THEN b.state IS DISTINCT FROM 'on_leave' ELSE b.id IS NOT NULL END"""
        assert await self.rows(lying, **area) == []
        beside = """SELECT p.id FROM placements p JOIN facilities f ON f.kind = p.kind
            JOIN beds b ON b.facility_id = f.id AND b.kind = p.bed_kind AND b.sex IN (p.sex, 'any')
            WHERE p.state = 'waiting' AND b.state = 'free' AND p.passed_bed_id IS NULL
              AND f.open AND f.area LIKE :area AND p.area LIKE :area"""
        assert await self.rows(beside, **area) == []


def good(response: httpx.Response) -> dict[str, Any]:
    """The answer of what must succeed."""
    assert response.is_success, response.text
    answer: dict[str, Any] = response.json()
    return answer
