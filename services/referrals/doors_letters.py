"""Letters over HTTP. The registry is asked between two transactions: no transaction is open while we ask, or print."""

import hashlib
from typing import Annotated, Any, cast
from uuid import UUID

from fastapi import APIRouter, Path, Query, Response

from services.referrals import letter_offices, letter_queries, lettering
from services.referrals.bodies import body_of, with_path
from services.referrals.codes import AgencyCode
from services.referrals.ledger import only
from services.referrals.letter_pdf import letter_pdf
from services.referrals.letter_requests import (
    FilledLetter,
    ListLetters,
    MakeLetter,
    PrintedLetter,
    PrintLetter,
    PutLetterOffice,
    Sha256,
    VerifyCode,
    WithdrawLetter,
)
from services.referrals.settings import ReferralsSettings
from services.referrals.turn import Answer
from sinergi.app import Context, Ctx, Key, Who, obey
from sinergi.auth import Actor

router = APIRouter()
OfficeBody = body_of(PutLetterOffice, "agency")
LetterBody, WithdrawBody = body_of(MakeLetter, "referral_id"), body_of(WithdrawLetter, "letter_id")


@router.put("/letters/offices/{agency}", response_model=Answer)
async def put_letter_office(
    agency: AgencyCode,
    body: OfficeBody,  # type: ignore[valid-type]
    context: Ctx,
    who: Who,
    key: Key = None,
) -> Any:
    """Enter what an agency's letters look like."""
    return await obey(
        context, letter_offices.put_letter_office, with_path(PutLetterOffice, body, agency=agency), who, key
    )


@router.get("/letters/offices/{agency}")
async def read_letter_office(agency: AgencyCode, context: Ctx, who: Who) -> dict[str, Any]:
    """What an agency's letters look like."""
    async with context.db.begin(who) as tx:
        what = letter_queries.ReadLetterOffice(agency=agency)
        return await letter_queries.read_letter_office(what, who, tx)


@router.post("/referrals/{referral_id}/letters", status_code=201, response_model=lettering.Made)
async def make_letter(
    referral_id: UUID,
    body: LetterBody,  # type: ignore[valid-type]
    context: Ctx,
    who: Who,
    key: Key = None,
) -> Any:
    """Make the surat rujukan or surat balasan of a referral."""
    given = with_path(MakeLetter, body, referral_id=referral_id)
    return await obey(context, lettering.make_letter, await _filled(given, context, who), who, key)


@router.get("/referrals/{referral_id}/letters")
async def list_letters_of(referral_id: UUID, context: Ctx, who: Who) -> dict[str, Any]:
    """The letters of a referral."""
    async with context.db.begin(who) as tx:
        return await letter_queries.list_letters_of(referral_id, who, tx)


@router.get("/letters")
async def list_letters(what: Annotated[ListLetters, Query()], context: Ctx, who: Who) -> dict[str, Any]:
    """My office's register of letters."""
    async with context.db.begin(who) as tx:
        return await letter_queries.list_letters(what, who, tx)


@router.get("/letters/{letter_id}/pdf", response_class=Response)
async def print_letter(letter_id: UUID, context: Ctx, who: Who) -> Response:
    """The letter as PDF/A-2b; written into the ledger first."""
    made = await _printed(PrintLetter(letter_id=letter_id), context, who)
    named = {"Content-Disposition": f'attachment; filename="surat-{letter_id.hex[-8:]}.pdf"'}
    return Response(made, media_type="application/pdf", headers=named | {"Cache-Control": "no-store"})


@router.post("/letters/{letter_id}/withdraw", response_model=Answer)
async def withdraw_letter(
    letter_id: UUID,
    body: WithdrawBody,  # type: ignore[valid-type]
    context: Ctx,
    who: Who,
    key: Key = None,
) -> Any:
    """Withdraw a letter."""
    given = with_path(WithdrawLetter, body, letter_id=letter_id)
    return await obey(context, lettering.withdraw_letter, given, who, key)


@router.get("/verify/{code}")
async def verify_letter(
    code: Annotated[VerifyCode, Path()], context: Ctx, sha256: Annotated[Sha256 | None, Query()] = None
) -> dict[str, Any]:
    """Whether a letter holds; for anybody who has it, and without anybody's data."""
    async with context.db.begin() as tx:
        return await letter_queries.verify_letter(code, sha256, tx)


async def _filled(what: MakeLetter, context: Context, who: Actor) -> FilledLetter:
    async with context.db.begin(who) as tx:
        question = await lettering.read_making_question(what, who, tx)
    answer = await context.bus.ask("registry.disclosure", question)
    verify_at = cast(ReferralsSettings, context.settings).verify_url()
    return FilledLetter(**what.model_dump(), client=only(question["fields"], answer["client"]), verify_at=verify_at)


async def _printed(what: PrintLetter, context: Context, who: Actor) -> bytes:
    async with context.db.begin(who) as tx:
        letter, question = await lettering.read_printing_question(what, who, tx)
    answer = await context.bus.ask("registry.disclosure", question)
    client = lettering.as_frozen(letter, answer["client"])
    made = await letter_pdf(letter.content, client, letter.fields, letter.made_at)
    async with context.db.begin(who) as tx:
        sealed = PrintedLetter(letter_id=letter.id, sha256=hashlib.sha256(made).hexdigest())
        await lettering.record_printing(sealed, who, tx)
    return made
