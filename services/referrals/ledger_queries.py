"""Reading the disclosure ledger: by the auditor, page by page or as a file, and for the client whose data were shown.

UU 27/2022 gives a person the trail of how their data were processed; `of_client` is that list, as JSON.
"""

import csv
from datetime import UTC, date, datetime, time, timedelta
from io import StringIO
from typing import Any

from sqlalchemy import ColumnElement, Select, func, or_, select

from services.referrals.consent_models import Consent
from services.referrals.directory import agency_names
from services.referrals.ledger_requests import ExportDisclosures, LedgerFilter, ListDisclosures, ListOfClient
from services.referrals.models import Disclosure, Referral
from services.referrals.queries import in_area
from services.referrals.requests import WIB
from sinergi.auth import Actor, permit
from sinergi.db import Tx
from sinergi.problems import Refused

Found = dict[str, Any]
#: so many lines are one file (about 15 MB); more is another period
EXPORTED_AT_MOST = 50_000
#: so many different showings of one client are told
TOLD_AT_MOST = 1_000
COLUMNS = (
    *("at", "agency", "actor", "sender", "referral_id", "area", "client_kind", "client_id"),
    *("fields", "purpose", "letter_id"),
)


@permit("disclosure.read")
async def list_disclosures(what: ListDisclosures, actor: Actor, tx: Tx) -> Found:
    """A page of the ledger, newest first: what the auditor's agency sent or was shown, in its area. Audited."""
    await tx.audit("disclosure.read", "agency", [actor.agency], "see the ledger")
    query = _lines(what, actor)
    newest = query.order_by(Disclosure.id.desc()).offset((what.page - 1) * what.size).limit(what.size)
    rows = (await tx.session.scalars(newest)).all()
    total = await tx.session.scalar(select(func.count()).select_from(query.subquery()))
    return {"items": [{name: getattr(row, name) for name in ("id", *COLUMNS)} for row in rows], "total": total}


@permit("disclosure.read")
async def export_disclosures(what: ExportDisclosures, actor: Actor, tx: Tx) -> str:
    """The period's lines as CSV, oldest first. Refused: `too-many-lines`. Audited."""
    await tx.audit("disclosure.read", "agency", [actor.agency], f"export the ledger {what.from_on} to {what.until_on}")
    query = _lines(what, actor).order_by(Disclosure.id).limit(EXPORTED_AT_MOST + 1)
    lines = (await tx.session.scalars(query)).all()
    if len(lines) > EXPORTED_AT_MOST:
        sentence = f"The period has more than {EXPORTED_AT_MOST} lines. Ask for a shorter one."
        raise Refused("too-many-lines", sentence, at_most=EXPORTED_AT_MOST)
    file = StringIO()
    writer = csv.writer(file)
    writer.writerow(COLUMNS)
    writer.writerows([_cell(getattr(line, name)) for name in COLUMNS] for line in lines)
    return file.getvalue()


@permit("disclosure.of_client")
async def of_client(what: ListOfClient, actor: Actor, tx: Tx) -> Found:
    """To whom the actor's agency showed a client's data, or what it was shown, and why: the same fields for the same
    purpose are one entry, newest first. Agencies are named, officials are not. Of a person only what was shown of that
    person alone: a group or household is a client of its own. Audited."""
    await tx.audit("disclosure.of_client", "client", [what.client_id], "answer the client's own request")
    entries = (await tx.session.execute(_shown_of(what, actor))).mappings().all()
    names = await agency_names({one["agency"] for one in entries} | {actor.agency}, tx)
    mine = (Consent.agency == actor.agency, Consent.client_id == what.client_id, in_area(Consent.area, actor.area))
    consents = await tx.session.scalars(select(Consent).where(*mine).order_by(Consent.id.desc()).limit(TOLD_AT_MOST))
    return {
        "client_id": what.client_id,
        "as_of": datetime.now(UTC),
        "told_by": names[actor.agency],
        "area": actor.area,
        "shown": [{**one, "agency_name": names[one["agency"]]} for one in entries],
        "consents": [_consent(one) for one in consents],
    }


def _shown_of(what: ListOfClient, actor: Actor) -> Select[str, str, str, list[str], int, datetime, datetime]:
    """By the index of clients; a client has few lines."""
    alike = (Disclosure.agency, Referral.service, Disclosure.purpose, Disclosure.fields)
    seen = (func.count().label("times"), func.min(Disclosure.at).label("first_at"))
    last = func.max(Disclosure.at).label("last_at")
    query = select(*alike, *seen, last).join(Referral, Referral.id == Disclosure.referral_id)
    of = (Disclosure.client_id == what.client_id, _own(actor), in_area(Disclosure.area, actor.area))
    return query.where(*of).group_by(*alike).order_by(last.desc()).limit(TOLD_AT_MOST)


def _lines(what: LedgerFilter, actor: Actor) -> Select[Disclosure]:
    """By the indexes of clients and referrals, or by those of agencies and days."""
    query = select(Disclosure).where(_own(actor), in_area(Disclosure.area, actor.area))
    for name in ("client_id", "referral_id", "agency", "actor"):
        if (value := getattr(what, name)) is not None:
            query = query.where(getattr(Disclosure, name) == value)
    if what.from_on:
        query = query.where(Disclosure.at >= _midnight(what.from_on))
    if what.until_on:
        query = query.where(Disclosure.at < _midnight(what.until_on + timedelta(days=1)))
    return query


def _own(actor: Actor) -> ColumnElement[bool]:
    return or_(Disclosure.agency == actor.agency, Disclosure.sender == actor.agency)


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), WIB)


def _cell(value: Any) -> str:
    """As a spreadsheet may read it: what somebody typed is never taken for a formula."""
    if isinstance(value, datetime):
        return value.astimezone(WIB).isoformat(timespec="seconds")
    text = " ".join(value) if isinstance(value, list) else str(value or "")
    return f"'{text}" if text.startswith(("=", "+", "-", "@", "\t", "\r")) else text


def _consent(consent: Consent) -> Found:
    told = ("service", "receiver", "given_by", "evidence", "from_on", "until_on", "withdrawn_at")
    return {name: getattr(consent, name) for name in told}
