"""What follows now: pure decisions on a template and where its steps stand. No clock, no database, no chance.

The rules (ours): a step that is passed over counts as settled for what waits for it, so that a chain goes on; what
must have been reached is a condition (`when`). A pathway has reached its goal when every step is settled and one is
done; it stops by calling back what runs and undoing what was done, the last step first, one after another.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import NamedTuple

from services.referrals.pathways.form import ANY, AnyMet, Policy, StepMet, Template, TemplateStep


class StepState(StrEnum):
    """Where a step stands."""

    WAITING = "waiting"  # for other steps
    READY = "ready"  # to be sent as soon as a desk is found, or from a time on
    SENT = "sent"  # its referral runs
    DONE = "done"
    SKIPPED = "skipped"
    FAILED = "failed"  # ended without its service: the worker decides
    UNDOING = "undoing"  # what it did is being taken back
    UNDO_FAILED = "undo_failed"  # the worker sees to that
    COMPENSATED = "compensated"


class PathwayState(StrEnum):
    """Where a pathway stands."""

    RUNNING = "running"
    BLOCKED = "blocked"
    STOPPING = "stopping"
    STOPPED = "stopped"
    COMPLETED = "completed"


SETTLED = frozenset({StepState.DONE, StepState.SKIPPED})
AT_WORK = frozenset({StepState.SENT, StepState.UNDOING, StepState.UNDO_FAILED})
ENDED = frozenset({PathwayState.STOPPED, PathwayState.COMPLETED})


@dataclass(frozen=True, slots=True)
class Standing:
    """Where one step stands, and how it ended."""

    state: StepState
    outcome: str | None = None
    evidence: tuple[str, ...] = ()


Standings = Mapping[str, Standing]


class Move(NamedTuple):
    """A step goes into another state, for a coded reason."""

    key: str
    to: StepState
    reason: str | None = None


def beginning(template: Template) -> dict[str, Standing]:
    """Where the steps stand before anything has happened."""
    return {step.key: Standing(StepState.WAITING) for step in template.steps}


def advance(template: Template, standings: Standings, *, stopping: bool = False) -> list[Move]:
    """Every move that follows from where the steps stand; none is left after they were made."""
    return _winding_up(template, standings) if stopping else _going_on(template, standings)


def state_of(template: Template, standings: Standings, *, stopping: bool = False) -> PathwayState:
    """Where the pathway stands, once the moves were made."""
    states = [standings[step.key].state for step in template.steps]
    if stopping:
        left = AT_WORK.intersection(states) or _last_to_undo(template, standings)
        return PathwayState.STOPPING if left else PathwayState.STOPPED
    if StepState.FAILED in states:
        return PathwayState.BLOCKED
    if SETTLED.issuperset(states):
        return PathwayState.COMPLETED if StepState.DONE in states else PathwayState.STOPPED
    return PathwayState.RUNNING


def policy_for(step: TemplateStep, codes: Sequence[str], used: Counter[int]) -> tuple[int, Policy] | None:
    """The first rule of the step that fits how it ended and is not used up, with its number; None: ask the worker."""
    for number, policy in enumerate(step.policies()):
        fits = ANY in policy.because or not set(codes).isdisjoint(policy.because)
        if fits and used[number] < policy.at_most:
            return number, policy
    return None


def _going_on(template: Template, standings: Standings) -> list[Move]:
    """In the template's order a step stands after all that it waits for: one pass finds everything."""
    now, moves = dict(standings), []
    for step in template.steps:
        if now[step.key].state is StepState.WAITING and (move := _next(step, now)):
            moves.append(move)
            now[step.key] = replace(now[step.key], state=move.to)
    return moves


def _next(step: TemplateStep, now: Standings) -> Move | None:
    if not all(now[key].state in SETTLED for key in step.after.all):
        return None
    if step.after.any and not any(now[key].state is StepState.DONE for key in step.after.any):
        nothing_comes = all(now[key].state in SETTLED for key in step.after.any)
        return Move(step.key, StepState.SKIPPED, "nothing-before-it") if nothing_comes else None
    if step.when is None or all(_met(line, now) for line in step.when.steps):
        return Move(step.key, StepState.READY)
    to = StepState.FAILED if step.when.otherwise == "ask" else StepState.SKIPPED
    return Move(step.key, to, "condition-not-met")


def _met(line: StepMet | AnyMet, now: Standings) -> bool:
    if isinstance(line, AnyMet):
        return any(_met(one, now) for one in line.any)
    found = now[line.step]
    if line.skipped:
        return found.state is StepState.SKIPPED
    done = found.state is StepState.DONE
    return done and (found.outcome in line.outcome or not set(line.evidence).isdisjoint(found.evidence))


def _winding_up(template: Template, standings: Standings) -> list[Move]:
    open_states = (StepState.WAITING, StepState.READY, StepState.FAILED)
    moves = [
        Move(step.key, StepState.SKIPPED, "pathway-stopped")
        for step in template.steps
        if standings[step.key].state in open_states
    ]
    at_work = any(one.state in AT_WORK for one in standings.values())
    if not at_work and (last := _last_to_undo(template, standings)):
        moves.append(Move(last, StepState.UNDOING))
    return moves


def _last_to_undo(template: Template, standings: Standings) -> str | None:
    done = [step.key for step in template.steps if step.undo and standings[step.key].state is StepState.DONE]
    return done[-1] if done else None
