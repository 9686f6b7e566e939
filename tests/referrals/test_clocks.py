"""The clocks of a referral: due in working days of the desk, reminded before, climbing after, each once."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx2 as httpx
import pytest

from services.referrals.ladders import CLOCKS
from sinergi.workdays import Calendar
from tests.harness.stack import Running
from tests.referrals.conftest import COACHING, SOON, Give, Send
from tests.referrals.timed import Time

Told = Any
TERMS = {"acknowledge": {"days": 3}, "decide": {"days": 7}, "finish": {"days": 20}}
SERVICES = {
    "pembinaan-berjangka": {"clocks": {"routine": TERMS}, "desk": "papua"},
    "pembinaan-biasa": {"acknowledge_hours": None, "decide_hours": None},
    "pembinaan-tanpa-batas": {"clocks": {}},
}


@pytest.fixture(scope="module")
async def time(referrals: Running) -> Time:
    """Services with clocks of their own; the first one's desk lies in Papua, two hours ahead."""
    async with referrals.client("operator") as operator:
        desk = {"name": "Loket", "receives": "console", "area": "91.71"}
        (await operator.put("/directory/desks/koperasi/papua", json=desk)).raise_for_status()
        for code, more in SERVICES.items():
            (await operator.put(f"/directory/services/{code}", json=COACHING | more)).raise_for_status()
    return Time(referrals.context.db)


@pytest.fixture(scope="module")
def timed(send: Send, time: Time) -> Send:
    """Sends a referral whose three clocks are counted in working days."""

    async def timed(**other: Any) -> dict[str, Any]:
        return await send(**{"service": "pembinaan-berjangka"} | other)

    return timed


async def read(client: httpx.AsyncClient, referral: dict[str, Any]) -> dict[str, Any]:
    answer = await client.get(f"/referrals/{referral['id']}")
    return answer.raise_for_status().json()  # type: ignore[no-any-return]


def moment(value: str) -> datetime:
    return datetime.fromisoformat(value)


def clock_told(found: dict[str, Any]) -> list[tuple[str, str, int]]:
    return [(one["fact"], one["clock"], one["level"]) for one in found["notices"]]


async def test_dues_are_counted_in_working_days_where_the_desk_works(timed: Send, worker: Any) -> None:
    found = await read(worker, await timed())
    asked, calendar = moment(found["requested_at"]), Calendar()
    for name, days in (("acknowledge", 3), ("decide", 7), ("finish", 20)):
        assert moment(found[f"{name}_due"]) == calendar.after(asked, days, "91.71")
    assert moment(found["decide_due"]).astimezone(UTC).hour == 15  # midnight of Jayapura


async def test_a_service_that_names_no_time_has_the_usual_one_and_never_must_be_said(
    send: Send, give: Give, worker: Any, time: Time
) -> None:
    usual, urgent = await send(service="pembinaan-biasa"), await send(service="pembinaan-biasa", priority="urgent")
    found = await read(worker, urgent)
    due = moment(found["acknowledge_due"]), moment(found["decide_due"])
    assert [one - moment(found["requested_at"]) for one in due] == [timedelta(hours=24), timedelta(hours=48)]
    found = await read(worker, usual)
    assert moment(found["decide_due"]) == Calendar().after(moment(found["requested_at"]), 7, "31.74")
    assert found["finish_due"] is None
    never = await send(service="pembinaan-tanpa-batas")
    assert await time.alarms(never["id"]) == []
    never = (await give("accept", (await give("acknowledge", never)).json())).json()
    assert await time.alarms(never["id"]) == []
    assert clock_told(await read(worker, never)) == []


async def test_a_desk_that_never_looks_is_reminded_then_it_climbs_and_expires(
    timed: Send, worker: Any, desk: Any, time: Time, told: Told
) -> None:
    referral = await timed()
    await time.ring(referral["id"])
    found = await read(worker, referral)
    assert (found["state"], found["version"], found["overdue_since"]) == ("requested", 1, None)
    assert found["reminded_at"]
    assert referral["id"] not in [one["id"] for one in (await late(desk))["items"]]
    await time.ring(referral["id"], times=3)
    found = await read(worker, referral)
    climbed = [("escalated", "acknowledge", level) for level in (1, 2, 3)]
    assert clock_told(found) == [("reminded", "acknowledge", 0), *climbed]
    assert (found["version"], found["escalation"]) == (1, 3)
    for side in (worker, desk):
        assert referral["id"] in [one["id"] for one in (await late(side))["items"]]
    await time.ring(referral["id"])
    found = await read(worker, referral)
    assert (found["state"], found["version"], found["overdue_since"]) == ("expired", 2, None)
    assert found["outcome"] == {"reason": "not-acknowledged", "clock": "acknowledge"}
    assert found["timeline"][-1]["due"] == found["acknowledge_due"]
    assert (found["actions"], await time.alarms(referral["id"])) == (["close"], [])
    assert (await told(referral["id"]))[-1] == ("core koperasi", "sinergi.referral.expired.v1", 2)


