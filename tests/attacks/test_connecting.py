"""Somebody wants in without a key, or as somebody else; or takes more connections than an agency needs."""

import json
import socket
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import nats as nats_py
import pytest
from nats.aio.client import Client
from nats.aio.msg import Msg

from sinergi_operator.keys import ensure_keys
from sinergi_operator.nats_config import AGENCY_CONNECTIONS, AGENCY_PAYLOAD_BYTES
from tests.attacks.attacker import ask, listening
from tests.harness.stack import Stack, eventually

REFUSED = "-ERR 'Authorization Violation'"


def greet(url: str, **options: Any) -> str:
    """What the server says to this CONNECT, written by hand."""
    where = urlsplit(url)
    with socket.create_connection((where.hostname, where.port), timeout=5) as connection:
        lines = connection.makefile("rb")
        lines.readline()
        hello = {"verbose": False, "pedantic": False, "protocol": 1, "lang": "x", "version": "1"} | options
        connection.sendall(f"CONNECT {json.dumps(hello)}\r\nPING\r\n".encode())
        return lines.readline().decode().strip()


def public_key(stack: Stack, user: str) -> str:
    """The public key of a user; anybody may know it."""
    return ensure_keys(stack.backend.seed_file(user).parent, [user])[user]


async def test_an_agency_with_its_key_comes_in(koperasi: Client) -> None:
    assert (await ask(koperasi, "$SYS.REQ.USER.INFO"))["data"]["account"] == "koperasi"


async def test_nobody_comes_in_without_a_key(stack: Stack) -> None:
    assert greet(stack.backend.nats_url) == REFUSED


async def test_a_key_that_nobody_gave_opens_nothing(stack: Stack, tmp_path: Path) -> None:
    ensure_keys(tmp_path, ["stranger"])
    with pytest.raises(nats_py.errors.Error):
        await nats_py.connect(stack.backend.nats_url, nkeys_seed=str(tmp_path / "stranger.nk"), allow_reconnect=False)


@pytest.mark.parametrize("user", ["bptsp", "operator", "referrals"])
async def test_a_public_key_without_its_signature_opens_nothing(stack: Stack, user: str) -> None:
    key = public_key(stack, user)
    assert greet(stack.backend.nats_url, nkey=key) == REFUSED
    assert greet(stack.backend.nats_url, nkey=key, sig="A" * 86) == REFUSED


@pytest.mark.parametrize(
    "options",
    [
        {"user": "operator", "pass": ""},
        {"user": "koperasi", "pass": "koperasi"},
        {"auth_token": "operator"},
        {"account": "SINERGI"},
        {"account": "SINERGI", "new_account": True},
        {"jwt": "e30.e30.e30"},
    ],
    ids=lambda options: "-".join(options),
)
async def test_no_other_way_to_sign_in_is_open(stack: Stack, options: dict[str, Any]) -> None:
    assert greet(stack.backend.nats_url, **options) == REFUSED


async def test_an_agency_that_takes_all_its_connections_leaves_others_theirs(stack: Stack, bptsp: Client) -> None:
    taken = [await _connect(stack, "koperasi") for _ in range(AGENCY_CONNECTIONS)]
    with pytest.raises(nats_py.errors.Error, match="maximum account active connections"):
        await _connect(stack, "koperasi")
    other = await _connect(stack, "bptsp")
    assert (await ask(bptsp, "$SYS.REQ.USER.INFO"))["data"]["account"] == "bptsp"
    for connection in (*taken, other):
        await connection.close()


async def test_a_body_larger_than_any_command_is_refused(stack: Stack, nats: Client) -> None:
    attacker, largest = await _connect(stack, "koperasi"), b"x" * AGENCY_PAYLOAD_BYTES
    async with listening(nats, "sinergi.cmd.koperasi.>") as heard:
        await attacker.publish("sinergi.cmd.largest", largest)
        await eventually(lambda: _any(heard.messages), what="the largest body did not arrive")
        await attacker.publish("sinergi.cmd.larger", largest + b"x")
        await eventually(lambda: _let_go(attacker), what="who sent too much stays connected")
    await attacker.close()
    assert [message.subject for message in heard.messages] == ["sinergi.cmd.koperasi.largest"]


async def _any(messages: list[Msg]) -> bool:
    return bool(messages)


async def _let_go(attacker: Client) -> bool:
    return attacker.is_closed


async def _connect(stack: Stack, user: str) -> Client:
    seed = str(stack.backend.seed_file(user))
    return await nats_py.connect(stack.backend.nats_url, nkeys_seed=seed, allow_reconnect=False)
