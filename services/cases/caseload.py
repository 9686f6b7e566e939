"""The supervisor's page: who has how much, from counts that are kept with each change (migration 0008).

Nothing here reads all cases: the sums are of the office's rows of `case_counts` (a few for each worker and area).
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pydantic import BaseModel, Field
from sqlalchemy import ColumnElement, func, select

from services.cases.caseload_models import CaseCount, Cover, WorkerProfile
from services.cases.commands import Area
from services.cases.models import Case, Plan, Task
from services.cases.queries import Page, in_area
from services.cases.stages import PlanState, Stage
from services.cases.weights import WEIGHTS, weigh, weigh_counted
from sinergi.auth import Actor, permit
from sinergi.db import Tx
from sinergi.problems import Refused
from sinergi.workdays import zone_of

#: how many there are of each property: the columns that are summed
PROPERTIES = sorted(WEIGHTS.by_count())
_COUNTED = ("cases", *PROPERTIES)
_SUMS = [func.sum(getattr(CaseCount, name)).label(name) for name in _COUNTED]

#: two at once each fold what the other did not take: a part may hold no case in sum, and yet a change of stage
FOLD = f"""
    WITH fresh AS (SELECT DISTINCT agency, worker, area FROM case_counts WHERE NOT folded),
    gone AS (DELETE FROM case_counts c USING fresh f
             WHERE c.agency = f.agency AND c.worker = f.worker AND c.area = f.area RETURNING c.*)
    INSERT INTO case_counts (agency, worker, area, folded, {", ".join(_COUNTED)})
    SELECT agency, worker, area, true, {", ".join(f"sum({name})" for name in _COUNTED)} FROM gone
    GROUP BY agency, worker, area HAVING {" OR ".join(f"sum({name}) <> 0" for name in _COUNTED)}"""


@dataclass
class Load:
    """What a worker has at hand: numbers of open cases, and their points."""

    points: int = 0
    counts: dict[str, int] = field(default_factory=lambda: dict.fromkeys(_COUNTED, 0))
    areas: list[str] = field(default_factory=list)

    def add(self, area: str, counts: Mapping[str, Any]) -> None:
        """Count those of one area too."""
        self.points += weigh_counted(area, counts)
        self.areas.append(area)
        for name in _COUNTED:
            self.counts[name] += counts[name]


async def loads_of(agency: str, scope: str, tx: Tx, workers: Sequence[str] | None = None) -> dict[str, Load]:
    """Each worker's load within the area; "" holds what waits for a worker."""
    where = [CaseCount.agency == agency, in_area(CaseCount.area, scope)]
    if workers is not None:
        where.append(CaseCount.worker.in_(workers))
    sums = select(CaseCount.worker, CaseCount.area, *_SUMS).where(*where)
    grouped = sums.group_by(CaseCount.worker, CaseCount.area).having(func.sum(CaseCount.cases) != 0)
    loads: dict[str, Load] = {}
    for row in (await tx.session.execute(grouped)).mappings():
        loads.setdefault(row["worker"], Load()).add(row["area"], dict(row))
    return loads


async def profiles_of(agency: str, tx: Tx, workers: Sequence[str] | None = None) -> dict[str, WorkerProfile]:
    """What the office's workers can take, as far as it was written down."""
    found = select(WorkerProfile).where(WorkerProfile.agency == agency)
    if workers is not None:
        found = found.where(WorkerProfile.actor.in_(workers))
    return {row.actor: row for row in await tx.session.scalars(found)}


class ReadCaseload(Page):
    """The office's workers, those with most points first."""

    size: int = Field(100, ge=1, le=500)


@permit("caseload.read")
async def read_caseload(what: ReadCaseload, actor: Actor, tx: Tx) -> dict[str, Any]:
    """Worker by worker, and in all, within the supervisor's area. It names no case and no client."""
    loads = await loads_of(actor.agency, actor.area, tx)
    waiting = loads.pop("", Load())
    late, plans = await _overdue(actor, tx), await _waiting_plans(actor, tx)
    profiles, away = await profiles_of(actor.agency, tx), await _away(actor, tx)
    shown = {worker for worker, one in profiles.items() if _meets(actor.area, one.area)} | loads.keys()
    order = sorted(shown, key=lambda worker: (-loads.get(worker, Load()).points, worker))
    return {
        "items": [
            worker_row(worker, loads.get(worker), profiles.get(worker))
            | {"overdue_tasks": late.get(worker, 0), "waiting_plans": plans.get(worker, 0), "away": away.get(worker)}
            for worker in order[what.skip : what.skip + what.size]
        ],
        "total": len(order),
        "office": _office([*loads.values(), waiting])
        | {"unassigned": waiting.counts["cases"], "overdue_tasks": sum(late.values())}
        | {"waiting_plans": sum(plans.values())},
    }


