"""P12, webhooks: AGENCIES servers, and how long after its fact each of them has a delivery; then the same with one
that answers after SLOW_SECONDS and one that takes connections and never answers. The others must see no difference.

Counted from the fact's own time (told before its commit) to the last byte of the request at the agency's server.
"""

import asyncio
import json
import time
import urllib.request
from contextlib import ExitStack, closing
from datetime import UTC, datetime
from functools import partial
from statistics import median
from typing import Any
from uuid import uuid4

import httpx2 as httpx

from bench import bare
from bench.outcome import Outcome, percentile, show
from bench.p3 import SERVICE, _put, _running
from bench.stage import Stage
from bench.worker import NotMeasuredError, Talk, Worker
from sinergi_operator.processes import free_port
from tests.harness.issuer import Issuer

AGENCIES = 20
WELL = [f"agency-{number:02}" for number in range(1, AGENCIES - 1)]
SICK = ["agency-slow", "agency-dead"]
RATE = 15
COUNT = 100  # referrals in a round, to each agency in turn
ROUNDS = 3
SLOW_SECONDS = 3.0
GOAL = 1.25


class Servers:
    """The agencies' servers, on one port: `/<how>/<agency>`, `how` being well, slow or dead."""

    def __init__(self) -> None:
        self.seconds: list[float] = []

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection's requests, one after the other."""
        while head := await reader.readuntil(b"\r\n\r\n"):
            length = next(line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:"))
            body = await reader.readexactly(int(length.split(b":")[1]))
            how, agency = head.split(b" ", 2)[1].decode().strip("/").split("/")
            if agency in WELL:
                told = datetime.fromisoformat(json.loads(body)["time"])
                self.seconds.append((datetime.now(UTC) - told).total_seconds())
            await asyncio.sleep({"well": 0, "slow": SLOW_SECONDS, "dead": 3600}[how])
            writer.write(b"HTTP/1.1 204 No Content\r\n\r\n")


async def agencies(talk: Talk, port: int) -> None:
    """For each number heard: waits until so many deliveries came, and tells after how long each."""
    servers = Servers()
    async with await asyncio.start_server(partial(_serve, servers), "127.0.0.1", port):
        talk.tell("ready")
        while True:
            count = await talk.hear()
            async with asyncio.timeout(60):
                while len(servers.seconds) < count:
                    await asyncio.sleep(0.02)
            talk.tell(servers.seconds)
            servers.seconds = []


async def _serve(servers: Servers, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        await servers.serve(reader, writer)
    except (asyncio.IncompleteReadError, ConnectionError):
        writer.close()


async def send(talk: Talk, port: int, token: str) -> None:
    """For each word heard: sends COUNT referrals at RATE, and tells how many of them are for agencies that are well."""
    headers, every = {"Authorization": f"Bearer {token}"}, [*WELL, *SICK]
    talk.tell("ready")
    while True:
        await talk.hear()
        # a client for each round: between them a server ends idle connections
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", headers=headers, timeout=30) as http:

            async def one(number: int, http: httpx.AsyncClient = http) -> None:
                (await http.post("/referrals", json=_asked(every[number % len(every)]))).raise_for_status()

            await bare.steadily(one, COUNT, RATE)
        talk.tell(sum(every[number % len(every)] in WELL for number in range(COUNT)))


def _asked(agency: str) -> dict[str, Any]:
    about = {"client_kind": "group", "client_id": str(uuid4()), "area": "31.74.05.1001"}
    return about | {"service": f"of-{agency}", "reason": "needs-coaching", "legal_basis": "UU 13/2011"}


def run(stage: Stage) -> Outcome:
    """All well, two of them sick, all well …: p99 of the others."""
    show(f"P12: {AGENCIES} agencies' webhooks at {RATE} referrals/s, without and with sick ones")
    stage.provision()
    found: dict[str, list[list[float]]] = {"without": [], "with": []}
    with ExitStack() as processes:
        issuer = processes.enter_context(closing(Issuer()))
        there, operator = _start(stage, issuer, processes), issuer.token(sub="operator", sinergi_role="operator")
        port = free_port()
        servers = processes.enter_context(Worker(agencies, port))
        sender = processes.enter_context(
            Worker(send, there, issuer.token(sinergi_area="31", exp=int(time.time()) + 3600))
        )
        servers.hear(), sender.hear()
        for agency in WELL:
            _make(there, operator, agency, f"http://127.0.0.1:{port}/well/{agency}")
        _round(there, operator, port, "without", sender, servers)  # everybody has connected once
        for number in range(ROUNDS):
            for side, rounds in found.items():
                rounds.append(_round(there, operator, port, side, sender, servers))
                show(f"  round {number + 1}, {side}: {_said(rounds[-1])}")
    p99 = {side: median(percentile(one, 99) for one in rounds) for side, rounds in found.items()}
    p50 = {side: median(percentile(one, 50) for one in rounds) for side, rounds in found.items()}
    show(f"  median p99: without {p99['without']:.0f} ms, with {p99['with']:.0f} ms")
    figures = {f"{side}_p{at}_ms": round(ms[side], 1) for side in found for at, ms in ((50, p50), (99, p99))}
    return Outcome("P12", p99["with"] / p99["without"], GOAL, at_most=True, figures=figures)


def _round(there: int, token: str, port: int, side: str, sender: Worker, servers: Worker) -> list[float]:
    """After how many milliseconds each of the well had its delivery."""
    how = {"without": ("well", "well"), "with": ("slow", "dead")}[side]
    sick = [
        _make(there, token, agency, f"http://127.0.0.1:{port}/{one}/{agency}")
        for agency, one in zip(SICK, how, strict=True)
    ]
    sender.tell("go")
    servers.tell(sender.hear())
    seconds = servers.hear()
    for one in sick:
        _remove(there, token, one)
    return [1000 * one for one in seconds]


def _start(stage: Stage, issuer: Issuer, processes: ExitStack) -> int:
    """services/referrals as its own main.py runs it, with a service of each agency."""
    port = free_port()
    more = {"SINERGI_PORT": str(port), "SINERGI_ISSUER": issuer.url, "SINERGI_WEBHOOK_LOOPBACK": "true"}
    environment = stage.environment("referrals", **more)
    processes.enter_context(_running(stage, "services.referrals.main", port, environment, "/readyz"))
    token = issuer.token(sub="operator", sinergi_role="operator")
    for agency in (*WELL, *SICK):
        _put(port, f"/directory/agencies/{agency}", {"name": agency, "kind": "opd"}, token)
        _put(port, f"/directory/services/of-{agency}", SERVICE | {"agency": agency}, token)
    return port


def _make(port: int, token: str, agency: str, url: str) -> dict[str, Any]:
    events = ["referral.requested.v1"]
    return _post(port, token, "/webhooks", {"agency": agency, "url": url, "events": events})


def _remove(port: int, token: str, made: dict[str, Any]) -> None:
    _post(port, token, f"/webhooks/{made['id']}/remove", {"expected_version": made["version"]})


def _post(port: int, token: str, path: str, body: dict[str, Any]) -> dict[str, Any]:
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    request = urllib.request.Request(f"http://127.0.0.1:{port}{path}", json.dumps(body).encode(), headers)
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            found: dict[str, Any] = json.load(answer)
            return found
    except OSError as wrong:
        raise NotMeasuredError(f"{path}: {wrong}") from wrong


def _said(times: list[float]) -> str:
    return f"p50 {percentile(times, 50):.0f} ms, p99 {percentile(times, 99):.0f} ms, {len(times)} deliveries"
