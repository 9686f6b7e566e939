"""Names of sample people: one word or several, `bin`/`binti`, `H.`/`Hj.`, Muhammad's many spellings."""

import re
from bisect import bisect
from itertools import accumulate
from random import Random

from sinergi_operator.samples.pools import (
    CULTURES,
    MODERN_MEN,
    MODERN_SECOND_MEN,
    MODERN_SECOND_WOMEN,
    MODERN_WOMEN,
    Culture,
    pick,
)

_SHARES = tuple(accumulate(culture.share for culture in CULTURES))
_MUHAMMAD = ("Muhammad",) * 5 + ("Mohammad", "Mohamad", "Muhamad", "Moh.", "M.")
_SITI = ("Siti",) * 8 + ("St.",)
# Official until 1947 (oe) and 1972 (dj, tj, j); "ch" was written the same then.
_NEW_LETTERS = re.compile("[JjYyUu]|[Cc](?!h)")
_OLD_LETTERS = {"J": "Dj", "j": "dj", "Y": "J", "y": "j", "U": "Oe", "u": "oe", "C": "Tj", "c": "tj"}
_ALREADY_OLD = re.compile("[Dd]j|[Tt]j|[Oo]e")


def pick_culture(rng: Random) -> Culture:
    """The community of a household, by its share of the population."""
    return CULTURES[bisect(_SHARES, rng.random() * _SHARES[-1])]


def pick_family(rng: Random, culture: Culture) -> str:
    """A family name (marga, nama keluarga), or "" where the community has none."""
    return pick(rng, culture.families) if culture.families else ""


def full_name(rng: Random, culture: Culture, sex: str, born: int, family: str) -> str:
    """A full name as on a KTP for that sex (L or P) and year of birth; `family` ends it unless it is ""."""
    if born >= 1990 and rng.random() < 0.65:
        return _modern(rng, culture, sex, family)
    name = _traditional(rng, culture, sex, born, family)
    if born < 1955 and rng.random() < 0.15:
        name = old_spelling(name)
    if culture.muslim and born < 1975 and rng.random() < 0.06:
        name = ("H. " if sex == "L" else "Hj. ") + name
    return name


def old_spelling(name: str) -> str:
    """The name in the spelling of before 1972: Surya becomes Soerja, Cahyono Tjahjono."""
    if _ALREADY_OLD.search(name):
        return name
    return _NEW_LETTERS.sub(lambda letter: _OLD_LETTERS[letter[0]], name)


def _modern(rng: Random, culture: Culture, sex: str, family: str) -> str:
    given, second = (MODERN_MEN, MODERN_SECOND_MEN) if sex == "L" else (MODERN_WOMEN, MODERN_SECOND_WOMEN)
    words = [*_pious(rng, culture, sex), pick(rng, given), family or pick(rng, second)]
    if rng.random() < 0.3:
        words.insert(-1, pick(rng, second))
    return " ".join(dict.fromkeys(words))  # never the same word twice


def _traditional(rng: Random, culture: Culture, sex: str, born: int, family: str) -> str:
    given = culture.men if sex == "L" else culture.women
    first = pick(rng, given)
    if born < 1985 and rng.random() < culture.one_word:
        return first
    if rng.random() < culture.patronymic:
        return f"{first} {'bin' if sex == 'L' else 'binti'} {pick(rng, culture.men)}"
    second = culture.second_men if sex == "L" else culture.second_women
    words = [*_pious(rng, culture, sex), first, family or pick(rng, second)]
    if rng.random() < 0.1:
        words.insert(-1, pick(rng, second))
    return " ".join(dict.fromkeys(words))


def _pious(rng: Random, culture: Culture, sex: str) -> list[str]:
    if not culture.muslim or rng.random() >= 0.13:
        return []
    return [pick(rng, _MUHAMMAD if sex == "L" else _SITI)]
