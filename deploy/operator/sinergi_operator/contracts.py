"""The contract with agencies: one JSON Schema an event in shared/contracts, made from the code, and only growing.

`python -m sinergi_operator.contracts` writes them; `--check` fails when they differ from the code. Either refuses a
breaking change: a field removed, made required or changed. Such a change is a new version of the event.
"""

import json
import sys
from pathlib import Path
from typing import Any

from sinergi.events import EVENTS, Event

FOLDER = Path("shared/contracts/events")


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


def main(check: bool) -> int:
    """Write, or compare; 0 when the contract is kept."""
    made = {
        f"{event.name}.json": schema(event)
        for event in EVENTS.values()
        if event.__module__.startswith("sinergi.events")
    }
    there = {file.name: json.loads(file.read_text()) for file in FOLDER.glob("*.json")}
    broken = [f"{name}: the event was removed" for name in there if name not in made]
    broken += [f"{name}: {what}" for name in there if name in made for what in breaking(there[name], made[name])]
    if broken:
        print("Breaking changes; make a new version of the event beside the old one:", *broken, sep="\n  ")
        return 1
    if check:
        if made != there:
            print("shared/contracts is not what the code says: run `make contracts` and commit.")
        return int(made != there)
    FOLDER.mkdir(parents=True, exist_ok=True)
    for name, content in made.items():
        (FOLDER / name).write_text(json.dumps(content, indent=2, sort_keys=True) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(check="--check" in sys.argv))
