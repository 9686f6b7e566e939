"""The pages. Each asks the services with the user's token and shows what they answer."""

import re
from collections.abc import AsyncIterator
from typing import Annotated, Any
from uuid import UUID, uuid4

from fastapi import APIRouter, Depends, Query, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse
from fastapi.sse import EventSourceResponse, ServerSentEvent

from services.console import commands, queries
from services.console.forms import FORMS, body_of, offered, typed
from services.console.issuer import issue
from services.console.live import live
from services.console.page import PageRoute, language, render, today
from services.console.services import Services
from services.console.session import COOKIE, Session, Signed, actor_of, keep
from services.console.settings import ConsoleSettings
from services.console.sign_in import authenticate
from services.console.texts import problem_text
from sinergi.app import Context, Ctx
from sinergi.problems import STATUS, Refused

router = APIRouter(route_class=PageRoute, include_in_schema=False)
streams = APIRouter(include_in_schema=False)

SIZE = 20
OWN_PAGE = re.compile(
    r"^/(tasks|cases|"
    r"(referrals|pathways|cases|facilities|imports|reviews|intake|transfers|obstacles|rakor|webhooks)/[0-9a-f-]{36})$"
)
Number = Annotated[int, Query(ge=1, le=10_000)]


def services_of(request: Request, session: Signed, context: Ctx) -> Services:
    """The services, called as the signed-in user."""
    return Services(request.app.state.http, _settings(context), session.token)


Apis = Annotated[Services, Depends(services_of)]

# ------------------------------------------------------------------ sign in


@router.get("/login")
async def login_page(request: Request) -> Response:
    """The sign-in form."""
    return render(request, "login.html", message=None, username="", next=_own(request.query_params.get("next")))


@router.post("/login")
async def login(request: Request, context: Ctx) -> Response:
    """Check name and password, and keep the browser signed in."""
    if request.headers.get("sec-fetch-site") == "cross-site":
        raise Refused("form-expired", "Open the page again and repeat it.", "forbidden")
    form = await request.form()
    username, target = str(form.get("username", "")), _own(str(form.get("next", "")))
    try:
        cookie = await _begin(context, username, str(form.get("password", "")))
    except Refused as no:
        message = problem_text(language(request), no)
        return render(request, "login.html", None, STATUS[no.kind], message=message, username=username, next=target)
    answer = RedirectResponse(target or "/inbox", 303)
    keep(answer, request, _settings(context), cookie)
    return answer


@router.post("/logout")
async def logout(session: Signed, context: Ctx) -> Response:
    """Forget the session."""
    async with context.db.begin(session.actor) as tx:
        await commands.end_session(commands.EndSession(digest=session.digest), session.actor, tx)
    answer = RedirectResponse("/login", 303)
    answer.delete_cookie(COOKIE, path="/")
    return answer


@router.get("/")
async def home(session: Signed) -> Response:
    """Whoever is signed in begins at the inbox."""
    return RedirectResponse("/inbox", 303)


@router.get("/account")
async def account(request: Request, session: Signed, context: Ctx) -> Response:
    """Who I am here."""
    async with context.db.begin(session.actor) as tx:
        mine = await queries.read_account(session.actor.id, session.actor, tx)
    return render(request, "account.html", session, account=mine)


# -------------------------------------------------------------------- inbox


@router.get("/inbox")
async def inbox(request: Request, session: Signed, apis: Apis, page: Number = 1) -> Response:
    """My messages, newest first; the list renews itself."""
    return await _inbox(request, session, apis, page, "inbox.html")


@router.get("/inbox/list")
async def inbox_list(request: Request, session: Signed, apis: Apis, page: Number = 1) -> Response:
    """Only the list, for the page that shows it."""
    return await _inbox(request, session, apis, page, "_messages.html")


@router.post("/inbox/{message_id}/open")
async def open_message(message_id: UUID, request: Request, session: Signed, apis: Apis) -> Response:
    """Mark the message as read and go to what it is about."""
    await apis.post("notify", f"/inbox/{message_id}/read", {})
    link = str((await request.form()).get("link", ""))
    return RedirectResponse(link if OWN_PAGE.match(link) else "/inbox", 303)


@streams.get("/live", response_class=EventSourceResponse)
async def live_hints(session: Signed) -> AsyncIterator[ServerSentEvent]:
    """A hint each time that my inbox has something new."""
    async for _ in live.hints(session.actor):
        yield ServerSentEvent(event="inbox", data="new")


