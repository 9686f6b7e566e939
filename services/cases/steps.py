"""A step of the plan and its referral: sending it out, hearing of it, giving it up."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

from services.cases.casefile import record, told
from services.cases.closing import WIB
from services.cases.models import Case, Step, Task
from services.cases.plans import ready
from services.cases.stages import DROPPABLE, SETTLED, StepState, next_stage
from services.cases.tasks import add_task, finish, open_tasks
from sinergi.auth import Actor
from sinergi.db import Tx
from sinergi.events import CaseReferralPlanned, CaseStepFailed
from sinergi.problems import Refused


def fire_ready(case: Case, steps: Sequence[Step], actor: Actor, tx: Tx) -> None:
    """Send out every step that waits for nothing any more."""
    for step in ready(steps):
        fire(case, step, actor, tx)


def fire(case: Case, step: Step, actor: Actor, tx: Tx, replaces: str | None = None) -> None:
    """Tell that the step asks for its service; the service `referrals` sends the referral. Moves the stage on.

    `Refused` (client-unknown): a referral needs somebody whom the registry knows.
    """
    if case.client_kind == "unknown":
        sentence = "Bind the client to a person of the registry first; a provisional one will do."
        raise Refused("client-unknown", sentence, "conflict")
    case.stage = next_stage(f"fire_{step.stage}", case.stage)
    step.state = StepState.SENT
    if step.due_days:
        step.due_on = datetime.now(WIB).date() + timedelta(days=step.due_days)
    record(case, "step_sent", actor, tx, step.key)
    asked = {name: getattr(step, name) for name in ("service", "reason", "legal_basis", "priority", "documents")}
    client = {"client_kind": case.client_kind, "client_id": str(case.client_id)}
    tx.emit(CaseReferralPlanned(**told(case), **client, **asked, step_id=str(step.id), replaces=replaces), of=case)


def takes(step: Step, referral_id: UUID) -> bool:
    """Whether the step follows this referral: once sent, it takes the first new one that it hears of and keeps it."""
    new = str(referral_id) not in step.earlier_referrals
    if step.state == StepState.SENT and step.referral_id is None and new:
        step.referral_id = referral_id
    return step.referral_id == referral_id


async def ask_the_worker(case: Case, step: Step, reason: str, missing_documents: list[str], tx: Tx) -> None:
    """The step ended without its service: keep why, and give the worker the task to decide."""
    step.problem, step.missing_documents = reason, missing_documents
    await add_task(tx, case=case, kind=f"step-{step.state}", reason=reason, step_id=step.id)
    tx.emit(CaseStepFailed(**told(case), step_id=str(step.id), reason=reason), of=case)


async def finish_tasks(steps: Sequence[Step], actor: Actor, tx: Tx) -> None:
    """The worker has decided about these steps."""
    for task in await open_tasks(tx, Task.step_id.in_([one.id for one in steps])):
        await finish(task, actor, tx)


def drop_steps(steps: Sequence[Step], dropped: dict[str, str]) -> list[Step]:
    """Give up the steps whose keys are in `dropped`; `Refused` when one is still at work or one is left unsettled."""
    chosen = [one for one in steps if one.key in dropped]
    if lost := sorted(dropped.keys() - {one.key for one in chosen}):
        raise Refused("plan-unknown-step", "Only steps of the plan can be dropped.", steps=lost)
    if busy := [one.key for one in chosen if one.state not in DROPPABLE]:
        raise Refused("step-not-droppable", "Cancel these steps' referrals first.", "conflict", steps=sorted(busy))
    for step in chosen:
        step.state = StepState.DROPPED
    if left := [one.key for one in steps if one.state not in SETTLED]:
        sentence = "Wait for these steps, or drop those that ended without their service, saying why."
        raise Refused("steps-not-settled", sentence, "conflict", steps=left)
    return chosen
