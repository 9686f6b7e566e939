"""Streams and durables, created or updated to what the code says: FastStream ignores a changed config silently.

Only the owner declares its stream; every service may declare the dead letters.
"""

from nats.aio.client import Client
from nats.js.api import (
    AckPolicy,
    ConsumerConfig,
    DeliverPolicy,
    DiscardPolicy,
    StorageType,
    StreamConfig,
)
from nats.js.errors import NotFoundError

from sinergi.events import STREAMS
from sinergi.settings import Settings

DEAD_LETTERS = "DEAD_LETTERS"
CORE_FILTER = "sinergi.*.*.*.core"
ACK_WAIT_SECONDS = 30
#: unacked deliveries at one consumer before the server waits
MAX_ACK_PENDING = 1000


async def declare_stream(nats: Client, name: str, settings: Settings) -> None:
    """Create the stream, or bring its settings up to date."""
    subjects = ["dead.>"] if name == DEAD_LETTERS else STREAMS[name][1]
    config = StreamConfig(
        name=name,
        subjects=subjects,
        storage=StorageType.FILE,
        num_replicas=settings.stream_replicas,
        max_bytes=settings.stream_max_bytes,
        discard=DiscardPolicy.NEW,
        duplicate_window=120,
        allow_atomic=True,
    )
    stream = nats.jetstream()
    try:
        await stream.update_stream(config)
    except NotFoundError:
        await stream.add_stream(config)


async def declare_durable(
    nats: Client, stream: str, durable: str, subject: str = CORE_FILTER, ack_wait: float | None = None
) -> None:
    """Create the pull consumer, or bring it up to date. Messages are given again until acked, after `ack_wait` seconds
    (30); we give up, not the server (`max_deliver=-1`)."""
    config = ConsumerConfig(
        durable_name=durable,
        filter_subject=subject,
        deliver_policy=DeliverPolicy.ALL,
        ack_policy=AckPolicy.EXPLICIT,
        ack_wait=ack_wait or ACK_WAIT_SECONDS,
        max_deliver=-1,
        max_ack_pending=MAX_ACK_PENDING,
    )
    await nats.jetstream().add_consumer(stream, config)


def agency_filter(agency: str) -> str:
    """The subjects of the facts that are told to this agency."""
    return f"sinergi.*.*.*.{agency}"


async def declare_agency(nats: Client, agency: str, ack_wait: float | None = None) -> None:
    """The one durable from which an agency reads its own referral events, and nothing else."""
    await declare_durable(nats, "REFERRALS", agency, agency_filter(agency), ack_wait)


async def durable_exists(nats: Client, stream: str, durable: str) -> bool:
    """Whether the server knows this consumer."""
    try:
        await nats.jetstream().consumer_info(stream, durable)
    except NotFoundError:
        return False
    return True
