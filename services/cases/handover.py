"""Handing a caseload over: planned and looked at, then moved in pieces by a job that a kill cannot confuse.

Each piece is one transaction: it locks the hand-over, moves at most so many cases that the old worker still holds, and
counts them. A killed job has moved whole pieces or nothing; what is left is what the old worker still holds.
"""

from datetime import UTC, datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field
from pydantic.json_schema import SkipJsonSchema
from sqlalchemy import ColumnElement, exists, func, or_, select
from sqlalchemy.exc import IntegrityError

from services.cases.assigning import Reason, may_read_until, must_know
from services.cases.caseload_models import HandOver
from services.cases.commands import Area
from services.cases.models import Case, FollowUp, Task
from services.cases.queries import Page, in_area
from services.cases.stages import Stage
from services.cases.tasks import Sub
from services.cases.weights import weigh
from sinergi.auth import Actor, permit
from sinergi.db import Tx, new_id
from sinergi.problems import Refused

Risk = Literal["none", "low", "medium", "high", "life"]


class PlanHandOver(BaseModel):
    """From one worker to others: to one, or spread by who has most room. Only these stages, risks, area; empty: all."""

    model_config = ConfigDict(extra="forbid")
    worker: Sub
    to_workers: Annotated[list[Sub], Field(min_length=1, max_length=50)]
    stages: list[Stage] = Field(default=[], max_length=7)
    risks: list[Risk] = Field(default=[], max_length=5)
    area: Area | None = None
    reason: Reason
    read_until: AwareDatetime | None = None


class OnHandOver(BaseModel):
    """A hand-over as the actor last saw it. The door puts the id of its path in."""

    model_config = ConfigDict(extra="forbid")
    hand_over_id: SkipJsonSchema[UUID] = UUID(int=0)
    expected_version: int = Field(ge=0)


class HandOverAnswer(BaseModel):
    """The hand-over after a command."""

    id: UUID
    version: int
    state: str


@permit("caseload.hand_over")
async def plan_hand_over(cmd: PlanHandOver, actor: Actor, tx: Tx) -> HandOverAnswer:
    """Nothing moves yet: look at it, then start it. Refused: `same-worker`, `worker-unknown`, `read-until-past`."""
    if cmd.worker in cmd.to_workers:
        raise Refused("same-worker", "Hand over to somebody else.")
    if cmd.area:
        actor.within(area=cmd.area)
    if cmd.read_until and cmd.read_until < datetime.now(UTC):
        raise Refused("read-until-past", "Let the old worker read until a day to come.")
    await must_know([cmd.worker, *cmd.to_workers], actor, tx)
    plan = HandOver(
        id=new_id(),
        version=1,
        agency=actor.agency,
        scope=actor.area,
        state="planned",
        moved=0,
        tries=0,
        asked_by=actor.id,
        area=cmd.area or "",
        read_until=cmd.read_until or may_read_until(),
        to_workers=list(dict.fromkeys(cmd.to_workers)),
        **cmd.model_dump(include={"worker", "stages", "risks", "reason"}),
    )
    tx.add(plan)
    return _answer(plan)


@permit("caseload.hand_over")
async def start_hand_over(cmd: OnHandOver, actor: Actor, tx: Tx) -> HandOverAnswer:
    """Move the cases from now on. Refused: `hand-over-not-planned`, `hand-over-running` (another of this worker)."""
    found = await _locked(cmd, ("planned",), actor, tx)
    found.state, found.asked_by = "running", actor.id
    found.version += 1
    try:
        await tx.session.flush()
    except IntegrityError as wrong:
        sentence = "Another hand-over of this worker is running: wait for its end."
        raise Refused("hand-over-running", sentence, "conflict") from wrong
    return _answer(found)


@permit("caseload.hand_over")
async def cancel_hand_over(cmd: OnHandOver, actor: Actor, tx: Tx) -> HandOverAnswer:
    """Move nothing, or nothing more: what has moved stays moved."""
    found = await _locked(cmd, ("planned", "running"), actor, tx)
    found.state, found.finished_at = "cancelled", datetime.now(UTC)
    found.version += 1
    return _answer(found)


