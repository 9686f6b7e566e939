"""Requests as HTTP bodies: what the path holds is not in the body as well."""

from typing import Any

from pydantic import BaseModel, ConfigDict, create_model

from services.referrals.requests import parse


def body_of(request: type[BaseModel], in_path: str) -> Any:
    """The request as an HTTP body: without the field that the path holds."""
    fields: dict[str, Any] = {
        name: (field.annotation, field) for name, field in request.model_fields.items() if name != in_path
    }
    return create_model(f"{request.__name__}Body", __config__=ConfigDict(extra="forbid"), **fields)


def with_path(request: type[BaseModel], body: BaseModel, **path: Any) -> Any:
    """The request, of its body and what the path holds."""
    return parse(request, body.model_dump(exclude_unset=True) | path)
