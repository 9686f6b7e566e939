"""Working days at a place: which they are, and when a time that is counted in them has passed.

National holidays and cuti bersama come from lokal-id (the yearly SKB 3 Menteri). What it does not know is data: a JSON
file (setting SINERGI_HOLIDAYS_FILE) of `{"date", "area", "name"}`; `area` is a wilayah code, for it and all below it,
or `*`. A year of which neither knows any holiday has weekends only.
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from functools import lru_cache
from pathlib import Path
from zoneinfo import ZoneInfo

from lokal.holidays import HOLIDAY_YEARS, holidays_on

WIB, WITA, WIT = ZoneInfo("Asia/Jakarta"), ZoneInfo("Asia/Makassar"), ZoneInfo("Asia/Jayapura")
#: the first two digits of a wilayah code -> its zone, where it is not the western one (Keppres 41/1987)
_ZONES = {
    **dict.fromkeys(("51", "52", "53", "63", "64", "65", "71", "72", "73", "74", "75", "76"), WITA),
    **dict.fromkeys(("81", "82", "91", "92", "93", "94", "95", "96", "97"), WIT),
}
SATURDAY = 5


@dataclass(frozen=True, slots=True)
class Holiday:
    """A day off in an area (`*`: everywhere) that lokal-id does not know."""

    date: date
    area: str
    name: str


@dataclass(frozen=True)
class Calendar:
    """The days off: the nation's, and those of `local`."""

    local: tuple[Holiday, ...] = ()
    _by_day: dict[date, list[str]] = field(default_factory=dict, init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        for one in self.local:
            self._by_day.setdefault(one.date, []).append(one.area)

    def is_working_day(self, day: date, area: str) -> bool:
        """Whether offices of this area work on this day."""
        return day.weekday() < SATURDAY and not _is_national_holiday(day) and not self._is_local(day, area)

    def _is_local(self, day: date, area: str) -> bool:
        return any(off == "*" or area == off or area.startswith(f"{off}.") for off in self._by_day.get(day, ()))

    def after(self, start: datetime, working_days: int, area: str) -> datetime:
        """The end (24.00 of the place) of the last of so many working days, of which the first follows `start`'s day.

        Counting begins on the next working day, as offices count (ours: no standard gives the rule). `start` is aware.
        """
        zone = zone_of(area)
        day, left = start.astimezone(zone).date(), working_days
        while left > 0:
            day += timedelta(days=1)
            left -= self.is_working_day(day, area)
        return datetime.combine(day + timedelta(days=1), time(), zone)

    def between(self, start: datetime, end: datetime, area: str) -> int:
        """How many working days of this area begin after `start` and at or before `end`; 0 when there are none."""
        zone = zone_of(area)
        first, last = start.astimezone(zone).date(), end.astimezone(zone).date()
        days = (first + timedelta(days=n) for n in range(1, (last - first).days + 1))
        return sum(self.is_working_day(day, area) for day in days)


def zone_of(area: str) -> ZoneInfo:
    """The time zone of an area; western time for `*` and for what we do not know."""
    return _ZONES.get(area[:2], WIB)


def read_holidays(file: Path | None) -> Calendar:
    """The calendar with a file's holidays; ValueError or KeyError when the file breaks its rules."""
    return Calendar(tuple(_holidays(json.loads(file.read_text())))) if file else Calendar()


def _holidays(rows: Iterable[dict[str, str]]) -> Iterable[Holiday]:
    for row in rows:
        yield Holiday(date.fromisoformat(row["date"]), row["area"], row["name"])


@lru_cache(maxsize=4000)
def _is_national_holiday(day: date) -> bool:
    return day.year in HOLIDAY_YEARS and bool(holidays_on(day))
