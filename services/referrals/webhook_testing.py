"""A test event to a webhook, sent at once, whatever state the webhook is in."""

from datetime import UTC, datetime
from typing import cast

from pydantic import BaseModel

from services.referrals import webhook_queries
from services.referrals.settings import ReferralsSettings
from services.referrals.webhook_border import Border
from services.referrals.webhook_posting import Posting, SystemResolver
from services.referrals.webhook_requests import ReadWebhook
from services.referrals.webhook_sending import post_signed
from sinergi.app import Context
from sinergi.auth import Actor
from sinergi.cloudevents import Envelope
from sinergi.db import new_id

#: no fact: nothing happened, and a receiver only answers that it is there
TYPE = "sinergi.webhook.test"


class Tested(BaseModel):
    """What became of a test: the server's status, or the problem that there was before one."""

    status: int | None
    problem: str | None
    ms: int


async def send_test(context: Context, what: ReadWebhook, actor: Actor) -> Tested:
    """Send, outside of any transaction and on a connection of its own."""
    async with context.db.begin(actor) as tx:
        aim = await webhook_queries.read_aim(what, actor, tx)
    settings = cast(ReferralsSettings, context.settings)
    border = Border(SystemResolver(1), frozenset(settings.webhook_ports), settings.webhook_loopback)
    posting = Posting(border, 1, settings.webhook_ca_file)
    event = _event(what)
    body = event.structured(what.model_dump_json())
    posted = await post_signed(posting, aim.url, aim.secret_ids, event.id, body)
    await posting.close()
    return Tested(status=posted.status, problem=posted.problem, ms=posted.ms)


def _event(what: ReadWebhook) -> Envelope:
    about = str(what.webhook_id)
    return Envelope(str(new_id()), TYPE, "sinergi/referrals", datetime.now(UTC), partitionkey=about, sequence=0)
