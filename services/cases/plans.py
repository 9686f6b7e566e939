"""What a plan is made of, and the rules that it keeps: every step serves a goal, and no step waits for itself."""

import re
from collections.abc import Sequence
from datetime import date
from graphlib import CycleError, TopologicalSorter
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints, model_validator

from services.cases.models import Step
from services.cases.stages import StepState
from sinergi.events import Priority, StepKind
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


Sub = Annotated[str, StringConstraints(pattern=r"^[!-~]{1,100}$")]
#: whole rupiah
Rupiah = Annotated[int, Field(ge=1, le=10**12)]


class PlannedGoal(BaseModel):
    """A goal: the need that it answers (a domain of the assessment, or a PPKS category), and the worker's words.

    `target` says by what one sees that it is reached. Words stay in this service.
    """

    model_config = ConfigDict(extra="forbid")
    key: Key
    need: Code
    text: Words
    target: Annotated[Words, StringConstraints(max_length=500)] | None = None
    by_when: date | None = None


class PlannedStep(BaseModel):
    """A step, begun when all the steps in `after` are completed. A referral is asked of another agency by its reason
    and legal basis; the other kinds the own office sees to: `worker`, or whoever works on the case.

    `service` is what is asked: a service, the programme of an aid, a kind of placement, the purpose of a visit. It is
    due on a date, or so many days after it was begun. `weight` counts in its goal's progress.
    """

    model_config = ConfigDict(extra="forbid")
    key: Key
    goal: Key
    stage: Literal["intervensi", "pemberdayaan"]
    kind: StepKind = "referral"
    service: Code
    after: list[Key] = Field(default=[], max_length=50)
    weight: int = Field(1, ge=1, le=100)
    reason: Code | None = None
    legal_basis: LegalBasis | None = None
    priority: Priority = "routine"
    documents: list[Code] = Field(default=[], max_length=50)
    worker: Sub | None = None
    amount: Rupiah | None = None
    due_days: int | None = Field(None, ge=1, le=730)
    due_on: date | None = None

    @model_validator(mode="after")
    def _fits_its_kind(self) -> Self:
        if self.kind == "referral" and not (self.reason and self.legal_basis):
            raise ValueError("a referral needs a reason and a legal basis")
        if self.kind == "referral" and self.worker:
            raise ValueError("a referral is done by its receiver: name no worker")
        if self.amount and self.kind != "aid":
            raise ValueError("only an aid has an amount")
        if self.due_days and self.due_on:
            raise ValueError("give a date or a number of days, not both")
        return self


class PlanContent(BaseModel):
    """What is written in one version of a plan.

    `left_out` says why a need has no goal; `dropped` why a step of the version before is given up, if it was not done.
    """

    model_config = ConfigDict(extra="forbid")
    goals: list[PlannedGoal] = Field(max_length=50)
    steps: list[PlannedStep] = Field(max_length=50)
    left_out: dict[Code, Words] = Field(default={}, max_length=50)
    dropped: dict[Key, Words] = Field(default={}, max_length=50)


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
