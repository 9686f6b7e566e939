"""Who may read and write a case besides its worker and supervisors: grants with a reason and an end.

A hand-over leaves the old worker a time to read, a cover lets somebody write for a while, a transfer leaves the sending
office a time to read (DOMAIN.md, "Casework"). Every check of "is it mine?" goes through here.
"""

from datetime import datetime
from typing import Literal

from sqlalchemy import ColumnElement, exists, func, or_, select

from services.cases.models import Case, CaseAccess
from sinergi.auth import Actor
from sinergi.db import Tx, new_id
from sinergi.permissions import Role

May = Literal["read", "write"]
Because = Literal["handed_over", "cover", "transferred", "joined"]


def granted(actor: Actor, *may: May) -> ColumnElement[bool]:
    """In SQL: the case is granted to the actor now. A grant without a person is for its agency's supervisors."""
    named = [actor.id, ""] if actor.role is Role.SUPERVISOR else [actor.id]
    return exists().where(
        CaseAccess.case_id == Case.id,
        CaseAccess.agency == actor.agency,
        CaseAccess.actor.in_(named),
        CaseAccess.may.in_(may),
        or_(CaseAccess.until.is_(None), CaseAccess.until > func.now()),
        CaseAccess.revoked_at.is_(None),
    )


async def may_write(case: Case, actor: Actor, tx: Tx) -> bool:
    """Whether the actor works on the case: as its worker, or in the worker's place."""
    return case.worker == actor.id or await _holds(case, actor, tx, "write")


async def may_read(case: Case, actor: Actor, tx: Tx) -> bool:
    """Whether a grant lets the actor read the case."""
    return await _holds(case, actor, tx, "read", "write")


async def _holds(case: Case, actor: Actor, tx: Tx, *may: May) -> bool:
    found = select(Case.id).where(Case.id == case.id, granted(actor, *may))
    return (await tx.session.scalar(found)) is not None


def grant(
    case: Case, actor: str, agency: str, may: May, because: Because, until: datetime | None, by: Actor, tx: Tx
) -> None:
    """Let somebody (`actor` "": the agency's supervisors) into the case until then (None: until revoked)."""
    tx.add(
        CaseAccess(
            id=new_id(),
            case_id=case.id,
            actor=actor,
            agency=agency,
            may=may,
            because=because,
            until=until,
            granted_by=by.id,
        )
    )
