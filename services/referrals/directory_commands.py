"""Keeping the directory: agencies, their desks and services; the operator writes it, an agency tells its capacity."""

from typing import Any, TypeVar
from uuid import UUID, uuid5

from sqlalchemy import delete, func
from sqlalchemy.dialects.postgresql import insert

from services.referrals.capacity import empty_load, today
from services.referrals.clock_terms import ClockTerms
from services.referrals.directory_models import Desk, ServedNeed, ServiceVersion
from services.referrals.directory_requests import CloseService, OpenService, PutDesk, SetCapacity
from services.referrals.models import Agency, Offer
from services.referrals.requests import PutAgency, PutService
from services.referrals.turn import Answer
from sinergi.auth import Actor, permit
from sinergi.db import Tx
from sinergi.permissions import Role
from sinergi.problems import Refused

M = TypeVar("M", Agency, Desk, Offer)

#: names of the open directory are made from codes (uuid5), so they stay the same wherever it is entered again
PUBLIC_IDS = UUID("6f0b7b4e-8d0a-5c53-9a7e-2f1c4a1d9b10")


class Entered(Answer):
    """What entering answers: `changed` is false when it was there already, just so."""

    changed: bool


def public_id(kind: str, code: str) -> UUID:
    """The stable id under which the open directory (HSDS) names something."""
    return uuid5(PUBLIC_IDS, f"{kind}:{code}")


@permit("directory.write")
async def put_agency(cmd: PutAgency, actor: Actor, tx: Tx) -> Entered:
    """Enter the agency, or bring its entry up to date; the same entry again changes nothing."""
    return _entered(*await _enter(Agency, cmd.model_dump(), tx))


@permit("directory.write")
async def put_desk(cmd: PutDesk, actor: Actor, tx: Tx) -> Entered:
    """Enter the desk, or bring its entry up to date. Refused: `no-such-agency`."""
    await _agency(cmd.agency, tx)
    return _entered(*await _enter(Desk, cmd.model_dump(mode="json") | {"agency": cmd.agency}, tx))


@permit("directory.write")
async def put_service(cmd: PutService, actor: Actor, tx: Tx) -> Entered:
    """Enter the service, or bring its entry up to date; sending follows within two seconds, referrals that were sent
    keep their terms. A desk that is not there yet is made. Refused: `no-such-agency`."""
    agency = await _agency(cmd.agency, tx)
    desk = cmd.desk if "/" in cmd.desk else f"{cmd.agency}/{cmd.desk}"
    await _make_desk(desk, agency, tx)
    terms = _terms(cmd) | {"desk": desk}
    made = {"public_id": public_id("service", cmd.code), "terms_version": 1}
    offer, changed = await _enter(Offer, {"code": cmd.code, **terms}, tx, made)
    if changed:
        await _new_terms(offer, terms, actor, tx)
    return _entered(offer, changed)


def _terms(cmd: PutService) -> dict[str, Any]:
    """What a referral is sent under, as columns."""
    clocks = cmd.clocks or ClockTerms.of_hours(cmd.acknowledge_hours, cmd.decide_hours, cmd.finish_hours)
    lists = {name: list(dict.fromkeys(getattr(cmd, name))) for name in ("fields", "documents", "areas", "needs")}
    return cmd.model_dump(mode="json", exclude={"code"}) | lists | {"clocks": clocks.stored()}


async def _new_terms(offer: Offer, terms: dict[str, Any], actor: Actor, tx: Tx) -> None:
    """Remember these terms under their version, and put the service on the map anew."""
    offer.terms_version, offer.changed_at = offer.version, func.now()
    tx.add(ServiceVersion(service=offer.code, version=offer.version, by=actor.id, terms=terms))
    if offer.version == 1:
        tx.add(empty_load(offer.code))
    await tx.session.execute(delete(ServedNeed).where(ServedNeed.service == offer.code))
    tx.add(*(ServedNeed(need=need, area=area, service=offer.code) for need in offer.needs for area in offer.areas))
    await tx.session.flush()


# ---------------------------------------------------------------- capacity


@permit("directory.capacity")
async def set_capacity(cmd: SetCapacity, actor: Actor, tx: Tx) -> Answer:
    """Say how many the service takes; an agency says it of its own. Refused: `not-found`, `version-conflict`."""
    offer = await _own(cmd, actor, tx)
    return _changed(offer, {"places": cmd.places, "places_per": cmd.places_per})


@permit("directory.capacity")
async def close_service(cmd: CloseService, actor: Actor, tx: Tx) -> Answer:
    """Close the service for a time. Refused: `day-in-past`, and as `set_capacity`."""
    if cmd.until < today():
        raise Refused("day-in-past", "Name today or a later day.")
    offer = await _own(cmd, actor, tx)
    return _changed(offer, {"closed_until": cmd.until, "closed_reason": cmd.reason})


@permit("directory.capacity")
async def open_service(cmd: OpenService, actor: Actor, tx: Tx) -> Answer:
    """Open the service again. Refused: as `set_capacity`."""
    return _changed(await _own(cmd, actor, tx), {"closed_until": None, "closed_reason": None})


async def _own(cmd: SetCapacity | CloseService | OpenService, actor: Actor, tx: Tx) -> Offer:
    """The service, locked: any for an operator, its own for an agency, which learns no other's version."""
    if actor.role is not Role.OPERATOR:
        actor.within(agencies=((await tx.get(Offer, cmd.code)).agency,))
    return await tx.lock(Offer, cmd.code, cmd.expected_version)


def _changed(offer: Offer, values: dict[str, Any]) -> Answer:
    if _set(offer, values):
        offer.changed_at = func.now()
    return _answer(offer)


# ------------------------------------------------------------------ inside


async def _agency(code: str, tx: Tx) -> Agency:
    agency = await tx.session.get(Agency, code)
    if agency is None:
        raise Refused("no-such-agency", f"There is no agency {code}: enter it first.")
    return agency


async def _make_desk(code: str, agency: Agency, tx: Tx) -> None:
    """A desk that nobody has described yet takes referrals the way its agency can."""
    receives = "nats" if agency.connected else "console"
    values = {"code": code, "agency": agency.code, "name": code.split("/")[1], "receives": receives, "version": 1}
    entry = insert(Desk).values(**values, channels=[], opening=[])
    await tx.session.execute(entry.on_conflict_do_nothing())


async def _enter(model: type[M], values: dict[str, Any], tx: Tx, made: dict[str, Any] | None = None) -> tuple[M, bool]:
    """The entry with these values, locked, and whether that changed anything. `made`: only for a new one."""
    entry = insert(model).values(**values, **(made or {}), version=1)
    new = (await tx.session.execute(entry.on_conflict_do_nothing().returning(model.code))).scalar_one_or_none()
    row = await tx.lock(model, values["code"])
    return row, new is not None or _set(row, values)


def _set(row: Agency | Desk | Offer, values: dict[str, Any]) -> bool:
    """Set what differs; a new version if anything does."""
    differing = {name: value for name, value in values.items() if getattr(row, name) != value}
    for name, value in differing.items():
        setattr(row, name, value)
    row.version += bool(differing)
    return bool(differing)


def _entered(row: Agency | Desk | Offer, changed: bool) -> Entered:
    return Entered(id=row.code, version=row.version, state="active", changed=changed)


def _answer(row: Agency | Desk | Offer) -> Answer:
    return Answer(id=row.code, version=row.version, state="active")
