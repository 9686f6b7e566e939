"""The rules that need no server: risk, plans, follow-ups, and the tables of states."""

from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as some

from services.cases.closing import follow_up_dates, months_later
from services.cases.instruments import INSTRUMENTS, instrument
from services.cases.plans import PlannedGoal, PlannedStep, check_plan
from services.cases.stages import STAGES, Stage, next_stage
from sinergi.problems import Refused
from tests.cases.story import CALM, GOALS, step

DOMAINS = sorted(INSTRUMENTS["general"].domains)


def refusal(goals: list[dict[str, Any]], steps: list[dict[str, Any]]) -> str | None:
    """Why the plan is refused."""
    try:
        check_plan([PlannedGoal(**one) for one in goals], [PlannedStep(**one) for one in steps])
    except Refused as no:
        return no.slug
    return None


def test_safety_at_four_is_a_risk_to_life_and_says_so() -> None:
    risk, because = instrument("general").judge(CALM | {"safety": 4, "health": 3})
    assert risk == "life"
    assert [(one.domain, one.score, one.threshold) for one in because] == [("safety", 4, 4)]


def test_nothing_serious_is_a_low_risk_without_reasons() -> None:
    assert instrument("general").judge(dict.fromkeys(DOMAINS, 0)) == ("low", [])


@given(some.fixed_dictionaries({domain: some.integers(0, 4) for domain in DOMAINS}), some.sampled_from(DOMAINS))
def test_a_worse_answer_never_lowers_the_risk(answers: dict[str, int], domain: str) -> None:
    levels, judge = instrument("general").levels, instrument("general").judge
    worse = answers | {domain: min(4, answers[domain] + 1)}
    assert levels.index(judge(worse)[0]) >= levels.index(judge(answers)[0])


@given(some.fixed_dictionaries({domain: some.integers(0, 4) for domain in DOMAINS}))
def test_every_risk_above_low_has_its_reasons(answers: dict[str, int]) -> None:
    risk, because = instrument("general").judge(answers)
    assert bool(because) == (risk != "low")
    assert all(one.risk == risk and answers[one.domain] >= one.threshold for one in because)


@pytest.mark.parametrize("answers", [{}, CALM | {"luck": 1}, CALM | {"safety": 5}, CALM | {"safety": -1}])
def test_answers_that_do_not_fit_the_instrument_are_refused(answers: dict[str, int]) -> None:
    with pytest.raises(Refused, match="answers-not-valid"):
        instrument("general").judge(answers)


def test_a_plan_in_order_is_accepted() -> None:
    assert refusal(GOALS, [step("b", after=["a"]), step("a"), step("c", after=["a", "b"])]) is None


def test_steps_that_wait_for_each_other_are_refused() -> None:
    assert refusal(GOALS, [step("a", after=["b"]), step("b", after=["a"])]) == "plan-has-a-cycle"
    assert refusal(GOALS, [step("a", after=["a"])]) == "plan-has-a-cycle"


def test_a_step_for_no_goal_after_no_step_or_with_a_taken_key_is_refused() -> None:
    assert refusal(GOALS, [step("a", goal="none")]) == "plan-unknown-goal"
    assert refusal(GOALS, [step("a", after=["none"])]) == "plan-unknown-step"
    assert refusal(GOALS, [step("a"), step("a")]) == "plan-key-repeated"
    assert refusal([GOALS[0], GOALS[0]], [step("a")]) == "plan-key-repeated"


def test_follow_ups_keep_the_day_or_take_the_months_last() -> None:
    assert follow_up_dates("goals-met", date(2026, 11, 30)) == [
        date(2026, 12, 30),
        date(2027, 2, 28),
        date(2027, 5, 30),
    ]
    assert months_later(date(2023, 12, 31), 2) == date(2024, 2, 29)


def test_every_stage_but_the_last_leads_on_and_none_leads_back() -> None:
    order = list(Stage)
    moves = [(before, after) for row in STAGES.values() for before, after in row.items()]
    assert all(order.index(after) >= order.index(before) for before, after in moves)
    assert {before for before, after in moves if before != after} == set(order[:-1])


@pytest.mark.parametrize("doing", STAGES)
@pytest.mark.parametrize("stage", Stage)
def test_what_the_table_does_not_hold_is_refused(doing: str, stage: Stage) -> None:
    if stage in STAGES[doing]:
        assert next_stage(doing, stage) == STAGES[doing][stage]
        return
    with pytest.raises(Refused, match="wrong-stage"):
        next_stage(doing, stage)
