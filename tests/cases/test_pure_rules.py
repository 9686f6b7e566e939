"""The rules that need no server: plans, follow-ups, and the tables of states."""

from datetime import date
from typing import Any

import pytest

from services.cases.closing import follow_up_dates, months_later
from services.cases.plans import PlannedGoal, PlannedStep, check_plan
from services.cases.stages import STAGES, Stage, next_stage
from sinergi.problems import Refused
from tests.cases.story import GOALS, step


def refusal(goals: list[dict[str, Any]], steps: list[dict[str, Any]]) -> str | None:
    """Why the plan is refused."""
    try:
        check_plan([PlannedGoal(**one) for one in goals], [PlannedStep(**one) for one in steps])
    except Refused as no:
        return no.slug
    return None


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


def test_every_stage_but_the_last_leads_on_and_none_but_a_reopening_leads_back() -> None:
    order = list(Stage)
    moves = [(before, after) for doing, row in STAGES.items() for before, after in row.items() if doing != "reopen"]
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
