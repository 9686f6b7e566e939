"""What offices set about placements (placement.json): kinds, limits, follow-ups, which level answers for what."""

from datetime import date, timedelta
from pathlib import Path
from typing import Literal

from pydantic import BaseModel

Level = Literal["province", "regency"]


class Inside(BaseModel):
    """A kind of facility; `limit_days` None: for life."""

    limit_days: int | None


class Outside(BaseModel):
    """A kind of placement with a family or in the community, and the days after it on which somebody looks in."""

    follow_up_days: list[int]


class Levels(BaseModel):
    """Which level of government answers for which placements. In an exempt province nobody is warned: DKI's five kota
    are administrative, one office does both."""

    source: str
    inside: Level
    outside: Level
    exempt_provinces: list[str]


class Rules(BaseModel):
    """The whole file."""

    source: str
    dated: date
    hold_hours: int
    review_days_before: int
    inside: dict[str, Inside]
    outside: dict[str, Outside]
    levels: Levels

    @property
    def hold(self) -> timedelta:
        """How long a bed is held for an answer, and then for the arrival."""
        return timedelta(hours=self.hold_hours)

    def warning(self, inside: bool, office_area: str, area: str) -> str | None:
        """A code when another level of government should make this placement (PP 2/2018); None when all is well.

        An office of one province's code (two digits) or of all areas is a province's.
        """
        level: Level = "province" if len(office_area) <= len("PP") else "regency"
        due = self.levels.inside if inside else self.levels.outside
        return None if level == due or area[:2] in self.levels.exempt_provinces else f"answered-by-{due}"

    def review_on(self, kind: str, admitted_on: date) -> date | None:
        """The day by which a stay in this kind of facility is looked at again; None when it has no limit."""
        limit = self.inside[kind].limit_days
        return admitted_on + timedelta(days=max(limit - self.review_days_before, 1)) if limit else None

    def follow_ups(self, kind: str, placed_on: date) -> list[date]:
        """The days on which somebody looks in on a person who was placed outside that day."""
        return [placed_on + timedelta(days=days) for days in self.outside[kind].follow_up_days]


RULES = Rules.model_validate_json((Path(__file__).parent / "placement.json").read_text())
