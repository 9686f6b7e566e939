"""The rules for plain rows, in SQL: what is read here is read by millions of rows, and means what `rules.check` says.

A row is plain when every cell is printable ASCII without quotes and signs that a spreadsheet would obey, its NIK and
KK have 16 digits or are missing, and its name begins with a letter. Cells that few different texts fill (dates, areas,
relations, …) are understood by `rules.READ` itself, once for each text. Every other row goes through `rules.check`,
which is the only authority; a test holds both roads to the same answers.
"""

from collections.abc import Iterator, Sequence
from typing import Any

from services.registry.desk import Desk, add_rows
from services.registry.layouts import Columns
from services.registry.linkage.keys import macros
from services.registry.rules import READ, Broken
from sinergi.auth import covers

#: stands between the cells of a row while they are matched as one text
BETWEEN = "\x1f"
#: a row that is longer is looked at more closely, cell by cell (rules.CELL_CHARACTERS)
ROW_CHARACTERS = 500
#: so many different texts of one column are looked up; a list with more is read row by row
TEXTS = 200_000

#: the fields of a staged row and their types
TYPES = {
    "row": "INTEGER",
    **dict.fromkeys(("kk", "nik", "name", "name_key", "birthplace"), "VARCHAR"),
    "birth_date": "DATE",
    **dict.fromkeys(("sex", "address", "rt", "rw", "area", "relation"), "VARCHAR"),
    "is_head": "BOOLEAN",
    "desil": "SMALLINT",
    **dict.fromkeys(("desil_period", "need"), "VARCHAR"),
    "warnings": "VARCHAR[]",
}

_SIGN = r"[!#-\[\]-~]"  # printable, but no quote, no backslash, no blank
_FIRST = r"[!#-*,./0-9:;<>?A-Z\[\]^-~]"  # of these, what no formula begins with
_TEXT = f"(?:-|{_FIRST}{_SIGN}*(?: {_SIGN}+)*)?"
_DIGITS = "(?:[0-9]{16}|-|0*)"
_PLAIN = {"kk": _DIGITS, "nik": _DIGITS, "name": f"[A-Za-z]{_SIGN}*(?: {_SIGN}+)*"}

#: field -> what a text of it means: the fields that the text gives
_LOOKED_UP = {
    **{name: (name,) for name in ("birth_date", "sex", "rt", "rw", "area", "desil", "need")},
    "rt_rw": ("rt", "rw"),
    "relation": ("relation", "is_head"),
}
_AS_WRITTEN = ("birthplace", "address", "desil_period")

_WARNINGS = {
    "nik-disagrees-with-birth-date": """nik IS NOT NULL AND birth_date IS NOT NULL AND (
        nik[7:8]::INTEGER - CASE WHEN nik[7:8]::INTEGER > 40 THEN 40 ELSE 0 END, nik[9:10]::INTEGER, nik[11:12]::INTEGER
        ) <> (day(birth_date), month(birth_date), year(birth_date) % 100)""",
    "nik-disagrees-with-sex": "nik IS NOT NULL AND sex IS NOT NULL AND (nik[7:8]::INTEGER > 40) <> (sex = 'P')",
    "need-unknown": "need IS NULL AND trim(need_text, '-0 ') <> ''",
}


def pattern(columns: Columns) -> str:
    """What a plain row matches, its cells joined by `BETWEEN`."""
    fields = {place: field for field, place in columns.places.items()}
    cells = (_PLAIN.get(fields.get(place, ""), _TEXT) for place in range(len(columns.header)))
    return r"\x1f".join(cells)


def learn(desk: Desk, columns: Columns, scope: str, source: str) -> str:
    """Look up each text that the plain rows of `source` have; tables `meant_<field>` then say what it means.

    Returns the condition under which a plain row is not understood after all, and must be checked as the others are.
    """
    looked_up = {field: _cell(place) for field, place in columns.places.items() if field in _LOOKED_UP}
    each = ", ".join(f"list(DISTINCT {cell})[:{TEXTS + 1}]" for cell in looked_up.values()) or "NULL"
    (found,) = desk.execute(f"SELECT {each} FROM {source} WHERE plain").fetchall()
    doubts = []
    for (field, cell), texts in zip(looked_up.items(), found, strict=True):
        if not _learn(desk, field, texts or [], scope):
            doubts.append(f"{cell} NOT IN (SELECT text FROM meant_{field})")
    return " OR ".join(doubts) or "false"


def understood(columns: Columns, source: str) -> str:
    """SQL: the staged row of each plain row of `source` whose every text was understood."""
    places, inner = columns.places, [field for field in columns.places if field in _LOOKED_UP]
    given = {name: f"meant_{field}.{name}" for field in inner for name in _LOOKED_UP[field]}
    given |= {name: f"nullif(nullif({_cell(places[name])}, ''), '-')" for name in _AS_WRITTEN if name in places}
    given |= {name: _number(_cell(places[name])) for name in ("nik", "kk") if name in places}
    given |= {"row": "row", "name": _cell(places["name"]), "name_key": f"name_key({_cell(places['name'])})"}
    given.setdefault("is_head", "false")
    plain = [name for name in TYPES if name != "warnings"]
    values = ", ".join(f"{given.get(name, 'NULL')}::{TYPES[name]} AS {name}" for name in plain)
    need = _cell(places["need"]) if "need" in places else "''"
    joins = " ".join(f"JOIN meant_{field} ON meant_{field}.text = {_cell(places[field])}" for field in inner)
    return f"""
        SELECT {", ".join(plain)}, {_warnings()} AS warnings
        FROM (SELECT {values}, {need} AS need_text FROM {source} {joins} WHERE plain)"""


def _warnings() -> str:
    """Few rows have any, so the list is only built for those."""
    each = ", ".join(f"CASE WHEN {rule} THEN '{name}' END" for name, rule in _WARNINGS.items())
    some = " OR ".join(f"({rule})" for rule in _WARNINGS.values())
    return f"CASE WHEN {some} THEN list_filter([{each}], lambda one: one IS NOT NULL) ELSE [] END"


def prepare(desk: Desk) -> None:
    """Give the desk `name_key(text)`."""
    for statement in macros():
        desk.execute(statement)


def _learn(desk: Desk, field: str, texts: Sequence[str], scope: str) -> bool:
    """Make `meant_<field>`; whether every text was understood."""
    names = _LOOKED_UP[field]
    meant = list(_meant(field, texts, scope)) if len(texts) <= TEXTS else []
    types = ["VARCHAR", *(TYPES[name] for name in names)]
    shape = ", ".join(f"{name} {kind}" for name, kind in zip(("text", *names), types, strict=True))
    desk.execute(f"CREATE TABLE meant_{field} ({shape})")
    add_rows(
        desk, f"meant_{field}", [list(column) for column in zip(*meant, strict=True)] or [[] for _ in types], types
    )
    return len(meant) == len(texts)


def _meant(field: str, texts: Sequence[str], scope: str) -> Iterator[tuple[Any, ...]]:
    for text in sorted(texts):
        try:
            values = READ[field](text)
        except Broken:
            continue
        if field != "area" or covers(scope, values["area"]):
            yield text, *(values.get(name) for name in _LOOKED_UP[field])


def _number(cell: str) -> str:
    """A number of 16 digits; zeros are none."""
    return f"CASE WHEN strlen({cell}) = 16 AND {cell} <> '{'0' * 16}' THEN {cell} END"


def _cell(place: int) -> str:
    return f"c{place}"
