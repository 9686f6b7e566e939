"""What can be read of meetings: the list, and one with its points, decisions and addenda."""

from typing import Any
from uuid import UUID

from pydantic import BaseModel
from sqlalchemy import func, select

from services.cases.obstacle_queries import columns, decisions_where
from services.cases.queries import Page, in_area
from services.cases.rakor_models import Decision, Meeting, MeetingAddendum, MeetingItem
from sinergi.auth import Actor, permit
from sinergi.db import Tx

_LISTED = ("id", "version", "agency", "area", "kind", "held_on", "place", "month", "state", "frozen_at")


class ListMeetings(Page):
    """The office's meetings within the actor's area."""


class ReadMeeting(BaseModel):
    """One meeting."""

    meeting_id: UUID


@permit("meeting.read")
async def list_meetings(what: ListMeetings, actor: Actor, tx: Tx) -> dict[str, Any]:
    """The newest first."""
    where = (Meeting.agency == actor.agency, in_area(Meeting.area, actor.area))
    total = await tx.session.scalar(select(func.count()).select_from(Meeting).where(*where))
    wanted = select(*(getattr(Meeting, name) for name in _LISTED)).where(*where)
    order = (Meeting.held_on.desc(), Meeting.id.desc())
    rows = await tx.session.execute(wanted.order_by(*order).limit(what.size).offset(what.skip))
    return {"items": [dict(row) for row in rows.mappings()], "total": total or 0}


@permit("meeting.read")
async def read_meeting(what: ReadMeeting, actor: Actor, tx: Tx) -> dict[str, Any]:
    """The frozen agenda, what was said and decided, and how the decisions stand now."""
    meeting = await tx.get(Meeting, what.meeting_id)
    actor.within(agencies=(meeting.agency,), area=meeting.area)
    cases = [one["case_id"] for one in meeting.agenda["plans"]["items"]]
    await tx.audit("meeting.read", "case", cases, "rakor")
    items = select(MeetingItem).where(MeetingItem.meeting_id == meeting.id).order_by(MeetingItem.position)
    addenda = select(MeetingAddendum).where(MeetingAddendum.meeting_id == meeting.id).order_by(MeetingAddendum.id)
    return columns(meeting) | {
        "items": [columns(one) for one in await tx.session.scalars(items)],
        "decisions": await decisions_where(tx, Decision.meeting_id == meeting.id),
        "addenda": [columns(one) for one in await tx.session.scalars(addenda)],
    }
