"""Letters between the two agencies of a referral: make one, print it, withdraw it.

Nobody's data is kept here: the registry is asked when a letter is made and at each printing (doors_letters.py), never
inside of a transaction. What it says is frozen as a hash; if it has changed, the letter is not printed but made anew.
"""

import hmac
import secrets
from base64 import b32encode
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import func, select, update

from services.referrals.directory import agency_names, find_place
from services.referrals.directory_models import Desk
from services.referrals.ledger import Question, only, question_of, write_disclosure
from services.referrals.letter_content import Given, Names, content_of, day_of, printed
from services.referrals.letter_models import Letter, LetterOffice
from services.referrals.letter_numbers import next_seq, number_of
from services.referrals.letter_pdf import content_hash
from services.referrals.letter_requests import (
    FilledLetter,
    MakeLetter,
    PrintedLetter,
    PrintLetter,
    WithdrawLetter,
    WithdrawReason,
)
from services.referrals.models import Offer, Referral
from services.referrals.states import OPEN, State
from services.referrals.turn import Answer, answer, tell
from sinergi.auth import Actor, permit
from sinergi.db import Tx, new_id
from sinergi.events import ReferralFact, ReferralLetterIssued, ReferralLetterWithdrawn
from sinergi.problems import Refused

#: the purpose of a letter's lines in the ledger
PURPOSES = {"rujukan": "surat rujukan", "balasan": "surat balasan"}
#: what a surat balasan tells in each state; in the others there is nothing to answer yet, or nobody to answer
ANSWERED = {
    **dict.fromkeys((State.ACCEPTED, State.IN_PROGRESS, State.ON_HOLD), "accepted"),
    **{State.DECLINED: "declined", State.COMPLETED: "completed"},
    **{State.FAILED: "failed", State.CANCELLED: "cancelled"},
}


class Made(Answer):
    """What making answers: `id` is the letter's, `version` its referral's, `state` valid."""

    number: str
    kind: str


@permit("letter.make")
async def read_making_question(what: MakeLetter, actor: Actor, tx: Tx) -> Question:
    """What the registry is to be asked for the letter: only what may stand on it."""
    referral = await tx.get(Referral, what.referral_id)
    _must_be_its_side(what, referral, actor)
    return await _question(referral, what.kind, actor, tx)


@permit("letter.make")
async def make_letter(cmd: FilledLetter, actor: Actor, tx: Tx) -> Made:
    """Number and freeze the letter. Refused: `no-letter-now`, `no-letter-office`, `letter-exists`, and as details."""
    referral = await tx.lock(Referral, cmd.referral_id, cmd.expected_version)
    _must_be_its_side(cmd, referral, actor)
    about = _about(cmd, referral)
    office = await _office(actor.agency, tx)
    question = await _question(referral, cmd.kind, actor, tx)
    await _take_its_place(cmd, about, tx)
    letter = await _new(cmd, referral, about, office, question["fields"], actor, tx)
    tx.add(letter)
    await tx.session.flush()
    write_disclosure(question, referral, actor, tx, letter.id)
    await _tell(
        ReferralLetterIssued, letter, referral, actor, tx, letter_number=letter.number, replaces=_text(cmd.replaces)
    )
    return Made(**_answer(letter, referral).model_dump(), number=letter.number, kind=letter.kind)


def _must_be_its_side(what: MakeLetter, referral: Referral, actor: Actor) -> None:
    side = referral.sender if what.kind == "rujukan" else referral.receiver
    actor.within(agencies=(side,), area=referral.area)


def about_now(kind: str, referral: Referral) -> str | None:
    """What a letter of this kind would tell as the referral stands now; None when there is nothing to tell."""
    state = State(referral.state)
    return ("requested" if state in OPEN else None) if kind == "rujukan" else ANSWERED.get(state)


