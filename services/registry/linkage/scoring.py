"""Step 5: compare every candidate pair in SQL, count the patterns, weigh them by what is learned from the counts."""

from collections import Counter

import duckdb

from services.registry.linkage.learning import Patterns
from services.registry.linkage.model import (
    FIELDS,
    LEVELS,
    NAME_ALIKE,
    NAME_CLOSE,
    NAME_NEAR,
    RARITY_BITS,
    SAME_NAME,
    STREET_ALIKE,
    Levels,
    Model,
    for_a_human,
)

_INITIALS = r"regexp_replace({}, '\b(\w)\w*( |$)', '\1', 'g')"
#: a letter in one name where the other has a word, and the rest the same
_ABBREVIATED = f"""
CASE WHEN l.rest IS NULL AND r.rest IS NULL THEN false
     WHEN {_INITIALS.format("l.name")} <> {_INITIALS.format("r.name")} THEN false
     ELSE coalesce(l.rest <> '' AND contains(' ' || r.name || ' ', ' ' || l.rest || ' '), false)
       OR coalesce(r.rest <> '' AND contains(' ' || l.name || ' ', ' ' || r.rest || ' '), false) END"""

#: the levels of `linkage.model.LEVELS`, highest first; `pairs.compare` says the same in Python
_LEVEL = {
    "name": f"""CASE WHEN l.name IS NULL OR r.name IS NULL THEN NULL WHEN l.name = r.name THEN 5
        WHEN alike >= {NAME_ALIKE} AND l.heard = r.heard THEN 4 WHEN l.words = r.words OR {_ABBREVIATED} THEN 4
        WHEN alike >= {NAME_NEAR} THEN 3 WHEN alike >= {NAME_CLOSE} THEN 2
        WHEN alike >= {NAME_ALIKE} THEN 1 ELSE 0 END""",
    "birth_date": """CASE WHEN l.born = r.born THEN 5
        WHEN l.year = r.year AND day(l.born) = month(r.born) AND month(l.born) = day(r.born) THEN 4
        WHEN (l.year = r.year)::INT + (day(l.born) = day(r.born))::INT + (month(l.born) = month(r.born))::INT = 2 THEN 3
        WHEN (l.born_digits = r.nik_digits OR r.born_digits = l.nik_digits)
             AND l.nik_digits IS DISTINCT FROM r.nik_digits THEN 2
        WHEN l.born IS NULL OR r.born IS NULL THEN NULL
        WHEN l.year = r.year THEN 1 ELSE 0 END""",
    "nik": """CASE WHEN l.nik IS NULL OR r.nik IS NULL THEN NULL WHEN l.nik = r.nik THEN 4
        WHEN l.nik // 10000 = r.nik // 10000 THEN 2
        WHEN l.nik % 10000 = r.nik % 10000 AND damerau_levenshtein(l.nik_text, r.nik_text) = 1 THEN 3
        WHEN hamming(l.nik_text, r.nik_text) = 2 THEN 1 ELSE 0 END""",
    "area": """CASE WHEN l.area IS NULL OR r.area IS NULL THEN NULL WHEN l.area = r.area THEN 3
        WHEN l.district = r.district THEN 2 WHEN left(l.area, 5) = left(r.area, 5) THEN 1 ELSE 0 END""",
    "rt_rw": "CASE WHEN l.area <> r.area THEN NULL ELSE (l.rt = r.rt)::INT + (l.rw = r.rw)::INT END",
    "street": f"""CASE WHEN l.street IS NULL OR r.street IS NULL THEN NULL WHEN l.street = r.street THEN 3
        WHEN l.area <> r.area THEN NULL WHEN l.road = r.road THEN 2
        WHEN jaro_winkler_similarity(l.street, r.street) >= {STREET_ALIKE} THEN 1 ELSE 0 END""",
    "sex": "(l.sex = r.sex)::INT",
}
_STRATUM = "CASE WHEN household THEN 0 WHEN birth_date = 5 THEN 1 WHEN nik >= 2 THEN 2 WHEN name >= 4 THEN 3 ELSE 4 END"
#: stratum and levels in one number, each field with a place for "not compared"
_PATTERN = "stratum"
for _field in FIELDS:
    _PATTERN = f"({_PATTERN}) * {len(LEVELS[_field]) + 1} + coalesce({_field} + 1, 0)"

