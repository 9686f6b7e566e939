"""Steps 2 to 4: clean what no NIK linked, and bring together the rows that could be the same person.

A pair that no block brings together is never compared, so each kind of mistake must leave one block whole; and a
block must stay small, as its pairs grow with the square of its rows.
"""

import duckdb

from services.registry.cleaning import HEARD, HEARD_AS, SEXES, SILENT
from services.registry.linkage.keys import text

_AREA_DIGITS = "translate(area, '. ', '')"
#: nearly all dates are DD?MM?YYYY or YYYY?MM?DD of ten letters: cutting is five times faster than a format
_BORN = """CASE
    WHEN regexp_matches(birth_date, '^[0-9][0-9][-/. ][0-9][0-9][-/. ][0-9][0-9][0-9][0-9]$')
        THEN try_cast(concat(right(birth_date, 4), '-', birth_date[4:5], '-', left(birth_date, 2)) AS DATE)
    WHEN birth_date[5] IN ('-', '/') THEN try_cast(replace(left(birth_date, 10), '/', '-') AS DATE)
    ELSE try_strptime(trim(birth_date), ['%d-%m-%Y', '%d/%m/%Y', '%d.%m.%Y', '%d %m %Y', '%d%m%Y'])::DATE END"""
_SEX = " ".join(
    f"WHEN upper(trim(sex)) IN ({', '.join(text(one) for one in words)}) THEN {text(sex)}"
    for sex, words in SEXES.items()
)

#: `rest`: a name without its words of one letter, where it has some. `born_digits`, `nik_digits`: the birth date as
#: it stands in a NIK of a man, from the date and from the NIK.
_CLEAN = rf"""
CREATE TABLE {{table}}_left AS
SELECT *, translate(name, {text(HEARD + SILENT)}, {text(HEARD_AS)}) AS heard,
       left(name, strpos(name || ' ', ' ') - 1) AS word,
       CASE WHEN regexp_matches(name, '\b\w( |$)') THEN trim(regexp_replace(name, '\b\w( |$)', '', 'g')) END AS rest,
       left(area, 8) AS district,
       year(born) AS year, day(born) * 10000 + month(born) * 100 + year(born) % 100 AS born_digits,
       ((nik // 100000000) % 100 - CASE WHEN (nik // 100000000) % 100 > 40 THEN 40 ELSE 0 END) * 10000
           + (nik // 10000) % 10000 AS nik_digits
FROM (SELECT {{table}}.rowid::INTEGER AS n, nik, household, name_key(name) AS name, address,
             {_BORN} AS born,
             CASE {_SEX} END AS sex,
             CASE WHEN strlen({_AREA_DIGITS}) = 10 AND strlen(area) = 10
                  THEN concat_ws('.', area[1:2], area[3:4], area[5:6], area[7:])
                  ELSE nullif(trim(area), '') END AS area,
             nullif(try_cast(trim(rt) AS SMALLINT), 0) AS rt, nullif(try_cast(trim(rw) AS SMALLINT), 0) AS rw
      FROM {{table}} {{unlinked}})"""
_UNLINKED = "WHERE NOT EXISTS (SELECT 1 FROM links WHERE links.{table} = {table}.rowid)"

#: Households of which members are linked: their other members are likely each other's too.
_HOUSEHOLDS = """
CREATE TABLE household_pairs AS
SELECT DISTINCT l_household, r_household FROM links
WHERE l_household IN (SELECT household FROM l_left) AND r_household IN (SELECT household FROM r_left)
UNION
SELECT household, household FROM l_left WHERE household > 0 AND household IN (SELECT household FROM r_left)"""
_IN_HOUSEHOLDS = """
SELECT l.n, r.n, true FROM household_pairs h
JOIN l_left l ON l.household = h.l_household JOIN r_left r ON r.household = h.r_household"""
#: inside one list: a family shares its address and often a name, which says nothing of two of its members
_SAME_HOUSEHOLD = """
UPDATE candidates SET household = true FROM l_left a, l_left b
WHERE a.n = candidates.l AND b.n = candidates.r AND a.household = b.household"""

#: Addresses cost the most to clean and block nothing, so only those of rows that have a candidate are.
_STREETS = r"""
CREATE TABLE {table}_compared AS
SELECT *, regexp_replace(street, ' [0-9].*$', '') AS road, list_sort(string_split(name, ' ')) AS words,
       lpad(nik::TEXT, 16, '0') AS nik_text
FROM (SELECT * EXCLUDE (address), street_key(address) AS street FROM {table}_left
      WHERE n IN (SELECT {table} FROM candidates))"""

