"""Notify at work, with a real SMTP server that can be told to refuse."""

import os
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any

import pytest
from aiosmtpd.controller import Controller

from sinergi_operator.processes import free_port
from tests.harness.stack import Running, Stack


@dataclass
class Post:
    """An SMTP server: what came, and the answers that it gives before it takes a mail."""

    port: int = field(default_factory=free_port)
    mails: list[EmailMessage] = field(default_factory=list)
    answers: dict[str, list[str]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.open()

    def open(self) -> None:
        """Listen."""
        self._controller = Controller(self, hostname="127.0.0.1", port=self.port)
        self._controller.start()

    def close(self) -> None:
        """Be gone."""
        self._controller.stop()

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802 (aiosmtpd's)
        """Take a mail, or give the next answer kept for its recipient."""
        if answers := self.answers.get(envelope.rcpt_tos[0]):
            return answers.pop(0)
        mail = message_from_bytes(envelope.content, policy=policy.default)
        assert isinstance(mail, EmailMessage)
        self.mails.append(mail)
        return "250 OK"

    def to(self, email: str) -> list[EmailMessage]:
        """The mails that came for this address."""
        return [mail for mail in self.mails if mail["To"] == email]


@pytest.fixture(scope="module")
def post() -> Iterator[Post]:
    """The SMTP server."""
    post = Post()
    yield post
    post.close()


@pytest.fixture(scope="module")
async def notify(stack: Stack, post: Post) -> AsyncIterator[Running]:
    """Notify, mailing through `post`."""
    settings = {
        "SINERGI_SMTP_URL": f"smtp://127.0.0.1:{post.port}",
        "SINERGI_MAIL_FROM": "sinergi@dinsos.test",
        "SINERGI_CONSOLE_URL": "http://console.test",
        "SINERGI_MAIL_RETRY_DELAYS": "[0.2, 0.2, 0.2, 0.2, 0.2, 0.2, 0.2, 0.2, 0.2, 0.2]",
    }
    async with stack.run("notify", **settings) as running:
        yield running
    for name in settings:
        os.environ.pop(name, None)
