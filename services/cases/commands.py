"""What can be done in a case. Each command checks who, locks the case, checks the stage, changes rows, tells."""

from typing import Annotated
from uuid import UUID

import structlog
from pydantic import BaseModel, ConfigDict, Field, StringConstraints
from pydantic.json_schema import SkipJsonSchema
from sqlalchemy import select

from services.cases.casefile import held_by, record, steps_of
from services.cases.models import Case, Step
from services.cases.stages import ENDED, ENDED_BADLY, StepState
from services.cases.steps import complete, end_badly, takes
from sinergi.auth import Actor, permit
from sinergi.db import Tx

log = structlog.get_logger()

FROM_THE_PATH = UUID(int=0)

Area = Annotated[str, StringConstraints(pattern=r"^\d{2}(\.\d{2}(\.\d{2}(\.\d{4})?)?)?$")]


class OnCase(BaseModel):
    """A command on a case as the actor last saw it. The door puts the id of its path in."""

    model_config = ConfigDict(extra="forbid")
    case_id: SkipJsonSchema[UUID] = FROM_THE_PATH
    expected_version: int = Field(ge=0)


class FollowReferral(BaseModel):
    """What a fact about a referral means for the step that it carries out."""

    case_id: UUID
    step_id: UUID
    referral_id: UUID
    service: str
    sender: str
    state: StepState
    outcome: str = ""
    reason: str = ""
    consequence: str | None = None
    missing_documents: list[str] = []


class Answer(BaseModel):
    """The case after a command; `state` is its stage."""

    id: UUID
    version: int
    state: str


@permit("case.follow_referral")
async def follow_referral(cmd: FollowReferral, actor: Actor, tx: Tx) -> None:
    """Move the step as its referral moved. What a replaced or a foreign referral says does nothing."""
    of_case = (Step.id == cmd.step_id, Step.case_id == cmd.case_id)
    if (await tx.session.execute(select(Step.id).where(*of_case))).one_or_none() is None:
        log.warning("referral.of_no_step", referral=str(cmd.referral_id))
        return
    case = await tx.lock(Case, cmd.case_id)
    steps = await steps_of(case, tx)
    step = next(one for one in steps if one.id == cmd.step_id)
    ours = cmd.service == step.service and await held_by(case, cmd.sender, tx)
    if step.state in ENDED or not ours or not takes(step, cmd.referral_id):
        return
    step.state = cmd.state
    record(case, f"step_{cmd.state}", actor, tx, f"{step.key}: {cmd.outcome or cmd.reason}".rstrip(": "))
    if cmd.state == StepState.COMPLETED:
        await complete(case, step, cmd.outcome, actor, tx)
    elif cmd.state in ENDED_BADLY:
        await end_badly(case, step, cmd.reason, cmd.missing_documents, actor, tx, cmd.consequence)


def answer(case: Case) -> Answer:
    """The case after a command."""
    return Answer(id=case.id, version=case.version, state=case.stage)
