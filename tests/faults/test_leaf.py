"""An agency's own nats-server, a leaf: its line is cut, and everything comes over afterwards, in order, once."""

import asyncio
import os
import shutil
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import nats as nats_py
import pytest
from nats.aio.client import Client
from nats.js.errors import NotFoundError

from sinergi import Agency, ReferralRequested
from sinergi.provision import declare_stream, durable_exists
from sinergi.settings import Settings
from sinergi_operator.accounts import Embedded
from sinergi_operator.keys import public_key
from sinergi_operator.processes import Process, kept_port
from sinergi_operator.servers import NatsServer
from sinergi_operator.wheels import nats_binary
from tests.attacks.attacker import requested
from tests.harness.stack import Facts, eventually

LEAF = Path(__file__).parents[2] / "deploy" / "agency" / "leaf"
AGENCIES = ["koperasi", "bptsp"]


@dataclass
class Line:
    """The line between the two servers: it can be cut."""

    port: int
    to: int
    _open: set[asyncio.StreamWriter] = field(default_factory=set)
    _server: asyncio.Server | None = None

    async def mend(self) -> None:
        self._server = await asyncio.start_server(self._join, "127.0.0.1", self.port)

    async def cut(self) -> None:
        """At once: what is on the way is lost."""
        assert self._server
        self._server.close()
        for writer in list(self._open):
            writer.transport.abort()
        self._open.clear()

    async def _join(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self.to)
        self._open |= {writer, far_writer}
        if not self._server or not self._server.is_serving():  # cut meanwhile
            await self.cut()
        await asyncio.gather(_pump(reader, far_writer), _pump(far_reader, writer))


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while data := await reader.read(4096):
            writer.write(data)
            await writer.drain()
    except OSError:
        pass
    writer.close()


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="sinergi-leaf-"))
    yield folder
    shutil.rmtree(folder)


@pytest.fixture(scope="module")
async def hub(folder: Path, run_service: Any) -> AsyncIterator[NatsServer]:
    """Sinergi's server, where leaves may connect, and the service referrals, which knows koperasi."""
    server = NatsServer(folder / "hub", AGENCIES, leaf_port=kept_port(folder / "leaf_port"))
    server.start()
    operator = await _connect(server.url, server.seed_file("operator"))
    await declare_stream(operator, "CASES", Settings(database_url="postgresql://not-used"))
    keys = {"SINERGI_NATS_URL": server.url, "SINERGI_NATS_SEED_FILE": str(server.seed_file("referrals"))}
    async with run_service("referrals", **keys) as referrals:
        async with referrals.client("operator") as office:
            for code in AGENCIES:
                entry = {"name": code, "kind": "opd", "connected": True}
                (await office.put(f"/directory/agencies/{code}", json=entry)).raise_for_status()
        await eventually(lambda: durable_exists(operator, "REFERRALS", "koperasi"))
        yield server
    await operator.close()
    server.stop()


@pytest.fixture(scope="module")
async def line(folder: Path, hub: NatsServer) -> AsyncIterator[Line]:
    line = Line(kept_port(folder / "line"), hub.leaf_port or 0)
    await line.mend()
    yield line
    await line.cut()


@asynccontextmanager
async def leaf_of(folder: Path, hub: NatsServer, line: Line) -> AsyncIterator[str]:
    """koperasi's own server and its bridge, as deploy/agency/leaf has them; gives the server's address."""
    seed, port = hub.seed_file("koperasi"), kept_port(folder / "koperasi_port")
    config = (LEAF / "nats.conf").read_text().replace("127.0.0.1:4222", f"127.0.0.1:{port}")
    (folder / "leaf.conf").write_text(config.replace("/var/lib/koperasi/nats", str(folder / "leaf")))
    told = {
        "KOPERASI_SEED": seed.read_text().strip(),
        "KOPERASI_PUBLIC_KEY": public_key(seed),
        "SINERGI_LEAF_URL": f"nats-leaf://127.0.0.1:{line.port}",
    }
    server = Process(
        "leaf", [nats_binary(), "-c", folder / "leaf.conf"], log=folder / "leaf.log", env=os.environ | told
    )
    keys = {"SINERGI_NATS_URL": f"nats://127.0.0.1:{port}", "SINERGI_NATS_SEED_FILE": str(seed)}
    bridge = Process("bridge", [sys.executable, LEAF / "bridge.py"], log=folder / "bridge.log", env=os.environ | keys)
    server.start()
    await eventually(lambda: _opens(keys["SINERGI_NATS_URL"], seed))
    bridge.start()
    try:
        yield keys["SINERGI_NATS_URL"]
    finally:
        bridge.terminate()
        server.terminate()


