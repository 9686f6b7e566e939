"""Every instrument, as data: it is whole, it is released, and its scores mean what its file says."""

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as some
from jsonschema import Draft202012Validator

from services.cases.instruments import LEVELS, Instrument, InstrumentBroken, Shelf, check, judge
from services.cases.instruments.__main__ import main
from services.cases.instruments.schema import answers_schema, file_schema
from services.cases.instruments.scoring import points_of
from services.cases.instruments.shelf import BUILT_IN, files_in, read
from sinergi.problems import Refused
from tests.cases.filling import extreme, fitting, values, worst_ways
from tests.cases.story import CALM

RELEASED = Path(__file__).with_name("released_instruments.json")
FILES = files_in(BUILT_IN)
ALL = {file.name.removesuffix(".json"): read(file) for file in FILES}
every = pytest.mark.parametrize("name", ALL)
drawn = some.sampled_from(list(ALL.values())).flatmap(lambda used: some.tuples(some.just(used), fitting(used)))


def refusal(used: Instrument, answers: dict[str, Any], **more: Any) -> dict[str, list[str]]:
    """What is wrong with the answers, by kind."""
    with pytest.raises(Refused, match="answers-not-valid") as refused:
        check(used, answers, **more)
    return {kind: keys for kind, keys in refused.value.extra.items() if keys}


# ------------------------------------------------------------------- the files


def test_the_six_instruments_are_there_and_fit_their_clients() -> None:
    newest = {f"{one.code}.v{one.version}" for one in Shelf.load().fitting("person")}
    assert newest == {"general.v2", "elderly.v1", "disability.v1", "child.v1", "odgj-homeless.v1", "family-economy.v1"}
    assert [one.code for one in Shelf.load().fitting("group")] == ["family-economy", "general"]


def test_a_released_instrument_is_never_edited() -> None:
    """To release a new file, add its hash. A hash that changed means that a released file was edited: undo that."""
    hashes = {file.name: hashlib.sha256(file.read_bytes()).hexdigest() for file in FILES}
    assert hashes == json.loads(RELEASED.read_text())


@every
def test_an_instrument_says_everything_in_both_languages_and_where_it_comes_from(name: str) -> None:
    used = ALL[name]
    said = [item.text for item in used.items] + [one.title for one in used.domains] + [one.why for one in used.alarms]
    said += [one.text for item in used.items for one in used.offered(item)]
    assert all(text.id.strip() and text.en.strip() for text in said)
    assert len({item.text.id for item in used.items}) == len(used.items)
    assert "pilot values" in used.source
    assert "PMKS" not in used.model_dump_json()


@every
def test_every_level_that_an_instrument_names_can_be_reached(name: str) -> None:
    used = ALL[name]
    best = judge(used, extreme(used, worst=False))
    assert (best.risk, best.because) == ("low", [])
    most: dict[str, float] = {}
    for judged in (judge(used, answers) for answers in worst_ways(used)):
        for one in [*judged.domains, *([judged.total] if judged.total else [])]:
            most[one.key] = max(most.get(one.key, 0), one.score or 0)
    for one in [*best.domains, *([best.total] if best.total else [])]:
        assert one.risk == "low"
        assert all(most[one.key] >= threshold for threshold in one.thresholds.values()), one.key


def test_a_schema_of_the_files_is_met_by_each_file_of_the_form_of_now() -> None:
    validator = Draft202012Validator(file_schema())
    Draft202012Validator.check_schema(file_schema())
    for file in FILES:
        if file.name != "general.v1.json":
            assert list(validator.iter_errors(json.loads(file.read_text()))) == []
    assert list(validator.iter_errors({"code": "x"}))


# ------------------------------------------------------------------- scoring


@given(drawn)
def test_answers_that_fit_are_judged_and_every_risk_above_low_has_its_reasons(
    pair: tuple[Instrument, dict[str, Any]],
) -> None:
    judged = judge(*pair)
    assert bool(judged.because) == (judged.risk != "low")
    assert all(one.risk == judged.risk for one in judged.because)
    assert all(one.score >= one.threshold for one in judged.because if one.threshold is not None)
    assert all(one.score is None or one.least <= one.score <= one.most for one in judged.domains)


