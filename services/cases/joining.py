"""Two open cases turn out to be one client's: a supervisor lets one go on, and closes the other as joined to it.

What was written stays where it was written, readable from both; what must still be done moves (docs/decisions/0013).
"""

from datetime import UTC, datetime, timedelta
from uuid import UUID

from pydantic import Field
from sqlalchemy import select

from services.cases.access import grant
from services.cases.casefile import record, steps_of, supervised_case, told
from services.cases.commands import Answer, OnCase
from services.cases.duties import keep_duties
from services.cases.intake_models import Transfer
from services.cases.models import Case, Task
from services.cases.placement_models import NOT_OVER, Placement
from services.cases.reassessing import plan_no_more
from services.cases.stages import ENDED, StepState, next_stage
from services.cases.tasks import move_into_case, open_tasks
from services.cases.transfer_states import OPEN
from services.cases.unknown import bind
from services.cases.ways_in import ways_in
from sinergi.auth import Actor, permit
from sinergi.db import Tx
from sinergi.events import CaseClosed, CaseJoined
from sinergi.problems import Refused


class JoinCase(OnCase):
    """Close the case as joined to another one of the same client, which goes on."""

    into: UUID
    into_expected_version: int = Field(ge=0)


@permit("case.join")
async def join_case(cmd: JoinCase, actor: Actor, tx: Tx) -> Answer:
    """For a supervisor of the office that holds both; cases of two offices are transferred to one first.

    `Refused` (steps-at-work) while a referral of the case that would end is under way: join the other one into it.
    """
    if cmd.into == cmd.case_id:
        raise Refused("same-case", "Choose the other case.")
    case, kept = await _both(cmd, actor, tx)
    await _may_end(case, tx)
    case.stage, case.closed_at = next_stage("join", case.stage), datetime.now(UTC)
    case.joined_to, case.closure_reason = kept.id, "joined"
    if case.client_kind != kept.client_kind:
        await bind(case, kept.client_kind, kept.client_id, tx, actor)
    await plan_no_more(case, actor, tx)
    await keep_duties(case, actor, tx)
    await tx.session.flush()
    for task in await open_tasks(tx, Task.case_id == case.id):
        await move_into_case(task, kept, tx)
    _let_read(case, kept, actor, tx)
    _tell(case, kept, actor, tx)
    return Answer(id=kept.id, version=kept.version, state=kept.stage)


async def _both(cmd: JoinCase, actor: Actor, tx: Tx) -> tuple[Case, Case]:
    """Both cases, locked in the order of their ids: two who join them crosswise wait instead of blocking each other."""
    wanted = {cmd.case_id: cmd.expected_version, cmd.into: cmd.into_expected_version}
    found = {one: await supervised_case(one, wanted[one], actor, tx) for one in sorted(wanted)}
    case, kept = found[cmd.case_id], found[cmd.into]
    if case.closed_at or kept.closed_at:
        raise Refused("case-closed", "One of the two is closed already.", "conflict")
    if case.client_kind != kept.client_kind and (case.client_kind, kept.client_kind) != ("unknown", "person"):
        raise Refused("other-client", "Two clients of one kind, or somebody unknown into a person's case.")
    return case, kept


async def _may_end(case: Case, tx: Tx) -> None:
    """Nothing of the case may still be under way elsewhere; steps that never went out are dropped with it."""
    steps = await steps_of(case, tx)
    if busy := [one.key for one in steps if one.state not in ENDED | {StepState.PLANNED}]:
        raise Refused("steps-at-work", "Referrals of this case are under way: let it go on.", "conflict", steps=busy)
    if await tx.session.scalar(select(Placement.id).where(Placement.case_id == case.id, NOT_OVER).limit(1)):
        raise Refused("placement-open", "Somebody of this case waits for a place or has one: let it go on.", "conflict")
    moving = select(Transfer.id).where(Transfer.case_id == case.id, Transfer.state.in_(OPEN))
    if await tx.session.scalar(moving):
        raise Refused("transfer-open", "Withdraw the transfer first.", "conflict")
    for step in steps:
        step.state = StepState.DROPPED if step.state == StepState.PLANNED else step.state


def _let_read(case: Case, kept: Case, actor: Actor, tx: Tx) -> None:
    """Whoever goes on reads what was written before; whoever stops reads on for a while."""
    until = datetime.now(UTC) + timedelta(days=ways_in().transfer.sender_reads_days)
    grant(case, kept.worker, kept.agency, "read", "joined", None, actor, tx)
    grant(kept, case.worker, case.agency, "read", "joined", until, actor, tx)


def _tell(case: Case, kept: Case, actor: Actor, tx: Tx) -> None:
    tx.emit(CaseJoined(**told(case), joined_to=str(kept.id)), of=case)
    none = {"goals_met": 0, "goals_partly_met": 0, "goals_not_met": 0, "follow_up_due": []}
    tx.emit(CaseClosed(**told(case), reason="joined", **none), of=case)
    record(case, "join", actor, tx)
    record(kept, "join_other", actor, tx)
