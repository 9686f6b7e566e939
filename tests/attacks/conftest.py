"""koperasi attacks, bptsp has something to lose, the core looks on: all of it on the real server."""

from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
from nats.aio.client import Client

from sinergi.provision import declare_agency
from tests.attacks.attacker import requested
from tests.harness.stack import Stack

Tell = Callable[[str], Awaitable[str]]


@pytest.fixture(scope="module", autouse=True)
async def consumers(nats: Client) -> None:
    """Both agencies' durables, as the core makes them."""
    for agency in ("koperasi", "bptsp"):
        await declare_agency(nats, agency)


@pytest.fixture
async def koperasi(stack: Stack) -> AsyncIterator[Client]:
    """The attacker: an agency that signs in with its own key."""
    connection = await stack.connect("koperasi")
    yield connection
    await connection.close()


@pytest.fixture
async def bptsp(stack: Stack) -> AsyncIterator[Client]:
    """The agency that is attacked."""
    connection = await stack.connect("bptsp")
    yield connection
    await connection.close()


@pytest.fixture(scope="module")
def refer(publish_fact: Callable[..., Awaitable[str]]) -> Tell:
    """`referral_id = await refer("bptsp")`: a referral to this agency lies in the stream."""

    async def tell(receiver: str) -> str:
        event = requested(receiver)
        await publish_fact(event, event.referral_id, 1, audience=receiver)
        return event.referral_id

    return tell
