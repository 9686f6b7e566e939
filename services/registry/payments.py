"""Lists of payments (bantuan) by NIK: one command for up to 1,000, and the reading of a CSV or XLSX into such batches.

A list may be sent again after an interruption: what it recorded before is recognised by its reference.
"""

import asyncio
import csv
import re
from collections.abc import Awaitable, Callable, Iterator, Sequence
from datetime import date
from pathlib import Path
from typing import Any, TypeAlias
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import func, insert, select

from services.registry.commands import Request
from services.registry.known_models import AidEntry
from services.registry.marks import mark
from services.registry.models import Person
from services.registry.overlaps import Recipient, standing, take_turn
from services.registry.programmes import Programme, Programmes, check_period
from services.registry.rules import read_date
from services.registry.xlsx import Limits, read_sheet
from sinergi.auth import Actor, covers, permit
from sinergi.db import Tx, new_id
from sinergi.problems import Refused

BATCH = 1000
#: a field may be called any of these in the file's first row
_TITLES = {
    "nik": {"nik", "nonik", "nikpenerima"},
    "amount": {"nominal", "jumlah", "amount", "rupiah"},
    "given_on": {"tanggal", "tanggalbayar", "tglbayar", "givenon"},
    "reference": {"referensi", "noref", "nosp2d", "reference"},
}
_MOST_ROWS = 200_000
_RULES = {
    "nik-not-16-digits": "A NIK has 16 digits.",
    "amount-unreadable": "The amount is no whole number of rupiah above 0.",
    "day-unreadable": "There is no such day, or it lies in the future.",
    "reference-empty": "The reference is missing.",
    "nik-unknown": "Nobody of your area has this NIK.",
    "aid-twice": "This programme was given for this period already, by another reference.",
}


class Payment(BaseModel):
    """One row of a list: `row` is its number in the file. It shows no NIK when it is printed."""

    model_config = ConfigDict(extra="forbid")

    row: int = Field(ge=1)
    nik: str = Field(pattern="^[0-9]{16}$", repr=False)
    amount: int = Field(gt=0, le=10**12)
    given_on: date
    reference: str = Field(min_length=1, max_length=100)


class RecordPayments(Request):
    """Payments of one programme for one period, from one giver."""

    programme: str = Field(max_length=40)
    period: str = Field(max_length=10)
    giver: str = Field(pattern="^[a-z0-9-]{2,12}$")
    payments: list[Payment] = Field(min_length=1, max_length=BATCH)


#: runs `record_payments` as the door does
Record: TypeAlias = Callable[[RecordPayments], Awaitable[dict[str, Any]]]


@permit("aid.write")
async def record_payments(cmd: RecordPayments, actor: Actor, tx: Tx) -> dict[str, Any]:
    """Write payments down; each row is recorded, known already, or bad with its rule. Good rows go on.

    A payment despite a programme that excludes it was made all the same: it is recorded and flagged.
    """
    programme = Programmes.current().get(cmd.programme)
    check_period(programme, cmd.period)
    owners = await _owners([one.nik for one in cmd.payments], actor, tx)
    found = [one for one in cmd.payments if one.nik in owners and one.given_on <= date.today()]
    bad = [_bad(one.row, "nik-unknown") for one in cmd.payments if one.nik not in owners]
    bad += [_bad(one.row, "day-unreadable") for one in cmd.payments if one.nik in owners and one not in found]
    await take_turn(tx)
    entries, known, doubles = await _new_entries(cmd, programme, found, owners, actor, tx)
    if entries:
        await tx.session.execute(insert(AidEntry), entries)
    await mark({owners[one.nik][1] for one in found}, tx)
    await tx.audit("aid.record", "person", [one["person_id"] for one in entries], f"{cmd.programme} {cmd.period}")
    flagged = sum(bool(one["excluded_by"]) for one in entries)
    return {"recorded": len(entries), "known": known, "flagged": flagged, "bad": _in_order(bad + doubles)}


async def _owners(niks: Sequence[str], actor: Actor, tx: Tx) -> dict[str, tuple[Recipient, str]]:
    """Who owns each NIK, with his area; a merged owner's survivor. Owners elsewhere are as unknown as nobody."""
    owner = select(Person.nik, func.coalesce(Person.survivor_id, Person.id).label("id")).where(
        Person.nik.in_(set(niks)), Person.unmatched.is_(False)
    )
    owned = owner.subquery()
    rows = await tx.session.execute(
        select(owned.c.nik, Person.id, Person.household_id, Person.area).join(Person, Person.id == owned.c.id)
    )
    found = [(nik, Recipient(id_, household), area) for nik, id_, household, area in rows]
    return {nik: (recipient, area) for nik, recipient, area in found if covers(actor.area, area)}


async def _new_entries(
    cmd: RecordPayments,
    programme: Programme,
    found: Sequence[Payment],
    owners: dict[str, tuple[Recipient, str]],
    actor: Actor,
    tx: Tx,
) -> tuple[list[dict[str, Any]], int, list[dict[str, Any]]]:
    """The entries to write, how many rows were written before, and the rows that would double aid."""
    recipients = [owners[one.nik][0] for one in found]
    met = await standing(recipients, programme, cmd.period, tx)
    entries: list[dict[str, Any]] = []
    known, doubles, taken = 0, list[dict[str, Any]](), dict[UUID, str]()
    for payment, recipient, entries_met in zip(found, recipients, met, strict=True):
        whose = _whose(recipient, programme)
        references = {one.reference for one in entries_met if one.double} | (
            {taken[whose]} if whose in taken else set()
        )
        if payment.reference in references:
            known += 1
        elif references:
            doubles.append(_bad(payment.row, "aid-twice"))
        else:
            taken[whose] = payment.reference
            excluding = sorted({one.programme for one in entries_met if not one.double})
            entries.append(_entry(cmd, payment, recipient, excluding, actor))
    return entries, known, doubles


