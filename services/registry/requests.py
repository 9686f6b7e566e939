"""Change requests: usul proposes a change of a person's fields, sanggah objects to it, the tiers decide.

What is decided at last becomes a record of source `request` and counts more than any list (golden.py). Whoever
decides expects the version of the request that he saw: an objection or another's decision in between is a conflict.
"""

import json
from collections.abc import Mapping
from datetime import UTC, date, datetime
from typing import Any, Literal
from uuid import UUID

from pydantic import Field, model_validator
from pydantic.json_schema import SkipJsonSchema
from sqlalchemy import select

from services.registry.codes import depth
from services.registry.commands import Request
from services.registry.households import FROM_THE_PATH, KELURAHAN
from services.registry.models import Person
from services.registry.people_models import ChangeRequest, RequestStep, RequestTier
from services.registry.seal import Seal
from services.registry.statements import refuse_owned, state, understood
from services.registry.tiers import first_for, tiers_of
from sinergi.auth import Actor, permit
from sinergi.db import Tx, new_id
from sinergi.events import PersonChanged
from sinergi.problems import Refused

#: field -> [value when it was proposed, proposed value], as text
Changes = dict[str, tuple[str | None, str]]


class ProposedFields(Request):
    """The fields to change, and no others. Household, No. KK and relation are changed by the household's commands."""

    nik: str | None = Field(None, pattern="^[0-9]{16}$")
    name: str | None = Field(None, min_length=2, max_length=120)
    birthplace: str | None = Field(None, min_length=2, max_length=100)
    birth_date: date | None = None
    sex: Literal["L", "P"] | None = None
    area: str | None = Field(None, pattern=KELURAHAN)
    address: str | None = Field(None, min_length=2, max_length=200)
    rt: str | None = Field(None, pattern="^[0-9]{1,3}$")
    rw: str | None = Field(None, pattern="^[0-9]{1,3}$")

    @model_validator(mode="after")
    def _something(self) -> "ProposedFields":
        if not self.model_dump(exclude_none=True):
            raise ValueError("name at least one field")
        return self


class ProposeChange(Request):
    """Usul: these fields of a person should be so, for this reason; `evidence` names the document."""

    person_id: SkipJsonSchema[UUID] = FROM_THE_PATH
    fields: ProposedFields
    reason: str = Field(min_length=3, max_length=500)
    evidence: str | None = Field(None, min_length=3, max_length=300)


@permit("request.propose")
async def propose_change(cmd: ProposeChange, actor: Actor, tx: Tx) -> dict[str, Any]:
    """Propose a change. Refused: `nothing-changes`, `nik-known`, `request-open` (another one about the same field)."""
    person = await tx.lock(Person, cmd.person_id)
    actor.within(area=person.area)
    _refuse_merged(person)
    changes = _changes(person, cmd.fields)
    if "nik" in changes:
        await refuse_owned(changes["nik"][1], person.id, tx)
    await _refuse_another(person, list(changes), tx)
    request = _request(cmd, person, changes, actor)
    _stand_at(request, first_for(await tiers_of(person.area, tx), actor.area))
    tx.add(request)
    return _answer(request)


def _request(cmd: ProposeChange, person: Person, changes: Changes, actor: Actor) -> ChangeRequest:
    request_id = new_id()
    return ChangeRequest(
        id=request_id,
        version=1,
        person_id=person.id,
        area=person.area,
        fields=sorted(changes),
        sealed=Seal.current().page(json.dumps(changes), f"request:{request_id}"),
        reason=cmd.reason,
        evidence=cmd.evidence,
        proposed_by=actor.id,
        state="open",
    )


def _refuse_merged(person: Person) -> None:
    if person.state == "merged":
        sentence = "This person was merged into another one: go on with that one."
        raise Refused("person-merged", sentence, "conflict", survivor_id=str(person.survivor_id))


def _changes(person: Person, fields: ProposedFields) -> Changes:
    """What would change, by the rules of a list."""
    proposed = fields.model_dump(mode="json", exclude_none=True)
    values = understood(proposed).values
    changes: Changes = {
        name: (now, str(values[name])) for name in proposed if (now := as_text(person, name)) != str(values[name])
    }
    if not changes:
        raise Refused("nothing-changes", "The registry holds these values already.")
    return changes


def as_text(person: Person, name: str) -> str | None:
    """A person's field as a request holds it."""
    value = getattr(person, name)
    return None if value is None else str(value)


async def _refuse_another(person: Person, fields: list[str], tx: Tx) -> None:
    mine = ChangeRequest.person_id == person.id, ChangeRequest.state == "open", ChangeRequest.fields.overlap(fields)
    other = (await tx.session.scalars(select(ChangeRequest.id).where(*mine).limit(1))).one_or_none()
    if other:
        sentence = "Another request about the same field is open. Object to it, or wait for its decision."
        raise Refused("request-open", sentence, "conflict", request_id=str(other))


def _stand_at(request: ChangeRequest, tier: RequestTier) -> None:
    request.place, request.tier = tier.place, tier.name
    request.depth_least, request.depth_most = tier.depth_least, tier.depth_most


# ------------------------------------------------------------------- decisions


class OnRequest(Request):
    """A step of a request as the actor last saw it."""

    request_id: SkipJsonSchema[UUID] = FROM_THE_PATH
    expected_version: int = Field(ge=1)
    reason: str = Field(min_length=3, max_length=500)


class ApproveRequest(OnRequest):
    """The tier says yes. `reason` answers the objections, if there are any."""

    reason: str = Field("", max_length=500)


