"""A PDF from a Typst template and data: what is printed is data, never markup."""

import asyncio
import json
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

import typst

from sinergi.problems import Refused

TEMPLATES = Path(__file__).parent / "templates"
#: a paper of a hundred pages takes about two seconds (ours)
SECONDS = 30


async def typst_pdf(template: str, data: dict[str, Any], made_at: datetime) -> bytes:
    """The template filled with `data` (JSON) as PDF/A-2b: the same data and time give the same bytes.

    Where a typed text has letters that the font lacks it is a plain PDF, with boxes in their place.
    `Refused` (paper-takes-too-long) after SECONDS; the thread is left to end by itself.
    """
    try:
        return await asyncio.wait_for(asyncio.to_thread(_compile, template, data, made_at), SECONDS)
    except TimeoutError as wrong:
        raise Refused("paper-takes-too-long", "The paper takes too long. Try again later.", "unavailable") from wrong


def _compile(template: str, data: dict[str, Any], made_at: datetime) -> bytes:
    try:
        return _compiled(template, data, made_at, "a-2b")
    except typst.TypstError:  # PDF/A takes no letter that our font lacks: somebody's emoji would cost the whole paper
        return _compiled(template, data, made_at, "1.7")


def _compiled(template: str, data: dict[str, Any], made_at: datetime, standard: Literal["a-2b", "1.7"]) -> bytes:
    made = typst.compile(
        TEMPLATES / template,
        ignore_system_fonts=True,
        format="pdf",
        sys_inputs={"data": json.dumps(data)},
        pdf_standards=standard,
        timestamp=made_at.replace(microsecond=0),
    )
    if not isinstance(made, bytes):
        raise TypeError("one document was expected")
    return made
