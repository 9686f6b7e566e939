"""A running pathway goes on: where its steps stand, what follows, and the facts of it. All under the pathway's lock.

Whoever holds a referral may lock its pathway, never the other way round: what a pathway wants of referrals it puts in
the queue (`send_after`), and pathway_firing.py does it.
"""

from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import select

from services.referrals.models import Referral
from services.referrals.pathway_models import Pathway, PathwayReferral, PathwayStep
from services.referrals.pathways import Policy, Template
from services.referrals.pathways.engine import (
    ENDED,
    Move,
    PathwayState,
    Standing,
    StepState,
    advance,
    policy_for,
    state_of,
)
from services.referrals.states import TERMINAL, State
from sinergi.db import Tx
from sinergi.events import (
    PathwayBlocked,
    PathwayCompleted,
    PathwayFact,
    PathwayReplanned,
    PathwayStepDone,
    PathwayStepFired,
    PathwayStepSkipped,
    PathwayStepUndone,
    PathwayStopped,
    PathwayStopping,
)

#: how a referral ended by its sender's wish or by the clock: that counts, whatever the desk said besides
_ENDED_AS = {
    State.EXPIRED: "expired",
    State.CANCELLED: "cancelled",
    State.ENTERED_IN_ERROR: "retracted",
}


@dataclass(frozen=True, slots=True)
class Course:
    """A locked pathway with its steps, in the template's order. Change, then `settle`."""

    pathway: Pathway
    template: Template
    steps: dict[str, PathwayStep]
    tx: Tx

    # ------------------------------------------------------------ what follows

    def settle(self) -> None:
        """Make every move that follows from where the steps stand now, and see where the pathway stands."""
        if self.pathway.state in ENDED:
            return
        for move in advance(self.template, self._standings(), stopping=self._stopping):
            self._make(move)
        self._stand()

    def done(self, step: PathwayStep, outcome: str, evidence: list[str]) -> None:
        """The step has its outcome."""
        step.state, step.outcome, step.evidence, step.reason = StepState.DONE, outcome, evidence, None
        self.tell(PathwayStepDone, step=step.key, outcome=outcome, evidence=evidence)

    def ended(self, step: PathwayStep, reason: str) -> None:
        """The step ended without its service: its template says what becomes of it, or the worker decides."""
        used = Counter({int(number): times for number, times in step.used.items()})
        found = policy_for(self.template.step(step.key), [reason], used)
        if found is None or found[1].do == "ask-worker":
            return self.block(step, reason)
        number, policy = found
        step.used = step.used | {str(number): used[number] + 1}
        self._go_on(step, policy, reason)

    def skip(self, step: PathwayStep, reason: str) -> None:
        """The step is passed over."""
        step.state, step.reason, step.send_after = StepState.SKIPPED, reason, None
        self.tell(PathwayStepSkipped, step=step.key, reason=reason)

    def block(self, step: PathwayStep, reason: str) -> None:
        """Nothing goes on at this step until the worker decides."""
        undoing = step.state == StepState.UNDOING
        step.state = StepState.UNDO_FAILED if undoing else StepState.FAILED
        step.reason, step.send_after = reason, None
        self.tell(PathwayBlocked, step=step.key, reason=reason)

    def undone(self, step: PathwayStep) -> None:
        """What the step had done was taken back."""
        step.state, step.reason = StepState.COMPENSATED, None
        self.tell(PathwayStepUndone, step=step.key)

    def retry(self, step: PathwayStep, decision: str, reason: str, at: datetime | None = None) -> None:
        """The step is asked for again: now, or from a time on."""
        again = StepState.UNDOING if step.state == StepState.UNDO_FAILED else StepState.READY
        step.state, step.reason = again, reason
        self._queue(step, at)
        self.tell(PathwayReplanned, step=step.key, decision=decision, reason=reason, not_before=at)

    def stop(self, reason: str) -> None:
        """Go on no further: what runs is called back, then what was done is taken back."""
        self.pathway.stop_reason = reason
        for step in self.steps.values():
            if step.state == StepState.SENT:
                self._queue(step)
        self.tell(PathwayStopping, reason=reason)

    def fired(self, step: PathwayStep, service: str, referral_id: UUID) -> None:
        """The step's referral was sent."""
        undoes = step.state == StepState.UNDOING
        step.attempt, step.service, step.referral_id = step.attempt + 1, service, referral_id
        step.send_after, step.reason = None, None
        if not undoes:
            days = self.template.step(step.key).due_days
            step.state, step.due_on = StepState.SENT, (datetime.now(UTC) + timedelta(days=days)).date()
        sent = {"service": service, "attempt": step.attempt, "undoes": undoes}
        self.tx.add(PathwayReferral(referral_id=referral_id, pathway_id=self.pathway.id, step=step.key, **sent))
        self.tell(PathwayStepFired, step=step.key, referral_id=str(referral_id), **sent)

    def heard(self, step: PathwayStep, referral: Referral) -> None:
        """The step's referral has ended."""
        said = referral.outcome or {}
        reason = _ENDED_AS.get(State(referral.state)) or said.get("reason") or referral.state
        given = referral.state == State.COMPLETED
        if step.state == StepState.UNDOING:
            self.undone(step) if given else self.block(step, reason)
        elif given:
            self.done(step, said["outcome"], sorted({one["kind"] for one in referral.evidence}))
        elif self._stopping:
            self.skip(step, "pathway-stopped")
        else:
            self.ended(step, reason)
        step.send_after = step.send_after if step.state in (StepState.READY, StepState.UNDOING) else None

    def tell(self, event: type[PathwayFact], **fact: Any) -> None:
        """Tell a fact of it, to our own services."""
        self.tx.emit(event(**about(self.pathway), **fact), of=self.pathway)

    # ---------------------------------------------------------------- its parts

    @property
    def _stopping(self) -> bool:
        return self.pathway.stop_reason is not None

    def _standings(self) -> dict[str, Standing]:
        return {
            key: Standing(StepState(step.state), step.outcome, tuple(step.evidence)) for key, step in self.steps.items()
        }

    def _go_on(self, step: PathwayStep, policy: Policy, reason: str) -> None:
        if policy.do == "skip":
            self.skip(step, reason)
        elif policy.do == "stop":
            step.state, step.reason = StepState.FAILED, reason
            self.stop(reason)
        elif policy.do == "wait":
            step.asked = []
            self.retry(step, "wait", reason, datetime.now(UTC) + timedelta(days=policy.days or 0))
        else:
            step.asked = [*step.asked, step.service] if step.service else step.asked
            step.chosen = None
            self.retry(step, "other-agency", reason)

    def _make(self, move: Move) -> None:
        step = self.steps[move.key]
        if move.to is StepState.SKIPPED:
            self.skip(step, move.reason or "")
        elif move.to is StepState.FAILED:
            self.block(step, move.reason or "")
        else:
            step.state = move.to
            self._take_back(step) if move.to is StepState.UNDOING else self._queue(step)

    def _take_back(self, step: PathwayStep) -> None:
        undo = self.template.step(step.key).undo
        if undo and undo.ask == "desk":
            self._queue(step)
        else:
            self.block(step, "to-take-back")

    def _queue(self, step: PathwayStep, at: datetime | None = None) -> None:
        step.send_after, step.tries = at or datetime.now(UTC), 0

    def _stand(self) -> None:
        pathway = self.pathway
        pathway.state = state_of(self.template, self._standings(), stopping=self._stopping)
        if pathway.state not in ENDED:
            return
        pathway.ended_at = datetime.now(UTC)
        if pathway.state == PathwayState.COMPLETED:
            self.tell(PathwayCompleted, done=self._in(StepState.DONE), skipped=self._in(StepState.SKIPPED))
        else:
            pathway.stop_reason = pathway.stop_reason or "nothing-done"
            self.tell(PathwayStopped, reason=pathway.stop_reason, undone=self._in(StepState.COMPENSATED))

    def _in(self, state: StepState) -> list[str]:
        return [key for key, step in self.steps.items() if step.state == state]


