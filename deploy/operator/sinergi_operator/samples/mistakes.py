"""What goes wrong in real lists: mistakes that a matcher must bear, and rows that an import must refuse.

A mistake or damage changes the given person in place and tells whether that changed anything.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import accumulate
from random import Random

from sinergi_operator.samples.households import WIFE
from sinergi_operator.samples.names import old_spelling
from sinergi_operator.samples.people import Person
from sinergi_operator.samples.places import Area, street_address
from sinergi_operator.samples.pools import BETAWI, JAWA, SUNDA, pick

Mistake = Callable[[Random, Area, Person], bool]

_LETTERS = "abcdefghijklmnoprstuwyz"
_ABBREVIATIONS = (
    (re.compile(r"\b(Muhammad|Mohammad|Mohamad|Muhamad)\b"), ("Moh.", "M.", "Muh.", "Md.")),
    (re.compile(r"\bSiti\b"), ("St.", "S.")),
    (re.compile(r"\bAbdul\b"), ("Abd.", "Abd")),
    (re.compile(r"\b(Ahmad|Achmad)\b"), ("A.", "Ahm.", "Akhmad")),
    (re.compile(r"\bNur\b"), ("Nr.", "N.")),
)
_TITLES = {"L": ("H. {}", "Drs. {}", "{}, S.Pd", "Ir. {}"), "P": ("Hj. {}", "Ny. {}", "{}, S.Pd", "Ibu {}")}
_HUSBANDS = JAWA.second_men + BETAWI.second_men + SUNDA.second_men


def make_mistakes(rng: Random, area: Area, person: Person) -> str:
    """One to three mistakes, mostly one; returns their names joined by `+`, as in `typo+nik-missing`."""
    wanted = 1 + (rng.random() < 0.2) + (rng.random() < 0.05)
    made: list[str] = []
    while len(made) < wanted:
        name, mistake = rng.choices(_MISTAKES, cum_weights=_MISTAKE_WEIGHTS)[0]
        if name not in made and mistake(rng, area, person):
            made.append(name)
    return "+".join(made)


def break_row(rng: Random, area: Area, person: Person) -> str:
    """Make the row one that an import must report; returns the name of the damage."""
    while True:
        name, damage = _DAMAGES[int(rng.random() * len(_DAMAGES))]
        if damage(rng, area, person):
            return name


def take_nik(rng: Random, household: Sequence[Person], person: Person) -> bool:
    """Type another member's NIK in place of the person's own: two people then share one."""
    others = tuple(one.nik for one in household if one.nik and one.number != person.number)
    if not person.nik or not others:
        return False
    person.nik = pick(rng, others)
    return True


def _typo(rng: Random, area: Area, person: Person) -> bool:
    before = person.name
    at = int(rng.random() * len(before))
    letter = pick(rng, tuple(_LETTERS))
    head, tail = before[:at], before[at:]
    person.name = (
        f"{head}{letter}{tail}",
        f"{head}{tail[1:]}",
        f"{head}{tail[1:2]}{tail[:1]}{tail[2:]}",
        f"{head}{letter}{tail[1:]}",
    )[int(rng.random() * 4)].strip()
    if len(person.name) < 2 or person.name.lower() == before.lower():
        person.name = before
    return person.name != before


def _nik_missing(rng: Random, area: Area, person: Person) -> bool:
    missing, person.nik = bool(person.nik), ""
    return missing


def _nik_digit(rng: Random, area: Area, person: Person) -> bool:
    if not person.nik:
        return False
    at = int(rng.random() * 16)
    digit = (int(person.nik[at]) + 1 + int(rng.random() * 9)) % 10
    person.nik = f"{person.nik[:at]}{digit}{person.nik[at + 1 :]}"
    return True


def _date_swapped(rng: Random, area: Area, person: Person) -> bool:
    if not person.born:
        return False
    day, month, year = person.born.split("-")
    if day == month or int(day) > 12:
        return False
    person.born = f"{month}-{day}-{year}"
    return True


def _date_missing(rng: Random, area: Area, person: Person) -> bool:
    missing, person.born = bool(person.born), ""
    return missing


def _abbreviated(rng: Random, area: Area, person: Person) -> bool:
    for full, short in _ABBREVIATIONS:
        if full.search(person.name):
            person.name = full.sub(pick(rng, short), person.name, count=1)
            return True
    words = person.name.split()
    if len(words) < 2 or len(words[-1]) < 3:
        return False
    person.name = " ".join([*words[:-1], f"{words[-1][0]}."])
    return True


def _old_spelling(rng: Random, area: Area, person: Person) -> bool:
    before = person.name
    person.name = old_spelling(before)
    return person.name != before


def _moved(rng: Random, area: Area, person: Person) -> bool:
    kelurahan = area.any_kelurahan(rng)
    if kelurahan is person.home.kelurahan:
        return False
    rt, rw = f"{1 + int(rng.random() * 15):03}", f"{1 + int(rng.random() * 12):03}"
    person.home = replace(person.home, kelurahan=kelurahan, address=street_address(rng), rt=rt, rw=rw)
    return True


def _titled(rng: Random, area: Area, person: Person) -> bool:
    """A title, or for a wife her husband's name."""
    if person.role == WIFE and rng.random() < 0.5:
        person.name = f"{person.name} {pick(rng, _HUSBANDS)}"
        return True
    if "." in person.name or int(person.born[-4:] or 2026) > 2005:
        return False
    person.name = pick(rng, _TITLES[person.sex]).format(person.name)
    return True


def _impossible_date(rng: Random, area: Area, person: Person) -> bool:
    person.born = f"31-02-{person.born[-4:]}"
    return True


def _unreadable_nik(rng: Random, area: Area, person: Person) -> bool:
    if not person.nik:
        return False
    at = int(rng.random() * 15)
    person.nik = f"{person.nik[:at]}{pick(rng, ('O', 'I', 'B', 'X'))}{person.nik[at + 2 :]}"
    return True


def _no_name(rng: Random, area: Area, person: Person) -> bool:
    person.name = ""
    return True


_MISTAKES: tuple[tuple[str, Mistake], ...] = (
    ("typo", _typo),
    ("nik-missing", _nik_missing),
    ("nik-digit", _nik_digit),
    ("date-swapped", _date_swapped),
    ("date-missing", _date_missing),
    ("abbreviated", _abbreviated),
    ("old-spelling", _old_spelling),
    ("moved", _moved),
    ("titled", _titled),
)
_MISTAKE_WEIGHTS = tuple(accumulate((30, 14, 9, 14, 4, 14, 6, 10, 6)))
_DAMAGES: tuple[tuple[str, Mistake], ...] = (
    ("broken-date", _impossible_date),
    ("broken-nik", _unreadable_nik),
    ("broken-name", _no_name),
)
