"""Who sits before the browser: the cookie's session, its actor and its token."""

import hmac
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Annotated

from fastapi import Depends, Request, Response
from sqlalchemy import func, select

from services.console.commands import digest_of
from services.console.issuer import issue
from services.console.models import SessionRow, User
from services.console.settings import ConsoleSettings
from sinergi.app import Context, Ctx
from sinergi.auth import Actor
from sinergi.db import Tx
from sinergi.permissions import Role
from sinergi.problems import Refused

COOKIE = "sinergi_session"
#: a token that ends sooner is replaced before it is used
RENEW_BEFORE = timedelta(minutes=2)


@dataclass(frozen=True, slots=True)
class Session:
    """A signed-in browser: as whom it acts, the token for the services, and the secret of its forms."""

    actor: Actor
    name: str
    token: str
    csrf: str
    digest: str


async def current_session(request: Request, context: Ctx) -> Session:
    """The request's session; `Refused` without one, and for a form that this session's pages did not make."""
    session = await _find(request.cookies.get(COOKIE, ""), context)
    session.actor.must("console.use")
    if request.method not in ("GET", "HEAD"):
        sent = str((await request.form()).get("csrf", ""))
        if not hmac.compare_digest(sent.encode(), session.csrf.encode()):
            raise Refused("form-expired", "Open the page again and repeat it.", "forbidden")
    return session


Signed = Annotated[Session, Depends(current_session)]


def keep(response: Response, request: Request, settings: ConsoleSettings, cookie: str) -> None:
    """Give the browser its cookie; over HTTPS only, when the console is reached so."""
    secure = request.url.scheme == "https" or settings.console_url.startswith("https:")
    seconds = int(settings.session_hours * 3600)
    response.set_cookie(COOKIE, cookie, seconds, path="/", secure=secure, httponly=True, samesite="lax")


def actor_of(user: User) -> Actor:
    """The user as an actor."""
    return Actor(id=user.sub, role=Role(user.role), agency=user.agency, area=user.area)


async def _find(cookie: str, context: Context) -> Session:
    async with context.db.begin() as tx:
        row = await tx.session.scalar(
            select(SessionRow).where(SessionRow.digest == digest_of(cookie), SessionRow.expires_at > func.now())
        )
        if row is None:
            raise Refused("not-signed-in", "Sign in first.", "unauthenticated")
        user = await tx.get(User, row.sub)
        await _renew(tx, row, user, context)
        return Session(actor_of(user), user.name, row.token, row.csrf, row.digest)


async def _renew(tx: Tx, row: SessionRow, user: User, context: Context) -> None:
    if row.token_expires_at - RENEW_BEFORE < datetime.now(UTC):
        assert isinstance(context.settings, ConsoleSettings)
        token = await issue(tx, user, context.settings)
        row.token, row.token_expires_at = token.value, token.expires_at
