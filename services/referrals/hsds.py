"""The directory as open data: HSDS 3.1 (Human Services Data Specification, Open Referral), what anybody may read.

Services, whose they are, where and when, for whom, what to bring, and how many places are free. A desk's channel is in
it only if it is marked public. Ids are made from our codes (uuid5), so they never change.
"""

from datetime import UTC, datetime
from typing import Any

from lokal.wilayah import wilayah_name
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import func, select

from services.referrals.capacity import free_places, is_closed
from services.referrals.directory_commands import public_id
from services.referrals.directory_models import Desk, ServiceLoad
from services.referrals.eligibility import Eligibility, Rule
from services.referrals.eligibility_words import lines_of
from services.referrals.models import Agency, Offer
from sinergi.db import Tx, found

VERSION = "3.1"
PROFILE = "https://docs.openreferral.org/en/v3.1.1/"

Entry = dict[str, Any]
_Row = tuple[Offer, Agency, Desk, ServiceLoad | None]


class ListPublic(BaseModel):
    """One page, as HSDS names it."""

    model_config = ConfigDict(extra="ignore")

    page: int = Field(default=1, ge=1, le=10_000)
    per_page: int = Field(default=25, ge=1, le=100)


async def page_of_services(what: ListPublic, tx: Tx) -> Entry:
    """A page of services with what each has only one of, in HSDS's paging object."""
    total = (await tx.session.execute(select(func.count()).select_from(Offer))).scalar_one()
    pages = max(1, -(-total // what.per_page))
    query = _ROWS.order_by(Offer.code).offset((what.page - 1) * what.per_page).limit(what.per_page)
    contents = [_service(tuple(row)) for row in await tx.session.execute(query)]
    return {
        "total_items": total,
        "total_pages": pages,
        "page_number": what.page,
        "size": len(contents),
        "first_page": what.page == 1,
        "last_page": what.page >= pages,
        "empty": not contents,
        "contents": contents,
    }


async def whole_service(service_id: Any, tx: Tx) -> Entry:
    """One service with all that belongs to it, by its public id. Refused: `not-found`."""
    row = (await tx.session.execute(_ROWS.where(Offer.public_id == service_id))).one_or_none()
    return _whole(tuple(found(row, Offer)))


_ROWS = (
    select(Offer, Agency, Desk, ServiceLoad)
    .join(Agency, Agency.code == Offer.agency)
    .join(Desk, Desk.code == Offer.desk)
    .outerjoin(ServiceLoad, ServiceLoad.service == Offer.code)
)


def _service(row: Any) -> Entry:
    offer, agency, desk, _ = row
    closed = is_closed(offer.closed_until)
    entry = {
        "id": str(offer.public_id),
        "name": offer.name,
        "description": offer.purpose,
        "status": "temporarily closed" if closed else "active",
        "alert": f"Tutup sampai {offer.closed_until:%d-%m-%Y}" if closed else None,
        "application_process": "Dirujuk oleh dinas sosial atau instansi lain melalui Sinergi.",
        "last_modified": _moment(offer.changed_at),
        "organization": _organization(agency),
        **_for_whom(offer),
        **_contact(desk, "email", "email"),
        **_contact(desk, "website", "url"),
    }
    return {name: value for name, value in entry.items() if value is not None}


def _whole(row: Any) -> Entry:
    offer, agency, desk, load = row
    areas = [_area(offer.code, code) for code in offer.areas]
    at = {"id": _id("service-at-location", offer.code), "location": _location(desk, agency)}
    return _service(row) | {
        "service_areas": areas,
        "service_at_locations": [at],
        "schedules": _schedules(offer, desk),
        "required_documents": [_document(offer.code, one) for one in offer.documents],
        "phones": [_phone(desk, one["value"]) for one in _public(desk, "phone")],
        "capacities": _capacities(offer, load),
    }


def _organization(agency: Agency) -> Entry:
    return {"id": _id("agency", agency.code), "name": agency.name, "description": agency.kind}


def _for_whom(offer: Offer) -> Entry:
    """The rules in words; ages as numbers where a rule that every client must meet names them."""
    if not offer.eligibility:
        return {}
    rules = Eligibility.model_validate(offer.eligibility)
    ages = {one.op: one.value for one in rules.all if isinstance(one, Rule) and one.fact == "age" and one.of == "each"}
    words = "; ".join(line.words["id"] for line in lines_of(rules))
    return {"eligibility_description": words, "minimum_age": ages.get(">="), "maximum_age": ages.get("<=")}


def _area(service: str, code: str) -> Entry:
    name = "Indonesia" if code == "*" else (wilayah_name(code) or code).title()
    return {"id": _id("service-area", f"{service}:{code}"), "name": name, "description": f"Kode wilayah {code}"}


def _location(desk: Desk, agency: Agency) -> Entry:
    addresses = [one["value"] for one in _public(desk, "address")]
    entry = {
        "id": _id("desk", desk.code),
        "location_type": "physical",
        "name": f"{agency.name}: {desk.name}",
        "external_identifier": desk.area,
        "external_identifier_type": "kode wilayah" if desk.area else None,
        "description": addresses[0] if addresses else None,
    }
    return {name: value for name, value in entry.items() if value is not None}


def _schedules(offer: Offer, desk: Desk) -> list[Entry]:
    return [
        {
            "id": _id("schedule", f"{offer.code}:{place}"),
            "freq": "WEEKLY",
            "byday": one["day"],
            "opens_at": one["opens"],
            "closes_at": one["closes"],
        }
        for place, one in enumerate(desk.opening)
    ]


def _document(service: str, code: str) -> Entry:
    return {"id": _id("document", f"{service}:{code}"), "document": code.replace("-", " ")}


def _capacities(offer: Offer, load: ServiceLoad | None) -> list[Entry]:
    free = free_places(offer, load)
    if free is None:
        return []
    per = "bulan" if offer.places_per == "month" else "waktu yang sama"
    return [
        {
            "id": _id("capacity", offer.code),
            "unit": {"id": _id("unit", "place"), "name": "tempat"},
            "available": free,
            "maximum": offer.places,
            "description": f"Tempat per {per}",
            "updated": _moment(datetime.now(UTC)),
        }
    ]


def _phone(desk: Desk, number: str) -> Entry:
    return {"id": _id("phone", f"{desk.code}:{number}"), "number": number}


def _contact(desk: Desk, kind: str, field: str) -> Entry:
    values = _public(desk, kind)
    return {field: values[0]["value"]} if values else {}


def _public(desk: Desk, kind: str) -> list[Entry]:
    return [one for one in desk.channels if one["kind"] == kind and one["public"]]


def _id(kind: str, code: str) -> str:
    return str(public_id(kind, code))


def _moment(at: datetime) -> str:
    """With milliseconds, as HSDS asks."""
    return at.astimezone(UTC).isoformat(timespec="milliseconds")
