"""What a meeting looks at, counted and frozen as of a moment: obstacles, overdue tasks, and so on.

It names no client: cases by their number alone. Each list is bounded and says how many there are in all.
"""

import calendar
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Select, func, select
from sqlalchemy.orm import InstrumentedAttribute

from services.cases.beds import EXTRA
from services.cases.models import Case, Plan, Task
from services.cases.obstacle_queries import decisions_where
from services.cases.placement_models import BedCount, Facility
from services.cases.queries import in_area
from services.cases.rakor_models import Decision, Meeting, Obstacle
from sinergi.db import Tx
from sinergi.workdays import zone_of

#: how many lines a list of the agenda has at most: what a morning can discuss (ours)
OBSTACLES, LATE, DECISIONS, PLANS, FACILITIES = 100, 200, 100, 20, 50


async def agenda_of(meeting: Meeting, tx: Tx) -> dict[str, Any]:
    """The agenda as JSON, as of now."""
    today = datetime.now(zone_of(meeting.area)).date()
    return {
        "today": today.isoformat(),
        "obstacles": await _obstacles(meeting, today, tx),
        "late": await _late(meeting, today, tx),
        "decisions": await _decisions(meeting, today, tx),
        "plans": await _plans(meeting, today, tx),
        "facilities": await _facilities(meeting, tx),
        "numbers": await _numbers(meeting, tx),
    }


def number(subject_id: UUID) -> str:
    """The short number that people read to each other (the same as in messages and on pages)."""
    return subject_id.hex[-8:].upper()


async def _obstacles(meeting: Meeting, today: date, tx: Tx) -> dict[str, Any]:
    where = _of(meeting, Obstacle.agency, Obstacle.area, Obstacle.ended_at.is_(None))
    order = (func.left(Obstacle.area, 8), Obstacle.category, Obstacle.cases.desc(), Obstacle.since, Obstacle.id)
    found = await tx.session.scalars(select(Obstacle).where(*where).order_by(*order).limit(OBSTACLES))
    lines = [_obstacle(one, today) for one in found]
    return {"items": lines, "total": await _count(select(func.count()).select_from(Obstacle).where(*where), tx)}


def _obstacle(one: Obstacle, today: date) -> dict[str, Any]:
    codes = ("area", "category", "severity", "words", "state", "owner", "office", "cases")
    age = {"since": one.since.isoformat(), "days": (today - one.since).days}
    return {"id": str(one.id), "number": number(one.id)} | {name: getattr(one, name) for name in codes} | age


async def _late(meeting: Meeting, today: date, tx: Tx) -> dict[str, Any]:
    """Overdue tasks of each kecamatan and kind: one grouped query, answered by the index `tasks_late` alone."""
    where = _of(meeting, Task.agency, Task.area, Task.done_at.is_(None), Task.due_on < today)
    place = func.left(Task.area, 8).label("place")
    counted = select(place, Task.kind, func.count().label("tasks"), func.min(Task.due_on).label("oldest"))
    rows = (await tx.session.execute(counted.where(*where).group_by(place, Task.kind).order_by(place, Task.kind))).all()
    lines = [
        {"regency": one.place[:5], "area": one.place, "kind": one.kind, "tasks": one.tasks}
        | {"oldest": one.oldest.isoformat(), "days": (today - one.oldest).days}
        for one in rows
    ]
    return {"items": lines[:LATE], "total": sum(one.tasks for one in rows), "by_regency": _by_regency(lines)}


