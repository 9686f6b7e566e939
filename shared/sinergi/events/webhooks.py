"""What referrals tells of the webhooks by which it sends facts to agencies: to our own services alone."""

from typing import Literal

from sinergi.events.event import Event


class WebhookFact(Event):
    """What every fact about a webhook tells. No `desk`: it is the whole agency's."""

    webhook_id: str
    agency: str
    desk: str | None = None


class WebhookFailing(WebhookFact):
    """Nothing is sent any more until somebody resumes it: its server was not there for days, or says that it is gone
    (410). `waiting`: so many deliveries wait; none is lost."""

    name = "webhook.failing.v1"
    reason: Literal["unreachable", "gone"]
    waiting: int


class WebhookRefused(WebhookFact):
    """One delivery was given up: the server is there and would not take it, for days. It can be replayed."""

    name = "webhook.refused.v1"
    delivery: int
    event_type: str
    status: int
