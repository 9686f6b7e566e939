"""What a term means on the calendar: when it ends, how much of it is left, when a part of it has passed.

Days are working days of the desk's area, hours are plain ones, day and night (REFERRALS.md; DOMAIN.md). Times are told
in UTC.
"""

from datetime import UTC, date, datetime, time, timedelta

from services.referrals.clock_terms import Term
from sinergi.workdays import Calendar, zone_of


class Office:
    """The days on which offices work; the process sets them from its settings when it starts (main.py)."""

    calendar = Calendar()


office = Office()
#: a due lies at 24.00 of its last day, which is the next day's first moment
_MOMENT = timedelta(microseconds=1)


def end_of_term(term: Term, start: datetime, area: str) -> datetime:
    """When the term has passed: 24.00 of its last working day, or so many hours later."""
    if term.days is not None:
        return after_days(start, term.days, area)
    return start + timedelta(hours=term.hours or 0)


def after_days(start: datetime, days: int, area: str) -> datetime:
    """24.00 of the last of so many working days after this one; of this one if there are none."""
    return office.calendar.after(start, days, area).astimezone(UTC)


def end_of_day(day: date, area: str) -> datetime:
    """24.00 of that day where the area lies."""
    return datetime.combine(day + timedelta(days=1), time(), zone_of(area)).astimezone(UTC)


def days_left(now: datetime, due: datetime, area: str) -> int:
    """The working days after today until the due; 0 on its last day and later. `after_days` undoes it."""
    return office.calendar.between(now, due - _MOMENT, area)


def part_of(share: float, start: datetime, due: datetime, area: str, in_days: bool) -> datetime:
    """When this share of the time from start to due has passed; in working days, at the end of one."""
    if not in_days:
        return start + (due - start) * share
    return after_days(start, int(days_left(start, due, area) * share), area)
