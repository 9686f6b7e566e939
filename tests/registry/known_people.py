"""People put straight into the registry's tables, for the tests of what is known about them."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from itertools import count
from typing import Any
from uuid import UUID

from sqlalchemy import text

from services.registry.models import Household, Import, Person, Record
from sinergi.db import Database, new_id
from tests.registry.lists import TEBET_TIMUR, someone

TODAY = date.today()
PURPOSE = "verifikasi bantuan"
_rows = count(2)


@dataclass
class Said:
    """What one list says of a person."""

    source: str = "ministry"
    on: date = TODAY - timedelta(days=100)
    need: str | None = None
    desil: int | None = None
    period: str | None = None
    warnings: list[str] = field(default_factory=list)


async def household(db: Database, area: str = TEBET_TIMUR) -> UUID:
    """A household with a No. KK of its own."""
    made = Household(id=new_id(), version=0, kk=someone().kk, area=area)
    async with db.begin() as tx:
        tx.add(made)
    return made.id


async def settle(db: Database, *, said: Sequence[Said] = (), area: str = TEBET_TIMUR, **fields: Any) -> UUID:
    """A person with one record for each thing that was said; `fields` are the golden ones."""
    one = someone(area=area)
    golden: dict[str, Any] = {
        **{"nik": one.nik, "name": one.name, "name_key": one.name.upper(), "birth_date": one.born, "sex": one.sex},
        **{"kk": one.kk, "is_head": True, "unmatched": False, "area": area, "keys": [], "sources": {}},
        **fields,
    }
    person = Person(id=new_id(), version=0, record_id=None, **golden)
    async with db.begin() as tx:
        tx.add(person)
    await say(db, person.id, *said)
    return person.id


def _list(what: Said) -> Import:
    """The list that said it, read to its end."""
    made = new_id()
    return Import(
        id=made, source=what.source, filename="list.csv", sha256=made.hex * 2, area="31", uploaded_by="test",
        state="completed", list_date=what.on,
    )  # fmt: skip


def _record(person: Person, what: Said, import_id: UUID) -> Record:
    shared = {name: getattr(person, name) for name in ("nik", "kk", "name", "name_key", "area", "is_head")}
    return Record(
        id=new_id(), import_id=import_id, row=next(_rows), source=what.source, observed_on=what.on,
        person_id=person.id, link="new", need=what.need,
        desil=what.desil, desil_period=what.period, warnings=what.warnings, **shared,
    )  # fmt: skip


async def say(db: Database, person_id: UUID, *said: Said) -> None:
    """More records of a person."""
    async with db.begin() as tx:
        person = await tx.get(Person, person_id)
        lists = [_list(what) for what in said]
        tx.add(*lists)
        await tx.session.flush()
        tx.add(*(_record(person, what, one.id) for what, one in zip(said, lists, strict=True)))


async def merge(db: Database, loser: UUID, survivor: UUID) -> None:
    """As a verdict leaves two persons."""
    async with db.begin() as tx:
        values = {"loser": loser, "survivor": survivor}
        statement = "UPDATE persons SET state = 'merged', survivor_id = :survivor WHERE id = :loser"
        await tx.session.execute(text(statement), values)
