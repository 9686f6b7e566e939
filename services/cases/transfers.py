"""A case goes to another regency's office: proposed by its worker, offered by the supervisor, accepted there or not.

Accepting moves the case and all that is open in it in one transaction. The sender keeps a time to read; referrals that
it sent go on as its own, and the case still hears them (`casefile.held_by`).
"""

from datetime import UTC, datetime, timedelta
from typing import Any, Literal
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field
from pydantic.json_schema import SkipJsonSchema
from sqlalchemy import func, select, update

from services.cases.access import grant
from services.cases.casefile import own_case, record, supervised_case, told
from services.cases.commands import FROM_THE_PATH, Area, OnCase
from services.cases.intake import AgencyCode
from services.cases.intake_models import Transfer
from services.cases.models import Case, CaseAccess, Task
from services.cases.placement_hearing import follow_case
from services.cases.plans import Text, Words
from services.cases.tasks import Sub, clock, hand_tasks_to, open_tasks
from services.cases.transfer_states import OPEN, TransferState, next_transfer_state
from services.cases.ways_in import ways_in
from sinergi.auth import Actor, permit
from sinergi.clock import set_alarm, silence
from sinergi.db import Tx, new_id
from sinergi.events import (
    CaseTransferAccepted,
    CaseTransferFact,
    CaseTransferOffered,
    CaseTransferOverdue,
    CaseTransferProposed,
    CaseTransferRefused,
    CaseTransferWithdrawn,
)
from sinergi.permissions import Role
from sinergi.problems import Refused

UNANSWERED = "transfer.unanswered"


class ProposeTransfer(OnCase):
    """Ask the supervisor to offer the case to another office, which reads the summary alone before it decides."""

    to_agency: AgencyCode
    to_area: Area
    reason: Literal["lives-there", "moved", "found-there", "family-there", "service-there", "other"]
    summary: Words


class OnTransfer(BaseModel):
    """A command on a transfer as the actor last saw it. The door puts the id of its path in."""

    model_config = ConfigDict(extra="forbid")
    transfer_id: SkipJsonSchema[UUID] = FROM_THE_PATH
    expected_version: int = Field(ge=0)


class OfferTransfer(OnTransfer):
    """Let the other office decide. The door counts the working days until `answer_by`."""

    answer_by: SkipJsonSchema[AwareDatetime | None] = Field(None, exclude=True)


class AcceptTransfer(OnTransfer):
    """Take the case over; this worker of ours holds it."""

    worker: Sub


class RefuseTransfer(OnTransfer):
    """Say no, and why."""

    why: Literal["not-our-area", "client-not-found", "no-capacity", "incomplete", "not-needed", "other"]
    note: Text = ""


class WithdrawTransfer(OnTransfer):
    """Think better of it."""

    note: Text = ""


class TransferAnswer(BaseModel):
    """The transfer after a command."""

    id: UUID
    version: int
    state: str
    case_id: UUID


@permit("transfer.propose")
async def propose_transfer(cmd: ProposeTransfer, actor: Actor, tx: Tx) -> TransferAnswer:
    """The worker's wish; a case goes one way at a time."""
    case = await own_case(cmd.case_id, cmd.expected_version, actor, tx)
    if case.closed_at:
        raise Refused("case-closed", "The case is closed.", "conflict")
    if cmd.to_agency == case.agency:
        raise Refused("same-agency", "Choose another office: this one has it.")
    if await tx.session.scalar(select(Transfer.id).where(Transfer.case_id == case.id, Transfer.state.in_(OPEN))):
        raise Refused("transfer-open", "A transfer of this case waits already.", "conflict")
    transfer = _new(cmd, case, actor)
    tx.add(transfer)
    _tell(CaseTransferProposed, transfer, case, tx)
    record(case, "propose_transfer", actor, tx, transfer.to_agency)
    return _answer(transfer)


@permit("transfer.offer")
async def offer_transfer(cmd: OfferTransfer, actor: Actor, tx: Tx) -> TransferAnswer:
    """The supervisor approves; the other office has some working days of its area to answer."""
    transfer, case = await _sent(cmd, actor, tx, "offer")
    transfer.offered_by, transfer.answer_by = actor.id, cmd.answer_by
    if cmd.answer_by:
        await set_alarm(tx, UNANSWERED, transfer.id, cmd.answer_by)
    _tell(CaseTransferOffered, transfer, case, tx)
    record(case, "offer_transfer", actor, tx, transfer.to_agency)
    return _answer(transfer)


@permit("transfer.accept")
async def accept_transfer(cmd: AcceptTransfer, actor: Actor, tx: Tx) -> TransferAnswer:
    """The case, its open tasks and all rights are the new office's at once; the sender reads on for some days."""
    transfer, case = await _coming(cmd, actor, tx, "accept")
    if cmd.worker == actor.id:
        raise Refused("self-approval", "Nobody supervises a case of their own.")
    previous = case.worker
    await _end_grants_of(case, tx)
    _let_sender_read(case, actor, tx)
    case.agency, case.area, case.worker, case.supervisor = actor.agency, transfer.to_area, cmd.worker, actor.id
    await _move_tasks(case, tx)
    await follow_case(case.id, tx)
    _tell(CaseTransferAccepted, transfer, case, tx, previous_worker=previous)
    record(case, "accept_transfer", actor, tx, transfer.from_agency)
    return _answer(transfer)


