"""What cases tells about obstacles (kendala) and coordination meetings (rakor). Words stay in the service."""

from datetime import date
from typing import Literal

from sinergi.events.event import Event


class ObstacleFact(Event):
    """What every fact about an obstacle tells."""

    obstacle_id: str
    agency: str
    area: str
    category: str
    severity: Literal["low", "medium", "high"]


class ObstacleRaised(ObstacleFact):
    """Something holds up casework in an area."""

    name = "obstacle.raised.v1"
    raised_by: str


class ObstacleOwned(ObstacleFact):
    """Somebody answers for it: a user or a desk, of an office."""

    name = "obstacle.owned.v1"
    owner: str
    office: str


class ObstacleDiscussed(ObstacleFact):
    """It was on the agenda of a meeting that was held."""

    name = "obstacle.discussed.v1"
    meeting_id: str


class ObstacleDecided(ObstacleFact):
    """It was decided what is done about it; each decision is a task. `meeting_id` None: between two meetings."""

    name = "obstacle.decided.v1"
    task_ids: list[str]
    meeting_id: str | None = None


class ObstacleSolved(ObstacleFact):
    """It is gone, or the office accepts it as it is."""

    name = "obstacle.solved.v1"
    outcome: Literal["solved", "accepted"]


class ObstacleReopened(ObstacleFact):
    """It is there again."""

    name = "obstacle.reopened.v1"


class MeetingFact(Event):
    """What every fact about a meeting tells."""

    meeting_id: str
    agency: str
    area: str
    kind: Literal["monthly"]
    held_on: date


class MeetingCalled(MeetingFact):
    """A meeting stands in the calendar, or its agenda was taken anew."""

    name = "meeting.called.v1"


class MeetingHeld(MeetingFact):
    """It took place, or who took part was corrected. `chair` approves the minutes."""

    name = "meeting.held.v1"
    chair: str


class MeetingMinuted(MeetingFact):
    """The chair approved the minutes: they do not change any more."""

    name = "meeting.minuted.v1"
    decisions: int
