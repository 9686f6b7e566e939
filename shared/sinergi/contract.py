"""What a service promises, as data: its OpenAPI document, and what it hears and answers over NATS.

`python -m services.<name>.main contract` prints it; sinergi_operator.contracts commits and compares it.
"""

import inspect
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from fastapi.routing import APIRoute, iter_route_contexts

from sinergi.auth import Verifier
from sinergi.bus import Bus
from sinergi.permissions import PERMISSIONS
from sinergi.problems import STATUS
from sinergi.refusals import Refusal, behind

PROBLEM = {
    "type": "object",
    "description": "RFC 9457: `type` ends with a stable slug, `detail` tells a person what to do.",
    "required": ["type", "title", "status", "detail"],
    "properties": {
        "type": {"type": "string", "pattern": "^urn:sinergi:problem:[a-z0-9-]+$"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
    },
}
#: what may be answered to anything
ALWAYS = {
    400: [Refusal("http-error", "The body is not readable.", "invalid")],
    422: [Refusal("request-not-valid", "Some fields break their rules.", "invalid")],
    500: [Refusal("failed", "It failed on our side. Try again later.", "unavailable")],
    503: [Refusal("database-unavailable", "It cannot be done now. Try again.", "unavailable")],
}


def contract(app: FastAPI, bus: Bus) -> dict[str, Any]:
    """All that the service promises, JSON-ready."""
    return {
        "openapi": openapi(app),
        "hears": sorted(kind for kinds in bus.handlers.values() for kind in kinds),
        "listens": sorted(subject for subject, _ in bus.listeners),
        "commands": {name: inspect.getdoc(one) or "" for name, one in sorted(bus.commands.items())},
        "questions": {name: inspect.getdoc(one) or "" for name, one in sorted(bus.questions.items())},
    }


def openapi(app: FastAPI) -> dict[str, Any]:
    """The app's OpenAPI 3.1 document: each operation with who may, and the refusals that its code holds."""
    document = get_openapi(
        title=app.title,
        version=app.version,
        description="One service of Sinergi. The console's pages are HTML, and no part of this contract.",
        license_info={"name": "Apache-2.0", "identifier": "Apache-2.0"},
        contact={"name": "The operator of your Sinergi"},
        servers=[{"url": "/", "description": "where this service listens"}],
        routes=app.routes,
    )
    tags: dict[str, str] = {}
    for route in iter_route_contexts(app.routes):
        if isinstance(route.original_route, APIRoute) and route.include_in_schema:
            for method in route.methods or ():
                _describe(document["paths"][route.path_format][method.lower()], route, tags)
    schemas = document.setdefault("components", {}).setdefault("schemas", {})
    for name in ("HTTPValidationError", "ValidationError"):
        schemas.pop(name, None)
    schemas["Problem"] = PROBLEM
    document["tags"] = [{"name": name, "description": text} for name, text in sorted(tags.items())]
    return document


def _describe(operation: dict[str, Any], route: Any, tags: dict[str, str]) -> None:
    module = inspect.getmodule(route.endpoint)
    tag = str(module.__name__).rsplit(".", 1)[-1].removeprefix("doors_") if module else "api"
    tags[tag] = " ".join((inspect.getdoc(module) or "").split("\n\n")[0].split())
    operation |= {"tags": [tag], "operationId": route.name}
    secured = [Verifier] if operation.get("security") else []
    actions, found = behind(route.endpoint, *(one.call for one in route.dependant.dependencies), *secured)
    if actions:
        operation["x-action"], operation["x-roles"] = actions[0], sorted(PERMISSIONS[actions[0]])
    operation.setdefault("security", [])
    for content in operation["responses"].get("200", {}).get("content", {}).values():
        if content.pop("itemSchema", None):  # FastAPI tells a stream's items as OpenAPI 3.2 does; this document is 3.1
            content["schema"] = {"type": "string"}
    operation["responses"] |= _refusals(list(found.values()))


def _refusals(found: list[Refusal]) -> dict[str, Any]:
    """The answers by status; each names its slugs and what they tell."""
    by_status = {status: list(always) for status, always in ALWAYS.items()}
    for one in found:
        status = STATUS.get(one.kind)  # type: ignore[call-overload]  # a kind that is computed is told as its status
        if status and one.slug not in {other.slug for other in by_status.get(status, [])}:
            by_status.setdefault(status, []).append(one)
    return {str(status): _answer(status, some) for status, some in sorted(by_status.items())}


def _answer(status: int, refusals: list[Refusal]) -> dict[str, Any]:
    told = sorted(refusals)
    example = {
        "type": f"urn:sinergi:problem:{told[0].slug}",
        "title": told[0].slug.replace("-", " ").capitalize(),
        "status": status,
        "detail": told[0].detail,
    }
    content = {"schema": {"$ref": "#/components/schemas/Problem"}, "example": example}
    description = "\n".join(f"- `{one.slug}`: {one.detail}" for one in told)
    return {"description": description, "content": {"application/problem+json": content}}
