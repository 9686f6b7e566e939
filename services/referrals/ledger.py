"""What an agency may be shown of a client, and the ledger in which each showing is written down first."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from services.referrals.directory_models import ServiceVersion
from services.referrals.models import Disclosure, Offer, Referral
from services.referrals.requests import ReadDetails
from services.referrals.states import State
from sinergi.auth import Actor
from sinergi.db import Tx, new_id
from sinergi.problems import Refused

Question = dict[str, Any]

#: how long after its end a receiver may still read a referral's details (ours; UU 27/2022 asks for a limit)
READABLE_AFTER_END = timedelta(days=30)


async def permitted_question(cmd: ReadDetails, actor: Actor, tx: Tx) -> Question:
    """What the registry is asked for: only the fields that the service needs, only for the receiver."""
    referral = await tx.get(Referral, cmd.referral_id)
    actor.within(agencies=(referral.receiver,), area=referral.area)
    return await question_of(referral, cmd.purpose, actor, tx)


async def question_of(referral: Referral, purpose: str, actor: Actor, tx: Tx) -> Question:
    """The question about a referral's client, for an actor whose right to it was seen. Refused when nobody may read it
    now: `entered-in-error`, `ended-too-long-ago`, `nothing-to-disclose`."""
    _must_be_readable(referral)
    offer = await tx.session.get(Offer, referral.service)
    if offer is None or offer.agency != referral.receiver:
        raise Refused("nothing-to-disclose", "The service is no longer yours to give.", "forbidden")
    return {
        "client_kind": referral.client_kind,
        "client_id": str(referral.client_id),
        "fields": await _fields(referral, offer, tx),
        "purpose": purpose,
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


def write_disclosure(
    question: Question, referral: Referral, actor: Actor, tx: Tx, letter_id: UUID | None = None
) -> Disclosure:
    """The ledger's line for what the registry was asked; `letter_id`: it was shown on this letter."""
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
        purpose=question["purpose"],
        letter_id=letter_id,
    )
    tx.add(line)
    return line


def only(fields: list[str], client: dict[str, Any]) -> dict[str, Any]:
    """The client's data cut to these fields; of a group its name, its area, and these fields of its members."""
    if "members" not in client:
        return {name: value for name, value in client.items() if name in fields}
    group = {name: client[name] for name in ("name", "area") if name in client}
    return group | {"members": [only(fields, member) for member in client["members"]]}
