"""An agency hears its facts again from a moment on: its own cursor is set back, nobody else's moves."""

from datetime import UTC, datetime
from typing import Any

from nats.aio.client import Client
from nats.js.api import AckPolicy, ConsumerConfig, DeliverPolicy
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from sinergi.app import Context
from sinergi.auth import Actor, permit
from sinergi.permissions import Role
from sinergi.problems import Refused
from sinergi.provision import agency_filter, durable_exists

STREAM = "REFERRALS"


class ReplayFacts(BaseModel):
    """From which moment on. A date without a zone is refused: the agencies live in three zones."""

    model_config = ConfigDict(extra="forbid")

    since: AwareDatetime
    agency: str | None = Field(default=None, pattern=r"^[a-z0-9-]{2,12}$")


@permit("agency.replay")
async def replay_facts(cmd: ReplayFacts, actor: Actor, context: Context) -> dict[str, Any]:
    """Set the agency's cursor to the first fact at or after `since`; what it hears again it knows by `ce-id`.

    An operator names the `agency`; an agency's system can only name itself. Refused: `since-in-future`,
    `not-your-agency`, `no-consumer` (it is not connected).
    """
    agency = cmd.agency or actor.agency
    if actor.role is not Role.OPERATOR:
        actor.within(agencies=(agency,))
    if cmd.since > datetime.now(UTC):
        raise Refused("since-in-future", "Name a moment that has passed.")
    nats = context.bus.nats
    if not await durable_exists(nats, STREAM, agency):  # the server answers no reset of what it does not know
        raise Refused("no-consumer", "This agency has no consumer: it is not connected.", "not-found")
    sequence, facts = await _first_since(nats, agency, cmd.since)
    await nats.jsm().reset_consumer(STREAM, agency, sequence)
    return {"since": cmd.since.isoformat(), "facts": facts}


async def _first_since(nats: Client, agency: str, since: datetime) -> tuple[int, int]:
    """Where in the stream a consumer that starts at this moment begins, and how many facts it has before it."""
    stream = nats.jetstream()
    config = ConsumerConfig(
        filter_subject=agency_filter(agency),
        deliver_policy=DeliverPolicy.BY_START_TIME,
        opt_start_time=since,
        ack_policy=AckPolicy.NONE,
        mem_storage=True,
        inactive_threshold=5,
    )
    info = await stream.add_consumer(STREAM, config)
    await stream.delete_consumer(STREAM, info.name)
    return (info.delivered.stream_seq if info.delivered else 0) + 1, info.num_pending or 0