async def lock_course(pathway_id: UUID, tx: Tx, expected_version: int | None = None) -> Course:
    """The pathway, locked, with its steps; `Refused` (conflict) when its version is not the expected one."""
    pathway = await tx.lock(Pathway, pathway_id, expected_version)
    rows = select(PathwayStep).where(PathwayStep.pathway_id == pathway_id).order_by(PathwayStep.position)
    steps = await tx.session.scalars(rows.execution_options(populate_existing=True))
    return Course(pathway, Template.model_validate(pathway.definition), {step.key: step for step in steps}, tx)


async def follow(referral: Referral, tx: Tx) -> None:
    """Let the pathway of a locked referral that has ended go on, if it belongs to one: a look by primary key."""
    if referral.state not in TERMINAL:
        return
    sent = await tx.session.get(PathwayReferral, referral.id)
    if sent is None:
        return
    course = await lock_course(sent.pathway_id, tx)
    step = course.steps[sent.step]
    if step.referral_id == referral.id and step.state in (StepState.SENT, StepState.UNDOING):
        course.heard(step, referral)
        course.settle()


def about(pathway: Pathway) -> dict[str, Any]:
    """What every fact about a pathway tells."""
    same = ("template", "template_version", "agency", "area", "worker", "client_kind")
    ids = {name: getattr(pathway, name) for name in ("client_id", "case_id", "step_id")}
    told = {name: str(value) if value else None for name, value in ids.items()}
    return {"pathway_id": str(pathway.id)} | {name: getattr(pathway, name) for name in same} | told
