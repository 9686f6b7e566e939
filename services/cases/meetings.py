"""Coordination meetings (rakor): called with a frozen agenda, held, minuted point by point, approved for good.

On approval each decision of the minutes becomes a task, and each obstacle that got one is decided, in one transaction.
"""

from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, StringConstraints
from pydantic.json_schema import SkipJsonSchema
from sqlalchemy import delete, select

from services.cases.agendas import agenda_of
from services.cases.commands import FROM_THE_PATH, Answer, Area
from services.cases.obstacles import MOVES, Decided, PaperWords, decide, move, one_at_a_time, refuse_past, told
from services.cases.rakor_models import Decision, Meeting, MeetingAddendum, MeetingItem, Obstacle
from services.cases.tasks import Sub
from sinergi.auth import Actor, permit
from sinergi.db import Tx, new_id
from sinergi.events import MeetingCalled, MeetingHeld, MeetingMinuted, ObstacleDecided, ObstacleDiscussed
from sinergi.problems import Refused

#: the points of every agenda after its obstacles, in the order in which they are talked about
POINTS = ("late", "decisions", "plans", "facilities", "numbers", "other")
#: minutes approve at most so many decisions at once (ours)
DECISIONS_AT_MOST = 200
ShortWords = Annotated[str, StringConstraints(min_length=1, max_length=200, pattern=r"^[^\x00]*$")]


class MeetingState(StrEnum):
    """Where a meeting stands."""

    CALLED = "called"
    HELD = "held"
    MINUTED = "minuted"


class CallMeeting(BaseModel):
    """Call a meeting of the own office for an area. `month` unset: the numbers are those of the month before."""

    model_config = ConfigDict(extra="forbid")
    area: Area
    held_on: date
    place: ShortWords
    kind: Literal["monthly"] = "monthly"
    month: Annotated[str, StringConstraints(pattern=r"^20\d\d-(0[1-9]|1[0-2])$")] | None = None


class OnMeeting(BaseModel):
    """A command on a meeting as the actor last saw it. The door puts the id of its path in."""

    model_config = ConfigDict(extra="forbid")
    meeting_id: SkipJsonSchema[UUID] = FROM_THE_PATH
    expected_version: int = Field(ge=0)


class RenewAgenda(OnMeeting):
    """Take the agenda anew, as of now."""


class Participant(BaseModel):
    """An official who took part; the name stays in this service."""

    model_config = ConfigDict(extra="forbid")
    name: ShortWords
    office: Annotated[str, StringConstraints(max_length=200, pattern=r"^[^\x00]*$")] = ""


class HoldMeeting(OnMeeting):
    """It took place. `chair` approves the minutes; unset: whoever writes this down."""

    participants: list[Participant] = Field(min_length=1, max_length=200)
    chair: Sub | None = None


class MinuteItem(BaseModel):
    """What was said and decided about a point, in the place of what was written before."""

    model_config = ConfigDict(extra="forbid")
    meeting_id: SkipJsonSchema[UUID] = FROM_THE_PATH
    item_id: SkipJsonSchema[UUID] = FROM_THE_PATH
    expected_version: int = Field(ge=0)
    notes: PaperWords | Literal[""] = ""
    decisions: list[Decided] = Field(default=[], max_length=20)


class ApproveMinutes(OnMeeting):
    """The chair approves the minutes."""


class AddAddendum(BaseModel):
    """Correct or complete approved minutes."""

    model_config = ConfigDict(extra="forbid")
    meeting_id: SkipJsonSchema[UUID] = FROM_THE_PATH
    text: PaperWords


@permit("meeting.call")
async def call_meeting(cmd: CallMeeting, actor: Actor, tx: Tx) -> Answer:
    """Call a meeting; its agenda is frozen as of now."""
    actor.within(area=cmd.area)
    await _refuse_second(cmd, actor, tx)
    meeting = Meeting(id=new_id(), version=0, agency=actor.agency, area=cmd.area, kind=cmd.kind, held_on=cmd.held_on)
    meeting.place, meeting.month, meeting.state = cmd.place, _month(cmd), MeetingState.CALLED
    meeting.participants, meeting.chair, meeting.called_by = [], "", actor.id
    await _freeze(meeting, tx)
    return _answer(meeting)


