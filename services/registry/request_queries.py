"""The queue of change requests, by area and tier, and one request with what it would change."""

from typing import Any, Literal
from uuid import UUID

from pydantic import Field
from sqlalchemy import ColumnElement, func, select

from services.registry.codes import depth
from services.registry.commands import Request
from services.registry.models import Person
from services.registry.people_models import ChangeRequest, RequestStep
from services.registry.queries import Page, _in_area, _paged, mask_name
from services.registry.requests import as_text, changes_of, conflicts
from sinergi.auth import Actor, permit
from sinergi.db import Tx


class ListRequests(Page):
    """Requests of an area, oldest first; `mine`: those about which the actor's tier decides now."""

    area: str | None = Field(None, pattern=r"^[0-9]{2}(\.[0-9]+){0,3}$")
    tier: str | None = Field(None, max_length=30)
    state: Literal["open", "approved", "rejected", "withdrawn"] = "open"
    person_id: UUID | None = None
    mine: bool = False
    purpose: str = Field("antrean usul", min_length=3, max_length=200)


@permit("request.read")
async def list_requests(what: ListRequests, actor: Actor, tx: Tx) -> dict[str, Any]:
    """The queue: which fields of whom, masked, and before which tier."""
    conditions = _wanted(what, actor)
    rows = select(ChangeRequest, Person).join(Person, Person.id == ChangeRequest.person_id).where(*conditions)
    found = (await tx.session.execute(_paged(rows.order_by(ChangeRequest.id), what))).all()
    await tx.audit("request.list", "person", [person.id for _, person in found], what.purpose)
    total = await tx.session.scalar(select(func.count()).select_from(ChangeRequest).where(*conditions))
    return {"items": [_item(request, person) for request, person in found], "total": total}


def _wanted(what: ListRequests, actor: Actor) -> list[ColumnElement[bool]]:
    wanted = [_in_area(ChangeRequest.area, actor.area), ChangeRequest.state == what.state]
    if what.area:
        wanted.append(_in_area(ChangeRequest.area, what.area))
    if what.tier:
        wanted.append(ChangeRequest.tier == what.tier)
    if what.person_id:
        wanted.append(ChangeRequest.person_id == what.person_id)
    if what.mine:
        own = depth(actor.area)
        wanted += [ChangeRequest.depth_least <= own, ChangeRequest.depth_most >= own]
        wanted.append(ChangeRequest.proposed_by != actor.id)
    return wanted


def _item(request: ChangeRequest, person: Person) -> dict[str, Any]:
    told = ("version", "area", "fields", "state", "tier", "proposed_by", "created_at")
    who = {"id": str(request.id), "person_id": str(person.id), "name_masked": mask_name(person.name)}
    return who | {name: getattr(request, name) for name in told}


class ReadRequest(Request):
    """One request, for a purpose that goes into the audit."""

    request_id: UUID
    purpose: str = Field(min_length=3, max_length=200)


@permit("request.read")
async def read_request(what: ReadRequest, actor: Actor, tx: Tx) -> dict[str, Any]:
    """What would change, field by field: when it was proposed, proposed, now; the steps; what stands against it."""
    request = await tx.get(ChangeRequest, what.request_id)
    actor.within(area=request.area)
    person = await tx.get(Person, request.person_id)
    await tx.audit("request.read", "person", [person.id], f"{what.purpose} (request {request.id})")
    changes = changes_of(request)
    open_now = request.state == "open"
    return _item(request, person) | {
        "reason": request.reason,
        "evidence": request.evidence,
        "closed_at": request.closed_at,
        "changes": {
            name: {"seen": seen, "proposed": proposed, "now": as_text(person, name)}
            for name, (seen, proposed) in changes.items()
        },
        "conflicts": conflicts(changes, person) if open_now else [],
        "steps": await _steps(request.id, tx),
    }


async def _steps(request_id: UUID, tx: Tx) -> list[dict[str, Any]]:
    rows = select(RequestStep).where(RequestStep.request_id == request_id).order_by(RequestStep.id)
    told = ("kind", "tier", "reason", "by", "at")
    return [{name: getattr(step, name) for name in told} for step in await tx.session.scalars(rows)]