class RejectRequest(OnRequest):
    """The tier says no, and why: it goes back to whoever proposed it."""


class ObjectToRequest(OnRequest):
    """Sanggah: it should not be so, and why."""


class WithdrawRequest(OnRequest):
    """Whoever proposed it takes it back."""


@permit("request.decide")
async def approve_request(cmd: ApproveRequest, actor: Actor, tx: Tx) -> dict[str, Any]:
    """Yes of this tier: on to the next one, or it counts from now on.

    Refused: `not-your-tier`, `request-own`, `objection-unanswered`, `request-outdated` (with the fields that changed
    since it was proposed), `nik-known`.
    """
    request, person = await _lock(cmd, actor, tx)
    _refuse_stranger(request, actor)
    await _refuse_silence(request, cmd, tx)
    changes = changes_of(request)
    if outdated := conflicts(changes, person):
        sentence = "The registry's values have changed since. Reject it; it may be proposed anew."
        raise Refused("request-outdated", sentence, "conflict", fields=outdated)
    _step(request, "approved", cmd.reason, actor, tx)
    after = [tier for tier in await tiers_of(request.area, tx) if tier.place > request.place]
    if after:
        _stand_at(request, after[0])
    else:
        await _carry_out(request, person, changes, tx)
    return _answer(request)


async def _carry_out(request: ChangeRequest, person: Person, changes: Changes, tx: Tx) -> None:
    checked = understood({name: proposed for name, (_, proposed) in changes.items()})
    changed = await state(person, checked, "request", tx)
    if "nik" in changes:
        await refuse_owned(changes["nik"][1], person.id, tx)
    tx.emit(PersonChanged(person_id=str(person.id), fields=changed), of=person)
    _close(request, "approved")


@permit("request.decide")
async def reject_request(cmd: RejectRequest, actor: Actor, tx: Tx) -> dict[str, Any]:
    """No of this tier, with a reason that whoever proposed it reads."""
    request, _ = await _lock(cmd, actor, tx)
    _refuse_stranger(request, actor)
    _step(request, "rejected", cmd.reason, actor, tx)
    _close(request, "rejected")
    return _answer(request)


@permit("request.object")
async def object_to_request(cmd: ObjectToRequest, actor: Actor, tx: Tx) -> dict[str, Any]:
    """Object to an open request: whoever approves it afterwards has to answer."""
    request, _ = await _lock(cmd, actor, tx)
    if request.proposed_by == actor.id:
        raise Refused("request-own", "You proposed this: withdraw it.", "forbidden")
    _step(request, "objected", cmd.reason, actor, tx)
    return _answer(request)


@permit("request.propose")
async def withdraw_request(cmd: WithdrawRequest, actor: Actor, tx: Tx) -> dict[str, Any]:
    """Take back what one has proposed."""
    request, _ = await _lock(cmd, actor, tx)
    if request.proposed_by != actor.id:
        raise Refused("request-of-another", "Somebody else proposed this: object to it.", "forbidden")
    _step(request, "withdrawn", cmd.reason, actor, tx)
    _close(request, "withdrawn")
    return _answer(request)


async def _lock(cmd: OnRequest, actor: Actor, tx: Tx) -> tuple[ChangeRequest, Person]:
    """The person, then the request, which is open and lies in the actor's area."""
    request = await tx.get(ChangeRequest, cmd.request_id)
    actor.within(area=request.area)
    person = await tx.lock(Person, request.person_id)
    request = await tx.lock(ChangeRequest, cmd.request_id, cmd.expected_version)
    if request.state != "open":
        raise Refused("request-closed", "This request is decided.", "conflict", state=request.state)
    return request, person


def _refuse_stranger(request: ChangeRequest, actor: Actor) -> None:
    """Only the tier where the request stands decides, and nobody about what he proposed himself."""
    if not request.depth_least <= depth(actor.area) <= request.depth_most:
        raise Refused("not-your-tier", f"This lies before the tier {request.tier}.", "forbidden", tier=request.tier)
    if request.proposed_by == actor.id:
        raise Refused("request-own", "You proposed this: another one decides.", "forbidden")


async def _refuse_silence(request: ChangeRequest, cmd: ApproveRequest, tx: Tx) -> None:
    objections = select(RequestStep.id).where(RequestStep.request_id == request.id, RequestStep.kind == "objected")
    if not cmd.reason.strip() and (await tx.session.scalars(objections.limit(1))).one_or_none():
        raise Refused("objection-unanswered", "Somebody objected: say why it is approved all the same.")


def changes_of(request: ChangeRequest) -> Changes:
    """What the request wants, unsealed."""
    opened: Mapping[str, Any] = json.loads(Seal.current().open_page(request.sealed, f"request:{request.id}"))
    return {name: (seen, proposed) for name, (seen, proposed) in opened.items()}


def conflicts(changes: Changes, person: Person) -> list[str]:
    """The fields that have changed since the request was proposed; all of them when the person was merged."""
    return [name for name, (seen, _) in changes.items() if person.state == "merged" or as_text(person, name) != seen]


def _step(request: ChangeRequest, kind: str, reason: str, actor: Actor, tx: Tx) -> None:
    request.version += 1
    step = {"id": new_id(), "request_id": request.id, "kind": kind, "tier": request.tier, "by": actor.id}
    tx.add(RequestStep(**step, reason=reason or None))


def _close(request: ChangeRequest, how: str) -> None:
    request.state, request.closed_at = how, datetime.now(UTC)


def _answer(request: ChangeRequest) -> dict[str, Any]:
    return {"id": str(request.id), "version": request.version, "state": request.state, "tier": request.tier}
