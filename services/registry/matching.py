"""The matching stage: of whom each good row of a staged list speaks, decided once and written down whole.

`decided.parquet` names for every good row its person, known or new; `reviews.parquet` names the pairs that a human must
judge. Applying reads nothing else, so a crash while applying goes on with the same decisions. New persons' ids are
made of the import's id and the row, so deciding again gives the same persons.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

import asyncpg

from services.registry import candidates
from services.registry.desk import DECIDED, REVIEWS, Desk, Progress, as_text, in_thread, open_desk
from services.registry.keys import DUCKDB_KEYS
from services.registry.seal import Seal
from services.registry.workplace import scratch, whole

#: two rows of a list with one NIK are one person when their names are at least so alike (Jaro-Winkler), or when they
#: are born on one day and of one household: a NIK holds the date, so a wrong digit makes that of somebody of that day
NAME_ALIKE = 0.8
_SEALED_AT_ONCE = 50_000

#: what a row without a person of the registry makes: ids in the order of rows, so that indexes grow at one end
_NEW_ID = "('{begin}-a{middle}' || printf('%08x', {row}))::UUID"

_NUMBERS = """
    CREATE TABLE numbers AS SELECT * FROM read_csv('{file}', header = false, auto_detect = false,
    columns = {{'row': 'INTEGER', 'nik': 'VARCHAR', 'kk': 'VARCHAR'}})"""

#: rows whose NIK an earlier row of this list has given: `same` when both speak of one person
_DOUBLES = f"""
    CREATE TABLE doubles AS
    WITH twice AS (SELECT nik, min(row) AS first FROM good WHERE nik IS NOT NULL GROUP BY nik HAVING count(*) > 1)
    SELECT late.row, twice.first, coalesce(late.birth_date = early.birth_date AND late.kk = early.kk, false)
           OR jaro_winkler_similarity(late.name_key, early.name_key) >= {NAME_ALIKE} AS same
    FROM twice JOIN good late ON late.nik = twice.nik AND late.row <> twice.first
         JOIN good early ON early.row = twice.first"""

_FOUND = """
    CREATE TABLE found (row INTEGER, person_id UUID, how VARCHAR, bits REAL, same BOOLEAN, levels VARCHAR)"""

_LINKS = """
    CREATE TABLE links AS
    SELECT good.row, coalesce(known.person_id, first_known.person_id, {new_id}) AS person_id,
           CASE WHEN doubles.same THEN 'nik' ELSE coalesce(known.how, 'new') END AS link,
           known.bits, known.person_id IS NULL AND NOT coalesce(doubles.same, false) AS is_new,
           doubles.row IS NULL AS owns_nik
    FROM good LEFT JOIN doubles USING (row)
         LEFT JOIN known ON known.row = good.row AND NOT coalesce(doubles.same, false)
         LEFT JOIN known first_known ON first_known.row = doubles.first AND doubles.same"""

_KEYS = DUCKDB_KEYS.format(name_key="name_key", birth_date="birth_date", area="area")
#: the whole rows, so that applying reads one file from its beginning to its end
_DECIDED = f"""
    SELECT good.* REPLACE (numbers.nik AS nik, numbers.kk AS kk), links.* EXCLUDE (row),
           ('{{begin}}-9{{middle}}' || printf('%08x', good.row))::UUID AS record_id,
           CASE WHEN is_new THEN {_KEYS} END AS keys
    FROM good LEFT JOIN links ON links.row = good.row LEFT JOIN numbers ON numbers.row = good.row"""
#: the first table of a join stays its first, so that rows stay in the list's order
_IN_ORDER = "SET disabled_optimizers = 'join_order,build_side_probe_side'"

#: pairs of persons; a pair that two rows speak of is named once
_REVIEWS = """
    CREATE TABLE pairs AS
    SELECT doubles.row, own.person_id, other.person_id AS other_id, NULL::REAL AS bits, NULL::VARCHAR AS levels,
           'nik-shared' AS reason
    FROM doubles JOIN links own USING (row) JOIN links other ON other.row = doubles.first WHERE NOT doubles.same
    UNION ALL
    SELECT found.row, own.person_id, found.person_id, found.bits, found.levels, found.how
    FROM found JOIN links own USING (row) WHERE NOT found.same"""
_LEAST_AND_GREATEST = """
    SELECT min(row) AS row, least(person_id, other_id) AS low_id, greatest(person_id, other_id) AS high_id,
           arg_min(bits, row) AS bits, arg_min(levels, row) AS levels, arg_min(reason, row) AS reason
    FROM pairs WHERE person_id <> other_id GROUP BY low_id, high_id ORDER BY row"""


async def match_list(
    connection: "asyncpg.Connection[Any]", import_id: UUID, work: Path, progress: Progress = lambda share: None
) -> None:
    """Write `decided.parquet` and `reviews.parquet` beside the staged `good.parquet` in `work`; nothing if they exist.

    `decided`: the good rows in their order, nik and kk sealed (as PostgreSQL reads bytea), with record_id, person_id,
    link, bits, is_new (the row makes this person, whose search keys are `keys`), and owns_nik (false where an earlier
    row of the list gave the NIK). `reviews`: row, low_id, high_id, bits, levels (JSON), reason.
    """
    if (work / DECIDED).exists():
        return
    desk = await in_thread(open_desk, work)
    try:
        await in_thread(_look_inside, desk)
        await candidates.find(connection, desk, work, progress)
        await in_thread(_seal, desk, work)
        await in_thread(_decide, desk, import_id, work)
    finally:
        desk.close()


def person_id(import_id: UUID, row: int) -> UUID:
    """The id of the person that a row of an import makes."""
    return UUID(f"{_begin(import_id)}-a{import_id.hex[-7:]}{row:08x}".replace("-", ""))


def _begin(import_id: UUID) -> str:
    return str(import_id)[:18]


def _look_inside(desk: Desk) -> None:
    """What the list itself tells: who stands in it twice."""
    desk.execute(_DOUBLES)
    desk.execute(_FOUND)


def _seal(desk: Desk, work: Path) -> None:
    """Lay the rows' numbers on the desk as PostgreSQL will hold them."""
    with scratch(work / "numbers") as file:
        with file.open("w") as target:
            target.writelines(_sealed(desk))
        desk.execute(_NUMBERS.format(file=file))


