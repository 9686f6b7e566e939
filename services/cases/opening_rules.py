"""One open case per client: who is told what of the one that is there."""

from typing import Any
from uuid import UUID

from sqlalchemy import select

from services.cases.access import may_read
from services.cases.models import Case
from sinergi.auth import Actor, covers
from sinergi.db import Tx
from sinergi.problems import Refused


async def already_open(kind: str, client_id: UUID, actor: Actor, tx: Tx) -> Refused:
    """The refusal that offers the open case of this client: its office; to colleagues its stage and worker too."""
    of_client = (Case.client_kind == kind, Case.client_id == client_id, Case.closed_at.is_(None))
    case = (await tx.session.scalars(select(Case).where(*of_client))).one()
    shown: dict[str, Any] = {"case_id": str(case.id), "agency": case.agency}
    if (case.agency == actor.agency and covers(actor.area, case.area)) or await may_read(case, actor, tx):
        shown |= {"stage": case.stage, "worker": case.worker}
    return Refused(
        "case-already-open",
        "This client has an open case: work on that one, or offer its office what you know.",
        "conflict",
        **shown,
    )
