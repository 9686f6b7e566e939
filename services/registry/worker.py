"""The process that reads lists, beside the service: matching takes both memory and processor, answering must not wait.

The service starts it and holds the writing end of its standard input: when the service ends, however it ends, the
input ends too, and with it the process. Killed anywhere it goes on where it was (imports.py), so no way of ending it
is wrong.
"""

import asyncio
import os
import sys
import threading
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import cast

import structlog

from services.registry.settings import RegistrySettings
from sinergi.app import Context
from sinergi.db import Database
from sinergi.logs import configure_logs
from sinergi.tasks import beside

log = structlog.get_logger()

COMMAND = (sys.executable, "-m", "services.registry.worker")
#: politeness: whoever asks the service comes first
NICE = 10
#: the pause before a process that ended is started again, growing up to the second
FIRST_PAUSE, LONGEST_PAUSE = 1.0, 60.0
#: one that lived so long was well: the next pause is short again
WELL_SECONDS = 60.0


@asynccontextmanager
async def import_worker(context: Context) -> AsyncIterator[None]:
    """The service's extra: lists are read while the service runs, in a process of their own unless settings say no."""
    settings = cast(RegistrySettings, context.settings)
    async with beside(_supervise() if settings.import_process else _read_lists(context.db, settings)):
        yield


async def _supervise() -> None:
    """Keep the process running; it has the settings that this one was given, as environment."""
    environment, pause = dict(os.environ), FIRST_PAUSE
    while True:
        begun = time.monotonic()
        code = await _run(environment)
        if time.monotonic() - begun > WELL_SECONDS:
            pause = FIRST_PAUSE
        log.warning("imports.worker_ended", code=code, again_in=pause)
        await asyncio.sleep(pause)
        pause = min(pause * 2, LONGEST_PAUSE)


async def _run(environment: dict[str, str]) -> int:
    """Start the process and wait for its end; when this task is cancelled, end it."""
    process = await asyncio.create_subprocess_exec(*COMMAND, stdin=asyncio.subprocess.PIPE, env=environment)
    log.info("imports.worker_started", pid=process.pid)
    try:
        return await process.wait()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def _read_lists(db: Database, settings: RegistrySettings) -> None:
    # here, not above: the service itself needs none of what reads and matches lists
    from services.registry.imports import Worker

    await Worker(db, settings).run()


def _end_with_the_service() -> None:
    """Wait for the end of standard input, then end at once."""
    while os.read(0, 1024):
        pass
    os._exit(0)


async def _work(settings: RegistrySettings) -> None:
    db = Database(settings, "registry", pool_size=4)
    try:
        await _read_lists(db, settings)
    finally:
        await db.close()


def main() -> None:
    """`python -m services.registry.worker`, started by the service."""
    settings = RegistrySettings()
    configure_logs("registry", settings)
    os.nice(NICE)
    threading.Thread(target=_end_with_the_service, daemon=True).start()
    settings.seal().use()
    asyncio.run(_work(settings))


if __name__ == "__main__":
    main()
