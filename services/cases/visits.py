"""Visits: planned with a task that has a due date, then made, or tried in vain, which counts and is planned anew.

A visit is an aggregate of its own: recording one changes neither the case's version nor an open form of its worker.
"""

from datetime import UTC, date, datetime, time, timedelta
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints, model_validator
from pydantic.json_schema import SkipJsonSchema

from services.cases.casefile import record
from services.cases.commands import FROM_THE_PATH, Answer, Area
from services.cases.holding import written_case
from services.cases.models import Case, Task
from services.cases.notes_models import Visit
from services.cases.plans import Code, Text, Words
from services.cases.tasks import add_task, finish, open_tasks
from sinergi.auth import Actor, permit
from sinergi.db import Tx, new_id
from sinergi.events import VisitRecorded
from sinergi.problems import Refused
from sinergi.workdays import zone_of

#: a visit may be written down so many days after it, for those who work where nothing can be sent (ours: no rule)
LATE_DAYS = 30
#: a visit is planned at most so far ahead (ours)
AHEAD_DAYS = 365
#: clocks of phones and servers differ
SKEW = timedelta(minutes=5)

Purpose = Literal["assessment", "intervention", "monitoring", "home-check", "accompanying", "follow-up", "other"]
PlaceKind = Literal["home", "facility", "office", "street", "school", "hospital", "agency", "online", "other"]
NotMet = Literal["nobody-home", "moved", "refused", "unsafe", "wrong-address", "not-reachable", "other"]
Relation = Literal[
    "client", "spouse", "parent", "child", "sibling", "other-family", "guardian", "neighbour", "rt-rw", "volunteer",
    "staff", "other",
]  # fmt: skip
ShortWords = Annotated[str, StringConstraints(max_length=200, pattern=r"^[^\x00]*$")]


class Met(BaseModel):
    """Somebody who was met; the words stay in this service."""

    model_config = ConfigDict(extra="forbid")
    relation: Relation
    words: ShortWords = ""


class PlanVisit(BaseModel):
    """Plan a visit for a day."""

    model_config = ConfigDict(extra="forbid")
    case_id: SkipJsonSchema[UUID] = FROM_THE_PATH
    purpose: Purpose
    on: date


class _Record(BaseModel):
    """`visit_id` names the planned visit that this was, with its version; unset: nobody had planned it."""

    model_config = ConfigDict(extra="forbid")
    case_id: SkipJsonSchema[UUID] = FROM_THE_PATH
    visit_id: UUID | None = None
    expected_version: int | None = Field(None, ge=0)
    purpose: Purpose
    started_at: AwareDatetime
    ended_at: AwareDatetime
    place_kind: PlaceKind
    area: Area
    place: Text = ""

    @model_validator(mode="after")
    def _plausible(self) -> "_Record":
        if not timedelta() <= self.ended_at - self.started_at <= timedelta(hours=24):
            raise ValueError("a visit ends after it starts, within 24 hours")
        if (self.visit_id is None) != (self.expected_version is None):
            raise ValueError("a planned visit is named with the version that you have seen")
        return self


class RecordVisit(_Record):
    """A visit that was made. `needs` are codes of what was seen to be needed; `next_on` plans the next one."""

    client_present: bool
    people: list[Met] = Field(default=[], max_length=30)
    findings: Words
    needs: list[Code] = Field(default=[], max_length=30)
    next_on: date | None = None


class RecordMissed(_Record):
    """A visit at which the client was not met; it is planned anew for `next_on`."""

    reason: NotMet
    findings: Text = ""
    next_on: date


class Recorded(Answer):
    """The visit, and the one that it led to."""

    next_visit: UUID | None = None


@permit("visit.plan")
async def plan_visit(cmd: PlanVisit, actor: Actor, tx: Tx) -> Answer:
    """Plan a visit: a task for the case's worker, due on that day."""
    case = await written_case(cmd.case_id, actor, tx)
    visit = await _planned(case, cmd.purpose, cmd.on, actor, tx)
    record(case, "plan_visit", actor, tx, cmd.purpose)
    return Answer(id=visit.id, version=visit.version, state=visit.state)


@permit("visit.record")
async def record_visit(cmd: RecordVisit, actor: Actor, tx: Tx) -> Recorded:
    """Write down a visit that was made; the task of a planned one is done."""
    about = {
        "people": [one.model_dump() for one in cmd.people],
        "needs": list(dict.fromkeys(cmd.needs)),
        "client_present": cmd.client_present,
        "reason": None,
    }
    return await _record(cmd, "done", about, actor, tx)


