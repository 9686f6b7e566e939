"""Mail on its way: taken from the table, sent by SMTP, tried again, and never given up in silence.

A sender that dies between sending and writing it down leaves a mail that is sent again, under the same Message-ID.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from email.message import EmailMessage
from typing import Any
from urllib.parse import unquote, urlsplit

import aiosmtplib
import structlog
from aiosmtplib.errors import (
    SMTPDataError,
    SMTPException,
    SMTPRecipientRefused,
    SMTPRecipientsRefused,
    SMTPSenderRefused,
)
from prometheus_client import Counter
from pydantic import Field
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from services.notify import commands
from sinergi.app import Context
from sinergi.auth import service_actor
from sinergi.settings import Settings
from sinergi.tasks import beside

log = structlog.get_logger()

BATCH = 20
POLL_SECONDS = 0.5
#: longer than sending a batch can take: then another sender takes what this one left
LEASE_SECONDS = 300
SMTP_SECONDS = 10

MAILS = Counter("sinergi_mails", "Mails by what became of a try: sent, again, failed", ["result"])

_CLAIM = text(
    """UPDATE deliveries d SET tries = tries + 1, due_at = now() + make_interval(secs => :lease)
       FROM messages m WHERE m.id = d.message_id AND d.id IN (
         SELECT id FROM deliveries WHERE state = 'waiting' AND due_at <= now()
         ORDER BY due_at LIMIT :batch FOR UPDATE SKIP LOCKED)
       RETURNING d.id, d.email, d.tries, m.title, m.text, m.link, m.at"""
)
#: counts only for the try that it belongs to: a sender that was too slow cannot overwrite its successor
_SETTLE = text(
    """UPDATE deliveries SET state = :state, problem = :problem,
         due_at = now() + make_interval(secs => :delay), sent_at = CASE WHEN :state = 'sent' THEN now() END
       WHERE id = :id AND tries = :tries AND state = 'waiting'"""
)


class MailSettings(Settings):
    """Notify's settings. Without `smtp_url` mails wait in the table."""

    smtp_url: str | None = Field(None, description="smtp://[user:password@]host:port, or smtps://")
    mail_from: str = Field("sinergi@localhost", description="the address that mails come from")
    console_url: str = Field("http://127.0.0.1:8080", description="where the links in mails lead")
    mail_retry_delays: list[float] = Field(
        [10, 60, 300, 1800, 7200, 21600, 43200], description="seconds before each new try of a mail"
    )


@asynccontextmanager
async def sending(context: Context) -> AsyncIterator[None]:
    """Send mails, and address messages that wait for their case, while the service runs."""
    assert isinstance(context.settings, MailSettings)
    async with beside(Sender(context, context.settings).run()):
        yield


class Sender:
    """Takes what is due and sends it, one connection a batch. Any number of them may run."""

    def __init__(self, context: Context, settings: MailSettings) -> None:
        self._db, self._settings = context.db, settings

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            try:
                busy = await self._address_waiting() + await self.send_due()
            except (SQLAlchemyError, OSError) as wrong:
                log.warning("mail.interrupted", error=type(wrong).__name__)
                busy = 0
            if not busy:
                await asyncio.sleep(POLL_SECONDS)

    async def send_due(self) -> int:
        """Send one batch of what is due; returns how many were tried."""
        if not self._settings.smtp_url:
            return 0
        async with self._db.begin() as tx:
            rows = (await tx.session.execute(_CLAIM, {"batch": BATCH, "lease": LEASE_SECONDS})).all()
        if rows:
            await self._send(rows)
        return len(rows)

    async def _address_waiting(self) -> int:
        actor = service_actor("notify")
        async with self._db.begin(actor) as tx:
            return await commands.address_waiting(commands.AddressWaiting(), actor, tx)

    async def _send(self, rows: Any) -> None:
        smtp = self._smtp()
        for row in rows:
            try:
                if not smtp.is_connected:
                    await smtp.connect()
                await smtp.send_message(self._mail(row), recipients=[row.email])
            except (SMTPException, OSError) as wrong:
                await self._failed(row, wrong)
            else:
                await self._settle(row, "sent", None)
        smtp.close()

    async def _failed(self, row: Any, wrong: Exception) -> None:
        """Refused for good (5xx about this mail), or the last try: failed. Otherwise again, later."""
        code, delays = _code(wrong), self._settings.mail_retry_delays
        problem = f"smtp {code}" if code else type(wrong).__name__
        if (code and code >= 500) or row.tries > len(delays):
            log.error("mail.failed", delivery=str(row.id), tries=row.tries, problem=problem)
            await self._settle(row, "failed", problem)
        else:
            log.warning("mail.again", delivery=str(row.id), tries=row.tries, problem=problem)
            await self._settle(row, "waiting", problem, delays[row.tries - 1])

    async def _settle(self, row: Any, state: str, problem: str | None, delay: float = 0) -> None:
        MAILS.labels("again" if state == "waiting" else state).inc()
        what = {"id": row.id, "tries": row.tries, "state": state, "problem": problem, "delay": delay}
        async with self._db.begin() as tx:
            await tx.session.execute(_SETTLE, what)

    def _smtp(self) -> aiosmtplib.SMTP:
        url = urlsplit(self._settings.smtp_url or "")
        return aiosmtplib.SMTP(
            hostname=url.hostname,
            port=url.port,
            username=unquote(url.username) if url.username else None,
            password=unquote(url.password) if url.password else None,
            use_tls=url.scheme == "smtps",
            timeout=SMTP_SECONDS,
        )

    def _mail(self, row: Any) -> EmailMessage:
        mail = EmailMessage()
        sender = self._settings.mail_from
        mail["From"], mail["To"], mail["Subject"] = sender, row.email, f"[Sinergi] {row.title}"
        mail["Date"] = row.at
        mail["Message-ID"] = f"<{row.id}@{sender.rsplit('@', 1)[-1].strip('> ')}>"
        mail["Auto-Submitted"] = "auto-generated"
        mail.set_content(f"{row.text}\n\n{self._settings.console_url.rstrip('/')}{row.link}\n")
        return mail


def _code(wrong: Exception) -> int | None:
    """The server's answer about this very mail; None for what concerns the connection or our sign-in."""
    if isinstance(wrong, SMTPRecipientsRefused):
        return min((one.code for one in wrong.recipients), default=None)
    if isinstance(wrong, SMTPDataError | SMTPRecipientRefused | SMTPSenderRefused):
        return wrong.code
    return None
