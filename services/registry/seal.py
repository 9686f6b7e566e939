"""NIK and No. KK as the database holds them: sealed, so that neither a dump nor an index nor a query shows one.

A number of at most 16 digits is exactly one block of AES. Encrypting that one block is a permutation of all blocks: the
same number always gives the same 16 bytes, so equality, unique indexes and joins work on sealed numbers (a blind
index that is the ciphertext itself), and whoever holds the key can open them again. Nothing but equality is told.
NIK and KK have keys of their own, derived from the service's one. Whole rows are sealed by AES-GCM.
"""

import hashlib
import hmac
import secrets
import zlib
from collections.abc import Sequence
from typing import Any, ClassVar

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers import Cipher, CipherContext, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from sqlalchemy import LargeBinary, TypeDecorator
from sqlalchemy.engine import Dialect

BLOCK = 16
_NONCE = 12


class SealBroken(Exception):
    """Something was sealed by another key, or is damaged."""


class Numbers:
    """Seals numbers of at most 16 digits by one key."""

    def __init__(self, key: bytes) -> None:
        # one block a message: ECB is then the permutation itself, and has no pattern of blocks to show
        self._cipher = Cipher(algorithms.AES(key), modes.ECB())  # noqa: S305

    def seal(self, number: str) -> bytes:
        """16 bytes. ValueError for more than 16 digits or anything but digits."""
        return self._run(self._cipher.encryptor(), _block(number))

    def open(self, sealed: bytes) -> str:
        """The number. Raises SealBroken under another key."""
        return _number(self._run(self._cipher.decryptor(), sealed))

    def seal_many(self, numbers: Sequence[str | None]) -> list[bytes | None]:
        """As `seal` for each that is not None: one call of the cipher for all, 10 million numbers a second."""
        sealed = self._run(self._cipher.encryptor(), b"".join([_block(one) for one in numbers if one is not None]))
        blocks = iter(range(0, len(sealed), BLOCK))
        return [None if one is None else sealed[(at := next(blocks)) : at + BLOCK] for one in numbers]

    def open_many(self, sealed: Sequence[bytes | None]) -> list[str | None]:
        """As `open` for each that is not None."""
        opened = self._run(self._cipher.decryptor(), b"".join([one for one in sealed if one is not None]))
        blocks = iter(range(0, len(opened), BLOCK))
        return [None if one is None else _number(opened[(at := next(blocks)) : at + BLOCK]) for one in sealed]

    @staticmethod
    def _run(cipher: CipherContext, data: bytes) -> bytes:
        return cipher.update(data) + cipher.finalize()


class Seal:
    """The service's seal: `nik` and `kk` for numbers, `page` and `open_page` for raw rows. The key has 32 bytes."""

    _current: ClassVar["Seal | None"] = None

    def __init__(self, key: bytes) -> None:
        self.nik, self.kk = Numbers(_derived(key, b"nik")), Numbers(_derived(key, b"kk"))
        self._pages = AESGCM(_derived(key, b"pages"))
        #: tells whether a database was sealed by this key, and tells nothing else
        self.check = _derived(key, b"check")

    def page(self, content: str, name: str) -> bytes:
        """Compressed and sealed; opens under the same name only."""
        nonce = secrets.token_bytes(_NONCE)
        return nonce + self._pages.encrypt(nonce, zlib.compress(content.encode(), 1), name.encode())

    def open_page(self, sealed: bytes, name: str) -> str:
        """What `page` sealed. Raises SealBroken under another key or name."""
        try:
            packed = self._pages.decrypt(sealed[:_NONCE], sealed[_NONCE:], name.encode())
        except InvalidTag as wrong:
            raise SealBroken("A page was sealed by another key.") from wrong
        return zlib.decompress(packed).decode()

    def use(self) -> None:
        """Make this the seal of this process: the tables' sealed columns then seal and open by themselves."""
        Seal._current = self

    @classmethod
    def current(cls) -> "Seal":
        """The seal of this process."""
        if cls._current is None:
            raise LookupError("no seal is in use: Seal(key).use() at start")
        return cls._current


class SealedNumber(TypeDecorator[str]):
    """A column of sealed numbers, `kind` nik or kk: digits in Python, 16 bytes in the database."""

    impl = LargeBinary
    cache_ok = True

    def __init__(self, kind: str) -> None:
        super().__init__()
        self.kind = kind

    def process_bind_param(self, value: str | None, dialect: Dialect) -> bytes | None:
        """Seal."""
        return None if value is None else self._numbers().seal(value)

    def process_result_value(self, value: Any | None, dialect: Dialect) -> str | None:
        """Open."""
        return None if value is None else self._numbers().open(bytes(value))

    def _numbers(self) -> Numbers:
        seal = Seal.current()
        return seal.nik if self.kind == "nik" else seal.kk


def _derived(key: bytes, purpose: bytes) -> bytes:
    return hmac.digest(key, b"sinergi-registry-" + purpose, hashlib.sha256)


def _block(number: str) -> bytes:
    if not 0 < len(number) <= BLOCK or not (number.isascii() and number.isdigit()):
        raise ValueError("a sealed number has 1 to 16 digits")
    return number.encode().ljust(BLOCK)


def _number(block: bytes) -> str:
    number = block.rstrip(b" ")
    if not number.isdigit():
        raise SealBroken("A number was sealed by another key.")
    return number.decode()
