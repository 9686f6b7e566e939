"""Role × scope × stage: who may read and who may write a case, at each stage, by the stage's own commands.

What is expected stands here a second time (DOMAIN.md, Casework; the field's roles), not made from the code. One case
walks its whole path: each command is given by every role from every scope first; who may not is refused and leaves no
trace, and whose it is takes the case on.
"""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID, uuid4

import httpx2 as httpx
import pytest
from sqlalchemy import text

from services.cases.stages import Stage
from sinergi.permissions import Role
from tests.cases.noting import note
from tests.cases.planning_story import own
from tests.cases.story import CALM, GOALS
from tests.harness.stack import Running

HOLDER, COLLEAGUE = f"holder-{uuid4().hex}", f"colleague-{uuid4().hex}"
#: agency, area and person of whoever asks; the case is dinsos's, lies in 31.74.01, and is the holder's
SCOPES = {
    "own case": ("dinsos", "31.74", HOLDER),
    "another's case": ("dinsos", "31.74", COLLEAGUE),
    "other area": ("dinsos", "31.75", HOLDER),
    "other agency": ("dinkes", "31.74", HOLDER),
}
Who = tuple[Role, str]
WORKER: Who = (Role.SOCIAL_WORKER, "own case")
SUPERVISOR: Who = (Role.SUPERVISOR, "another's case")
#: a supervisor who works on a case reads and notes as its worker, and approves nothing in it
SUPERVISOR_AT_WORK: Who = (Role.SUPERVISOR, "own case")
READERS = {WORKER, SUPERVISOR, SUPERVISOR_AT_WORK}
EVERYBODY: list[Who] = [(role, scope) for role in Role for scope in SCOPES]


@dataclass(frozen=True)
class Command:
    """One that is legal now: who may give it, and nobody else; each of them does. `part`: the step or follow-up."""

    path: str
    body: dict[str, Any] = field(default_factory=dict)
    who: tuple[Who, ...] = (WORKER,)
    method: str = "POST"
    part: str = ""


NOTE = Command("/notes", note(), (WORKER, SUPERVISOR_AT_WORK))
PLAN = {"goals": GOALS, "steps": [own("talk"), own("train", stage="pemberdayaan", after=["talk"])]}
DONE = {"outcome": "service-given"}
CLOSURE = {"reason": "goals-met", "outcomes": {"skill": "met", "licence": "met"}, "client_view": "Puas"}
SEEN = {"seen_how": "home-visit", "situation": "same", "expected_version": 0}
AGAIN = {"reason": "situation-worse", "note": "Suami pergi lagi"}
#: the commands of each stage, in the order of the field; the last one leads to the next stage
STAGES: dict[str, tuple[Command, ...]] = {
    "identifikasi": (Command("/assessments", {"instrument": "general", "answers": CALM}),),
    "asesmen": (Command("/plan", PLAN, method="PUT"),),
    "rencana": (Command("/plan/submit"), Command("/plan/approve", who=(SUPERVISOR,))),
    "intervensi": (Command("/steps/{}/finish", DONE, part="talk"),),
    "pemberdayaan": (Command("/steps/{}/finish", DONE, part="train"), Command("/closure", CLOSURE)),
    "terminasi": (Command("/close", who=(SUPERVISOR,)),),
    "pembinaan_lanjut": tuple(Command("/follow-ups/{}", SEEN, part=number) for number in "123"),
    "closed": (Command("/reopening", AGAIN), Command("/reopening/approve", who=(SUPERVISOR,))),
}
_STANDS = text(
    """SELECT stage, version, (SELECT count(*) FROM history WHERE case_id = cases.id) AS written,
              follow_up_done_at IS NOT NULL AS over
       FROM cases WHERE id = :case"""
)
_PARTS = text(
    """SELECT key, CAST(id AS text) FROM steps WHERE case_id = :case UNION ALL
       SELECT CAST(row_number() OVER (ORDER BY due_on, id) AS text), CAST(id AS text)
       FROM follow_ups WHERE case_id = :case"""
)


class Walk:
    """A case on its way, and a client for everybody."""

    def __init__(self, cases: Running) -> None:
        self._db = cases.context.db
        self.clients = {(role, scope): cases.client(role, *SCOPES[scope]) for role, scope in EVERYBODY}
        self.case_id = ""

    async def open(self) -> None:
        body = {"client_kind": "person", "client_id": str(uuid4()), "area": "31.74.01", "way_in": "walk-in"}
        answer = await self.clients[WORKER].post("/cases", json=body)
        self.case_id = answer.raise_for_status().json()["id"]

    async def stands(self) -> Any:
        """What a command would change: stage, version, lines of the history."""
        async with self._db.begin() as tx:
            return (await tx.session.execute(_STANDS, {"case": UUID(self.case_id)})).one()

    async def give(self, command: Command, *people: Who) -> list[tuple[Who, httpx.Response]]:
        """The command by each of them, at the version that it has before all."""
        async with self._db.begin() as tx:
            parts = dict(tuple(row) for row in await tx.session.execute(_PARTS, {"case": UUID(self.case_id)}))
        path = f"/cases/{self.case_id}{command.path.format(parts.get(command.part))}"
        body = command.body if command is NOTE else {"expected_version": (await self.stands()).version} | command.body
        return [(who, await self.clients[who].request(command.method, path, json=body)) for who in people]


@pytest.fixture
async def walk(cases: Running) -> AsyncIterator[Walk]:
    walk = Walk(cases)
    await walk.open()
    yield walk
    for client in walk.clients.values():
        await client.aclose()


async def test_at_each_stage_a_case_is_read_and_written_by_those_whose_it_is_alone(walk: Walk) -> None:
    for stage, commands in STAGES.items():
        await assert_stands_at(stage, walk)
        for who in EVERYBODY:
            answer = await walk.clients[who].get(f"/cases/{walk.case_id}")
            assert answer.status_code == (200 if who in READERS else 403), (stage, who, answer.text)
        for command in (NOTE, *commands):
            await assert_given(command, walk)
    await assert_stands_at("asesmen", walk)  # opened again


async def assert_stands_at(stage: str, walk: Walk) -> None:
    found = await walk.stands()
    assert (found.stage, found.over) == ("pembinaan_lanjut" if stage == "closed" else stage, stage == "closed")


async def assert_given(command: Command, walk: Walk) -> None:
    """Refused, without a trace, to all but those who may; and then taken from them."""
    before = await walk.stands()
    for who, answer in await walk.give(command, *(one for one in EVERYBODY if one not in command.who)):
        assert answer.status_code == 403, (before.stage, command.path, who, answer.text)
    assert await walk.stands() == before
    for who, answer in await walk.give(command, *command.who):
        assert answer.is_success, (before.stage, command.path, who, answer.text)
    assert (await walk.stands()).written > before.written


def test_every_stage_and_whoever_has_a_role_is_in_the_matrix() -> None:
    assert list(STAGES) == [*Stage, "closed"]
    assert len(EVERYBODY) == len(Role) * len(SCOPES)
