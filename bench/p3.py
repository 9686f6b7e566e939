"""P3, HTTP: `POST /referrals` of the real service, requests/s, against a bare route that inserts the same rows."""

import asyncio
import json
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

from bench.outcome import Outcome, compare, show
from bench.stage import AGENCY, Stage
from bench.worker import NotMeasuredError, Talk, Worker
from sinergi_operator.processes import Process, free_port
from tests.harness.issuer import Issuer

CONNECTIONS = 16
SECONDS = 5.0
ROUNDS = 3
GOAL = 0.40
ROOT = Path(__file__).parent.parent
SERVICE = {
    "agency": AGENCY,
    "desk": "pembinaan",
    "name": "Pembinaan KUBE",
    "purpose": "coaching",
    "fields": ["name", "phone"],
    "areas": ["31"],
    "acknowledge_hours": 24,
    "decide_hours": 72,
    "finish_hours": 720,
}


async def load(talk: Talk, port: int, token: str, seconds: float) -> None:
    """For each word heard: 16 keep-alive connections send distinct referrals; tells how many were answered 201."""
    head = (
        f"POST /referrals HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nAuthorization: Bearer {token}\r\n"
        "Content-Type: application/json\r\nContent-Length: {length}\r\n\r\n"
    )
    talk.tell("ready")
    while True:
        await talk.hear()
        connections = [await asyncio.open_connection("127.0.0.1", port) for _ in range(CONNECTIONS)]
        until = time.monotonic() + seconds
        talk.tell(sum(await asyncio.gather(*(_post(*one, head, until) for one in connections))))
        for _, writer in connections:
            writer.close()


async def _post(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, head: str, until: float) -> int:
    """One connection's requests, one after the other."""
    done = 0
    while time.monotonic() < until:
        body = json.dumps(referral()).encode()
        writer.write(head.replace("{length}", str(len(body))).encode() + body)
        answer = await reader.readuntil(b"\r\n\r\n")
        length = next(line for line in answer.lower().split(b"\r\n") if line.startswith(b"content-length:"))
        text = await reader.readexactly(int(length.split(b":")[1]))
        if not answer.startswith(b"HTTP/1.1 201"):
            raise RuntimeError(f"{answer.splitlines()[0].decode()}: {text.decode()}")
        done += 1
    return done


def referral() -> dict[str, Any]:
    """A request to send a referral, for a client that has none."""
    return {
        "service": "kop-pembinaan",
        "client_kind": "group",
        "client_id": str(uuid4()),
        "area": "31.74.05.1001",
        "reason": "needs-coaching",
        "legal_basis": "UU 13/2011",
        "priority": "routine",
        "documents": ["proposal", "ktp-ketua"],
        "case_id": str(uuid4()),
        "step_id": str(uuid4()),
    }


def run(stage: Stage) -> Outcome:
    """Bare, ours, bare, ours …: requests a second."""
    show(f"P3: POST /referrals on {CONNECTIONS} connections, {ROUNDS} rounds of {SECONDS:.0f} s")
    stage.provision()
    rates: dict[str, list[float]] = {"bare": [], "ours": []}
    with ExitStack() as processes:
        issuer = processes.enter_context(closing(Issuer()))
        token = issuer.token(sinergi_area="31", exp=int(time.time()) + 3600)
        ports = {"ours": _start_ours(stage, issuer, processes), "bare": _start_bare(stage, processes)}
        sides = {side: _loaded(processes, ports[side], token) for side in ("bare", "ours")}
        for number in range(ROUNDS):
            for side, requests in sides.items():
                rates[side].append(requests() / SECONDS)
                _wait_until_sent(stage)
                show(f"  round {number + 1}, {side}: {rates[side][-1]:,.0f} requests/s")
    ratio = compare(rates["bare"], rates["ours"], "requests/s")
    return Outcome("P3", ratio, GOAL, figures={"requests_per_second": rates})


def _wait_until_sent(stage: Stage) -> None:
    """What the relay has still to carry must not slow down the next round."""
    until = time.monotonic() + 60
    while stage.value("referrals", "SELECT count(*) FROM outbox WHERE published_at IS NULL"):
        if time.monotonic() > until:
            raise NotMeasuredError("the relay did not empty the outbox")
        time.sleep(0.1)


def _loaded(processes: ExitStack, port: int, token: str) -> Callable[[], int]:
    worker = processes.enter_context(Worker(load, port, token, SECONDS))
    worker.hear()

    def requests() -> int:
        worker.tell("go")
        return int(worker.hear())

    return requests


def _start_ours(stage: Stage, issuer: Issuer, processes: ExitStack) -> int:
    """services/referrals as its own main.py runs it, with the directory filled."""
    port = free_port()
    environment = stage.environment("referrals", SINERGI_PORT=str(port), SINERGI_ISSUER=issuer.url)
    processes.enter_context(_running(stage, "services.referrals.main", port, environment, "/readyz"))
    token = issuer.token(sub="operator", sinergi_role="operator")
    agency = {"name": "Dinas Koperasi", "kind": "opd", "connected": True}
    _put(port, f"/directory/agencies/{AGENCY}", agency, token)
    _put(port, "/directory/services/kop-pembinaan", SERVICE, token)
    return port


def _start_bare(stage: Stage, processes: ExitStack) -> int:
    """The bare route, on the same tables in a schema of its own, so that no relay carries its rows."""
    port = free_port()
    environment = stage.environment("cases", BENCH_PORT=str(port))
    migration = [sys.executable, "-m", "services.referrals.main", "migrate"]
    subprocess.run(migration, cwd=ROOT, env=environment, check=True, timeout=60)
    processes.enter_context(_running(stage, "bench.bare_http", port, environment, "/healthz"))
    return port


@contextmanager
def _running(stage: Stage, module: str, port: int, environment: dict[str, str], path: str) -> Iterator[None]:
    log = stage.folder / "logs" / f"{module}.log"
    process = Process(module, [sys.executable, "-m", module], log=log, env=environment, cwd=ROOT)
    process.start()
    try:
        process.wait_until(lambda: _answers(f"http://127.0.0.1:{port}{path}"), 60)
        yield
    finally:
        process.stop()


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=2) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


def _put(port: int, path: str, body: dict[str, Any], token: str) -> None:
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    url = f"http://127.0.0.1:{port}{path}"
    request = urllib.request.Request(url, json.dumps(body).encode(), headers, method="PUT")
    try:
        urllib.request.urlopen(request, timeout=10).close()
    except urllib.error.HTTPError as wrong:
        raise NotMeasuredError(f"{path}: {wrong.read().decode()}") from wrong