async def _locked(cmd: OnHandOver, states: tuple[str, ...], actor: Actor, tx: Tx) -> HandOver:
    found = await tx.get(HandOver, cmd.hand_over_id)
    actor.within(agencies=(found.agency,), area=found.scope)
    found = await tx.lock(HandOver, cmd.hand_over_id, cmd.expected_version)
    if found.state not in states:
        sentence = f"This hand-over is {found.state}: plan another one."
        raise Refused("hand-over-not-planned", sentence, "conflict", version=found.version, state=found.state)
    return found


# ------------------------------------------------------------------- reads


class ReadHandOver(BaseModel):
    """One hand-over."""

    hand_over_id: UUID


@permit("caseload.hand_over")
async def read_hand_over(what: ReadHandOver, actor: Actor, tx: Tx) -> dict[str, Any]:
    """How far it is, and what is still to move: the preview, as long as nothing has moved."""
    found = await tx.get(HandOver, what.hand_over_id)
    actor.within(agencies=(found.agency,), area=found.scope)
    return _columns(found) | {"left": await _left(found, tx)}


@permit("caseload.hand_over")
async def list_hand_overs(what: Page, actor: Actor, tx: Tx) -> dict[str, Any]:
    """The office's hand-overs, newest first."""
    where = (HandOver.agency == actor.agency, in_area(HandOver.scope, actor.area))
    total = await tx.session.scalar(select(func.count()).select_from(HandOver).where(*where))
    rows = select(HandOver).where(*where).order_by(HandOver.id.desc()).limit(what.size).offset(what.skip)
    return {"items": [_columns(row) for row in await tx.session.scalars(rows)], "total": total or 0}


async def _left(found: HandOver, tx: Tx) -> dict[str, Any]:
    """One worker's cases, not the office's: read by the index of a worker's caseload."""
    cases = (await tx.session.scalars(select(Case).where(*to_move(found)))).all()
    open_ones = [one for one in cases if one.closed_at is None]
    tasks = (
        Task.worker == found.worker,
        Task.done_at.is_(None),
        Task.case_id.in_(select(Case.id).where(*to_move(found))),
    )
    late = func.count().filter(Task.overdue_since.is_not(None))
    counts = (await tx.session.execute(select(func.count(), late, func.min(Task.due_on)).where(*tasks))).one()
    return {
        "cases": len(cases),
        "open": len(open_ones),
        "points": sum(weigh(one) for one in open_ones),
        "by_risk": _tally([one.risk or "none" for one in open_ones]),
        "by_stage": _tally([one.stage for one in cases]),
        "tasks": counts[0],
        "overdue_tasks": counts[1],
        "next_due_on": counts[2],
    }


def _tally(codes: list[str]) -> dict[str, int]:
    return {code: codes.count(code) for code in sorted(set(codes))}


def to_move(found: HandOver) -> list[ColumnElement[bool]]:
    """What still is to move: open cases, and closed ones in which something is still to be done."""
    waits = or_(
        exists().where(FollowUp.case_id == Case.id, FollowUp.state == "due"),
        exists().where(Task.case_id == Case.id, Task.done_at.is_(None), Task.worker == found.worker),
    )
    where = [
        Case.agency == found.agency,
        Case.worker == found.worker,
        in_area(Case.area, found.scope),
        or_(Case.closed_at.is_(None), waits),
    ]
    if found.stages:
        where.append(Case.stage.in_(found.stages))
    if found.risks:
        where.append(func.coalesce(Case.risk, "none").in_(found.risks))
    if found.area:
        where.append(in_area(Case.area, found.area))
    return where


def _answer(found: HandOver) -> HandOverAnswer:
    return HandOverAnswer(id=found.id, version=found.version, state=found.state)


def _columns(found: HandOver) -> dict[str, Any]:
    return {column.name: getattr(found, column.name) for column in found.__table__.columns}
