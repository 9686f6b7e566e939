"""How far a goal has come: by its steps, which count by themselves, and as the worker sees it, day by day."""

from collections.abc import Iterable, Sequence
from datetime import date, datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import StringConstraints
from sqlalchemy import select

from services.cases.casefile import goals_of, own_case, plan_in_force, record, told
from services.cases.commands import Answer, OnCase, answer
from services.cases.models import Goal, Step
from services.cases.plans import Text
from services.cases.plans_models import GoalView
from services.cases.stages import StepState, next_stage
from sinergi.auth import Actor, permit
from sinergi.db import Tx, new_id
from sinergi.events import CaseGoalProgressed
from sinergi.problems import Refused
from sinergi.workdays import zone_of


class JudgeGoal(OnCase):
    """How far the worker sees the goal reached, on a day (unset: today), and by what one sees it."""

    goal: Annotated[str, StringConstraints(max_length=40)] = ""
    reached: Literal["none", "some", "most", "reached"]
    seen_on: date | None = None
    note: Text = ""


@permit("case.judge_goal")
async def judge_goal(cmd: JudgeGoal, actor: Actor, tx: Tx) -> Answer:
    """Note it beside what was seen before: the series is kept."""
    case = await own_case(cmd.case_id, cmd.expected_version, actor, tx)
    next_stage("judge_goal", case.stage)
    goal = next((one for one in await goals_of(case, tx) if one.key == cmd.goal), None)
    if goal is None or await plan_in_force(case, tx) is None:
        raise Refused("not-found", "There is no such goal in an approved plan of this case.", "not-found")
    today = datetime.now(zone_of(case.area)).date()
    seen_on = cmd.seen_on or today
    if seen_on > today:
        raise Refused("day-in-future", "This day lies in the future: give the day on which it was.")
    tx.add(_view(goal, cmd, seen_on, actor))
    tx.emit(CaseGoalProgressed(**told(case), goal_id=str(goal.id), reached=cmd.reached, seen_on=seen_on), of=case)
    record(case, "judge_goal", actor, tx, f"{goal.key}: {cmd.reached}")
    return answer(case)


def _view(goal: Goal, cmd: JudgeGoal, seen_on: date, actor: Actor) -> GoalView:
    seen = {"reached": cmd.reached, "seen_on": seen_on, "note": cmd.note}
    return GoalView(id=new_id(), goal_id=goal.id, **seen, seen_by=actor.id)


def progress(goal: Goal, steps: Iterable[Step]) -> dict[str, int]:
    """The goal's steps that are done, of all that were not given up, and the same by weight in whole per cent."""
    ours = [one for one in steps if one.goal == goal.key and one.state != StepState.DROPPED]
    done = [one for one in ours if one.state == StepState.COMPLETED]
    whole = sum(one.weight for one in ours)
    percent = 100 * sum(one.weight for one in done) // whole if whole else 0
    return {"steps_done": len(done), "steps_all": len(ours), "percent": percent}


async def views_of(goals: Sequence[Goal], tx: Tx) -> dict[UUID, list[dict[str, Any]]]:
    """goal -> how it was seen, oldest first."""
    ours = (
        select(GoalView).where(GoalView.goal_id.in_([one.id for one in goals])).order_by(GoalView.seen_on, GoalView.id)
    )
    found: dict[UUID, list[dict[str, Any]]] = {one.id: [] for one in goals}
    for view in await tx.session.scalars(ours.order_by(GoalView.seen_on, GoalView.id)):
        told = {name: getattr(view, name) for name in ("reached", "seen_on", "note", "seen_by", "at")}
        found[view.goal_id].append(told)
    return found