#: each block: the expressions in which two rows must agree
BLOCKS = (
    ("{}.nik",),
    ("{}.nik // 10000",),  # region, date and sex inside the NIK: another serial
    ("{}.born", "left({}.heard, 2)"),
    ("{}.born", "{}.district"),
    ("{}.area", "{}.heard"),
    ("{}.area", "{}.word", "{}.year"),
    ("{}.area", "{}.rt", "{}.rw", "{}.word"),
    ("{}.area", "lower({}.address)", "{}.word"),
    ("{}.born", "lower({}.address)"),  # neither the name nor the kelurahan is right
    ("{}.heard", "{}.year"),  # moved, and the day or month of birth is wrong
)

#: a key of so many pairs makes none: 300 rows of one list against 300 of the other
CROWD = 90_000

#: Words of names one by one: a name of which another word is missing, replaced or in another place is still found by
#: the date, or by a word that hardly anybody else bears.
RARE = 10
_WORDS = """
CREATE TABLE {table}_words AS
SELECT DISTINCT n, born, one FROM (SELECT n, born, unnest(string_split(name, ' ')) AS one FROM {table}_left)
WHERE length(one) > 1"""
_SAME_WORD = """
SELECT l.n, r.n, false FROM l_words l JOIN r_words r ON l.one = r.one AND l.born = r.born {order}
UNION ALL
SELECT l.n, r.n, false FROM (
    SELECT one FROM (SELECT one FROM l_words UNION ALL SELECT one FROM r_words) GROUP BY one HAVING count(*) <= {rare}
) JOIN l_words l USING (one) JOIN r_words r ON r.one = l.one {order}"""


def clean_rest(connection: duckdb.DuckDBPyConnection, table: str, linked: bool = True) -> None:
    """Make `l_left` or `r_left`: the rows that are not linked yet, cleaned."""
    unlinked = _UNLINKED.format(table=table) if linked else ""
    connection.execute(_CLEAN.format(table=table, unlinked=unlinked))


def pair_up(connection: duckdb.DuckDBPyConnection, within: bool = False) -> int:
    """Make the table `candidates` (l, r, household: whether theirs are linked); returns how many pairs it has."""
    for table in ("l", "r"):
        connection.execute(_WORDS.format(table=table))
    order = "AND l.n < r.n" if within else ""
    parts = [_block(connection, keys, order) for keys in BLOCKS] + [_SAME_WORD.format(order=order, rare=RARE)]
    if not within:
        connection.execute(_HOUSEHOLDS)
        parts.append(_IN_HOUSEHOLDS)
    connection.execute(
        "CREATE TABLE candidates AS SELECT l, r, bool_or(household) AS household "
        f"FROM ({' UNION ALL '.join(parts)}) AS pairs (l, r, household) GROUP BY l, r"
    )
    if within:
        connection.execute(_SAME_HOUSEHOLD)
    found = connection.execute("SELECT count(*) FROM candidates").fetchone()
    assert found is not None
    return int(found[0])


def clean_streets(connection: duckdb.DuckDBPyConnection) -> None:
    """Make `l_compared` and `r_compared`: the rows that have a candidate, with their streets."""
    for table in ("l", "r"):
        connection.execute(_STREETS.format(table=table))


def _block(connection: duckdb.DuckDBPyConnection, keys: tuple[str, ...], order: str) -> str:
    """The block's pairs, without those of crowded keys: a date on which thousands are "born", a panti of one address.

    Whoever is like somebody there is found by another block, or not at all: comparing all with all tells nobody apart,
    and a list of 60,000 in one RT would need more memory than the machine has (seen).
    """
    same = " AND ".join(f"{key.format('l')} = {key.format('r')}" for key in keys)
    pairs = f"SELECT l.n, r.n, false FROM l_left l JOIN r_left r ON {same} {order}"
    sides = [
        f"(SELECT {', '.join(f'{key.format(side)} AS k{at}' for at, key in enumerate(keys))}, count(*) AS rows "
        f"FROM {side}_left {side} GROUP BY ALL)"
        for side in ("l", "r")
    ]
    both = " AND ".join(f"lk.k{at} = rk.k{at}" for at in range(len(keys)))
    columns = ", ".join(f"lk.k{at}" for at in range(len(keys)))
    crowded = f"SELECT {columns} FROM {sides[0]} lk JOIN {sides[1]} rk ON {both} WHERE lk.rows * rk.rows > {CROWD}"
    if connection.execute(f"SELECT 1 FROM ({crowded}) LIMIT 1").fetchone() is None:
        return pairs
    here = " AND ".join(f"c.k{at} = {key.format('l')}" for at, key in enumerate(keys))
    return f"{pairs} WHERE NOT EXISTS (SELECT 1 FROM ({crowded}) c WHERE {here})"