@given(drawn, some.data())
def test_a_worse_answer_never_lowers_the_risk(pair: tuple[Instrument, dict[str, Any]], data: some.DataObject) -> None:
    """Where nothing depends on the item (else other items may not be asked), and it is no alarm by another answer."""
    used, answers = pair
    deciding = {item.when.item for item in used.items if item.when} | {one.item for one in used.alarms}
    free = [item for item in used.items if item.key in answers and item.key not in deciding]
    item = data.draw(some.sampled_from(free))
    counted = points_of(used, item, answers[item.key])
    worse = data.draw(some.sampled_from([one for one in values(used, item) if points_of(used, item, one) >= counted]))
    before, after = judge(used, answers), judge(used, answers | {item.key: worse})
    assert LEVELS.index(after.risk) >= LEVELS.index(before.risk)
    assert all(b.score is None or a.score >= b.score for a, b in zip(after.domains, before.domains, strict=True))


@given(drawn, some.data())
def test_answers_fit_exactly_when_the_published_schema_says_so(
    pair: tuple[Instrument, dict[str, Any]], data: some.DataObject
) -> None:
    used, answers = pair
    key = data.draw(some.sampled_from([item.key for item in used.items]))
    spoilt = data.draw(some.sampled_from([None, True, 0, 3, 99, -1, "none", "luck"]))
    changed = {one: value for one, value in answers.items() if one != key} | ({} if spoilt is None else {key: spoilt})
    validator = Draft202012Validator(answers_schema(used))
    assert validator.is_valid(answers)
    try:
        check(used, changed)
        fits = True
    except Refused:
        fits = False
    assert validator.is_valid(changed) == fits


@every
def test_every_alarm_rings_by_itself_and_says_so(name: str) -> None:
    used = ALL[name]
    for alarm in used.alarms:
        item = used.item(alarm.item)
        assert item is not None
        opened = {item.when.item: item.when.is_[0]} if item.when else {}
        rung = judge(used, extreme(used, worst=False, given=opened | {alarm.item: alarm.is_[0]}))
        assert alarm.item in {one.item for one in rung.alarms if one.risk == alarm.risk}, alarm.item
        assert LEVELS.index(rung.risk) >= LEVELS.index(alarm.risk)


def test_safety_at_four_is_a_risk_to_life_in_both_versions_and_says_so() -> None:
    for version in (1, 2):
        judged = judge(ALL[f"general.v{version}"], CALM | {"safety": 4, "health": 3})
        assert judged.risk == "life"
        assert [(one.domain, one.score, one.threshold) for one in judged.because] == [("safety", 4, 4)]


@given(some.fixed_dictionaries({domain: some.integers(0, 4) for domain in CALM}))
def test_the_second_version_of_general_judges_seven_answers_as_the_first_did(answers: dict[str, int]) -> None:
    first, second = (judge(ALL[f"general.v{version}"], answers) for version in (1, 2))
    assert (first.risk, first.because) == (second.risk, second.because)


# ------------------------------------------------------------- answers that do not fit


def test_answers_are_refused_by_the_items_names() -> None:
    used = ALL["elderly.v1"]
    good = extreme(used, worst=False)
    assert refusal(used, {key: value for key, value in good.items() if key != "eating"}) == {"missing": ["eating"]}
    assert refusal(used, good | {"luck": 1}) == {"unknown": ["luck"]}
    for off in (3, True, "none", -1):
        assert refusal(used, good | {"bathing": off}) == {"off_scale": ["bathing"]}
    assert refusal(used, good | {"falls": -1, "hurt": 1}) == {"off_scale": ["falls", "hurt"]}
    assert refusal(used, good | {"checked_daily": True}) == {"not_asked": ["checked_daily"]}
    assert refusal(used, good | {"lives_with": "alone"}) == {
        "missing": ["checked_daily"],
        "not_asked": ["carer_strain"],
    }


def test_a_draft_may_be_half_filled_but_not_wrong() -> None:
    used = ALL["elderly.v1"]
    check(used, {"bathing": 2}, whole=False)
    check(used, {}, whole=False)
    assert refusal(used, {"bathing": 9, "luck": 1}, whole=False) == {"unknown": ["luck"], "off_scale": ["bathing"]}


