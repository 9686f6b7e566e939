"""The 16-digit numbers of the population register: NIK and No. KK."""

from array import array
from datetime import date

_SLOTS = 100 * 12 * 31 * 2  # year of two digits, month, day, sex
_LAST_SERIAL = 9999


class Serials:
    """Gives each number of the form region + date + serial once; its memory does not grow with the people.

    Two dates a century apart look the same in such a number, so they share one series (0001 … 9999).
    """

    def __init__(self) -> None:
        self._used: dict[str, array[int]] = {}

    def number(self, region: str, day: date, woman: bool = False) -> str:
        """The next number of a region (six digits) and a day; a woman's day is written + 40 (NIK).

        Raises ValueError when the 9999 serials of that region and day are used up.
        """
        used = self._used.get(region)
        if used is None:
            used = self._used[region] = array("H", bytes(2 * _SLOTS))
        slot = ((day.year % 100 * 12 + day.month - 1) * 31 + day.day - 1) * 2 + woman
        used[slot] += 1
        if used[slot] > _LAST_SERIAL:
            raise ValueError(f"no serial left in region {region}: ask for fewer people or a larger area")
        return f"{region}{day.day + 40 * woman:02}{day.month:02}{day.year % 100:02}{used[slot]:04}"
