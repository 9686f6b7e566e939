"""A late list, or one new person, against all people of the registry, inside PostgreSQL.

The same rules as the linkage engine's (services.registry.linkage), for lists too short to read the whole registry
for: the same NIK first, then the blocks of `blocking`, compared and weighed by the same model, one to one.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any
from uuid import UUID

import asyncpg
from rapidfuzz.distance import JaroWinkler

from services.registry.blocking import Known, Listed, Owner, candidates, households, listed, namesakes, owners
from services.registry.choosing import Choice, Match, Pair
from services.registry.linkage.model import FIELDS, NAME_ALIKE, Levels, Model
from services.registry.linkage.pairs import compare
from services.registry.seal import Seal

Links = dict[int, Owner]

_NIK, _SAME_NIK = FIELDS.index("nik"), 4

#: who is shown as a likely twin, in bits: a needless look costs less than a second record
LIKELY = -5.0


@dataclass(frozen=True, slots=True)
class Twin:
    """Somebody who is probably the person that is about to be entered: the more `bits`, the likelier.

    `reasons`: the comparison field by field, as `Model.explain` tells it (field, level, bits, text_id, text_en), the
    fields that could be compared only, what weighs most first.
    """

    person_id: UUID
    bits: float
    levels: Levels
    reasons: list[dict[str, Any]]

    @property
    def stops_an_entry(self) -> bool:
        """Likelier the same than not, or of the same NIK: a human looks before a second record exists. Who is less
        likely is shown to who asks; else every third entry would be stopped for a namesake (measured)."""
        return self.bits >= 0 or self.levels[_NIK] == _SAME_NIK


async def match(connection: "asyncpg.Connection[Any]", rows: Sequence[Mapping[str, Any]]) -> list[Match]:
    """Of whom each row of a list speaks, in the order of the rows.

    A row has row, nik and kk (digits or None), name, name_key, birth_date, sex, area, rt, rw and address; names are
    cleaned, empty is None. Two rows take the same person only where they are the same person's rows. Some 50,000 rows
    are held in memory with ease; for longer lists there is the engine.
    """
    people = _listed(rows)
    links = await _by_nik(connection, people)
    left = [at for at in range(len(people)) if at not in links]
    homes = await _homes(connection, people, links, left)
    found = await candidates(connection, [(people[at], homes[at]) for at in left])
    pairs = [_pair(at, people[at], one, homes[at]) for at, known in zip(left, found, strict=True) for one in known]
    choice = Choice(people, {at: owner.person_id for at, owner in links.items()}, pairs, _model())
    choice.tell_apart(await _told_apart(connection, choice.doubts()))
    return [choice.match(at, row["row"]) for at, row in enumerate(rows)]


def _listed(rows: Sequence[Mapping[str, Any]]) -> list[Listed]:
    seal = Seal.current()
    niks, kks = seal.nik.seal_many([row["nik"] for row in rows]), seal.kk.seal_many([row["kk"] for row in rows])
    return [listed(row, nik, kk) for row, nik, kk in zip(rows, niks, kks, strict=True)]


# ------------------------------------------------------------------------ NIK


async def _by_nik(connection: "asyncpg.Connection[Any]", people: Sequence[Listed]) -> Links:
    """Rows whose NIK somebody bears under a like name; or with the same birth date, where the household agrees.

    The same NIK and date under another name, and nothing in the household that speaks for it, is compared further.
    """
    asked = [at for at, one in enumerate(people) if one.nik]
    alike: dict[int, list[tuple[float, bool, Owner]]] = defaultdict(list)
    for place, owner in await owners(connection, [people[at].nik or b"" for at in asked]):
        fields = people[asked[place]].fields
        likeness = JaroWinkler.similarity(owner.name, fields["name"] or "")
        alike[asked[place]].append((likeness, _born_alike(owner, fields), owner))
    nearest = {at: max(found, key=_nearest) for at, found in alike.items()}
    links = {at: owner for at, (likeness, _, owner) in nearest.items() if likeness >= NAME_ALIKE}
    linked = _linked_households(people, links)
    for at, (_, born, owner) in nearest.items():
        if at not in links and born and owner.household_id in linked.get(people[at].kk, ()):
            links[at] = owner
    return links


def _born_alike(owner: Owner, fields: Mapping[str, Any]) -> bool:
    return owner.birth_date is not None and owner.birth_date == fields["birth_date"]


def _nearest(found: tuple[float, bool, Owner]) -> tuple[bool, bool, float, UUID]:
    likeness, born, owner = found
    return likeness >= NAME_ALIKE, born, likeness, owner.person_id


# ------------------------------------------------------------------ households


def _linked_households(people: Sequence[Listed], links: Links) -> dict[bytes | None, set[UUID]]:
    """Sealed KK of the list -> the households of its members who are linked."""
    linked: dict[bytes | None, set[UUID]] = defaultdict(set)
    for at, owner in links.items():
        if people[at].kk and owner.household_id:
            linked[people[at].kk].add(owner.household_id)
    return linked


async def _homes(
    connection: "asyncpg.Connection[Any]", people: Sequence[Listed], links: Links, left: Iterable[int]
) -> dict[int, set[UUID]]:
    """For each row that is left, the registry's households that are the row's: by the KK, and by linked members."""
    linked = _linked_households(people, links)
    kks = {at: kk for at in left if (kk := people[at].kk)}
    known = await households(connection, list(set(kks.values())))
    homes: dict[int, set[UUID]] = defaultdict(set)
    for at, kk in kks.items():
        homes[at] = linked.get(kk, set()) | ({known[kk]} if kk in known else set())
    return homes


# --------------------------------------------------------------------- scoring


@cache
def _model() -> Model:
    """The committed weights: a late list is too short to learn better ones from."""
    return Model.default()


def _pair(at: int, row: Listed, one: Known, homes: set[UUID]) -> Pair:
    levels, household = compare(row.fields, one.fields), one.household_id in homes
    return Pair(at, one.person_id, levels, household, _bits(levels, household))


@cache
def _bits(levels: Levels, household: bool) -> float:
    """Few patterns of levels are seen, some thousands, so each is weighed once."""
    return _model().bits(levels, household=household)


_TOLD_APART = """
    WITH meant AS (SELECT id, coalesce(survivor_id, id) AS person FROM persons
                   WHERE id = ANY($1::uuid[]) OR survivor_id = ANY($1::uuid[]))
    SELECT one.person AS one, other.person AS other
    FROM verdicts v JOIN meant one ON one.id = v.low_id JOIN meant other ON other.id = v.high_id
    WHERE v.verdict = 'different' AND v.withdrawn_at IS NULL"""


async def _told_apart(
    connection: "asyncpg.Connection[Any]", doubts: Iterable[tuple[UUID, UUID]]
) -> set[frozenset[UUID]]:
    """Of these pairs of people, those whom a human told apart; a merged person's verdicts are the survivor's."""
    people = {person for pair in doubts for person in pair}
    rows = await connection.fetch(_TOLD_APART, list(people)) if people else []
    return {frozenset((row["one"], row["other"])) for row in rows}


# ----------------------------------------------------------------------- twins


async def twins(connection: "asyncpg.Connection[Any]", values: Mapping[str, Any], limit: int = 5) -> list[Twin]:
    """Who in the registry may be the one person of these values, the likeliest first; at most `limit`.

    `values` has name_key and area, and may have nik and kk (digits), birth_date, sex, rt, rw and address.
    """
    row = _listed([defaultdict(lambda: None, values)])[0]
    homes = set((await households(connection, [row.kk])).values()) if row.kk else set()
    known = [*(await candidates(connection, [(row, homes)]))[0], *await namesakes(connection, row)]
    pairs = sorted((_pair(0, row, one, homes) for one in known), key=lambda pair: (pair.bits, pair.person))
    best = {pair.person: pair for pair in pairs if pair.bits >= LIKELY or pair.levels[_NIK] == _SAME_NIK}
    return [_twin(pair) for pair in sorted(best.values(), key=_likeliest_first)[:limit]]


def _likeliest_first(pair: Pair) -> tuple[bool, float, UUID]:
    return pair.levels[_NIK] != _SAME_NIK, -pair.bits, pair.person


def _twin(pair: Pair) -> Twin:
    told = _model().explain(pair.levels, household=pair.household)
    reasons = [one for one in told if one["level"] is not None]
    return Twin(pair.person, pair.bits, pair.levels, sorted(reasons, key=lambda one: -abs(one["bits"])))
