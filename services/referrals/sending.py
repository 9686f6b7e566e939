"""What is checked before a referral goes out, so that a sender learns at once what a desk would say days later."""

from typing import Any

from pydantic import Field

from services.referrals.capacity import free_places, is_closed
from services.referrals.directory import Place
from services.referrals.directory_models import ServiceLoad
from services.referrals.eligibility import Result, Verdict
from services.referrals.eligibility_words import Line, lines_found, refusal
from services.referrals.finding import with_room_instead
from services.referrals.models import Offer, Referral
from services.referrals.requests import SendReferral
from services.referrals.turn import Answer, answer
from sinergi.db import Tx
from sinergi.problems import Refused


class Sent(Answer):
    """A sent referral. `missing_documents`: the service asks for them, and the desk may decline without them.

    `eligibility`: what the rules say; `cannot_tell` has the lines that nobody can tell yet. None: it has no rules.
    """

    missing_documents: list[str] = Field(default_factory=list)
    eligibility: Result | None = None
    cannot_tell: list[Line] = Field(default_factory=list)


def must_be_eligible(place: Place, verdict: Verdict | None) -> None:
    """Refused: `not-eligible` with the lines that do not hold; `service-changed` when other rules were judged."""
    if place.eligibility is None:
        return
    if verdict is None or verdict.service_version != place.terms_version:
        raise Refused("service-changed", "The service changed meanwhile. Send it again.", "conflict")
    if verdict.result is Result.NO:
        sentence = "The service is not meant for this client. See which rules do not hold."
        raise Refused("not-eligible", sentence, rules=refusal(verdict))


async def must_have_room(place: Place, cmd: SendReferral, tx: Tx) -> None:
    """Refused: `service-closed` and `capacity-full`, with up to three others that serve the same need there."""
    if is_closed(place.closed_until):
        until = f"{place.closed_until:%Y-%m-%d}"
        raise await _instead("service-closed", f"The service takes nobody until {until}.", cmd, tx, until=until)
    if place.places is None:
        return
    offer, load = await tx.get(Offer, cmd.service), await tx.session.get(ServiceLoad, cmd.service)
    if free_places(offer, load) == 0:
        sentence = "The service is full. Choose another one, or ask your supervisor to send it all the same."
        raise await _instead("capacity-full", sentence, cmd, tx)


async def _instead(slug: str, sentence: str, cmd: SendReferral, tx: Tx, **more: Any) -> Refused:
    return Refused(slug, sentence, "conflict", instead=await with_room_instead(cmd.service, cmd.area, tx), **more)


def sent(referral: Referral, place: Place, verdict: Verdict | None) -> Sent:
    """The answer of a sending, with what the sender should know now."""
    cannot_tell = [one for one in verdict.findings if one.result is Result.UNKNOWN] if verdict else []
    return Sent(
        **answer(referral).model_dump(),
        missing_documents=[one for one in place.documents if one not in referral.documents],
        eligibility=verdict.result if verdict else None,
        cannot_tell=lines_found(cannot_tell),
    )
