"""What is confidential, as the disk holds it: sealed by AES-GCM under keys derived from the service's one.

A text opens under its own name only, so that no row's text can be put in the place of another's. A file is sealed in
pieces (the STREAM construction: Hoang, Reyhanitabar, Rogaway, Vizár 2015), so that it is read and written in bounded
memory, and a piece that is missing, moved or from another file does not open.
"""

import hashlib
import hmac
import secrets
from collections.abc import AsyncIterable, AsyncIterator, Iterator
from typing import ClassVar, Protocol

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

PIECE = 256 * 1024
_NONCE = 12
_PREFIX = 7
_TAG = 16


class Readable(Protocol):
    """What is read like a file: fewer bytes than asked for come only at the end."""

    def read(self, count: int, /) -> bytes:
        """The next bytes."""
        ...


class SealBroken(Exception):
    """Something was sealed by another key, or is damaged."""


class Seal:
    """The service's seal: texts by `close` and `open`, files by `pieces` and `open_pieces`. The key has 32 bytes."""

    _current: ClassVar["Seal | None"] = None

    def __init__(self, key: bytes) -> None:
        self._texts, self._files = AESGCM(_derived(key, b"texts")), AESGCM(_derived(key, b"files"))
        #: tells whether a database was sealed by this key, and tells nothing else
        self.check = _derived(key, b"check")

    def close(self, text: str, name: str) -> bytes:
        """The text, sealed; it opens under the same name only."""
        nonce = secrets.token_bytes(_NONCE)
        return nonce + self._texts.encrypt(nonce, text.encode(), name.encode())

    def open(self, sealed: bytes, name: str) -> str:
        """What `close` sealed. Raises SealBroken under another key or name."""
        return _opened(self._texts, sealed[:_NONCE], sealed[_NONCE:], name).decode()

    def pieces(self, file: Readable, name: str) -> Iterator[bytes]:
        """The file from here to its end, sealed piece by piece under this name."""
        prefix = secrets.token_bytes(_PREFIX)
        yield prefix
        piece, number = file.read(PIECE), 0
        while True:
            after = file.read(PIECE)
            yield self._files.encrypt(_nonce(prefix, number, last=not after), piece, name.encode())
            if not after:
                return
            piece, number = after, number + 1

    async def open_pieces(self, sealed: AsyncIterable[bytes], name: str) -> AsyncIterator[bytes]:
        """What `pieces` sealed. Raises SealBroken at the first piece that is not the next of this name."""
        waiting, prefix, number = b"", b"", 0
        async for chunk in sealed:
            waiting += bytes(chunk)
            if not prefix and len(waiting) >= _PREFIX:
                prefix, waiting = waiting[:_PREFIX], waiting[_PREFIX:]
            while prefix and len(waiting) > PIECE + _TAG:
                piece, waiting = waiting[: PIECE + _TAG], waiting[PIECE + _TAG :]
                yield _opened(self._files, _nonce(prefix, number, last=False), piece, name)
                number += 1
        yield _opened(self._files, _nonce(prefix, number, last=True), waiting, name)

    def use(self) -> None:
        """Make this the seal of this process."""
        Seal._current = self

    @classmethod
    def current(cls) -> "Seal":
        """The seal of this process."""
        if cls._current is None:
            raise LookupError("no seal is in use: Seal(key).use() at start")
        return cls._current


def _derived(key: bytes, purpose: bytes) -> bytes:
    return hmac.digest(key, b"sinergi-cases-" + purpose, hashlib.sha256)


def _nonce(prefix: bytes, number: int, *, last: bool) -> bytes:
    return prefix + number.to_bytes(4, "big") + (b"\1" if last else b"\0")


def _opened(cipher: AESGCM, nonce: bytes, sealed: bytes, name: str) -> bytes:
    try:
        return cipher.decrypt(nonce, sealed, name.encode())
    except (InvalidTag, ValueError) as wrong:
        raise SealBroken("It was sealed by another key or under another name, or is damaged.") from wrong
