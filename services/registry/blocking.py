"""Who in the registry a row of a late list may be: candidates out of PostgreSQL, a thousand rows at a time.

Each kind of mistake must leave one block whole, and each block is one lookup in an index. A lookup stands in a
LATERAL subquery with a LIMIT: so it stays a lookup whatever the planner thinks of the tables' sizes, and a NIK or a
birth date that stands for "unknown" on thousands of people costs no more than another.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from typing import Any
from uuid import UUID

import asyncpg
from sqlalchemy import Index, text

from services.registry.cleaning import street_key
from services.registry.keys import NO_YEAR, area_keys, words_of, year_key
from services.registry.models import Person
from services.registry.seal import Seal

Fields = Mapping[str, Any]

#: rows at a time: the planner turns to scans of the whole table when it expects many more
CHUNK = 1000
#: people whom one key of one row brings at most
MOST = 200
#: so many letters at either end of a name, beside a birth date: one mistake leaves one end as it is
_LETTERS = 2

#: what the blocks need beside the registry's own indexes (migration 0003)
Index("persons_born_begins", Person.__table__.c.birth_date, text(f"left(name_key, {_LETTERS})"))
Index("persons_born_ends", Person.__table__.c.birth_date, text(f"right(name_key, {_LETTERS})"))

_COLUMNS = "id, survivor_id, household_id, nik, name_key, birth_date, sex, area, rt, rw, address"

#: both indexes of NIKs are partial, so each half says which it means
_BY_NIK = f"""
    SELECT asked.at, found.* FROM unnest($1::bytea[]) WITH ORDINALITY AS asked (nik, at), LATERAL (
        (SELECT id, survivor_id, household_id, name_key, birth_date FROM persons
         WHERE nik = asked.nik AND NOT unmatched LIMIT 1)
        UNION ALL
        (SELECT id, survivor_id, household_id, name_key, birth_date FROM persons
         WHERE nik = asked.nik AND unmatched LIMIT {MOST})) AS found"""


def _block(keys: str, types: str, condition: str) -> str:
    """The people whom the condition finds, for the keys `asked` of the rows whose places are in the array $1."""
    return f"""
    SELECT asked.at, found.* FROM unnest($1::int[], {types}) AS asked (at, {keys}), LATERAL (
        SELECT {_COLUMNS} FROM persons WHERE {condition} LIMIT {MOST}) AS found"""


_BLOCKS = {
    # another name or date under the NIK: somebody else's NIK, or both are mistaken
    "nik": _block("nik", "$2::bytea[]", "nik = asked.nik AND NOT unmatched"),
    "unmatched": _block("nik", "$2::bytea[]", "nik = asked.nik AND unmatched"),
    # all that can be mistaken is
    "household": _block("household", "$2::uuid[]", "household_id = asked.household"),
    # all but the birth date may be mistaken, the name at one end
    "born_begins": _block(
        "born, letters", "$2::date[], $3::text[]", f"birth_date = born AND left(name_key, {_LETTERS}) = letters"
    ),
    "born_ends": _block(
        "born, letters", "$2::date[], $3::text[]", f"birth_date = born AND right(name_key, {_LETTERS}) = letters"
    ),
    # the date is mistaken or missing
    "named": _block("area, name", "$2::text[], $3::text[]", "area = asked.area AND name_key = asked.name"),
}
#: everybody with all words of a name in a kecamatan, or in a year of birth: the index persons_keys
_NAMESAKES = f"""
    (SELECT {_COLUMNS} FROM persons WHERE keys @> $1::bigint[] LIMIT {MOST})
    UNION ALL (SELECT {_COLUMNS} FROM persons WHERE keys @> $2::bigint[] LIMIT {MOST})"""
_HOUSEHOLDS = "SELECT kk, id FROM households WHERE kk = ANY($1::bytea[])"


@dataclass(frozen=True, slots=True)
class Listed:
    """A row as the blocks and the comparison take it: `fields` cleaned, `nik` and `kk` sealed."""

    fields: Fields
    nik: bytes | None
    kk: bytes | None


@dataclass(frozen=True, slots=True)
class Known:
    """A person of the registry. `person_id` is the survivor of who was merged, `fields` are the person's own."""

    id: UUID
    person_id: UUID
    household_id: UUID | None
    fields: Fields


@dataclass(frozen=True, slots=True)
class Owner:
    """Who bears a NIK: as much as tells whether the row speaks of the same person."""

    person_id: UUID
    household_id: UUID | None
    name: str
    birth_date: date | None


def listed(row: Mapping[str, Any], nik: bytes | None, kk: bytes | None) -> Listed:
    """A row with nik (digits), name_key, birth_date, sex, area, rt, rw and address; its numbers sealed beside it."""
    return Listed(_fields(row, row["nik"]), nik, kk)


