"""What a plan is made of, and the rules that it keeps: every step serves a goal, and no step waits for itself."""

import re
from collections.abc import Sequence
from graphlib import CycleError, TopologicalSorter
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints

from services.cases.models import Step
from services.cases.stages import StepState
from sinergi.events import Priority
from sinergi.problems import Refused


def _no_nik(code: str) -> str:
    if re.search(r"\d{16}", code):
        raise ValueError("16 digits in a row look like a NIK: no personal data here")
    return code


#: A code, not a text: it goes into events, where nothing personal may stand.
Code = Annotated[str, StringConstraints(pattern=r"^[A-Za-z][A-Za-z0-9._/-]{0,79}$"), AfterValidator(_no_nik)]
#: A law and its place, e.g. `Permensos 2/2019`; goes into events too.
LegalBasis = Annotated[
    str, StringConstraints(pattern=r"^[A-Za-z][A-Za-z0-9 ,;()./:_-]{0,119}$"), AfterValidator(_no_nik)
]
#: Somebody's words; PostgreSQL stores no NUL.
Text = Annotated[str, StringConstraints(max_length=4000, pattern=r"^[^\x00]*$")]
Words = Annotated[Text, StringConstraints(min_length=1)]
Key = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]{0,39}$")]


class PlannedGoal(BaseModel):
    """A goal: the need that it answers, and the worker's words, which stay in this service."""

    model_config = ConfigDict(extra="forbid")
    key: Key
    need: Annotated[Words, StringConstraints(max_length=100)]
    text: Words


class PlannedStep(BaseModel):
    """A step: a referral to a service, sent when all the steps in `after` are completed. `due_days` count from then."""

    model_config = ConfigDict(extra="forbid")
    key: Key
    goal: Key
    stage: Literal["intervensi", "pemberdayaan"]
    kind: Literal["referral"] = "referral"
    service: Code
    after: list[Key] = Field(default=[], max_length=50)
    reason: Code
    legal_basis: LegalBasis
    priority: Priority = "routine"
    documents: list[Code] = Field(default=[], max_length=50)
    due_days: int | None = Field(None, ge=1, le=730)


def check_plan(goals: Sequence[PlannedGoal], steps: Sequence[PlannedStep]) -> None:
    """`Refused` when a key is repeated, a step names a goal or step that is not there, or steps wait in a circle."""
    goal_keys, step_keys = [one.key for one in goals], [one.key for one in steps]
    if len(set(goal_keys)) < len(goal_keys) or len(set(step_keys)) < len(step_keys):
        raise Refused("plan-key-repeated", "Give each goal and each step a key of its own.")
    if lost := sorted({one.goal for one in steps} - set(goal_keys)):
        raise Refused("plan-unknown-goal", "Each step serves a goal of this plan.", goals=lost)
    if lost := sorted({key for one in steps for key in one.after} - set(step_keys)):
        raise Refused("plan-unknown-step", "A step waits for steps of this plan only.", steps=lost)
    try:
        TopologicalSorter({one.key: one.after for one in steps}).prepare()
    except CycleError as circle:
        raise Refused("plan-has-a-cycle", "These steps wait for each other.", steps=circle.args[1]) from circle


def ready(steps: Sequence[Step]) -> list[Step]:
    """The planned steps whose dependencies are all completed, in the plan's order."""
    done = {one.key for one in steps if one.state == StepState.COMPLETED}
    return [one for one in steps if one.state == StepState.PLANNED and done.issuperset(one.after)]
