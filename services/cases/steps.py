"""A step of the plan: begun as a referral or as work of the own office, ended well or badly, given up."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

from services.cases.casefile import record, steps_of, told
from services.cases.models import Case, Step, Task
from services.cases.plans import ready
from services.cases.stages import CARRIED_OUT, DROPPABLE, SETTLED, StepState, next_stage
from services.cases.tasks import add_task, finish, open_tasks
from sinergi.auth import Actor
from sinergi.db import Tx
from sinergi.events import CaseReferralPlanned, CaseStepCompleted, CaseStepDropped, CaseStepFailed, CaseStepOpened
from sinergi.problems import Refused
from sinergi.workdays import zone_of

BLOCKED = "step-blocked"


async def fire_ready(case: Case, steps: Sequence[Step], actor: Actor, tx: Tx) -> None:
    """Begin every step that waits for nothing any more. While the case is assessed or planned anew, none goes out."""
    if case.stage in CARRIED_OUT:
        for step in ready(steps):
            await begin(case, step, actor, tx)


async def begin(case: Case, step: Step, actor: Actor, tx: Tx, replaces: str | None = None) -> None:
    """Send the referral, or open the step for the own office. Moves the stage on."""
    case.stage = next_stage(f"fire_{step.stage}", case.stage)
    if step.due_days:
        step.due_on = datetime.now(zone_of(case.area)).date() + timedelta(days=step.due_days)
    await finish_tasks([step], actor, tx)
    if step.kind == "referral":
        _send(case, step, actor, tx, replaces)
    else:
        await _open(case, step, actor, tx)


def _send(case: Case, step: Step, actor: Actor, tx: Tx, replaces: str | None) -> None:
    """Tell that the step asks for its service; the service `referrals` sends the referral.

    `Refused` (client-unknown): a referral needs somebody whom the registry knows.
    """
    if case.client_kind == "unknown":
        sentence = "Bind the client to a person of the registry first; a provisional one will do."
        raise Refused("client-unknown", sentence, "conflict")
    step.state = StepState.SENT
    record(case, "step_sent", actor, tx, step.key)
    asked = {name: getattr(step, name) for name in ("service", "reason", "legal_basis", "priority", "documents")}
    client = {"client_kind": case.client_kind, "client_id": str(case.client_id)}
    tx.emit(CaseReferralPlanned(**told(case), **client, **asked, step_id=str(step.id), replaces=replaces), of=case)


async def _open(case: Case, step: Step, actor: Actor, tx: Tx) -> None:
    """Somebody of our own has it to do; with a date it is a task until the step ends."""
    step.state = StepState.OPEN
    record(case, "step_open", actor, tx, step.key)
    what = {"step_id": str(step.id), "kind": step.kind, "service": step.service, "due_on": step.due_on}
    tx.emit(CaseStepOpened(**told(case), **what), of=case)
    if step.due_on:
        await add_task(
            tx,
            case=case,
            kind=task_kind(step.kind),
            worker=step.worker or "",
            reason=step.service,
            due_on=step.due_on,
            step_id=step.id,
        )


def task_kind(kind: str) -> str:
    """The kind of task that an open step of this kind is."""
    return f"do-{kind.replace('_', '-')}"


async def complete(case: Case, step: Step, outcome: str, actor: Actor, tx: Tx) -> None:
    """The step has its outcome; its goal comes along by itself, and what waited for the step begins."""
    step.state, step.outcome = StepState.COMPLETED, outcome
    await finish_tasks([step], actor, tx)
    tx.emit(CaseStepCompleted(**told(case), step_id=str(step.id), outcome=outcome, kind=step.kind), of=case)
    await fire_ready(case, await steps_of(case, tx), actor, tx)


async def end_badly(
    case: Case,
    step: Step,
    reason: str,
    missing_documents: list[str],
    actor: Actor,
    tx: Tx,
    consequence: str | None = None,
) -> None:
    """The step ended without its service: keep why, and ask the worker for what follows (referrals' `consequence`), or
    to decide; if it was withdrawn, that is its end."""
    if step.withdrawn:
        return await drop(case, step, step.withdrawn, actor, tx)
    await finish_tasks([step], actor, tx)
    step.problem, step.missing_documents = reason, missing_documents
    await add_task(tx, case=case, kind=f"step-{consequence or step.state}", reason=reason, step_id=step.id)
    tx.emit(CaseStepFailed(**told(case), step_id=str(step.id), reason=reason), of=case)


async def give_up(case: Case, step: Step, why: str, actor: Actor, tx: Tx) -> None:
    """The step will not be done; `why` goes into the case's history."""
    step.state = StepState.DROPPED
    await finish_tasks([step], actor, tx)
    record(case, "drop_step", actor, tx, f"{step.key}: {why}")
    tx.emit(CaseStepDropped(**told(case), step_id=str(step.id), kind=step.kind), of=case)


async def drop(case: Case, step: Step, why: str, actor: Actor, tx: Tx) -> None:
    """Give the step up. Whatever waited for it can never begin: the worker is asked about each."""
    await give_up(case, step, why, actor, tx)
    for waiting in await steps_of(case, tx):
        if step.key in waiting.after and waiting.state == StepState.PLANNED:
            await add_task(tx, case=case, kind=BLOCKED, reason=waiting.service, step_id=waiting.id)


def takes(step: Step, referral_id: UUID) -> bool:
    """Whether the step follows this referral: once sent, it takes the first new one that it hears of and keeps it."""
    new = str(referral_id) not in step.earlier_referrals
    if step.state == StepState.SENT and step.referral_id is None and new:
        step.referral_id = referral_id
    return step.referral_id == referral_id


async def finish_tasks(steps: Sequence[Step], actor: Actor, tx: Tx) -> None:
    """What was to be done or decided about these steps is."""
    await tx.session.flush()
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
