"""An agency's server answers by signed commands: the same commands and states, and nobody else's word counts."""

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from nats.aio.client import Client
from nats.aio.msg import Msg

from tests.harness.stack import Running
from tests.referrals.conftest import Send
from tests.referrals.receivers import make_webhook, manage, remove_all
from tests.referrals.signing import Server, slug

#: a fact that is told in none of these tests: their webhooks are there to sign, and are sent nothing
SILENT = {"url": "https://agency.example/hook", "events": ["referral.rerouted.v1"]}


async def server_of(running: Running, agency: str = "koperasi", **more: Any) -> Server:
    made = await make_webhook(running, **SILENT | {"agency": agency} | more)
    return Server(running, made["id"], made["secret"])


@pytest.fixture
async def server(referrals: Running) -> AsyncIterator[Server]:
    """The server of Dinas Koperasi."""
    yield await server_of(referrals)
    await remove_all(referrals)


async def state(worker: Any, referral: dict[str, Any]) -> tuple[str, int]:
    found = (await worker.get(f"/referrals/{referral['id']}")).json()
    return found["state"], found["version"]


async def test_a_referral_is_answered_to_its_end_by_signed_commands(server: Server, send: Send, worker: Any) -> None:
    referral = await send()
    for command, then in (
        ("acknowledge", "received"),
        ("accept", "accepted"),
        ("progress", "in_progress"),
        ("hold", "on_hold"),
        ("resume", "in_progress"),
        ("complete", "completed"),
    ):
        answer = await server.give(command, referral)
        assert answer.status_code == 200, answer.text
        referral = answer.json()
        assert referral["state"] == then
    found = (await worker.get(f"/referrals/{referral['id']}")).json()
    assert {(one["by"], one["by_agency"]) for one in found["timeline"][1:]} == {("agency", "koperasi")}


async def test_a_command_with_a_hyphen_and_the_refusals_are_those_of_the_other_doors(
    server: Server, send: Send, worker: Any
) -> None:
    received = (await server.give("acknowledge", await send())).json()
    body = {"expected_version": received["version"], "reason": "plan-changed"}
    asked = (await worker.post(f"/referrals/{received['id']}/request-cancel", json=body)).json()
    assert slug(await server.give("confirm-cancel", received)) == "version-conflict"
    assert slug(await server.give("accept", asked)) == "wrong-state"
    assert slug(await server.give("confirm-cancel", asked, surplus=1)) == "request-not-valid"
    assert (await server.give("confirm-cancel", asked)).json()["state"] == "cancelled"
    assert (await server.give("cancel", asked)).status_code == 404  # the sender's


async def test_what_is_not_signed_by_the_webhooks_secret_just_now_is_refused_and_changes_nothing(
    server: Server, send: Send, worker: Any
) -> None:
    referral = await send()
    body = server.body("acknowledge", referral)
    good = server.headers(body, "k")
    forged = [
        (body, replace(server, secret="whsec_" + "A" * 43 + "=").headers(body, "k")),
        (body, replace(server, age=timedelta(minutes=6)).headers(body, "k")),
        (body, replace(server, age=-timedelta(minutes=6)).headers(body, "k")),
        (body, good | {"sinergi-webhook": str(uuid4())}),
        (body, good | {"webhook-id": "another"}),
        (body, good | {"webhook-timestamp": str(int(good["webhook-timestamp"]) + 1)}),
        (body + b" ", good),
        (body, good | {"webhook-signature": ""}),
        (body, good | {"webhook-signature": "v1"}),
        (body, good | {"webhook-signature": "v1,%%%"}),
        (body, good | {"webhook-signature": good["webhook-signature"].replace("v1,", "v0,")}),
        (body, good | {"webhook-timestamp": "soon"}),
        (b"\xff\xfe", good),
    ]
    for sent, headers in forged:
        answer = await server.post("acknowledge", referral, sent, headers)
        assert (answer.status_code, slug(answer)) == (401, "signature-not-valid"), headers
    for missing in ("sinergi-webhook", "webhook-id"):
        left = {name: value for name, value in good.items() if name != missing}
        assert (await server.post("acknowledge", referral, body, left)).status_code == 422
    assert await state(worker, referral) == ("requested", 1)
    assert (await server.post("acknowledge", referral, body, good)).status_code == 200


