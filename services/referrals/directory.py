"""What sending needs to know of the directory, remembered for two seconds so that a send is few statements."""

import time
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from weakref import WeakKeyDictionary

from sqlalchemy import exists, select

from services.referrals.clock_terms import ClockTerms
from services.referrals.directory_models import Desk
from services.referrals.eligibility import Eligibility
from services.referrals.models import Agency, Offer
from sinergi.db import Tx

#: how old a remembered answer may be: after a change by another replica, sending follows it so much later
REMEMBERED_SECONDS = 2.0
#: when so many answers are remembered, all are forgotten
REMEMBERED_AT_MOST = 1000


@dataclass(frozen=True, slots=True)
class Place:
    """A service as a sender finds it. `sender_hears`: the sending agency has its own consumer of facts.

    `desk_area`: where the desk's office lies, None when nobody told.
    """

    service: str
    agency: str
    desk: str
    areas: tuple[str, ...]
    clocks: ClockTerms
    sender_hears: bool
    desk_area: str | None = None
    terms_version: int | None = None
    eligibility: Eligibility | None = None
    documents: tuple[str, ...] = ()
    places: int | None = None
    closed_until: date | None = None


Remembered = dict[tuple[str, str], tuple[float, Place]]
#: for each database its own answers: one process may run the service on several (tests do)
_remembered: WeakKeyDictionary[object, Remembered] = WeakKeyDictionary()


async def find_place(tx: Tx, service: str, sender: str) -> Place | None:
    """Where the service is offered, as this sender finds it; None when nobody offers it."""
    known = _remembered.setdefault(tx.session.bind, {})
    at, place = known.get((service, sender), (0.0, None))
    if place is None or time.monotonic() - at > REMEMBERED_SECONDS:
        place = await _read_place(tx, service, sender)
        if place is not None:
            if len(known) >= REMEMBERED_AT_MOST:
                known.clear()
            known[service, sender] = (time.monotonic(), place)
    return place


async def _read_place(tx: Tx, service: str, sender: str) -> Place | None:
    hears = exists().where(Agency.code == sender, Agency.connected)
    found = select(Offer, hears, Desk.area).join(Desk, Desk.code == Offer.desk).where(Offer.code == service)
    row = (await tx.session.execute(found)).one_or_none()
    if row is None:
        return None
    offer, sender_hears, desk_area = row
    return Place(
        offer.code,
        offer.agency,
        offer.desk,
        tuple(offer.areas),
        ClockTerms.model_validate(offer.clocks),
        sender_hears,
        desk_area,
        offer.terms_version,
        Eligibility.model_validate(offer.eligibility) if offer.eligibility else None,
        tuple(offer.documents),
        offer.places,
        offer.closed_until,
    )


async def agency_names(codes: Iterable[str], tx: Tx) -> dict[str, str]:
    """What these agencies are called; one that is not in the directory goes by its code."""
    wanted = list(codes)
    rows = await tx.session.execute(select(Agency.code, Agency.name).where(Agency.code.in_(wanted)))
    found = {code: name for code, name in rows}
    return {code: found.get(code, code) for code in wanted}
