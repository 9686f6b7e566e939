"""What a visit that was made does for its case: the duty of a grave risk is done, and so is the planned visit."""

from datetime import date
from uuid import UUID

from pydantic import BaseModel

from services.cases.casefile import record, steps_of
from services.cases.duties import VISIT, keep_duties
from services.cases.models import Case, Step
from services.cases.stages import StepState
from services.cases.steps import complete
from sinergi.auth import Actor, permit
from sinergi.db import Tx


class FollowVisit(BaseModel):
    """A visit of this purpose was made, and the client was met."""

    case_id: UUID
    purpose: str


@permit("case.follow_visit")
async def follow_visit(cmd: FollowVisit, actor: Actor, tx: Tx) -> None:
    """One visit fulfils the duty to visit, and one step: of those open for its purpose, the one that is due first."""
    case = await tx.lock(Case, cmd.case_id)
    await keep_duties(case, actor, tx, done={VISIT})
    awaited = [one for one in await steps_of(case, tx) if _is_for(one, cmd.purpose)]
    if awaited:
        step = min(awaited, key=lambda one: (one.due_on or date.max, one.position))
        record(case, "step_completed", actor, tx, f"{step.key}: visit-completed")
        await complete(case, step, "visit-completed", actor, tx)


def _is_for(step: Step, purpose: str) -> bool:
    return step.kind == "visit" and step.state == StepState.OPEN and step.service == purpose
