"""A form made from an instrument: what was filled in, how it is sent on, and what is wrong beside which item."""

import re
from typing import Any

from starlette.datastructures import FormData

from sinergi.problems import Refused

#: kinds of mistakes in answers, as the service names them
MISTAKES = ("missing", "unknown", "off_scale", "not_asked")
_NUMBER = re.compile(r"^\d{1,13}$", re.ASCII)


def shown(answers: dict[str, Any]) -> dict[str, str]:
    """Answers as the form's fields hold them."""
    return {key: _field(value) for key, value in answers.items()}


def typed_answers(instrument: dict[str, Any], sent: FormData) -> dict[str, str]:
    """What stands in the fields of the items; what was left empty is left out."""
    typed = {one["key"]: str(sent.get(f"a.{one['key']}") or "").strip() for one in items_of(instrument)}
    return {key: value for key, value in typed.items() if value}


def typed_remarks(instrument: dict[str, Any], sent: FormData) -> dict[str, str]:
    """The remarks on the items."""
    typed = {one["key"]: str(sent.get(f"r.{one['key']}") or "").strip() for one in items_of(instrument)}
    return {key: value for key, value in typed.items() if value}


def answers_of(instrument: dict[str, Any], typed: dict[str, str]) -> dict[str, Any]:
    """The answers as the service takes them; `Refused` (answers-not-valid) when a field holds none of its answers."""
    answers = {one["key"]: _value(one, typed[one["key"]]) for one in items_of(instrument) if one["key"] in typed}
    if wrong := [key for key, value in answers.items() if value is None]:
        raise Refused("answers-not-valid", "Answer each item as it offers.", off_scale=wrong)
    return answers


def mistakes_of(no: Refused | None) -> dict[str, str]:
    """Item -> what is wrong with its answer."""
    extra = no.extra if no else {}
    return {key: kind for kind in MISTAKES for key in extra.get(kind, ())}


def items_of(instrument: dict[str, Any]) -> list[dict[str, Any]]:
    """All items, in their order."""
    return [item for domain in instrument["domains"] for item in domain["items"]]


def _value(item: dict[str, Any], typed: str) -> Any:
    if item["kind"] == "number":
        digits = re.sub(r"[.\s]", "", typed)  # 1.500.000 is how it is written here
        return int(digits) if _NUMBER.match(digits) else None
    return next((one["value"] for one in item["choices"] if _field(one["value"]) == typed), None)


def _field(value: Any) -> str:
    return str(value).lower()
