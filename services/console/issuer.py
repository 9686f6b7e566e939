"""The built-in issuer: Ed25519 keys in the console's database, and tokens signed with the newest."""

import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from joserfc import jwt
from joserfc.jwk import KeySet, OKPKey
from sqlalchemy import select, text

from services.console.models import SigningKey, User
from services.console.settings import ConsoleSettings
from sinergi.db import Database, Tx, new_id

ALGORITHM = "Ed25519"
_LOCK = text("SELECT pg_advisory_xact_lock(hashtext('sinergi-console-signing-key'))")


@dataclass(frozen=True, slots=True)
class Token:
    """An access token and when it ends."""

    value: str
    expires_at: datetime


async def ensure_key(db: Database) -> None:
    """Make the first signing key; replicas that start together make one."""
    async with db.begin() as tx:
        await tx.session.execute(_LOCK)
        if await tx.session.scalar(select(SigningKey.kid).limit(1)) is None:
            kid = str(new_id())
            key = OKPKey.generate_key("Ed25519", {"kid": kid, "use": "sig", "alg": ALGORITHM})
            tx.add(SigningKey(kid=kid, jwk=key.as_dict(private=True)))


async def public_keys(tx: Tx) -> dict[str, Any]:
    """The JWKS: every key's public part."""
    rows = await tx.session.scalars(select(SigningKey))
    return {"keys": KeySet([OKPKey.import_key(row.jwk) for row in rows]).as_dict(private=False)["keys"]}


async def issue(tx: Tx, user: User, settings: ConsoleSettings) -> Token:
    """A token that says who the user is, for the time that the settings say."""
    row = await tx.session.scalar(select(SigningKey).order_by(SigningKey.created_at.desc()).limit(1))
    if row is None:
        raise LookupError("there is no signing key: ensure_key runs at start")
    now = int(time.time())
    ends = now + settings.token_seconds
    claims = {
        "iss": settings.issuer,
        "aud": settings.audience,
        "sub": user.sub,
        "iat": now,
        "exp": ends,
        settings.claim_role: user.role,
        settings.claim_agency: user.agency,
        settings.claim_area: user.area,
    }
    header = {"alg": ALGORITHM, "kid": row.kid, "typ": "at+jwt"}
    value = jwt.encode(header, claims, OKPKey.import_key(row.jwk), algorithms=[ALGORITHM])
    return Token(value, datetime.fromtimestamp(ends, UTC))
