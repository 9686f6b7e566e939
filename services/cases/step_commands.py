"""What the worker does with a step of the plan in force: done, not possible, given up, begun again."""

from datetime import date, datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field, StringConstraints
from pydantic.json_schema import SkipJsonSchema

from services.cases.casefile import own_case, plan_in_force, record, steps_of, told
from services.cases.commands import FROM_THE_PATH, Answer, OnCase, answer
from services.cases.models import Case, Step
from services.cases.plans import Code, Rupiah, Text, Words
from services.cases.stages import AT_WORK, DROPPABLE, ENDED_BADLY, StepState, next_stage
from services.cases.steps import begin, complete, drop, end_badly
from sinergi.auth import Actor, permit
from sinergi.db import Tx
from sinergi.events import CaseReferralWithdrawn
from sinergi.problems import Refused
from sinergi.workdays import zone_of

WithdrawReason = Literal["need-met", "client-withdrew", "client-moved", "client-died", "plan-changed"]
StepOutcome = Literal["service-given", "aid-given", "admitted", "placed", "visit-completed", "partly-given", "other"]
StepProblem = Literal["refused", "unreachable", "moved", "died", "not-eligible", "no-capacity", "other"]
Reference = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9 ./_-]{0,59}$")]


class OnStep(OnCase):
    """A command on a step; the door puts the ids of its path in."""

    step_id: SkipJsonSchema[UUID] = FROM_THE_PATH


class FinishStep(OnStep):
    """Our own office did it: with which outcome, on which day (unset: today), how.

    An aid is recorded when it was given: `reference` is the number of its receipt or decree, `amount` what was given.
    """

    outcome: StepOutcome
    note: Text = ""
    done_on: date | None = None
    reference: Reference | None = None
    amount: Rupiah | None = None


class FailStep(OnStep):
    """Our own office could not do it."""

    reason: StepProblem
    note: Text = ""


class DropStep(OnStep):
    """Give a step up, saying why. `code` says it to the receiver when the step's referral runs."""

    reason: Words
    code: WithdrawReason = "plan-changed"


class ResendStep(OnStep):
    """Begin a step again that was declined, failed or cancelled; a referral with the documents that it needs now.

    `reason` says in words why, and stays in the case; the referral keeps the reason of the plan.
    """

    documents: list[Code] = Field(default=[], max_length=50)
    reason: Words


@permit("case.finish_step")
async def finish_step(cmd: FinishStep, actor: Actor, tx: Tx) -> Answer:
    """The step is done; its goal comes along, and what waited for it begins."""
    case, step = await _own_step("finish_step", cmd, actor, tx)
    _check_open(step)
    step.done_on = _day_of(cmd.done_on, case)
    step.note, step.reference = cmd.note, cmd.reference
    if step.kind == "aid":
        _check_aid(cmd)
        step.amount = cmd.amount or step.amount
    record(case, "step_completed", actor, tx, f"{step.key}: {cmd.outcome}")
    await complete(case, step, cmd.outcome, actor, tx)
    return answer(case)


@permit("case.fail_step")
async def fail_step(cmd: FailStep, actor: Actor, tx: Tx) -> Answer:
    """It could not be done: a task asks the worker what becomes of it."""
    case, step = await _own_step("fail_step", cmd, actor, tx)
    _check_open(step)
    step.state, step.note = StepState.FAILED, cmd.note
    record(case, "step_failed", actor, tx, f"{step.key}: {cmd.reason}")
    await end_badly(case, step, cmd.reason, [], actor, tx)
    return answer(case)


@permit("case.drop_step")
async def drop_step(cmd: DropStep, actor: Actor, tx: Tx) -> Answer:
    """Give it up at once; if its referral runs, ask that this be stopped first: the step ends when that has ended."""
    case, step = await _own_step("drop_step", cmd, actor, tx)
    if step.state in DROPPABLE:
        await drop(case, step, cmd.reason, actor, tx)
    elif step.state in AT_WORK and not step.withdrawn:
        step.withdrawn = cmd.code
        record(case, "withdraw_step", actor, tx, f"{step.key}: {cmd.reason}")
        what = {"step_id": str(step.id), "client_id": str(case.client_id), "service": step.service}
        tx.emit(CaseReferralWithdrawn(**told(case), **what, reason=cmd.code), of=case)
    else:
        raise _wrong_state(step)
    return answer(case)


@permit("case.resend")
async def resend_step(cmd: ResendStep, actor: Actor, tx: Tx) -> Answer:
    """Begin it again: a new referral in the place of the old one, or the office's own work once more."""
    case, step = await _own_step("resend_step", cmd, actor, tx)
    if step.state not in ENDED_BADLY:
        raise _wrong_state(step)
    replaced = _set_back(step, cmd.documents)
    record(case, "resend_step", actor, tx, f"{step.key}: {cmd.reason}")
    await begin(case, step, actor, tx, replaces=replaced)
    return answer(case)


async def _own_step(doing: str, cmd: OnStep, actor: Actor, tx: Tx) -> tuple[Case, Step]:
    """The case, locked for its worker, and its step; `Refused` at the wrong stage or without a plan in force."""
    case = await own_case(cmd.case_id, cmd.expected_version, actor, tx)
    next_stage(doing, case.stage)
    step = next((one for one in await steps_of(case, tx) if one.id == cmd.step_id), None)
    if step is None:
        raise Refused("not-found", "There is no such step in this case.", "not-found")
    if await plan_in_force(case, tx) is None:
        raise Refused("plan-not-approved", "Submit the plan; a supervisor must approve it.", "conflict")
    return case, step


def _set_back(step: Step, documents: list[str]) -> str | None:
    """Forget how it ended; returns the referral that a new one replaces."""
    replaced, step.referral_id = step.referral_id, None
    step.documents, step.problem, step.missing_documents, step.withdrawn = documents, None, [], None
    if replaced is None:
        return None
    step.earlier_referrals = [*step.earlier_referrals, str(replaced)]
    return str(replaced)


def _check_open(step: Step) -> None:
    if step.kind == "referral":
        raise Refused("step-is-a-referral", "Its receiver says how it ends: wait, or drop the step.", "conflict")
    if step.state != StepState.OPEN:
        raise _wrong_state(step)


def _check_aid(cmd: FinishStep) -> None:
    if cmd.outcome in ("aid-given", "partly-given") and not cmd.reference:
        raise Refused("aid-needs-reference", "Give the number of the receipt or decree under which it was given.")


def _day_of(day: date | None, case: Case) -> date:
    today = datetime.now(zone_of(case.area)).date()
    if day and day > today:
        raise Refused("day-in-future", "This day lies in the future: give the day on which it was.")
    return day or today


def _wrong_state(step: Step) -> Refused:
    return Refused("wrong-step-state", f"The step is {step.state}.", "conflict", step_state=step.state)
