"""JSON Schemas (2020-12): of an instrument's answers, for whoever fills it in elsewhere; of the files themselves."""

from typing import Any

from services.cases.instruments.form import AnyItem, Instrument, NumberItem, YesNoItem

DRAFT = "https://json-schema.org/draft/2020-12/schema"


def answers_schema(used: Instrument) -> dict[str, Any]:
    """What answers to the instrument must be: exactly what `scoring.check` takes."""
    return {
        "$schema": DRAFT,
        "$id": f"urn:sinergi:instrument:{used.code}.v{used.version}:answers",
        "type": "object",
        "properties": {one.key: _answer(used, one) for one in used.items},
        "required": [one.key for one in used.items if one.required and one.when is None],
        "additionalProperties": False,
        "allOf": [_condition(used, one) for one in used.items if one.when],
    }


def file_schema() -> dict[str, Any]:
    """What an instrument's file must be; that what it names is there is checked besides, when it is loaded."""
    return {"$schema": DRAFT, "$id": "urn:sinergi:instrument"} | Instrument.model_json_schema(by_alias=True)


def _answer(used: Instrument, item: AnyItem) -> dict[str, Any]:
    said = {"title": item.text.id}
    if isinstance(item, YesNoItem):
        return said | {"type": "boolean"}
    if isinstance(item, NumberItem):
        return said | {"type": "integer", "minimum": item.minimum, "maximum": item.maximum}
    return said | {"enum": [one.value for one in used.offered(item)]}


def _condition(used: Instrument, item: AnyItem) -> dict[str, Any]:
    """Asked: an answer is needed, or allowed. Not asked: there is none. (An item not asked has no value to match.)"""
    assert item.when
    met = {"properties": {item.when.item: {"enum": item.when.is_}}, "required": [item.when.item]}
    asked = {"required": [item.key]} if item.required else {}
    return {"if": met, "then": asked, "else": {"properties": {item.key: False}}}
