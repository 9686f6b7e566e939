"""Work beside the main work, that surely ends.

Before Python 3.12 `asyncio.wait_for`, which nats-py is built on, can lose a cancellation that comes in the same moment
as its result: a task that was cancelled once may go on for ever. So we ask again until it has ended.
"""

import asyncio
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from typing import Any

AGAIN_SECONDS = 0.2


async def end(*tasks: asyncio.Task[Any]) -> None:
    """Cancel the tasks, again and again, until all have ended; how they ended is not told."""
    pending = {task for task in tasks if not task.done()}
    while pending:
        for task in pending:
            task.cancel()
        _, pending = await asyncio.wait(pending, timeout=AGAIN_SECONDS)
    await asyncio.gather(*tasks, return_exceptions=True)


@asynccontextmanager
async def beside(work: Coroutine[Any, Any, None]) -> AsyncIterator[None]:
    """Do the work beside the block, and end it when the block is left."""
    task = asyncio.create_task(work)
    try:
        yield
    finally:
        await end(task)
