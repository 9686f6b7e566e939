"""Working days of a place, with the nation's holidays and its own."""

import json
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sinergi.workdays import WIB, WIT, WITA, Calendar, Holiday, read_holidays, zone_of

JAKARTA, DENPASAR = "31.74.01", "51.71"


def at(text: str) -> datetime:
    return datetime.fromisoformat(text)


@pytest.mark.parametrize(
    ("area", "zone"), [("31.74", WIB), ("61", WIB), ("51.71", WITA), ("73", WITA), ("94", WIT), ("*", WIB)]
)
def test_a_place_has_its_zone(area: str, zone: object) -> None:
    assert zone_of(area) is zone


def test_counting_begins_on_the_next_working_day_and_ends_with_the_last_one() -> None:
    friday = at("2026-11-27T10:00:00+07:00")
    assert Calendar().after(friday, 1, JAKARTA) == at("2026-12-01T00:00:00+07:00")


def test_holidays_and_shared_leave_do_not_count() -> None:
    """24 December 2026 is cuti bersama and the 25th a holiday (SKB 3 Menteri); 26 and 27 are a weekend."""
    wednesday = at("2026-12-23T10:00:00+07:00")
    assert Calendar().after(wednesday, 1, JAKARTA) == at("2026-12-29T00:00:00+07:00")


def test_the_day_is_the_places_own() -> None:
    late_in_jakarta = at("2026-11-30T23:30:00+07:00")  # already 1 December in Denpasar
    assert Calendar().after(late_in_jakarta, 1, JAKARTA) == at("2026-12-02T00:00:00+07:00")
    assert Calendar().after(late_in_jakarta, 1, DENPASAR) == at("2026-12-03T00:00:00+08:00")


def test_a_local_holiday_holds_for_its_area_and_all_below_it(tmp_path: Path) -> None:
    file = tmp_path / "holidays.json"
    file.write_text(json.dumps([{"date": "2026-12-01", "area": "31", "name": "Hari setempat"}]))
    calendar = read_holidays(file)
    monday = at("2026-11-30T08:00:00+07:00")
    assert calendar.after(monday, 1, JAKARTA) == at("2026-12-03T00:00:00+07:00")
    assert calendar.after(monday, 1, "32.01") == at("2026-12-02T00:00:00+07:00")


def test_a_year_of_which_nothing_is_known_has_weekends_only() -> None:
    assert Calendar().is_working_day(date(2031, 1, 1), JAKARTA)
    assert not Calendar((Holiday(date(2031, 1, 1), "*", "Tahun Baru"),)).is_working_day(date(2031, 1, 1), JAKARTA)


@given(st.datetimes(datetime(2026, 1, 1), datetime(2027, 12, 1)), st.integers(0, 30))
def test_so_many_working_days_lie_between_a_time_and_what_comes_after_them(start: datetime, days: int) -> None:
    calendar, aware = Calendar(), start.replace(tzinfo=UTC)
    end = calendar.after(aware, days, JAKARTA)
    assert calendar.between(aware, end - timedelta(seconds=1), JAKARTA) == days
