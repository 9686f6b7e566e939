"""Transfers as both offices see them."""

from typing import Any, Literal
from uuid import UUID

from pydantic import BaseModel
from sqlalchemy import ColumnElement, func, select

from services.cases.access import may_write
from services.cases.casefile import readable_case
from services.cases.intake_models import Transfer
from services.cases.models import Case
from services.cases.queries import Page, Purpose, ReadCase, in_area
from services.cases.transfer_states import OPEN, TransferState
from sinergi.auth import Actor, covers, permit
from sinergi.db import Tx
from sinergi.permissions import Role

#: what a case's transfer shows of the case before it is decided: no client, no history
_OF_CASE = ("stage", "risk", "client_kind")


class ListTransfers(Page):
    """Transfers that wait: coming to my office, or leaving it."""

    way: Literal["coming", "leaving"] = "coming"


class ReadTransfer(BaseModel):
    """One transfer, and why it is read."""

    transfer_id: UUID
    purpose: Purpose = "transfer"


@permit("transfer.read")
async def list_transfers(what: ListTransfers, actor: Actor, tx: Tx) -> dict[str, Any]:
    """What waits, the oldest first. A worker sees those of the own cases; a supervisor those of the office's area."""
    where = _coming(actor) if what.way == "coming" else _leaving(actor)
    joined = select(Transfer, Case).join(Case, Case.id == Transfer.case_id).where(*where)
    total = await tx.session.scalar(select(func.count()).select_from(joined.subquery()))
    order = (Transfer.proposed_at, Transfer.id)
    rows = (await tx.session.execute(joined.order_by(*order).limit(what.size).offset(what.skip))).all()
    await tx.audit("transfer.list", "case", [case.id for _, case in rows], "transfer")
    return {"items": [_shown(transfer, case) for transfer, case in rows], "total": total or 0}


@permit("transfer.read")
async def read_transfer(what: ReadTransfer, actor: Actor, tx: Tx) -> dict[str, Any]:
    """One transfer, for supervisors of both offices and whoever works on the case; `may` names what can be done."""
    transfer = await tx.get(Transfer, what.transfer_id)
    case = await tx.get(Case, transfer.case_id)
    if not _answers(transfer, actor):
        await readable_case(case.id, actor, tx)
    await tx.audit("transfer.read", "case", [case.id], what.purpose)
    return _shown(transfer, case) | {"may": await _may(transfer, case, actor, tx)}


@permit("transfer.read")
async def list_transfers_of_case(what: ReadCase, actor: Actor, tx: Tx) -> dict[str, Any]:
    """Every transfer of a case, the newest first; at most a hundred."""
    case = await readable_case(what.case_id, actor, tx)
    of_case = select(Transfer).where(Transfer.case_id == case.id).order_by(Transfer.id.desc()).limit(100)
    found = (await tx.session.scalars(of_case)).all()
    await tx.audit("transfer.list_of_case", "case", [case.id], what.purpose)
    items = [_shown(one, case) | {"may": await _may(one, case, actor, tx)} for one in found]
    return {"items": items, "total": len(items)}


def _coming(actor: Actor) -> list[ColumnElement[bool]]:
    area = in_area(Transfer.to_area, actor.area) if actor.role is Role.SUPERVISOR else Transfer.id.is_(None)
    return [Transfer.to_agency == actor.agency, Transfer.state == TransferState.OFFERED, area]


def _leaving(actor: Actor) -> list[ColumnElement[bool]]:
    leaving = [Transfer.from_agency == actor.agency, Transfer.state.in_(OPEN), in_area(Transfer.from_area, actor.area)]
    return leaving if actor.role is Role.SUPERVISOR else [*leaving, Case.worker == actor.id]


def _answers(transfer: Transfer, actor: Actor) -> bool:
    """Whether the actor decides about it now, for the office to which it would go."""
    theirs = transfer.to_agency == actor.agency and covers(actor.area, transfer.to_area)
    return theirs and actor.role is Role.SUPERVISOR and transfer.state == TransferState.OFFERED


async def _may(transfer: Transfer, case: Case, actor: Actor, tx: Tx) -> list[str]:
    """What the actor can do with it now."""
    if transfer.state not in OPEN:
        return []
    if actor.role is Role.SUPERVISOR:
        if actor.agency == case.agency and covers(actor.area, case.area) and case.worker != actor.id:
            return ["offer", "withdraw"] if transfer.state == TransferState.PROPOSED else ["withdraw"]
        return ["accept", "refuse"] if _answers(transfer, actor) else []
    return ["withdraw"] if await may_write(case, actor, tx) else []


def _shown(transfer: Transfer, case: Case) -> dict[str, Any]:
    own = {column.name: getattr(transfer, column.name) for column in transfer.__table__.columns}
    return own | {name: getattr(case, name) for name in _OF_CASE}
