"""Steps 6 and 7: who is whose: each row to one row at most, and which links a person must look at."""

import duckdb

from services.registry.linkage.model import FIELDS

#: A pair at least as likely the same person as not is a link; those from here to CERTAIN are for human eyes.
ACCEPT, REVIEW, CERTAIN = 0.0, -1.0, 6.0
#: a second choice that is nearer than this makes a link doubtful
MARGIN = 3.0
#: rounds of mutual best, at most: two or three are enough, but among many namesakes of equal score each finds but one
ROUNDS = 20

_CHOSEN = """
CREATE TABLE chosen (l INTEGER, r INTEGER, pattern INTEGER, bits REAL)"""
#: both are each other's best among the rows that are still free; equal scores are decided by row number
_MUTUAL = """
INSERT INTO chosen
WITH free AS (
    SELECT l, r, pattern, bits FROM scored
    WHERE bits >= $lowest AND l NOT IN (SELECT l FROM chosen) AND r NOT IN (SELECT r FROM chosen)
), ranked AS (
    SELECT *, row_number() OVER (PARTITION BY l ORDER BY bits DESC, r) AS of_l,
              row_number() OVER (PARTITION BY r ORDER BY bits DESC, l) AS of_r FROM free
)
SELECT l, r, pattern, bits FROM ranked WHERE of_l = 1 AND of_r = 1"""

#: The best other choice of either row, among rows that no better pair has taken.
_RIVALS = """
CREATE TABLE rivals AS
SELECT l, r, max(rival) AS rival FROM (
    SELECT c.l, c.r, s.bits AS rival FROM chosen c JOIN scored s ON s.l = c.l AND s.r <> c.r
        LEFT JOIN chosen o ON o.r = s.r WHERE o.bits IS NULL OR o.bits < s.bits
    UNION ALL
    SELECT c.l, c.r, s.bits FROM chosen c JOIN scored s ON s.r = c.r AND s.l <> c.l
        LEFT JOIN chosen o ON o.l = s.l WHERE o.bits IS NULL OR o.bits < s.bits
) GROUP BY l, r"""

_LEVELS = ", ".join(f"w.{name}" for name in FIELDS)
_BANDED = f"""
CREATE TABLE banded AS
SELECT c.l, c.r, CASE WHEN w.household THEN 'household' ELSE 'score' END AS how,
       CASE WHEN c.bits < {CERTAIN} OR c.bits - rivals.rival < {MARGIN}
            OR w.for_a_human
            THEN 'review' ELSE 'same' END AS band,
       c.bits, {_LEVELS}
FROM chosen c JOIN weights w ON w.pattern = c.pattern LEFT JOIN rivals ON rivals.l = c.l AND rivals.r = c.r"""


def assign(connection: duckdb.DuckDBPyConnection) -> None:
    """Make the table `banded` (l, r, how, band, bits, levels) of `scored`: no row stands in it twice."""
    connection.execute(_CHOSEN)
    for lowest in (ACCEPT, REVIEW):
        for _ in range(ROUNDS):
            if not _choose(connection, lowest):
                break
    connection.execute(_RIVALS)
    connection.execute(_BANDED)


def _choose(connection: duckdb.DuckDBPyConnection, lowest: float) -> int:
    """One round of mutual best, in which rows whose best was taken choose again; returns how many found each other."""
    found = connection.execute(_MUTUAL, {"lowest": lowest}).fetchone()
    assert found is not None
    return int(found[0])


def band_within(connection: duckdb.DuckDBPyConnection) -> None:
    """The same for one list against itself: a person may stand in it three times, so all pairs are kept."""
    connection.execute(
        f"CREATE TABLE banded AS SELECT c.l, c.r, 'score' AS how, "
        f"CASE WHEN c.bits < {CERTAIN} OR w.for_a_human THEN 'review' ELSE 'same' END AS band, c.bits, {_LEVELS} "
        f"FROM scored c JOIN weights w ON w.pattern = c.pattern WHERE c.bits >= {REVIEW} "
        "AND NOT EXISTS (SELECT 1 FROM links WHERE links.l = c.l AND links.r = c.r)"
    )
