"""From one version of a plan to the next: what runs goes on as the very same row, and nothing ends in silence."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import delete, select

from services.cases.casefile import steps_of
from services.cases.models import Case, Goal, Step
from services.cases.plan_changes import changed_fields
from services.cases.plans import PlanContent, PlannedGoal, PlannedStep
from services.cases.stages import AT_WORK, SETTLED, StepState
from services.cases.steps import give_up
from sinergi.auth import Actor
from sinergi.db import Tx, new_id
from sinergi.problems import Refused

#: what may change in a step that has begun: its place in the plan, not what was asked
PLACE = {"goal", "weight", "after"}


def copied(content: PlanContent, steps: Sequence[Step]) -> PlanContent:
    """The version in force as the draft of the next one: without the steps that were given up meanwhile."""
    gone = {one.key for one in steps if one.state == StepState.DROPPED}
    kept = [one for one in content.steps if one.key not in gone]
    free = [one.model_copy(update={"after": [key for key in one.after if key not in gone]}) for one in kept]
    return content.model_copy(update={"steps": free, "dropped": {}})


def check_carried(before: PlanContent, after: PlanContent, steps: Sequence[Step]) -> None:
    """`Refused` when the next version takes a key that was used, changes what runs, or leaves a step unsettled."""
    old, rows = {one.key: one for one in before.steps}, {one.key: one for one in steps}
    _check_kept(old, after, rows)
    removed = [rows[key] for key in old if key in rows and key not in {one.key for one in after.steps}]
    if lost := sorted(after.dropped.keys() - {one.key for one in removed}):
        raise Refused("plan-unknown-step", "Only steps that this version leaves out can be dropped.", steps=lost)
    if busy := sorted(one.key for one in removed if one.state in AT_WORK):
        raise Refused(
            "step-at-work", "Drop these steps first: their referrals must be stopped.", "conflict", steps=busy
        )
    silent = sorted(one.key for one in removed if one.state not in SETTLED and one.key not in after.dropped)
    if silent:
        raise Refused("drop-needs-reason", "Say why these steps are given up.", steps=silent)


def _check_kept(old: dict[str, PlannedStep], after: PlanContent, rows: dict[str, Step]) -> None:
    known = [(one, rows[one.key]) for one in after.steps if one.key in rows]
    if spent := sorted(one.key for one, row in known if one.key not in old or row.state == StepState.DROPPED):
        raise Refused("plan-key-spent", "These keys belong to steps of before: choose others.", steps=spent)
    begun = [one for one, row in known if row.state != StepState.PLANNED]
    if altered := sorted(one.key for one in begun if changed_fields(old[one.key], one).keys() - PLACE):
        sentence = "These steps have begun: drop them and plan others in their place, or leave them as they are."
        raise Refused("step-has-begun", sentence, "conflict", steps=altered)


async def lay_out(case: Case, content: PlanContent, tx: Tx) -> None:
    """Goals and steps of a first version, in place of its earlier draft: nothing of it has begun."""
    await tx.session.execute(delete(Goal).where(Goal.case_id == case.id))
    await tx.session.execute(delete(Step).where(Step.case_id == case.id))
    tx.add(*(_goal(case, one, at) for at, one in enumerate(content.goals)))
    tx.add(*(_step(case, one, at) for at, one in enumerate(content.steps)))


async def carry_over(case: Case, content: PlanContent, actor: Actor, tx: Tx) -> None:
    """Put the next version in force: rows with the same key go on, new ones come, the others are given up."""
    await _carry_goals(case, content, tx)
    rows = {one.key: one for one in await steps_of(case, tx)}
    for at, planned in enumerate(content.steps):
        if row := rows.get(planned.key):
            _update(row, planned.model_dump(include=None if row.state == StepState.PLANNED else PLACE), at)
        else:
            tx.add(_step(case, planned, at))
    await tx.session.flush()
    for key, why in content.dropped.items():
        if rows[key].state not in SETTLED:
            await give_up(case, rows[key], why, actor, tx)


async def _carry_goals(case: Case, content: PlanContent, tx: Tx) -> None:
    every = (await tx.session.scalars(select(Goal).where(Goal.case_id == case.id))).all()
    rows = {one.key: one for one in every}
    for at, planned in enumerate(content.goals):
        if row := rows.pop(planned.key, None):
            _update(row, planned.model_dump() | {"retired_at": None}, at)
        else:
            tx.add(_goal(case, planned, at))
    for left in rows.values():
        left.retired_at = left.retired_at or datetime.now(UTC)


def _update(row: Goal | Step, values: dict[str, Any], position: int) -> None:
    for name, value in (values | {"position": position}).items():
        setattr(row, name, value)


def _goal(case: Case, planned: PlannedGoal, position: int) -> Goal:
    return Goal(id=new_id(), case_id=case.id, position=position, **planned.model_dump())


def _step(case: Case, planned: PlannedStep, position: int) -> Step:
    new = {"state": StepState.PLANNED, "earlier_referrals": [], "missing_documents": []}
    return Step(id=new_id(), case_id=case.id, position=position, **planned.model_dump(), **new)