_COMPARE = f"""
CREATE TABLE compared AS
SELECT l, r, ({_PATTERN})::INTEGER AS pattern, CASE WHEN name = {SAME_NAME} THEN common END AS common
FROM (SELECT *, {_STRATUM} AS stratum FROM (
    SELECT c.l, c.r, c.household, l.name AS common, jaro_winkler_similarity(l.name, r.name) AS alike,
           {", ".join(f"{sql} AS {name}" for name, sql in _LEVEL.items())}
    FROM candidates c JOIN l_compared l ON l.n = c.l JOIN r_compared r ON r.n = c.r))"""

_PATTERNS = "SELECT pattern, count(*) FROM compared GROUP BY pattern"
#: how common each name is among the rows that were cleaned; two names out of many agree this often
_NAMES = """
CREATE TABLE name_shares AS
SELECT name, count(*) / sum(count(*)) OVER () AS share
FROM (SELECT name FROM l_left UNION ALL SELECT name FROM r_left) WHERE name IS NOT NULL GROUP BY name"""
_NAME_SHARE = "SELECT coalesce(sum(share * share), 1.0) FROM name_shares"

_WEIGHT_COLUMNS = {
    **{"pattern": "INTEGER", "household": "BOOLEAN", "for_a_human": "BOOLEAN", "bits": "DOUBLE"}
} | dict.fromkeys(FIELDS, "TINYINT")
_WEIGHTS = "CREATE TABLE weights AS SELECT " + ", ".join(
    f"unnest(CAST(${name} AS {kind}[])) AS {name}" for name, kind in _WEIGHT_COLUMNS.items()
)

_SCORE = f"""
CREATE TABLE scored AS
SELECT c.l, c.r, c.pattern,
       (w.bits + CASE WHEN s.share IS NULL THEN 0  -- least(5, NULL) is 5
                      ELSE greatest(-{RARITY_BITS}, least({RARITY_BITS}, log2($yardstick / s.share))) END)::REAL AS bits
FROM compared c JOIN weights w ON w.pattern = c.pattern LEFT JOIN name_shares s ON s.name = c.common
WHERE w.bits + {RARITY_BITS} >= $lowest"""


def compare_all(connection: duckdb.DuckDBPyConnection) -> Patterns:
    """Make the table `compared` of all candidates and their rows in `l_compared` and `r_compared`;
    returns how often each pattern of levels was seen."""
    connection.execute(_COMPARE)
    return counted(connection, _PATTERNS)


def counted(connection: duckdb.DuckDBPyConnection, sql: str) -> Patterns:
    """Rows of a packed pattern and a count, as patterns."""
    return Counter({_unpack(pattern): count for pattern, count in connection.execute(sql).fetchall()})


def name_share(connection: duckdb.DuckDBPyConnection) -> float:
    """Make the table `name_shares`; returns how often two people bear the same name."""
    connection.execute(_NAMES)
    found = connection.execute(_NAME_SHARE).fetchone()
    assert found is not None
    return float(found[0])


def score(connection: duckdb.DuckDBPyConnection, model: Model, patterns: Patterns, lowest: float) -> None:
    """Make the tables `weights` (of each pattern: stratum, levels, bits) and `scored`: pairs of at least about
    `lowest` bits, with l, r, pattern and bits."""
    rows = [
        (
            _pack(place, levels),
            home := place == 0,
            for_a_human(levels, home),
            model.bits(levels, household=home),
            *levels,
        )
        for place, levels in patterns
    ]
    columns = list(zip(*rows, strict=True)) if rows else [()] * len(_WEIGHT_COLUMNS)
    connection.execute(_WEIGHTS, dict(zip(_WEIGHT_COLUMNS, map(list, columns), strict=True)))
    connection.execute(_SCORE, {"yardstick": model.name_share, "lowest": lowest})


def _unpack(pattern: int) -> tuple[int, Levels]:
    levels: list[int | None] = []
    for name in reversed(FIELDS):
        pattern, level = divmod(pattern, len(LEVELS[name]) + 1)
        levels.append(level - 1 if level else None)
    return pattern, tuple(reversed(levels))


def _pack(place: int, levels: Levels) -> int:
    pattern = place
    for name, level in zip(FIELDS, levels, strict=True):
        pattern = pattern * (len(LEVELS[name]) + 1) + (0 if level is None else level + 1)
    return pattern
