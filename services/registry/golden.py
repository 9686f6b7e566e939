"""The golden record: what we hold to be true about a person, made from every record that speaks of him or her.

A person's fields follow from the records of the person and of everybody merged into him or her, by the rules below and
by nothing else, so that a merge can be undone, and the same records always give the same person. Whoever wants to
change a field writes a record (source `entry` or `request`) and recomputes. A record need not speak of every field:
what is null in it, and a name or an area that is empty, it does not say.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias
from uuid import UUID

import asyncpg

from services.registry.keys import keys_of
from services.registry.models import Person
from services.registry.search_words import learn
from sinergi.db import Tx, new_id

#: of asyncpg, in a transaction: set-based SQL goes past the mapper
Connection: TypeAlias = "asyncpg.Connection[Any]"


@dataclass(frozen=True, slots=True)
class Rule:
    """Fields that are taken together from one record, the best by `order` of those that give the first field.

    `alongside`: only records that agree with the golden value of that field are asked.
    """

    fields: tuple[str, ...]
    order: tuple[str, ...]
    why: str
    alongside: str = ""


#: survivorship, field by field
RULES = (
    Rule(("name", "name_key"), ("trusted", "longest", "newest"), "Abbreviations lose; officials write the ID's name."),
    Rule(("nik",), ("agreeing", "trusted", "newest"), "A NIK that contradicts its own row is likelier mistyped."),
    Rule(("birthplace",), ("trusted", "newest"), "It never changes: the better source is right."),
    Rule(("birth_date",), ("trusted", "newest"), "It never changes: the better source is right."),
    Rule(("sex",), ("trusted", "newest"), "It hardly ever changes: the better source is right."),
    Rule(("area",), ("newest",), "People move."),
    Rule(("address",), ("newest",), "People move; a street belongs to its kelurahan.", alongside="area"),
    Rule(("rt",), ("newest",), "People move; an RT belongs to its kelurahan.", alongside="area"),
    Rule(("rw",), ("newest",), "People move; an RW belongs to its kelurahan.", alongside="area"),
    Rule(("kk",), ("newest",), "A KK changes on a move, a death of the head, a divorce, a split."),
    Rule(("relation", "is_head"), ("newest",), "A relation is one within a household.", alongside="kk"),
    Rule(("desil", "desil_period"), ("latest_period", "trusted", "newest"), "BPS ranks anew every three months."),
)

_ORDERS = {
    "trusted": "rank",  # of the table `sources`: the lowest first
    # of one day's statements what was said by hand counts more than a list, and the last word most
    "newest": "observed_on DESC, CASE WHEN (record).source IN ('entry', 'request') THEN -1 ELSE rank END, id DESC",
    # among lists, which abbreviate; what was said by hand means what it says
    "longest": "CASE WHEN (record).source IN ('entry', 'request') THEN 0 ELSE length((record).name) END DESC",
    "latest_period": "(record).desil_period DESC NULLS LAST",
    "agreeing": "(record).warnings && '{nik-disagrees-with-birth-date,nik-disagrees-with-sex}'",
}
#: what a record that does not speak of the field holds
_UNSAID = {"name": "''", "area": "''"}

FIELDS = tuple(field for rule in RULES for field in rule.fields)

#: the records that speak of each person, and of those merged into him or her. OFFSET 0 keeps the planner from reading
#: all records of the registry for some thousand persons
_SPOKEN = """
    roots AS (SELECT unnest($1::uuid[]) AS root),
    members AS (
        SELECT root, root AS person FROM roots
        UNION ALL SELECT root, p.id FROM roots, LATERAL (
            SELECT id FROM persons WHERE survivor_id = root OFFSET 0) AS p),
    spoken AS (
        SELECT root, record, (record).id, (record).observed_on, coalesce(s.rank, 1000) AS rank
        FROM members, LATERAL (
            SELECT r AS record FROM records r WHERE r.person_id = person
              AND NOT EXISTS (SELECT FROM record_moves v WHERE v.record_id = r.id)
            UNION ALL SELECT r FROM record_moves v JOIN records r ON r.id = v.record_id WHERE v.person_id = person
            OFFSET 0) AS attached LEFT JOIN sources s ON s.code = (record).source)"""


def _given(field: str) -> str:
    value = f"(record).{field}"
    return f"nullif({value}, {_UNSAID[field]})" if field in _UNSAID else value


def _order(rule: Rule) -> str:
    return ", ".join(_ORDERS[one] for one in rule.order)


def _pick(rule: Rule) -> str:
    """The record from which the rule's fields come, as a column named after the first of them."""
    first = rule.fields[0]
    wanted = f"{_given(first)} IS NOT NULL"
    if rule.alongside:
        wanted += f" AND {_given(rule.alongside)} IS NOT DISTINCT FROM golden_{rule.alongside}"
    return f"(array_agg(record ORDER BY {_order(rule)}) FILTER (WHERE {wanted}))[1] AS {first}"


