"""The number of a letter, by its office's scheme: one register (agenda surat keluar) for each office and year.

A scheme is data: words with places in braces, e.g. `{seq:03d}/RJK/{office}/{month_roman}/{year}`. It is parsed here,
not handed to `str.format`, which would reach into objects.
"""

import re
from datetime import date
from string import Formatter
from typing import Annotated

from pydantic import AfterValidator, StringConstraints
from sqlalchemy import text

from sinergi.db import Tx

ROMAN = ("I", "II", "III", "IV", "V", "VI", "VII", "VIII", "IX", "X", "XI", "XII")
#: what may stand in braces; `seq` may say how many digits it has at the least
PLACES = ("seq", "office", "month_roman", "month", "year")
_DIGITS = re.compile(r"^(0[1-6]d)?$")
_WORDS = re.compile(r"^[A-Za-z0-9 ./_-]*$")
_NEXT = text(
    """INSERT INTO letter_counters (agency, year, last) VALUES (:agency, :year, 1)
       ON CONFLICT (agency, year) DO UPDATE SET last = letter_counters.last + 1 RETURNING last"""
)


def _is_scheme(scheme: str) -> str:
    found = list(Formatter().parse(scheme))
    names = [name for _, name, _, _ in found if name is not None]
    if not all(_WORDS.match(words) for words, *_ in found) or any(name not in PLACES for name in names):
        raise ValueError(f"a scheme holds words and {', '.join(f'{{{one}}}' for one in PLACES)}")
    if any(conversion or not _DIGITS.match(digits or "") for _, _, digits, conversion in found):
        raise ValueError("only seq has digits: {seq:03d}")
    if any(digits and name != "seq" for _, name, digits, _ in found):
        raise ValueError("only seq has digits: {seq:03d}")
    if names.count("seq") != 1 or names.count("year") != 1:
        raise ValueError("a scheme holds {seq} and {year} once each: else two letters would have one number")
    return scheme


Scheme = Annotated[str, StringConstraints(min_length=5, max_length=60), AfterValidator(_is_scheme)]


def number_of(scheme: str, seq: int, office: str, day: date) -> str:
    """The number as it stands on the letter."""
    values = {"office": office, "month_roman": ROMAN[day.month - 1], "month": f"{day.month:02d}", "year": f"{day.year}"}
    parts = []
    for words, name, digits, _ in Formatter().parse(scheme):
        parts.append(words)
        if name is not None:
            parts.append(format(seq, digits or "") if name == "seq" else values[name])
    return "".join(parts)


async def next_seq(agency: str, year: int, tx: Tx) -> int:
    """The office's next number of the year. Its row stays locked until the letter is there, or is given up: so numbers
    have no gaps and no doubles."""
    return int((await tx.session.execute(_NEXT, {"agency": agency, "year": year})).scalar_one())
