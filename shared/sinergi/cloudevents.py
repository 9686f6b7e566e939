"""CloudEvents 1.0 over NATS in binary mode: attributes in `ce-*` headers (plain ASCII), the event as a JSON body.

The PyPI SDK has no NATS binding; this is ours.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

#: CloudEvents attributes beside the four that every event has; each is left out when it is empty.
_OPTIONAL = ("correlationid", "causationid", "traceparent", "dataref")


class NotAnEvent(ValueError):
    """The message is no CloudEvent of ours: a `ce-` header is missing or unreadable."""


@dataclass(frozen=True, slots=True)
class Envelope:
    """The CloudEvents attributes of one event.

    `sequence` is the aggregate's version after this fact (1, 2, 3 …), `partitionkey` the aggregate's id.
    """

    id: str
    type: str
    source: str
    time: datetime
    partitionkey: str
    sequence: int
    correlationid: str = ""
    causationid: str = ""
    traceparent: str = ""
    dataref: str = ""

    def headers(self) -> dict[str, str]:
        """The NATS headers that carry this envelope."""
        must = {
            "ce-specversion": "1.0",
            "ce-id": self.id,
            "ce-type": self.type,
            "ce-source": self.source,
            "ce-time": self.time.isoformat(),
            "ce-partitionkey": self.partitionkey,
            "ce-sequence": str(self.sequence),
            "content-type": "application/json",
        }
        may = {f"ce-{name}": value for name in _OPTIONAL if (value := getattr(self, name))}
        return must | may

    def structured(self, data: str) -> str:
        """The event as one JSON object (CloudEvents 1.0, structured mode), its `data` this JSON text."""
        attributes = {name.removeprefix("ce-"): value for name, value in self.headers().items() if name[:3] == "ce-"}
        return json.dumps(attributes | {"datacontenttype": "application/json", "data": json.loads(data)})

    @classmethod
    def from_headers(cls, headers: Mapping[str, str] | None) -> "Envelope":
        """Read an envelope back; `NotAnEvent` when the headers hold none."""
        if not headers:
            raise NotAnEvent("the message has no headers")
        try:
            return cls(
                id=headers["ce-id"],
                type=headers["ce-type"],
                source=headers["ce-source"],
                time=datetime.fromisoformat(headers["ce-time"]),
                partitionkey=headers["ce-partitionkey"],
                sequence=int(headers["ce-sequence"]),
                **{name: headers.get(f"ce-{name}", "") for name in _OPTIONAL},
            )
        except KeyError as missing:
            raise NotAnEvent(f"the header {missing} is missing") from missing
        except ValueError as wrong:
            raise NotAnEvent("a ce- header is not of its type") from wrong
