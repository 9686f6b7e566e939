"""Work beside the main work ends, even when a cancellation was lost on the way."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from sinergi.tasks import beside, end


@asynccontextmanager
async def stubborn(times: int) -> AsyncIterator["asyncio.Task[None]"]:
    """A task that loses so many cancellations, as `wait_for` may before Python 3.12."""

    async def work() -> None:
        for _ in range(times):
            try:
                await asyncio.sleep(3600)
            except asyncio.CancelledError:
                continue
        await asyncio.sleep(3600)

    task = asyncio.create_task(work())
    await asyncio.sleep(0)
    yield task
    task.cancel()


async def test_a_task_that_loses_two_cancellations_is_asked_a_third_time() -> None:
    async with stubborn(2) as task, asyncio.timeout(5):
        await end(task)
        assert task.cancelled()


async def test_work_beside_a_block_ends_with_it_whatever_became_of_it() -> None:
    async def fails() -> None:
        raise RuntimeError("a bug")

    ended = []

    async def goes_on() -> None:
        try:
            await asyncio.sleep(3600)
        finally:
            ended.append(True)

    async with beside(fails()), beside(goes_on()):
        await asyncio.sleep(0)
    assert ended == [True]


async def test_work_beside_a_block_that_fails_ends_too() -> None:
    ended = asyncio.Event()

    async def goes_on() -> None:
        try:
            await asyncio.sleep(3600)
        finally:
            ended.set()

    async def fail() -> None:
        async with beside(goes_on()):
            await asyncio.sleep(0)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await fail()
    assert ended.is_set()
