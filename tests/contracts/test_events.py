"""Events are the contract with agencies: documented, thin, named by one rule, and only growing."""

import json
import re
from pathlib import Path

import pytest

from sinergi.events import EVENTS, STREAMS, Event
from sinergi_operator.contracts import FOLDER, breaking, schema

ROOT = Path(__file__).parents[2]
OURS = [event for event in EVENTS.values() if event.__module__.startswith("sinergi.events")]
assert OURS, "no events: this test looks in the wrong place"
PERSONAL = {
    "name", "nama", "nik", "no_kk", "kk", "address", "alamat", "birth_date", "birth", "phone", "email", "sex",
    "diagnosis", "disability", "note", "text", "comment",
}  # fmt: skip


@pytest.mark.parametrize("event", OURS, ids=lambda event: event.name)
def test_the_name_follows_the_rule(event: type[Event]) -> None:
    entity, fact, version = event.name.split(".")
    assert re.fullmatch(r"v\d+", version)
    spoken = "".join(part.capitalize() for part in f"{entity}_{fact}".split("_"))
    assert event.__name__ == spoken
    assert len(event.subject("core").split(".")) == 5
    assert event.stream() in STREAMS
    assert event.__doc__


@pytest.mark.parametrize("event", OURS, ids=lambda event: event.name)
def test_no_field_can_hold_personal_data(event: type[Event]) -> None:
    assert set(event.model_fields) & PERSONAL == set()


@pytest.mark.parametrize("event", OURS, ids=lambda event: event.name)
def test_the_committed_schema_is_the_code(event: type[Event]) -> None:
    assert json.loads((ROOT / FOLDER / f"{event.name}.json").read_text()) == schema(event)


def test_a_breaking_change_is_seen() -> None:
    old = {"properties": {"a": {"type": "string"}, "b": {"type": "integer"}}, "required": ["a", "b"]}
    new = {"properties": {"b": {"type": "string"}, "c": {"type": "string"}}, "required": ["c"]}
    assert breaking(old, new) == [
        "field a was removed",
        "field b was changed",
        "field a is no longer always there",
        "field b is no longer always there",
    ]
    grown = old | {"properties": {**old["properties"], "c": {"type": "string"}}}  # type: ignore[dict-item]
    assert breaking(old, grown) == []


def test_the_agency_guide_lists_every_event_that_an_agency_hears() -> None:
    guide = (ROOT / "docs" / "agency.md").read_text()
    missing = [event.name for event in OURS if event.stream() == "REFERRALS" and event.name not in guide]
    assert missing == []
