"""The named rules of a row."""

from datetime import date, timedelta

import pytest

from services.registry.files import Row
from services.registry.layouts import match_header
from services.registry.rules import RULES, Checked, check, masked
from sinergi_operator.samples.lists import CITY_COLUMNS, MINISTRY_COLUMNS
from tests.registry.lists import city_row, ministry_row, someone

MINISTRY = match_header(list(MINISTRY_COLUMNS))
AT = {name: place for place, name in enumerate(MINISTRY_COLUMNS)}


def checked(scope: str = "31.74", **cells: str) -> Checked:
    row = ministry_row(someone())
    for name, value in cells.items():
        row[AT[name]] = value
    return check(Row(2, row), MINISTRY, scope)


@pytest.mark.parametrize(
    ("column", "value", "rule"),
    [
        ("NAMA_LENGKAP", "", "name-empty"),
        ("NAMA_LENGKAP", "...", "name-empty"),
        ("NAMA_LENGKAP", "A" * 501, "cell-too-long"),
        ("NAMA_LENGKAP", "BUDI\x00", "control-character"),
        ("NAMA_LENGKAP", "=cmd|' /C calc'!A0", "formula-in-cell"),
        ("ALAMAT", "@SUM(A1:A2)", "formula-in-cell"),
        ("ALAMAT", "+1+cmd|x", "formula-in-cell"),
        ("ALAMAT", "-2+3", "formula-in-cell"),
        ("NIK", "317401010180123", "nik-not-16-digits"),
        ("NIK", "31740101O1800001", "nik-not-16-digits"),
        ("NIK", "3.17401010180000E+15", "nik-not-16-digits"),
        ("TGL_LAHIR", "31-02-1980", "birth-date-unreadable"),
        ("TGL_LAHIR", "kemarin", "birth-date-unreadable"),
        ("TGL_LAHIR", f"{date.today() + timedelta(days=2):%d-%m-%Y}", "birth-date-in-future"),
        ("JENIS_KELAMIN", "X", "sex-unknown"),
        ("KODE_KELURAHAN", "99.99.99.9999", "area-unknown"),
        ("KODE_KELURAHAN", "31.74", "area-unknown"),
        ("KODE_KELURAHAN", "", "area-unknown"),
        ("KODE_KELURAHAN", "31.71.01.1001", "area-outside-scope"),
        ("DESIL", "11", "desil-unknown"),
    ],
)
def test_a_row_that_breaks_a_rule_is_bad_and_names_column_and_rule(column: str, value: str, rule: str) -> None:
    faults = checked(**{column: value}).faults
    assert [(fault.column, fault.rule) for fault in faults] == [(column, rule)]
    assert rule in RULES


def test_a_row_may_break_two_rules() -> None:
    assert {fault.rule for fault in checked(NAMA_LENGKAP="", JENIS_KELAMIN="?").faults} == {"name-empty", "sex-unknown"}


def test_a_row_of_another_width_is_broken() -> None:
    row = Row(5, ministry_row(someone())[:4])
    assert [fault.rule for fault in check(row, MINISTRY, "31.74").faults] == ["row-broken"]


@pytest.mark.parametrize("nik", ["", "-", "0", "0000000000000000"])
def test_a_missing_nik_is_normal(nik: str) -> None:
    found = checked(NIK=nik)
    assert (found.faults, found.values["nik"], found.warnings) == ([], None, [])


def test_a_nik_that_disagrees_is_a_warning_and_never_a_rejection() -> None:
    found = checked(NIK="3174011501900001", TGL_LAHIR="16-01-1990", JENIS_KELAMIN="P")
    assert found.faults == []
    assert found.warnings == ["nik-disagrees-with-birth-date", "nik-disagrees-with-sex"]


def test_a_womans_nik_has_forty_more_days() -> None:
    found = checked(NIK="3174015501900001", TGL_LAHIR="15-01-1990", JENIS_KELAMIN="P")
    assert (found.faults, found.warnings) == ([], [])


@pytest.mark.parametrize("born", ["15-01-1990", "15/01/1990", "15.1.1990", "1990-01-15", "32888"])
def test_dates_are_read_as_lists_write_them(born: str) -> None:
    assert checked(TGL_LAHIR=born).values["birth_date"] == date(1990, 1, 15)


def test_a_name_that_begins_with_a_sign_is_no_formula() -> None:
    assert checked(ALAMAT="- (belum ada)").faults == []


def test_the_citys_columns_are_understood() -> None:
    one = someone()
    found = check(Row(2, city_row(one)), match_header(list(CITY_COLUMNS)), "31")
    assert found.faults == []
    assert (found.values["rt"], found.values["rw"], found.values["is_head"]) == ("003", "007", True)
    assert found.values["need"] == "fakir-miskin"


def test_an_area_of_ten_digits_gets_its_dots() -> None:
    assert checked(KODE_KELURAHAN="3174011001").values["area"] == "31.74.01.1001"


def test_a_masked_value_shows_little_and_commands_no_spreadsheet() -> None:
    assert masked("31-02-1980") == "31-**-****"
    assert masked("=cmd|x").startswith("'=")
    assert "Santoso" not in masked("Budi Santoso")