# ---------------------------------------------------------------- referrals


@router.get("/referrals")
async def referrals(
    request: Request, session: Signed, apis: Apis, state: str | None = None, late: bool = False, page: Number = 1
) -> Response:
    """My agency's referrals, newest first; only what is late, if asked."""
    asked = {"state": state or None, "late": late or None}
    found = await apis.get("referrals", "/referrals", **asked, page=page, size=SIZE)
    return render(request, "referrals.html", session, **found, state=state or "", late=late, page=page, size=SIZE)


@router.get("/referrals/{referral_id}")
async def referral(referral_id: UUID, request: Request, session: Signed, apis: Apis) -> Response:
    """A referral: where it stands, what was said, and the answers that may be given now."""
    return await referral_page(request, session, apis, referral_id)


@router.post("/referrals/{referral_id}/details")
async def details(referral_id: UUID, request: Request, session: Signed, apis: Apis) -> Response:
    """The client's data, for the purpose that was said; the reading is written down before it is shown."""
    purpose = str((await request.form()).get("purpose", "")).strip()
    try:
        found = await apis.get("referrals", f"/referrals/{referral_id}/details", purpose=purpose)
    except Refused as no:
        return await referral_page(request, session, apis, referral_id, no)
    return await referral_page(request, session, apis, referral_id, client=found["client"])


@router.post("/referrals/{referral_id}/{command}")
async def answer_referral(referral_id: UUID, command: str, request: Request, session: Signed, apis: Apis) -> Response:
    """Give a command; a refusal is shown above the form, with what was typed."""
    if command not in FORMS:
        raise Refused("not-found", "There is no such page.", "not-found")
    sent: Any = await request.form()
    path = f"/referrals/{referral_id}/{command.replace('_', '-')}"
    try:
        await apis.post("referrals", path, body_of(command, sent), str(sent.get("key", "")))
    except Refused as no:
        tried = {"command": command, "typed": typed(command, sent)}
        return await referral_page(request, session, apis, referral_id, no, **tried)
    return RedirectResponse(f"/referrals/{referral_id}?done={command}", 303)


# ------------------------------------------------------------- inside


async def _begin(context: Context, username: str, password: str) -> str:
    """Sign in; returns the cookie of the new session."""
    settings = _settings(context)
    user = await authenticate(context.db, username, password)
    actor = actor_of(user)
    async with context.db.begin(actor) as tx:
        token = await issue(tx, user, settings)
        start = commands.StartSession(
            token=token.value, token_expires_at=token.expires_at, hours=settings.session_hours
        )
        return await commands.start_session(start, actor, tx)


async def _inbox(request: Request, session: Session, apis: Services, page: int, template: str) -> HTMLResponse:
    found = await apis.get("notify", "/inbox", page=page, size=SIZE)
    return render(request, template, session, **found, page=page, size=SIZE)


async def referral_page(
    request: Request,
    session: Session,
    apis: Services,
    referral_id: UUID,
    no: Refused | None = None,
    **values: Any,
) -> HTMLResponse:
    """The referral's page; with a refusal, and with what was tried or found."""
    found = await apis.get("referrals", f"/referrals/{referral_id}")
    letters = await apis.get("referrals", f"/referrals/{referral_id}/letters")
    offers = await apis.get("referrals", "/directory/services", size=100)
    offer = next((one for one in offers["items"] if one["code"] == found["service"]), None)
    shown = {
        "referral": found,
        "offer": offer,
        "letters": letters,
        "forms": {command: FORMS[command] for command in offered(found["actions"])},
        "may_see_client": session.actor.may("referral.details") and session.actor.agency == found["receiver"],
        "message": problem_text(language(request), no) if no else None,
        "done": request.query_params.get("done") if no is None else None,
        "client": None,
        "command": None,
        "typed": {},
        "key": str(uuid4()),
        "today": today(),
    }
    return render(request, "referral.html", session, STATUS[no.kind] if no else 200, **(shown | values))


def _own(target: str | None) -> str:
    """A page of ours to go to after signing in, else nothing: never another site."""
    return target if target and re.match(r"^/[a-z]+(/[0-9a-f-]{36})?$", target) else ""


def _settings(context: Context) -> ConsoleSettings:
    assert isinstance(context.settings, ConsoleSettings)
    return context.settings
