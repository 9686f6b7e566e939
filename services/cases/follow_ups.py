"""After terminasi: the client is looked after so many months later, each time a task. "Tidak bisa kita lepas."

A follow-up is an aggregate of its own. When nobody is reached the next attempt follows; when things are worse the
supervisor thinks about opening the case again; after the last one nothing is due any more.
"""

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Literal
from uuid import UUID

from pydantic import Field
from pydantic.json_schema import SkipJsonSchema
from sqlalchemy import select

from services.cases.casefile import own_case, record, told
from services.cases.closing import RULES
from services.cases.commands import FROM_THE_PATH, Answer, OnCase
from services.cases.models import Case, FollowUp, Task
from services.cases.plans import Code, Text
from services.cases.stages import next_stage
from services.cases.tasks import add_task, finish, open_tasks
from sinergi.auth import Actor, permit
from sinergi.db import Tx, new_id
from sinergi.events import CaseFollowedUp, CaseFollowUpEnded
from sinergi.problems import Refused
from sinergi.workdays import zone_of

TASK, CONSIDER = "follow-up", "consider-reopening"
#: a next attempt is planned at most so far ahead (ours)
AHEAD_DAYS = 90

SeenHow = Literal["home-visit", "phone", "office", "partner", "online"]
Situation = Literal["better", "same", "worse"]
NotReached = Literal["nobody-home", "moved", "refused", "not-reachable", "died", "other"]


class _OnFollowUp(OnCase):
    """A follow-up as the actor last saw it."""

    follow_up_id: SkipJsonSchema[UUID] = FROM_THE_PATH


class RecordFollowUp(_OnFollowUp):
    """How the client is now. `needs` are codes of what is needed again."""

    seen_how: SeenHow
    situation: Situation
    needs: list[Code] = Field(default=[], max_length=30)
    note: Text = ""


class RecordNotReached(_OnFollowUp):
    """Nobody was reached; the next attempt is made on `next_on`, unless this was the last one."""

    reason: NotReached
    note: Text = ""
    next_on: date | None = None


class FollowedUp(Answer):
    """The follow-up after a command, and the attempt that comes after it."""

    next_follow_up: UUID | None = None


@permit("case.follow_up")
async def record_follow_up(cmd: RecordFollowUp, actor: Actor, tx: Tx) -> FollowedUp:
    """Write down how the client is; what has grown worse is the supervisor's to think about."""
    case, one = await _due(cmd, actor, tx)
    one.state, one.seen_how, one.situation = "done", cmd.seen_how, cmd.situation
    one.needs, one.note = list(dict.fromkeys(cmd.needs)), cmd.note
    await _done(case, one, actor, tx)
    if cmd.situation == "worse":
        due = _today(case) + timedelta(days=RULES.consider_reopening_days)
        await add_task(tx, case=case, kind=CONSIDER, worker=case.supervisor, reason="situation-worse", due_on=due)
    await _end_if_last(case, actor, tx)
    return FollowedUp(id=one.id, version=one.version, state=one.state)


@permit("case.follow_up")
async def record_not_reached(cmd: RecordNotReached, actor: Actor, tx: Tx) -> FollowedUp:
    """Write down that nobody was reached, and plan the next attempt."""
    case, one = await _due(cmd, actor, tx)
    again = _next_attempt(cmd, case, one)
    one.state, one.reason, one.note = "not_reached", cmd.reason, cmd.note
    await _done(case, one, actor, tx)
    if again is None:
        await _end_if_last(case, actor, tx)
        return FollowedUp(id=one.id, version=one.version, state=one.state)
    following = await _add(case, again, one.attempt + 1, tx)
    return FollowedUp(id=one.id, version=one.version, state=one.state, next_follow_up=following.id)


async def schedule(case: Case, due: Sequence[date], tx: Tx) -> None:
    """Each of these days is a follow-up, and a task of the case's worker."""
    for day in due:
        await _add(case, day, 1, tx)


async def drop_due(case: Case, actor: Actor, tx: Tx) -> None:
    """The case goes on: what was still due is not any more."""
    for one in await due_of(case, tx):
        one.state = "dropped"
        await _finish_task(one, actor, tx)


async def due_of(case: Case, tx: Tx) -> Sequence[FollowUp]:
    """What is still due, the next first."""
    await tx.session.flush()
    due = select(FollowUp).where(FollowUp.case_id == case.id, FollowUp.state == "due").order_by(FollowUp.due_on)
    return (await tx.session.scalars(due)).all()


async def _add(case: Case, due_on: date, attempt: int, tx: Tx) -> FollowUp:
    task = await add_task(tx, case=case, kind=TASK, reason=f"attempt-{attempt}", due_on=due_on)
    one = FollowUp(id=new_id(), version=0, case_id=case.id, due_on=due_on, state="due", attempt=attempt, needs=[])
    one.task_id = task.id
    tx.add(one)
    return one


async def _due(cmd: _OnFollowUp, actor: Actor, tx: Tx) -> tuple[Case, FollowUp]:
    """The case and its follow-up, both locked; `Refused` when it is not due any more."""
    case = await own_case(cmd.case_id, None, actor, tx)
    next_stage("follow_up", case.stage)
    one = await tx.get(FollowUp, cmd.follow_up_id)
    if one.case_id != case.id:
        raise Refused("not-found", "There is no such follow-up in this case.", "not-found")
    one = await tx.lock(FollowUp, cmd.follow_up_id, cmd.expected_version)
    if one.state != "due":
        raise Refused("follow-up-recorded", "This follow-up is recorded already.", "conflict", state=one.state)
    return case, one


def _next_attempt(cmd: RecordNotReached, case: Case, one: FollowUp) -> date | None:
    if one.attempt >= RULES.follow_up_attempts or cmd.reason == "died":
        return None
    today = _today(case)
    if cmd.next_on is None or not today <= cmd.next_on <= today + timedelta(days=AHEAD_DAYS):
        raise Refused("next-attempt-missing", f"Plan the next attempt for one of the next {AHEAD_DAYS} days.")
    return cmd.next_on


async def _done(case: Case, one: FollowUp, actor: Actor, tx: Tx) -> None:
    one.recorded_by, one.done_at = actor.id, datetime.now(UTC)
    await _finish_task(one, actor, tx)
    about = {"follow_up_id": str(one.id), "attempt": one.attempt, "due_on": one.due_on, "needs": one.needs}
    tx.emit(CaseFollowedUp(**told(case), **about, situation=one.situation, reason=one.reason), of=one)
    record(case, f"follow_up_{one.state}", actor, tx, one.situation or one.reason or "")


async def _finish_task(one: FollowUp, actor: Actor, tx: Tx) -> None:
    for task in await open_tasks(tx, Task.id == one.task_id):
        await finish(task, actor, tx)


async def _end_if_last(case: Case, actor: Actor, tx: Tx) -> None:
    if await due_of(case, tx):
        return
    case.follow_up_done_at = datetime.now(UTC)
    tx.emit(CaseFollowUpEnded(**told(case)), of=case)
    record(case, "follow_up_ended", actor, tx)


def _today(case: Case) -> date:
    return datetime.now(zone_of(case.area)).date()
