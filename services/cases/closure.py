"""Terminasi: the worker asks with a reason and an outcome for each goal; the supervisor sends back or approves.

Source: DOMAIN.md, "Casework". What each reason needs is data (closing.py). A request that was sent back stays as it is.
"""

from collections.abc import Sequence
from datetime import UTC, date, datetime
from typing import Literal

from pydantic import Field
from sqlalchemy import func, select

from services.cases.casefile import goals_of, own_case, plan_in_force, record, steps_of, supervised_case, told
from services.cases.closing import RULES, ClosureReason, GoalOutcome, check_outcomes, follow_up_dates
from services.cases.closure_models import Closure
from services.cases.commands import Answer, OnCase, answer
from services.cases.duties import keep_duties
from services.cases.follow_ups import schedule
from services.cases.models import Case, Goal, Step
from services.cases.notes_models import Note, Visit
from services.cases.plans import Key, Text, Words
from services.cases.reassessing import plan_no_more
from services.cases.stages import Stage, next_stage
from services.cases.steps import drop_steps, give_up
from sinergi.auth import Actor, permit
from sinergi.db import Tx, new_id
from sinergi.events import CaseClosed, CaseClosureRequested, CaseClosureReturned
from sinergi.problems import Refused
from sinergi.workdays import zone_of

NotAsked = Literal["not-reached", "died", "too-ill", "too-young", "would-not-say"]


class RequestClosure(OnCase):
    """Ask for terminasi: a coded reason, an outcome for every goal and by what it shows, and what the client says.

    `dropped` says, for each step that ended without its service or never went out, why it is given up. `not_asked` is
    the code of why the client could not be asked.
    """

    reason: ClosureReason
    outcomes: dict[str, GoalOutcome] = Field(max_length=50)
    evidence: dict[Key, Words] = Field(default={}, max_length=50)
    client_view: Text | None = None
    not_asked: NotAsked | None = None
    happened_on: date | None = None
    explanation: Text | None = None
    dropped: dict[str, Words] = Field(default={}, max_length=50)


class ReturnClosure(OnCase):
    """Send the request back to the worker, saying why."""

    comment: Words


class CloseCase(OnCase):
    """Approve terminasi."""

    comment: Text = ""


class ClosureAsked(Answer):
    """The case after a request; `suggests` names what might serve the client better than closing."""

    suggests: str | None = None


@permit("case.request_closure")
async def request_closure(cmd: RequestClosure, actor: Actor, tx: Tx) -> ClosureAsked:
    """Terminasi, asked for: every step settled, every goal of an approved plan with its outcome."""
    case = await own_case(cmd.case_id, cmd.expected_version, actor, tx)
    before, case.stage = case.stage, next_stage("request_closure", case.stage)
    steps, goals = await _agreed(case, cmd.reason, tx)
    for step in drop_steps(steps, cmd.dropped):
        await give_up(case, step, cmd.dropped[step.key], actor, tx)
    check_outcomes(goals, cmd.outcomes)
    await _check_reason(cmd, case, tx)
    for goal in goals:
        goal.outcome = cmd.outcomes[goal.key]
    case.closure_reason, case.client_view = cmd.reason, cmd.client_view
    tx.add(_request(cmd, case, before, actor))
    tx.emit(CaseClosureRequested(**told(case), reason=cmd.reason), of=case)
    record(case, "request_closure", actor, tx, cmd.reason)
    await keep_duties(case, actor, tx)
    return ClosureAsked(**answer(case).model_dump(), suggests=RULES.reasons[cmd.reason].suggests)


@permit("case.return_closure")
async def return_closure(cmd: ReturnClosure, actor: Actor, tx: Tx) -> Answer:
    """Send the request back with a comment: the case stands where it stood, its steps stay as they are."""
    case = await supervised_case(cmd.case_id, cmd.expected_version, actor, tx)
    next_stage("return_closure", case.stage)
    closure = await _asked(case, tx)
    closure.state, closure.comment = "returned", cmd.comment
    closure.decided_by, closure.decided_at = actor.id, datetime.now(UTC)
    case.stage = Stage(closure.asked_from)
    case.closure_reason = case.client_view = None
    for goal in await goals_of(case, tx):
        goal.outcome = None
    tx.emit(CaseClosureReturned(**told(case), closure_id=str(closure.id)), of=case)
    record(case, "return_closure", actor, tx, cmd.comment)
    await keep_duties(case, actor, tx)
    return answer(case)


