"""Obstacles (kendala): what holds up casework in an area, who answers for it, what was decided, and how it ended.

An obstacle is named once: from a second case it gets a link, and whoever is about to write it anew is shown it.
"""

import re
from collections.abc import Sequence
from datetime import UTC, date, datetime
from enum import StrEnum
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import AfterValidator, BaseModel, ConfigDict, Field
from pydantic.json_schema import SkipJsonSchema
from sqlalchemy import ColumnElement, exists, func, select, text

from services.cases.access import may_write
from services.cases.casefile import record
from services.cases.commands import FROM_THE_PATH, Answer, Area
from services.cases.models import Case, Task
from services.cases.plans import Code, Words
from services.cases.rakor_models import Decision, Obstacle, ObstacleLink
from services.cases.tasks import Sub, add_task
from sinergi.auth import Actor, permit
from sinergi.db import Tx, new_id
from sinergi.events import ObstacleDecided, ObstacleOwned, ObstacleRaised, ObstacleReopened, ObstacleSolved
from sinergi.permissions import Role
from sinergi.problems import Refused
from sinergi.workdays import zone_of

Category = Literal[
    "budget", "facility-capacity", "civil-documents", "agency-coordination", "staff", "regulation", "access",
    "duplicate-data", "programme-quota", "health-service", "other",
]  # fmt: skip
Severity = Literal["low", "medium", "high"]


class ObstacleState(StrEnum):
    """Where an obstacle stands."""

    OPEN = "open"
    OWNED = "owned"
    DISCUSSED = "discussed"
    DECIDED = "decided"
    SOLVED = "solved"
    ACCEPTED = "accepted"
    REOPENED = "reopened"


S = ObstacleState
_ALIVE = frozenset({S.OPEN, S.OWNED, S.DISCUSSED, S.DECIDED, S.REOPENED})
#: what may be done from which states, and the state afterwards; None: it stays as it is
MOVES: dict[str, tuple[frozenset[ObstacleState], ObstacleState | None]] = {
    "name_again": (_ALIVE, None),
    "own": (_ALIVE, S.OWNED),
    "discuss": (frozenset({S.OPEN, S.OWNED, S.REOPENED}), S.DISCUSSED),
    "decide": (_ALIVE, S.DECIDED),
    "solve": (_ALIVE, S.SOLVED),
    "accept": (_ALIVE, S.ACCEPTED),
    "reopen": (frozenset({S.SOLVED, S.ACCEPTED}), S.REOPENED),
}
_ONE_AT_A_TIME = text("SELECT pg_advisory_xact_lock(hashtextextended(:place, 0))")


def _no_nik(words: str) -> str:
    if re.search(r"\d(?:[ .-]?\d){15}", words):
        raise ValueError("16 digits look like a NIK: papers of a meeting name no client")
    return words


#: words that are printed on papers for other offices
PaperWords = Annotated[Words, AfterValidator(_no_nik)]


class About(BaseModel):
    """Where the obstacle was met."""

    model_config = ConfigDict(extra="forbid")
    kind: Literal["case", "task", "placement", "referral"]
    id: UUID


class RaiseObstacle(BaseModel):
    """Name an obstacle. `new` says that it is none of the similar ones, which are told by the refusal."""

    model_config = ConfigDict(extra="forbid")
    area: Area
    category: Category
    severity: Severity = "medium"
    since: date
    words: PaperWords
    about: list[About] = Field(default=[], max_length=20)
    new: bool = False


class NameAgain(BaseModel):
    """The same obstacle was met once more."""

    model_config = ConfigDict(extra="forbid")
    obstacle_id: SkipJsonSchema[UUID] = FROM_THE_PATH
    about: list[About] = Field(min_length=1, max_length=20)


class OnObstacle(BaseModel):
    """A command on an obstacle as the actor last saw it. The door puts the id of its path in."""

    model_config = ConfigDict(extra="forbid")
    obstacle_id: SkipJsonSchema[UUID] = FROM_THE_PATH
    expected_version: int = Field(ge=0)


class OwnObstacle(OnObstacle):
    """Somebody answers for it: a user, or a desk such as `koperasi/pembinaan`, of an office."""

    owner: Sub
    office: Code


class Decided(BaseModel):
    """What was decided: our worker does it or sees to it, `desk` is another agency's that shall do it."""

    model_config = ConfigDict(extra="forbid")
    text: PaperWords
    worker: Sub
    due_on: date
    desk: Code | Literal[""] = ""


class DecideObstacle(OnObstacle):
    """Decide what is done about it, between two meetings."""

    decisions: list[Decided] = Field(min_length=1, max_length=20)


class SolveObstacle(OnObstacle):
    """It is gone."""


class AcceptObstacle(OnObstacle):
    """The office accepts it as it is."""

    reason: PaperWords


class ReopenObstacle(OnObstacle):
    """It is there again."""

    reason: PaperWords


