"""Each way in which a referral ends, walked over HTTP by its two sides and the clock, until the sender has read it."""

from typing import Any

import pytest

from services.referrals.codes import DeclineReason, FailReason
from services.referrals.consequences import CONSEQUENCES
from tests.harness.stack import Running
from tests.referrals.conftest import Give, Send
from tests.referrals.timed import Time

BEGUN = ["acknowledge", "accept", "progress"]
#: ending -> the commands that lead there; "@clock" is its clock, until it ends the referral
WAYS: dict[str, list[str]] = {
    "completed": [*BEGUN, "hold", "resume", "complete"],
    "declined": ["decline"],
    "declined after acceptance": [*BEGUN, "decline"],
    "failed": [*BEGUN, "fail"],
    "cancelled": ["cancel"],
    "cancelled by the receiver": [*BEGUN, "request_cancel", "confirm_cancel"],
    "cancelled by the clock": [*BEGUN, "request_cancel", "@clock"],
    "completed although asked to stop": [*BEGUN, "request_cancel", "complete"],
    "expired": ["@clock"],
    "expired once seen": ["acknowledge", "@clock"],
}
RINGS = 20


async def walk(way: list[str], referral: dict[str, Any], give: Give, worker: Any, time: Time) -> dict[str, Any]:
    for command in way:
        if command == "@clock":
            referral = await until_it_ends(referral, worker, time)
        else:
            answer = await give(command, referral)
            assert answer.status_code == 200, answer.text
            referral = answer.json()
    return (await worker.get(f"/referrals/{referral['id']}")).json()  # type: ignore[no-any-return]


async def until_it_ends(referral: dict[str, Any], worker: Any, time: Time) -> dict[str, Any]:
    for _ in range(RINGS):
        await time.ring(referral["id"])
        found: dict[str, Any] = (await worker.get(f"/referrals/{referral['id']}")).json()
        if found["ended_at"]:
            return found
    raise AssertionError("the clock never ended it")


@pytest.mark.parametrize("ending", list(WAYS))
async def test_each_ending_is_told_silences_the_clock_and_is_read_by_the_sender(
    ending: str, referrals: Running, send: Send, give: Give, worker: Any, told: Any
) -> None:
    time = Time(referrals.context.db)
    found = await walk(WAYS[ending], await send(), give, worker, time)
    state = ending.split()[0]
    assert (found["state"], found["actions"], await time.alarms(found["id"])) == (state, ["close"], [])
    assert found["timeline"][-1].get("after_acceptance", False) is (ending == "declined after acceptance")
    facts = await told(found["id"])
    assert [kind.split(".")[2] for _, kind, _ in facts] == [one["fact"] for one in found["timeline"]]
    assert (await give("close", found)).json()["state"] == state
    assert (await send(client_id=found["client_id"], replaces=found["id"]))["state"] == "requested"


async def test_what_was_entered_in_error_is_closed_by_nobody(
    referrals: Running, send: Send, give: Give, worker: Any
) -> None:
    time = Time(referrals.context.db)
    found = await walk([*BEGUN, "retract"], await send(), give, worker, time)
    assert (found["state"], found["actions"], await time.alarms(found["id"])) == ("entered_in_error", [], [])


@pytest.mark.parametrize("reason", list(DeclineReason))
async def test_each_reason_of_declining_has_its_consequence(
    reason: DeclineReason, send: Send, give: Give, worker: Any
) -> None:
    missing = {"missing_documents": ["ktp"]} if reason is DeclineReason.MISSING_DOCUMENTS else {}
    last: dict[bool, Any] = {}
    for named in (False, True):
        better = {"better_service": "izin-usaha-mikro"} if named else {}
        declined = (await give("decline", await send(), reason=reason, **missing, **better)).json()
        last[named] = (await worker.get(f"/referrals/{declined['id']}")).json()["timeline"][-1]
    assert (last[False]["consequence"], last[False]["side"]) == (CONSEQUENCES[reason], reason.side)
    assert last[True]["consequence"] == ("reroute" if reason.side == "agency" else CONSEQUENCES[reason])


@pytest.mark.parametrize("reason", list(FailReason))
async def test_each_reason_of_failing_is_kept(reason: FailReason, send: Send, give: Give, worker: Any) -> None:
    accepted = (await give("accept", await send())).json()
    failed = (await give("fail", accepted, reason=reason, text="Sudah dicoba.")).json()
    found = (await worker.get(f"/referrals/{failed['id']}")).json()
    assert (found["state"], found["outcome"]) == ("failed", {"reason": reason})


async def test_another_body_under_one_key_is_refused_and_the_same_is_answered_again(
    send: Send, desk: Any, worker: Any
) -> None:
    referral = await send()
    body, key = {"expected_version": 1, "receiver_reference": "KOP/1"}, {"Idempotency-Key": referral["id"]}
    path = f"/referrals/{referral['id']}/acknowledge"
    first, again = [await desk.post(path, json=body, headers=key) for _ in range(2)]
    assert (first.status_code, again.json()) == (200, first.json())
    other = await desk.post(path, json=body | {"receiver_reference": "KOP/2"}, headers=key)
    assert (other.status_code, other.json()["type"]) == (409, "urn:sinergi:problem:idempotency-key-reused")
    assert len((await worker.get(f"/referrals/{referral['id']}")).json()["timeline"]) == 2
