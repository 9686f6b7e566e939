"""One pair of people compared in Python: the same levels as the engine's SQL, for one person or a late list."""

import re
from collections.abc import Mapping
from datetime import date
from functools import lru_cache
from typing import Any

from rapidfuzz.distance import DamerauLevenshtein, Hamming, JaroWinkler

from services.registry.cleaning import name_key, skeleton, street_key
from services.registry.linkage.model import NAME_ALIKE, NAME_CLOSE, NAME_NEAR, STREET_ALIKE, Levels

_INITIALS = re.compile(r"\b(\w)\w*( |$)")
_ONE_LETTER = re.compile(r"\b\w( |$)")
_HOUSE = re.compile(r" [0-9].*$")


def cleaned(row: Mapping[str, Any]) -> dict[str, Any]:
    """A person as `compare` takes it, from name, birth_date (date), sex, nik, area, rt, rw and address as they are."""
    return {
        "name": name_key(row.get("name") or "") or None,
        "birth_date": row.get("birth_date"),
        "nik": row.get("nik"),
        "area": row.get("area"),
        "rt": row.get("rt"),
        "rw": row.get("rw"),
        "street": street_key(row.get("address") or "") or None,
        "sex": row.get("sex"),
    }


def compare(a: Mapping[str, Any], b: Mapping[str, Any]) -> Levels:
    """The level of each of FIELDS for two cleaned people (`cleaned`): name and street are keys, birth_date a date,
    nik 16 digits, area `PP.KK.CC.DDDD`, rt and rw three digits, sex L or P; None where one of the two is unknown."""
    return (
        _both(a, b, "name", _name),
        _born(a, b),
        _both(a, b, "nik", _nik),
        _both(a, b, "area", _area),
        _rt_rw(a, b),
        _street(a, b),
        _both(a, b, "sex", lambda x, y: int(x == y)),
    )


def _both(a: Mapping[str, Any], b: Mapping[str, Any], field: str, level: Any) -> int | None:
    x, y = a[field], b[field]
    return None if x is None or y is None else int(level(x, y))


def _name(x: str, y: str) -> int:
    if x == y:
        return 5
    similar = JaroWinkler.similarity(x, y)
    if (similar >= NAME_ALIKE and skeleton(x) == skeleton(y)) or _abbreviated(x, y) or _words(x) == _words(y):
        return 4
    return (similar >= NAME_NEAR) + (similar >= NAME_CLOSE) + (similar >= NAME_ALIKE)


def _abbreviated(x: str, y: str) -> bool:
    """Whether one has a letter where the other has a word, and the rest is the same: S AMINAH, SITI AMINAH."""
    (x_initials, x_rest), (y_initials, y_rest) = _parts(x), _parts(y)
    if x_initials != y_initials or (x_rest == x and y_rest == y):
        return False
    return _holds(y, x_rest) or _holds(x, y_rest)


def _holds(name: str, rest: str) -> bool:
    return rest != "" and rest != name and f" {rest} " in f" {name} "


@lru_cache(maxsize=50_000)
def _parts(name: str) -> tuple[str, str]:
    """A name's initials, and what is left of it without words of one letter."""
    return _INITIALS.sub(r"\1", name), _ONE_LETTER.sub("", name).strip()


@lru_cache(maxsize=50_000)
def _words(name: str) -> list[str]:
    return sorted(name.split())


def _born(a: Mapping[str, Any], b: Mapping[str, Any]) -> int | None:
    x, y = a["birth_date"], b["birth_date"]
    if x and y:
        if x == y:
            return 5
        if (x.day, x.month, x.year) == (y.month, y.day, y.year):
            return 4
        if (x.day == y.day) + (x.month == y.month) + (x.year == y.year) == 2:
            return 3
    in_a, in_b = _date_digits(a["nik"]), _date_digits(b["nik"])
    if in_a != in_b and ((x and _in_nik(x) == in_b) or (y and _in_nik(y) == in_a)):
        return 2  # where both NIKs hold the same date, the NIK's level says so already
    return int(x.year == y.year) if x and y else None


def _in_nik(day: date) -> str:
    """A birth date as it stands in a NIK (of a man)."""
    return f"{day.day:02}{day.month:02}{day.year % 100:02}"


def _date_digits(nik: str | None) -> str | None:
    """The date in a NIK, a woman's day brought back from 41-71 to 1-31."""
    if nik is None:
        return None
    day = int(nik[6:8])
    return f"{day - 40 if day > 40 else day:02}{nik[8:12]}"


def _nik(x: str, y: str) -> int:
    if x == y:
        return 4
    if x[12:] == y[12:] and DamerauLevenshtein.distance(x, y) == 1:
        return 3
    return 2 if x[:12] == y[:12] else int(Hamming.distance(x, y) == 2)


def _area(x: str, y: str) -> int:
    return 3 if x == y else 2 if x[:8] == y[:8] else int(x[:5] == y[:5])


def _rt_rw(a: Mapping[str, Any], b: Mapping[str, Any]) -> int | None:
    if None in (a["rt"], a["rw"], b["rt"], b["rw"]) or _elsewhere(a, b):
        return None
    return int(a["rt"] == b["rt"]) + int(a["rw"] == b["rw"])


def _street(a: Mapping[str, Any], b: Mapping[str, Any]) -> int | None:
    x, y = a["street"], b["street"]
    if x is None or y is None:
        return None
    if x == y:
        return 3
    if _elsewhere(a, b):
        return None
    return 2 if _HOUSE.sub("", x) == _HOUSE.sub("", y) else int(JaroWinkler.similarity(x, y) >= STREET_ALIKE)


def _elsewhere(a: Mapping[str, Any], b: Mapping[str, Any]) -> bool:
    """Who moved to another kelurahan has another RT, RW and street there: that says nothing more."""
    return a["area"] is not None and b["area"] is not None and a["area"] != b["area"]
