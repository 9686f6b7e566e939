"""Reports as they are read: the office's queue, what somebody brought in, one report."""

from typing import Any, Literal
from uuid import UUID

from pydantic import BaseModel
from sqlalchemy import ColumnElement, func, select

from services.cases.casefile import readable_case
from services.cases.intake import WAITING
from services.cases.intake_models import Intake, UnknownClient
from services.cases.queries import Page, Purpose, in_area
from services.cases.unknown import columns_of
from services.cases.ways_in import ways_in
from sinergi.auth import Actor, permit
from sinergi.db import Tx
from sinergi.permissions import Role

#: what a list shows: no words of the report, no contact
_SHOWN = (
    "id", "version", "agency", "area", "state", "way_in", "reporter", "place_area", "seen_at", "received_at", "urgency",
    "because", "overdue", "case_id", "referred_from", "to_agency",
)  # fmt: skip


class ListIntakes(Page):
    """The office's queue, or what I brought in myself."""

    whose: Literal["office", "mine"] = "office"


class ReadIntake(BaseModel):
    """One report, and why it is read."""

    intake_id: UUID
    purpose: Purpose = "intake"


class ReadScreening(BaseModel):
    """The questions of the screening."""


@permit("intake.list")
async def list_intakes(what: ListIntakes, actor: Actor, tx: Tx) -> dict[str, Any]:
    """What waits for a decision: risk to life first, then the oldest. A volunteer sees what they brought in."""
    mine = what.whose == "mine" or actor.role is Role.VOLUNTEER
    where = [Intake.received_by == actor.id, Intake.agency == actor.agency] if mine else _queue(actor)
    order = (Intake.received_at.desc(), Intake.id) if mine else (Intake.rank, Intake.received_at, Intake.id)
    total = await tx.session.scalar(select(func.count()).select_from(Intake).where(*where))
    rows = await tx.session.scalars(select(Intake).where(*where).order_by(*order).limit(what.size).offset(what.skip))
    reports = rows.all()
    await tx.audit("intake.list", "intake", [one.id for one in reports], "intake")
    return {"items": [{name: getattr(one, name) for name in _SHOWN} for one in reports], "total": total or 0}


def _queue(actor: Actor) -> list[ColumnElement[bool]]:
    return [Intake.state.in_(WAITING), Intake.agency == actor.agency, in_area(Intake.area, actor.area)]


@permit("intake.read")
async def read_intake(what: ReadIntake, actor: Actor, tx: Tx) -> dict[str, Any]:
    """All that was told, for the office within its area, and for whoever may read the case that it belongs to."""
    report = await tx.get(Intake, what.intake_id)
    if report.case_id is None or report.agency == actor.agency:
        actor.within(agencies=(report.agency,), area=report.area)
    else:
        await readable_case(report.case_id, actor, tx)
    await tx.audit("intake.read", "intake", [report.id], what.purpose)
    shown = columns_of(report)
    unknown = await tx.get(UnknownClient, report.client_id) if report.client_kind == "unknown" else None
    return shown | {"unknown": columns_of(unknown) if unknown else None}


@permit("intake.list")
async def read_screening(what: ReadScreening, actor: Actor, tx: Tx) -> dict[str, Any]:
    """The questions, in both languages, and the hours in which they must be answered."""
    return ways_in().screening.model_dump()
