"""A directory's workbook comes in: the good rows go in, the bad ones are told with sheet, row, column and rule.

The rules are those of the same requests that come over HTTP. Handing the same workbook in again changes nothing. A dry
run does all of it and keeps none of it.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from services.referrals import directory_commands
from services.referrals.directory_requests import PutDesk
from services.referrals.requests import PutAgency, PutService
from services.referrals.workbook_layout import CHANNELS, NEVER, PUBLIC, TERMS
from services.referrals.workbook_reading import Row, Sheets
from sinergi.app import Context
from sinergi.auth import Actor, Permitted
from sinergi.db import Tx
from sinergi.problems import Refused

R = TypeVar("R", bound=BaseModel)
#: so many bad rows are told; a file with more is another file
TOLD_AT_MOST = 1_000
YES_NO = {"yes": True, "no": False, "ya": True, "tidak": False}


class _DryRun(Exception):
    """Takes back what a dry run has written."""


@dataclass
class Report:
    """What became of the rows."""

    good: Counter[str] = field(default_factory=Counter)
    changed: Counter[str] = field(default_factory=Counter)
    problems: list[dict[str, Any]] = field(default_factory=list)

    def bad(self, sheet: str, row: Row, column: str, rule: str, message: str) -> None:
        """A rule that a row broke."""
        problem = {"sheet": sheet, "row": row.number, "column": column, "rule": rule, "message": message}
        self.problems.append(problem)

    def told(self, *, dry_run: bool) -> dict[str, Any]:
        """As it is answered."""
        return {
            "dry_run": dry_run,
            "good": dict(self.good),
            "changed": dict(self.changed),
            "bad": len({(one["sheet"], one["row"]) for one in self.problems}),
            "problems": self.problems[:TOLD_AT_MOST],
        }


async def hand_in(context: Context, sheets: Sheets, actor: Actor, *, dry_run: bool) -> dict[str, Any]:
    """Enter what is good, all of it in one transaction; the answer tells how many rows were good and what was bad."""
    report = Report()
    try:
        async with context.db.begin(actor) as tx:
            await _enter("agencies", _agencies(sheets, report), directory_commands.put_agency, report, actor, tx)
            await _enter("desks", _desks(sheets, report), directory_commands.put_desk, report, actor, tx)
            await _enter("services", _services(sheets, report), directory_commands.put_service, report, actor, tx)
            if dry_run:
                raise _DryRun
    except _DryRun:
        pass
    return report.told(dry_run=dry_run)


async def _enter(
    sheet: str,
    requests: Iterator[tuple[Row, BaseModel]],
    command: Permitted[Any, Any, Any],
    report: Report,
    actor: Actor,
    tx: Tx,
) -> None:
    seen: set[str] = set()
    for row, request in requests:
        code = row.cells["code"]
        if code in seen:
            report.bad(sheet, row, "code", "twice", "This code stands in an earlier row.")
            continue
        seen.add(code)
        try:
            report.changed[sheet] += (await command(request, actor, tx)).changed
            report.good[sheet] += 1
        except Refused as no:
            report.bad(sheet, row, "agency" if "agency" in no.slug else "code", no.slug, no.detail)


# ------------------------------------------------------------------ requests


def _agencies(sheets: Sheets, report: Report) -> Iterator[tuple[Row, BaseModel]]:
    for row in sheets.get("agencies", []):
        values: dict[str, Any] = dict(row.cells)
        if "connected" in values:
            values["connected"] = YES_NO.get(values["connected"].lower(), values["connected"])
        yield from _valid("agencies", row, PutAgency, values, report)


def _desks(sheets: Sheets, report: Report) -> Iterator[tuple[Row, BaseModel]]:
    for row in sheets.get("desks", []):
        cells = row.cells
        values: dict[str, Any] = {name: cells[name] for name in ("code", "name", "receives", "area") if name in cells}
        values["channels"] = _channels(cells)
        values["opening"] = [_opening(one) for one in _listed(cells.get("opening", ""), ";")]
        yield from _valid("desks", row, PutDesk, values, report)


def _services(sheets: Sheets, report: Report) -> Iterator[tuple[Row, BaseModel]]:
    rows = sheets.get("services", [])
    known = {row.cells.get("code", "") for row in rows}
    areas = _children(sheets, "areas", known, report)
    fields = _children(sheets, "fields", known, report)
    rules = _children(sheets, "eligibility", known, report)
    for row in rows:
        code = row.cells.get("code", "")
        values = _service(row.cells) | {
            "areas": [one.cells.get("area", "") for one in areas[code]],
            "fields": [one.cells.get("field", "") for one in fields[code]],
        }
        if rules[code]:
            values["eligibility"] = {"all": _rules(rules[code])}
        places = {"areas": areas[code], "fields": fields[code], "eligibility": _first_of_lines(rules[code])}
        yield from _valid("services", row, PutService, values, report, places)


def _children(sheets: Sheets, sheet: str, known: set[str], report: Report) -> dict[str, list[Row]]:
    """The rows of a sheet by their service."""
    found: dict[str, list[Row]] = defaultdict(list)
    for row in sheets.get(sheet, []):
        service = row.cells.get("service", "")
        found[service].append(row)
        if service not in known:
            report.bad(sheet, row, "service", "service-unknown", "No row of the sheet services has this code.")
    return found


def _service(cells: dict[str, str]) -> dict[str, Any]:
    plain = ("code", "agency", "desk", "name", "purpose", "details_days")
    hours = ("acknowledge_hours", "decide_hours", "finish_hours")
    values: dict[str, Any] = {name: cells[name] for name in (*plain, *hours) if name in cells}
    values |= {name: _listed(cells.get(name, ""), ",") for name in ("needs", "documents")}
    clocks: dict[str, dict[str, Any]] = defaultdict(dict)
    for priority, term in TERMS:
        if told := cells.get(f"{priority}_{term}"):
            count, _, unit = told.partition(" ")
            clocks[priority][term] = None if told == NEVER else {unit.strip() or "days": count}
    return values | ({"clocks": dict(clocks)} if clocks else {})


def _lines(rows: list[Row]) -> list[list[Row]]:
    """Rows of one number are one line, of which any is enough; a row without a number is a line of its own."""
    lines: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        lines[row.cells.get("line", f"row {row.number}")].append(row)
    return list(lines.values())


def _rules(rows: list[Row]) -> list[dict[str, Any]]:
    lines = [[_rule(row.cells) for row in line] for line in _lines(rows)]
    return [line[0] if len(line) == 1 else {"any": line} for line in lines]


def _first_of_lines(rows: list[Row]) -> list[Row]:
    return [line[0] for line in _lines(rows)]


def _rule(cells: dict[str, str]) -> dict[str, Any]:
    value: Any = cells.get("value", "")
    match cells.get("op"):
        case "<=" | ">=":
            value = int(value) if value.isdecimal() and len(value) < 6 else value
        case "is":
            value = YES_NO.get(value.lower(), value)
        case _:
            value = _listed(value, ",")
    return {name: cells[name] for name in ("fact", "op", "of") if name in cells} | {"value": value}


def _channels(cells: dict[str, str]) -> list[dict[str, Any]]:
    return [
        {"kind": kind, "value": value.removesuffix(PUBLIC).strip(), "public": value.endswith(PUBLIC)}
        for kind in CHANNELS
        for value in _listed(cells.get(kind, ""), "|")
    ]


def _opening(told: str) -> dict[str, str]:
    """`MO 08:00-15:00`."""
    day, _, span = told.partition(" ")
    opens, _, closes = span.partition("-")
    return {"day": day, "opens": opens.strip(), "closes": closes.strip()}


def _listed(told: str, comma: str) -> list[str]:
    return [one.strip() for one in told.split(comma) if one.strip()]


# ---------------------------------------------------------------- validation


def _valid(
    sheet: str,
    row: Row,
    model: type[R],
    values: dict[str, Any],
    report: Report,
    children: dict[str, list[Row]] | None = None,
) -> Iterator[tuple[Row, BaseModel]]:
    """The row's request, or what is wrong with the row or with the rows of other sheets that belong to it."""
    formulas = [name for name, value in row.cells.items() if value.startswith("=")]
    for name in formulas:
        report.bad(sheet, row, name, "formula", "A cell holds its value, not a formula.")
    try:
        request = model.model_validate(values)
    except ValidationError as wrong:
        for one in wrong.errors(include_input=False, include_url=False):
            _blame(sheet, row, one["loc"], one["type"], one["msg"], report, children or {})
        return
    if not formulas:
        yield row, request


def _blame(
    sheet: str,
    row: Row,
    place: tuple[int | str, ...],
    rule: str,
    message: str,
    report: Report,
    children: dict[str, list[Row]],
) -> None:
    """Say where it stands: in a cell of the row, or in the row of another sheet that belongs to it."""
    column = str(place[0]) if place else "code"
    theirs = children.get(column)
    if theirs:
        at = next((one for one in place[1:] if isinstance(one, int)), 0)
        report.bad(column, theirs[at], _COLUMN[column], rule, message)
    else:
        report.bad(sheet, row, column, rule, message)


#: where the value of a row of another sheet stands
_COLUMN = {"areas": "area", "fields": "field", "eligibility": "value"}
