"""Reads lists in a test: what the reading stage wrote, beside what the rules say of each row."""

import json
from itertools import cycle, islice
from pathlib import Path
from typing import Any
from uuid import UUID

import duckdb

from services.registry.files import open_list
from services.registry.plain import TYPES
from services.registry.reading import Staged, raw_pages, read_list
from services.registry.rules import check
from services.registry.seal import Seal
from services.registry.xlsx import Limits
from tests.registry.lists import Someone, people

LIMITS = Limits(unpacked_bytes=400 * 1024**2, ratio=200, parts=2000)
IMPORT = UUID(int=7)
SEAL = Seal(bytes(32))
SCOPE = "31.74"

#: the same few again and again: the numbers of `someone` are not without end, and other tests need them
_FEW = people(40)


def members(number: int) -> list[Someone]:
    """So many rows of a list, about forty people."""
    return list(islice(cycle(_FEW), number))


def staged(
    content: bytes, folder: Path, name: str = "list.csv", mapping: dict[str, str] | None = None, **more: Any
) -> Staged:
    """The list, read."""
    path, work = folder / name, folder / f"{name}.work"
    path.write_bytes(content)
    work.mkdir(exist_ok=True)
    return read_list(path, name, mapping, SCOPE, LIMITS, work, lambda share: None, **more)


def rows_of(file: Path) -> list[dict[str, Any]]:
    """The rows of a Parquet file, by their number."""
    with duckdb.connect() as desk:
        found = desk.execute(f"SELECT * FROM read_parquet('{file}') ORDER BY row")
        names = [column[0] for column in found.description]
        return [dict(zip(names, row, strict=True)) for row in found.fetchall()]


def good(found: Staged) -> list[dict[str, Any]]:
    """The good rows."""
    return rows_of(found.good)


def broken(found: Staged) -> set[tuple[int, str, str, str]]:
    """The rules that rows broke."""
    return {(one["row"], one["column"], one["rule"], one["value_masked"]) for one in rows_of(found.bad)}


def raw(found: Staged) -> dict[int, dict[str, str]]:
    """The good rows as their sealed pages tell them; `SEAL` must be in use."""
    rows: dict[int, dict[str, str]] = {}
    for first, last, sealed in raw_pages(found, IMPORT):
        page = dict(map(json.loads, SEAL.open_page(sealed, f"{IMPORT}:{first}").split("\n")))
        assert (min(page), max(page)) == (first, last)
        rows |= page
    return rows


def by_the_rules(path: Path) -> tuple[list[dict[str, Any]], set[tuple[int, str, str, str]], dict[int, dict[str, str]]]:
    """What the one authority says of each row: good ones, broken rules, and the good ones as they came."""
    opened = open_list(path, path.name, LIMITS)
    judged = [check(row, opened.columns, SCOPE) for row in opened.rows]
    clean = [one for one in judged if not one.faults]
    nothing = {**dict.fromkeys(TYPES), "is_head": False}
    values = [nothing | one.values | {"row": one.number, "warnings": one.warnings} for one in clean]
    faults = {(one.number, fault.column, fault.rule, fault.value_masked) for one in judged for fault in one.faults}
    return values, faults, {one.number: one.raw for one in clean}


def assert_as_the_rules_say(found: Staged, path: Path) -> None:
    """Both roads, and the sealed pages, say what the rules say."""
    values, faults, as_they_came = by_the_rules(path)
    assert good(found) == values
    assert broken(found) == faults
    assert raw(found) == as_they_came
    assert (found.rows_good, found.rows_bad) == (len(values), len({one[0] for one in faults}))