def _about(what: MakeLetter, referral: Referral) -> str:
    about = about_now(what.kind, referral)
    if about is None:
        state = referral.state
        sentence = f"A referral that is {state} has no surat {what.kind}: ask while it is open, answer what is decided."
        raise Refused("no-letter-now", sentence, "conflict", state=state, version=referral.version)
    return about


async def _office(agency: str, tx: Tx) -> LetterOffice:
    office = await tx.session.get(LetterOffice, agency)
    if office is None:
        sentence = "Your office has no letterhead and signatory yet: ask the operator to enter them."
        raise Refused("no-letter-office", sentence, "conflict")
    return office


async def _question(referral: Referral, kind: str, actor: Actor, tx: Tx) -> Question:
    question = await question_of(referral, PURPOSES[kind], actor, tx)
    return question | {"fields": printed(question["fields"])}


async def _take_its_place(cmd: MakeLetter, about: str, tx: Tx) -> None:
    """Withdraw the valid letter about the same, if this one replaces it; by the index of valid letters."""
    same = (Letter.referral_id == cmd.referral_id, Letter.kind == cmd.kind, Letter.about == about)
    valid = await tx.session.scalar(select(Letter).where(*same, Letter.withdrawn_at.is_(None)))
    if (valid.id if valid else None) != cmd.replaces:
        sentence = "There is a valid letter about this already, or another one than you mean: replace that one."
        there = {"letter_id": str(valid.id), "number": valid.number} if valid else {}
        raise Refused("letter-exists", sentence, "conflict", **there)
    if valid:
        valid.withdrawn_at, valid.withdrawn_reason = func.now(), WithdrawReason.REPLACED
        await tx.session.flush()


async def _new(
    cmd: FilledLetter,
    referral: Referral,
    about: str,
    office: LetterOffice,
    fields: list[str],
    actor: Actor,
    tx: Tx,
) -> Letter:
    """The letter with its number, whose row of the counter is locked from here on."""
    made_at = datetime.now(UTC).replace(microsecond=0)
    names, answers = await _names(referral, tx), await _answered_letter(referral, cmd, tx)
    day = made_at.astimezone(ZoneInfo(office.zone)).date()
    seq = await next_seq(office.agency, day.year, tx)
    number = number_of(office.schemes[cmd.kind], seq, office.office, day)
    code, salt = b32encode(secrets.token_bytes(16)).decode().rstrip("=").lower(), secrets.token_hex(32)
    given = Given(number, day, f"{cmd.verify_at}/{code}", answers)
    content = content_of(referral, about, office, names, given)
    return Letter(
        id=new_id(),
        agency=office.agency,
        referral_id=referral.id,
        area=referral.area,
        kind=cmd.kind,
        about=about,
        year=day.year,
        seq=seq,
        number=number,
        code=code,
        issued_on=day,
        made_at=made_at,
        made_by=actor.id,
        fields=fields,
        content=content,
        salt=salt,
        content_hash=content_hash(content, only(fields, cmd.client), salt),
        files=[],
        replaces=cmd.replaces,
    )


async def _names(referral: Referral, tx: Tx) -> Names:
    """What the parties are called in the directory; a code where somebody is not in it."""
    found = await agency_names((referral.sender, referral.receiver), tx)
    desk, offer = await tx.session.get(Desk, referral.desk), await tx.session.get(Offer, referral.service)
    return Names(
        sender=found[referral.sender],
        receiver=found[referral.receiver],
        desk=desk.name if desk else referral.desk,
        service=offer.name if offer else referral.service,
    )


async def _answered_letter(referral: Referral, cmd: MakeLetter, tx: Tx) -> str | None:
    """How a surat balasan names the surat rujukan that it answers."""
    if cmd.kind == "rujukan":
        return None
    asked = select(Letter.number, Letter.issued_on).where(
        Letter.referral_id == referral.id, Letter.kind == "rujukan", Letter.withdrawn_at.is_(None)
    )
    found = (await tx.session.execute(asked)).one_or_none()
    return f"surat nomor {found.number} tanggal {day_of(found.issued_on)}" if found else None


