"""What this service hears: the facts about referrals move the steps of plans."""

from uuid import UUID

from services.cases.commands import FollowReferral, follow_referral
from services.cases.placement_hearing import follow_case
from services.cases.stages import FOLLOWS
from services.cases.steps_heard import (
    FollowOverdue,
    FollowPathway,
    FollowPlacement,
    FollowVisit,
    follow_overdue,
    follow_pathway,
    follow_placement,
    follow_visit,
)
from sinergi.auth import service_actor
from sinergi.bus import Bus
from sinergi.db import Tx
from sinergi.events import (
    CaseAssessed,
    CaseClosed,
    PathwayCompleted,
    PathwayStarted,
    PathwayStopped,
    PlacementAdmitted,
    PlacementCancelled,
    PlacementPlaced,
    ReferralAccepted,
    ReferralCancelled,
    ReferralCancelRequested,
    ReferralCompleted,
    ReferralDeclined,
    ReferralExpired,
    ReferralFact,
    ReferralFailed,
    ReferralHeld,
    ReferralOverdue,
    ReferralProgressed,
    ReferralReceived,
    ReferralRequested,
    ReferralResumed,
    ReferralRetracted,
    VisitRecorded,
)

bus = Bus("cases")
_WE = service_actor("cases")


@bus.on(ReferralRequested)
async def when_referral_requested_remember_it_on_the_step(event: ReferralRequested, tx: Tx) -> None:
    """The step knows its referral from here on."""
    await _follow(event, tx)


@bus.on(ReferralReceived)
@bus.on(ReferralAccepted)
@bus.on(ReferralProgressed)
@bus.on(ReferralHeld)
@bus.on(ReferralResumed)
@bus.on(ReferralCancelRequested)
async def when_referral_moved_move_the_step(event: ReferralFact, tx: Tx) -> None:
    """The step stands where its referral stands."""
    await _follow(event, tx)


@bus.on(ReferralCompleted)
async def when_referral_completed_advance_the_plan(event: ReferralCompleted, tx: Tx) -> None:
    """The step has its outcome; the steps that waited for it go out."""
    await _follow(event, tx, outcome=event.outcome)


@bus.on(ReferralDeclined)
async def when_referral_declined_ask_the_worker(event: ReferralDeclined, tx: Tx) -> None:
    """The worker is asked for what the reason asks for, and knows which documents were missing."""
    missing = event.missing_documents
    await _follow(event, tx, reason=event.reason, consequence=event.consequence, missing_documents=missing)


@bus.on(ReferralFailed)
@bus.on(ReferralCancelled)
@bus.on(ReferralRetracted)
@bus.on(ReferralExpired)
async def when_referral_ended_ask_the_worker(
    event: ReferralFailed | ReferralCancelled | ReferralRetracted | ReferralExpired, tx: Tx
) -> None:
    """The worker decides what becomes of the step."""
    await _follow(event, tx, reason=event.reason)


@bus.on(PathwayStarted)
@bus.on(PathwayCompleted)
@bus.on(PathwayStopped)
async def when_pathway_began_or_ended_move_its_step(
    event: PathwayStarted | PathwayCompleted | PathwayStopped, tx: Tx
) -> None:
    """The plan's step that asked for the pathway stands where it stands."""
    if event.case_id is None or event.step_id is None:
        return
    ended = {
        "outcome": "pathway-completed" if isinstance(event, PathwayCompleted) else "",
        "reason": event.reason if isinstance(event, PathwayStopped) else "",
    }
    ids = {"case_id": UUID(event.case_id), "step_id": UUID(event.step_id)}
    await follow_pathway(FollowPathway(**ids, agency=event.agency, template=event.template, **ended), _WE, tx)


@bus.on(ReferralOverdue)
async def when_referral_overdue_ask_the_worker_to_ask(event: ReferralOverdue, tx: Tx) -> None:
    """The step stands where it stood; its worker asks the receiver how far it is."""
    if event.case_id and event.step_id:
        ids = {name: UUID(getattr(event, name)) for name in ("case_id", "step_id", "referral_id")}
        await follow_overdue(FollowOverdue(**ids), _WE, tx)


@bus.on(CaseAssessed)
@bus.on(CaseClosed)
async def when_case_changed_let_its_placements_follow(event: CaseAssessed | CaseClosed, tx: Tx) -> None:
    """A new risk is a new place on the waiting list; a closed case has none."""
    await follow_case(UUID(event.case_id), tx)


@bus.on(VisitRecorded)
async def when_visit_recorded_do_what_asked_for_it(event: VisitRecorded, tx: Tx) -> None:
    """A visit at which the client was met fulfils the duty to visit, and the plan's step for that purpose."""
    if event.outcome == "done" and event.client_present:
        await follow_visit(FollowVisit(case_id=UUID(event.case_id), purpose=event.purpose), _WE, tx)


@bus.on(PlacementAdmitted)
@bus.on(PlacementPlaced)
@bus.on(PlacementCancelled)
async def when_placement_came_about_or_not_move_its_step(
    event: PlacementAdmitted | PlacementPlaced | PlacementCancelled, tx: Tx
) -> None:
    """The plan's step that asked for the placement ends as it ended."""
    if event.step_id is None:
        return
    how = {PlacementAdmitted: "admitted", PlacementPlaced: "placed"}.get(type(event), "")
    reason = event.reason if isinstance(event, PlacementCancelled) else ""
    what = FollowPlacement(case_id=UUID(event.case_id), step_id=UUID(event.step_id), outcome=how, reason=reason)
    await follow_placement(what, _WE, tx)


async def _follow(
    event: ReferralFact,
    tx: Tx,
    *,
    outcome: str = "",
    reason: str = "",
    consequence: str | None = None,
    missing_documents: list[str] | None = None,
) -> None:
    if event.case_id is None or event.step_id is None:
        return
    what = FollowReferral(
        case_id=UUID(event.case_id),
        step_id=UUID(event.step_id),
        referral_id=UUID(event.referral_id),
        service=event.service,
        sender=event.sender,
        state=FOLLOWS[type(event)],
        outcome=outcome,
        reason=reason,
        consequence=consequence,
        missing_documents=missing_documents or [],
    )
    await follow_referral(what, _WE, tx)
