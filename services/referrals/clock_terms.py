"""The clocks of a service as data: how long each part may take, for routine and for urgent referrals, or never.

Routine terms are counted in working days, urgent ones usually in plain hours (REFERRALS.md: no standard gives numbers,
so each service has its own). What a term means on the calendar stands in working_time.py.
"""

from typing import Annotated, Any, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

Days = Annotated[int, Field(gt=0, le=366)]
Hours = Annotated[int, Field(gt=0, le=24 * 366)]


class Term(BaseModel):
    """How long something may take: so many working days, or so many plain hours (day and night). One of the two."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    days: Days | None = None
    hours: Hours | None = None

    @model_validator(mode="after")
    def _is_one(self) -> Self:
        if (self.days is None) == (self.hours is None):
            raise ValueError("a term is counted in days or in hours: name one of them")
        return self


class PriorityTerms(BaseModel):
    """The terms of one priority, each from the sending on; None is never due."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    acknowledge: Term | None = None
    decide: Term | None = None
    finish: Term | None = None


class ClockTerms(BaseModel):
    """What a service promises: its terms by priority. Stored in `services.clocks`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    routine: PriorityTerms = PriorityTerms()
    urgent: PriorityTerms = PriorityTerms()

    @classmethod
    def usual(cls) -> Self:
        """What a service gets that names neither clocks nor hours (REFERRALS.md's defaults): silence is timed, unless
        it says `never` itself."""
        routine = PriorityTerms(acknowledge=Term(days=3), decide=Term(days=7))
        return cls(routine=routine, urgent=PriorityTerms(acknowledge=Term(hours=24), decide=Term(hours=48)))

    @classmethod
    def of_hours(cls, acknowledge: int | None, decide: int | None, finish: int | None) -> Self:
        """Plain hours, the same for both priorities; with no hours at all, the usual terms."""
        if acknowledge is decide is finish is None:
            return cls.usual()
        named = {"acknowledge": acknowledge, "decide": decide, "finish": finish}
        terms = PriorityTerms(**{name: None if hours is None else Term(hours=hours) for name, hours in named.items()})
        return cls(routine=terms, urgent=terms)

    def stored(self) -> dict[str, Any]:
        """As it is kept: `{"routine": {"acknowledge": {"days": 3}, …, "finish": null}, "urgent": …}`."""
        return {
            priority: {
                name: None if term is None else {unit: count for unit, count in term.items() if count is not None}
                for name, term in terms.items()
            }
            for priority, terms in self.model_dump().items()
        }