def _golden(field: str) -> str:
    """The winning value of a window over a person's records, for the fields that go alongside it."""
    order = f"{_given(field)} IS NULL, {_ORDERS['newest']}"
    return f"first_value({_given(field)}) OVER (PARTITION BY root ORDER BY {order}) AS golden_{field}"


_ALONGSIDE = sorted({rule.alongside for rule in RULES if rule.alongside})
_PICKED = {field: f"(k.{rule.fields[0]}).{field}" for rule in RULES for field in rule.fields}

#: a field's record is told only where the record of the name says otherwise
_SOURCES = ", ".join(
    f"'{rule.fields[0]}', CASE WHEN {_PICKED[rule.fields[0]]} IS DISTINCT FROM (k.name).{rule.fields[0]}"
    f" THEN (k.{rule.fields[0]}).id END"
    for rule in RULES[1:]
)
_VALUES = _PICKED | {"is_head": f"coalesce({_PICKED['is_head']}, false)"}
_CHANGED = ", ".join(
    f"CASE WHEN p.{field} IS DISTINCT FROM {value} THEN '{field}' END"
    for field, value in _VALUES.items()
    if field != "name_key"
)

#: what one statement writes; the NIK, the household and the keys come after it, for those few in whom they change
_WRITTEN = (*(field for field in FIELDS if field != "nik"), "record_id", "sources")
_UPDATE = f"""
    WITH {_SPOKEN},
    placed AS (SELECT spoken.*, {", ".join(_golden(field) for field in _ALONGSIDE)} FROM spoken),
    picks AS (SELECT root, {", ".join(_pick(rule) for rule in RULES)} FROM placed GROUP BY root),
    drafts AS (
        SELECT p.id, {", ".join(f"{value} AS {field}" for field, value in _VALUES.items())}, (k.name).id AS record_id,
            jsonb_strip_nulls(jsonb_build_object({_SOURCES})) AS sources,
            array_remove(ARRAY[{_CHANGED}], NULL) AS changed,
            {_VALUES["kk"]} IS NOT NULL AND (p.household_id IS NULL OR p.kk IS DISTINCT FROM {_VALUES["kk"]}) AS moved,
            (p.record_id, p.sources, p.name_key) AS before
        FROM picks k JOIN persons p ON p.id = k.root)
    UPDATE persons p SET {", ".join(f"{name} = d.{name}" for name in _WRITTEN)} FROM drafts d
    WHERE p.id = d.id
      AND (d.changed <> '{{}}' OR d.moved OR d.before IS DISTINCT FROM (d.record_id, d.sources, d.name_key))
    RETURNING p.id, p.name_key, p.birth_date, p.area, p.kk, d.nik, d.changed, d.moved, p.keys = '{{}}' AS keyless,
        NOT p.unmatched AND p.nik IS NULL AS lent, CASE WHEN NOT p.unmatched THEN p.nik END AS former"""

_ROOTS = "SELECT DISTINCT coalesce(survivor_id, id) AS id FROM persons WHERE id = ANY($1)"
_LOCK = "SELECT id FROM persons WHERE id = ANY($1) ORDER BY id FOR NO KEY UPDATE"

