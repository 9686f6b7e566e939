"""Two who act at once: one wins, the loser is told the state, and nothing happens twice."""

import asyncio
from collections import Counter
from typing import Any
from uuid import uuid4

import httpx2 as httpx
import pytest

from tests.referrals.any_order import OTHER_WORDS, THE_SENDERS
from tests.referrals.conftest import CARRIES, Give, Send, a_referral


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


@pytest.mark.parametrize("command", ["acknowledge", "accept", "decline", "retract"])
async def test_of_one_key_with_other_words_at_once_one_has_its_effect_and_the_other_is_told_so(
    command: str, send: Send, worker: httpx.AsyncClient, desk: httpx.AsyncClient, told: Any
) -> None:
    for _ in range(3):
        referral, key = await send(), {"Idempotency-Key": str(uuid4())}
        client = worker if command in THE_SENDERS else desk
        body = {"expected_version": 1, **CARRIES[command]}
        bodies = (body, body | OTHER_WORDS[command])
        path = f"/referrals/{referral['id']}/{command}"
        answers = await asyncio.gather(*(client.post(path, json=one, headers=key) for one in bodies))
        assert sorted(answer.status_code for answer in answers) == [200, 409]
        lost, said = next((one.json(), other) for one, other in zip(answers, bodies, strict=True) if one.is_error)
        assert lost["type"] == "urn:sinergi:problem:idempotency-key-reused"
        assert len(await told(referral["id"])) == 2
        again = [await client.post(path, json=one, headers=key) for one in bodies]
        assert [answer.status_code for answer in again] == ([409, 200] if said == body else [200, 409])
