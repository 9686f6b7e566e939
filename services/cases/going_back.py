"""The ways back: a case that turns out otherwise is assessed or planned anew, for a reason that is kept."""

from services.cases.casefile import own_case, plan_of, record, told
from services.cases.commands import Answer, OnCase, answer
from services.cases.duties import keep_duties
from services.cases.plans import Words
from services.cases.stages import RevertReason, Stage, next_plan_state, next_stage_back
from sinergi.auth import Actor, permit
from sinergi.db import Tx
from sinergi.events import CaseStageReverted


class RevertStage(OnCase):
    """Go back to an earlier stage: a coded reason, and the worker's words, which stay in the case."""

    to: Stage
    reason: RevertReason
    note: Words


@permit("case.revert_stage")
async def revert_stage(cmd: RevertStage, actor: Actor, tx: Tx) -> Answer:
    """Steps that run, run on; planned ones wait until the case is carried out again. What lay before the supervisor is
    a draft again."""
    case = await own_case(cmd.case_id, cmd.expected_version, actor, tx)
    before, case.stage = case.stage, next_stage_back(cmd.to, case.stage)
    if plan := await plan_of(case, tx):
        plan.state = next_plan_state("revert_stage", plan.state)
    stages = {"from_stage": before, "to_stage": case.stage}
    tx.emit(CaseStageReverted(**told(case), **stages, reason=cmd.reason), of=case)
    record(case, "revert_stage", actor, tx, f"{before} → {case.stage}, {cmd.reason}: {cmd.note}")
    await keep_duties(case, actor, tx)
    return answer(case)