async def test_a_leaf_gets_what_was_told_while_its_line_was_cut_in_order_once_and_nothing_of_others(
    folder: Path, hub: NatsServer, line: Line
) -> None:
    operator = await _connect(hub.url, hub.seed_file("operator"))
    async with leaf_of(folder, hub, line) as url:
        leaf = await _connect(url, hub.seed_file("koperasi"))
        told = await _tell(operator, 20)
        await eventually(lambda: _has(leaf, told))
        for _ in range(3):  # in the middle of what is told
            telling = asyncio.create_task(_tell(operator, 150))
            await eventually(partial(_has_more, leaf, len(told)))
            await line.cut()
            told += await telling
            await line.mend()
        await eventually(lambda: _has(leaf, told), timeout=60)
        await line.cut()
        told += await _tell(operator, 200)
        assert await _count(leaf) == len(told) - 200
        await line.mend()
        await eventually(lambda: _has(leaf, told), timeout=60)
        assert await _held(leaf) == told
        await leaf.close()
    await operator.close()


async def test_a_plug_in_reads_its_own_leaf_its_commands_cross_the_line_and_a_new_key_cuts_it_off(
    folder: Path, hub: NatsServer, line: Line, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SINERGI_JS_PREFIX", "$JS.API")
    async with leaf_of(folder, hub, line) as url:
        seed, heard = hub.seed_file("koperasi"), []
        operator, leaf = await _connect(hub.url, hub.seed_file("operator")), await _connect(url, seed)
        plug_in = Agency("koperasi", url, seed)

        @plug_in.on(ReferralRequested)
        async def hear(referral: ReferralRequested) -> None:
            heard.append(referral.referral_id)

        await plug_in.start()
        told = await _tell(operator, 5)
        await eventually(lambda: _heard(heard, told[-1]))
        assert heard == await _held(leaf)
        await eventually(lambda: _core_answers(leaf))
        assert await _crosses(leaf, "SIN.API.CONSUMER.INFO.REFERRALS.me")
        Embedded(hub.state, AGENCIES).renew("koperasi")
        await eventually(lambda: _cut_off(leaf), timeout=2)
        assert not await _core_answers(leaf)
        for one in (plug_in.stop, leaf.close, operator.close):
            await one()


async def _tell(operator: Client, count: int) -> list[str]:
    """So many facts to koperasi, and one to bptsp after each; returns koperasi's."""
    told = []
    for _ in range(count):
        for agency in AGENCIES:
            fact = requested(agency)
            await Facts(operator).publish(fact, fact.referral_id, 1, audience=agency)
            told += [fact.referral_id] if agency == "koperasi" else []
    return told


async def _held(leaf: Client) -> list[str]:
    """The referrals whose facts lie in the leaf's own stream, in its order."""
    stream, held = leaf.jetstream(), []
    state = (await stream.stream_info("REFERRALS")).state
    for place in range(state.first_seq, state.last_seq + 1):
        message = await stream.get_msg("REFERRALS", place)
        assert (message.subject or "").endswith(".koperasi")
        held.append(str((message.headers or {})["ce-partitionkey"]))
    return held


async def _has(leaf: Client, told: list[str]) -> bool:
    return await _count(leaf) >= len(told)


async def _has_more(leaf: Client, count: int) -> bool:
    return await _count(leaf) > count + 10


async def _count(leaf: Client) -> int:
    try:
        return (await leaf.jetstream().stream_info("REFERRALS")).state.messages
    except NotFoundError:  # the bridge is not there yet
        return 0


async def _connect(url: str, seed: Path) -> Client:
    return await nats_py.connect(url, nkeys_seed=str(seed), max_reconnect_attempts=-1)


async def _opens(url: str, seed: Path) -> bool:
    try:
        await (await nats_py.connect(url, nkeys_seed=str(seed), allow_reconnect=False)).close()
    except (OSError, nats_py.errors.Error):
        return False
    return True


async def _heard(heard: list[str], one: str) -> bool:
    return one in heard


async def _crosses(leaf: Client, subject: str) -> bool:
    """Whether somebody beyond the line answers."""
    try:
        await leaf.request(subject, b"{}", timeout=0.3)
    except (nats_py.errors.Error, TimeoutError):
        return False
    return True


async def _core_answers(leaf: Client) -> bool:
    return await _crosses(leaf, "sinergi.cmd.referral.accept")


async def _cut_off(leaf: Client) -> bool:
    return not await _crosses(leaf, "SIN.API.CONSUMER.INFO.REFERRALS.me")
