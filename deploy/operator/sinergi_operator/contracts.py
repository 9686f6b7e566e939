"""The contracts in shared/contracts, made from the code, and only growing: a JSON Schema for each event, OpenAPI for
each service, AsyncAPI for NATS and for an agency.

`python -m sinergi_operator.contracts` writes them; `--check` fails when they differ from the code (`--events`: look at
the events alone, as `make check` does; `make slow` looks at all). Either refuses what
breaks: the baseline is what lies in the folder, so that a clean clone needs no history. An event's breaking change is
a new version of it; of OpenAPI or AsyncAPI it is written with `--break`, for those who tell it in CHANGELOG.md.
"""

import json
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from sinergi.events import Event
from sinergi_operator import asyncapi
from sinergi_operator.breaking import asyncapi_breaks, openapi_breaks

ROOT = Path("shared/contracts")
FOLDER = ROOT / "events"
SERVICES = ["registry", "cases", "referrals", "notify", "console"]


def schema(event: type[Event]) -> dict[str, Any]:
    """The event's JSON Schema, with where it is published."""
    made = event.model_json_schema(mode="serialization")
    made["x-stream"], made["x-subject"] = event.stream(), event.subject("{audience}")
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "$id": f"urn:sinergi:event:{event.name}", **made}


def breaking(old: dict[str, Any], new: dict[str, Any]) -> list[str]:
    """What a reader of the old schema would stumble over in the new one."""
    before, after = old.get("properties", {}), new.get("properties", {})
    gone = [f"field {name} was removed" for name in before if name not in after]
    changed = [
        f"field {name} was changed" for name in before if name in after and _core(before[name]) != _core(after[name])
    ]
    optional = [
        f"field {name} is no longer always there" for name in old.get("required", []) if name not in new["required"]
    ]
    return gone + changed + optional


def _core(field: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in field.items() if key not in ("title", "description", "default")}


def printed() -> dict[str, dict[str, Any]]:
    """service -> what `python -m services.<name>.main contract` printed: the operator does not know their code."""
    with ThreadPoolExecutor(2) as some:
        return dict(zip(SERVICES, some.map(_ask, SERVICES), strict=True))


def _ask(service: str) -> dict[str, Any]:
    command = [sys.executable, "-m", f"services.{service}.main", "contract"]
    told = subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout
    contract: dict[str, Any] = json.loads(told)
    return contract


def made(events_alone: bool = False) -> dict[str, dict[str, Any]]:
    """The files of shared/contracts as the code has them now: path -> content. The documents take half a minute."""
    events = {f"events/{event.name}.json": schema(event) for event in asyncapi.OURS}
    if events_alone:
        return events
    contracts = printed()
    return {
        **events,
        **{f"openapi/{service}.json": one["openapi"] for service, one in contracts.items()},
        "asyncapi/core.json": asyncapi.core(contracts),
        "asyncapi/agency.json": asyncapi.agency(contracts),
    }


def breaks(name: str, old: dict[str, Any], new: dict[str, Any] | None) -> list[str]:
    """What breaks in one file; `new` None: it is gone."""
    if new is None:
        return ["it was removed"]
    kinds = {"openapi": openapi_breaks, "asyncapi": asyncapi_breaks}
    return kinds.get(name.split("/")[0], breaking)(old, new)


def main(check: bool, allow: bool = False, events_alone: bool = False) -> int:
    """Write, or compare; 0 when the contract is kept. `allow` writes what breaks OpenAPI or AsyncAPI, and tells it."""
    now, folder = made(events_alone), FOLDER if events_alone else ROOT
    there = {str(one.relative_to(ROOT)): json.loads(one.read_text()) for one in folder.rglob("*.json")}
    broken = [(name, what) for name in sorted(there) for what in breaks(name, there[name], now.get(name))]
    kept = [f"{name}: {what}" for name, what in broken if name.startswith("events/") or not allow]
    if broken:
        print("Breaking changes:", *(f"{name}: {what}" for name, what in broken), sep="\n  ")
        print("An event: make a new version beside the old one. Else grow, or tell it in CHANGELOG.md and `--break`.")
    if kept:
        return 1
    if check:
        if now != there:
            print("shared/contracts is not what the code says: run `make contracts` and commit.")
        return int(now != there)
    for name, content in now.items():
        (ROOT / name).parent.mkdir(parents=True, exist_ok=True)
        (ROOT / name).write_text(json.dumps(content, indent=1 if "events/" not in name else 2, sort_keys=True) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main("--check" in sys.argv, "--break" in sys.argv, "--events" in sys.argv))