@permit("obstacle.raise")
async def raise_obstacle(cmd: RaiseObstacle, actor: Actor, tx: Tx) -> Answer:
    """Name an obstacle. `Refused` (similar-obstacles, with `similar`: ids) when it may be there already."""
    actor.within(area=cmd.area)
    if cmd.since > datetime.now(zone_of(cmd.area)).date():
        raise Refused("in-the-future", "An obstacle is there since today or earlier.")
    cases = [await _case_of(one, actor, tx) for one in cmd.about]
    if not cmd.new:
        await _refuse_similar(cmd, actor, tx)
    obstacle = Obstacle(id=new_id(), version=0, agency=actor.agency, state=S.OPEN, owner="", office="", cases=0)
    for name in ("area", "category", "severity", "since", "words"):
        setattr(obstacle, name, getattr(cmd, name))
    obstacle.reason, obstacle.raised_by = "", actor.id
    tx.add(obstacle)
    await tx.session.flush()
    await _link(obstacle, cmd.about, cases, actor, tx)
    tx.emit(ObstacleRaised(**told(obstacle), raised_by=actor.id), of=obstacle)
    return _answer(obstacle)


@permit("obstacle.raise")
async def name_again(cmd: NameAgain, actor: Actor, tx: Tx) -> Answer:
    """Link an obstacle with one more case, task, placement or referral. No fact: the obstacle is the same."""
    obstacle = await _moved(cmd.obstacle_id, None, "name_again", actor, tx)
    cases = [await _case_of(one, actor, tx) for one in cmd.about]
    await _link(obstacle, cmd.about, cases, actor, tx)
    return _answer(obstacle)


@permit("obstacle.own")
async def own_obstacle(cmd: OwnObstacle, actor: Actor, tx: Tx) -> Answer:
    """A supervisor says who answers for it. What was discussed or decided stays so."""
    obstacle = await _moved(cmd.obstacle_id, cmd.expected_version, "own", actor, tx)
    obstacle.owner, obstacle.office = cmd.owner, cmd.office
    tx.emit(ObstacleOwned(**told(obstacle), owner=cmd.owner, office=cmd.office), of=obstacle)
    return _answer(obstacle)


@permit("obstacle.decide")
async def decide_obstacle(cmd: DecideObstacle, actor: Actor, tx: Tx) -> Answer:
    """Each decision becomes a task."""
    obstacle = await _moved(cmd.obstacle_id, cmd.expected_version, "decide", actor, tx)
    made = [await decide(one, obstacle.agency, obstacle.area, actor, tx, obstacle=obstacle) for one in cmd.decisions]
    tx.emit(ObstacleDecided(**told(obstacle), task_ids=[str(one.task_id) for one in made]), of=obstacle)
    return _answer(obstacle)


@permit("obstacle.solve")
async def solve_obstacle(cmd: SolveObstacle, actor: Actor, tx: Tx) -> Answer:
    """It is gone."""
    obstacle = await _moved(cmd.obstacle_id, cmd.expected_version, "solve", actor, tx)
    return _ended(obstacle, "solved", "", tx)


@permit("obstacle.solve")
async def accept_obstacle(cmd: AcceptObstacle, actor: Actor, tx: Tx) -> Answer:
    """It stays, and nobody works on it any more."""
    obstacle = await _moved(cmd.obstacle_id, cmd.expected_version, "accept", actor, tx)
    return _ended(obstacle, "accepted", cmd.reason, tx)


@permit("obstacle.reopen")
async def reopen_obstacle(cmd: ReopenObstacle, actor: Actor, tx: Tx) -> Answer:
    """It is there again."""
    obstacle = await _moved(cmd.obstacle_id, cmd.expected_version, "reopen", actor, tx)
    obstacle.ended_at, obstacle.reason = None, cmd.reason
    tx.emit(ObstacleReopened(**told(obstacle)), of=obstacle)
    return _answer(obstacle)


# ----------------------------------------------------------- for meetings.py


async def decide(
    what: Decided,
    agency: str,
    area: str,
    actor: Actor,
    tx: Tx,
    *,
    obstacle: Obstacle | None = None,
    meeting_id: UUID | None = None,
) -> Decision:
    """A decision and its task, of the office and area."""
    refuse_past(what.due_on, area)
    task = await add_task(tx, kind="decision", agency=agency, area=area, worker=what.worker, due_on=what.due_on)
    task.note = what.text
    await tx.session.flush()
    decision = Decision(id=new_id(), agency=agency, area=area, task_id=task.id, due_on=what.due_on)
    decision.obstacle_id, decision.meeting_id = obstacle.id if obstacle else None, meeting_id
    decision.text, decision.desk, decision.decided_by = what.text, what.desk, actor.id
    tx.add(decision)
    return decision


def refuse_past(due_on: date, area: str) -> None:
    """`Refused` when the date has passed in the area."""
    if due_on < datetime.now(zone_of(area)).date():
        raise Refused("due-in-the-past", "Give each decision a date that is still to come.")


