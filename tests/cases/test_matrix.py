"""Role × area × stage: nobody sees an empty list who should see cases, and nobody sees what is not theirs."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx2 as httpx
import pytest
from fastapi.routing import APIRoute

from services.cases.case_list import list_cases
from services.cases.models import Case
from services.cases.queries import read_case
from services.cases.stages import Stage
from sinergi.auth import covers
from sinergi.permissions import PERMISSIONS, Role
from tests.architecture.test_permissions import flat
from tests.cases.caseloads import case, put
from tests.cases.story import CALM, COACHING, GOALS
from tests.harness.stack import Running

AGENCY = "dinsos-m"
#: of the case, and of whoever asks: a kelurahan, a kecamatan, a kota, another kota, another province
PLACES = ("31.74.01.1001", "31.74.01", "31.74", "31.75.02", "32.01.01")
SCOPES = ("31.74.01.1001", "31.74.01", "31.74", "31.75", "32", "31", "*", "")
ROLES = [role for role in Role if role not in (Role.AGENCY, Role.SERVICE)]
WORKER_ID = str(uuid4())
WORKER = f"worker-{WORKER_ID}"


@dataclass
class World:
    cases: Running
    rows: list[Case]


@pytest.fixture(scope="module")
async def world(cases: Running) -> World:
    """A case at each stage in each place, of one worker and of another, of one office and of another."""
    owners = ((AGENCY, WORKER), (AGENCY, "somebody-else"), ("dinkes-m", WORKER))
    rows = [_at(stage, area, *owner) for stage in Stage for area in PLACES for owner in owners]
    await put(cases, *rows)
    return World(cases, rows)


def _at(stage: Stage, area: str, agency: str, worker: str) -> Case:
    closed = datetime.now(UTC) if stage is Stage.PEMBINAAN_LANJUT else None
    return case(worker, agency=agency, area=area, stage=stage, closed_at=closed)


def lists(row: Case, role: Role, scope: str) -> bool:
    """What the table and the rules of DOMAIN.md say: own caseload, or the whole office, within the area."""
    may = role in PERMISSIONS[list_cases.action] and row.agency == AGENCY and covers(scope, row.area)
    return may and (role is not Role.SOCIAL_WORKER or row.worker == WORKER)


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("scope", SCOPES)
async def test_each_role_lists_at_each_stage_what_lies_in_its_area(world: World, role: Role, scope: str) -> None:
    async with world.cases.client(role, AGENCY, scope, sub=WORKER) as client:
        for stage in Stage:
            answer = await client.get("/cases", params={"stage": stage, "size": 100})
            if role not in PERMISSIONS[list_cases.action]:
                assert answer.status_code == 403
                continue
            expected = {str(one.id) for one in world.rows if one.stage == stage and lists(one, role, scope)}
            assert {one["id"] for one in answer.json()["items"]} == expected, (stage, answer.text)
            assert answer.json()["total"] == len(expected)


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("scope", SCOPES)
async def test_each_role_reads_and_writes_exactly_what_it_lists(world: World, role: Role, scope: str) -> None:
    stage = list(Stage)[SCOPES.index(scope) % len(Stage)]  # each stage comes up at one scope or another
    async with world.cases.client(role, AGENCY, scope, sub=WORKER) as client:
        for row in (one for one in world.rows if one.stage == stage):
            may_read = role in PERMISSIONS[read_case.action] and lists(row, role, scope)
            assert (await client.get(f"/cases/{row.id}/card")).status_code == (200 if may_read else 403), row.area
            wrote = await client.post(f"/cases/{row.id}/assessments", json=_assessment(row))
            may_write = may_read and role in PERMISSIONS["case.assess"]
            assert (wrote.status_code != 403) is may_write, (row.area, wrote.text)
            if may_write:
                wrote_well = stage not in (Stage.TERMINASI, Stage.PEMBINAAN_LANJUT)
                assert wrote.status_code == (422 if wrote_well else 409)


def _assessment(row: Case) -> dict[str, Any]:
    """Allowed or not is decided before what it says: answers that no instrument takes change nothing."""
    return {"instrument": "general", "answers": {"unknown": 1}, "expected_version": 1}


# ------------------------------------------------------------- versions

#: what carries no `expected_version`, and why
MAKES_SOMETHING_NEW = {
    "POST /cases": "there is no case yet; one open case a client",
    "POST /cases/{case_id}/tasks": "a task is a thing of its own, it changes no case",
    "POST /cases/{case_id}/notes": "a note is a thing of its own, it changes no case",
    "POST /cases/{case_id}/visits/plan": "a visit too",
    "POST /cases/{case_id}/attachments": "a file too",
    "POST /competence/certificates": "makes a proposal; deciding it checks its version",
    "POST /competence/trainings": "the same",
    "POST /cases/{case_id}/placements": "a placement is a thing of its own, it changes no case",
    "POST /cases/{case_id}/offer": "what was offered is only added to the history",
    "POST /facilities": "there is no facility yet",
    "POST /intake": "there is no report yet",
    "POST /obstacles": "there is no obstacle yet",
    "POST /obstacles/{obstacle_id}/name-again": "naming it once more changes nothing that somebody could overwrite",
    "POST /meetings": "there is no meeting yet",
    "POST /meetings/{meeting_id}/addenda": "an addendum is only added",
    "POST /caseload/covers": "makes a cover",
    "POST /caseload/hand-overs": "makes a plan; starting it checks its version",
}
#: stands on things that take a story of their own: where their stale version is refused
SEEN_ELSEWHERE = {
    "/cases/{case_id}/attachments/": "test_attachments.py",
    "/competence/": "test_competence.py",
    "/facilities/": "test_placement_stay.py",
    "/placements/": "test_placement_stay.py",
    "/intake/": "test_intake.py",
    "/transfers/": "test_transfers.py",
    "/obstacles/": "test_rakor.py",
    "/meetings/": "test_rakor.py",
    "/cases/{case_id}/follow-ups/": "test_follow_ups.py",
}
NOW = datetime.now(UTC)
_SOON = (NOW + timedelta(days=7)).date().isoformat()
_VISIT = {
    "purpose": "monitoring",
    "started_at": (NOW - timedelta(hours=2)).isoformat(),
    "ended_at": (NOW - timedelta(hours=1)).isoformat(),
    "place_kind": "home",
    "area": "31.74.01",
    "findings": "?",
}
BODIES: dict[str, dict[str, Any]] = {
    "POST /cases/{case_id}/assessments": {"instrument": "general", "answers": CALM},
    "PUT /cases/{case_id}/plan": {"goals": GOALS, "steps": [COACHING]},
    "POST /cases/{case_id}/plan/return": {"comment": "?"},
    "POST /cases/{case_id}/plan/review": {"note": "?"},
    "POST /cases/{case_id}/goals/{goal}/progress": {"reached": "none"},
    "POST /cases/{case_id}/revert": {"to": "asesmen", "reason": "material-change", "note": "?"},
    "POST /cases/{case_id}/steps/{step_id}/finish": {"outcome": "other"},
    "POST /cases/{case_id}/steps/{step_id}/fail": {"reason": "refused"},
    "POST /cases/{case_id}/steps/{step_id}/drop": {"reason": "?"},
    "POST /cases/{case_id}/steps/{step_id}/resend": {"documents": [], "reason": "?"},
    "PUT /cases/{case_id}/assessments/draft": {"instrument": "general", "answers": {}},
    "POST /cases/{case_id}/notes/{note_id}/error": {"error": "duplicate"},
    "POST /cases/{case_id}/visits": _VISIT | {"client_present": True},
    "POST /cases/{case_id}/visits/missed": _VISIT | {"reason": "nobody-home", "next_on": _SOON},
    "POST /cases/{case_id}/closure/return": {"comment": "?"},
    "POST /cases/{case_id}/reopening": {"reason": "situation-worse", "note": "?"},
    "POST /cases/{case_id}/reopening/refuse": {"comment": "?"},
    "POST /cases/{case_id}/closure": {"reason": "moved", "outcomes": {}},
    "POST /cases/{case_id}/assign": {"worker": WORKER},
    "POST /cases/{case_id}/client": {"client_id": WORKER_ID},
    "POST /cases/{case_id}/join": {"into": WORKER_ID, "into_expected_version": 77},
    "POST /cases/{case_id}/transfers": {
        "to_agency": "dinsos-x",
        "to_area": "35.09",
        "reason": "moved",
        "summary": "?",
    },
    "POST /tasks/{task_id}/reassign": {"worker": WORKER},
    "PUT /caseload/workers/{worker}": {"area": "31.74"},
}


def bodies(cases: Running) -> dict[str, Any]:
    """Every route that changes something, as `METHOD /path`, and the model of its body."""
    routes = [one for one in flat(list(cases.app.routes)) if isinstance(one, APIRoute)]
    return {f"{method} {one.path}": _model(one) for one in routes for method in one.methods - {"GET", "HEAD"}}


def _model(route: APIRoute) -> Any:
    return next((one.field_info.annotation for one in route.dependant.body_params), None)


async def test_every_route_that_changes_something_must_be_told_a_version(cases: Running) -> None:
    found = bodies(cases)
    assert MAKES_SOMETHING_NEW.keys() <= found.keys(), "an exception that no route needs"
    for name, model in found.items():
        if name not in MAKES_SOMETHING_NEW:
            field = model.model_fields["expected_version"]
            assert field.is_required() or "/visits" in name, name  # a visit may be recorded that nobody planned


async def test_every_route_that_changes_something_refuses_a_stale_version(cases: Running) -> None:
    ids = await _things(cases)
    elsewhere = {name for name in bodies(cases) for path in SEEN_ELSEWHERE if f" {path}" in name}
    asked = bodies(cases).keys() - MAKES_SOMETHING_NEW.keys() - elsewhere
    assert len(asked) >= 20
    for file in SEEN_ELSEWHERE.values():
        assert "version-conflict" in (Path(__file__).parent / file).read_text()
    for name in sorted(asked):
        method, path = name.split(" ")
        body = BODIES.get(name, {}) | {"expected_version": 77}
        if "/visits" in path:
            body["visit_id"] = ids["visit_id"]
        asking = ("social_worker", "supervisor")
        codes = [await _asked(cases, role, method, path.format(**ids), body) for role in asking]
        assert {(409, "version-conflict"), (409, "draft-changed")} & set(codes), (name, codes)


async def _asked(cases: Running, role: str, method: str, path: str, body: dict[str, Any]) -> tuple[int, str]:
    async with cases.client(role, AGENCY, "31", sub=WORKER if role == "social_worker" else "boss") as client:
        answer: httpx.Response = await client.request(method, path, json=body)
    return answer.status_code, str(answer.json().get("type")).rsplit(":", 1)[-1]


async def _things(cases: Running) -> dict[str, str]:
    """One of each thing that a route names."""
    other = f"worker-{uuid4().hex}"
    (case_id,) = await put(cases, case(WORKER, agency=AGENCY, stage="asesmen"))
    async with (
        cases.client("social_worker", AGENCY, "31", sub=WORKER) as worker,
        cases.client("supervisor", AGENCY, "31", sub="boss") as boss,
    ):
        noted = {"note": "x", "due_on": datetime.now(UTC).date().isoformat()}
        task = (await worker.post(f"/cases/{case_id}/tasks", json=noted)).json()["id"]
        written = {"kind": "observation", "about": "client", "at": datetime.now(UTC).isoformat(), "text": "?"}
        note = (await worker.post(f"/cases/{case_id}/notes", json=written)).json()["id"]
        planned = {"purpose": "monitoring", "on": _SOON}
        visit = (await worker.post(f"/cases/{case_id}/visits/plan", json=planned)).json()["id"]
        for one in (WORKER, other):
            await boss.put(f"/caseload/workers/{one}", json={"expected_version": 0, "area": "31.74"})
        two = {"worker": WORKER, "stand_in": other}
        about, day = datetime.now(UTC), timedelta(days=1)
        cover = two | {"starts_at": (about - day).isoformat(), "ends_at": (about + day).isoformat()}
        cover_id = (await boss.post("/caseload/covers", json=cover)).json()["id"]
        plan = {"worker": WORKER, "to_workers": [other], "reason": "leave"}
        hand_over = (await boss.post("/caseload/hand-overs", json=plan)).json()["id"]
    step = str(uuid4())
    own = {"case_id": case_id, "step_id": step, "task_id": task, "worker": other}
    own |= {"note_id": note, "visit_id": visit, "goal": "skill"}
    return own | {"cover_id": cover_id, "hand_over_id": hand_over}
