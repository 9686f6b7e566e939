"""Rules of eligibility: what is not known is never a yes or a no, and every line says what it asks."""

import json
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from services.referrals.clock_terms import ClockTerms
from services.referrals.directory import Place
from services.referrals.eligibility import Eligibility, asks_of, judge
from services.referrals.eligibility_words import lines_found
from services.referrals.needs import CATEGORIES, DOMAINS
from services.referrals.sending import must_be_eligible
from services.registry import ppks
from sinergi.problems import Refused

ROOT = Path(__file__).parents[2]
OLD = {"fact": "age", "op": ">=", "value": 60}
POOR = {"fact": "desil", "op": "<=", "value": 4}
NEGLECTED = {"fact": "categories", "op": "any_of", "value": ["lansia-telantar"]}
NO_PKH = {"fact": "programmes", "op": "none_of", "value": ["pkh"]}
PERSON = {"age": 70, "desil": 2, "categories": ["lansia-telantar"], "programmes": []}


def result(rules: list[dict[str, Any]], *people: dict[str, Any], **whole: Any) -> str:
    facts = {"client_kind": "person", "people": list(people), **whole}
    return judge(Eligibility.model_validate({"all": rules}), facts, 1).result.value


@pytest.mark.parametrize(
    ("rules", "person", "said"),
    [
        ([OLD, POOR, NEGLECTED, NO_PKH], PERSON, "yes"),
        ([OLD], PERSON | {"age": 59}, "no"),
        ([OLD], PERSON | {"age": None}, "unknown"),
        ([OLD], {}, "unknown"),
        ([OLD, POOR], PERSON | {"age": 59, "desil": None}, "no"),
        ([{"any": [OLD, POOR]}], PERSON | {"age": None}, "yes"),
        ([{"any": [OLD, POOR]}], PERSON | {"age": None, "desil": 9}, "unknown"),
        ([{"any": [OLD, POOR]}], PERSON | {"age": 30, "desil": 9}, "no"),
        ([NO_PKH], PERSON | {"programmes": ["pkh"]}, "no"),
        ([NEGLECTED], PERSON | {"categories": []}, "no"),
        ([{"fact": "disability", "op": "none_of", "value": ["mental"]}], {"disability": None}, "unknown"),
        ([{"fact": "area", "op": "within", "value": ["31.74"]}], {"area": "31.74.01.1001"}, "yes"),
        ([{"fact": "area", "op": "within", "value": ["31.7"]}], {"area": "31.74.01.1001"}, None),
        ([{"fact": "area", "op": "within", "value": ["31.73"]}], {"area": "31.74.01.1001"}, "no"),
        ([{"fact": "identity_known", "op": "is", "value": True}], {"identity_known": False}, "no"),
        ([{"fact": "sex", "op": "any_of", "value": ["P"]}], {"sex": "P"}, "yes"),
        ([{"fact": "client_kind", "op": "any_of", "value": ["group"]}], {}, "no"),
    ],
)
def test_a_person_is_judged_and_what_is_not_known_stays_unknown(
    rules: list[dict[str, Any]], person: dict[str, Any], said: str | None
) -> None:
    if said is None:  # 31.7 is no code: areas are whole parts
        with pytest.raises(ValidationError):
            result(rules, person)
    else:
        assert result(rules, person) == said


def test_of_a_group_each_member_counts_or_anyone_and_a_group_of_nobody_is_unknown() -> None:
    poor, rich, unknown = ({"desil": desil} for desil in (2, 9, None))
    anyone = POOR | {"of": "anyone"}
    assert [result([POOR], *them) for them in ([poor, poor], [poor, rich], [poor, unknown], [])] == [
        *("yes", "no", "unknown", "unknown"),
    ]
    assert [result([anyone], *them) for them in ([rich, poor], [rich, rich], [rich, unknown])] == [
        "yes",
        "no",
        "unknown",
    ]
    assert result([{"fact": "members", "op": ">=", "value": 5}], members=4) == "no"


@pytest.mark.parametrize(
    "rule",
    [
        OLD | {"op": "any_of"},
        OLD | {"value": ["60"]},
        OLD | {"value": True},
        OLD | {"value": -1},
        NEGLECTED | {"value": []},
        NEGLECTED | {"value": ["3174010101900001"]},
        OLD | {"fact": "name"},
        OLD | {"more": 1},
        {"any": []},
    ],
)
def test_a_rule_that_makes_no_sense_is_refused(rule: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Eligibility.model_validate({"all": [rule]})


def test_the_registry_is_asked_only_for_the_facts_and_codes_that_the_rules_name() -> None:
    some = Eligibility.model_validate({"all": [OLD, NEGLECTED]})
    more = [
        {"any": [POOR, NEGLECTED | {"value": ["gelandangan"]}]},
        {"fact": "client_kind", "op": "any_of", "value": ["group"]},
    ]
    both = asks_of([some, Eligibility.model_validate({"all": more})])
    assert both == {"age": [], "categories": ["gelandangan", "lansia-telantar"], "desil": []}


def test_each_line_says_what_it_asks_and_what_would_make_it_pass() -> None:
    rules = Eligibility.model_validate({"all": [{"any": [OLD, POOR]}, NEGLECTED]})
    line, other = lines_found(
        judge(rules, {"people": [{"age": 30, "desil": 9, "categories": ["lansia-telantar"]}]}, 1).findings
    )
    assert line.words == {
        "id": "umur paling sedikit 60 atau desil paling banyak 4",
        "en": "age at least 60 or desil at most 4",
    }
    assert line.hint is not None
    assert "Usulkan pembaruan desil." in line.hint["id"]
    assert other.words["id"] == "kategori PPKS salah satu dari: Lanjut usia telantar"
    assert other.hint is None


def test_needs_are_the_registrys_categories_and_the_cases_domains() -> None:
    assert list(CATEGORIES.items()) == list(ppks.NEEDS.items())
    instrument = json.loads((ROOT / "services/cases/instruments/general.v1.json").read_text())
    assert set(DOMAINS) == set(instrument["domains"])


def test_clocks_are_days_or_hours_for_each_priority_or_never() -> None:
    told = {"routine": {"acknowledge": {"days": 3}, "finish": None}, "urgent": {"acknowledge": {"hours": 24}}}
    never = {"acknowledge": None, "decide": None, "finish": None}
    assert ClockTerms.model_validate(told).stored() == {
        "routine": never | {"acknowledge": {"days": 3}},
        "urgent": never | {"acknowledge": {"hours": 24}},
    }
    assert ClockTerms.of_hours(24, None, None).stored()["urgent"]["acknowledge"] == {"hours": 24}
    for wrong in ({"days": 3, "hours": 2}, {}, {"days": 0}, {"weeks": 1}):
        with pytest.raises(ValidationError):
            ClockTerms.model_validate({"routine": {"decide": wrong}})


def test_a_judgement_by_other_rules_than_the_services_is_not_taken() -> None:
    rules = Eligibility.model_validate({"all": [OLD]})
    place = Place("panti", "dinsos", "dinsos/panti", (), ClockTerms(), False, terms_version=7, eligibility=rules)
    by_these, by_older = (judge(rules, {"people": [PERSON]}, version) for version in (7, 6))
    must_be_eligible(place, by_these)
    for other in (by_older, None):
        with pytest.raises(Refused, match="service-changed"):
            must_be_eligible(place, other)