async def late(client: httpx.AsyncClient) -> dict[str, Any]:
    answer = await client.get("/referrals", params={"late": "true", "size": 100})
    return answer.raise_for_status().json()  # type: ignore[no-any-return]


async def test_a_notice_makes_no_open_form_stale(timed: Send, give: Give, worker: Any, time: Time) -> None:
    referral = await timed()
    await time.ring(referral["id"], times=2)
    accepted = await give("accept", referral)
    assert (accepted.status_code, accepted.json()["version"]) == (200, 2)
    found = await read(worker, referral)
    assert (found["reminded_at"], found["overdue_since"], found["escalation"]) == (None, None, 0)
    assert [one["version"] for one in found["timeline"]] == [1, 2]


async def test_what_was_seen_and_never_decided_expires_by_the_second_clock(
    timed: Send, give: Give, worker: Any, time: Time
) -> None:
    referral = (await give("acknowledge", await timed())).json()
    assert await time.alarms(referral["id"]) == ["referral.decide.remind"]
    await time.ring(referral["id"], times=5)
    found = await read(worker, referral)
    assert (found["state"], found["outcome"]["reason"]) == ("expired", "not-decided")


async def test_accepted_work_is_overdue_and_climbs_but_never_ends_by_itself(
    timed: Send, give: Give, worker: Any, time: Time
) -> None:
    referral = (await give("accept", await timed())).json()
    await time.ring(referral["id"])
    referral = (await give("progress", referral)).json()  # the clock runs on: it is the same work
    assert clock_told(await read(worker, referral)) == [("reminded", "finish", 0)]
    await time.ring(referral["id"], times=3)
    found = await read(worker, referral)
    late = [("overdue", "finish", 1), ("escalated", "finish", 2), ("escalated", "finish", 3)]
    assert clock_told(found)[1:] == late
    assert (found["state"], await time.alarms(referral["id"])) == ("in_progress", [])
    done = (await give("complete", referral)).json()
    assert done["state"] == "completed"
    found = await read(worker, done)
    assert (found["overdue_since"], clock_told(found)[1:]) == (None, late)


async def test_on_hold_the_time_stands_still_and_goes_on_with_what_was_left(
    timed: Send, give: Give, worker: Any, time: Time
) -> None:
    referral = (await give("progress", (await give("accept", await timed())).json())).json()
    before = (await read(worker, referral))["finish_due"]
    referral = (await give("hold", referral)).json()
    found = await read(worker, referral)
    assert (found["finish_due"], found["paused"]) == (None, {"days": 20})
    assert found["timeline"][-1]["days_left"] == 20
    assert await time.alarms(referral["id"]) == ["referral.review.remind"]
    await time.ring(referral["id"], times=2)
    found = await read(worker, referral)
    assert clock_told(found) == [("reminded", "review", 0), ("escalated", "review", 1)]
    assert moment(found["notices"][0]["due"]).astimezone(UTC).isoformat() == f"{SOON}T15:00:00+00:00"
    referral = (await give("resume", referral)).json()
    found = await read(worker, referral)
    assert (found["finish_due"], found["paused"], found["overdue_since"]) == (before, None, None)
    assert found["timeline"][-1]["finish_due"] == before
    assert await time.alarms(referral["id"]) == ["referral.finish.remind"]


async def test_work_that_is_overdue_stays_overdue_over_a_hold(timed: Send, give: Give, worker: Any, time: Time) -> None:
    referral = (await give("progress", (await give("accept", await timed())).json())).json()
    await time.passes([referral["id"]], days=60)
    due = (await read(worker, referral))["finish_due"]
    referral = (await give("resume", (await give("hold", referral)).json())).json()
    found = await read(worker, referral)
    assert (found["finish_due"], found["paused"]) == (due, None)
    assert (await time.alarms(referral["id"]))[:1] in (["referral.finish.overdue1"], ["referral.finish.escalate2"])


