"""What referrals tells of pathways: chains of referrals that depend on each other. To our own services alone."""

from datetime import datetime
from typing import Literal

from sinergi.events.event import ClientKind, Event


class PathwayFact(Event):
    """What every fact about a pathway tells. `step_id` is the step of the case's plan that it carries out, if any."""

    pathway_id: str
    template: str
    template_version: int
    agency: str
    area: str
    worker: str
    client_kind: ClientKind
    client_id: str
    case_id: str | None = None
    step_id: str | None = None


class PathwayStarted(PathwayFact):
    """A pathway began; its first steps go out."""

    name = "pathway.started.v1"


class PathwayStepFired(PathwayFact):
    """A step's conditions came true and its referral was sent. `undoes`: it asks to take back what the step did."""

    name = "pathway.step_fired.v1"
    step: str
    service: str
    referral_id: str
    attempt: int
    undoes: bool = False


class PathwayStepDone(PathwayFact):
    """A step has its outcome; what waited for it may go out."""

    name = "pathway.step_done.v1"
    step: str
    outcome: str
    evidence: list[str] = []


class PathwayStepSkipped(PathwayFact):
    """A step is passed over: its condition does not hold, or somebody decided so."""

    name = "pathway.step_skipped.v1"
    step: str
    reason: str


class PathwayStepUndone(PathwayFact):
    """What a step had done was taken back."""

    name = "pathway.step_undone.v1"
    step: str


class PathwayBlocked(PathwayFact):
    """A step ended without its service, or cannot be asked for: the worker decides what becomes of it."""

    name = "pathway.blocked.v1"
    step: str
    reason: str


class PathwayReplanned(PathwayFact):
    """What becomes of a step that ended badly: another agency is asked, or it is asked again (at `not_before`)."""

    name = "pathway.replanned.v1"
    step: str
    decision: Literal["other-agency", "wait", "retry"]
    reason: str
    not_before: datetime | None = None


class PathwayStopping(PathwayFact):
    """It goes on no further: what runs is called back, what was done is undone, the last first."""

    name = "pathway.stopping.v1"
    reason: str


class PathwayStopped(PathwayFact):
    """It has ended before its goal. `undone`: the steps that were taken back."""

    name = "pathway.stopped.v1"
    reason: str
    undone: list[str] = []


class PathwayCompleted(PathwayFact):
    """Every step is done or was passed over."""

    name = "pathway.completed.v1"
    done: list[str]
    skipped: list[str] = []
