"""What the forms of ways in send, as the bodies of the commands: what was left empty is left out."""

import re
from datetime import datetime
from typing import Any
from uuid import UUID

from starlette.datastructures import FormData

from sinergi.problems import Refused
from sinergi.workdays import zone_of

WAYS_IN = ("outreach", "walk-in", "complaint", "other-regency", "registry", "registry-finding")
REPORTERS = (
    "public", "client-or-family", "tksk", "police", "hospital", "jaki-crm", "lapor", "other-regency",
    "registry-finding",
)  # fmt: skip
NEEDS = ("health", "shelter", "food", "clothing", "safety", "identity", "family-contact")
CLOSING = ("not-found", "false-report", "already-served", "died", "refused", "moved", "duplicate", "other")
REASONS = ("lives-there", "moved", "found-there", "family-there", "service-there", "other")
REFUSALS = ("not-our-area", "client-not-found", "no-capacity", "incomplete", "not-needed", "other")
#: the fields of a report that are words of a line or more
_WORDS = ("area", "way_in", "reporter", "contact", "place_area", "place", "account", "photo")
_SEEN = ("description", "nickname", "sex", "age_from", "age_to", "marks", "skot_number")
_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)


def typed(form: FormData) -> dict[str, str]:
    """What was typed, to be shown again after a refusal."""
    return {name: str(value) for name, value in form.items() if name not in ("csrf", "key")}


def filled(form: FormData, *names: str) -> dict[str, Any]:
    """The fields that hold something."""
    said = {name: str(form.get(name) or "").strip() for name in names}
    return {name: value for name, value in said.items() if value}


def report_body(form: FormData) -> dict[str, Any]:
    """A new report. `seen_at` was typed as the clock shows it where it was seen."""
    body = filled(form, *_WORDS) | {"needs": [str(one) for one in form.getlist("needs")]}
    body["seen_at"] = _moment(str(form.get("seen_at") or ""), body.get("place_area", ""))
    if seen := filled(form, *_SEEN):
        body["unknown"] = seen
    return body


def screening_body(form: FormData, questions: list[dict[str, Any]]) -> dict[str, Any]:
    """The answers: a question that was not ticked yes or no has none, and is refused by name."""
    given = {one["key"]: form.get(f"answer-{one['key']}") for one in questions}
    return {"answers": {key: value == "yes" for key, value in given.items() if value in ("yes", "no")}}


def named_id(form: FormData, name: str) -> str | None:
    """The id in what was pasted: a page's address, or the id itself; None when the field is empty."""
    pasted = str(form.get(name) or "").strip()
    if not pasted:
        return None
    found = _UUID.search(pasted)
    if found is None:
        raise Refused("no-such-address", "Paste the address of the page.")
    return str(UUID(found[0]))


def _moment(local: str, area: str) -> str:
    try:
        return datetime.fromisoformat(local).replace(tzinfo=zone_of(area)).isoformat()
    except ValueError:
        return local
