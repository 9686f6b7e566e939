"""The directory's word "connected" is what an agency's system lives by: commands, consumer, and hearing again."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from nats.aio.client import Client

from sinergi import Agency, CommandRefused, ReferralReceived, ReferralRequested
from sinergi.provision import durable_exists
from tests.harness.stack import Running, Stack, caught_up, eventually
from tests.referrals.conftest import CARRIES, Give, Send


async def connect(referrals: Running, connected: bool) -> None:
    """The operator's entry of koperasi."""
    async with referrals.client("operator") as operator:
        entry = {"name": "koperasi", "kind": "opd", "connected": connected}
        (await operator.put("/directory/agencies/koperasi", json=entry)).raise_for_status()


async def command(nats: Client, name: str, **request: Any) -> dict[str, Any]:
    """A command as the server hands it on for koperasi's account."""
    reply = await nats.request(f"sinergi.cmd.koperasi.{name}", json.dumps(request).encode(), timeout=10)
    answer: dict[str, Any] = json.loads(reply.data)
    return answer


async def test_an_agency_that_is_not_connected_any_more_neither_commands_nor_pulls(
    referrals: Running, send: Send, worker: Any, nats: Client
) -> None:
    referral = await send()
    request = {"referral_id": referral["id"], "expected_version": 1}
    await eventually(lambda: durable_exists(nats, "REFERRALS", "koperasi"))
    await connect(referrals, False)
    try:
        await eventually(lambda: _is_refused(nats, "referral.acknowledge", request), timeout=2)
        for name in ("referral.details", "directory.open", "agency.replay"):
            assert await _is_refused(nats, name, {}), name
        await eventually(lambda: _is_gone(nats), timeout=10)
        assert (await worker.get(f"/referrals/{referral['id']}")).json()["state"] == "requested"
    finally:
        await connect(referrals, True)
    await eventually(lambda: durable_exists(nats, "REFERRALS", "koperasi"))
    await eventually(lambda: _is_taken(nats, request))


async def test_an_agency_hears_again_from_a_moment_on_and_nobody_elses_cursor_moves(
    referrals: Running, send: Send, give: Give, stack: Stack, nats: Client
) -> None:
    before = await send()
    await eventually(lambda: _lies_there(nats, before["id"]))
    moment = datetime.now(UTC)
    after = await send()
    assert (await give("acknowledge", after, **CARRIES["acknowledge"])).status_code == 200
    koperasi, heard = Agency("koperasi", stack.backend.nats_url, stack.backend.seed_file("koperasi")), []

    @koperasi.on(ReferralRequested)
    @koperasi.on(ReferralReceived)
    async def hear(fact: ReferralRequested) -> None:
        heard.append((fact.referral_id, fact.envelope.sequence))

    await koperasi.start()
    try:
        await eventually(lambda: _has(heard, (after["id"], 2)))
        await eventually(lambda: caught_up(nats, "REFERRALS", "koperasi"))
        bptsp = await nats.jetstream().consumer_info("REFERRALS", "bptsp")
        for _ in range(10):  # its first facts may come before its answer, or after
            heard.clear()
            assert await koperasi.replay(moment) == 2
            await eventually(lambda: _has(heard, (after["id"], 2)))
            assert heard == [(after["id"], 1), (after["id"], 2)]
        assert (await nats.jetstream().consumer_info("REFERRALS", "bptsp")).ack_floor == bptsp.ack_floor
        for since in (datetime.now(UTC) + timedelta(days=1), datetime.now()):
            with pytest.raises(CommandRefused):
                await koperasi.replay(since)
    finally:
        await koperasi.stop()


async def test_only_an_operator_sets_an_agencys_cursor_back_over_http(referrals: Running, nats: Client) -> None:
    body, path = {"since": (datetime.now(UTC) - timedelta(days=30)).isoformat()}, "/directory/agencies/{}/replay"
    async with referrals.client("desk_officer", agency="koperasi") as desk:
        assert (await desk.post(path.format("koperasi"), json=body)).status_code == 403
    assert "problem" in await command(nats, "agency.replay", agency="bptsp", **body)
    async with referrals.client("operator") as operator:
        assert (await operator.post(path.format("koperasi"), json=body)).json()["facts"] > 0
        assert (await operator.post(path.format("nobody"), json=body)).json()["type"].endswith("no-consumer")


async def _is_refused(nats: Client, name: str, request: dict[str, Any]) -> bool:
    answer = await command(nats, name, **request)
    return str(answer.get("problem", {}).get("type")).endswith("agency-not-connected")


async def _is_gone(nats: Client) -> bool:
    return not await durable_exists(nats, "REFERRALS", "koperasi")


async def _is_taken(nats: Client, request: dict[str, Any]) -> bool:
    answer = await command(nats, "referral.acknowledge", **request)
    return answer.get("state") == "received"


async def _has(heard: list[Any], one: Any) -> bool:
    return one in heard


async def _lies_there(nats: Client, referral_id: str) -> bool:
    last = await nats.jetstream().get_last_msg("REFERRALS", "sinergi.referral.requested.v1.koperasi")
    return referral_id in (last.data or b"").decode()
