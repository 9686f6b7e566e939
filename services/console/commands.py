"""What can be done with a session: begin it and end it."""

import hashlib
import secrets
from datetime import UTC, datetime, timedelta

from pydantic import BaseModel, ConfigDict
from sqlalchemy import delete, func

from services.console.models import SessionRow
from sinergi.auth import Actor, permit
from sinergi.db import Tx


class Command(BaseModel):
    """A request: unknown fields are refused."""

    model_config = ConfigDict(extra="forbid")


class StartSession(Command):
    """Keep a browser signed in, with this token, for so many hours."""

    token: str
    token_expires_at: datetime
    hours: float


class EndSession(Command):
    """Sign this browser out."""

    digest: str


def digest_of(cookie: str) -> str:
    """What is kept of a cookie's value."""
    return hashlib.sha256(cookie.encode()).hexdigest()


@permit("console.use")
async def start_session(cmd: StartSession, actor: Actor, tx: Tx) -> str:
    """Make the actor's session; returns the value of its cookie. Sessions that have ended are removed."""
    cookie = secrets.token_urlsafe(32)
    await tx.session.execute(delete(SessionRow).where(SessionRow.expires_at < func.now()))
    tx.add(
        SessionRow(
            digest=digest_of(cookie),
            sub=actor.id,
            csrf=secrets.token_urlsafe(32),
            token=cmd.token,
            token_expires_at=cmd.token_expires_at,
            expires_at=datetime.now(UTC) + timedelta(hours=cmd.hours),
        )
    )
    return cookie


@permit("console.use")
async def end_session(cmd: EndSession, actor: Actor, tx: Tx) -> None:
    """Forget the session."""
    mine = (SessionRow.digest == cmd.digest, SessionRow.sub == actor.id)
    await tx.session.execute(delete(SessionRow).where(*mine))
