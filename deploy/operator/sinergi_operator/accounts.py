"""The agencies' NATS accounts: made, renewed and taken away here for the embedded server, looked for elsewhere.

Keys that no longer open anything lie in `<state>/keys/revoked/`.
"""

from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

from sinergi.problems import Refused
from sinergi_operator.account_book import AccountBook
from sinergi_operator.nats_config import AGENCY_CODE, RESERVED
from sinergi_operator.servers import NatsServer


class Accounts(Protocol):
    """The accounts of one system's agencies."""

    def seed_file(self, code: str) -> Path:
        """Where the agency's key lies."""

    def give(self, code: str) -> None:
        """The agency has an account and a key, and the server knows it; again changes nothing."""

    def take(self, code: str) -> str:
        """The server knows the agency no more and ends its connections. Returns what is left to do, in words, or ""."""

    def renew(self, code: str) -> None:
        """The agency has a new key; the old one opens nothing from now on, and its connections end."""


class Embedded:
    """The accounts of the nats-server that a launcher runs from this state folder.

    Errors: `Refused` for a code that no agency may have, `ProcessError` when no server runs from there.
    """

    def __init__(self, state: Path, built_in: list[str]) -> None:
        self._server = NatsServer(state, built_in)
        self._book = AccountBook(self._server.state)

    def seed_file(self, code: str) -> Path:
        return self._server.seed_file(code)

    def give(self, code: str) -> None:
        must_be_a_code(code)
        if code not in self._server.account_codes():
            self._put_aside(code)
            with self._book.changing() as book:
                book["revoked"] = [one for one in book["revoked"] if one != code]
                book["added"] = sorted({*book["added"], code} - set(self._server.agencies))
        self._server.reload_running()

    def take(self, code: str) -> str:
        with self._book.changing() as book:
            book["added"] = [one for one in book["added"] if one != code]
            book["revoked"] = sorted({*book["revoked"], code})
        self._server.reload_running()
        self._put_aside(code)
        return ""

    def renew(self, code: str) -> None:
        if code not in self._server.account_codes():
            raise Refused("no-account", f"{code} has no account: `sinergi agency add {code}`.", "not-found")
        # nats-server ends a leaf node's connection with its account, not with its key.
        self.take(code)
        self.give(code)

    def _put_aside(self, code: str) -> None:
        seed = self.seed_file(code)
        if seed.exists():
            aside = seed.parent / "revoked" / f"{code}-{datetime.now(UTC):%Y%m%dT%H%M%S%f}.nk"
            aside.parent.mkdir(mode=0o700, exist_ok=True)
            seed.rename(aside)


class Foreign:
    """The accounts of a server that somebody else configures (compose, a cluster): keys lie in a folder, read only."""

    def __init__(self, keys: Path) -> None:
        self._keys = keys

    def seed_file(self, code: str) -> Path:
        return self._keys / f"{code}.nk"

    def give(self, code: str) -> None:
        must_be_a_code(code)
        if not self.seed_file(code).exists():
            raise Refused(
                "no-account",
                f"There is no key {self.seed_file(code)}. Make the account at the NATS server first: docs/operator.md, "
                "“Another agency”.",
                "not-found",
            )

    def take(self, code: str) -> str:
        return (
            f"Its key still opens a connection, with which it can do nothing. Take the account of {code} away at the"
            " NATS server too: docs/operator.md, “Revoking an agency”."
        )

    def renew(self, code: str) -> None:
        raise Refused(
            "not-our-server", "The server's keys are not kept here: docs/operator.md, “Revoking an agency”.", "conflict"
        )


def must_be_a_code(code: str) -> None:
    """Refused: `not-an-agency-code`."""
    if not AGENCY_CODE.fullmatch(code) or code in RESERVED:
        raise Refused("not-an-agency-code", "An agency's code is 2 to 12 of a-z, 0-9 and -, and none of our own names.")