@permit("visit.record")
async def record_missed(cmd: RecordMissed, actor: Actor, tx: Tx) -> Recorded:
    """Write down that the client was not met, and plan the next try."""
    about = {"people": [], "needs": [], "client_present": False, "reason": cmd.reason}
    return await _record(cmd, "not_met", about, actor, tx)


async def _record(
    cmd: RecordVisit | RecordMissed, state: Literal["done", "not_met"], about: dict[str, Any], actor: Actor, tx: Tx
) -> Recorded:
    case = await written_case(cmd.case_id, actor, tx)
    _refuse_implausible(cmd)
    visit = await _visit(cmd, case, tx)
    _fill(visit, cmd, about | {"state": state, "recorded_by": actor.id, "recorded_at": datetime.now(UTC)})
    await _finish_task(visit, actor, tx)
    if cmd.next_on:
        visit.next_visit = (await _planned(case, cmd.purpose, cmd.next_on, actor, tx)).id
    tx.emit(_fact(visit, case, cmd.next_on), of=visit)
    record(case, f"visit_{state}", actor, tx, cmd.purpose)
    return Recorded(id=visit.id, version=visit.version, state=visit.state, next_visit=visit.next_visit)


def _refuse_implausible(cmd: _Record) -> None:
    now = datetime.now(UTC)
    if cmd.ended_at > now + SKEW:
        raise Refused("in-the-future", "Record a visit when it has ended, or plan it.")
    if cmd.started_at < now - timedelta(days=LATE_DAYS):
        sentence = f"A visit is written down within {LATE_DAYS} days. Write a note that tells of it instead."
        raise Refused("visit-too-old", sentence, days=LATE_DAYS)


async def _visit(cmd: _Record, case: Case, tx: Tx) -> Visit:
    """The planned visit, locked; or a new one."""
    if cmd.visit_id is None:
        visit = Visit(id=new_id(), case_id=case.id, version=0)
        tx.add(visit)
        return visit
    visit = await tx.get(Visit, cmd.visit_id)
    if visit.case_id != case.id:
        raise Refused("not-found", "There is no such visit in this case.", "not-found")
    visit = await tx.lock(Visit, cmd.visit_id, cmd.expected_version)
    if visit.state != "planned":
        raise Refused("visit-already-recorded", "This visit is written down already.", "conflict", state=visit.state)
    return visit


def _fill(visit: Visit, cmd: RecordVisit | RecordMissed, about: dict[str, Any]) -> None:
    visit.at = cmd.started_at
    for name in ("purpose", "ended_at", "place_kind", "area", "place", "findings"):
        setattr(visit, name, getattr(cmd, name))
    for name, value in about.items():
        setattr(visit, name, value)


async def _planned(case: Case, purpose: str, on: date, actor: Actor, tx: Tx) -> Visit:
    today = datetime.now(zone_of(case.area)).date()
    if not today <= on <= today + timedelta(days=AHEAD_DAYS):
        raise Refused("visit-date", f"Plan a visit for today or one of the next {AHEAD_DAYS} days.")
    noon = datetime.combine(on, time(12), zone_of(case.area))
    visit = Visit(id=new_id(), case_id=case.id, version=0, state="planned", purpose=purpose, planned_on=on, at=noon)
    visit.people, visit.needs, visit.planned_by = [], [], actor.id
    visit.task_id = (await add_task(tx, case=case, kind="visit", reason=purpose, due_on=on)).id
    tx.add(visit)
    return visit


async def _finish_task(visit: Visit, actor: Actor, tx: Tx) -> None:
    """The task of a planned visit is done, unless somebody has ticked it off."""
    for task in await open_tasks(tx, Task.id == visit.task_id) if visit.task_id else ():
        await finish(task, actor, tx)


def _fact(visit: Visit, case: Case, next_on: date | None) -> VisitRecorded:
    return VisitRecorded(
        visit_id=str(visit.id),
        case_id=str(case.id),
        agency=case.agency,
        area=case.area,
        worker=case.worker,
        outcome="done" if visit.state == "done" else "not_met",
        purpose=visit.purpose,
        client_present=bool(visit.client_present),
        started_at=visit.at,
        ended_at=visit.ended_at or visit.at,
        reason=visit.reason,
        next_visit_on=next_on,
    )
