"""What these tests share: another process as the launcher, something to remember, a connection."""

import subprocess
import sys
import time
from collections.abc import Callable

import asyncpg
import nats
from nats.aio.client import Client

from sinergi_operator.servers import NatsServer, PostgresServer

AGENCIES = ["koperasi", "bptsp"]
SERVICES = ["registry", "cases", "referrals", "notify", "console"]
PASSWORDS = {service: f"of {service}'s own" for service in SERVICES}


def wait_for(condition: Callable[[], bool], seconds: float = 15) -> bool:
    deadline = time.monotonic() + seconds
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.05)
    return condition()


def launcher(body: str) -> "subprocess.Popen[bytes]":
    """Another Python process as the launcher; `body` sees `Path`, the servers and `Process`."""
    head = "import time\nfrom pathlib import Path\nfrom sinergi_operator.servers import *\n"
    return subprocess.Popen([sys.executable, "-c", f"{head}{body}"], stdout=subprocess.PIPE)


async def remember(postgres: PostgresServer, number: int) -> None:
    connection = await asyncpg.connect(postgres.admin_url)
    await connection.execute("CREATE TABLE IF NOT EXISTS kept (number int)")
    await connection.execute("INSERT INTO kept VALUES ($1)", number)
    await connection.close()


async def remembered(postgres: PostgresServer) -> list[int]:
    connection = await asyncpg.connect(postgres.admin_url)
    rows = await connection.fetch("SELECT number FROM kept ORDER BY number")
    await connection.close()
    return [row["number"] for row in rows]


async def connect(server: NatsServer, user: str, errors: list[Exception] | None = None) -> Client:
    async def note(error: Exception) -> None:
        if errors is not None:
            errors.append(error)

    return await nats.connect(server.url, nkeys_seed=str(server.seed_file(user)), error_cb=note)
