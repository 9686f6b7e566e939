"""An SMTP server for demos: takes every mail and keeps it as an .eml file. `python -m sinergi_operator.mail`."""

import asyncio
import itertools
import os
import time
from pathlib import Path
from typing import Any

import typer
from aiosmtpd.controller import UnthreadedController


class Keeper:
    """Writes each mail to `<folder>/<milliseconds>-<n>.eml`, whole or not at all."""

    def __init__(self, folder: Path) -> None:
        self._folder, self._numbers = folder, itertools.count()

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802 (aiosmtpd's name)
        name = f"{int(time.time() * 1000)}-{next(self._numbers)}"
        part = self._folder / f".{name}"
        part.write_bytes(envelope.original_content)
        os.replace(part, self._folder / f"{name}.eml")
        return "250 kept"


def serve(folder: Path, port: int = 2525, host: str = "127.0.0.1") -> None:
    """Listen until ended."""
    folder.mkdir(parents=True, exist_ok=True)
    loop = asyncio.new_event_loop()
    controller = UnthreadedController(Keeper(folder), hostname=host, port=port, loop=loop)
    controller.begin()  # type: ignore[no-untyped-call]
    loop.run_forever()


if __name__ == "__main__":
    typer.run(serve)
