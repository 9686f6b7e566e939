"""What the tests of notes, visits and attachments need: a time that has passed, certificates, files."""

import struct
import zipfile
import zlib
from datetime import UTC, datetime, timedelta
from io import BytesIO
from typing import Any
from uuid import uuid4

import httpx2 as httpx

from tests.cases.story import Story
from tests.harness.stack import Running

DOCX = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
PDF = b"%PDF-1.7\n1 0 obj\n<<>>\nendobj\nstartxref\n0\n%%EOF\n"


def ago(**back: float) -> str:
    """A time that has passed, as JSON holds it."""
    return (datetime.now(UTC) - timedelta(**back)).isoformat()


def day(after: int) -> str:
    """The date so many days after today (Jakarta's)."""
    return (datetime.now(UTC) + timedelta(hours=7, days=after)).date().isoformat()


def note(**other: Any) -> dict[str, Any]:
    """A note."""
    return {"kind": "observation", "about": "client", "at": ago(hours=1), "text": "Rumah bersih, anak sekolah"} | other


def visit(**other: Any) -> dict[str, Any]:
    """A visit that was made."""
    usual = {
        "purpose": "monitoring",
        "started_at": ago(hours=3),
        "ended_at": ago(hours=2),
        "place_kind": "home",
        "area": "31.74.01",
        "place": "Gang buntu",
        "client_present": True,
        "people": [{"relation": "client"}, {"relation": "rt-rw", "words": "Ketua RT"}],
        "findings": "Sehat",
        "needs": ["school-kit"],
    }
    return usual | other


async def certify(running: Running, who: httpx.AsyncClient, **other: Any) -> dict[str, Any]:
    """The worker proposes a certificate, and somebody else's supervisor confirms it."""
    proposed = await propose(who, **other)
    async with running.client("supervisor", sub=f"supervisor-{uuid4().hex}") as boss:
        return await decide(boss, proposed, "confirmed")


async def propose(who: httpx.AsyncClient, **other: Any) -> dict[str, Any]:
    """A certificate of the worker's own, valid for five years around today."""
    usual = {"kind": "peksos-lsps", "number": "LSPS-1", "issuer": "LSPS", "valid_from": day(-700)}
    answer = await who.post("/competence/certificates", json=usual | {"valid_until": day(1000)} | other)
    assert answer.status_code == 201, answer.text
    return dict(answer.json())


async def decide(who: httpx.AsyncClient, row: dict[str, Any], answer: str) -> dict[str, Any]:
    """Decide about a record that must be decidable."""
    body = {"expected_version": row["version"], "answer": answer}
    response = await who.post(f"/competence/{row['id']}/decide", json=body)
    assert response.is_success, response.text
    return dict(response.json())


def slug(response: httpx.Response) -> str:
    """Why it was refused."""
    return str(response.json().get("type", response.text)).rsplit(":", 1)[-1]


async def upload(
    who: httpx.AsyncClient, story: Story, content: Any, name: str, declared: str, **fields: Any
) -> httpx.Response:
    """Attach a file to the story's case."""
    data = {"kind": "photo"} | fields
    return await who.post(
        f"/cases/{story.case_id}/attachments", data=data, files={"file": (name, content, declared)}, timeout=80
    )


def office_file(main: str = "word/document.xml", **parts: bytes) -> bytes:
    """An Open XML file, as small as it can be."""
    out = BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in {"[Content_Types].xml": b"<Types/>", main: b"<x/>", **parts}.items():
            archive.writestr(name, content)
    return out.getvalue()


def segment(marker: int, payload: bytes) -> bytes:
    """A segment of a JPEG."""
    return bytes((0xFF, marker)) + struct.pack(">H", len(payload) + 2) + payload


def exif(place: bytes, orientation: int = 6) -> bytes:
    """EXIF with an orientation, and a place somewhere in it."""
    entry = struct.pack("<HHIHH", 0x0112, 3, 1, orientation, 0)
    return b"Exif\0\0" + b"II*\0" + struct.pack("<IH", 8, 1) + entry + b"\0\0\0\0" + place


def jpeg(place: bytes = b"GPS -6.2 106.8", picture: bytes = b"\x12\xff\x00\x34\xff\xd0\x56") -> bytes:
    """A JPEG of two scans with EXIF and a comment; nothing decodes it."""
    head = b"\xff\xd8" + segment(0xE0, b"JFIF\0\1\1\0\0\1\0\1\0\0") + segment(0xE1, exif(place))
    tables = segment(0xFE, b"Ibu Sri") + segment(0xDB, bytes(65)) + segment(0xC4, b"\xff\xd9 in a table")
    return head + tables + segment(0xDA, bytes(6)) + picture + segment(0xDA, bytes(6)) + picture + b"\xff\xd9"


def chunk(kind: bytes, content: bytes) -> bytes:
    """A chunk of a PNG."""
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def png() -> bytes:
    """A PNG with a text and EXIF."""
    parts = [(b"IHDR", bytes(13)), (b"tEXt", b"Author\0Sri"), (b"eXIf", b"GPS"), (b"IDAT", b"x"), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunk(*one) for one in parts)


def webp() -> bytes:
    """A WEBP with EXIF and XMP."""
    parts = [(b"VP8X", b"\x0c" + bytes(9)), (b"VP8 ", b"pix"), (b"EXIF", b"GPS!"), (b"XMP ", b"<Sri/>")]
    body = b"".join(kind + struct.pack("<I", len(what)) + what + b"\0" * (len(what) % 2) for kind, what in parts)
    return b"RIFF" + struct.pack("<I", 4 + len(body)) + b"WEBP" + body
