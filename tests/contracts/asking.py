"""A service at work on a real port, and one who asks it everything: in any role, about what is known to be there."""

import random
import re
import threading
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import requests
import schemathesis
import uvicorn

from tests.contracts.seeds import USUAL, Seed
from tests.harness.issuer import Issuer

#: who asks, the likeliest first, and for which agency; an agency's own system comes by NATS, not here
ROLES = {
    "social_worker": "dinsos",
    "operator": "dinsos",
    "supervisor": "dinsos",
    "desk_officer": "koperasi",
    "facility_officer": "dinsos",
    "auditor": "dinsos",
    "volunteer": "dinsos",
}
START_SECONDS = 60.0
HOUR = 3600
#: what else a field of this name may name
ALIASES = {"client_id": ("person_id", "group_id", "household_id"), "into_id": ("case_id",), "other_id": ("person_id",)}
UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")


@contextmanager
def served(app: Any) -> Iterator[str]:
    """The app in a thread with its own loop, so that a test may wait for its answers; yields its URL."""
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_config=None, access_log=False))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    deadline = time.monotonic() + START_SECONDS
    while not server.started:
        assert thread.is_alive(), "the service did not start"
        assert time.monotonic() < deadline, "the service did not start in time"
        thread.join(0.02)
    try:
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join(START_SECONDS)


class Known:
    """The ids, codes and versions that answers have told, by the name under which a request asks for them."""

    def __init__(self) -> None:
        self._values: dict[str, list[str]] = defaultdict(list, {name: list(some) for name, some in USUAL.items()})
        self._versions: dict[str, int] = {}
        self.random = random.Random(20)

    def learn(self, path: str, answer: Any) -> None:
        """Remember what the answer at this path tells."""
        named = [part for part in path.split("?")[0].split("/") if part and "{" not in part]
        self._learn(_singular(named[-1]) if named else "", answer)

    def _learn(self, kind: str, thing: Any) -> None:
        if isinstance(thing, list):
            for one in thing[:20]:
                self._learn(kind, one)
        elif isinstance(thing, dict):
            if isinstance(thing.get("version"), int) and "id" in thing:
                self._versions[str(thing["id"])] = thing["version"]
            for name, value in thing.items():
                if isinstance(value, (dict, list)):
                    self._learn(kind if name == "items" else _singular(name), value)
                elif isinstance(value, str) and (UUID.fullmatch(value) or name == "code"):
                    self._keep(f"{kind}_id" if name == "id" else name, value)

    def _keep(self, name: str, value: str) -> None:
        if value in self._values[name]:
            self._values[name].remove(value)
        self._values[name].append(value)

    def last(self, name: str, before: int = 0) -> str:
        """The newest of this name, or the one so many before it."""
        return self._values[name][-1 - before]

    def version(self, path: str) -> int | None:
        """The version of the last thing whose id stands in the path."""
        ids = [one for one in UUID.findall(path) if one in self._versions]
        return self._versions[ids[-1]] if ids else None

    def fill(self, thing: Any, version: int | None = None) -> Any:
        """A request with, mostly, known ids in the place of random ones, and the version of what it is about."""
        if isinstance(thing, list):
            return [self.fill(one, version) for one in thing]
        if isinstance(thing, dict):
            return {name: self._filled(name, value, version) for name, value in thing.items()}
        return thing

    def _filled(self, name: str, value: Any, version: int | None) -> Any:
        if isinstance(value, (dict, list)):
            return self.fill(value, version)
        if name == "expected_version" and version is not None and self.random.random() < 0.9:
            return version
        some = [one for other in (name, *ALIASES.get(name, ())) for one in self._values.get(other, [])[-12:]]
        return self.random.choice(some) if some and self.random.random() < 0.8 else value

    def meant(self, thing: Any, version: int | None) -> Any:
        """A seed's body with what its `=…` stand for."""
        if isinstance(thing, list):
            return [self.meant(one, version) for one in thing]
        if isinstance(thing, dict):
            return {name: self.meant(value, version) for name, value in thing.items()}
        if thing == "=version":
            return version
        if isinstance(thing, str) and thing.startswith("="):
            name, _, before = thing[1:].partition(":")
            return self.last(name, int(before or 0))
        return thing


def _singular(name: str) -> str:
    return re.sub(r"s$", "", re.sub(r"ies$", "y", name))


class Asker:
    """Asks in the first role that may, and remembers what it was shown."""

    def __init__(self, issuer: Issuer) -> None:
        later = int(time.time()) + HOUR
        self._tokens = {
            role: issuer.token(sub=f"{role}@{agency}", sinergi_role=role, sinergi_agency=agency, exp=later)
            for role, agency in ROLES.items()
        }
        self._first: dict[str, str] = {}
        self._known = Known()

    def seed(self, url: str, seeds: list[Seed]) -> None:
        """Make what is to be there; each must succeed."""
        for role, method, path, body in seeds:
            where = re.sub(r"\{(\w+)\}", lambda found: self._known.last(found[1]), path)
            given = self._known.meant(body, self._known.version(where))
            answer = requests.request(method, url + where, json=given, headers=self._signed_in(role), timeout=30)
            assert answer.ok, (method, where, answer.text)
            self._known.learn(path, answer.json())

    def ask(self, case: schemathesis.Case, url: str) -> schemathesis.Response:
        """The answer to the first role that is not told that it may not."""
        self._point(case)
        label = case.operation.label
        first = self._first.get(label, next(iter(ROLES)))
        for role in (first, *(other for other in ROLES if other != first)):
            answer = case.call(url, headers=self._signed_in(role))
            if not (answer.status_code == 403 and b":not-permitted" in answer.content):
                self._first[label] = role
                break
        if answer.status_code < 300 and "application/json" in answer.headers.get("content-type", []):
            self._known.learn(case.operation.path, answer.json())
        return answer

    def _point(self, case: schemathesis.Case) -> None:
        """At what is there; and without an idempotency key, mostly: under a known one there is nothing new."""
        case.path_parameters = self._known.fill(case.path_parameters or {})
        version = self._known.version(" ".join(map(str, case.path_parameters.values())))
        case.query, case.body = self._known.fill(case.query), self._known.fill(case.body, version)
        if self._known.random.random() < 0.8 and case.headers:
            case.headers.pop("Idempotency-Key", None)

    def _signed_in(self, role: str) -> dict[str, str]:
        return {"Authorization": f"Bearer {self._tokens[role]}"}
