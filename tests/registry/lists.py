"""Lists of generated people for the tests: rows as the ministry and the city write them."""

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from itertools import count

from sinergi_operator.samples.lists import CITY_COLUMNS, MINISTRY_COLUMNS

_numbers = count(1)
TEBET_TIMUR, KELURAHAN_ELSEWHERE = "31.74.01.1001", "31.74.05.1001"
TEBET = "31.74.01"


@dataclass(frozen=True)
class Someone:
    """A made-up person, unique in a session."""

    nik: str
    kk: str
    name: str
    born: date
    sex: str = "L"
    area: str = TEBET_TIMUR
    relation: str = "KEPALA KELUARGA"
    desil: str = "2"


def someone(**fields: object) -> Someone:
    """The next person; `fields` override."""
    number = next(_numbers)
    born = date(1950 + number // 336 % 50, number // 28 % 12 + 1, number % 28 + 1)
    nik = f"317401{born:%d%m%y}{number % 9999 + 1:04}"
    made = Someone(nik, f"3174012601{number:06}", f"Budi Contoh {_word(number)}", born)
    return replace(made, **fields)  # type: ignore[arg-type]


def people(number: int, **fields: object) -> list[Someone]:
    """So many persons."""
    return [someone(**fields) for _ in range(number)]


def ministry_row(one: Someone) -> list[str]:
    """As the ministry writes it."""
    return [
        *(one.kk, one.nik, one.name.upper(), "JAKARTA", f"{one.born:%d-%m-%Y}", one.sex, "JL. CONTOH NO. 1"),
        *("003", "007", one.area, one.relation, one.desil, "2026-Q2"),
    ]


def city_row(one: Someone) -> list[str]:
    """As the city writes it."""
    return [
        *(one.kk, one.nik, one.name, "Jakarta", f"{one.born:%d/%m/%Y}", one.sex, "Jl. Contoh No. 1", "003/007"),
        *("Tebet Timur", "Tebet", one.area, one.relation.title(), "Fakir miskin"),
    ]


def ministry_csv(
    rows: Sequence[Sequence[str]], columns: Sequence[str] = MINISTRY_COLUMNS, delimiter: str = ";"
) -> bytes:
    """A CSV with the ministry's header."""
    text = io.StringIO()
    csv.writer(text, delimiter=delimiter).writerows([columns, *rows])
    return text.getvalue().encode()


def city_csv(rows: Sequence[Sequence[str]]) -> bytes:
    """A CSV with the city's header."""
    return ministry_csv(rows, CITY_COLUMNS)


def _word(number: int) -> str:
    """A number as letters, so that names differ."""
    return "".join("abcdefghij"[int(digit)] for digit in str(number)).title()
