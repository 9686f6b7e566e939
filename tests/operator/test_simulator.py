"""The simulator answers real referrals with real commands, in the shares that it is told, the same way each time."""

import asyncio
from contextlib import suppress
from typing import Any

import pytest

from sinergi import Agency
from sinergi.problems import Refused
from sinergi_operator.border import Border
from sinergi_operator.simulator import Manners, Simulator
from tests.harness.stack import eventually
from tests.operator.office import CODE, Office

ENDS = {"silent": "requested", "decline": "declined", "fail": "failed", "complete": "completed"}


async def simulate(office: Office, manners: Manners, exit_after: int | None = None) -> list[str]:
    """Play until enough were met; returns what the simulator said."""
    said: list[str] = []
    url, seed = office.stack.backend.nats_url, office.accounts.seed_file(CODE)
    border = await Border.connect(url, seed)
    try:
        await Simulator(Agency(CODE, url, seed), manners, said.append).run(border, exit_after)
    finally:
        await border.close()
    return said


async def state(office: Office, referral: dict[str, Any]) -> str:
    return str((await office.worker.get("referrals", f"/referrals/{referral['id']}"))["state"])


async def test_each_referral_ends_as_its_seed_says(office: Office) -> None:
    await office.add()
    manners = Manners(decline=0.25, silent=0.25, fail=0.25, seed=7)
    sent = [await eventually(lambda: _sent(office))]  # a service that was just opened again takes within two seconds
    sent += [await office.refer() for _ in range(15)]
    said = await simulate(office, manners, exit_after=len(sent))
    ways = {one["id"]: manners.way(one["id"]) for one in sent}
    assert len(set(ways.values())) > 1
    assert len(said) == len(sent)
    for one in sent:
        assert await state(office, one) == ENDS[ways[one["id"]]]


async def test_a_slow_one_stops_when_the_sender_asks_it_to(office: Office) -> None:
    playing = asyncio.create_task(simulate(office, Manners(slow=0.3)))
    try:
        referral = await office.refer()
        now = await eventually(lambda: _received(office, referral))
        body = {"expected_version": now["version"], "reason": "client-withdrew"}
        await office.worker.post("referrals", f"/referrals/{referral['id']}/request-cancel", body)
        await eventually(lambda: _is(office, referral, "cancelled"))
        with pytest.raises(Refused, match="plug-in-at-work"):
            await simulate(office, Manners(), exit_after=1)
    finally:
        playing.cancel()
        with suppress(asyncio.CancelledError):
            await playing


def test_the_shares_are_kept_and_the_same_referral_is_treated_the_same_way_again() -> None:
    manners = Manners(decline=0.2, silent=0.1, fail=0.3, seed=3)
    ways = [manners.way(str(number)) for number in range(4000)]
    assert ways == [manners.way(str(number)) for number in range(4000)]
    for way, share in (("decline", 0.2), ("silent", 0.1), ("fail", 0.3), ("complete", 0.4)):
        assert ways.count(way) / 4000 == pytest.approx(share, abs=0.03)
    assert [Manners(seed=3).way(str(number)) for number in range(9)] == ["complete"] * 9
    with pytest.raises(Refused, match="shares-too-large"):
        Manners(decline=0.6, silent=0.5)


async def _received(office: Office, referral: dict[str, Any]) -> dict[str, Any] | None:
    now: dict[str, Any] = await office.worker.get("referrals", f"/referrals/{referral['id']}")
    return now if now["state"] == "received" else None


async def _is(office: Office, referral: dict[str, Any], wanted: str) -> bool:
    return await state(office, referral) == wanted


async def _sent(office: Office) -> dict[str, Any] | None:
    try:
        return await office.refer()
    except Refused:
        return None
