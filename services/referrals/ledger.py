"""What an agency may be shown of a client, and the ledger in which each showing is written down first."""

from datetime import UTC, datetime, timedelta
from typing import Any

from services.referrals.directory_models import ServiceVersion
from services.referrals.models import Disclosure, Offer, Referral
from services.referrals.requests import ReadDetails
from services.referrals.states import State
from sinergi.auth import Actor
from sinergi.db import Tx, new_id
from sinergi.problems import Refused

#: how long after its end a receiver may still read a referral's details (ours; UU 27/2022 asks for a limit)
READABLE_AFTER_END = timedelta(days=30)


async def permitted_question(cmd: ReadDetails, actor: Actor, tx: Tx) -> dict[str, Any]:
    """What the registry is asked for: only the fields that the service needs, only for the receiver."""
    referral = await tx.get(Referral, cmd.referral_id)
    actor.within(agencies=(referral.receiver,), area=referral.area)
    _must_be_readable(referral)
    offer = await tx.session.get(Offer, referral.service)
    if offer is None or offer.agency != referral.receiver:
        raise Refused("nothing-to-disclose", "The service is no longer yours to give.", "forbidden")
    return {
        "client_kind": referral.client_kind,
        "client_id": str(referral.client_id),
        "fields": await _fields(referral, offer, tx),
        "purpose": cmd.purpose,
        "referral_id": str(referral.id),
        "agency": actor.agency,
    }


async def _fields(referral: Referral, offer: Offer, tx: Tx) -> list[str]:
    """What the service asked for when the referral was sent, as far as it still needs it: a field that it asks for
    since then was agreed to by nobody."""
    if referral.service_version is None:
        return offer.fields
    version = await tx.get(ServiceVersion, (referral.service, referral.service_version))
    return [name for name in offer.fields if name in version.terms["fields"]]


def _must_be_readable(referral: Referral) -> None:
    if referral.state == State.ENTERED_IN_ERROR:
        raise Refused("entered-in-error", "It was entered in error: its details are nobody's.", "forbidden")
    if referral.ended_at and datetime.now(UTC) - referral.ended_at > READABLE_AFTER_END:
        days = READABLE_AFTER_END.days
        raise Refused("ended-too-long-ago", f"Details are readable for {days} days after the end.", "forbidden")


async def write_disclosure(question: dict[str, Any], cmd: ReadDetails, actor: Actor, tx: Tx) -> Disclosure:
    """The ledger's line for what the registry was asked."""
    referral = await tx.get(Referral, cmd.referral_id)
    line = Disclosure(
        id=new_id(),
        actor=actor.id,
        agency=actor.agency,
        referral_id=referral.id,
        sender=referral.sender,
        area=referral.area,
        client_kind=referral.client_kind,
        client_id=referral.client_id,
        fields=question["fields"],
        purpose=cmd.purpose,
    )
    tx.add(line)
    return line


def only(fields: list[str], client: dict[str, Any]) -> dict[str, Any]:
    """The client's data cut to these fields; of a group its name, its area, and these fields of its members."""
    if "members" not in client:
        return {name: value for name, value in client.items() if name in fields}
    group = {name: client[name] for name in ("name", "area") if name in client}
    return group | {"members": [only(fields, member) for member in client["members"]]}