async def test_a_wish_to_stop_that_nobody_answers_is_carried_out_by_the_clock(
    timed: Send, give: Give, worker: Any, time: Time
) -> None:
    referral = (await give("request_cancel", (await give("accept", await timed())).json())).json()
    found = await read(worker, referral)
    assert moment(found["confirm_due"]) == Calendar().after(datetime.now(UTC), 5, "91.71")
    assert found["timeline"][-1]["confirm_due"] == found["confirm_due"]
    await time.ring(referral["id"], times=2)
    found = await read(worker, referral)
    assert (found["state"], clock_told(found)) == ("cancelled", [("reminded", "confirm", 0)])
    last = found["timeline"][-1]
    assert (last["fact"], last["reason"], last["clock"], last["by"]) == (
        "cancelled",
        "plan-changed",
        "confirm",
        "service",
    )


async def test_after_a_week_without_the_service_what_is_due_rings_late_in_order_and_once(
    timed: Send, give: Give, worker: Any, time: Time
) -> None:
    sent = [await timed() for _ in range(8)]
    taken = [(await give("accept", await timed(priority="routine"))).json() for _ in range(4)]
    stopped = (await give("request_cancel", (await give("accept", await timed())).json())).json()
    ids = [one["id"] for one in (*sent, *taken, stopped)]
    await time.passes(ids, days=15)
    await time.ring_all(ids, replicas=3)
    for one in sent:
        found = await read(worker, one)
        assert clock_told(found) == [("reminded", "acknowledge", 0), ("escalated", "acknowledge", 1)]
        assert found["state"] == "requested"  # the rung above comes a working day after this one was told
    assert [clock_told(await read(worker, one)) for one in taken] == [[]] * 4
    assert (await read(worker, stopped))["state"] == "cancelled"
    await time.passes([one["id"] for one in sent], days=30)
    await time.ring_all(ids, replicas=3)
    again = await read(worker, sent[0])
    assert clock_told(again)[2:] == [("escalated", "acknowledge", 2)]


@pytest.mark.parametrize("command", ["acknowledge", "accept", "decline"])
async def test_a_command_and_the_clock_at_once_are_one_after_the_other(
    command: str, timed: Send, give: Give, worker: Any, time: Time
) -> None:
    referral = await timed()
    await time.ring(referral["id"], times=4)
    answer, _ = await asyncio.gather(give(command, referral), time.ring_if_set(referral["id"]))
    found = await read(worker, referral)
    if answer.status_code == 200:
        assert (found["state"], found["version"]) == (answer.json()["state"], 2)
        assert "referral.acknowledge.expire" not in await time.alarms(referral["id"])
    else:
        assert (answer.status_code, answer.json()["state"], found["state"]) == (409, "expired", "expired")
    assert len(found["timeline"]) == 2


async def test_nobody_but_the_clock_may_expire_or_remind(timed: Send, referrals: Running) -> None:
    referral = await timed()
    for role in ("supervisor", "operator", "desk_officer"):
        async with referrals.client(role, agency="koperasi") as client:
            for command in ("expire", "lapse", "overdue", "remind", "escalate"):
                answer = await client.post(f"/referrals/{referral['id']}/{command}", json={"expected_version": 1})
                assert answer.status_code in (404, 405), (role, command)


async def test_what_is_late_is_listed_for_its_two_sides_alone(
    timed: Send, referrals: Running, worker: Any, time: Time
) -> None:
    referral = await timed()
    await time.ring(referral["id"], times=2)
    assert referral["id"] in [one["id"] for one in (await late(worker))["items"]]
    outsiders = {"agency": ("desk_officer", "bptsp", "31.74"), "area": ("social_worker", "dinsos", "31.71")}
    for who, (role, agency, area) in outsiders.items():
        async with referrals.client(role, agency, area) as client:
            assert referral["id"] not in [one["id"] for one in (await late(client))["items"]], who


def test_each_ladder_ends_as_the_table_says_and_reminds_first() -> None:
    ends = {"acknowledge": "expire", "decide": "expire", "finish": "escalate", "review": "escalate", "confirm": "lapse"}
    for ladders in CLOCKS.ladders.values():
        assert {clock: rungs[-1].does for clock, rungs in ladders.items()} == ends
        assert {rungs[0].does for rungs in ladders.values()} == {"remind"}
        assert all(rung.after or rung.share for rungs in ladders.values() for rung in rungs[2:])
