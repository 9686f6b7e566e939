"""Step 8: households of two lists are the same when their members are."""

import duckdb

from services.registry.linkage.keys import text
from services.registry.linkage.sources import Job

#: At least two members linked, or the only one of a household of one in both lists, is enough; else the household that
#: most linked members went to is proposed to a person.
_HOUSEHOLDS = """
CREATE TABLE household_links AS
WITH pairs AS (
    SELECT l.household AS left_household, r.household AS right_household, count(*) AS members
    FROM found JOIN l ON l.rowid = found.l JOIN r ON r.rowid = found.r
    WHERE band = 'same' AND l.household IS NOT NULL AND r.household IS NOT NULL GROUP BY ALL
), best AS (
    SELECT *, row_number() OVER (PARTITION BY left_household ORDER BY members DESC, right_household) AS of_l,
              row_number() OVER (PARTITION BY right_household ORDER BY members DESC, left_household) AS of_r FROM pairs
), sizes AS (
    SELECT household, max(size) AS size FROM (
        SELECT household, count(*) AS size FROM l GROUP BY household
        UNION ALL SELECT household, count(*) FROM r GROUP BY household) GROUP BY household
)
SELECT left_household, right_household, members,
       CASE WHEN members >= 2 OR (a.size = 1 AND b.size = 1) THEN 'same' ELSE 'review' END AS band
FROM best JOIN sizes a ON a.household = left_household JOIN sizes b ON b.household = right_household
WHERE of_l = 1 AND of_r = 1"""


def link_households(connection: duckdb.DuckDBPyConnection, job: Job) -> dict[str, int]:
    """Write `job.households_output` (left_household, right_household, members, band), if asked for; returns how many
    households are in each band. A household without a KK of 16 digits is not told, as it has no number."""
    if job.households_output is None:
        return {}
    connection.execute(_HOUSEHOLDS)
    connection.execute(
        "COPY (SELECT * FROM household_links WHERE left_household > 0 AND right_household > 0) "
        f"TO {text(str(job.households_output))} (FORMAT parquet)"
    )
    return dict(connection.execute("SELECT band, count(*) FROM household_links GROUP BY band ORDER BY band").fetchall())
