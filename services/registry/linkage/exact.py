"""Step 1: the same NIK, and a like name or the same birth date and place. Most of all links for one join's price."""

import duckdb

from services.registry.linkage.model import NAME_ALIKE

#: The same birth date alone is no second witness, as the NIK holds it: a NIK with a wrong digit may be that of somebody
#: else who was born on the same day, but hardly in the same kelurahan or household. Dates are compared as digits: two
#: lists that write them in another order are held together by the name. What is left is cleaned and weighed.
_PAIRS = f"""
CREATE TABLE links AS
SELECT l.rowid::INTEGER AS l, r.rowid::INTEGER AS r, l.nik, l.household AS l_household, r.household AS r_household
FROM l JOIN r ON l.nik = r.nik
WHERE jaro_winkler_similarity(upper(l.name), upper(r.name)) >= {NAME_ALIKE}
   OR (translate(l.birth_date, '-/. ', '') = translate(r.birth_date, '-/. ', '')
       AND (l.household = r.household OR translate(l.area, '. ', '') = translate(r.area, '. ', '')))"""

#: One NIK on several rows that all pass is one person listed twice, or two that share it: the nearest pair is taken,
#: the others are compared with all that is left.
_SHARED = """
CREATE TEMP TABLE shared AS
SELECT links.l, links.r, row_number() OVER (PARTITION BY links.nik ORDER BY
           translate(l.birth_date, '-/. ', '') = translate(r.birth_date, '-/. ', '') DESC NULLS LAST,
           jaro_winkler_similarity(upper(l.name), upper(r.name)) DESC, links.l, links.r) AS place
FROM links JOIN l ON l.rowid = links.l JOIN r ON r.rowid = links.r
WHERE links.nik IN (SELECT nik FROM links GROUP BY nik HAVING count(*) > 1)"""
_DROP_SHARED = "DELETE FROM links WHERE (l, r) IN (SELECT (l, r) FROM shared WHERE place > 1)"


def link_by_nik(connection: duckdb.DuckDBPyConnection) -> int:
    """Make the table `links` (l, r: row numbers from 0; and the households of both); returns how many there are."""
    connection.execute(_PAIRS)
    connection.execute(_SHARED)
    connection.execute(_DROP_SHARED)
    found = connection.execute("SELECT count(*) FROM links").fetchone()
    assert found is not None
    return int(found[0])
