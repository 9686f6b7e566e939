"""For whom a service is, as rules over facts of the registry: data that a person can read, judged without guessing.

`{"all": [{"fact": "age", "op": ">=", "value": 60}, {"any": [{"fact": "desil", "op": "<=", "value": 4}, …]}]}`. The form
is ours: all of the rules, each of them one rule or any of several. A fact that is not known makes the judgement
`unknown` ("cannot tell"), never a yes or a no.
"""

from collections.abc import Iterable, Sequence
from enum import StrEnum
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from services.referrals.codes import Area, Code

Fact = Literal[
    "age", "sex", "desil", "categories", "disability", "programmes", "identity_known", "area", "members", "client_kind"
]
Op = Literal["<=", ">=", "any_of", "none_of", "within", "is"]

#: fact -> the operations that make sense of it
OPS: dict[Fact, tuple[Op, ...]] = {
    "age": ("<=", ">="),
    "desil": ("<=", ">="),
    "members": ("<=", ">="),
    "sex": ("any_of",),
    "client_kind": ("any_of",),
    "categories": ("any_of", "none_of"),
    "disability": ("any_of", "none_of"),
    "programmes": ("any_of", "none_of"),
    "area": ("within",),
    "identity_known": ("is",),
}
#: facts whose codes may be told apart: the registry is asked about these codes alone
CODED: tuple[Fact, ...] = ("categories", "disability", "programmes")
#: facts that the request itself tells; all others are the registry's
TOLD: tuple[Fact, ...] = ("client_kind",)
#: facts of the client as a whole; all others are facts of each person in it
OF_THE_WHOLE: tuple[Fact, ...] = ("client_kind", "members")

Facts = dict[str, Any]
Number = Annotated[int, Field(ge=0, le=1000)]
Codes = Annotated[list[Code | Area], Field(min_length=1, max_length=60)]


class Result(StrEnum):
    """What became of a rule, or of all of them."""

    YES = "yes"
    UNKNOWN = "unknown"
    NO = "no"


class Rule(BaseModel):
    """One fact compared with a value. Of a group or household it must hold for each member, or for `anyone`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    fact: Fact
    op: Op
    value: (
        Annotated[int, Field(ge=0, le=1000)] | bool | Annotated[list[Code | Area], Field(min_length=1, max_length=60)]
    )
    of: Literal["each", "anyone"] = "each"

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.op not in OPS[self.fact]:
            raise ValueError(f"{self.fact} is compared by {' or '.join(OPS[self.fact])}")
        wanted = {"<=": int, ">=": int, "is": bool}.get(self.op, list)
        if type(self.value) is not wanted:
            raise ValueError(f"the value for {self.op} is a {'list of codes' if wanted is list else wanted.__name__}")
        return self


class AnyOf(BaseModel):
    """Several rules of which one is enough."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    any: list[Rule] = Field(min_length=1, max_length=10)


def _is_short(rules: "list[Rule | AnyOf]") -> "list[Rule | AnyOf]":
    if sum(1 for _ in _flat(rules)) > 40:
        raise ValueError("more than 40 rules: nobody can read that")
    return rules


class Eligibility(BaseModel):
    """All of these must hold."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    all: Annotated[list[Rule | AnyOf], Field(min_length=1, max_length=20), AfterValidator(_is_short)]

    def asks(self) -> dict[str, list[str]]:
        """What the registry must be asked: fact -> the codes that matter (none for numbers)."""
        return asks_of([self])


class Finding(BaseModel):
    """What became of one line of the rules: one rule, or several of which one is enough."""

    result: Result
    rules: list[Rule]


class Verdict(BaseModel):
    """Whether the client is eligible, line by line. `service_version`: the terms that were judged by."""

    service_version: int
    result: Result
    findings: list[Finding]

    def failing(self) -> list[Finding]:
        """The lines that do not hold."""
        return [one for one in self.findings if one.result is Result.NO]


def _flat(rules: "Iterable[Rule | AnyOf]") -> Iterable[Rule]:
    for one in rules:
        yield from one.any if isinstance(one, AnyOf) else [one]


def asks_of(all_rules: Iterable[Eligibility]) -> dict[str, list[str]]:
    """What the registry must be asked to judge all of these at once."""
    asked: dict[str, set[str]] = {}
    for rules in all_rules:
        for rule in _flat(rules.all):
            if rule.fact not in TOLD:
                codes = rule.value if rule.fact in CODED and isinstance(rule.value, list) else []
                asked.setdefault(rule.fact, set()).update(codes)
    return {fact: sorted(codes) for fact, codes in sorted(asked.items())}


def judge(rules: Eligibility, facts: Facts, service_version: int) -> Verdict:
    """Judge by facts `{"client_kind": …, "members": …, "people": [{fact: value or None}, …]}`."""
    findings = [_find(one, facts) for one in rules.all]
    return Verdict(service_version=service_version, result=_all([one.result for one in findings]), findings=findings)


def _find(line: Rule | AnyOf, facts: Facts) -> Finding:
    rules = line.any if isinstance(line, AnyOf) else [line]
    return Finding(result=_any([_holds(rule, facts) for rule in rules]), rules=rules)


def _holds(rule: Rule, facts: Facts) -> Result:
    if rule.fact in OF_THE_WHOLE:
        return _compare(rule, facts.get(rule.fact))
    results = [_compare(rule, person.get(rule.fact)) for person in facts.get("people", [])]
    if not results:
        return Result.UNKNOWN
    return _any(results) if rule.of == "anyone" else _all(results)


def _all(results: Sequence[Result]) -> Result:
    if Result.NO in results:
        return Result.NO
    return Result.UNKNOWN if Result.UNKNOWN in results else Result.YES


def _any(results: Sequence[Result]) -> Result:
    if Result.YES in results:
        return Result.YES
    return Result.UNKNOWN if Result.UNKNOWN in results else Result.NO


def _compare(rule: Rule, known: Any) -> Result:
    if known is None:
        return Result.UNKNOWN
    return Result.YES if _true(rule, known) else Result.NO


def _true(rule: Rule, known: Any) -> bool:
    match rule.op:
        case "<=":
            return bool(known <= rule.value)
        case ">=":
            return bool(known >= rule.value)
        case "is":
            return bool(known is rule.value)
        case "within":
            return any(known == area or str(known).startswith(f"{area}.") for area in _values(rule))
        case "none_of":
            return not set(known) & set(_values(rule))
        case _:
            return bool(set([known] if isinstance(known, str) else known) & set(_values(rule)))


def _values(rule: Rule) -> list[str]:
    return rule.value if isinstance(rule.value, list) else []
