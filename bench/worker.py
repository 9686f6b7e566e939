"""An async function in a process of its own, which talks with the bench over a pipe."""

import asyncio
import multiprocessing
from collections.abc import Awaitable, Callable
from multiprocessing.connection import Connection
from typing import Any

import structlog
import uvloop

CONTEXT = multiprocessing.get_context("spawn")


class NotMeasuredError(RuntimeError):
    """A bench could not measure: a process of it ended or stayed silent."""


class Talk:
    """The worker's end of the pipe."""

    def __init__(self, pipe: Connection) -> None:
        self._pipe = pipe

    def tell(self, what: Any) -> None:
        """Tell the bench."""
        self._pipe.send(what)

    async def hear(self) -> Any:
        """What the bench tells next; the loop runs on meanwhile."""
        return await asyncio.to_thread(self._pipe.recv)


class Worker:
    """Starts `work(talk, *args)` at once; `work` is a function at the top of a module.

    `loop`: "uvloop" as uvicorn[standard] gives to a service, or "asyncio" as a plug-in's `Agency.run` uses.
    """

    def __init__(self, work: Callable[..., Awaitable[None]], *args: Any, loop: str = "uvloop") -> None:
        self.name = work.__name__
        self._pipe, there = CONTEXT.Pipe()
        self._process = CONTEXT.Process(target=_run, args=(there, work, args, loop), daemon=True)
        self._process.start()
        there.close()

    def tell(self, what: Any) -> None:
        """Tell the worker."""
        self._pipe.send(what)

    def hear(self, seconds: float = 120) -> Any:
        """What the worker tells next; `NotMeasuredError` when it ends or stays silent for so long."""
        if not self._pipe.poll(seconds):
            raise NotMeasuredError(f"{self.name} was silent for {seconds} s")
        try:
            return self._pipe.recv()
        except EOFError:
            raise NotMeasuredError(f"{self.name} ended before it was done") from None

    def stop(self) -> None:
        """End it."""
        self._process.terminate()
        self._process.join(10)
        if self._process.is_alive():
            self._process.kill()
            self._process.join()

    def __enter__(self) -> "Worker":
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()


def _run(pipe: Connection, work: Callable[..., Awaitable[None]], args: tuple[Any, ...], loop: str) -> None:
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger("WARNING"))
    factory = uvloop.new_event_loop if loop == "uvloop" else asyncio.new_event_loop
    with asyncio.Runner(loop_factory=factory) as runner:
        runner.run(_work(pipe, work, args))


async def _work(pipe: Connection, work: Callable[..., Awaitable[None]], args: tuple[Any, ...]) -> None:
    await work(Talk(pipe), *args)
