"""How much work a case is, in points: data (caseload.json), to spread work evenly between the workers of an office.

Never for appraisal: since 2023 angka kredit is predikat x koefisien, not points per case (DOMAIN.md, "Casework").
A case's points are a sum of one weight for each of its properties, so that a worker's points follow from how many cases
of each property there are: nothing is kept that would be wrong once the weights change.
"""

from collections.abc import Mapping
from pathlib import Path

from pydantic import BaseModel

from services.cases.models import Case
from sinergi.auth import covers


class Weights(BaseModel):
    """The weights in force. `travel` holds an area and all below it, the most exact one counts; `capacity` is usual.

    `read_days`: so long may the old worker read a case that was handed over.
    """

    source: str
    dated: str
    risk: dict[str, int]
    stage: dict[str, int]
    client: dict[str, int]
    travel: dict[str, int]
    capacity: int
    read_days: int

    def travel_to(self, area: str) -> int:
        """The points that the way to this area costs."""
        fitting = [one for one in self.travel if covers(one, area)]
        return self.travel[max(fitting, key=len)] if fitting else 0

    def by_count(self) -> dict[str, int]:
        """The weight of one case in each column of `case_counts`."""
        parts = {"risk": self.risk, "stage": self.stage, "client": self.client}
        return {f"{part}_{code}": points for part, weights in parts.items() for code, points in weights.items()}


WEIGHTS = Weights.model_validate_json((Path(__file__).parent / "caseload.json").read_text())
_BY_COUNT = WEIGHTS.by_count()


def weigh(case: Case) -> int:
    """The points of a case; a closed one has none."""
    if case.closed_at:
        return 0
    own = WEIGHTS.risk[case.risk or "none"] + WEIGHTS.stage[case.stage] + WEIGHTS.client[case.client_kind]
    return own + WEIGHTS.travel_to(case.area)


def weigh_counted(area: str, counts: Mapping[str, int]) -> int:
    """The points of all the cases in an area, from their number (`cases`) and how many there are of each property."""
    return counts["cases"] * WEIGHTS.travel_to(area) + sum(counts[name] * each for name, each in _BY_COUNT.items())
