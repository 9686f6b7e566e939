"""The embedded nats-server, really started, with an account for each agency."""

from pathlib import Path

import nats
import pytest
from nats.aio.msg import Msg
from nats.js.api import AckPolicy, ConsumerConfig

from sinergi_operator.keys import ensure_keys
from sinergi_operator.nats_config import CORE_USERS, render
from sinergi_operator.processes import (
    find_running,
)
from sinergi_operator.servers import NatsServer
from tests.harness.stack import eventually
from tests.operator.launching import AGENCIES, connect


async def test_nats_killed_keeps_port_and_acknowledged_messages(nats_server: NatsServer) -> None:
    url = nats_server.url
    core = await connect(nats_server, "operator")
    await core.jetstream().add_stream(name="REFERRALS", subjects=["sinergi.referral.>"])
    for number in range(20):
        await core.jetstream().publish("sinergi.referral.requested.v1.core", b"%d" % number)
    await core.close()
    nats_server.kill()
    assert not nats_server.alive
    nats_server.start()
    core = await connect(nats_server, "operator")
    info = await core.jetstream().stream_info("REFERRALS")
    await core.close()
    assert (nats_server.url, info.state.messages) == (url, 20)


async def test_nats_keeps_its_port_over_a_restart_of_the_whole_system(nats_server: NatsServer) -> None:
    nats_server.stop()
    again = NatsServer(nats_server.state, AGENCIES)
    again.start()
    assert again.url == nats_server.url
    again.stop()
    assert find_running("nats-server", str(nats_server.state)) == []


async def test_an_agency_pulls_its_own_messages_and_nobody_elses(nats_server: NatsServer) -> None:
    core, agency = await connect(nats_server, "referrals"), await connect(nats_server, "koperasi")
    jetstream = core.jetstream()
    await jetstream.add_stream(name="REFERRALS", subjects=["sinergi.referral.>"])
    for code in AGENCIES:
        config = ConsumerConfig(
            durable_name=code, filter_subject=f"sinergi.*.*.*.{code}", ack_policy=AckPolicy.EXPLICIT
        )
        await jetstream.add_consumer("REFERRALS", config)
        await jetstream.publish(f"sinergi.referral.requested.v1.{code}", code.encode())
    pull = await agency.jetstream(prefix="SIN.API").pull_subscribe_bind(durable="me", stream="REFERRALS")
    messages = await pull.fetch(10, timeout=1)
    await messages[0].ack_sync()
    assert [message.data for message in messages] == [b"koperasi"]
    left = {code: (await jetstream.consumer_info("REFERRALS", code)).num_pending for code in AGENCIES}
    acked = (await jetstream.consumer_info("REFERRALS", "koperasi")).ack_floor.consumer_seq
    assert (left, acked) == ({"koperasi": 0, "bptsp": 1}, 1)
    await agency.close()
    await core.close()


async def test_the_core_reads_the_commanding_agency_from_the_third_token(nats_server: NatsServer) -> None:
    core, agency = await connect(nats_server, "referrals"), await connect(nats_server, "koperasi")

    async def answer(message: Msg) -> None:
        await message.respond(message.subject.encode())

    await core.subscribe("sinergi.cmd.>", cb=answer)
    await core.flush()
    asked = {}
    for subject in ("sinergi.cmd.referral.accept", "sinergi.cmd.bptsp.referral.accept"):
        asked[subject] = (await agency.request(subject, b"", timeout=2)).data.decode().split(".")[2]
    assert set(asked.values()) == {"koperasi"}
    await agency.close()
    await core.close()


async def test_a_service_states_only_its_own_facts(nats_server: NatsServer) -> None:
    errors: list[Exception] = []
    registry, listener = await connect(nats_server, "registry", errors), await connect(nats_server, "console")
    heard: list[str] = []

    async def hear(message: Msg) -> None:
        heard.append(message.subject)

    await listener.subscribe("sinergi.>", cb=hear)
    await listener.flush()
    for subject in (
        "sinergi.referral.accepted.v1.core",
        "sinergi.cmd.bptsp.x",
        "sinergi.person.added.v1.core",
    ):
        await registry.publish(subject, b"")
    await registry.flush()

    async def all_came() -> bool:
        return bool(heard) and len(errors) == 2

    await eventually(all_came)
    assert heard == ["sinergi.person.added.v1.core"]
    await registry.close()
    await listener.close()


async def test_a_stranger_cannot_connect_to_nats(nats_server: NatsServer, folder: Path) -> None:
    ensure_keys(folder, ["stranger"])
    for key in ({}, {"nkeys_seed": str(folder / "stranger.nk")}):
        with pytest.raises((nats.errors.Error, TimeoutError)):
            await nats.connect(nats_server.url, allow_reconnect=False, connect_timeout=2, **key)


async def test_an_agency_added_by_reload_can_command_at_once(nats_server: NatsServer) -> None:
    core = await connect(nats_server, "referrals")

    async def answer(message: Msg) -> None:
        await message.respond(message.subject.encode())

    await core.subscribe("sinergi.cmd.>", cb=answer)
    await core.flush()
    nats_server.reload([*AGENCIES, "bank-dki"])
    bank = await connect(nats_server, "bank-dki")
    reply = await bank.request("sinergi.cmd.referral.accept", b"", timeout=2)
    assert reply.data == b"sinergi.cmd.bank-dki.referral.accept"
    await bank.close()
    await core.close()


@pytest.mark.parametrize("code", ["x", "Koperasi", "a.b", "*", "much-too-long", "registry", "core", "kop erasi", ""])
def test_a_code_that_is_no_agency_code_is_refused(code: str) -> None:
    keys = dict.fromkeys([*CORE_USERS, code], "U")
    with pytest.raises(ValueError, match="agency code"):
        render(keys, [code], port=1, store_dir=Path("/nowhere"))
