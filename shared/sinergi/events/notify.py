"""What notify tells."""

from sinergi.events.event import Event


class MessagePosted(Event):
    """A message lies in somebody's inbox. `recipient` is `user:<sub>` or `desk:<agency>/<desk>`."""

    name = "message.posted.v1"
    message_id: str
    recipient: str
    kind: str
