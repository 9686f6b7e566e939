"""Temporary cover: while a worker is away, another one writes in the worker's cases. It ends by itself.

What a cover opens is checked in access.py.
"""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field
from pydantic.json_schema import SkipJsonSchema
from sqlalchemy import func, select

from services.cases.assigning import must_know
from services.cases.caseload_models import Cover
from services.cases.queries import Page, in_area
from services.cases.tasks import Sub
from sinergi.auth import Actor, permit
from sinergi.db import Tx, new_id
from sinergi.events import CaseCoverArranged, CaseCoverEnded
from sinergi.problems import Refused

#: ours: who is away for longer hands the caseload over
LONGEST = timedelta(days=185)


class ArrangeCover(BaseModel):
    """`stand_in` writes in the cases of `worker` from then until then, in the area of who arranges it."""

    model_config = ConfigDict(extra="forbid")
    worker: Sub
    stand_in: Sub
    starts_at: AwareDatetime
    ends_at: AwareDatetime


class EndCover(BaseModel):
    """End a cover before its time. The door puts the id of its path in."""

    model_config = ConfigDict(extra="forbid")
    cover_id: SkipJsonSchema[UUID] = UUID(int=0)
    expected_version: int = Field(ge=0)


class CoverAnswer(BaseModel):
    """The cover after a command."""

    id: UUID
    version: int
    state: str


@permit("caseload.cover")
async def arrange_cover(cmd: ArrangeCover, actor: Actor, tx: Tx) -> CoverAnswer:
    """Let somebody stand in. Refused: `cover-of-oneself`, `cover-dates-wrong`, `worker-unknown`."""
    if cmd.worker == cmd.stand_in:
        raise Refused("cover-of-oneself", "Somebody else must stand in.")
    if not (cmd.starts_at < cmd.ends_at <= cmd.starts_at + LONGEST and cmd.ends_at > datetime.now(UTC)):
        sentence = f"Give an end after the beginning, at most {LONGEST.days} days later, and not in the past."
        raise Refused("cover-dates-wrong", sentence)
    await must_know([cmd.worker, cmd.stand_in], actor, tx)
    cover = Cover(
        id=new_id(), version=0, agency=actor.agency, area=actor.area, arranged_by=actor.id, **cmd.model_dump()
    )
    tx.add(cover)
    tx.emit(CaseCoverArranged(**_told(cover), starts_at=cover.starts_at, ends_at=cover.ends_at), of=cover)
    return CoverAnswer(id=cover.id, version=cover.version, state="arranged")


@permit("caseload.cover")
async def end_cover(cmd: EndCover, actor: Actor, tx: Tx) -> CoverAnswer:
    """End it now. Refused: `cover-ended`."""
    cover = await tx.get(Cover, cmd.cover_id)
    actor.within(agencies=(cover.agency,), area=cover.area)
    cover = await tx.lock(Cover, cmd.cover_id, cmd.expected_version)
    if cover.ended_at or cover.ends_at <= datetime.now(UTC):
        raise Refused("cover-ended", "This cover has ended already.", "conflict", version=cover.version)
    cover.ended_at = datetime.now(UTC)
    tx.emit(CaseCoverEnded(**_told(cover)), of=cover)
    return CoverAnswer(id=cover.id, version=cover.version, state="ended")


class ListCovers(Page):
    """The covers of the office that are in force or will be."""


@permit("caseload.cover")
async def list_covers(what: ListCovers, actor: Actor, tx: Tx) -> dict[str, Any]:
    """Who stands in for whom, by the end."""
    ours = (Cover.agency == actor.agency, Cover.ended_at.is_(None), Cover.ends_at > func.now())
    where = (*ours, in_area(Cover.area, actor.area))
    total = await tx.session.scalar(select(func.count()).select_from(Cover).where(*where))
    rows = await tx.session.scalars(
        select(Cover).where(*where).order_by(Cover.ends_at, Cover.id).limit(what.size).offset(what.skip)
    )
    names = ("id", "version", "worker", "stand_in", "area", "starts_at", "ends_at")
    return {"items": [{name: getattr(row, name) for name in names} for row in rows], "total": total or 0}


def _told(cover: Cover) -> dict[str, str]:
    own = {"agency": cover.agency, "area": cover.area, "worker": cover.worker, "stand_in": cover.stand_in}
    return {"cover_id": str(cover.id)} | own
