"""What can be read of the directory: agencies, desks, services, the needs, and a service's rules before sending."""

from typing import Any

from pydantic import BaseModel
from sqlalchemy import Select, func, select

from services.referrals.capacity import free_places, is_closed, median_hours
from services.referrals.directory import find_place
from services.referrals.directory_models import Desk, ServiceLoad
from services.referrals.directory_requests import ListAgencies, ListDesks, ListServices
from services.referrals.eligibility import Eligibility
from services.referrals.eligibility_words import lines_of
from services.referrals.models import Agency, Offer
from services.referrals.needs import CATEGORIES, NEEDS
from services.referrals.requests import Page, SendReferral
from sinergi.auth import Actor, permit
from sinergi.db import Tx, found

Found = dict[str, Any]


class ListNeeds(BaseModel):
    """All needs."""


@permit("directory.read")
async def list_needs(what: ListNeeds, actor: Actor, tx: Tx) -> Found:
    """The needs that a service may be for: PPKS categories, special groups, and domains of an assessment."""
    return {
        "items": [
            {"code": code, "name": name, "name_en": english, "domain": code not in CATEGORIES}
            for code, (name, english) in NEEDS.items()
        ]
    }


@permit("directory.read")
async def list_agencies(what: ListAgencies, actor: Actor, tx: Tx) -> Found:
    """A page of the agencies, by code."""
    return await _page(select(Agency).order_by(Agency.code), what, tx)


@permit("directory.read")
async def list_desks(what: ListDesks, actor: Actor, tx: Tx) -> Found:
    """A page of the desks, by code; by the primary key, which begins with the agency."""
    query = select(Desk).order_by(Desk.code)
    return await _page(query.where(Desk.agency == what.agency) if what.agency else query, what, tx)


@permit("directory.read")
async def list_services(what: ListServices, actor: Actor, tx: Tx) -> Found:
    """A page of the services that agencies offer, by code."""
    query = select(Offer).order_by(Offer.code)
    return await _page(query.where(Offer.agency == what.agency) if what.agency else query, what, tx)


@permit("directory.read")
async def read_service(code: str, actor: Actor, tx: Tx) -> Found:
    """A service with its desk, its rules in words, its room now, and how soon it answered so far."""
    offer = found(await tx.session.get(Offer, code), Offer)
    desk, agency = await tx.get(Desk, offer.desk), await tx.get(Agency, offer.agency)
    load = await tx.session.get(ServiceLoad, code)
    rules = Eligibility.model_validate(offer.eligibility) if offer.eligibility else None
    return _columns(offer) | {
        "agency_name": agency.name,
        "desk_entry": _columns(desk),
        "rules": [line.model_dump() for line in lines_of(rules)] if rules else [],
        "free_places": free_places(offer, load),
        "is_closed": is_closed(offer.closed_until),
        "running": load.running if load else 0,
        "answers_within_hours": median_hours(load.answered) if load else None,
        "may_set_capacity": actor.may("directory.capacity") and actor.agency == offer.agency,
    }


@permit("referral.send")
async def read_rules(what: SendReferral, actor: Actor, tx: Tx) -> tuple[Eligibility, int] | None:
    """The rules of the service that is to be asked, with their version; None: it has none. The judging is audited."""
    actor.within(area=what.area)
    place = await find_place(tx, what.service, actor.agency)
    if place is None or place.eligibility is None or place.terms_version is None:
        return None
    await tx.audit("client.judged", what.client_kind, [what.client_id], f"eligibility for {what.service}")
    return place.eligibility, place.terms_version


async def _page(query: Select[Any], what: Page, tx: Tx) -> Found:
    rows = (await tx.session.scalars(query.offset((what.page - 1) * what.size).limit(what.size))).all()
    count = select(func.count()).select_from(query.order_by(None).subquery())
    return {"items": [_columns(row) for row in rows], "total": (await tx.session.execute(count)).scalar_one()}


def _columns(row: Agency | Desk | Offer) -> Found:
    return {column.name: getattr(row, column.name) for column in row.__table__.columns}
