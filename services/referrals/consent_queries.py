"""What can be read about consents: a client's, for the office that recorded them."""

from typing import Any
from uuid import UUID

from sqlalchemy import func, select

from services.referrals.consent_models import Consent
from services.referrals.queries import in_area
from services.referrals.requests import Page
from sinergi.auth import Actor, permit
from sinergi.db import Tx


class ListConsents(Page):
    """What a client agreed to, newest first."""

    client_id: UUID


@permit("consent.read")
async def list_consents(what: ListConsents, actor: Actor, tx: Tx) -> dict[str, Any]:
    """A page of a client's consents that the actor's office recorded in the actor's area, by the index of clients.
    Audited."""
    mine = (Consent.agency == actor.agency, Consent.client_id == what.client_id, in_area(Consent.area, actor.area))
    rows = select(Consent).where(*mine).order_by(Consent.id.desc())
    page = (await tx.session.scalars(rows.offset((what.page - 1) * what.size).limit(what.size))).all()
    await tx.audit("consent.read", "client", [what.client_id], "see what the client agreed to")
    total = await tx.session.scalar(select(func.count()).select_from(Consent).where(*mine))
    columns = [column.name for column in Consent.__table__.columns]
    return {"items": [{name: getattr(one, name) for name in columns} for one in page], "total": total}