_NEW_HOUSEHOLDS = """
    INSERT INTO households (id, version, kk, area)
    SELECT id, 0, kk, area FROM unnest($1::uuid[], $2::bytea[], $3::text[]) AS new(id, kk, area)
    ON CONFLICT (kk) DO NOTHING"""
_MOVE = """
    UPDATE persons p SET household_id = h.id FROM unnest($1::uuid[]) AS moved JOIN persons m ON m.id = moved
    JOIN households h ON h.kk = m.kk WHERE p.id = moved"""
_LEAVE = "UPDATE persons SET household_id = NULL WHERE id = ANY($1) AND kk IS NULL"

_UNMATCHED = """
    SELECT id, nik, false AS lent, NULL::bytea AS former FROM persons
    WHERE id = ANY($1) AND nik IS NOT NULL AND unmatched"""
#: whoever has another NIK now lets the former go …
_RELEASE = "UPDATE persons SET unmatched = true WHERE id = ANY($1) AND NOT unmatched"
#: … and a merged person lends his to the survivor who bears it now, for the survivor's former one: so lists still find
#: both numbers, and nobody else takes one of them. Lent for nothing, it is null where `unmatched` is false
_LEND = """
    UPDATE persons p SET nik = claim.former FROM unnest($1::uuid[], $2::bytea[], $3::bytea[]) AS claim(id, nik, former)
    WHERE p.survivor_id = claim.id AND p.nik = claim.nik AND NOT p.unmatched"""
_OWNERS = "SELECT nik, id FROM persons WHERE nik = ANY($1) AND nik IS NOT NULL AND NOT unmatched"
_GIVE = """
    UPDATE persons p SET nik = claim.nik, unmatched = NOT claim.owned
    FROM unnest($1::uuid[], $2::bytea[], $3::boolean[]) AS claim(id, nik, owned)
    WHERE p.id = claim.id AND (p.nik, p.unmatched) IS DISTINCT FROM (claim.nik, NOT claim.owned)"""

_KEYS = (
    "UPDATE persons p SET keys = k.keys::bigint[] FROM unnest($1::uuid[], $2::text[]) AS k(id, keys) WHERE p.id = k.id"
)
_IN_KEYS = {"name", "birth_date", "area"}

#: a person's row and records are looked up by their indexes, even where the statistics are those of empty tables, as
#: during the first lists: left to choose, PostgreSQL came to no end with 100,000 persons
_BY_INDEX = """
    SELECT set_config('enable_hashjoin', $1, true), set_config('enable_mergejoin', $1, true),
           set_config('enable_seqscan', $1, true)"""
#: the estimates are far too high: they would have the statement compiled, which takes longer than to run it; and the
#: records of a part are sorted in memory
_FOR_PARTS = "SELECT set_config('jit', 'off', true), set_config('work_mem', '64MB', true)"

#: so many persons in one statement
_PART = 20_000
Row = Mapping[str, Any]


async def recompute(connection: Connection, persons: Sequence[UUID]) -> list[tuple[UUID, list[str]]]:
    """Make the golden records of these persons anew; returns whoever changed, and which fields did.

    A merged person stands for the survivor. Persons are locked in order of their ids. Of two who bear one NIK, who
    owns it keeps it, the other is `unmatched`. A household is found, or made, by the KK; a person whose KK has not
    changed stays in the household in which he or she is. The connection is in a transaction.
    """
    roots = sorted(row["id"] for row in await connection.fetch(_ROOTS, list(persons)))
    await connection.execute(_LOCK, roots)
    changed: list[tuple[UUID, list[str]]] = []
    await connection.execute(_FOR_PARTS)
    await connection.execute(_BY_INDEX, "off")
    for start in range(0, len(roots), _PART):
        part = roots[start : start + _PART]
        rows = await connection.fetch(_UPDATE, part)
        await _find_households(connection, rows)
        await _give_niks(connection, part, [row for row in rows if "nik" in row["changed"]])
        await _make_keys(connection, [row for row in rows if row["keyless"] or _IN_KEYS.intersection(row["changed"])])
        changed += [(row["id"], row["changed"]) for row in rows if row["changed"]]
    await connection.execute(_BY_INDEX, "on")
    return changed


