"""What is data about ways in: the questions that screen a report for risk to life, and the terms of a transfer.

One file, `ways_in.v1.json`, which names its source; a released file is never edited, its successor is.
"""

from functools import cache
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, Field

from sinergi.problems import Refused

Urgency = Literal["life", "urgent", "normal"]


class Question(BaseModel):
    """A yes-or-no question; a yes makes the report at least as urgent as `gives`."""

    key: str
    gives: Literal["life", "urgent"]
    text: dict[Literal["id", "en"], str]


class Screening(BaseModel):
    """The first questions about a report, and the hours in which they must be answered."""

    within_hours: float = Field(gt=0)
    questions: list[Question] = Field(min_length=1)

    def judge(self, answers: dict[str, bool]) -> tuple[Urgency, list[str]]:
        """How urgent it is, and the questions whose yes says so. `Refused` unless each question has its answer."""
        keys = {one.key for one in self.questions}
        if answers.keys() != keys:
            missing, unknown = sorted(keys - answers.keys()), sorted(answers.keys() - keys)
            raise Refused("screening-incomplete", "Answer each question.", missing=missing, unknown=unknown)
        yes = [one for one in self.questions if answers[one.key]]
        level: Urgency = "life" if any(one.gives == "life" for one in yes) else "urgent" if yes else "normal"
        return level, [one.key for one in yes if one.gives == level]


class TransferTerms(BaseModel):
    """Working days for the other office to answer; days for which the sender may still read."""

    answer_working_days: int = Field(ge=1)
    sender_reads_days: int = Field(ge=0)


class WaysIn(BaseModel):
    """The file."""

    version: int
    source: str
    screening: Screening
    transfer: TransferTerms


@cache
def ways_in() -> WaysIn:
    """The current file, read once."""
    return WaysIn.model_validate_json((Path(__file__).parent / "ways_in.v1.json").read_text())
