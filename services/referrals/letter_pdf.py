"""A letter as PDF/A-2b, set by Typst: the same letter of the same client gives the same bytes."""

import asyncio
import hashlib
import hmac
import json
from datetime import datetime
from io import BytesIO
from pathlib import Path
from typing import Any

import segno
import typst

from services.referrals.letter_content import client_lines
from sinergi.problems import Refused

TEMPLATE = Path(__file__).parent / "letters" / "letter.typ"
#: a letter takes a fifth of a second (ours)
SECONDS = 20


def content_hash(content: dict[str, Any], client: dict[str, Any], salt: str) -> str:
    """HMAC-SHA256 over all that stands on the letter. The salt keeps it from being guessed back to a person's data."""
    frozen = json.dumps({"content": content, "client": client}, sort_keys=True, separators=(",", ":"))
    return hmac.new(bytes.fromhex(salt), frozen.encode(), hashlib.sha256).hexdigest()


async def letter_pdf(content: dict[str, Any], client: dict[str, Any], fields: list[str], made_at: datetime) -> bytes:
    """The PDF. `Refused` (letter-takes-too-long) after SECONDS; the thread is left to end by itself."""
    try:
        return await asyncio.wait_for(asyncio.to_thread(_compile, content, client, fields, made_at), SECONDS)
    except TimeoutError as wrong:
        raise Refused("letter-takes-too-long", "The letter takes too long. Try again later.", "unavailable") from wrong


def _compile(content: dict[str, Any], client: dict[str, Any], fields: list[str], made_at: datetime) -> bytes:
    lines, members = client_lines(client, fields)
    data = {"letter": content, "client": lines, "members": members, "qr": qr_svg(content["verify_url"])}
    made = typst.compile(
        TEMPLATE,
        ignore_system_fonts=True,
        format="pdf",
        sys_inputs={"data": json.dumps(data)},
        pdf_standards="a-2b",
        timestamp=made_at.replace(microsecond=0),
    )
    if not isinstance(made, bytes):
        raise TypeError("one document was expected")
    return made


def qr_svg(url: str) -> str:
    """The QR code (ISO/IEC 18004, error correction M) with its quiet zone of four modules."""
    target = BytesIO()
    segno.make(url, error="m", micro=False).save(target, kind="svg", border=4, xmldecl=False)
    return target.getvalue().decode()
