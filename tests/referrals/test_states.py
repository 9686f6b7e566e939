"""The whole table of REFERRALS.md, made from `states.RULES`: every row works, and nothing else does."""

from typing import Any

import pytest
from sqlalchemy import text

from services.referrals import commands
from services.referrals.states import OPEN, RULES, SIDES, TERMINAL, Rule, State
from sinergi.permissions import PERMISSIONS
from tests.harness.stack import Running
from tests.referrals.conftest import Give, Send

#: the commands that lead from requested to each state; only the clock leads to expired
WAYS: dict[State, list[str]] = {
    State.REQUESTED: [],
    State.RECEIVED: ["acknowledge"],
    State.ACCEPTED: ["accept"],
    State.IN_PROGRESS: ["accept", "progress"],
    State.ON_HOLD: ["accept", "progress", "hold"],
    State.CANCEL_REQUESTED: ["accept", "request_cancel"],
    State.DECLINED: ["decline"],
    State.CANCELLED: ["cancel"],
    State.COMPLETED: ["accept", "complete"],
    State.FAILED: ["accept", "fail"],
    State.EXPIRED: [],
    State.ENTERED_IN_ERROR: ["retract"],
}
GIVEN = [rule for rule in RULES if rule.command in SIDES]
LEGAL = [(rule, state) for rule in GIVEN for state in sorted(rule.sources) if state is not State.DRAFT]
ALLOWED = {(rule.command, state) for rule, state in LEGAL}

Reach = Any


@pytest.fixture(scope="module")
def reach(referrals: Running, send: Send, give: Give) -> Reach:
    """`await reach(state)` makes a referral in that state."""

    async def reach(state: State) -> dict[str, Any]:
        referral = await send()
        for command in WAYS[state]:
            answer = await give(command, referral)
            assert answer.status_code == 200, answer.text
            referral = answer.json()
        if state is State.EXPIRED:
            async with referrals.context.db.begin() as tx:
                expire = text("UPDATE referrals SET state = 'expired', ended_at = now() WHERE id = :id")
                await tx.session.execute(expire, {"id": referral["id"]})
        return referral

    return reach


@pytest.mark.parametrize(("rule", "state"), LEGAL, ids=lambda one: getattr(one, "command", one))
async def test_each_row_of_the_table_leads_where_it_says(
    rule: Rule, state: State, reach: Reach, give: Give, told: Any
) -> None:
    referral = await reach(state)
    answer = await give(rule.command, referral)
    assert answer.status_code == 200, answer.text
    assert answer.json()["state"] == (rule.to or state)
    assert answer.json()["version"] == referral["version"] + 1
    assert (await told(referral["id"]))[-1] == ("core koperasi", rule.event.type(), answer.json()["version"])


@pytest.mark.parametrize("state", list(WAYS))
async def test_every_other_command_is_refused_with_the_state(state: State, reach: Reach, give: Give) -> None:
    referral = await reach(state)
    for command in SIDES:
        if (command, state) not in ALLOWED:
            answer = await give(command, referral)
            problem = answer.json()
            assert answer.status_code == 409, (command, answer.text)
            assert problem["type"] == "urn:sinergi:problem:wrong-state"
            assert (problem["state"], problem["version"]) == (state, referral["version"])


@pytest.mark.parametrize("state", list(WAYS))
async def test_a_reader_is_offered_exactly_the_commands_of_its_side(
    state: State, reach: Reach, worker: Any, desk: Any
) -> None:
    referral = await reach(state)
    for client, side in ((worker, "sender"), (desk, "receiver")):
        read = (await client.get(f"/referrals/{referral['id']}")).json()
        assert set(read["actions"]) == {name for name, at in ALLOWED if at == state and SIDES[name] == side}


def test_every_command_has_a_door_a_permission_and_one_side() -> None:
    assert commands.DOORS.keys() == SIDES.keys()
    assert {rule.action for rule in RULES} <= PERMISSIONS.keys()
    assert {door.function.action for door in commands.DOORS.values()} == {f"referral.{name}" for name in SIDES}


def test_every_state_is_open_or_terminal_or_the_draft() -> None:
    assert OPEN | TERMINAL | {State.DRAFT} == set(State)
    assert not OPEN & TERMINAL
