"""Aid programmes as data: whom they are for (desil), how often they pay, which exclude each other, when one has left.

The file `programmes.json`, or another one that `SINERGI_PROGRAMMES_FILE` names. Each entry says where it comes from
and as of when; a `?` in its note says that the rule was not read in the text of the law.
"""

import json
import re
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from sinergi.problems import Refused

BUILT_IN = Path(__file__).with_name("programmes.json")

_PERIODS = {
    "year": r"(?P<year>20[0-9]{2})",
    "quarter": r"(?P<year>20[0-9]{2})-Q(?P<quarter>[1-4])",
    "month": r"(?P<year>20[0-9]{2})-(?P<month>0[1-9]|1[0-2])",
}


class Programme(BaseModel):
    """One programme. `graduation_periods`: proposed to leave when so many desil periods on end lie above `desil_to`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    code: str = Field(pattern="^[a-z0-9-]{2,40}$")
    name: str
    per: Literal["person", "household"]
    each: Literal["month", "quarter", "year"]
    desil_from: int | None = Field(ge=1, le=10)
    desil_to: int | None = Field(ge=1, le=10)
    graduation_periods: int | None = Field(ge=1, le=8)
    excludes: tuple[str, ...]
    source: str
    as_of: date
    note: str = ""


class Programmes:
    """The programmes that this process knows; exclusion holds both ways, whoever of the two names it."""

    _current: ClassVar["Programmes | None"] = None

    def __init__(self, programmes: list[Programme]) -> None:
        self.by_code: Mapping[str, Programme] = {one.code: one for one in programmes}

    @classmethod
    def load(cls, path: Path | None = None) -> "Programmes":
        """Read the file; ValueError (pydantic's) names what is wrong in it."""
        content = json.loads((path or BUILT_IN).read_text())
        return cls(TypeAdapter(list[Programme]).validate_python(content["programmes"]))

    def use(self) -> None:
        """Make these the programmes of this process."""
        Programmes._current = self

    @classmethod
    def current(cls) -> "Programmes":
        """The programmes of this process: the built-in ones, unless `use` named others."""
        if cls._current is None:
            cls.load().use()
        assert cls._current is not None
        return cls._current

    def get(self, code: str) -> Programme:
        """The programme; `Refused` (programme-unknown) when there is none."""
        if code not in self.by_code:
            raise Refused("programme-unknown", "There is no such programme.", programmes=sorted(self.by_code))
        return self.by_code[code]

    def excluded_by(self, programme: Programme) -> set[str]:
        """The codes of the programmes that nobody gets together with this one."""
        naming = {one.code for one in self.by_code.values() if programme.code in one.excludes}
        return naming | set(programme.excludes)

    def leaving(self) -> list[Programme]:
        """The programmes that have a rule for leaving."""
        return [one for one in self.by_code.values() if one.graduation_periods and one.desil_to]


def check_period(programme: Programme, period: str) -> str:
    """The period, written as the programme pays: `2026`, `2026-Q3` or `2026-07`; else `Refused` (period-unknown)."""
    if not re.fullmatch(_PERIODS[programme.each], period):
        examples = {"year": "2026", "quarter": "2026-Q3", "month": "2026-07"}
        sentence = f"This programme pays by {programme.each}: write the period as {examples[programme.each]}."
        raise Refused("period-unknown", sentence)
    return period


def months(period: str) -> range:
    """The months of a period, counted from year 0: what two periods have in common can be seen."""
    for pattern in _PERIODS.values():
        if match := re.fullmatch(pattern, period):
            parts = match.groupdict()
            first, length = int(parts["year"]) * 12, 12
            if "quarter" in parts:
                first, length = first + 3 * (int(parts["quarter"]) - 1), 3
            if "month" in parts:
                first, length = first + int(parts["month"]) - 1, 1
            return range(first, first + length)
    raise ValueError("not a period")


def overlap(one: str, other: str) -> bool:
    """Whether two periods share a month."""
    a, b = months(one), months(other)
    return a.start < b.stop and b.start < a.stop