# ------------------------------------------------------------- an operator's own files


def own(folder: Path, name: str = "general.v3", **changes: Any) -> Path:
    """A file of an operator, made from general.v2."""
    content = json.loads((BUILT_IN / "general.v2.json").read_text()) | {"version": 3} | changes
    (folder / f"{name}.json").write_text(json.dumps(content))
    return folder


def test_a_file_in_a_folder_supersedes_an_instrument_and_the_old_version_stays_readable(tmp_path: Path) -> None:
    shelf = Shelf.load(own(tmp_path))
    assert shelf.newest("general").version == 3
    assert [shelf.find("general", version) is not None for version in (1, 2, 3, 4)] == [True, True, True, False]
    assert "general.v3: 10 items" in main([str(tmp_path)])
    assert json.loads(main(["--schema"])) == file_schema()


GOOD = json.loads((BUILT_IN / "general.v2.json").read_text())
STRANGER = GOOD["items"][0] | {"domain": "luck"}
BREAKS: list[tuple[dict[str, Any], str]] = [
    ({"version": 2}, "general.v2 is released"),
    ({"domains": [*GOOD["domains"], GOOD["domains"][0]]}, "domain basic_needs is there twice"),
    ({"items": [*GOOD["items"], GOOD["items"][0]]}, "item basic_needs is there twice"),
    ({"items": [*GOOD["items"], STRANGER | {"key": "new"}]}, "item new names the domain luck"),
    ({"items": [GOOD["items"][1]], "alarms": []}, "domain health has no items"),
    ({"items": [GOOD["items"][0] | {"scale": "none"}, *GOOD["items"][1:]]}, "the scale none"),
    ({"items": [GOOD["items"][0] | {"when": {"item": "safety", "is": [4]}}, *GOOD["items"][1:]]}, "not asked before"),
    ({"items": [*GOOD["items"], STRANGER | {"key": "n", "domain": "health", "when": {"item": "safety", "is": [9]}}]},
     "9, which is no answer to safety"),
    ({"alarms": [GOOD["alarms"][0] | {"item": "luck"}]}, "an alarm names the item luck"),
    ({"alarms": [GOOD["alarms"][0] | {"is": ["maybe"]}]}, "'maybe', which is no answer to danger_now"),
    ({"alarms": [GOOD["alarms"][0] | {"item": "safety", "is": [], "at_least": 9}]}, "a number that no answer reaches"),
    ({"alarms": [GOOD["alarms"][0] | {"at_least": 1}]}, "either `is` or `at_least`"),
    ({"domains": [GOOD["domains"][0] | {"thresholds": {"high": 9}}, *GOOD["domains"][1:]]}, "lies outside 0 to 4"),
    ({"domains": [GOOD["domains"][0] | {"thresholds": {"medium": 3, "high": 2}}, *GOOD["domains"][1:]]}, "do not rise"),
    ({"title": {"id": "Umum", "en": ""}}, "title.en"),
    ({"surplus": 1}, "surplus"),
]  # fmt: skip


@pytest.mark.parametrize(("changes", "sentence"), BREAKS, ids=[sentence for _, sentence in BREAKS])
def test_a_broken_file_is_refused_naming_file_and_rule(tmp_path: Path, changes: dict[str, Any], sentence: str) -> None:
    name = f"general.v{changes.get('version', 3)}"
    with pytest.raises(InstrumentBroken, match=name) as broken:
        Shelf.load(own(tmp_path, name, **changes))
    assert sentence in str(broken.value)


def test_a_file_that_is_no_json_or_has_another_name_and_a_missing_folder_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InstrumentBroken, match="there is no such folder"):
        Shelf.load(tmp_path / "none")
    with pytest.raises(InstrumentBroken, match=r"its name must be general\.v3\.json"):
        Shelf.load(own(tmp_path, "other"))
    (tmp_path / "other.json").write_text("{")
    with pytest.raises(InstrumentBroken, match=r"other\.json: "):
        Shelf.load(tmp_path)
