"""What cases tells about ways in: reports before any case, whose client a case is, transfers to another office."""

from typing import Literal

from sinergi.events.cases import CaseFact
from sinergi.events.event import ClientKind, Event


class IntakeFact(Event):
    """What every fact about a report (laporan) tells. Who reported, and what was seen, stays in cases."""

    intake_id: str
    agency: str
    area: str


class IntakeReceived(IntakeFact):
    """A report came in; `referred_by` is the office that sent it on, if one did."""

    name = "intake.received.v1"
    way_in: str
    reporter: str
    referred_by: str | None = None


class IntakeScreened(IntakeFact):
    """The first questions were answered, and say how urgent it is."""

    name = "intake.screened.v1"
    urgency: Literal["life", "urgent", "normal"]


class IntakeRiskToLife(IntakeFact):
    """Somebody's life is at risk: whoever can must go now."""

    name = "intake.risk_to_life.v1"


class IntakeOverdue(IntakeFact):
    """Nobody screened it in time."""

    name = "intake.overdue.v1"


class IntakeTakenUp(IntakeFact):
    """It became a case."""

    name = "intake.taken_up.v1"
    case_id: str


class IntakeJoined(IntakeFact):
    """It belongs to a case that was open already; its holder has a task."""

    name = "intake.joined.v1"
    case_id: str


class IntakeReferredOn(IntakeFact):
    """Another regency's office has it now, as a report of its own."""

    name = "intake.referred_on.v1"
    to_agency: str
    new_intake_id: str


class IntakeClosed(IntakeFact):
    """It ended without a case, for a coded reason."""

    name = "intake.closed.v1"
    reason: str


class CaseClientBound(CaseFact):
    """The case's client is this one of the registry: an unknown person was identified, or persons were (un)merged."""

    name = "case.client_bound.v1"
    client_kind: ClientKind
    client_id: str
    previous_client_id: str


class CaseJoined(CaseFact):
    """The case was closed because another one of the same client goes on."""

    name = "case.joined.v1"
    joined_to: str


class CaseTransferFact(CaseFact):
    """What every fact about a transfer tells. Until it is accepted, agency and area are still the sender's."""

    transfer_id: str
    from_agency: str
    to_agency: str
    to_area: str
    reason: str


class CaseTransferProposed(CaseTransferFact):
    """The worker asks the supervisor to offer the case to another office."""

    name = "case.transfer_proposed.v1"


class CaseTransferOffered(CaseTransferFact):
    """The supervisor approved; the other office decides."""

    name = "case.transfer_offered.v1"


class CaseTransferAccepted(CaseTransferFact):
    """The case is the other office's now: agency, area, worker and supervisor are the new ones."""

    name = "case.transfer_accepted.v1"
    previous_worker: str


class CaseTransferRefused(CaseTransferFact):
    """The other office says no, and why; the case stays where it is."""

    name = "case.transfer_refused.v1"
    why: str


class CaseTransferWithdrawn(CaseTransferFact):
    """The sender thought better of it, or its supervisor said no."""

    name = "case.transfer_withdrawn.v1"


class CaseTransferOverdue(CaseTransferFact):
    """The other office has not answered in time."""

    name = "case.transfer_overdue.v1"
