"""What follows from a decline: each reason has its own consequence (DOMAIN.md, "Referrals between agencies").

It travels in the fact, so that the sender's case asks its worker for the right thing. A death is only told: whoever
works the case records it in the registry, since a wrong death is grave and a desk's word is no proof.
"""

from enum import StrEnum

from services.referrals.codes import DeclineReason


class Consequence(StrEnum):
    """What the sender does next."""

    REROUTE = "reroute"
    WAIT = "wait"
    ADD_DOCUMENTS = "add-documents"
    ASK_CLIENT = "ask-client"
    FIND_CLIENT = "find-client"
    CHECK_AREA = "check-area"
    RECORD_DEATH = "record-death"


CONSEQUENCES: dict[DeclineReason, Consequence] = {
    DeclineReason.CAPACITY: Consequence.WAIT,
    DeclineReason.NOT_ELIGIBLE: Consequence.REROUTE,
    DeclineReason.OUT_OF_AREA: Consequence.REROUTE,
    DeclineReason.MISSING_DOCUMENTS: Consequence.ADD_DOCUMENTS,
    DeclineReason.WRONG_SERVICE: Consequence.REROUTE,
    DeclineReason.REFUSED: Consequence.ASK_CLIENT,
    DeclineReason.UNREACHABLE: Consequence.FIND_CLIENT,
    DeclineReason.MOVED: Consequence.CHECK_AREA,
    DeclineReason.DIED: Consequence.RECORD_DEATH,
}


def consequence_of(reason: str, better_service: str | None = None) -> Consequence | None:
    """What follows; a better service that the desk knows is the way to go. None for a reason that is no desk's."""
    if reason not in list(DeclineReason):
        return None
    declined = DeclineReason(reason)
    if better_service and declined.side == "agency":
        return Consequence.REROUTE
    return CONSEQUENCES[declined]
