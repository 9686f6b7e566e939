"""How far a case has come, as the requirements of stages.py look at it."""

from collections.abc import Sequence

from sqlalchemy import select

from services.cases.casefile import plan_in_force, plan_of, steps_of
from services.cases.models import Assessment, Case, Plan
from services.cases.plans import PlanContent
from services.cases.stages import SETTLED, PlanState, Stage, Standing, StepState
from sinergi.db import Tx

#: needs at these levels must be answered by a goal, or by a reason why not. Source: ours.
GRAVE = ("high", "life")


async def standing_of(case: Case, tx: Tx) -> Standing:
    """The case's standing now; the caller has flushed what it changed."""
    assessments = await _current(case, tx)
    plan, steps = await plan_of(case, tx), await steps_of(case, tx)
    in_force = await plan_in_force(case, tx) is not None
    begun = [one for one in steps if one.state not in (StepState.PLANNED, StepState.DROPPED)]
    return Standing(
        stage=Stage(case.stage),
        assessed=bool(assessments),
        needs_left=needs_left(assessments, plan),
        plan=PlanState(plan.state) if plan else None,
        in_force=in_force,
        unsettled=tuple(one.key for one in steps if one.state not in SETTLED) if in_force else (),
        empowering=any(one.stage == Stage.PEMBERDAYAAN for one in begun),
    )


def needs_left(assessments: Sequence[Assessment], plan: Plan | None) -> tuple[str, ...]:
    """The grave needs that no goal of the newest version answers, and about which it gives no reason."""
    found = [finding for one in assessments for finding in one.because]
    # a total is over all domains: it says that a need is grave, not which
    grave = {str(one["domain"]) for one in found if one["risk"] in GRAVE and one["domain"] != "total"}
    content = PlanContent.model_validate(plan.content) if plan else PlanContent(goals=[], steps=[])
    return tuple(sorted(grave - {one.need for one in content.goals} - content.left_out.keys()))


async def _current(case: Case, tx: Tx) -> Sequence[Assessment]:
    """The assessments that count: the current one by each instrument (the index of current ones serves it)."""
    return (await tx.session.scalars(select(Assessment).filter_by(case_id=case.id, current=True))).all()