@permit("case.close")
async def close_case(cmd: CloseCase, actor: Actor, tx: Tx) -> Answer:
    """Terminasi, approved; pembinaan lanjut begins with its follow-ups."""
    case = await supervised_case(cmd.case_id, cmd.expected_version, actor, tx)
    case.stage = next_stage("close", case.stage)
    case.closed_at = now = datetime.now(UTC)
    closure = await _asked(case, tx)
    closure.state, closure.comment, closure.decided_by, closure.decided_at = "approved", cmd.comment, actor.id, now
    due = follow_up_dates(closure.reason, now.astimezone(zone_of(case.area)).date())
    await plan_no_more(case, actor, tx)
    await schedule(case, due, tx)
    if not due:
        case.follow_up_done_at = now
    tx.emit(CaseClosed(**told(case), reason=closure.reason, **_counted(closure), follow_up_due=due), of=case)
    record(case, "close", actor, tx, cmd.comment)
    return answer(case)


async def last_closure(case: Case, tx: Tx) -> Closure | None:
    """The request that counts: the newest."""
    newest = select(Closure).where(Closure.case_id == case.id).order_by(Closure.id.desc()).limit(1)
    return (await tx.session.scalars(newest)).one_or_none()


async def _asked(case: Case, tx: Tx) -> Closure:
    closure = await last_closure(case, tx)
    if closure is None or closure.state != "requested":
        raise LookupError("a case at terminasi has a request for it")
    return closure


def _request(cmd: RequestClosure, case: Case, asked_from: str, actor: Actor) -> Closure:
    outcomes = {key: {"outcome": one, "evidence": cmd.evidence.get(key, "")} for key, one in cmd.outcomes.items()}
    said = cmd.model_dump(include={"reason", "client_view", "not_asked", "explanation", "happened_on"})
    about = {"state": "requested", "asked_from": asked_from, "outcomes": outcomes, "requested_by": actor.id}
    return Closure(id=new_id(), case_id=case.id, **said, **about)


def _counted(closure: Closure) -> dict[str, int]:
    outcomes = [one["outcome"] for one in closure.outcomes.values()]
    return {f"goals_{outcome}": outcomes.count(outcome) for outcome in ("met", "partly_met", "not_met")}


async def _agreed(case: Case, reason: ClosureReason, tx: Tx) -> tuple[Sequence[Step], Sequence[Goal]]:
    """What the closure must answer for: nothing as long as no plan was approved, but then no goal was met either."""
    if await plan_in_force(case, tx):
        return await steps_of(case, tx), await goals_of(case, tx)
    if reason == "goals-met":
        raise Refused("no-goals-agreed", "No plan was approved: give another reason for closing.", "conflict")
    return [], []


async def _check_reason(cmd: RequestClosure, case: Case, tx: Tx) -> None:
    """`Refused` unless the request has what its reason needs."""
    rule = RULES.reasons[cmd.reason]
    if other := sorted(key for key, one in cmd.outcomes.items() if one not in rule.outcomes):
        sentence = "These goals do not fit this reason: give another reason, or say what came of them."
        raise Refused("outcomes-contradict-reason", sentence, goals=other)
    if lost := sorted(cmd.evidence.keys() - cmd.outcomes.keys()):
        raise Refused("plan-unknown-goal", "Give evidence for the plan's goals only.", goals=lost)
    if rule.client_view and not (cmd.client_view or cmd.not_asked):
        raise Refused("client-view-missing", "Write what the client says, or why the client could not be asked.")
    if rule.explanation and not cmd.explanation:
        raise Refused("explanation-missing", "Explain the reason in words.")
    _check_day(cmd, case, needed=rule.happened_on)
    if not cmd.explanation and (tried := await _attempts(case, tx)) < rule.attempts:
        sentence = f"Document {rule.attempts} attempts to reach the client (visits or contacts), or explain why not."
        raise Refused("attempts-missing", sentence, attempts=tried, needed=rule.attempts)


def _check_day(cmd: RequestClosure, case: Case, *, needed: bool) -> None:
    if needed and cmd.happened_on is None:
        raise Refused("day-missing", "Say on which day it happened.")
    if cmd.happened_on and cmd.happened_on > datetime.now(zone_of(case.area)).date():
        raise Refused("in-the-future", "Give a day that has come.")


async def _attempts(case: Case, tx: Tx) -> int:
    """Visits at which the client was not met, and contacts that were noted."""
    missed = select(func.count()).where(Visit.case_id == case.id, Visit.state == "not_met")
    contacts = select(func.count()).where(Note.case_id == case.id, Note.kind == "contact", Note.error.is_(None))
    return (await tx.session.scalar(missed) or 0) + (await tx.session.scalar(contacts) or 0)
