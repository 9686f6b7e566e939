"""Keys and passwords of an embedded system: made once, kept in files that only their owner reads."""

import os
import secrets
from pathlib import Path

import nkeys


def ensure_keys(folder: Path, users: list[str]) -> dict[str, str]:
    """Make the missing NKEY user seeds `folder/<user>.nk` (mode 0600); returns user -> public key."""
    return {user: _public_key(_ensure_file(folder / f"{user}.nk", _new_seed())) for user in users}


def ensure_secret(path: Path, nbytes: int = 24) -> str:
    """The password in `path` (mode 0600); made of `nbytes` random bytes when missing, URL-safe."""
    return _ensure_file(path, secrets.token_urlsafe(nbytes))


def ensure_key(path: Path) -> str:
    """The key in `path` (mode 0600) in hexadecimal digits; made of 32 random bytes when missing."""
    return _ensure_file(path, secrets.token_hex(32))


def public_key(seed_file: Path) -> str:
    """The public key of the seed in this file."""
    return _public_key(seed_file.read_text().strip())


def _new_seed() -> str:
    seed: bytes = nkeys.encode_seed(secrets.token_bytes(32), nkeys.PREFIX_BYTE_USER)
    return seed.decode()


def _public_key(seed: str) -> str:
    pair = nkeys.from_seed(bytearray(seed.encode()))
    public_key: bytes = pair.public_key
    return public_key.decode()


def _ensure_file(path: Path, content: str) -> str:
    """Write `content` unless the file is there; return what is there then."""
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        _create(path, content)
    return path.read_text().strip()


def _create(path: Path, content: str) -> None:
    """Whole or not at all, and never over a file that somebody else has just made."""
    part = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    file = os.open(part, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
    try:
        with os.fdopen(file, "w") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        os.link(part, path)
    except FileExistsError:
        pass  # another launcher was first: its file counts
    finally:
        part.unlink()
