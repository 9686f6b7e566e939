"""Names and passwords: checked against argon2 hashes, and counted, so that nobody guesses for long."""

import asyncio
import hashlib
import json
import secrets
from pathlib import Path

from pwdlib import PasswordHash
from pydantic import BaseModel, TypeAdapter
from sqlalchemy import delete, func, select, text
from sqlalchemy.dialects.postgresql import insert

from services.console.models import LoginTry, User
from sinergi.db import Database, new_id
from sinergi.permissions import Role
from sinergi.problems import Refused

#: failed tries with one name, in so many seconds, before the name must wait
TRIES, WINDOW_SECONDS = 5, 900
_RECENT = text(f"now() - interval '{WINDOW_SECONDS} seconds'")

_hasher = PasswordHash.recommended()
#: compared with when there is no such user, so that the answer takes as long
_NOBODY = _hasher.hash(secrets.token_urlsafe())


class BuiltInUser(BaseModel):
    """One entry of the users' file."""

    sub: str
    username: str
    password_hash: str
    name: str
    role: Role
    agency: str
    area: str


async def load_users(db: Database, file: Path) -> None:
    """Make or change the users that the file lists; others stay."""
    content = await asyncio.to_thread(file.read_text)
    users = TypeAdapter(list[BuiltInUser]).validate_python(json.loads(content))
    async with db.begin() as tx:
        for user in users:
            values = user.model_dump(mode="json")
            row = insert(User).values(values)
            await tx.session.execute(row.on_conflict_do_update(index_elements=["sub"], set_=values))


async def authenticate(db: Database, username: str, password: str) -> User:
    """The user whose password this is; `Refused` otherwise, in the same words whatever was wrong."""
    digest = hashlib.sha256(username.strip().lower().encode()).hexdigest()
    await _count(db, digest)
    async with db.begin() as tx:
        user = await tx.session.scalar(select(User).where(User.username == username.strip()))
    kept = user.password_hash if user else _NOBODY
    if not await asyncio.to_thread(_hasher.verify, password, kept) or user is None:
        raise Refused("wrong-name-or-password", "The name or the password is wrong.", "unauthenticated")
    async with db.begin() as tx:
        await tx.session.execute(delete(LoginTry).where(LoginTry.name_digest == digest))
    return user


async def _count(db: Database, digest: str) -> None:
    """Write the try down before the password is looked at: tries at the same moment count too."""
    async with db.begin() as tx:
        await tx.session.execute(delete(LoginTry).where(LoginTry.at < _RECENT))
        tx.add(LoginTry(id=new_id(), name_digest=digest))
        await tx.session.flush()
        tries = select(func.count()).select_from(LoginTry).where(LoginTry.name_digest == digest)
        number = await tx.session.scalar(tries) or 0
    if number > TRIES:
        raise Refused("too-many-tries", f"Too many tries. Wait {WINDOW_SECONDS // 60} minutes.", "too-many")
