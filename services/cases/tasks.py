"""Tasks: what somebody must do, mostly by a date. Plans, risks, stages, meetings and facts from outside make them.

A task is a thing of its own: when its alarm rings, no case changes and no open form grows stale.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import Annotated, Any
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, StringConstraints
from sqlalchemy import ColumnElement, func, or_, select

from services.cases.access import covered, may_write, mine
from services.cases.models import Case, Task
from services.cases.plans import Code, Text, Words
from services.cases.queries import Page, in_area
from sinergi.auth import Actor, permit
from sinergi.clock import Clock, set_alarm, silence
from sinergi.db import Tx, new_id
from sinergi.events import TaskDone, TaskOpened, TaskOverdue, TaskReassigned
from sinergi.permissions import Role
from sinergi.problems import Refused
from sinergi.workdays import zone_of

OVERDUE = "task.overdue"
#: what is done by an act of its own (steps.py, duties.py, follow_ups.py), and not by ticking its task off
BY_ITS_ACT = frozenset(
    {"follow-up", "assess", "submit-plan", "review-plan", "do-own-service", "do-aid", "do-placement", "do-visit"}
)
Sub = Annotated[str, StringConstraints(pattern=r"^[!-~]{1,100}$")]

clock = Clock()


async def add_task(
    tx: Tx,
    *,
    kind: str,
    case: Case | None = None,
    agency: str = "",
    area: str = "",
    worker: str = "",
    reason: str = "",
    due_on: date | None = None,
    step_id: UUID | None = None,
) -> Task:
    """Give somebody something to do: the case's worker, in its office and area, unless others are named.

    `kind` and `reason` are codes (they are shown by the console's texts); `due_on` is a day of the task's area.
    """
    task = Task(
        id=new_id(),
        version=0,
        case_id=case.id if case else None,
        step_id=step_id,
        agency=agency or (case.agency if case else ""),
        area=area or (case.area if case else ""),
        worker=worker or (case.worker if case else ""),
        kind=kind,
        reason=reason,
        note="",
        due_on=due_on,
    )
    tx.add(task)
    tx.emit(TaskOpened(**_told(task)), of=task)
    if due_on:
        await set_alarm(tx, OVERDUE, task.id, end_of(due_on, task.area))
    return task


def end_of(day: date, area: str) -> datetime:
    """24.00 of that day where the area lies."""
    return datetime.combine(day + timedelta(days=1), time(), zone_of(area))


async def finish(task: Task, by: Actor, tx: Tx, note: str = "") -> None:
    """It is done, or not needed any more."""
    task.done_at, task.done_by, task.note = datetime.now(UTC), by.id, note
    tx.emit(TaskDone(**_told(task), done_by=by.id), of=task)
    await silence(tx, task.id, OVERDUE)


async def open_tasks(tx: Tx, *where: ColumnElement[bool]) -> Sequence[Task]:
    """The tasks that are not done yet and fulfil the condition, locked."""
    found = select(Task).where(Task.done_at.is_(None), *where).order_by(Task.id).with_for_update()
    return (await tx.session.scalars(found)).all()


async def hand_tasks_to(case: Case, worker: str, tx: Tx) -> None:
    """The case's open tasks of its worker are somebody else's now."""
    for task in await open_tasks(tx, Task.case_id == case.id, Task.worker != worker):
        _reassign(task, worker, tx)


async def move_into_case(task: Task, case: Case, tx: Tx) -> None:
    """The task belongs to this case from here on: its office, its area, its worker."""
    task.case_id, task.agency, task.area = case.id, case.agency, case.area
    if task.worker != case.worker:
        _reassign(task, case.worker, tx)


async def hand_over_tasks(moves: Mapping[UUID, str], worker: str, tx: Tx) -> int:
    """The open tasks that this worker has in these cases (case -> new worker) go along; returns how many."""
    tasks = await open_tasks(tx, Task.case_id.in_(moves), Task.worker == worker)
    for task in tasks:
        if task.case_id:
            _reassign(task, moves[task.case_id], tx, with_case=True)
    return len(tasks)


def _reassign(task: Task, worker: str, tx: Tx, *, with_case: bool = False) -> None:
    previous, task.worker = task.worker, worker
    tx.emit(TaskReassigned(**_told(task), previous_worker=previous, with_case=with_case), of=task)


# ---------------------------------------------------------------- commands


class OnTask(BaseModel):
    """A command on a task as the actor last saw it. The door puts the id of its path in."""

    model_config = ConfigDict(extra="forbid")
    task_id: UUID = UUID(int=0)
    expected_version: int = Field(ge=0)


class FinishTask(OnTask):
    """It is done."""

    note: Text = ""


class ReassignTask(OnTask):
    """Somebody else shall do it."""

    worker: Sub


class RememberTask(BaseModel):
    """Note something to do in a case."""

    model_config = ConfigDict(extra="forbid")
    case_id: UUID = UUID(int=0)
    note: Words
    due_on: date
    reason: Code = "by-hand"


class TaskAnswer(BaseModel):
    """The task after a command."""

    id: UUID
    version: int
    state: str


@permit("task.finish")
async def finish_task(cmd: FinishTask, actor: Actor, tx: Tx) -> TaskAnswer:
    """For whoever has to do it, whoever works on its case, and the office's supervisors."""
    task = await _task(cmd, actor, tx)
    if task.kind in BY_ITS_ACT:
        raise Refused("task-ends-with-its-act", "Record in the case what was done: then this task is done.", "conflict")
    await finish(task, actor, tx, cmd.note)
    return _answer(task)


@permit("task.reassign")
async def reassign_task(cmd: ReassignTask, actor: Actor, tx: Tx) -> TaskAnswer:
    """A supervisor gives the task to another worker."""
    task = await _task(cmd, actor, tx)
    _reassign(task, cmd.worker, tx)
    return _answer(task)


@permit("task.remember")
async def remember_task(cmd: RememberTask, actor: Actor, tx: Tx) -> TaskAnswer:
    """A worker notes something to do in an own case. The words stay here; the fact tells the kind."""
    case = await tx.get(Case, cmd.case_id)
    actor.within(agencies=(case.agency,), area=case.area)
    if not await may_write(case, actor, tx):
        raise Refused("not-your-case", "Another social worker holds this case.", "forbidden")
    task = await add_task(tx, case=case, kind="by-hand", reason=cmd.reason, worker=actor.id, due_on=cmd.due_on)
    task.note = cmd.note
    return _answer(task)


async def _task(cmd: OnTask, actor: Actor, tx: Tx) -> Task:
    """The open task, locked; `Refused` for whom it does not concern, or when it is done."""
    task = await tx.get(Task, cmd.task_id)
    actor.within(agencies=(task.agency,), area=task.area)
    if not await _concerns(task, actor, tx):
        raise Refused("not-your-task", "This task is somebody else's.", "forbidden")
    task = await tx.lock(Task, cmd.task_id, cmd.expected_version)
    if task.done_at:
        raise Refused("task-done", "This task is done already.", "conflict", version=task.version, state=task.state)
    return task


async def _concerns(task: Task, actor: Actor, tx: Tx) -> bool:
    if actor.role is Role.SUPERVISOR or task.worker == actor.id:
        return True
    if await tx.session.scalar(select(Task.id).where(Task.id == task.id, covered(Task, actor))):
        return True
    return task.case_id is not None and await may_write(await tx.get(Case, task.case_id), actor, tx)


# ------------------------------------------------------------------- reads


class ListTasks(Page):
    """Tasks that are not done: mine (and of whom I stand in for), or a supervisor's office within its area."""

    whose: Annotated[str, StringConstraints(pattern="^(mine|office)$")] = "mine"
    overdue: bool = False
    case_id: UUID | None = None


@permit("task.read")
async def list_tasks(what: ListTasks, actor: Actor, tx: Tx) -> dict[str, Any]:
    """What is to be done: overdue first, then by date; tasks without a date last."""
    where = await _shown(what, actor, tx)
    total = await tx.session.scalar(select(func.count()).select_from(Task).where(*where))
    order = (Task.due_on.asc().nulls_last(), Task.id)
    rows = await tx.session.scalars(select(Task).where(*where).order_by(*order).limit(what.size).offset(what.skip))
    tasks = rows.all()
    await tx.audit("task.list", "case", sorted({one.case_id for one in tasks if one.case_id}), "tasks")
    return {"items": [_columns(one) for one in tasks], "total": total or 0}


async def _shown(what: ListTasks, actor: Actor, tx: Tx) -> list[ColumnElement[bool]]:
    where = [Task.done_at.is_(None), Task.agency == actor.agency]
    if actor.role is Role.SUPERVISOR and what.whose == "office":
        where.append(in_area(Task.area, actor.area))
    else:
        where.append(await mine(Task, actor, tx))
    if what.overdue:
        where.append(or_(Task.overdue_since.is_not(None), Task.due_on < func.current_date()))
    if what.case_id:
        where.append(Task.case_id == what.case_id)
    return where


# ------------------------------------------------------------------- clock


@clock.on(OVERDUE)
async def when_a_task_is_due_tell_that_it_is_overdue(task_id: UUID, tx: Tx) -> None:
    """Nobody did it in time: a fact, which notify brings to worker and supervisor."""
    task = await tx.lock(Task, task_id)
    if task.done_at is None:
        task.overdue_since = datetime.now(UTC)
        tx.emit(TaskOverdue(**_told(task)), of=task)


def _told(task: Task) -> dict[str, Any]:
    case_id = str(task.case_id) if task.case_id else None
    own = {"agency": task.agency, "area": task.area, "worker": task.worker, "kind": task.kind, "due_on": task.due_on}
    return {"task_id": str(task.id), "case_id": case_id} | own


def _columns(task: Task) -> dict[str, Any]:
    return {column.name: getattr(task, column.name) for column in task.__table__.columns} | {
        "state": task.state,
        "by_hand": task.kind not in BY_ITS_ACT,
    }


def _answer(task: Task) -> TaskAnswer:
    return TaskAnswer(id=task.id, version=task.version, state=task.state)
