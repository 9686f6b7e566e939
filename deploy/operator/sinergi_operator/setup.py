"""The users of a new system: one for each role, with generated passwords."""

import json
import os
import secrets
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any
from uuid import NAMESPACE_URL, uuid5

from pwdlib import PasswordHash

from sinergi_operator.nats_config import CORE_USERS

BUILT_IN = ["koperasi", "bptsp"]
"""The agencies that a new system has: their plug-ins are in deploy/agency."""

SERVICES = [user for user in CORE_USERS if user != "operator"]

ACCOUNTS = [
    {"username": "operator", "name": "Operator Data", "role": "operator", "agency": "dinsos", "area": "31.74"},
    {"username": "peksos", "name": "Pekerja Sosial", "role": "social_worker", "agency": "dinsos", "area": "31.74"},
    {"username": "supervisor", "name": "Supervisor", "role": "supervisor", "agency": "dinsos", "area": "31.74"},
    {"username": "koperasi", "name": "Petugas Koperasi", "role": "desk_officer", "agency": "koperasi", "area": "31.74"},
    {"username": "bptsp", "name": "Petugas BPTSP", "role": "desk_officer", "agency": "bptsp", "area": "31.74"},
    {"username": "auditor", "name": "Auditor", "role": "auditor", "agency": "dinsos", "area": "31.74"},
]
"""One user for each role and each agency's desk; area 31.74 is Kota Jakarta Selatan."""


@dataclass(frozen=True, slots=True)
class Login:
    """How one of `ACCOUNTS` signs in. `sub` is the id by which the services know the user."""

    username: str
    password: str
    role: str
    sub: str


def ensure_users(folder: Path) -> list[Login]:
    """Make `folder/users.json` (argon2 hashes, for the console) and `folder/logins.json` (passwords), mode 0600.

    Passwords once made stay, and so do users whom somebody else added to users.json.
    """
    return ensure_user_files(users_file=folder / "users.json", logins_file=folder / "logins.json")


def ensure_user_files(users_file: Path, logins_file: Path) -> list[Login]:
    """As `ensure_users`, with the two files in different places."""
    known = {login["username"]: login["password"] for login in _read(logins_file)}
    rows = {row["username"]: row for row in _read(users_file)}
    logins = [_login(account, known.get(account["username"])) for account in ACCOUNTS]
    _write(logins_file, [asdict(login) for login in logins])
    for account, login in zip(ACCOUNTS, logins, strict=True):
        if login.username not in known or login.username not in rows:
            rows[login.username] = _user(account, login)
    _write(users_file, list(rows.values()))
    return logins


def _login(account: dict[str, str], password: str | None) -> Login:
    username = account["username"]
    # The same id on every machine, so that a lost users.json does not orphan what the user did.
    sub = str(uuid5(NAMESPACE_URL, f"urn:sinergi:user:{username}"))
    return Login(username, password or secrets.token_urlsafe(12), account["role"], sub)


def _user(account: dict[str, str], login: Login) -> dict[str, str]:
    return {"sub": login.sub, "password_hash": PasswordHash.recommended().hash(login.password), **account}


def _read(path: Path) -> list[dict[str, Any]]:
    return list(json.loads(path.read_text())) if path.exists() else []


def _write(path: Path, rows: list[dict[str, Any]]) -> None:
    replace(path, json.dumps(rows, indent=1))


def replace(path: Path, content: str, mode: int = 0o600) -> None:
    """Write a file whole or not at all; readable by the owner alone unless `mode` says more."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    part = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    with os.fdopen(os.open(part, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "w") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    part.chmod(mode)
    part.rename(path)
