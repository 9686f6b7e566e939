"""Which agencies have a NATS account beside the built-in ones, or no longer: `<state>/agencies.json`."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sinergi_operator.processes import Lock
from sinergi_operator.setup import replace

Book = dict[str, list[str]]


class AccountBook:
    """`{"added": [codes], "revoked": [codes]}`. Read anew each time: a launcher and a command share it."""

    def __init__(self, state: Path) -> None:
        self._file = state / "agencies.json"
        self._lock = state / "agencies.lock"

    def read(self) -> Book:
        """The codes that were `added` to the built-in agencies, and those that were `revoked`."""
        book = json.loads(self._file.read_text()) if self._file.exists() else {}
        return {"added": [], "revoked": [], **book}

    def codes(self, built_in: list[str]) -> list[str]:
        """The agencies that have an account."""
        book = self.read()
        return [code for code in dict.fromkeys([*built_in, *book["added"]]) if code not in book["revoked"]]

    @contextmanager
    def changing(self) -> Iterator[Book]:
        """The book, written whole when the block ends. Errors: `AlreadyRunningError` while somebody else changes it."""
        lock = Lock(self._lock)
        lock.acquire()
        try:
            book = self.read()
            yield book
            replace(self._file, json.dumps(book))
        finally:
            lock.release()
