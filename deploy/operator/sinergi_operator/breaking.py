"""What a client of the committed OpenAPI document, or a reader of the AsyncAPI one, would stumble over in a new one."""

from collections.abc import Iterator
from typing import Any

Json = dict[str, Any]


def openapi_breaks(old: Json, new: Json) -> list[str]:
    """Operations, parameters, fields and answers that are gone, changed, or newly asked for."""
    found = []
    for path, methods in old.get("paths", {}).items():
        for method, before in methods.items():
            after = new.get("paths", {}).get(path, {}).get(method)
            what = f"{method.upper()} {path}"
            if after is None:
                found.append(f"{what} was removed")
            else:
                found += [f"{what}: {why}" for why in _operation(before, after, old, new)]
    return found


def _operation(before: Json, after: Json, old: Json, new: Json) -> Iterator[str]:
    yield from _parameters(before, after)
    was, now = _bodies(before), _bodies(after)
    for kind in was:
        if kind not in now:
            yield f"body {kind} is no longer taken"
        else:
            yield from _asked(_schema(was[kind], old), _schema(now[kind], new))
    if after.get("requestBody", {}).get("required") and not before.get("requestBody", {}).get("required"):
        yield "a body is now required"
    for status, answer in before["responses"].items():
        if status.startswith("2"):
            yield from _told(status, answer, after["responses"].get(status), old, new)


def _parameters(before: Json, after: Json) -> Iterator[str]:
    was = {(one["in"], one["name"]): one for one in before.get("parameters", [])}
    now = {(one["in"], one["name"]): one for one in after.get("parameters", [])}
    for place, name in was:
        if (place, name) not in now:
            yield f"parameter {name} was removed"
    for (place, name), one in now.items():
        if one.get("required") and not was.get((place, name), {}).get("required"):
            yield f"parameter {name} is now required"


def _bodies(operation: Json) -> Json:
    content: Json = operation.get("requestBody", {}).get("content", {})
    return content


def _asked(was: Json, now: Json) -> Iterator[str]:
    """A request's fields: none may go, change its type, or become required."""
    for name, field in was.get("properties", {}).items():
        if name not in now.get("properties", {}):
            yield f"field {name} is no longer taken"
        elif _type(field) != _type(now["properties"][name]):
            yield f"field {name} was changed"
    for name in now.get("required", []):
        if name not in was.get("required", []):
            yield f"field {name} is now required"


def _told(status: str, was: Json, now: Json | None, old: Json, new: Json) -> Iterator[str]:
    if now is None:
        yield f"answer {status} was removed"
        return
    for kind, content in was.get("content", {}).items():
        if kind not in now.get("content", {}):
            yield f"answer {status} is no longer {kind}"
            continue
        before, after = _schema(content, old), _schema(now["content"][kind], new)
        for name, field in before.get("properties", {}).items():
            if name not in after.get("properties", {}):
                yield f"field {name} of answer {status} was removed"
            elif _type(field) != _type(after["properties"][name]):
                yield f"field {name} of answer {status} was changed"
        for name in before.get("required", []):
            if name in after.get("properties", {}) and name not in after.get("required", []):
                yield f"field {name} of answer {status} is no longer always there"


def _schema(content: Json, document: Json) -> Json:
    schema: Json = content.get("schema", {})
    if "$ref" in schema:
        schema = document["components"]["schemas"][schema["$ref"].rsplit("/", 1)[-1]]
    return schema


def _type(field: Json) -> Any:
    """A field's type: what it may hold at the most, without its bounds and words."""
    kinds = [_type(one) for one in [*field.get("anyOf", []), *field.get("oneOf", [])]]
    return field.get("$ref") or field.get("type"), field.get("format"), sorted(map(str, kinds))


def asyncapi_breaks(old: Json, new: Json) -> list[str]:
    """Channels, addresses, messages and operations that are gone or changed; payloads are the events' own schemas."""
    found = []
    for name, channel in old.get("channels", {}).items():
        now = new.get("channels", {}).get(name)
        if now is None or now["address"] != channel["address"]:
            found.append(f"channel {name} was {'removed' if now is None else 'moved'}")
        else:
            found += [
                f"message {one} of {name} was removed" for one in channel["messages"] if one not in now["messages"]
            ]
    return found + [
        f"operation {name} was removed" for name in old.get("operations", {}) if name not in new["operations"]
    ]
