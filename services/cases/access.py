"""Who may read and write a case besides its worker and supervisors: grants with a reason and an end.

A hand-over leaves the old worker a time to read, a cover lets somebody write for a while, a transfer leaves the sending
office a time to read (DOMAIN.md, "Casework"). Every check of "is it mine?" goes through here.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Literal

from sqlalchemy import ColumnElement, exists, func, or_, select

from services.cases.caseload_models import Cover
from services.cases.models import Case, CaseAccess, Task
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


def _stands_in(actor: Actor) -> list[ColumnElement[bool]]:
    """The covers by which the actor stands in for somebody now."""
    now = (Cover.starts_at <= func.now(), Cover.ends_at > func.now(), Cover.ended_at.is_(None))
    return [Cover.stand_in == actor.id, Cover.agency == actor.agency, *now]


def covered(what: type[Case | Task], actor: Actor) -> ColumnElement[bool]:
    """In SQL: the actor stands in for the worker of the case or task now, there where it lies.

    One row covers all that the worker has, what comes meanwhile too.
    """
    reaches = or_(Cover.area.in_(["*", what.area]), func.starts_with(what.area, Cover.area + "."))
    return exists().where(*_stands_in(actor), Cover.agency == what.agency, Cover.worker == what.worker, reaches)


async def stood_in_for(actor: Actor, tx: Tx) -> Sequence[str]:
    """The workers for whom the actor stands in now: few, so that lists can look them up by index."""
    return (await tx.session.scalars(select(Cover.worker).where(*_stands_in(actor)).distinct())).all()


async def mine(what: type[Case | Task], actor: Actor, tx: Tx) -> ColumnElement[bool]:
    """In SQL: the actor works on it, as its worker or in the worker's place."""
    others = await stood_in_for(actor, tx)
    own = what.worker == actor.id
    return or_(own, what.worker.in_(others) & covered(what, actor)) if others else own


async def may_write(case: Case, actor: Actor, tx: Tx) -> bool:
    """Whether the actor works on the case: as its worker, or in the worker's place."""
    return case.worker == actor.id or await _holds(case, actor, tx, "write")


async def may_read(case: Case, actor: Actor, tx: Tx) -> bool:
    """Whether a grant lets the actor read the case."""
    return await _holds(case, actor, tx, "read", "write")


async def _holds(case: Case, actor: Actor, tx: Tx, *may: May) -> bool:
    found = select(Case.id).where(Case.id == case.id, or_(granted(actor, *may), covered(Case, actor)))
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