@permit("meeting.call")
async def renew_agenda(cmd: RenewAgenda, actor: Actor, tx: Tx) -> Answer:
    """Take the agenda anew, until the meeting is held."""
    meeting = await _locked(cmd, actor, tx, MeetingState.CALLED)
    await tx.session.execute(delete(MeetingItem).where(MeetingItem.meeting_id == meeting.id))
    await _freeze(meeting, tx)
    return _answer(meeting)


@permit("meeting.hold")
async def hold_meeting(cmd: HoldMeeting, actor: Actor, tx: Tx) -> Answer:
    """It took place, or who took part is corrected: the obstacles of its agenda are discussed."""
    meeting = await _locked(cmd, actor, tx, MeetingState.CALLED, MeetingState.HELD)
    meeting.state, meeting.chair = MeetingState.HELD, cmd.chair or actor.id
    meeting.participants = [one.model_dump() for one in cmd.participants]
    for item in await _items(meeting, tx):
        await _discuss(item, tx)
    tx.emit(MeetingHeld(**_told(meeting), chair=meeting.chair), of=meeting)
    return _answer(meeting)


@permit("meeting.minute")
async def minute_item(cmd: MinuteItem, actor: Actor, tx: Tx) -> Answer:
    """Write the minutes of one point. It is the point that has the version: two may write at the same time."""
    meeting = await _meeting(cmd.meeting_id, actor, tx)
    # shared with others who write points, and kept off by the chair's approval
    await tx.session.refresh(meeting, with_for_update={"read": True})
    _must_be(meeting, MeetingState.HELD)
    item = await tx.get(MeetingItem, cmd.item_id)
    if item.meeting_id != meeting.id:
        raise Refused("not-found", "There is no such point in this meeting.", "not-found")
    item = await tx.lock(MeetingItem, cmd.item_id, cmd.expected_version)
    for one in cmd.decisions:
        refuse_past(one.due_on, meeting.area)
    item.notes, item.decisions = cmd.notes, [one.model_dump(mode="json") for one in cmd.decisions]
    item.version += 1
    return Answer(id=item.id, version=item.version, state=meeting.state)


@permit("meeting.approve")
async def approve_minutes(cmd: ApproveMinutes, actor: Actor, tx: Tx) -> Answer:
    """The chair approves: the minutes are for good, decisions are tasks."""
    meeting = await _locked(cmd, actor, tx, MeetingState.HELD)
    if meeting.chair != actor.id:
        raise Refused("not-the-chair", "Only who chaired the meeting approves its minutes.", "forbidden")
    items = await _items(meeting, tx)
    if sum(len(item.decisions) for item in items) > DECISIONS_AT_MOST:
        raise Refused("too-many-decisions", f"Minutes hold at most {DECISIONS_AT_MOST} decisions.")
    made = [one for item in items for one in await _decide(item, meeting, actor, tx)]
    meeting.state, meeting.approved_by, meeting.approved_at = MeetingState.MINUTED, actor.id, datetime.now(UTC)
    tx.emit(MeetingMinuted(**_told(meeting), decisions=len(made)), of=meeting)
    return _answer(meeting)


@permit("meeting.approve")
async def add_addendum(cmd: AddAddendum, actor: Actor, tx: Tx) -> Answer:
    """What was approved stays; a correction stands beside it. No fact: its words stay here."""
    meeting = await _meeting(cmd.meeting_id, actor, tx)
    _must_be(meeting, MeetingState.MINUTED)
    tx.add(MeetingAddendum(id=new_id(), meeting_id=meeting.id, text=cmd.text, by=actor.id))
    return _answer(meeting)


# ------------------------------------------------------------------- inside


async def _meeting(meeting_id: UUID, actor: Actor, tx: Tx) -> Meeting:
    meeting = await tx.get(Meeting, meeting_id)
    actor.within(agencies=(meeting.agency,), area=meeting.area)
    return meeting


async def _locked(cmd: OnMeeting, actor: Actor, tx: Tx, *states: MeetingState) -> Meeting:
    await _meeting(cmd.meeting_id, actor, tx)
    meeting = await tx.lock(Meeting, cmd.meeting_id, cmd.expected_version)
    _must_be(meeting, *states)
    return meeting


