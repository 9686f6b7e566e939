"""What can be read of obstacles: the list, one with its links and decisions, and those that may be the same."""

from collections.abc import Sequence
from typing import Any, Literal
from uuid import UUID

from pydantic import BaseModel
from sqlalchemy import ColumnElement, exists, func, select

from services.cases.casefile import readable_case
from services.cases.commands import Area
from services.cases.models import Base, Task
from services.cases.obstacles import Category, similar_to
from services.cases.queries import Page, in_area
from services.cases.rakor_models import Decision, Obstacle, ObstacleLink
from sinergi.auth import Actor, permit
from sinergi.db import Tx

_LINKS = 200


class ListObstacles(Page):
    """The office's obstacles within the actor's area; `area` narrows it, `case_id` to those that block a case."""

    state: Literal["open", "ended", "all"] = "open"
    category: Category | None = None
    area: Area | None = None
    case_id: UUID | None = None


class ReadObstacle(BaseModel):
    """One obstacle."""

    obstacle_id: UUID


class FindSimilar(BaseModel):
    """What may be the same obstacle."""

    category: Category
    area: Area


@permit("obstacle.read")
async def list_obstacles(what: ListObstacles, actor: Actor, tx: Tx) -> dict[str, Any]:
    """Those that block most cases first, then the oldest."""
    if what.case_id:
        case = await readable_case(what.case_id, actor, tx)
        await tx.audit("obstacle.list", "case", [case.id], "obstacles")
    where = _shown(what, actor)
    total = await tx.session.scalar(select(func.count()).select_from(Obstacle).where(*where))
    order = (Obstacle.cases.desc(), Obstacle.since, Obstacle.id)
    page = select(Obstacle).where(*where).order_by(*order).limit(what.size).offset(what.skip)
    return {"items": [columns(one) for one in await tx.session.scalars(page)], "total": total or 0}


@permit("obstacle.read")
async def read_obstacle(what: ReadObstacle, actor: Actor, tx: Tx) -> dict[str, Any]:
    """One obstacle, where it was met, and what was decided about it."""
    obstacle = await tx.get(Obstacle, what.obstacle_id)
    actor.within(agencies=(obstacle.agency,), area=obstacle.area)
    of_it = select(ObstacleLink).where(ObstacleLink.obstacle_id == obstacle.id).order_by(ObstacleLink.id)
    links = (await tx.session.scalars(of_it.limit(_LINKS))).all()
    await tx.audit("obstacle.read", "case", sorted({one.case_id for one in links if one.case_id}), "obstacles")
    decisions = await decisions_where(tx, Decision.obstacle_id == obstacle.id)
    return columns(obstacle) | {"links": [columns(one) for one in links], "decisions": decisions}


@permit("obstacle.read")
async def find_similar(what: FindSimilar, actor: Actor, tx: Tx) -> dict[str, Any]:
    """At most five open ones of the same category and kecamatan, the oldest first."""
    actor.within(area=what.area)
    near = similar_to(actor.agency, what.category, what.area)
    found = select(Obstacle).where(*near, in_area(Obstacle.area, actor.area)).order_by(Obstacle.raised_at).limit(5)
    return {"items": [columns(one) for one in await tx.session.scalars(found)]}


async def decisions_where(tx: Tx, *where: ColumnElement[bool], most: int = 200) -> list[dict[str, Any]]:
    """Decisions with how their tasks stand: who does it, open, overdue or done. By date, at most so many."""
    both = select(Decision, Task).join(Task, Task.id == Decision.task_id).where(*where)
    rows = await tx.session.execute(both.order_by(Decision.due_on, Decision.id).limit(most))
    return [columns(one) | {"worker": task.worker, "state": task.state, "done_at": task.done_at} for one, task in rows]


def _shown(what: ListObstacles, actor: Actor) -> Sequence[ColumnElement[bool]]:
    where = [Obstacle.agency == actor.agency, in_area(Obstacle.area, actor.area)]
    if what.state != "all":
        where.append(Obstacle.ended_at.is_(None) if what.state == "open" else Obstacle.ended_at.is_not(None))
    if what.category:
        where.append(Obstacle.category == what.category)
    if what.area:
        where.append(in_area(Obstacle.area, what.area))
    if what.case_id:
        of_case = exists().where(ObstacleLink.obstacle_id == Obstacle.id, ObstacleLink.case_id == what.case_id)
        where.append(of_case)
    return where


def columns(row: Base) -> dict[str, Any]:
    """The row as it is."""
    return {column.name: getattr(row, column.name) for column in row.__table__.columns}
