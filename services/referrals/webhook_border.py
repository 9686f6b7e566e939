"""Where a webhook may lead: to public servers over https, never into our own network (server-side request forgery).

A URL is read by one strict pattern, and what is sent to are the very parts that it read. At each connection the name is
resolved here, every address is looked at, and the connection goes to an address that was looked at: a name that
resolves otherwise a moment later (DNS rebinding) gains nothing. Ranges: IANA's special-purpose registries (RFC 6890),
and what clouds answer on for their own machines.
"""

import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import ClassVar

from sinergi.problems import Refused

#: name and port -> its addresses
Resolver = Callable[[str, int], Awaitable[list[str]]]

#: letters, digits, dots and hyphens, or an address in brackets: no user, no fragment, nothing encoded
_URL = re.compile(
    r"(?P<scheme>https?)://(?P<host>[a-z0-9.-]{1,253}|\[[0-9a-f:.]{2,45}\])(?::(?P<port>[0-9]{1,5}))?(?P<path>/[!-\"$-~]*)?"
)
#: a name's last label begins with a letter, so that `127.1`, `0x7f.1` and `2130706433` are no names
_NAME = re.compile(r"([a-z0-9_]([a-z0-9-]*[a-z0-9])?\.)+[a-z][a-z0-9-]*")
#: what passes for global and is not: ways to write an IPv4 address in IPv6, and Azure's address for its machines
_NEVER = [
    ip_network(one)
    for one in (
        "::/96",
        "::ffff:0:0/96",
        "64:ff9b::/96",
        "64:ff9b:1::/48",
        "2001::/32",
        "2002::/16",
        "168.63.129.16/32",
    )
]


class AddressNotAllowed(Exception):
    """The name leads to an address that we never send to."""


@dataclass(frozen=True, slots=True)
class Target:
    """A URL's parts, as they are connected to."""

    scheme: str
    host: str
    port: int
    path: str


@dataclass(frozen=True, slots=True)
class Border:
    """What an installation lets webhooks reach."""

    resolver: Resolver
    ports: frozenset[int] = field(default_factory=frozenset)
    loopback: bool = False

    _current: ClassVar["Border | None"] = None

    def target(self, url: str) -> Target:
        """The URL's parts. Refused: `webhook-url-not-allowed`."""
        read = _URL.fullmatch(url)
        if read is None:
            raise _refused("Write it as https://name/path, in small letters, without user or fragment.")
        target = Target(
            read["scheme"],
            read["host"].strip("[]"),
            int(read["port"] or {"https": 443, "http": 80}[read["scheme"]]),
            read["path"] or "/",
        )
        if not (self.loopback and _is_here(target.host)):
            self._must_be_outside(target)
        return target

    def _must_be_outside(self, target: Target) -> None:
        if target.scheme != "https":
            raise _refused("It must be https.")
        if target.port not in self.ports:
            raise _refused(f"Its port must be one of {', '.join(map(str, sorted(self.ports)))}.")
        address = _address(target.host)
        if not (is_public(address) if address else _NAME.fullmatch(target.host)):
            raise _refused("It must lead to a public server.")

    async def addresses(self, host: str, port: int) -> list[str]:
        """The name's addresses, each looked at. `AddressNotAllowed` if one of them is none that we send to."""
        found = [ip_address(one) for one in await self.resolver(host, port)]
        if not found or not all(is_public(one) or (self.loopback and one.is_loopback) for one in found):
            raise AddressNotAllowed
        return [str(one) for one in found]

    def use(self) -> None:
        """Make this the border of this process."""
        Border._current = self

    @classmethod
    def current(cls) -> "Border":
        """The border of this process."""
        if cls._current is None:
            raise LookupError("no border is in use: Border(…).use() at start")
        return cls._current


def is_public(address: IPv4Address | IPv6Address) -> bool:
    """Whether the address is somebody's on the internet: not private, loopback, link-local, multicast, a cloud's."""
    odd = address.is_multicast or address.is_reserved or any(address in network for network in _NEVER)
    return address.is_global and not odd


def _is_here(host: str) -> bool:
    address = _address(host)
    return host == "localhost" or host.endswith(".localhost") or bool(address and address.is_loopback)


def _address(host: str) -> IPv4Address | IPv6Address | None:
    try:
        return ip_address(host)
    except ValueError:
        return None


def _refused(why: str) -> Refused:
    return Refused("webhook-url-not-allowed", f"A webhook cannot lead there. {why}")
