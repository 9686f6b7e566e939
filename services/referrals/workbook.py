"""The directory and its gaps as workbooks. What is written here is read back by workbook_import.py, unchanged."""

from collections.abc import Iterable, Sequence
from io import BytesIO
from typing import Any

import xlsxwriter
from pydantic import BaseModel
from sqlalchemy import select

from services.referrals.directory_models import Desk
from services.referrals.models import Agency, Offer
from services.referrals.workbook_layout import CHANNELS, COLUMNS, NEVER, PUBLIC, TERMS
from sinergi.auth import Actor, permit
from sinergi.db import Tx

#: no text is taken for a formula, a number or a link
_OPTIONS = {"strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False, "in_memory": True}
_GAPS = ("need", "need_name", "area", "area_name", "state", "services", "asked", "unmet")
#: a directory is some thousand entries; one that is larger does not belong into a workbook
_MOST = 20_000

Rows = dict[str, list[Sequence[Any]]]


class ExportDirectory(BaseModel):
    """All of it."""


@permit("directory.write")
async def read_directory(what: ExportDirectory, actor: Actor, tx: Tx) -> Rows:
    """The rows of each sheet, in order of their codes."""
    agencies = (await tx.session.scalars(select(Agency).order_by(Agency.code).limit(_MOST))).all()
    desks = (await tx.session.scalars(select(Desk).order_by(Desk.code).limit(_MOST))).all()
    offers = (await tx.session.scalars(select(Offer).order_by(Offer.code).limit(_MOST))).all()
    return {
        "agencies": [(one.code, one.name, one.kind, _yes(one.connected)) for one in agencies],
        "desks": [_desk(one) for one in desks],
        "services": [_service(one) for one in offers],
        "eligibility": [row for one in offers for row in _rules(one)],
        "areas": [(one.code, area) for one in offers for area in one.areas],
        "fields": [(one.code, name) for one in offers for name in one.fields],
    }


def of_directory(rows: Rows) -> bytes:
    """The workbook of `read_directory`'s rows."""
    return _book((name, COLUMNS[name], rows[name]) for name in COLUMNS)


def of_gaps(found: list[dict[str, Any]]) -> bytes:
    """The workbook of the gaps."""
    rows = [[_text(one[name]) for name in _GAPS] for one in found]
    return _book([("gaps", _GAPS, rows)])


def _book(sheets: Iterable[tuple[str, Sequence[str], Iterable[Sequence[Any]]]]) -> bytes:
    target = BytesIO()
    with xlsxwriter.Workbook(target, _OPTIONS) as book:
        bold = book.add_format({"bold": True})
        for name, columns, rows in sheets:
            sheet = book.add_worksheet(name)
            sheet.write_row(0, 0, columns, bold)
            for number, row in enumerate(rows, 1):
                sheet.write_row(number, 0, row)
            sheet.freeze_panes(1, 1)
            sheet.set_column(0, len(columns) - 1, 18)
    return target.getvalue()


def _text(value: Any) -> Any:
    return ", ".join(value) if isinstance(value, list) else value


def _yes(value: bool) -> str:
    return "yes" if value else "no"


def _desk(desk: Desk) -> Sequence[Any]:
    opening = "; ".join(f"{one['day']} {one['opens'][:5]}-{one['closes'][:5]}" for one in desk.opening)
    channels = (" | ".join(_channel(one) for one in desk.channels if one["kind"] == kind) for kind in CHANNELS)
    return (desk.code, desk.name, desk.receives, desk.area, *channels, opening)


def _channel(channel: dict[str, Any]) -> str:
    return f"{channel['value']} {PUBLIC}" if channel["public"] else str(channel["value"])


def _service(offer: Offer) -> Sequence[Any]:
    terms = (_term(offer.clocks[priority][name]) for priority, name in TERMS)
    return (
        *(offer.code, offer.agency, offer.desk, offer.name, offer.purpose),
        *(", ".join(offer.needs), ", ".join(offer.documents)),
        *(offer.acknowledge_hours, offer.decide_hours, offer.finish_hours),
        *terms,
        offer.details_days,
    )


def _term(term: dict[str, int] | None) -> str:
    """`3 days`, `24 hours`, or `never`."""
    return " ".join(f"{count} {unit}" for unit, count in term.items()) if term else NEVER


def _rules(offer: Offer) -> Iterable[Sequence[Any]]:
    """Rules of one line stand under one number: any of them is enough."""
    for number, line in enumerate((offer.eligibility or {"all": []})["all"], 1):
        for rule in line.get("any", [line]):
            value = rule["value"]
            told = _yes(value) if isinstance(value, bool) else _text(value)
            yield offer.code, number, rule["fact"], rule["op"], told, rule["of"]