def told(obstacle: Obstacle) -> dict[str, Any]:
    """What every fact about the obstacle tells."""
    codes = {name: getattr(obstacle, name) for name in ("agency", "area", "category", "severity")}
    return {"obstacle_id": str(obstacle.id)} | codes


def move(obstacle: Obstacle, by: str) -> None:
    """The state after the move; `Refused` where `MOVES` does not hold it."""
    allowed, after = MOVES[by]
    if obstacle.state not in allowed:
        sentence = "This cannot be done with an obstacle in its state. Look at how it stands now."
        raise Refused("wrong-obstacle-state", sentence, "conflict", version=obstacle.version, state=obstacle.state)
    if by == "own" and obstacle.state in (S.DISCUSSED, S.DECIDED):
        return
    obstacle.state = after or obstacle.state


async def one_at_a_time(place: str, tx: Tx) -> None:
    """Wait for whoever does the same at this place, until the transaction ends."""
    await tx.session.execute(_ONE_AT_A_TIME, {"place": place})


def similar_to(agency: str, category: str, area: str) -> list[ColumnElement[bool]]:
    """In SQL: the office's obstacles of the same category and kecamatan that are not over."""
    near = func.left(Obstacle.area, 8) == area[:8]
    return [Obstacle.agency == agency, Obstacle.category == category, near, Obstacle.ended_at.is_(None)]


# ------------------------------------------------------------------- inside


async def _moved(obstacle_id: UUID, version: int | None, by: str, actor: Actor, tx: Tx) -> Obstacle:
    """The obstacle, locked and moved; an outsider learns neither version nor state."""
    obstacle = await tx.get(Obstacle, obstacle_id)
    actor.within(agencies=(obstacle.agency,), area=obstacle.area)
    obstacle = await tx.lock(Obstacle, obstacle_id, version)
    move(obstacle, by)
    return obstacle


async def _refuse_similar(cmd: RaiseObstacle, actor: Actor, tx: Tx) -> None:
    """Two who raise the same at the same time: the second is shown the first one's."""
    await one_at_a_time(f"obstacle:{actor.agency}:{cmd.category}:{cmd.area[:8]}", tx)
    near = similar_to(actor.agency, cmd.category, cmd.area)
    found = (await tx.session.scalars(select(Obstacle.id).where(*near).order_by(Obstacle.raised_at).limit(5))).all()
    if found:
        sentence = "A similar obstacle is open here. Name that one again, or say that yours is new."
        raise Refused("similar-obstacles", sentence, "conflict", similar=[str(one) for one in found])


async def _case_of(about: About, actor: Actor, tx: Tx) -> Case | None:
    """The case that the obstacle blocks, which the actor works on or supervises; None when there is none."""
    if about.kind == "task":
        task = await tx.get(Task, about.id)
        actor.within(agencies=(task.agency,), area=task.area)
        return await _own(task.case_id, actor, tx) if task.case_id else None
    return await _own(about.id, actor, tx) if about.kind == "case" else None


async def _own(case_id: UUID, actor: Actor, tx: Tx) -> Case:
    case = await tx.get(Case, case_id)
    actor.within(agencies=(case.agency,), area=case.area)
    if actor.role is not Role.SUPERVISOR and not await may_write(case, actor, tx):
        raise Refused("not-your-case", "Another social worker holds this case.", "forbidden")
    return case


async def _link(obstacle: Obstacle, about: Sequence[About], cases: Sequence[Case | None], actor: Actor, tx: Tx) -> None:
    """Each place is linked once, each case is counted once."""
    for one, case in zip(about, cases, strict=True):
        at_once = exists().where(ObstacleLink.obstacle_id == obstacle.id)
        if await tx.session.scalar(
            select(at_once.where(ObstacleLink.kind == one.kind, ObstacleLink.subject_id == one.id))
        ):
            continue
        counted = case and await tx.session.scalar(select(at_once.where(ObstacleLink.case_id == case.id)))
        link = ObstacleLink(id=new_id(), obstacle_id=obstacle.id, kind=one.kind, subject_id=one.id, by=actor.id)
        link.case_id = case.id if case else None
        tx.add(link)
        await tx.session.flush()
        if case and not counted:
            obstacle.cases += 1
            record(case, "raise_obstacle", actor, tx, obstacle.category)


def _ended(obstacle: Obstacle, outcome: Literal["solved", "accepted"], reason: str, tx: Tx) -> Answer:
    obstacle.ended_at, obstacle.reason = datetime.now(UTC), reason
    tx.emit(ObstacleSolved(**told(obstacle), outcome=outcome), of=obstacle)
    return _answer(obstacle)


def _answer(obstacle: Obstacle) -> Answer:
    return Answer(id=obstacle.id, version=obstacle.version, state=obstacle.state)
