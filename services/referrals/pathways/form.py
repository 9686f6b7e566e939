"""What a template's file may hold. Ours; the words of the laws that a pathway carries out stand in its `sources`.

A step is asked of whoever serves its `need` in the client's area at the moment when it fires: an agency of one of the
kinds, or a service whose code begins with one of the beginnings. Named neither, any agency will do.
"""

from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from services.referrals.codes import Code, LegalBasis, Line, Outcome, Text
from services.referrals.eligibility import Eligibility
from services.referrals.requests import Need
from sinergi.events import ClientKind, Priority

Key = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9-]{0,39}$")]
EvidenceKind = Literal["nib", "certificate", "loan", "admission"]
#: how a step that ended without its service goes on
Doing = Literal["other-agency", "wait", "ask-worker", "skip", "stop"]
ANY = "*"


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Words(_Part):
    """A text in both languages."""

    id: Line
    en: Line


class Source(_Part):
    """The law behind the pathway and what it says; not `certain`: known from a summary, to be checked."""

    law: LegalBasis
    says: Text
    certain: bool


class After(_Part):
    """What the step waits for: all of these settled (done or passed over), and any of those done."""

    all: list[Key] = Field(default=[], max_length=20)
    any: list[Key] = Field(default=[], max_length=20)

    @property
    def keys(self) -> list[str]:
        """Every step that is waited for."""
        return [*self.all, *self.any]


class StepMet(_Part):
    """An earlier step is done with one of these outcomes, is done with such evidence, or was passed over."""

    step: Key
    outcome: list[Outcome] = Field(default=[], max_length=20)
    evidence: list[EvidenceKind] = Field(default=[], max_length=10)
    skipped: bool = False

    @model_validator(mode="after")
    def _says_one_thing(self) -> Self:
        if sum(map(bool, (self.outcome, self.evidence, self.skipped))) != 1:
            raise ValueError("a condition names outcomes, kinds of evidence, or skipped: one of the three")
        return self


class AnyMet(_Part):
    """One of these is enough."""

    any: list[StepMet] = Field(min_length=1, max_length=10)


class When(_Part):
    """All of this must hold once the step is due: what became of `steps`, and facts of the `client`, for which the
    registry is asked at that moment. If it does not hold the step is passed over, or the worker is asked. A fact that
    nobody knows is always the worker's to judge."""

    steps: list[StepMet | AnyMet] = Field(default=[], max_length=20)
    client: Eligibility | None = None
    otherwise: Literal["skip", "ask"] = "skip"


class Policy(_Part):
    """What is done when a step ends so: `because` holds reasons (capacity, expired, no-service, …) or `*`. A rule is
    used at most so many times for one step; after that the next rule that fits."""

    because: list[Code | Literal["*"]] = Field(min_length=1, max_length=20)
    do: Doing
    at_most: int = Field(default=1, ge=1, le=10)
    days: int | None = Field(default=None, ge=1, le=366)

    @model_validator(mode="after")
    def _waits_so_long(self) -> Self:
        if (self.do == "wait") != (self.days is not None):
            raise ValueError("days belong to wait, and wait needs them")
        return self


#: what holds when a template says nothing else: the desk's own reasons are answered by asking the next desk
DEFAULT = (
    Policy(because=["died"], do="stop"),
    Policy(
        because=["capacity", "no-capacity", "out-of-area", "wrong-service", "not-eligible", "expired"],
        do="other-agency",
        at_most=2,
    ),
)
PASS_OVER = (Policy(because=[ANY], do="skip", at_most=10),)


class Undo(_Part):
    """What must be taken back if the pathway stops after this step was done: asked of the desk that did it, or left to
    the worker."""

    title: Words
    ask: Literal["desk", "worker"]
    reason: Code


class TemplateStep(_Part):
    """One referral of the chain. `outcomes`: with which it may end. `due_days` count from its sending."""

    key: Key
    title: Words
    need: Need
    agencies: list[Code] = Field(default=[], max_length=10)
    services: list[Key] = Field(default=[], max_length=10)
    after: After = After()
    when: When | None = None
    reason: Code
    legal_basis: LegalBasis | None = None
    documents: list[Code] = Field(default=[], max_length=20)
    priority: Priority = "routine"
    due_days: int = Field(ge=1, le=730)
    outcomes: list[Outcome] = Field(min_length=1, max_length=20)
    optional: bool = False
    if_it_fails: list[Policy] = Field(default=[], max_length=10)
    undo: Undo | None = None

    def policies(self) -> list[Policy]:
        """Its own rules, then those of every step; where no rule fits an optional step is passed over."""
        return [*self.if_it_fails, *DEFAULT, *(PASS_OVER if self.optional else ())]


class Template(_Part):
    """A pathway as data: `<code>.v<version>.json`. A step stands after all that it waits for, so no circle can be
    written."""

    code: Key
    version: int = Field(ge=1, le=999)
    title: Words
    about: Words
    clients: list[ClientKind] = Field(min_length=1)
    legal_basis: LegalBasis
    sources: list[Source] = Field(min_length=1, max_length=20)
    steps: list[TemplateStep] = Field(min_length=1, max_length=30)

    @model_validator(mode="after")
    def _holds_together(self) -> Self:
        from_before: dict[str, TemplateStep] = {}
        for step in self.steps:
            if step.key in from_before:
                raise ValueError(f"step {step.key}: two steps have this key")
            _looks_back(step, from_before, {one.key for one in self.steps})
            from_before[step.key] = step
        return self

    def step(self, key: str) -> TemplateStep:
        """The step of this key."""
        return next(one for one in self.steps if one.key == key)


def conditions(step: TemplateStep) -> list[StepMet]:
    """Every condition on an earlier step that the step names."""
    lines = step.when.steps if step.when else []
    return [met for line in lines for met in (line.any if isinstance(line, AnyMet) else [line])]


def _looks_back(step: TemplateStep, before: dict[str, TemplateStep], known: set[str]) -> None:
    for key in step.after.keys:
        if key not in known:
            raise ValueError(f"step {step.key} waits for {key}, which is no step")
        if key not in before:
            raise ValueError(f"step {step.key} waits for {key}, which comes later: they wait in a circle, or sort them")
    earlier = _all_before(step, before)
    for met in conditions(step):
        if met.step not in earlier:
            raise ValueError(f"step {step.key} looks at {met.step}, for which it does not wait")
        if lost := set(met.outcome) - set(before[met.step].outcomes):
            raise ValueError(f"step {step.key}: {met.step} never ends with {', '.join(sorted(lost))}")


def _all_before(step: TemplateStep, before: dict[str, TemplateStep]) -> set[str]:
    found: set[str] = set()
    todo = step.after.keys
    while todo:
        key = todo.pop()
        if key not in found:
            found.add(key)
            todo.extend(before[key].after.keys)
    return found