def _sealed(desk: Desk) -> Iterator[str]:
    seal = Seal.current()
    numbers = desk.execute("SELECT row, nik, kk FROM good")
    while rows := numbers.fetchmany(_SEALED_AT_ONCE):
        niks = seal.nik.seal_many([row[1] for row in rows])
        kks = seal.kk.seal_many([row[2] for row in rows])
        for row, nik, kk in zip(rows, niks, kks, strict=True):
            yield f"{row[0]},{as_text(nik)},{as_text(kk)}\n"


def _decide(desk: Desk, import_id: UUID, work: Path) -> None:
    """The rows go last: where they are, the reviews are too."""
    row = "CASE WHEN doubles.same THEN doubles.first ELSE good.row END"
    new_id = _NEW_ID.format(begin=_begin(import_id), middle=import_id.hex[-7:], row=row)
    desk.execute("CREATE VIEW known AS SELECT * FROM found WHERE same")
    desk.execute(_LINKS.format(new_id=new_id))
    desk.execute(_REVIEWS)
    _write(desk, _LEAST_AND_GREATEST, work / REVIEWS)
    desk.execute(_IN_ORDER)
    _write(desk, _DECIDED.format(begin=_begin(import_id), middle=import_id.hex[-7:]), work / DECIDED)


def _write(desk: Desk, query: str, target: Path) -> None:
    with whole(target) as part:
        desk.execute(f"COPY ({query}) TO '{part}' (FORMAT parquet, ROW_GROUP_SIZE 20480)")