async def test_what_is_signed_for_one_command_or_referral_serves_for_no_other(
    server: Server, send: Send, worker: Any
) -> None:
    mine, other = await send(), await send()
    body = server.body("acknowledge", mine)
    headers = server.headers(body, "for-one")
    for command, referral in (("acknowledge", other), ("accept", mine), ("decline", mine)):
        assert slug(await server.post(command, referral, body, headers)) == "signed-for-another"
    fact = json.dumps({"specversion": "1.0", "type": "sinergi.referral.requested.v1", "data": {}}).encode()
    assert slug(await server.post("accept", mine, fact, server.headers(fact, "ours"))) == "signed-for-another"
    for text in (b"[]", b"accept", b"\x00"):
        assert slug(await server.post("accept", mine, text, server.headers(text, "t"))) == "not-json"
    long = b" " * 70_000
    assert slug(await server.post("accept", mine, long, server.headers(long, "l"))) == "body-too-long"
    assert await state(worker, mine) == await state(worker, other) == ("requested", 1)


async def test_another_agencys_and_another_desks_server_may_not_answer(
    referrals: Running, server: Server, send: Send, worker: Any
) -> None:
    licence = await send(service="izin-usaha-mikro")
    assert (await server.give("acknowledge", licence)).status_code == 403
    bptsp = await server_of(referrals, "bptsp")
    referral = await send()
    assert (await bptsp.give("acknowledge", referral)).status_code == 403
    async with referrals.client("operator") as operator:
        desk = {"name": "Loket lain", "receives": "webhook"}
        (await operator.put("/directory/desks/koperasi/lain", json=desk)).raise_for_status()
    elsewhere = await server_of(referrals, desk="koperasi/lain")
    assert slug(await elsewhere.give("acknowledge", referral)) == "not-your-agency"
    assert await state(worker, referral) == await state(worker, licence) == ("requested", 1)
    nothing = {"id": str(uuid4()), "version": 1}
    assert (await server.give("acknowledge", nothing)).status_code == 404
    here = await server_of(referrals, desk="koperasi/pembinaan")
    assert (await here.give("acknowledge", referral)).json()["state"] == "received"


async def test_after_a_rotation_the_old_secret_serves_for_its_hours_and_no_longer(
    referrals: Running, server: Server, send: Send
) -> None:
    webhook = {"id": server.webhook}
    newer = replace(server, secret=(await manage(referrals, webhook, "rotate", keep_hours=1)).json()["secret"])
    referral = (await server.give("acknowledge", await send())).json()
    referral = (await newer.give("accept", referral)).json()
    newest = replace(server, secret=(await manage(referrals, webhook, "rotate", keep_hours=0)).json()["secret"])
    for old in (server, newer):
        assert slug(await old.give("progress", referral)) == "signature-not-valid"
    assert (await newest.give("progress", referral)).json()["state"] == "in_progress"


async def test_a_paused_webhook_gives_no_commands(referrals: Running, server: Server, send: Send) -> None:
    referral = await send()
    await manage(referrals, {"id": server.webhook}, "pause")
    assert slug(await server.give("acknowledge", referral)) == "webhook-paused"
    await manage(referrals, {"id": server.webhook}, "resume")
    assert (await server.give("acknowledge", referral)).status_code == 200
    await manage(referrals, {"id": server.webhook}, "remove")
    assert slug(await server.give("accept", referral)) == "webhook-paused"


async def test_one_webhook_id_has_one_effect_however_often_it_comes(server: Server, send: Send, told: Any) -> None:
    referral = await send()
    answers = await asyncio.gather(*(server.give("acknowledge", referral, key="once") for _ in range(6)))
    assert {answer.text for answer in answers} == {answers[0].text}
    assert answers[0].json()["version"] == 2
    first = await server.give("accept", answers[0].json(), key="then", expected_on="2030-01-01")
    later = await server.give("accept", answers[0].json(), key="then", expected_on="2030-01-02")
    assert first.json() == later.json()
    assert [version for _, _, version in await told(referral["id"])] == [1, 2, 3]


async def test_details_are_told_once_for_each_signature(server: Server, send: Send, nats: Client) -> None:
    async def answer(message: Msg) -> None:
        await message.respond(json.dumps({"client": {"name": "KUBE Melati", "nik": None, "secret": 1}}).encode())

    subscription = await nats.subscribe("sinergi.ask.registry.disclosure", cb=answer)
    await nats.flush()
    referral = await send()
    body = json.dumps({"command": "details", "referral_id": referral["id"], "purpose": "first visit"}).encode()
    headers = server.headers(body, "details-1")
    told = await server.post("details", referral, body, headers)
    assert told.json()["client"]["name"] == "KUBE Melati"
    assert slug(await server.post("details", referral, body, headers)) == "already-answered"
    assert (await server.post("details", referral, body, server.headers(body, "details-2"))).status_code == 200
    await subscription.unsubscribe()
