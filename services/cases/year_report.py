"""A worker's year as evidence for the SKP: what was done, counted from the records. No points, no rank, no names.

Angka kredit is predikat × koefisien since 2023, not points per case (DOMAIN.md, "Career"): nothing here is weighed, and
no worker is compared with another. Every question is bounded to one worker and one year, and goes by an index that
starts with the worker (or with the worker's cases).
"""

from datetime import UTC, datetime
from typing import Annotated, Any
from zoneinfo import ZoneInfo

from pydantic import BaseModel, Field, StringConstraints
from sqlalchemy import text

from services.cases.queries import Purpose
from sinergi.auth import Actor, permit
from sinergi.db import Tx
from sinergi.permissions import Role
from sinergi.problems import Refused
from sinergi.workdays import zone_of

Sub = Annotated[str, StringConstraints(pattern=r"^[!-~]{1,100}$")]
Year = Annotated[int, Field(ge=2000, le=2100)]
#: so many cases are named in the report; the counts are of all
MOST = 200

#: the supervisor's area covers a case, or a record of competence, of this worker
_KNOWN = text(
    """SELECT EXISTS (SELECT FROM cases WHERE agency = :agency AND worker = :worker AND ({area}))
           OR EXISTS (SELECT FROM competences WHERE agency = :agency AND worker = :worker AND ({area}))""".format(
        area="CAST(:area AS text) = '*' OR area = :area OR starts_with(area, :area || '.')"
    )
)
_TAKEN = """FROM history AS h JOIN cases AS c ON c.id = h.case_id
            WHERE h.actor = :worker AND h.at >= :since AND h.at < :until AND h.what = 'open' AND h.agency = :agency"""
_CLOSED = """FROM closures AS e JOIN cases AS c ON c.id = e.case_id
             WHERE e.requested_by = :worker AND e.decided_at >= :since AND e.decided_at < :until
               AND e.state IN ('approved', 'reopened') AND c.agency = :agency"""
#: name -> a question whose answer is (code, count)
_COUNTS = {
    "taken_up_by_way_in": f"SELECT c.way_in, count(*) {_TAKEN} GROUP BY 1",
    "taken_up_by_client": f"SELECT c.client_kind, count(*) {_TAKEN} GROUP BY 1",
    "taken_up_by_area": f"SELECT left(c.area, 8), count(*) {_TAKEN} GROUP BY 1",
    "closed_by_reason": f"SELECT e.reason, count(*) {_CLOSED} GROUP BY 1",
    "goals": f"""SELECT goal.value->>'outcome', count(*)
                 FROM (SELECT e.outcomes {_CLOSED}) AS ended, jsonb_each(ended.outcomes) AS goal GROUP BY 1""",
    "assessments": """SELECT a.instrument, count(*) FROM assessments AS a JOIN cases AS c ON c.id = a.case_id
                      WHERE a.assessed_by = :worker AND a.at >= :since AND a.at < :until AND c.agency = :agency
                      GROUP BY 1""",
    # what became of each plan that the worker laid before a supervisor: the next decision about it
    "plans_submitted": """SELECT coalesce(decision.what, 'waiting'), count(*)
                FROM history AS h LEFT JOIN LATERAL (
                  SELECT d.what FROM history AS d WHERE d.case_id = h.case_id AND (d.at, d.id) > (h.at, h.id)
                    AND d.what IN ('approve_plan', 'return_plan') ORDER BY d.at, d.id LIMIT 1) AS decision ON true
                WHERE h.actor = :worker AND h.at >= :since AND h.at < :until AND h.what = 'submit_plan'
                  AND h.agency = :agency GROUP BY 1""",
    "visits": """SELECT v.state, count(*) FROM visits AS v JOIN cases AS c ON c.id = v.case_id
                 WHERE v.recorded_by = :worker AND v.at >= :since AND v.at < :until AND c.agency = :agency
                 GROUP BY 1""",
    # in time: recorded on the day on which it was due, or before
    "follow_ups": """SELECT CASE WHEN f.state = 'not_reached' THEN 'not_reached'
                                 WHEN CAST(f.done_at AT TIME ZONE :zone AS date) <= f.due_on THEN 'in_time'
                                 ELSE 'late' END, count(*)
                     FROM follow_ups AS f JOIN cases AS c ON c.id = f.case_id
                     WHERE f.recorded_by = :worker AND f.done_at >= :since AND f.done_at < :until
                       AND c.agency = :agency GROUP BY 1""",
    "follow_ups_left": """SELECT 'overdue', count(*) FROM cases AS c JOIN follow_ups AS f ON f.case_id = c.id
                          WHERE c.agency = :agency AND c.worker = :worker AND f.state = 'due'
                            AND f.due_on >= CAST(:since AT TIME ZONE :zone AS date)
                            AND f.due_on < CAST(least(:until, now()) AT TIME ZONE :zone AS date)""",
    # what the worker decided as a supervisor of others
    "decided": """SELECT h.what, count(*) FROM history AS h
                  WHERE h.actor = :worker AND h.at >= :since AND h.at < :until AND h.agency = :agency AND h.what IN
                    ('approve_plan', 'return_plan', 'close', 'return_closure', 'reopen', 'refuse_reopening')
                  GROUP BY 1""",
    "supervised": """SELECT 'notes', count(*) FROM cases AS c JOIN notes AS n ON n.case_id = c.id
                     WHERE c.agency = :agency AND c.worker = :worker AND n.kind = 'supervision' AND n.error IS NULL
                       AND n.at >= :since AND n.at < :until""",
}
#: name -> a question whose answer is a list
_LISTS = {
    "cases_taken_up": f"""SELECT c.id AS case_id, h.at, c.way_in, c.client_kind, left(c.area, 8) AS area {_TAKEN}
                          ORDER BY h.at, c.id LIMIT {MOST}""",
    "cases_closed": f"""SELECT c.id AS case_id, e.decided_at AS at, e.reason, c.client_kind {_CLOSED}
                        ORDER BY e.decided_at, c.id LIMIT {MOST}""",
    "trainings": f"""SELECT title, issuer, starts_on, hours FROM competences
                    WHERE agency = :agency AND worker = :worker AND what = 'training' AND state = 'confirmed'
                      AND starts_on >= CAST(:since AT TIME ZONE :zone AS date)
                      AND starts_on < CAST(:until AT TIME ZONE :zone AS date) ORDER BY starts_on, id LIMIT {MOST}""",
    # those that were valid on some day of the year
    "certificates": f"""SELECT title, number, issuer, starts_on, ends_on FROM competences
                       WHERE agency = :agency AND worker = :worker AND what = 'certificate' AND state = 'confirmed'
                         AND starts_on < CAST(:until AT TIME ZONE :zone AS date)
                         AND (ends_on IS NULL OR ends_on >= CAST(:since AT TIME ZONE :zone AS date))
                       ORDER BY starts_on, id LIMIT {MOST}""",
}


