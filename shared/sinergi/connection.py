"""The connection to NATS, the same for services and plug-ins: signed in by NKEY, reconnecting for ever."""

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from faststream.nats import NatsBroker, NatsNKey


def connect(
    servers: list[str],
    seed_file: Path | None,
    name: str,
    lost: Callable[[], Awaitable[None]] | None = None,
    **extra: Any,
) -> NatsBroker:
    """A broker that reconnects for ever, signed in with the NKEY in `seed_file` if one is given."""
    return NatsBroker(
        servers,
        name=name,
        security=NatsNKey(seed_file) if seed_file else None,
        max_reconnect_attempts=-1,
        reconnect_time_wait=1,
        disconnected_cb=lost,
        drain_timeout=2,  # what is left then was not acknowledged, and comes again
        logger=None,
        **extra,
    )
