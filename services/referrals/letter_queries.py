"""What can be read about letters: those of a referral, an office's register, and, by anybody, whether one holds."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from pydantic import BaseModel
from sqlalchemy import func, select

from services.referrals.directory import agency_names
from services.referrals.letter_models import Letter, LetterOffice
from services.referrals.letter_requests import ListLetters
from services.referrals.lettering import about_now
from services.referrals.models import Referral
from services.referrals.queries import in_area
from sinergi.auth import Actor, permit
from sinergi.db import Tx, found

Found = dict[str, Any]
#: letters of one referral: one for each answer, and those that they replaced
MOST = 100
_SHOWN = (
    *("id", "agency", "referral_id", "kind", "about", "number", "issued_on", "code"),
    *("replaces", "withdrawn_at", "withdrawn_reason"),
)


class ReadLetterOffice(BaseModel):
    """What an agency's letters look like."""

    agency: str


@permit("letter.office")
async def read_letter_office(what: ReadLetterOffice, actor: Actor, tx: Tx) -> Found:
    """The office's entry. Refused: `not-found`."""
    office = await tx.get(LetterOffice, what.agency)
    return {column.name: getattr(office, column.name) for column in LetterOffice.__table__.columns}


@permit("letter.read")
async def list_letters_of(referral_id: UUID, actor: Actor, tx: Tx) -> Found:
    """The letters of a referral, newest first, for its two agencies; nothing of the client. `makes`: the letters that
    the actor's office may make now, and the valid one whose place each takes. Audited."""
    referral = await tx.get(Referral, referral_id)
    actor.within(agencies=(referral.sender, referral.receiver), area=referral.area)
    await tx.audit("letter.read", "referral", [referral_id], "see its letters")
    query = select(Letter).where(Letter.referral_id == referral_id).order_by(Letter.id.desc()).limit(MOST)
    letters = (await tx.session.scalars(query)).all()
    return {"items": [_shown(one) for one in letters], "makes": _makes(referral, letters, actor)}


@permit("letter.read")
async def list_letters(what: ListLetters, actor: Actor, tx: Tx) -> Found:
    """A page of the register of the actor's office and area, highest number first; by the index of numbers."""
    mine = (Letter.agency == actor.agency, Letter.year == what.year, in_area(Letter.area, actor.area))
    rows = select(Letter).where(*mine).order_by(Letter.seq.desc())
    page = (await tx.session.scalars(rows.offset((what.page - 1) * what.size).limit(what.size))).all()
    await tx.audit("letter.read", "letter", [one.id for one in page], "see the register")
    total = await tx.session.scalar(select(func.count()).select_from(Letter).where(*mine))
    return {"items": [_shown(one) for one in page], "total": total}


async def verify_letter(code: str, sha256: str | None, tx: Tx) -> Found:
    """What anybody who holds the letter may know: never whom it is about. `file`: whether a file of this SHA-256 was
    made of this letter; None when none was shown. Refused: `not-found`."""
    letter = found(await tx.session.scalar(select(Letter).where(Letter.code == code)), Letter)
    referral = await tx.get(Referral, letter.referral_id)
    to = referral.receiver if letter.kind == "rujukan" else referral.sender
    names = await agency_names((letter.agency, to), tx)
    return {
        "number": letter.number,
        "kind": letter.kind,
        "from": names[letter.agency],
        "to": names[to],
        "issued_on": letter.issued_on,
        "valid": letter.withdrawn_at is None,
        "withdrawn_at": letter.withdrawn_at,
        "file": sha256 in letter.files if sha256 else None,
    }


def _makes(referral: Referral, letters: Sequence[Letter], actor: Actor) -> list[Found]:
    sides = {"rujukan": referral.sender, "balasan": referral.receiver}
    abouts = {kind: about_now(kind, referral) for kind, side in sides.items() if side == actor.agency}
    valid = {(one.kind, one.about): one.id for one in letters if one.withdrawn_at is None}
    return [{"kind": kind, "replaces": valid.get((kind, about))} for kind, about in abouts.items() if about]


def _shown(letter: Letter) -> Found:
    return {name: getattr(letter, name) for name in _SHOWN} | {"valid": letter.withdrawn_at is None}
