"""Opening a closed case again: the worker asks with a coded reason, the supervisor decides; the same case goes on.

Some time after it was closed (`closure_reasons.json`) a new case is opened instead, which names the former.
"""

from datetime import UTC, datetime, timedelta
from typing import Literal

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from services.cases.casefile import goals_of, own_case, record, supervised_case, told
from services.cases.closing import RULES
from services.cases.closure import last_closure
from services.cases.closure_models import Closure, Reopening
from services.cases.commands import Answer, OnCase, answer
from services.cases.duties import keep_duties
from services.cases.follow_ups import CONSIDER, drop_due
from services.cases.models import Case, Task
from services.cases.plans import Text, Words
from services.cases.stages import next_stage
from services.cases.tasks import finish, open_tasks
from sinergi.auth import Actor, permit
from sinergi.db import Tx, new_id
from sinergi.events import CaseReopened, CaseReopeningRefused, CaseReopeningRequested
from sinergi.problems import Refused

Reason = Literal["situation-worse", "new-need", "closed-in-error", "client-asks", "new-information"]


class RequestReopening(OnCase):
    """Ask to open the case again; the note says in words why, and stays here."""

    reason: Reason
    note: Words


class ApproveReopening(OnCase):
    """Open it again."""

    comment: Text = ""


class RefuseReopening(OnCase):
    """Leave it closed, saying why."""

    comment: Words


@permit("case.request_reopening")
async def request_reopening(cmd: RequestReopening, actor: Actor, tx: Tx) -> Answer:
    """Only within the time that the rules give, and only while the client has no other open case."""
    case = await own_case(cmd.case_id, cmd.expected_version, actor, tx)
    next_stage("request_reopening", case.stage)
    closure = await _approved(case, tx)
    if await _requested(case, tx):
        raise Refused("reopening-asked", "This is asked for already: the supervisor decides.", "conflict")
    await _refuse_if_another_is_open(case, tx)
    about = {"reason": cmd.reason, "note": cmd.note, "requested_by": actor.id, "state": "requested"}
    tx.add(Reopening(id=new_id(), case_id=case.id, closure_id=closure.id, **about))
    tx.emit(CaseReopeningRequested(**told(case), reason=cmd.reason), of=case)
    record(case, "request_reopening", actor, tx, cmd.reason)
    return answer(case)


@permit("case.decide_reopening")
async def approve_reopening(cmd: ApproveReopening, actor: Actor, tx: Tx) -> Answer:
    """The case goes back to asesmen; its closure stays as it was, what was due after it is not any more."""
    case, asked = await _decided(cmd, "approved", actor, tx)
    closure = await tx.get(Closure, asked.closure_id)
    closure.state, closure.reopened_at = "reopened", datetime.now(UTC)
    case.stage = next_stage("reopen", case.stage)
    await _open(case, tx)
    await drop_due(case, actor, tx)
    await _finish_tasks(case, actor, tx)
    for goal in await goals_of(case, tx):
        goal.outcome = None
    tx.emit(CaseReopened(**told(case), reason=asked.reason), of=case)
    record(case, "reopen", actor, tx, asked.reason)
    await keep_duties(case, actor, tx)
    return answer(case)


@permit("case.decide_reopening")
async def refuse_reopening(cmd: RefuseReopening, actor: Actor, tx: Tx) -> Answer:
    """The case stays closed; its follow-ups go on."""
    case, asked = await _decided(cmd, "refused", actor, tx)
    await _finish_tasks(case, actor, tx)
    tx.emit(CaseReopeningRefused(**told(case), reason=asked.reason), of=case)
    record(case, "refuse_reopening", actor, tx, cmd.comment)
    return answer(case)


async def _approved(case: Case, tx: Tx) -> Closure:
    """The closure that would be undone; `Refused` when that is too long ago."""
    closure = await last_closure(case, tx)
    if closure is None or closure.state != "approved" or closure.decided_at is None:
        raise Refused("no-closure-to-undo", "Open a new case: this one was not closed by a terminasi.", "conflict")
    if closure.reason == "died":
        raise Refused("client-died", "The client has died. If that is wrong, correct it in the registry first.")
    if datetime.now(UTC) > closure.decided_at + timedelta(days=RULES.reopen_within_days):
        sentence = f"It was closed more than {RULES.reopen_within_days} days ago: open a new case, it names this one."
        raise Refused("reopening-too-late", sentence, "conflict", days=RULES.reopen_within_days)
    return closure


async def _requested(case: Case, tx: Tx) -> Reopening | None:
    asked = select(Reopening).where(Reopening.case_id == case.id, Reopening.state == "requested")
    return (await tx.session.scalars(asked)).one_or_none()


async def _decided(
    cmd: ApproveReopening | RefuseReopening, state: Literal["approved", "refused"], actor: Actor, tx: Tx
) -> tuple[Case, Reopening]:
    case = await supervised_case(cmd.case_id, cmd.expected_version, actor, tx)
    next_stage("refuse_reopening", case.stage)
    asked = await _requested(case, tx)
    if asked is None:
        raise Refused("no-reopening-asked", "Nobody has asked to open this case again.", "conflict")
    asked.state, asked.comment = state, cmd.comment
    asked.decided_by, asked.decided_at = actor.id, datetime.now(UTC)
    return case, asked


async def _open(case: Case, tx: Tx) -> None:
    """The index of open cases says whether the client may have this one again: two offices may act at once."""
    case.closed_at = case.follow_up_done_at = case.closure_reason = case.client_view = None
    try:
        async with tx.session.begin_nested():
            await tx.session.flush()
    except IntegrityError as twice:
        raise _another_is_open() from twice


async def _refuse_if_another_is_open(case: Case, tx: Tx) -> None:
    other = (Case.client_kind == case.client_kind, Case.client_id == case.client_id, Case.closed_at.is_(None))
    if await tx.session.scalar(select(Case.id).where(*other)):
        raise _another_is_open()


def _another_is_open() -> Refused:
    return Refused(
        "case-already-open", "This client has an open case: work on that one, or ask its office.", "conflict"
    )


async def _finish_tasks(case: Case, actor: Actor, tx: Tx) -> None:
    """The supervisor has thought about it."""
    for task in await open_tasks(tx, Task.case_id == case.id, Task.kind == CONSIDER):
        await finish(task, actor, tx)
