"""The case as known at a time: what anybody who read it then could see; what was learnt later is not shown.

Each row comes as the last transaction before that time had left it (versions.py). The time is that of the commit, to
within the moment that a commit takes. Whoever may read the case now may read how it was.
"""

from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, ConfigDict
from sqlalchemy import TextClause, text

from services.cases.casefile import readable_case
from services.cases.closure_models import Closure, Reopening
from services.cases.models import Assessment, Base, Case, FollowUp, Goal, History, Plan, Step, Task
from services.cases.notes_models import Note, Visit
from services.cases.placement_models import Placement
from services.cases.queries import Purpose
from services.cases.versions import KEPT
from sinergi.auth import Actor, permit
from sinergi.db import Tx
from sinergi.problems import Refused
from sinergi.workdays import zone_of

#: what is shown, under which name
PARTS: dict[str, type[Base]] = {
    "assessments": Assessment,
    "plans": Plan,
    "goals": Goal,
    "steps": Step,
    "tasks": Task,
    "follow_ups": FollowUp,
    "closures": Closure,
    "reopenings": Reopening,
    "placements": Placement,
    "history": History,
    "notes": Note,
    "visits": Visit,
}
#: rows that have an order of their own; the others come as they were made
_IN_ORDER = (Goal, Step)


class At(BaseModel):
    """When: a time, or a day, which means its end where the case lies."""

    model_config = ConfigDict(extra="forbid")
    at: AwareDatetime | date
    purpose: Purpose = "casework"


class ReadAsKnown(At):
    """Which case, and when."""

    case_id: UUID


@permit("case.read")
async def read_as_known(what: ReadAsKnown, actor: Actor, tx: Tx) -> dict[str, Any]:
    """The case and its parts as they stood then. `Refused` (not-known-then) before the first thing that was kept."""
    case = await readable_case(what.case_id, actor, tx)
    await tx.audit("case.read_as_known", "case", [case.id], what.purpose)
    at = _moment(what.at, case.area)
    itself = await _rows(Case, case.id, at, tx)
    if not itself:
        raise Refused("not-known-then", "Nothing was known of this case at that time: choose a later one.", "not-found")
    parts = {name: await _rows(model, case.id, at, tx) for name, model in PARTS.items()}
    plan = parts["plans"][-1] if parts["plans"] else None
    return {"as_known_at": at, **itself[0], "state": itself[0]["stage"], "plan": plan} | parts


def _moment(at: datetime | date, area: str) -> datetime:
    """The time that is meant; the end of today is now."""
    now = datetime.now(UTC)
    if isinstance(at, datetime):
        moment = at
    else:
        moment = datetime.combine(at + timedelta(days=1), time(), zone_of(area)) - timedelta(microseconds=1)
        moment = min(moment, now) if at == now.astimezone(zone_of(area)).date() else moment
    if moment > now + timedelta(minutes=5):
        raise Refused("in-the-future", "Nobody knows yet how it will be: choose a day that has come.")
    return moment


async def _rows(model: type[Base], case_id: UUID, at: datetime, tx: Tx) -> list[dict[str, Any]]:
    columns = [one for one in model.__table__.columns if one.name not in KEPT[model]]
    found = _then(model).columns(*columns)
    rows = await tx.session.execute(found, {"case_id": case_id, "at": at})
    return [dict(row) for row in rows.mappings()]


def _then(model: type[Base]) -> TextClause:
    """Of each row the last version before that time, typed as its table; served by the index `versions_as_known`."""
    table = model.__tablename__
    order = "position" if model in _IN_ORDER else "id"
    names = ", ".join(f'it."{one.name}"' for one in model.__table__.columns if one.name not in KEPT[model])
    return text(
        f"""SELECT {names} FROM (
              SELECT DISTINCT ON (row_id) content FROM versions
              WHERE case_id = :case_id AND kind = '{table}' AND at <= :at ORDER BY row_id, at DESC, id DESC) AS last,
            jsonb_populate_record(NULL::{table}, last.content) AS it
            WHERE last.content IS NOT NULL ORDER BY it.{order}"""
    )
