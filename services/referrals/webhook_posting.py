"""One POST to an agency's server: bounded in time and bytes, without redirects, proxies or cookies.

httpcore2 is used as it is, below httpx2: it follows nothing and reads no environment, and takes the network from us.
"""

import asyncio
import socket
import ssl
import time
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import httpcore2

from services.referrals.webhook_border import AddressNotAllowed, Border, Target

#: from the resolving of the name to the last byte of the answer
SECONDS = 10.0
#: of an answer so much is read (and forgotten), so that the connection can be used again
ANSWER_BYTES = 64 * 1024
KEPT_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class Posted:
    """What became of a POST: the server's status, or the problem that there was before one."""

    status: int | None
    problem: str | None
    ms: int

    @property
    def is_taken(self) -> bool:
        """The server has it."""
        return self.status is not None and 200 <= self.status < 300

    @property
    def is_refused(self) -> bool:
        """The server is there and does not want this one: trying again will hardly help, and others may pass."""
        return self.status is not None and 300 <= self.status < 500 and self.status not in (408, 425, 429)


class SystemResolver:
    """Resolves by the operating system, in threads of its own: a name server that hangs holds up only these."""

    def __init__(self, threads: int) -> None:
        self._threads = ThreadPoolExecutor(threads, "resolve")

    async def __call__(self, host: str, port: int) -> list[str]:
        """The addresses of a name."""
        loop = asyncio.get_running_loop()
        ask = partial(socket.getaddrinfo, host, port, type=socket.SOCK_STREAM)
        found = await loop.run_in_executor(self._threads, ask)
        return list(dict.fromkeys(str(entry[4][0]) for entry in found))


class PinnedNetwork(httpcore2.AsyncNetworkBackend):
    """Connects to the addresses that the border has looked at; TLS and `Host` still name the server."""

    def __init__(self, border: Border) -> None:
        self._border, self._network = border, httpcore2.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore2.AsyncNetworkStream:
        """A connection to the first of the name's addresses that takes one."""
        failed: Exception = httpcore2.ConnectError()
        for address in await self._border.addresses(host, port):
            try:
                return await self._network.connect_tcp(address, port, timeout, local_address, socket_options)
            except (httpcore2.ConnectError, httpcore2.ConnectTimeout) as wrong:
                failed = wrong
        raise failed


class Posting:
    """A pool of connections to agencies' servers."""

    def __init__(self, border: Border, connections: int, ca_file: Path | None = None) -> None:
        trusted = httpcore2.default_ssl_context()
        if ca_file:
            trusted.load_verify_locations(ca_file)
        self._pool = httpcore2.AsyncConnectionPool(
            ssl_context=trusted,
            max_connections=connections,
            keepalive_expiry=KEPT_SECONDS,
            network_backend=PinnedNetwork(border),
        )

    async def post(self, target: Target, headers: Mapping[str, str], body: str) -> Posted:
        """Send, and say what became of it; no error comes out."""
        begun = time.monotonic()
        status, problem = None, None
        try:
            async with asyncio.timeout(SECONDS):
                status = await self._post(target, headers, body)
        except AddressNotAllowed:
            problem = "address-not-allowed"
        except (TimeoutError, httpcore2.TimeoutException):
            problem = "timeout"
        except (ssl.SSLError, httpcore2.NetworkError, httpcore2.ProtocolError, OSError, UnicodeError) as wrong:
            problem = "tls" if isinstance(wrong, ssl.SSLError) or _is_tls(wrong) else "connection"
        return Posted(status, problem, round((time.monotonic() - begun) * 1000))

    async def _post(self, target: Target, headers: Mapping[str, str], body: str) -> int:
        url = httpcore2.URL(scheme=target.scheme, host=target.host, port=target.port, target=target.path)
        async with self._pool.stream("POST", url, headers=list(headers.items()), content=body.encode()) as answer:
            came = 0
            async for chunk in answer.aiter_stream():
                came += len(chunk)
                if came > ANSWER_BYTES:
                    break
            return int(answer.status)

    async def close(self) -> None:
        """Close every connection."""
        await self._pool.aclose()


def _is_tls(wrong: BaseException) -> bool:
    return isinstance(wrong.__cause__, ssl.SSLError) or isinstance(wrong.__context__, ssl.SSLError)
