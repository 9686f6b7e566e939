"""Marks of areas in which something changed, so that the counter (areas.py) counts them anew.

Any writer inserts a mark in its own transaction: through `mark`, or in plain SQL (`MARK`, and in bulk
`INSERT INTO dirty_areas (area) SELECT DISTINCT area FROM …`). Marks are only inserted, never shared: no writer waits
for another one, and a mark that is not committed yet cannot be taken by the counter before its rows are there.
"""

from collections.abc import Iterable

from sqlalchemy import text

from sinergi.db import Tx

#: for asyncpg: one argument, text[]
MARK = "INSERT INTO dirty_areas (area) SELECT DISTINCT unnest($1::text[])"

#: every kelurahan in which somebody lives, by a few steps along the index, and every one that was counted before
PEOPLED = """WITH RECURSIVE peopled(area) AS (
    (SELECT area FROM persons ORDER BY area USING ~<~ LIMIT 1)
    UNION ALL SELECT (SELECT p.area FROM persons p WHERE p.area ~>~ peopled.area ORDER BY p.area USING ~<~ LIMIT 1)
    FROM peopled WHERE peopled.area IS NOT NULL),
  known AS (SELECT area FROM peopled WHERE area IS NOT NULL UNION SELECT area FROM areas_counted)"""

_MARK = text("INSERT INTO dirty_areas (area) SELECT DISTINCT unnest(CAST(:areas AS text[]))")


async def mark(areas: Iterable[str], tx: Tx) -> None:
    """Something changed among the people of these kelurahan (wilayah codes)."""
    await tx.session.execute(_MARK, {"areas": list(areas)})