def _whose(recipient: Recipient, programme: Programme) -> UUID:
    """Who may get it once: the household as a whole, or the person."""
    assert recipient.person_id is not None
    return recipient.household_id or recipient.person_id if programme.per == "household" else recipient.person_id


def _entry(
    cmd: RecordPayments, payment: Payment, recipient: Recipient, excluding: list[str], actor: Actor
) -> dict[str, Any]:
    given = {"amount": payment.amount, "given_on": payment.given_on, "reference": payment.reference}
    what = {"programme": cmd.programme, "period": cmd.period, "giver": cmd.giver, "kind": None}
    whose = {"person_id": recipient.person_id, "household_id": None}
    return {"id": new_id(), "by": actor.id, "excluded_by": excluding, **whose, **what, **given}


def _bad(row: int, rule: str) -> dict[str, Any]:
    return {"row": row, "rule": rule, "message": _RULES[rule]}


def _in_order(bad: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """In the order of the file."""
    return sorted(bad, key=lambda one: int(one["row"]))


async def record_list(path: Path, limits: Limits, about: dict[str, str], record: Record) -> dict[str, Any]:
    """Record a whole file batch by batch, each in a transaction of its own; at most 1,000 bad rows are told one by one.

    `about`: programme, period, giver. `record` runs `record_payments` in a transaction.
    """
    told: dict[str, Any] = {"recorded": 0, "known": 0, "flagged": 0, "bad_rows": 0, "bad": []}
    batches = read_payments(path, limits)
    while (batch := await asyncio.to_thread(next, batches, None)) is not None:
        good, bad = batch
        if good:
            answer = await record(RecordPayments.model_validate(about | {"payments": good}))
            told |= {name: told[name] + answer[name] for name in ("recorded", "known", "flagged")}
            bad = _in_order(bad + answer["bad"])
        told["bad_rows"] += len(bad)
        told["bad"] += bad[: BATCH - len(told["bad"])]
    return told


# --------------------------------------------------------------------- reading


def read_payments(path: Path, limits: Limits) -> Iterator[tuple[list[Payment], list[dict[str, Any]]]]:
    """A file's payments in batches of up to 1,000, each with its bad rows. Row 1 is the header.

    Refused: `header-unknown`, `file-damaged`, `file-too-large-unpacked`, `list-too-long`, `encoding-unknown`.
    """
    rows = _cells(path, limits)
    _, header = next(rows, (0, list[str]()))
    places = _places(header)
    good, bad = list[Payment](), list[dict[str, Any]]()
    for number, cells in rows:
        if number > _MOST_ROWS:
            raise Refused("list-too-long", f"A list of payments has at most {_MOST_ROWS:,} rows.")
        read = _payment(number, cells, places)
        if isinstance(read, Payment):
            good.append(read)
        else:
            bad.append(_bad(number, read))
        if len(good) + len(bad) == BATCH:
            yield good, bad
            good, bad = [], []
    if good or bad:
        yield good, bad


def _cells(path: Path, limits: Limits) -> Iterator[tuple[int, list[str]]]:
    with path.open("rb") as file:
        is_zip = file.read(2) == b"PK"
    if is_zip:
        yield from read_sheet(path, limits)
        return
    try:
        with path.open(encoding="utf-8-sig", newline="") as text:
            first = text.readline(1 << 16)
            text.seek(0)
            rows = csv.reader(text, delimiter=max(";,\t|", key=first.count))
            yield from ((number, cells) for number, cells in enumerate(rows, 1) if any(cells))
    except (UnicodeDecodeError, csv.Error) as wrong:
        raise Refused("encoding-unknown", "Save the list as CSV UTF-8 or XLSX and send it again.") from wrong


def _places(header: Sequence[str]) -> dict[str, int]:
    names = [re.sub(r"[^a-z0-9]", "", title.lower()) for title in header]
    places = {
        field: next((at for at, name in enumerate(names) if name in titles), -1) for field, titles in _TITLES.items()
    }
    missing = sorted(field for field, at in places.items() if at < 0)
    if missing:
        raise Refused("header-unknown", "Name the columns NIK, NOMINAL, TANGGAL and REFERENSI.", missing=missing)
    return places


def _payment(number: int, cells: Sequence[str], places: dict[str, int]) -> Payment | str:
    """The row, or the rule that it breaks."""
    nik, amount, day, reference = (cells[at].strip() if at < len(cells) else "" for at in places.values())
    given_on, rupiah = read_date(day), _rupiah(amount)
    if not re.fullmatch("[0-9]{16}", nik):
        return "nik-not-16-digits"
    if rupiah is None:
        return "amount-unreadable"
    if given_on is None or given_on > date.today():
        return "day-unreadable"
    if not 0 < len(reference) <= 100:
        return "reference-empty"
    return Payment(row=number, nik=nik, amount=rupiah, given_on=given_on, reference=reference)


def _rupiah(text: str) -> int | None:
    """`Rp 750.000,00` and `750000` are 750000; None for anything else, and for parts of a rupiah."""
    match = re.fullmatch(r"(?:Rp\.? ?)?(\d{1,3}(?:\.\d{3})+|\d{1,13})(?:,0+|,-)?", text, re.IGNORECASE)
    return (int(match[1].replace(".", "")) or None) if match else None