def _must_be(meeting: Meeting, *states: MeetingState) -> None:
    if meeting.state in states:
        return
    if meeting.state == MeetingState.MINUTED:
        sentence = "The minutes are approved and do not change any more. Write an addendum."
        raise Refused("minutes-approved", sentence, "conflict", version=meeting.version, state=meeting.state)
    sentence = "A meeting is called, then held, then its minutes are approved."
    raise Refused("wrong-meeting-state", sentence, "conflict", version=meeting.version, state=meeting.state)


async def _refuse_second(cmd: CallMeeting, actor: Actor, tx: Tx) -> None:
    await one_at_a_time(f"meeting:{actor.agency}:{cmd.area}:{cmd.held_on}", tx)
    same = select(Meeting.id).where(
        *(Meeting.agency == actor.agency, Meeting.area == cmd.area),
        *(Meeting.held_on == cmd.held_on, Meeting.kind == cmd.kind),
    )
    if found := await tx.session.scalar(same):
        sentence = "There is a meeting of this area on that day already."
        raise Refused("meeting-already-called", sentence, "conflict", meeting_id=str(found))


def _month(cmd: CallMeeting) -> date:
    if cmd.month:
        return date.fromisoformat(f"{cmd.month}-01")
    return (cmd.held_on.replace(day=1) - timedelta(days=1)).replace(day=1)


async def _freeze(meeting: Meeting, tx: Tx) -> None:
    """The agenda as of now, and a point for each thing to talk about."""
    meeting.frozen_at, meeting.agenda = datetime.now(UTC), await agenda_of(meeting, tx)
    tx.add(meeting)
    await tx.session.flush()
    obstacles = [("obstacle", UUID(one["id"])) for one in meeting.agenda["obstacles"]["items"]]
    for position, (kind, obstacle) in enumerate([*obstacles, *((point, None) for point in POINTS)], 1):
        item = MeetingItem(id=new_id(), meeting_id=meeting.id, version=0, position=position, kind=kind)
        item.obstacle_id, item.notes, item.decisions = obstacle, "", []
        tx.add(item)
    tx.emit(MeetingCalled(**_told(meeting)), of=meeting)


async def _items(meeting: Meeting, tx: Tx) -> list[MeetingItem]:
    """The points in an order of obstacles that all meetings share, so that two approvals never wait for each other."""
    found = select(MeetingItem).where(MeetingItem.meeting_id == meeting.id)
    return list(await tx.session.scalars(found.order_by(MeetingItem.obstacle_id, MeetingItem.position)))


async def _discuss(item: MeetingItem, tx: Tx) -> None:
    """What was solved or decided since the agenda was frozen stays so."""
    if item.obstacle_id is None:
        return
    obstacle = await tx.lock(Obstacle, item.obstacle_id)
    if obstacle.state in MOVES["discuss"][0]:
        move(obstacle, "discuss")
        tx.emit(ObstacleDiscussed(**told(obstacle), meeting_id=str(item.meeting_id)), of=obstacle)


async def _decide(item: MeetingItem, meeting: Meeting, actor: Actor, tx: Tx) -> list[Decision]:
    if not item.decisions:
        return []
    obstacle = await tx.lock(Obstacle, item.obstacle_id) if item.obstacle_id else None
    area = obstacle.area if obstacle else meeting.area
    wanted = [Decided.model_validate(one) for one in item.decisions]
    about: dict[str, Any] = {"obstacle": obstacle, "meeting_id": meeting.id}
    made = [await decide(one, meeting.agency, area, actor, tx, **about) for one in wanted]
    if obstacle and obstacle.ended_at is None:
        move(obstacle, "decide")
        tasks = [str(one.task_id) for one in made]
        tx.emit(ObstacleDecided(**told(obstacle), task_ids=tasks, meeting_id=str(meeting.id)), of=obstacle)
    return made


def _told(meeting: Meeting) -> dict[str, Any]:
    codes = {name: getattr(meeting, name) for name in ("agency", "area", "kind", "held_on")}
    return {"meeting_id": str(meeting.id)} | codes


def _answer(meeting: Meeting) -> Answer:
    return Answer(id=meeting.id, version=meeting.version, state=meeting.state)
