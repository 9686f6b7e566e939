"""Whom a case suits best: the office's workers in an order that says why. The supervisor decides."""

from datetime import datetime
from typing import Any

from pydantic import BaseModel
from sqlalchemy import func, select

from services.cases.caseload import Load, loads_of, profiles_of
from services.cases.caseload_models import Cover, WorkerProfile
from services.cases.commands import Area
from services.cases.plans import Code
from services.cases.weights import WEIGHTS
from sinergi.auth import Actor, covers, permit
from sinergi.db import Tx
from sinergi.workdays import zone_of

#: so many are suggested
SUGGESTED = 10
#: the nearness of a worker in whose area the case lies
HERE = 5


class Suggest(BaseModel):
    """For a case in this area; `need` is a speciality or a language that it asks for."""

    area: Area
    need: Code | None = None


@permit("caseload.suggest")
async def suggest(what: Suggest, actor: Actor, tx: Tx) -> dict[str, Any]:
    """The workers who can take it best: room first, then the way, then what it needs, then most room.

    Who is not available today or away (covered by another) is left out.
    """
    actor.within(area=what.area)
    loads, profiles = await loads_of(actor.agency, "*", tx), await profiles_of(actor.agency, tx)
    away = await _away(actor, tx)
    found = []
    for worker in (loads.keys() | profiles.keys()) - away - {""}:
        profile, load = profiles.get(worker), loads.get(worker, Load())
        if profile is None or _available(profile):
            found.append(_weighed(worker, load, profile, what))
    found.sort(key=lambda one: (one["free"] > 0, one["nearness"], one["fits_need"], one["free"], one["worker"]))
    return {"items": found[: -SUGGESTED - 1 : -1], "total": len(found)}


def _weighed(worker: str, load: Load, profile: WorkerProfile | None, what: Suggest) -> dict[str, Any]:
    free = (profile.capacity if profile else WEIGHTS.capacity) - load.points
    areas = [profile.area] if profile else load.areas
    nearness = max((_shared(what.area, one) for one in areas), default=0)
    fits = profile is not None and what.need in (*profile.specialities, *profile.speaks)
    way = "works-here" if nearness == HERE else "works-near" if nearness > 1 else "works-far"
    why = ["has-room" if free > 0 else "is-full", way, *(["fits-need"] if fits else [])]
    own = {"worker": worker, "cases": load.counts["cases"], "points": load.points, "free": free}
    return own | {"nearness": nearness, "fits_need": fits, "why": why}


def _shared(one: str, other: str) -> int:
    """How many parts two areas have in common from the left; HERE when the case lies in the worker's area."""
    if covers(other, one):
        return HERE
    parts = zip(one.split("."), other.split("."), strict=False)
    return next((place for place, (a, b) in enumerate(parts) if a != b), min(one.count("."), other.count(".")) + 1)


def _available(profile: WorkerProfile) -> bool:
    day = datetime.now(zone_of(profile.area)).date()
    begun = profile.available_from is None or profile.available_from <= day
    return begun and (profile.available_until is None or day <= profile.available_until)


async def _away(actor: Actor, tx: Tx) -> set[str]:
    now = (Cover.starts_at <= func.now(), Cover.ends_at > func.now(), Cover.ended_at.is_(None))
    return set(await tx.session.scalars(select(Cover.worker).where(Cover.agency == actor.agency, *now)))
