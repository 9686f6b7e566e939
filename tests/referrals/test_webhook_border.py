"""Where webhooks may lead: never into our own network, whatever a URL looks like and whatever its name resolves to."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from services.referrals.webhook_border import AddressNotAllowed, Border, Target
from services.referrals.webhook_posting import Posted, Posting
from sinergi.problems import Refused
from sinergi_operator.processes import free_port

PORTS = frozenset({443, 8443})

ALLOWED = [
    ("https://agency.example/hooks?desk=1", ("https", "agency.example", 443, "/hooks?desk=1")),
    ("https://agency.example", ("https", "agency.example", 443, "/")),
    ("https://agency.example:8443/", ("https", "agency.example", 8443, "/")),
    ("https://8.8.8.8/", ("https", "8.8.8.8", 443, "/")),
    ("https://[2606:4700:4700::1111]/", ("https", "2606:4700:4700::1111", 443, "/")),
]
HOSTILE = {
    "not https": ["http://agency.example/", "ftp://agency.example/", "file:///etc/passwd", "//agency.example/", ""],
    "private": ["https://10.0.0.1/", "https://172.16.0.1/", "https://192.168.1.1/", "https://100.64.0.1/"],
    "this machine": ["https://127.0.0.1/", "https://0.0.0.0/", "https://[::1]/", "https://[::]/", "https://localhost/"],
    "this network": ["https://169.254.1.1/", "https://[fe80::1]/", "https://[fe80::1%25eth0]/", "https://[fd00::1]/"],
    "clouds' own": ["https://169.254.169.254/", "https://[fd00:ec2::254]/", "https://168.63.129.16/"],
    "many or none": ["https://224.0.0.1/", "https://255.255.255.255/", "https://[ff02::1]/", "https://192.0.2.1/"],
    "IPv4 in IPv6": [
        "https://[::ffff:127.0.0.1]/",
        "https://[::ffff:a00:1]/",
        "https://[::127.0.0.1]/",
        "https://[64:ff9b::7f00:1]/",
        "https://[2002:7f00:1::]/",
    ],
    "numbers in disguise": [
        "https://2130706433/",
        "https://0x7f000001/",
        "https://0x7f.0.0.1/",
        "https://0177.0.0.1/",
        "https://127.1/",
        "https://①②⑦.0.0.1/",
        "https://127。0。0。1/",
    ],
    "users": [
        "https://user@agency.example/",
        "https://user:word@agency.example/",
        "https://agency.example@10.0.0.1/",
        "https://agency.example#@10.0.0.1/",
        "https://10.0.0.1#@agency.example/",
        "https://agency.example\\@10.0.0.1/",
    ],
    "ports": [
        "https://agency.example:80/",
        "https://agency.example:22/",
        "https://agency.example:4222/",
        "https://agency.example:0/",
        "https://agency.example:65979/",
        "https://agency.example:４４３/",
        "https://agency.example:/",
    ],
    "half-written": [
        "https:///",
        "https://agency/",
        "https://agency.example./",
        "https://agency..example/",
        "https://-agency.example/",
        "https://%61gency.example/",
        "HTTPS://AGENCY.EXAMPLE/",
        "https://agency.example/\r\nHost: nats",
        "https://agency.example/ ",
        "\thttps://agency.example/",
        "https://[::1",
    ],
}
#: what a name may resolve to and must not lead to
INSIDE = ["127.0.0.1", "10.1.2.3", "172.31.0.2", "192.168.0.1", "169.254.169.254", "100.100.0.1", "0.0.0.0",
          "168.63.129.16", "224.0.0.251", "240.0.0.1", "::1", "::", "fe80::1", "fe80::1%eth0", "fd12::1", "ff02::fb",
          "::ffff:10.0.0.1", "::ffff:8.8.8.8", "64:ff9b::a00:1", "2002:a00:1::1", "2001:0:a00:1::1"]  # fmt: skip


class Names:
    """A name server that answers as it is told, one answer after the other and the last one for ever."""

    def __init__(self, *answers: list[str]) -> None:
        self._answers, self.asked = list(answers), 0

    async def __call__(self, host: str, port: int) -> list[str]:
        self.asked += 1
        return self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]


class Server:
    """Answers 204 to whatever comes, and keeps the heads of what came."""

    def __init__(self) -> None:
        self.came: list[str] = []

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        self.came.append(head.decode().lower())
        writer.write(b"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n")
        await writer.drain()
        writer.close()


@asynccontextmanager
async def listening(host: str, port: int, tls: ssl.SSLContext | None = None) -> AsyncIterator[Server]:
    server = Server()
    async with await asyncio.start_server(server, host, port, ssl=tls):
        yield server


async def post(names: Names, target: Target, *, loopback: bool = False, ca_file: Path | None = None) -> Posted:
    posting = Posting(Border(names, PORTS, loopback), 1, ca_file)
    posted = await posting.post(target, {"content-type": "application/json"}, "{}")
    await posting.close()
    return posted


@pytest.mark.parametrize(("url", "parts"), ALLOWED)
def test_a_public_server_may_be_led_to(url: str, parts: tuple[str, str, int, str]) -> None:
    assert Border(Names([]), PORTS).target(url) == Target(*parts)


@pytest.mark.parametrize("url", [url for urls in HOSTILE.values() for url in urls])
def test_no_hostile_url_is_taken(url: str) -> None:
    with pytest.raises(Refused, match="webhook-url-not-allowed"):
        Border(Names([]), PORTS).target(url)


def test_with_the_setting_this_machine_may_be_led_to_and_no_other_of_its_network() -> None:
    border = Border(Names([]), PORTS, loopback=True)
    assert border.target("http://127.0.0.1:8123/a") == Target("http", "127.0.0.1", 8123, "/a")
    for url in ("http://10.0.0.1/", "http://agency.example/", "https://169.254.169.254/", "http://[::ffff:7f00:1]/"):
        with pytest.raises(Refused):
            border.target(url)


@pytest.mark.parametrize("address", INSIDE)
async def test_a_name_that_leads_inside_is_not_followed_even_beside_a_public_address(address: str) -> None:
    for answer in ([address], ["8.8.8.8", address], []):
        with pytest.raises(AddressNotAllowed):
            await Border(Names(answer), PORTS).addresses("agency.example", 443)
    posted = await post(Names([address]), Target("https", "agency.example", 443, "/"))
    assert (posted.status, posted.problem) == (None, "address-not-allowed")


async def test_the_connection_goes_to_the_address_that_was_looked_at_though_the_name_has_another_meanwhile() -> None:
    port = free_port()
    async with listening("127.0.0.1", port) as first, listening("127.0.0.2", port) as second:
        names = Names(["127.0.0.1"], ["127.0.0.2"])
        target = Target("http", "agency.example", port, "/hook")
        assert (await post(names, target, loopback=True)).status == 204
        assert (names.asked, len(first.came), len(second.came)) == (1, 1, 0)
        assert f"host: agency.example:{port}\r\n" in first.came[0]


async def test_a_name_that_turns_inwards_after_its_first_answer_is_not_followed() -> None:
    port = free_port()
    names = Names(["127.0.0.1"], ["10.0.0.1"])
    target = Target("http", "agency.example", port, "/")
    async with listening("127.0.0.1", port) as server:
        assert (await post(names, target, loopback=True)).status == 204
        assert (await post(names, target, loopback=True)).problem == "address-not-allowed"
        assert len(server.came) == 1


async def test_the_certificate_must_be_for_the_name_although_the_connection_goes_to_an_address(tmp_path: Path) -> None:
    tls, port = certificate_for("agency.example", tmp_path), free_port()
    async with listening("127.0.0.1", port, tls) as server:
        names = Names(["127.0.0.1"])
        ours, other = (Target("https", name, port, "/") for name in ("agency.example", "other.example"))
        assert (await post(names, ours, loopback=True, ca_file=tmp_path / "pem")).status == 204
        assert (await post(names, other, loopback=True, ca_file=tmp_path / "pem")).problem == "tls"
        assert (await post(names, ours, loopback=True)).problem == "tls"
        assert len(server.came) == 1


def certificate_for(name: str, folder: Path) -> ssl.SSLContext:
    """A server's TLS under a certificate that it signed itself; `folder`/pem is who trusts it."""
    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.now(UTC)
    who = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    builder = x509.CertificateBuilder(who, who, key.public_key(), 1, now - timedelta(days=1), now + timedelta(days=1))
    builder = builder.add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
    certificate = builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)
    secret = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    (folder / "pem").write_bytes(certificate)
    (folder / "key").write_bytes(secret)
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(folder / "pem", folder / "key")
    return tls