# ---------------------------------------------------------------- printing


@permit("letter.print")
async def read_printing_question(what: PrintLetter, actor: Actor, tx: Tx) -> tuple[Letter, Question]:
    """The letter and what the registry is to be asked. Refused: `letter-withdrawn`, and as details."""
    letter = await tx.get(Letter, what.letter_id)
    referral = await tx.get(Referral, letter.referral_id)
    actor.within(agencies=(referral.sender, referral.receiver), area=referral.area)
    if letter.withdrawn_at:
        raise Refused("letter-withdrawn", "The letter was withdrawn: it is not printed any more.", "conflict")
    question = await question_of(referral, PURPOSES[letter.kind], actor, tx)
    if not set(letter.fields) <= set(question["fields"]):
        raise _changed()
    return letter, question | {"fields": letter.fields}


def as_frozen(letter: Letter, client: dict[str, Any]) -> dict[str, Any]:
    """The client as it stands on the letter. Refused (letter-changed) when it is another than that was frozen."""
    shown = only(letter.fields, client)
    if not hmac.compare_digest(content_hash(letter.content, shown, letter.salt), letter.content_hash):
        raise _changed()
    return shown


def _changed() -> Refused:
    sentence = "What the letter says of the client is no longer so. Make a new letter in its place."
    return Refused("letter-changed", sentence, "conflict")


@permit("letter.print")
async def record_printing(cmd: PrintedLetter, actor: Actor, tx: Tx) -> None:
    """Write down, before it is handed out, who is shown the letter; and the file, so that it can be verified."""
    letter, question = await read_printing_question(cmd, actor, tx)
    write_disclosure(question, await tx.get(Referral, letter.referral_id), actor, tx, letter.id)
    new = (Letter.id == letter.id, ~Letter.files.contains([cmd.sha256]))
    await tx.session.execute(update(Letter).where(*new).values(files=func.array_append(Letter.files, cmd.sha256)))


# -------------------------------------------------------------- withdrawing


@permit("letter.withdraw")
async def withdraw_letter(cmd: WithdrawLetter, actor: Actor, tx: Tx) -> Answer:
    """The letter no longer holds: by the office that made it. Refused: `letter-withdrawn`."""
    referral = await tx.lock(Referral, (await tx.get(Letter, cmd.letter_id)).referral_id, cmd.expected_version)
    letter = await tx.lock(Letter, cmd.letter_id)
    actor.within(agencies=(letter.agency,), area=letter.area)
    if letter.withdrawn_at:
        raise Refused("letter-withdrawn", "The letter was withdrawn already.", "conflict", version=referral.version)
    letter.withdrawn_at, letter.withdrawn_reason = datetime.now(UTC), cmd.reason
    await _tell(ReferralLetterWithdrawn, letter, referral, actor, tx, reason=cmd.reason)
    return _answer(letter, referral)


async def withdraw_letters(referral: Referral, tx: Tx) -> None:
    """All letters of a referral that was entered in error; the fact that it was says so."""
    valid = (Letter.referral_id == referral.id, Letter.withdrawn_at.is_(None))
    withdrawn = {"withdrawn_at": func.now(), "withdrawn_reason": WithdrawReason.ENTERED_IN_ERROR}
    await tx.session.execute(update(Letter).where(*valid).values(**withdrawn))


async def _tell(
    event: type[ReferralFact], letter: Letter, referral: Referral, actor: Actor, tx: Tx, **more: Any
) -> None:
    place = await find_place(tx, referral.service, referral.sender)
    fact = {"letter_id": str(letter.id), "letter_kind": letter.kind, **more}
    await tell(event, referral, place, actor, tx, fact)


def _answer(letter: Letter, referral: Referral) -> Answer:
    state = "withdrawn" if letter.withdrawn_at else "valid"
    return Answer(id=str(letter.id), version=answer(referral).version, state=state)


def _text(one: object) -> str | None:
    return str(one) if one else None
