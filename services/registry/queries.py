"""What the registry can be asked. Every reading of a person leaves an audit row in the same transaction."""

import json
from typing import Any, Literal
from uuid import UUID

from pydantic import Field
from sqlalchemy import ColumnElement, or_, select, text, true

from services.registry import golden
from services.registry.clients import client_of, members_of
from services.registry.commands import Request
from services.registry.models import Group, Person, RawPage, Record
from services.registry.seal import Seal
from sinergi.auth import Actor, permit
from sinergi.db import Tx


class Page(Request):
    """One page of a list, from 1."""

    page: int = Field(1, ge=1, le=100_000)
    size: int = Field(20, ge=1, le=100)


def _in_area(column: Any, area: str) -> ColumnElement[bool]:
    """Whether the column's wilayah code lies in the area; `*` is everything, no area is nothing."""
    if area == "*":
        return true()
    return or_(column == area, column.startswith(f"{area}.", autoescape=True)) if area else ~true()


def _paged(statement: Any, page: Page) -> Any:
    return statement.limit(page.size).offset((page.page - 1) * page.size)


# --------------------------------------------------------------------- persons


def mask_name(name: str) -> str:
    """`Budi Santoso` is `B*** S******`."""
    return " ".join(word[0] + "*" * (len(word) - 1) for word in name.split())


class ReadPerson(Request):
    """One person, for a purpose that goes into the audit."""

    person_id: UUID
    purpose: str = Field(min_length=3, max_length=200)


_PERSON_FIELDS = (
    *("nik", "name", "birthplace", "birth_date", "sex", "area", "address", "rt", "rw", "kk", "household_id"),
    *("relation", "is_head", "desil", "desil_period", "alias", "died_on", "provisional", "state", "survivor_id"),
    *("unmatched", "record_id", "version"),
)
_FROM_RECORDS = (
    *("nik", "name", "birthplace", "birth_date", "sex", "area", "address", "rt", "rw", "kk", "relation", "desil"),
)
_RECORD_FIELDS = (
    *("id", "row", "source", "observed_on", "link", "bits", "nik", "kk", "name", "birthplace", "birth_date", "sex"),
    *("area", "address", "rt", "rw", "relation", "desil", "desil_period", "need", "warnings", "import_id"),
)


@permit("person.read")
async def read_person(what: ReadPerson, actor: Actor, tx: Tx) -> dict[str, Any]:
    """Everything about a person: what we hold to be true, from which record each field came, and the records."""
    person = await tx.get(Person, what.person_id)
    actor.within(area=person.area)
    await tx.audit("person.read", "person", [person.id], what.purpose)
    ids = await golden.records_of(person.id, tx)
    records = await tx.session.scalars(select(Record).where(Record.id.in_(ids)).order_by(Record.id))
    shown = [
        {name: getattr(record, name) for name in _RECORD_FIELDS} | {"raw": await _raw_row(record, tx)}
        for record in records
    ]
    origin = {"sources": sources_of(person), "provenance": await golden.provenance(person, tx)}
    return golden_of(person) | origin | {"records": shown}


def golden_of(person: Person) -> dict[str, Any]:
    """What we hold to be true about a person."""
    return {"id": person.id} | {name: getattr(person, name) for name in _PERSON_FIELDS}


def sources_of(person: Person) -> dict[str, str]:
    """For each field that is known, the id of the record that it comes from."""
    known = [name for name in _FROM_RECORDS if getattr(person, name) is not None]
    return {name: str(person.sources.get(name, person.record_id)) for name in known}


async def _raw_row(record: Record, tx: Tx) -> dict[str, str] | None:
    """The row as it came, out of its sealed page; None for what was entered by hand."""
    if record.row is None:
        return None
    pages = select(RawPage).where(RawPage.import_id == record.import_id, RawPage.first_row <= record.row)
    page = (await tx.session.scalars(pages.order_by(RawPage.first_row.desc()).limit(1))).one_or_none()
    if page is None:
        return None
    content = Seal.current().open_page(page.sealed, f"{page.import_id}:{page.first_row}")
    rows = map(json.loads, content.split("\n"))
    return next((raw for row, raw in rows if row == record.row), None)


# ---------------------------------------------------------------------- groups


class ReadGroup(Request):
    """One group."""

    group_id: UUID


@permit("group.read")
async def read_group(what: ReadGroup, actor: Actor, tx: Tx) -> dict[str, Any]:
    """A group and its members, whose names are masked."""
    group = await tx.get(Group, what.group_id)
    actor.within(area=group.area)
    members = await members_of(group.id, tx)
    await tx.audit("group.read", "person", [person.id for _, person in members], f"group {group.id}")
    return {
        "id": str(group.id),
        "version": group.version,
        "state": group.state,
        "kind": group.kind,
        "name": group.name,
        "area": group.area,
        "formed_at": group.formed_at,
        "members": [
            {"person_id": str(person.id), "role": role, "name_masked": mask_name(person.name)}
            for role, person in members
        ],
    }


# ------------------------------------------------------------------ disclosure

Disclosable = Literal[
    "name",
    "nik",
    "kk",
    "birthplace",
    "birth_date",
    "sex",
    "address",
    "rt",
    "rw",
    "area",
    "is_head",
    "desil",
    "desil_period",
]


class Disclose(Request):
    """What another agency may read of a client for one referral: these fields and no others."""

    client_kind: Literal["person", "household", "group"]
    client_id: UUID
    fields: list[Disclosable]
    purpose: str = Field(min_length=3, max_length=200)
    referral_id: UUID
    agency: str = Field(pattern="^[a-z0-9-]{2,12}$")


@permit("person.disclose")
async def disclose(what: Disclose, actor: Actor, tx: Tx) -> dict[str, Any]:
    """The fields asked for; for a group or household those of each member. Audited with referral and agency."""
    frame, people = await client_of(what.client_kind, what.client_id, tx)
    purpose = f"{what.purpose} (referral {what.referral_id}, agency {what.agency})"
    await tx.audit("person.disclose", "person", [person.id for person in people], purpose)
    shown = [{name: _json(getattr(person, name)) for name in what.fields} for person in people]
    return {"client": shown[0] if what.client_kind == "person" else frame | {"members": shown}}


def _json(value: Any) -> Any:
    return value.isoformat() if hasattr(value, "isoformat") else value


# ----------------------------------------------------------------------- audit


class ReadAudit(Page):
    """Who read what: of one subject, or of all."""

    subject_kind: str | None = None
    subject_id: str | None = None


_AUDIT = text(
    """SELECT id, at, actor, role, agency, action, subject_kind, subject_id, purpose FROM audit
       WHERE (CAST(:subject_kind AS text) IS NULL OR subject_kind = :subject_kind)
         AND (CAST(:subject_id AS text) IS NULL OR subject_id = :subject_id)
       ORDER BY at DESC, id DESC LIMIT :size OFFSET :skipped"""
)


@permit("registry.audit")
async def read_audit(what: ReadAudit, actor: Actor, tx: Tx) -> dict[str, Any]:
    """The trail of readings, newest first."""
    values = what.model_dump(exclude={"page"}) | {"skipped": (what.page - 1) * what.size}
    return {"items": [dict(row) for row in (await tx.session.execute(_AUDIT, values)).mappings()]}
