"""What a fact is: its name, its subject, its stream, and the envelope in which it came."""

from typing import Any, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, PrivateAttr

from sinergi.cloudevents import Envelope

ClientKind = Literal["person", "household", "group"]
Priority = Literal["routine", "urgent"]

#: stream -> (the one service that declares it, the subjects that it holds)
STREAMS: dict[str, tuple[str, list[str]]] = {
    "REGISTRY": (
        "registry",
        ["sinergi.person.>", "sinergi.household.>", "sinergi.group.>", "sinergi.import.>"],
    ),
    "CASES": (
        "cases",
        [
            "sinergi.case.>",
            "sinergi.task.>",
            "sinergi.intake.>",
            "sinergi.visit.>",
            "sinergi.placement.>",
            "sinergi.facility.>",
            "sinergi.obstacle.>",
            "sinergi.meeting.>",
        ],
    ),
    "REFERRALS": ("referrals", ["sinergi.referral.>", "sinergi.pathway.>", "sinergi.webhook.>"]),
    "MESSAGES": ("notify", ["sinergi.message.>"]),
}

#: CloudEvents type -> class, filled as the classes below are defined
EVENTS: dict[str, type["Event"]] = {}


class Event(BaseModel):
    """A fact. A subclass names its `name` (`<entity>.<fact>.v<N>`) and its fields.

    After it was received, `event.envelope` tells its id, its time and its place among the facts of its aggregate.
    Unknown fields are ignored, so that an older reader understands a newer writer.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")
    name: ClassVar[str] = ""

    _envelope: Envelope | None = PrivateAttr(default=None)
    #: the aggregate's version as far as the holder of this event knows; a command's answer moves it on
    _known_version: int = PrivateAttr(default=0)

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if "name" in cls.__dict__:
            EVENTS[cls.type()] = cls

    @classmethod
    def type(cls) -> str:
        """The CloudEvents `type`, e.g. `sinergi.referral.accepted.v1`."""
        return f"sinergi.{cls.name}"

    @classmethod
    def subject(cls, audience: str) -> str:
        """The NATS subject for an audience: `core` or an agency's code."""
        return f"sinergi.{cls.name}.{audience}"

    @classmethod
    def stream(cls) -> str:
        """The stream that holds this event."""
        prefix = f"sinergi.{cls.name.split('.')[0]}.>"
        return next(name for name, (_, subjects) in STREAMS.items() if prefix in subjects)

    @property
    def envelope(self) -> Envelope:
        """The CloudEvents attributes with which this event came; an error on one that was never sent."""
        if self._envelope is None:
            raise LookupError(f"{type(self).__name__} was made here and has no envelope yet")
        return self._envelope

    @property
    def known_version(self) -> int:
        """The aggregate's version that a command should expect: this event's, or its last answer's."""
        return self._known_version

    def knows_version(self, version: int) -> None:
        """A command's answer told the aggregate's version (pydantic lets no property of a frozen model be set)."""
        self._known_version = version

    def with_envelope(self, envelope: Envelope) -> "Event":
        """This event, knowing the envelope in which it came."""
        self._envelope, self._known_version = envelope, envelope.sequence
        return self
