"""What an agency may be shown of a client, and the ledger in which each showing is written down first."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from services.referrals.consents import must_be_consented
from services.referrals.directory_models import ServiceVersion
from services.referrals.models import Disclosure, Offer, Referral
from services.referrals.requests import ReadDetails
from services.referrals.states import State
from sinergi.auth import Actor
from sinergi.db import Tx, new_id
from sinergi.problems import Refused

Question = dict[str, Any]


async def permitted_question(cmd: ReadDetails, actor: Actor, tx: Tx) -> Question:
    """What the registry is asked for: only the fields that the service needs, only for the receiver."""
    referral = await tx.get(Referral, cmd.referral_id)
    actor.within(agencies=(referral.receiver,), area=referral.area)
    return await question_of(referral, cmd.purpose, actor, tx)


async def question_of(referral: Referral, purpose: str, actor: Actor, tx: Tx) -> Question:
    """The question about a referral's client, for an actor whose right to it was seen. Refused when nobody may read it
    now: `entered-in-error`, `consent-missing`, `ended-too-long-ago`, `nothing-to-disclose`."""
    if referral.state == State.ENTERED_IN_ERROR:
        raise Refused("entered-in-error", "It was entered in error: its details are nobody's.", "forbidden")
    offer = await tx.session.get(Offer, referral.service)
    if offer is None or offer.agency != referral.receiver:
        raise Refused("nothing-to-disclose", "The service is no longer yours to give.", "forbidden")
    agreed = await _agreed(referral, tx)
    await must_be_consented(referral, tx)
    _must_not_be_closed(referral, min(offer.details_days, agreed.get("details_days", offer.details_days)))
    return {
        "client_kind": referral.client_kind,
        "client_id": str(referral.client_id),
        "fields": [name for name in offer.fields if name in agreed.get("fields", offer.fields)],
        "purpose": purpose,
        "referral_id": str(referral.id),
        "agency": actor.agency,
    }


async def _agreed(referral: Referral, tx: Tx) -> dict[str, Any]:
    """The service's terms as they were when the referral was sent. What it asks for since then, a further field or a
    longer time, was agreed to by nobody; what it no longer asks for is not shown either."""
    if referral.service_version is None:
        return {}
    return (await tx.get(ServiceVersion, (referral.service, referral.service_version))).terms


def _must_not_be_closed(referral: Referral, days: int) -> None:
    if referral.ended_at and datetime.now(UTC) - referral.ended_at > timedelta(days=days):
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