def worker_row(worker: str, load: Load | None, profile: WorkerProfile | None) -> dict[str, Any]:
    """What a worker has and can take."""
    counts, points = (load or Load()).counts, (load or Load()).points
    capacity = profile.capacity if profile else WEIGHTS.capacity
    kept = {name: getattr(profile, name) for name in _PROFILE} if profile else None
    return {
        "worker": worker,
        "cases": counts["cases"],
        "points": points,
        "capacity": capacity,
        "free": capacity - points,
        "high": counts["risk_high"],
        "life": counts["risk_life"],
        "profile": kept,
    }


_PROFILE = ("version", "area", "capacity", "available_from", "available_until", "speaks", "specialities")


def _office(loads: Iterable[Load]) -> dict[str, Any]:
    loads = list(loads)
    total = {name: sum(one.counts[name] for one in loads) for name in _COUNTED}
    open_stages = [one for one in Stage if one is not Stage.PEMBINAAN_LANJUT]
    return {
        "cases": total["cases"],
        "points": sum(one.points for one in loads),
        "by_stage": {stage.value: total[f"stage_{stage}"] for stage in open_stages},
        "by_risk": {risk: total[f"risk_{risk}"] for risk in ("life", "high", "none", "medium", "low")},
    }


def _meets(scope: str, area: str) -> bool:
    """Whether one lies in the other: a worker of the whole city works in each of its districts."""
    return scope == "*" or f"{scope}.".startswith(f"{area}.") or f"{area}.".startswith(f"{scope}.")


async def _overdue(actor: Actor, tx: Tx) -> dict[str, int]:
    """By worker; served by `tasks_overdue`."""
    late = (Task.agency == actor.agency, in_area(Task.area, actor.area))
    still = (Task.done_at.is_(None), Task.overdue_since.is_not(None))
    counted = select(Task.worker, func.count()).where(*late, *still).group_by(Task.worker)
    return {row[0]: row[1] for row in await tx.session.execute(counted)}


async def _waiting_plans(actor: Actor, tx: Tx) -> dict[str, int]:
    """Plans that lie before a supervisor, by worker."""
    where: list[ColumnElement[bool]] = [
        Case.agency == actor.agency,
        in_area(Case.area, actor.area),
        Case.stage == Stage.RENCANA,
        Case.closed_at.is_(None),
        Plan.state == PlanState.SUBMITTED,
    ]
    counted = select(Case.worker, func.count()).join(Plan, Plan.case_id == Case.id).where(*where)
    return {row[0]: row[1] for row in await tx.session.execute(counted.group_by(Case.worker))}


async def _away(actor: Actor, tx: Tx) -> dict[str, dict[str, Any]]:
    """Who is away now, until when, and who stands in."""
    now = (Cover.starts_at <= func.now(), Cover.ends_at > func.now(), Cover.ended_at.is_(None))
    rows = await tx.session.scalars(select(Cover).where(Cover.agency == actor.agency, *now).order_by(Cover.ends_at))
    return {row.worker: {"stand_in": row.stand_in, "until": row.ends_at} for row in rows}


#: rows of an export; a larger office exports area by area
MOST_EXPORTED = 10_000


class ExportCaseload(BaseModel):
    """The open cases of an area (none: the supervisor's)."""

    area: Area | None = None


@permit("caseload.export")
async def export_caseload(what: ExportCaseload, actor: Actor, tx: Tx) -> dict[str, Any]:
    """The rows of the workbook. Each case in it is written down as read. Refused: `export-too-large`."""
    scope = what.area or actor.area
    actor.within(area=scope)
    where = (Case.agency == actor.agency, in_area(Case.area, scope), Case.closed_at.is_(None))
    by_urgency = select(Case).where(*where).order_by(Case.urgency.desc(), Case.opened_at.desc())
    cases = (await tx.session.scalars(by_urgency.limit(MOST_EXPORTED + 1))).all()
    if len(cases) > MOST_EXPORTED:
        raise Refused("export-too-large", f"More than {MOST_EXPORTED} cases: choose a smaller area.", "conflict")
    await tx.audit("caseload.export", "case", [case.id for case in cases], "caseload export")
    within = Actor(actor.id, actor.role, actor.agency, scope)
    workers = await read_caseload(ReadCaseload(size=500), within, tx)
    return {"workers": workers["items"], "cases": [_exported(case) for case in cases]}


def _exported(case: Case) -> dict[str, Any]:
    opened = case.opened_at.astimezone(zone_of(case.area)).date().isoformat()
    shown = {"number": str(case.id)[-8:].upper(), "opened_on": opened, "points": weigh(case)}
    return shown | {name: getattr(case, name) for name in ("area", "stage", "risk", "worker")}