class ReadYear(BaseModel):
    """Whose year, and which."""

    worker: Sub
    year: Year
    purpose: Purpose = "yearly report"


@permit("case.read_year")
async def read_year(what: ReadYear, actor: Actor, tx: Tx) -> dict[str, Any]:
    """The year of the actor, or of a worker of the supervisor's office and area; nobody else's."""
    await _refuse_strangers(what.worker, actor, tx)
    await tx.audit("worker.read_year", "worker", [what.worker], what.purpose)
    zone = zone_of(actor.area)
    asked = _bounds(what.year, zone) | {"worker": what.worker, "agency": actor.agency, "zone": zone.key}
    counts = {name: await _count(question, asked, tx) for name, question in _COUNTS.items()}
    lists = {name: await _list(question, asked, tx) for name, question in _LISTS.items()}
    return {
        "worker": what.worker,
        "agency": actor.agency,
        "year": what.year,
        "made_at": datetime.now(UTC),
        "zone": zone.key,
        "taken_up": sum(counts["taken_up_by_way_in"].values()),
        "closed": sum(counts["closed_by_reason"].values()),
        "trained_hours": sum(one["hours"] or 0 for one in lists["trainings"]),
        **counts,
        **lists,
    }


async def _refuse_strangers(worker: str, actor: Actor, tx: Tx) -> None:
    if worker == actor.id:
        return
    known = {"agency": actor.agency, "worker": worker, "area": actor.area}
    if actor.role is not Role.SUPERVISOR or not actor.area or not await tx.session.scalar(_KNOWN, known):
        sentence = "A year is read by its worker, and by a supervisor of the worker's office and area."
        raise Refused("not-your-record", sentence, "forbidden")


def _bounds(year: int, zone: ZoneInfo) -> dict[str, datetime]:
    return {"since": datetime(year, 1, 1, tzinfo=zone), "until": datetime(year + 1, 1, 1, tzinfo=zone)}


async def _count(question: str, asked: dict[str, Any], tx: Tx) -> dict[str, int]:
    return {str(code): count for code, count in await tx.session.execute(text(question), asked) if count}


async def _list(question: str, asked: dict[str, Any], tx: Tx) -> list[dict[str, Any]]:
    return [dict(row) for row in (await tx.session.execute(text(question), asked)).mappings()]
