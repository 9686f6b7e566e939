"""One kelurahan as SQL: who lives there, what the newest lists say of them, what they get. Counts and findings use it.

Parameters: `:area` (kelurahan), `:stale` (the oldest desil period that is not stale), and the programmes that have a
rule for leaving as three arrays, `:codes`, `:cutoffs`, `:periods`.
"""

from datetime import date
from typing import Any

from sqlalchemy import text

from services.registry.desil import stale_before
from services.registry.programmes import Programmes

#: to be run before, in the same transaction: compiling these queries (JIT) would take longer than running them
PLAIN = text("SELECT set_config('jit', 'off', true)")

#: aid counts as being received for so many days after it was last given
RECEIVING_DAYS = 365

KELURAHAN = f"""
WITH people AS MATERIALIZED (
  SELECT * FROM persons WHERE area = CAST(:area AS text) AND state = 'active'),
members AS MATERIALIZED (
  SELECT id AS person, id AS member FROM people
  UNION ALL SELECT m.survivor_id, m.id FROM persons m WHERE m.survivor_id IN (SELECT id FROM people)),
held AS MATERIALIZED (
  SELECT m.person, r.id, r.source, r.observed_on, r.import_id, coalesce(r.import_id, r.id) AS list, r.need,
    r.desil, r.desil_period, r.warnings
  FROM members m, LATERAL (
    SELECT r.* FROM records r WHERE r.person_id = m.member
      AND NOT EXISTS (SELECT FROM record_moves v WHERE v.record_id = r.id)
    UNION ALL SELECT r.* FROM record_moves v JOIN records r ON r.id = v.record_id WHERE v.person_id = m.member
    OFFSET 0) r),
newest AS MATERIALIZED (
  SELECT * FROM (SELECT h.*, rank() OVER (PARTITION BY person, source ORDER BY observed_on DESC, list DESC) AS place
                 FROM held h WHERE import_id IS NOT NULL OR need IS NOT NULL) ranked WHERE place = 1),
categories AS MATERIALIZED (
  SELECT n.person, n.need AS category FROM newest n WHERE n.need IS NOT NULL AND NOT EXISTS (
    SELECT FROM members m JOIN needs e ON e.person_id = m.member
    WHERE m.person = n.person AND e.category = n.need AND e.until >= n.observed_on)
  UNION SELECT m.person, e.category FROM members m JOIN needs e ON e.person_id = m.member WHERE e.until IS NULL),
receiving AS MATERIALIZED (
  SELECT m.person, e.programme FROM members m JOIN aid_entries e ON e.person_id = m.member
  WHERE e.withdrawn_at IS NULL AND e.given_on > current_date - {RECEIVING_DAYS}
  UNION SELECT p.id, e.programme FROM people p JOIN aid_entries e ON e.household_id = p.household_id
  WHERE p.is_head AND e.withdrawn_at IS NULL AND e.given_on > current_date - {RECEIVING_DAYS}),
desils AS MATERIALIZED (
  SELECT person, desil, row_number() OVER (PARTITION BY person ORDER BY desil_period DESC) AS back FROM (
    SELECT DISTINCT ON (person, desil_period) person, desil_period, desil FROM held
    WHERE desil IS NOT NULL AND desil_period IS NOT NULL AND person IN (SELECT person FROM receiving)
    ORDER BY person, desil_period, observed_on DESC, id DESC) by_period),
graduates AS MATERIALIZED (
  SELECT w.person, w.programme FROM receiving w
  JOIN unnest(CAST(:codes AS text[]), CAST(:cutoffs AS int[]), CAST(:periods AS int[])) g(programme, cutoff, periods)
    ON g.programme = w.programme
  JOIN desils d ON d.person = w.person AND d.back <= g.periods AND d.desil > g.cutoff
  GROUP BY w.person, w.programme, g.periods HAVING count(*) = g.periods)
"""

#: dimension, key, number: every row of `area_counts` but the findings
COUNTS = """
SELECT 'state', 'active', count(*) FROM people
UNION ALL SELECT 'state', 'without-nik', count(*) FROM people WHERE nik IS NULL
UNION ALL SELECT 'state', 'unmatched', count(*) FROM people WHERE unmatched
UNION ALL SELECT 'state', 'provisional', count(*) FROM people WHERE provisional IS NOT NULL
UNION ALL SELECT 'state', 'households', count(DISTINCT household_id) FROM people
UNION ALL SELECT 'state', 'in-households', count(household_id) FROM people
UNION ALL SELECT 'state', 'dead', count(*) FROM persons WHERE area = CAST(:area AS text) AND state = 'dead'
UNION ALL SELECT 'state', 'open-reviews', count(*) FROM reviews r JOIN people p ON p.id = r.low_id
  WHERE r.state = 'open'
UNION ALL SELECT 'desil', coalesce(desil::text, 'unknown'), count(*) FROM people GROUP BY 2
UNION ALL SELECT 'category', category, count(*) FROM categories GROUP BY 2
UNION ALL SELECT 'category-desil', category || ':' || coalesce(p.desil::text, 'unknown'), count(*)
  FROM categories c JOIN people p ON p.id = c.person GROUP BY 2
UNION ALL SELECT 'disability', d.kind, count(DISTINCT m.person) FROM members m
  JOIN disabilities d ON d.person_id = m.member WHERE d.ended_at IS NULL GROUP BY 2
UNION ALL SELECT 'aid', programme, count(*) FROM receiving GROUP BY 2
UNION ALL SELECT 'graduation', programme, count(*) FROM graduates GROUP BY 2
"""


def parameters(area: str) -> dict[str, Any]:
    """What `KELURAHAN` needs to know, for one kelurahan, today."""
    leaving = Programmes.current().leaving()
    return {
        "area": area,
        "stale": stale_before(date.today()),
        "codes": [one.code for one in leaving],
        "cutoffs": [one.desil_to for one in leaving],
        "periods": [one.graduation_periods for one in leaving],
    }
