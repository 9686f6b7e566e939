"""Two who act at once: one wins, the loser is told the state, and nothing happens twice."""

import asyncio
from collections import Counter
from typing import Any

import httpx2 as httpx
import pytest

from tests.referrals.conftest import Give, Send, a_referral


@pytest.mark.parametrize(
    "pair",
    [("accept", "accept"), ("accept", "decline"), ("decline", "cancel"), ("accept", "retract")],
    ids="-".join,
)
async def test_of_two_commands_at_once_one_wins(pair: tuple[str, str], send: Send, give: Give, told: Any) -> None:
    for _ in range(5):
        referral = await send()
        answers = await asyncio.gather(*(give(command, referral) for command in pair))
        assert sorted(answer.status_code for answer in answers) == [200, 409]
        won, lost = sorted((answer.json() for answer in answers), key=lambda body: "status" in body)
        assert (lost["state"], lost["version"]) == (won["state"], 2)
        assert len(await told(referral["id"])) == 2


async def test_of_twenty_sends_at_once_one_is_open(worker: httpx.AsyncClient) -> None:
    request = a_referral()
    answers = await asyncio.gather(*(worker.post("/referrals", json=request) for _ in range(20)))
    assert Counter(answer.status_code for answer in answers) == {201: 1, 409: 19}
    sent = next(answer.json() for answer in answers if answer.status_code == 201)
    refusals = [answer.json() for answer in answers if answer.status_code == 409]
    assert {problem["type"] for problem in refusals} == {"urn:sinergi:problem:referral-already-open"}
    assert {problem["referral_id"] for problem in refusals} == {sent["id"]}


async def test_sending_twice_with_one_key_is_one_referral(worker: httpx.AsyncClient) -> None:
    request = a_referral()
    key = {"Idempotency-Key": f"send-{request['client_id']}"}
    answers = await asyncio.gather(*(worker.post("/referrals", json=request, headers=key) for _ in range(5)))
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.json()["id"] for answer in answers}) == 1
