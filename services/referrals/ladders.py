"""What each clock does, rung by rung (clocks.json): remind before it is due, then climb, each once.

One clock runs at a time: to acknowledge, then to decide, then to finish; while work is on hold, to review; after the
sender has asked to stop, to confirm.
"""

from datetime import date
from pathlib import Path
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from services.referrals.clock_terms import Term
from sinergi.events import Priority, ReferralClock

Does = Literal["remind", "escalate", "overdue", "expire", "lapse"]


class Rung(BaseModel):
    """One rung. `share`: when this part of the time has passed; `after`: so long after the rung before it was told,
    also when that was late; neither: when the clock is due."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    does: Does
    level: int = 0
    share: float | None = Field(default=None, gt=0, lt=1)
    after: Term | None = None

    def alarm(self, clock: ReferralClock) -> str:
        """The kind of its alarm."""
        return f"referral.{clock}.{self.does}{self.level or ''}"


class Clocks(BaseModel):
    """The file. `confirm`: how long a receiver may leave a request to cancel unanswered."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    source: str
    dated: date
    confirm: dict[Priority, Term]
    ladders: dict[Priority, dict[ReferralClock, list[Rung]]]

    @model_validator(mode="after")
    def _each_rung_is_told_apart(self) -> Self:
        for ladder in (rungs for clocks in self.ladders.values() for rungs in clocks.values()):
            if len({(one.does, one.level) for one in ladder}) < len(ladder):
                raise ValueError("two rungs of one ladder do the same at the same level")
        return self


CLOCKS = Clocks.model_validate_json(Path(__file__).with_name("clocks.json").read_text())


def alarms_of(clock: ReferralClock) -> list[str]:
    """The kinds of all alarms that this clock may set."""
    return sorted({one.alarm(clock) for ladders in CLOCKS.ladders.values() for one in ladders[clock]})
