"""Letters of a referral: make, print and withdraw them on its page; and the page on which anybody verifies one."""

import re
from typing import Any
from uuid import UUID

from fastapi import APIRouter, Request, Response
from fastapi.responses import RedirectResponse

from services.console.page import PageRoute, language, render, whole
from services.console.pages import Apis, referral_page
from services.console.services import Services
from services.console.session import Signed
from services.console.settings import ConsoleSettings
from services.console.texts import problem_text
from sinergi.app import Ctx
from sinergi.problems import STATUS, Refused

router = APIRouter(route_class=PageRoute, include_in_schema=False)

#: the form of a code: what looks different is answered without asking anybody
_CODE = re.compile(r"[a-z2-7]{26}")
#: no search engine keeps the page of a letter
_UNLISTED = {"X-Robots-Tag": "noindex, nofollow"}


@router.get("/verify/{code}")
async def verify(code: str, request: Request, context: Ctx) -> Response:
    """Whether a letter holds: for anybody who has it. One index look-up, and nothing of a person."""
    assert isinstance(context.settings, ConsoleSettings)
    letter, no = None, Refused("letter-unknown", "No letter has this code.", "not-found")
    try:
        letter = await _verified(code, Services(request.app.state.http, context.settings, ""))
    except Refused as wrong:
        no = no if wrong.kind == "not-found" else wrong
    message = None if letter else problem_text(language(request), no)
    answer = render(request, "verify.html", None, 200 if letter else STATUS[no.kind], letter=letter, message=message)
    answer.headers.update(_UNLISTED)
    return answer


async def _verified(code: str, nobody: Services) -> Any:
    if not _CODE.fullmatch(code):
        raise Refused("not-found", "No letter has this code.", "not-found")
    return await nobody.get("referrals", f"/verify/{code}")


@router.post("/referrals/{referral_id}/letters")
async def make_letter(referral_id: UUID, request: Request, session: Signed, apis: Apis) -> Response:
    """Make the letter of my side, in the place of the one that was shown, if there was one."""
    form = await request.form()
    body: dict[str, Any] = {"kind": str(form.get("kind", "")), "expected_version": whole(form, "expected_version", 0)}
    if replaces := str(form.get("replaces") or ""):
        body["replaces"] = replaces
    try:
        await apis.post("referrals", f"/referrals/{referral_id}/letters", body, str(form.get("key", "")))
    except Refused as no:
        return await referral_page(request, session, apis, referral_id, no)
    return RedirectResponse(f"/referrals/{referral_id}?done=make_letter#letters", 303)


@router.post("/referrals/{referral_id}/letters/{letter_id}/pdf")
async def print_letter(referral_id: UUID, letter_id: UUID, request: Request, session: Signed, apis: Apis) -> Response:
    """The letter as a file. A form, not a link: each printing is written into the ledger."""
    try:
        return await apis.download("referrals", f"/letters/{letter_id}/pdf")
    except Refused as no:
        return await referral_page(request, session, apis, referral_id, no)


@router.post("/referrals/{referral_id}/letters/{letter_id}/withdraw")
async def withdraw_letter(
    referral_id: UUID, letter_id: UUID, request: Request, session: Signed, apis: Apis
) -> Response:
    """The letter no longer holds."""
    form = await request.form()
    body = {"reason": str(form.get("reason", "")), "expected_version": whole(form, "expected_version", 0)}
    try:
        await apis.post("referrals", f"/letters/{letter_id}/withdraw", body, str(form.get("key", "")))
    except Refused as no:
        return await referral_page(request, session, apis, referral_id, no)
    return RedirectResponse(f"/referrals/{referral_id}?done=withdraw_letter#letters", 303)
