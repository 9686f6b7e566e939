"""Change over time: the scores of each domain in a row, and which way they went."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from pydantic import BaseModel

from services.cases.instruments import Risk, Worked

Direction = Literal["first", "better", "same", "worse", "not-comparable"]


class Measured(BaseModel):
    """A domain's score in one assessment. `comparable`: with the one before it, which had the same scale."""

    assessment_id: UUID
    at: datetime
    version: int
    score: float | None
    least: float
    most: float
    risk: Risk
    comparable: bool


class Series(BaseModel):
    """A domain in all assessments by one instrument, oldest first; `direction`: the last against the one before."""

    domain: str
    measured: list[Measured]
    direction: Direction


def series(assessments: Sequence[tuple[Any, Sequence[Worked]]]) -> list[Series]:
    """The series of each domain. Each assessment (id, at, instrument_version), oldest first, comes with its scores.

    Only what has the same key, method and range is compared, across versions of the instrument too.
    """
    found: dict[str, list[tuple[Measured, Worked]]] = {}
    for row, scores in assessments:
        for one in scores:
            before = found.setdefault(one.key, [])
            before.append((_measured(row, one, before[-1][1] if before else None), one))
    return [
        Series(domain=key, measured=[one for one, _ in them], direction=_direction([one for one, _ in them]))
        for key, them in found.items()
    ]


def _measured(row: Any, one: Worked, before: Worked | None) -> Measured:
    return Measured(
        assessment_id=row.id,
        at=row.at,
        version=row.instrument_version,
        score=one.score,
        least=one.least,
        most=one.most,
        risk=one.risk,
        comparable=before is not None and _scale(before) == _scale(one) and None not in (before.score, one.score),
    )


def _scale(one: Worked) -> tuple[str, float, float]:
    return one.method, one.least, one.most


def _direction(measured: Sequence[Measured]) -> Direction:
    if len(measured) == 1:
        return "first"
    before, last = measured[-2:]
    if not last.comparable or before.score is None or last.score is None:
        return "not-comparable"
    if last.score == before.score:
        return "same"
    return "worse" if last.score > before.score else "better"
