"""What cases tells about placements and facilities. A placement is a thing of its own: it has its own id and version.

No fact names the kind of facility or of bed, sex, age or category: beside a case's id they would tell of a disability.
"""

from datetime import date, datetime

from sinergi.events.event import Event


class PlacementFact(Event):
    """What every fact about a placement tells. `inside`: in a facility (panti), else with a family or the community."""

    placement_id: str
    case_id: str
    step_id: str | None = None
    agency: str
    area: str
    worker: str
    supervisor: str
    inside: bool
    facility_id: str | None = None


class PlacementRequested(PlacementFact):
    """A social worker asks for a placement. `warning` is a code, e.g. when another level of government should do it."""

    name = "placement.requested.v1"
    warning: str | None = None


class PlacementWaiting(PlacementFact):
    """The person stands on the waiting list: no bed is free, or an offer was refused or lapsed (`because`)."""

    name = "placement.waiting.v1"
    because: str


class PlacementPrioritised(PlacementFact):
    """A supervisor gave the person another place on the list, or (`level` None) the one of the risk again."""

    name = "placement.prioritised.v1"
    level: str | None


class PlacementOffered(PlacementFact):
    """A bed is held for the person until then."""

    name = "placement.offered.v1"
    held_until: datetime


class PlacementAccepted(PlacementFact):
    """The worker took the offer; the bed is held until the person arrives, at the latest until then."""

    name = "placement.accepted.v1"
    held_until: datetime


class PlacementAdmitted(PlacementFact):
    """The person lives in the facility. `extra`: on an extra place, beyond the facility's beds."""

    name = "placement.admitted.v1"
    extra: bool = False
    review_on: date | None = None


class PlacementLeaveStarted(PlacementFact):
    """The person is away for a time; the bed stays his or hers."""

    name = "placement.leave_started.v1"
    until: date


class PlacementReturned(PlacementFact):
    """The person is back from leave."""

    name = "placement.returned.v1"


class PlacementReturnOverdue(PlacementFact):
    """The person should be back from leave and is not."""

    name = "placement.return_overdue.v1"
    until: date


class PlacementTransferred(PlacementFact):
    """The person changed beds, or facilities."""

    name = "placement.transferred.v1"
    from_facility_id: str
    extra: bool = False


class PlacementDischarged(PlacementFact):
    """The person left the facility for good: a coded reason and where to."""

    name = "placement.discharged.v1"
    reason: str
    destination: str


class PlacementCancelled(PlacementFact):
    """The placement is not needed any more; nobody had moved yet."""

    name = "placement.cancelled.v1"
    reason: str


class PlacementPlaced(PlacementFact):
    """The person lives with a family or in the community; the follow-ups are due then."""

    name = "placement.placed.v1"
    follow_up_due: list[date] = []


class PlacementEnded(PlacementFact):
    """The placement with a family or in the community is over."""

    name = "placement.ended.v1"
    reason: str


class FacilityFact(Event):
    """What every fact about a facility tells."""

    facility_id: str
    agency: str
    area: str


class FacilityRegistered(FacilityFact):
    """A facility was entered."""

    name = "facility.registered.v1"
    code: str
    kind: str


class FacilityChanged(FacilityFact):
    """What a facility takes in, or its beds, changed."""

    name = "facility.changed.v1"
    what: str


class FacilityOverCapacity(FacilityFact):
    """A facility took in the first person beyond its beds."""

    name = "facility.over_capacity.v1"
    extra: int


class FacilityWithinCapacity(FacilityFact):
    """Nobody lies on an extra place any more."""

    name = "facility.within_capacity.v1"
