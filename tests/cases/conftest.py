"""The service `cases` at work, and its people."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager

import pytest

from tests.cases.story import Story
from tests.harness.stack import Running


@pytest.fixture(scope="module")
async def cases(run_service: Callable[..., AbstractAsyncContextManager[Running]]) -> AsyncIterator[Running]:
    """The running service."""
    async with run_service("cases") as running:
        yield running


@pytest.fixture
async def story(cases: Running, publish_fact: Callable[..., Awaitable[str]]) -> AsyncIterator[Story]:
    """A new social worker with a new client, their supervisor, and the agencies that answer."""
    story = Story(cases, publish_fact)
    yield story
    await story.leave()