async def owners(connection: "asyncpg.Connection[Any]", niks: Sequence[bytes]) -> list[tuple[int, Owner]]:
    """Everybody with one of these sealed NIKs: (place of the NIK, who)."""
    found = []
    for start in range(0, len(niks), CHUNK):
        for one in await connection.fetch(_BY_NIK, niks[start : start + CHUNK]):
            owner = Owner(one["survivor_id"] or one["id"], one["household_id"], one["name_key"], one["birth_date"])
            found.append((start + one["at"] - 1, owner))
    return found


async def households(connection: "asyncpg.Connection[Any]", kks: Sequence[bytes]) -> dict[bytes, UUID]:
    """The households that have one of these sealed KK numbers now."""
    return {one["kk"]: one["id"] for one in await connection.fetch(_HOUSEHOLDS, kks)}


async def candidates(
    connection: "asyncpg.Connection[Any]", rows: Sequence[tuple[Listed, Iterable[UUID]]]
) -> list[list[Known]]:
    """For each row, given with the households of its members, the people who may be the same; each once."""
    found: list[list[Known]] = []
    known: dict[UUID, Known] = {}
    for start in range(0, len(rows), CHUNK):
        found += await _chunk(connection, rows[start : start + CHUNK], known)
    return found


async def namesakes(connection: "asyncpg.Connection[Any]", row: Listed) -> list[Known]:
    """Who has all the words of the name, in their order or another, in the kecamatan or born in that year.

    For one person at entry, of whom neither number nor birth date may be known; a list would wait too long for it.
    """
    words, born = words_of(row.fields["name"] or ""), row.fields["birth_date"]
    known: dict[UUID, Known] = {}
    if words:
        here, then = (
            area_keys([row.fields["area"]], words),
            [year_key(born.year if born else NO_YEAR, w) for w in words],
        )
        _learn(await connection.fetch(_NAMESAKES, here, then), known)
    return list(known.values())


async def _chunk(
    connection: "asyncpg.Connection[Any]", rows: Sequence[tuple[Listed, Iterable[UUID]]], known: dict[UUID, Known]
) -> list[list[Known]]:
    pairs: dict[tuple[int, UUID], None] = {}
    for block, keys in _keys(rows).items():
        if keys:
            people = await connection.fetch(_BLOCKS[block], *(list(column) for column in zip(*keys, strict=True)))
            _learn(people, known)
            pairs.update(((one["at"], one["id"]), None) for one in people)
    found: list[list[Known]] = [[] for _ in rows]
    for at, person in pairs:
        found[at].append(known[person])
    return found


def _keys(rows: Sequence[tuple[Listed, Iterable[UUID]]]) -> dict[str, list[tuple[Any, ...]]]:
    """For each block what is asked: (place of the row, its key or keys)."""
    asked: dict[str, list[tuple[Any, ...]]] = {block: [] for block in _BLOCKS}
    for at, (one, homes) in enumerate(rows):
        name, area = one.fields["name"] or "", one.fields["area"]
        asked["household"] += [(at, home) for home in homes]
        if one.nik:
            asked["nik"].append((at, one.nik))
            asked["unmatched"].append((at, one.nik))
        for born in _dates(one.fields["birth_date"]):
            asked["born_begins"].append((at, born, name[:_LETTERS]))
            asked["born_ends"].append((at, born, name[-_LETTERS:]))
        asked["named"].append((at, area, name))
    return asked


def _dates(born: date | None) -> Iterator[date]:
    """The date, and the date with day and month swapped, where that is one."""
    if born:
        yield born
        if born.day <= 12 and born.day != born.month:
            yield date(born.year, born.day, born.month)


def _learn(people: Sequence[asyncpg.Record], known: dict[UUID, Known]) -> None:
    new = {one["id"]: one for one in people if one["id"] not in known}
    niks = Seal.current().nik.open_many([one["nik"] for one in new.values()])
    for one, nik in zip(new.values(), niks, strict=True):
        person = one["survivor_id"] or one["id"]
        known[one["id"]] = Known(one["id"], person, one["household_id"], _fields(one, nik))


class _Cleaned(dict[str, Any]):
    """As `linkage.pairs.cleaned`; the street only once it is asked for: it costs most, and few rows are compared."""

    def __missing__(self, field: str) -> str | None:
        if field != "street":
            raise KeyError(field)
        street = self["street"] = _street(self["address"] or "")
        return street


def _fields(row: Mapping[str, Any], nik: str | None) -> Fields:
    """Of a row or a person whose name is cleaned already."""
    fields = _Cleaned((name, row[name]) for name in ("birth_date", "area", "rt", "rw", "address", "sex"))
    fields["name"], fields["nik"] = row["name_key"] or None, nik
    return fields


@lru_cache(maxsize=20_000)
def _street(address: str) -> str | None:
    """The members of a household share one."""
    return street_key(address) or None