@permit("transfer.refuse")
async def refuse_transfer(cmd: RefuseTransfer, actor: Actor, tx: Tx) -> TransferAnswer:
    """The case stays where it is."""
    transfer, case = await _coming(cmd, actor, tx, "refuse")
    transfer.why, transfer.note = cmd.why, cmd.note
    _tell(CaseTransferRefused, transfer, case, tx, why=cmd.why)
    record(case, "refuse_transfer", actor, tx, cmd.why)
    return _answer(transfer)


@permit("transfer.withdraw")
async def withdraw_transfer(cmd: WithdrawTransfer, actor: Actor, tx: Tx) -> TransferAnswer:
    """By the case's worker, or by its supervisor (who so declines the worker's wish)."""
    transfer, case = await _sent(cmd, actor, tx, "withdraw")
    transfer.note = cmd.note
    _decided(transfer, actor)
    await silence(tx, transfer.id, UNANSWERED)
    _tell(CaseTransferWithdrawn, transfer, case, tx)
    record(case, "withdraw_transfer", actor, tx, cmd.note)
    return _answer(transfer)


@clock.on(UNANSWERED)
async def when_a_transfer_is_not_answered_tell_both_offices(transfer_id: UUID, tx: Tx) -> None:
    """A fact, which notify brings to the supervisors of both."""
    case = await tx.lock(Case, (await tx.get(Transfer, transfer_id)).case_id)
    transfer = await tx.lock(Transfer, transfer_id)
    if transfer.state == TransferState.OFFERED:
        transfer.overdue = True
        _tell(CaseTransferOverdue, transfer, case, tx)


async def _sent(cmd: OnTransfer, actor: Actor, tx: Tx, doing: str) -> tuple[Transfer, Case]:
    """The transfer and its case, both locked, for who holds or supervises the case. The case comes first, always."""
    case_id = (await tx.get(Transfer, cmd.transfer_id)).case_id
    if actor.role is Role.SUPERVISOR:
        case = await supervised_case(case_id, None, actor, tx)
    else:
        case = await own_case(case_id, None, actor, tx)
    return await _moved(cmd, tx, doing), case


async def _coming(cmd: OnTransfer, actor: Actor, tx: Tx, doing: str) -> tuple[Transfer, Case]:
    """The transfer and its case, both locked, for a supervisor of the office and area to which it goes."""
    transfer = await tx.get(Transfer, cmd.transfer_id)
    actor.within(agencies=(transfer.to_agency,), area=transfer.to_area)
    case = await tx.lock(Case, transfer.case_id)
    transfer = await _moved(cmd, tx, doing)
    _decided(transfer, actor)
    await silence(tx, transfer.id, UNANSWERED)
    return transfer, case


async def _moved(cmd: OnTransfer, tx: Tx, doing: str) -> Transfer:
    transfer = await tx.lock(Transfer, cmd.transfer_id, cmd.expected_version)
    transfer.state = next_transfer_state(doing, transfer.state)
    transfer.version += 1
    return transfer


async def _end_grants_of(case: Case, tx: Tx) -> None:
    """Nobody of the sending office writes any more; what it may still read is granted anew."""
    theirs = (CaseAccess.case_id == case.id, CaseAccess.agency == case.agency, CaseAccess.revoked_at.is_(None))
    await tx.session.execute(update(CaseAccess).where(*theirs).values(revoked_at=func.now()))


def _let_sender_read(case: Case, actor: Actor, tx: Tx) -> None:
    until = datetime.now(UTC) + timedelta(days=ways_in().transfer.sender_reads_days)
    for who in (case.worker, ""):
        grant(case, who, case.agency, "read", "transferred", until, actor, tx)


async def _move_tasks(case: Case, tx: Tx) -> None:
    for task in await open_tasks(tx, Task.case_id == case.id):
        task.agency, task.area = case.agency, case.area
    await tx.session.flush()
    await hand_tasks_to(case, case.worker, tx)


def _new(cmd: ProposeTransfer, case: Case, actor: Actor) -> Transfer:
    said = cmd.model_dump(exclude={"case_id", "expected_version"})
    start = {"state": TransferState.PROPOSED, "overdue": False, "note": "", "proposed_by": actor.id}
    held = {"case_id": case.id, "from_agency": case.agency, "from_area": case.area}
    return Transfer(id=new_id(), version=1, **said, **start, **held)


def _decided(transfer: Transfer, actor: Actor) -> None:
    transfer.decided_by, transfer.decided_at = actor.id, datetime.now(UTC)


def _tell(fact: type[CaseTransferFact], transfer: Transfer, case: Case, tx: Tx, **more: Any) -> None:
    named = {name: getattr(transfer, name) for name in ("from_agency", "to_agency", "to_area", "reason")}
    tx.emit(fact(**told(case), transfer_id=str(transfer.id), **named, **more), of=case)


def _answer(transfer: Transfer) -> TransferAnswer:
    return TransferAnswer(id=transfer.id, version=transfer.version, state=transfer.state, case_id=transfer.case_id)
