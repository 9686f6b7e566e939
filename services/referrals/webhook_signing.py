"""Signatures by Standard Webhooks (standardwebhooks.com): ours on what we send, an agency's on what it asks.

A secret is no stored thing: it is made from the service's key and the secret's id, so neither a dump of the database
nor an answer that is kept for an idempotency key holds one.
"""

import base64
import hashlib
import hmac
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import ClassVar
from uuid import UUID

from standardwebhooks import Webhook as Signer
from standardwebhooks import WebhookVerificationError

from sinergi.problems import Refused


class Secrets:
    """Makes the secrets of webhooks from a key of 32 bytes."""

    _current: ClassVar["Secrets | None"] = None

    def __init__(self, key: bytes) -> None:
        self._key = key

    def of(self, secret_id: UUID) -> str:
        """The secret with this id, as `whsec_…`."""
        made = hmac.digest(self._key, b"sinergi-webhook-" + secret_id.bytes, hashlib.sha256)
        return f"whsec_{base64.b64encode(made).decode()}"

    def use(self) -> None:
        """Make these the secrets of this process."""
        Secrets._current = self

    @classmethod
    def current(cls) -> "Secrets":
        """The secrets of this process."""
        if cls._current is None:
            raise LookupError("no key is in use: Secrets(key).use() at start")
        return cls._current


def signature_headers(secret_ids: Sequence[UUID], message_id: str, body: str) -> dict[str, str]:
    """The three headers; while a secret is exchanged there are two signatures, and the receiver needs one of them."""
    now = datetime.now(UTC)
    signatures = [Signer(Secrets.current().of(one)).sign(message_id, now, body) for one in secret_ids]
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": " ".join(signatures),
    }


def must_be_signed(secret_ids: Sequence[UUID], headers: Mapping[str, str], body: bytes) -> None:
    """Refused: `signature-not-valid`, unless one of the secrets signed this body at most five minutes ago."""
    for one in secret_ids:
        try:
            Signer(Secrets.current().of(one)).verify(body, dict(headers), json_parse=False)
        except (WebhookVerificationError, ValueError):  # what is no base64, number or text is no signature
            continue
        return
    raise Refused(
        "signature-not-valid", "The signature is missing, wrong, or older than five minutes.", "unauthenticated"
    )
