"""What somebody states about a person beside the lists, an entry by hand or a decided request: a record that counts.

The same rules as for a row of a list say what is good (rules.check), and the same survivorship says what of it counts
(golden.py): a statement is a record, and then the golden record is made anew.
"""

from collections.abc import Mapping
from datetime import date
from typing import Any, Literal
from uuid import UUID

import asyncpg
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from services.registry import golden, marks
from services.registry.files import Row
from services.registry.layouts import Columns
from services.registry.models import Person, Record
from services.registry.rules import RULES, Checked, check
from sinergi.db import Tx, new_id
from sinergi.problems import Refused

Source = Literal["entry", "request"]

#: what a record holds of a person
_FIELDS = (
    *("kk", "nik", "name", "name_key", "birthplace", "birth_date", "sex", "address", "rt", "rw", "area", "relation"),
    *("is_head", "desil", "desil_period", "need"),
)
#: what a record holds that does not speak of the field (golden.py)
_UNSAID = {"name": "", "name_key": "", "area": "", "is_head": False}


def understood(fields: Mapping[str, Any]) -> Checked:
    """The values as the registry keeps them, and warnings; `fields-not-valid` names the rules that were broken."""
    cells = ["" if value is None else str(value) for value in fields.values()]
    checked = check(Row(1, cells), Columns(list(fields), {name: at for at, name in enumerate(fields)}), "*")
    if checked.faults:
        errors = [{"field": one.column, "rule": one.rule, "message": RULES[one.rule]} for one in checked.faults]
        raise Refused("fields-not-valid", "Some fields break the rules that hold for a list.", errors=errors)
    return checked


def given(values: Mapping[str, Any]) -> Checked:
    """Values that need no rules, because they are the registry's own."""
    return Checked(1, values=dict(values))


async def state(person: Person, checked: Checked, source: Source, tx: Tx) -> list[str]:
    """Write down what is said about a person whose row the caller holds, and make it count; None says nothing.

    Returns the fields that changed. Refused: `number-taken-meanwhile`; `statement-outweighed` when another record
    counts more by the rules of golden.py.
    """
    values, left = {name: checked.values.get(name) for name in _FIELDS}, person.area
    spoken = {name: value for name, value in values.items() if value is not None}
    row = {"id": new_id(), "source": source, "observed_on": date.today(), "person_id": person.id, "link": "entry"}
    tx.add(Record(**row, **values | _UNSAID | spoken, warnings=checked.warnings))
    changed = await _recompute(person, tx)
    await marks.mark({left, person.area} - {""}, tx)
    golden_fields = (name for name in spoken if name not in ("need", "name_key"))
    lost = sorted(name for name in golden_fields if getattr(person, name) != spoken[name])
    if lost:
        sentence = "What another record says counts more. Propose a change of these fields."
        raise Refused("statement-outweighed", sentence, "conflict", fields=lost)
    return changed


async def _recompute(person: Person, tx: Tx) -> list[str]:
    """The golden record anew, and the row as it is then."""
    await flush_numbers(tx)
    try:
        changed = dict(await golden.recompute(await golden.connection_of(tx), [person.id]))
    except asyncpg.UniqueViolationError:
        raise _taken() from None
    await tx.session.refresh(person)
    return sorted(changed.get(person.id, []))


async def flush_numbers(tx: Tx) -> None:
    """Write what was changed; somebody who took the same NIK or No. KK at the same moment is a refusal, no error."""
    try:
        await tx.session.flush()
    except IntegrityError as wrong:
        if "persons_nik" in str(wrong.orig) or "households_kk" in str(wrong.orig):
            raise _taken() from None
        raise


def _taken() -> Refused:
    sentence = "Somebody has entered this NIK or No. KK at the same moment. Look it up, then decide."
    return Refused("number-taken-meanwhile", sentence, "conflict")


async def owner_of(nik: str, tx: Tx) -> UUID | None:
    """The person who owns this NIK: of all that ever came with it, the one that is matched."""
    return await tx.session.scalar(select(Person.id).where(Person.nik == nik, Person.unmatched.is_(False)))


async def refuse_owned(nik: str, person_id: UUID, tx: Tx) -> None:
    """`nik-known`, with the owner's id, when another person owns this NIK."""
    owner = await owner_of(nik, tx)
    if owner and owner != person_id:
        sentence = "Another person has this NIK. Judge first whether the two are one."
        raise Refused("nik-known", sentence, "conflict", person_id=str(owner))