def _by_regency(lines: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """How many are overdue in each kabupaten/kota (Sudinsos)."""
    counts: dict[str, int] = {}
    for one in lines:
        counts[one["regency"]] = counts.get(one["regency"], 0) + one["tasks"]
    return [{"regency": regency, "tasks": tasks} for regency, tasks in counts.items()]


async def _decisions(meeting: Meeting, today: date, tx: Tx) -> dict[str, Any]:
    """What was decided and is not done yet, the oldest first."""
    where = _of(meeting, Decision.agency, Decision.area, Task.done_at.is_(None))
    both = select(func.count()).select_from(Decision).join(Task, Task.id == Decision.task_id)
    found = await decisions_where(tx, *where, most=DECISIONS)
    lines = [
        {name: one[name] for name in ("text", "worker", "desk", "area")}
        | {"number": number(one["id"]), "due_on": one["due_on"].isoformat(), "late": one["due_on"] < today}
        for one in found
    ]
    return {"items": lines, "total": await _count(both.where(*where), tx)}


async def _plans(meeting: Meeting, today: date, tx: Tx) -> dict[str, Any]:
    """Plans that lie before a supervisor, those that wait longest first."""
    where = _of(meeting, Case.agency, Case.area, Plan.state == "submitted", Plan.submitted_at.is_not(None))
    waiting = select(Case.id, Case.area, Plan.submitted_at).join(Plan, Plan.case_id == Case.id).where(*where)
    found = (await tx.session.execute(waiting.order_by(Plan.submitted_at, Case.id).limit(PLANS))).all()
    lines = [
        {"case_id": str(one.id), "number": number(one.id), "area": one.area}
        | {"submitted_on": (day := _day(one.submitted_at, meeting.area)).isoformat(), "days": (today - day).days}
        for one in found
    ]
    all_of_them = select(func.count()).select_from(Case).join(Plan, Plan.case_id == Case.id).where(*where)
    return {"items": lines, "total": await _count(all_of_them, tx)}


async def _facilities(meeting: Meeting, tx: Tx) -> dict[str, Any]:
    """The office's facilities that hold more people than they have beds, the fullest first."""
    where = _of(meeting, Facility.agency, Facility.area, BedCount.state == EXTRA, BedCount.beds > 0)
    extra = func.sum(BedCount.beds).label("extra")
    counted = select(Facility.area, Facility.code, Facility.name, extra).join(BedCount).where(*where)
    rows = await tx.session.execute(counted.group_by(Facility.id).order_by(extra.desc(), Facility.code))
    lines = [dict(row) | {"extra": int(row["extra"])} for row in rows.mappings()]
    return {"items": lines[:FACILITIES], "total": len(lines)}


async def _numbers(meeting: Meeting, tx: Tx) -> dict[str, Any]:
    """Cases opened and closed in the month, and how many stand at each stage now."""
    first, after = month_of(meeting)
    opened = _of(meeting, Case.agency, Case.area, Case.opened_at >= first, Case.opened_at < after)
    closed = _of(meeting, Case.agency, Case.area, Case.closed_at >= first, Case.closed_at < after)
    alive = _of(meeting, Case.agency, Case.area, Case.closed_at.is_(None))
    stages = select(Case.stage, func.count().label("cases")).where(*alive).group_by(Case.stage).order_by(Case.stage)
    return {
        "month": meeting.month.isoformat()[:7],
        "opened": await _count(select(func.count()).select_from(Case).where(*opened), tx),
        "closed": await _count(select(func.count()).select_from(Case).where(*closed), tx),
        "stages": [{"stage": one.stage, "cases": one.cases} for one in await tx.session.execute(stages)],
    }


def month_of(meeting: Meeting) -> tuple[datetime, datetime]:
    """When the month begins where the meeting's area lies, and when the next one does."""
    days = calendar.monthrange(meeting.month.year, meeting.month.month)[1]
    after, zone = meeting.month + timedelta(days=days), zone_of(meeting.area)
    return datetime.combine(meeting.month, time(), zone), datetime.combine(after, time(), zone)


def _of(
    meeting: Meeting, agency: InstrumentedAttribute[str], area: InstrumentedAttribute[str], *more: Any
) -> list[Any]:
    return [agency == meeting.agency, in_area(area, meeting.area), *more]


async def _count(counted: Select[int], tx: Tx) -> int:
    return await tx.session.scalar(counted) or 0


def _day(at: datetime | None, area: str) -> date:
    return (at or datetime.now(UTC)).astimezone(zone_of(area)).date()
