"""The search for a person: one box that takes a NIK, a No. KK, a name with slips, or a group's name.

Search first: nobody gets a list of everybody. What is found is masked until somebody is opened, and each search is
written down with the people that it showed.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

import asyncpg
from pydantic import Field

from services.registry.cleaning import name_key
from services.registry.queries import Page, mask_name
from services.registry.seal import Seal
from services.registry.search_candidates import BY_INDEX, candidates, place
from services.registry.search_rank import LIKE
from sinergi.auth import Actor, permit
from sinergi.db import Reading
from sinergi.problems import Refused

#: so many people are found at most: who finds more must say more
MOST = 200
#: less like a name is not like it
_ALIKE = 0.5

_YEAR = re.compile(r"(?<![0-9])(?:19|20)[0-9]{2}(?![0-9])")
_AREA = re.compile(r"(?<![0-9.])[0-9]{2}(?:\.[0-9]{2}){1,2}(?:\.[0-9]{4})?(?![0-9.])")
_NUMBER = re.compile(r"[0-9]{16}")


class SearchPersons(Page):
    """Whom to look for. `text` is the one box: 16 digits are a NIK or a No. KK; else a name, which may hold a year of
    birth and a wilayah code, or the name of a group. An `area` alone lists its people. `purpose` goes into the audit.

    `heads_only` and `ungrouped` find candidates for a KUBE: heads of family who are in no group yet.
    """

    text: str | None = Field(None, min_length=3, max_length=150)
    nik: str | None = Field(None, pattern="^[0-9]{16}$")
    kk: str | None = Field(None, pattern="^[0-9]{16}$")
    name: str | None = Field(None, min_length=3, max_length=100)
    birth_year: int | None = Field(None, ge=1880, le=2200)
    area: str | None = Field(None, pattern=r"^[0-9]{2}(\.[0-9]+){0,3}$")
    heads_only: bool = False
    ungrouped: bool = False
    purpose: str = Field(min_length=3, max_length=200)


@dataclass(frozen=True)
class Asked:
    """A search as it was understood. `condition` is SQL about a person `p`."""

    nik: str | None
    kk: str | None
    name: str
    year: int | None
    area: str | None
    condition: str


@permit("person.search")
async def search_persons(what: SearchPersons, actor: Actor, reading: Reading) -> dict[str, Any]:
    """People of the actor's area, the likest first, masked until one is opened; and groups of that name.

    `total` counts to 200 at most; `total_is_capped` tells that there are more.
    """
    asked, groups = understood(what), list[dict[str, Any]]()
    scope = _narrower("" if actor.area == "*" else actor.area or None, asked.area)
    connection = reading.connection
    await connection.execute(BY_INDEX)
    found = [] if scope is None else await find(connection, asked, scope)
    if what.text and asked.name and scope is not None:
        groups = await _groups(connection, what.text, scope)
    shown = found[:MOST][(what.page - 1) * what.size : what.page * what.size]
    items = await items_of(connection, shown)
    await reading.audit("person.search", "person", [item["id"] for item in items], what.purpose)
    total = min(len(found), MOST)
    return {"items": items, "total": total, "total_is_capped": len(found) > MOST, "groups": groups}


async def likely(
    connection: "asyncpg.Connection[Any]", name: str, birth_date: date | None, area: str, limit: int
) -> list[asyncpg.Record]:
    """Who may be the person with this cleaned name: rows of id, name_key, year, area, the likest first.

    Looked for in the whole registry among those of about the age, without a birth date in the kecamatan. The
    connection is in a transaction.
    """
    await connection.execute(BY_INDEX)
    year = birth_date.year if birth_date else None
    found = await candidates(connection, name, year, place(area if year is None else ""))
    return [row for score, row in found if score >= LIKE][:limit]


# -------------------------------------------------------------- understanding


def understood(what: SearchPersons) -> Asked:
    if not (what.text or what.nik or what.kk or what.name or what.area):
        raise Refused("search-too-wide", "Give a NIK, a No. KK, a name or an area.")
    written = (what.text or "").strip()
    number = _NUMBER.fullmatch(re.sub(r"[\s.-]", "", written))
    year, code = _YEAR.search(written), _AREA.search(written)
    name = "" if number else name_key(_AREA.sub(" ", _YEAR.sub(" ", written)) + f" {what.name or ''}")
    if not (number or what.nik or what.kk or name or what.area or code):
        raise Refused("search-too-wide", "Give a NIK, a No. KK, a name or an area.")
    return Asked(
        nik=what.nik or (number and number[0]),
        kk=what.kk or (number and number[0]),
        name=name,
        year=what.birth_year or (int(year[0]) if year and not number else None),
        area=what.area or (code[0] if code and not number else None),
        condition=_condition(what),
    )


def _condition(what: SearchPersons) -> str:
    head = "p.is_head" if what.heads_only else "true"
    free = "NOT EXISTS (SELECT FROM group_members g WHERE g.person_id = p.id)" if what.ungrouped else "true"
    return f"{head} AND {free}"


def _narrower(scope: str | None, area: str | None) -> str | None:
    """The area that both hold ("" is everywhere); None when there is none."""
    if scope is None or not area:
        return scope
    if not scope or area == scope or area.startswith(f"{scope}."):
        return area
    return scope if scope.startswith(f"{area}.") else None


# -------------------------------------------------------------------- finding

#: who was merged is found as the survivor
_BY_NIK = """
    SELECT coalesce(survivor_id, id) FROM persons WHERE nik = $2 AND NOT unmatched
    UNION SELECT coalesce(survivor_id, id) FROM persons WHERE nik = $2 AND unmatched"""
_BY_KK = "SELECT m.id FROM persons m JOIN households h ON h.id = m.household_id WHERE h.kk = $3"
_BY_NUMBER = f"""
    SELECT p.id FROM persons p WHERE p.id IN ({_BY_NIK} UNION {_BY_KK})
    AND ($1 = '' OR p.area = $1 OR starts_with(p.area, $1 || '.')) AND p.state <> 'merged' AND {{condition}}
    ORDER BY (p.nik = $2) IS TRUE DESC, p.is_head DESC, p.birth_date, p.id LIMIT {MOST + 1}"""

#: a range of codes, in the order of the index of areas: `/` comes after `.`
_LISTED = f"""
    SELECT p.id FROM persons p WHERE p.area ~>=~ $1 AND p.area ~<~ ($1 || '/') AND p.state <> 'merged' AND {{condition}}
    ORDER BY p.area USING ~<~, p.name_key, p.id LIMIT {MOST + 1}"""

_ITEMS = """
    SELECT p.id, p.name, p.nik, p.area, extract(year FROM p.birth_date)::int AS birth_year, p.is_head, p.household_id,
           p.state
    FROM unnest($1::uuid[]) WITH ORDINALITY AS wanted (id, at) JOIN persons p USING (id) ORDER BY at"""

_GROUPS = """
    SELECT id, kind, name, area, state FROM groups
    WHERE name ILIKE ALL ($1::text[]) AND ($2 = '' OR area = $2 OR starts_with(area, $2 || '.'))
    ORDER BY name, id LIMIT 10"""


async def find(connection: "asyncpg.Connection[Any]", asked: Asked, scope: str) -> list[UUID]:
    """The ids of who was found, the likest first, one more than `MOST` when there are more."""
    if asked.nik or asked.kk:
        seal = Seal.current()
        nik, kk = asked.nik and seal.nik.seal(asked.nik), asked.kk and seal.kk.seal(asked.kk)
        rows = await connection.fetch(_BY_NUMBER.format(condition=asked.condition), scope, nik, kk)
    elif asked.name:
        ranked = await candidates(connection, asked.name, asked.year, place(scope), asked.condition)
        rows = [row for score, row in ranked if score >= _ALIKE]
    else:
        rows = await connection.fetch(_LISTED.format(condition=asked.condition), scope)
    return [row["id"] for row in rows[: MOST + 1]]


async def items_of(connection: "asyncpg.Connection[Any]", ids: Sequence[UUID]) -> list[dict[str, Any]]:
    rows = await connection.fetch(_ITEMS, ids) if ids else []
    niks = Seal.current().nik.open_many([row["nik"] for row in rows])
    return [_masked(row, nik) for row, nik in zip(rows, niks, strict=True)]


def _masked(row: asyncpg.Record, nik: str | None) -> dict[str, Any]:
    return {
        "id": str(row["id"]),
        "name_masked": mask_name(row["name"]),
        "nik_masked": "*" * 12 + nik[-4:] if nik else None,
        "area": row["area"],
        "birth_year": row["birth_year"],
        "is_head": row["is_head"],
        "household_id": str(row["household_id"]) if row["household_id"] else None,
        "state": row["state"],
    }


async def _groups(connection: "asyncpg.Connection[Any]", name: str, scope: str) -> list[dict[str, Any]]:
    words = [re.sub(r"([%_\\])", r"\\\1", word) for word in name.split()]
    rows = await connection.fetch(_GROUPS, [f"%{word}%" for word in words], scope)
    return [{**row, "id": str(row["id"])} for row in rows]