async def _find_households(connection: Connection, rows: Sequence[Row]) -> None:
    left = [row["id"] for row in rows if row["kk"] is None and "kk" in row["changed"]]
    if left:
        await connection.execute(_LEAVE, left)
    moved = {row["id"]: row for row in rows if row["moved"]}
    if moved:
        areas = {row["kk"]: row["area"] for row in moved.values()}
        kks = sorted(areas)  # in one order, so that two imports cannot wait for each other
        await connection.execute(_NEW_HOUSEHOLDS, [new_id() for _ in kks], kks, [areas[kk] for kk in kks])
        await connection.execute(_MOVE, list(moved))


async def _give_niks(connection: Connection, part: Sequence[UUID], rows: Sequence[Row]) -> None:
    """Say who owns each NIK: who owned or lent it before, else the oldest of the part, if nobody else owns it."""
    await connection.execute(_RELEASE, [row["id"] for row in rows])
    waiting = await connection.fetch(_UNMATCHED, part)
    claims = {row["id"]: row for row in (*waiting, *rows)}
    ids = sorted(claims, key=lambda id: (not claims[id]["lent"], claims[id]["former"] is None, id))
    niks = [claims[id]["nik"] for id in ids]
    await connection.execute(_LEND, ids, niks, [claims[id]["former"] for id in ids])
    owners = dict(await connection.fetch(_OWNERS, [nik for nik in niks if nik]))
    owned = [nik is not None and owners.setdefault(nik, id) == id for id, nik in zip(ids, niks, strict=True)]
    await connection.execute(_GIVE, ids, niks, owned)


async def _make_keys(connection: Connection, rows: Sequence[Row]) -> None:
    if rows:
        await learn(connection, [row["name_key"] for row in rows])
        keys = [keys_of(row["name_key"], row["birth_date"], row["area"]) for row in rows]
        texts = [f"{{{','.join(map(str, one))}}}" for one in keys]
        await connection.execute(_KEYS, [row["id"] for row in rows], texts)


# ------------------------------------------------------------------ provenance

_RECORDS = """
    SELECT record_id FROM attachments
    WHERE person_id = ANY(array(SELECT $1::uuid UNION SELECT id FROM persons WHERE survivor_id = $1))
    ORDER BY record_id"""
_TOLD = "SELECT id AS record_id, source, observed_on, import_id, link FROM records WHERE id = ANY($1)"
_FIRST = {field: rule.fields[0] for rule in RULES for field in rule.fields}


async def records_of(person_id: UUID, tx: Tx) -> list[UUID]:
    """The ids of the records that speak of a person, or of somebody merged into him or her; oldest first."""
    return [row["record_id"] for row in await (await connection_of(tx)).fetch(_RECORDS, person_id)]


async def provenance(person: Person, tx: Tx) -> dict[str, dict[str, Any]]:
    """For each field that is known: `record_id`, `source`, `observed_on` (the list's date), `import_id`, `link`."""
    known = [name for name in FIELDS if name != "name_key" and getattr(person, name) is not None]
    records = {name: _record_of(person, name) for name in known}
    rows = await (await connection_of(tx)).fetch(_TOLD, list(set(records.values())))
    told = {row["record_id"]: dict(row) for row in rows}
    return {name: told[record] for name, record in records.items() if record in told}


def _record_of(person: Person, field: str) -> UUID | None:
    named = person.sources.get(_FIRST[field])
    return UUID(named) if named else person.record_id


async def connection_of(tx: Tx) -> Connection:
    """The transaction's own connection, for set-based SQL; what the mapper has changed is written first."""
    await tx.session.flush()
    fairy = await (await tx.session.connection()).get_raw_connection()
    connection = fairy.driver_connection
    assert isinstance(connection, asyncpg.Connection)
    return connection
