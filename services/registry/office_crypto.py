"""Encrypts a workbook so that Excel and LibreOffice ask for its password: ECMA-376 "agile" (MS-OFFCRYPTO 2.3.4.10-15).

AES-256-CBC in segments of 4096 bytes, SHA-512, 100,000 rounds for the password, HMAC over the whole content. The key of
the content is random; the password only locks that key (`Lock`), so a worker writes the file without the password.
Why not a library: docs/decisions/0010-exports-are-encrypted-here.md.
"""

import base64
import hashlib
import hmac
import secrets
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from struct import pack
from typing import BinaryIO

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from services.registry.compound_file import Storage, Stream, compound_file

SPIN = 100_000
SEGMENT = 4096
_CHUNK = 1 << 20
_BLOCK = 16

#: the purposes for which keys and initial vectors are derived (MS-OFFCRYPTO 2.3.4.13 and 2.3.4.14)
_VERIFIER_INPUT = bytes.fromhex("fea7d2763b4b9e79")
_VERIFIER_HASH = bytes.fromhex("d7aa0f6d3061344e")
_KEY_VALUE = bytes.fromhex("146e0be7abacd0d6")
_HMAC_KEY = bytes.fromhex("5fb2ad010cb9e1f6")
_HMAC_VALUE = bytes.fromhex("a0677f02b22c8433")

_INFO = """<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\r
<encryption xmlns="http://schemas.microsoft.com/office/2006/encryption" \
xmlns:p="http://schemas.microsoft.com/office/2006/keyEncryptor/password">\
<keyData saltSize="16" blockSize="16" keyBits="256" hashSize="64" cipherAlgorithm="AES" \
cipherChaining="ChainingModeCBC" hashAlgorithm="SHA512" saltValue="{content_salt}"/>\
<dataIntegrity encryptedHmacKey="{hmac_key}" encryptedHmacValue="{hmac_value}"/>\
<keyEncryptors><keyEncryptor uri="http://schemas.microsoft.com/office/2006/keyEncryptor/password">\
<p:encryptedKey spinCount="{spin}" saltSize="16" blockSize="16" keyBits="256" hashSize="64" cipherAlgorithm="AES" \
cipherChaining="ChainingModeCBC" hashAlgorithm="SHA512" saltValue="{salt}" \
encryptedVerifierHashInput="{verifier_input}" encryptedVerifierHashValue="{verifier_hash}" \
encryptedKeyValue="{key_value}"/></keyEncryptor></keyEncryptors></encryption>"""


@dataclass(frozen=True, slots=True)
class Lock:
    """What the file says of its password, Base64: it opens the content's key for whoever knows the password."""

    spin: int
    salt: str
    verifier_input: str
    verifier_hash: str
    key_value: str
    content_salt: str

    def as_dict(self) -> dict[str, str | int]:
        """For a JSON column."""
        return asdict(self)


def new_lock(password: str, spin: int = SPIN) -> tuple[Lock, bytes]:
    """A lock for this password, and the new key of 32 bytes that it holds. Takes some 0.1 s of CPU."""
    salt, verifier, key = secrets.token_bytes(16), secrets.token_bytes(16), secrets.token_bytes(32)
    hashed = hashlib.sha512(salt + password.encode("utf-16-le")).digest()
    for number in range(spin):
        hashed = hashlib.sha512(pack("<I", number) + hashed).digest()

    def locked(purpose: bytes, value: bytes) -> str:
        return _text(_cbc(hashlib.sha512(hashed + purpose).digest()[:32], salt, value))

    verifier_hash = hashlib.sha512(verifier).digest()
    lock = Lock(
        spin=spin,
        salt=_text(salt),
        verifier_input=locked(_VERIFIER_INPUT, verifier),
        verifier_hash=locked(_VERIFIER_HASH, verifier_hash),
        key_value=locked(_KEY_VALUE, key),
        content_salt=_text(secrets.token_bytes(16)),
    )
    return lock, key


class EncryptedFile:
    """Takes the workbook in pieces (`write`), keeps it encrypted in `work`, and gives the finished file in pieces."""

    def __init__(self, lock: Lock, key: bytes, work: BinaryIO) -> None:
        self._lock, self._key, self._work = lock, key, work
        self._salt = base64.b64decode(lock.content_salt)
        self._waiting = bytearray()
        self._segments, self._size = 0, 0

    def write(self, piece: bytes) -> int:
        """Encrypt what is full by now."""
        self._waiting += piece
        self._size += len(piece)
        whole = len(self._waiting) // SEGMENT * SEGMENT
        for begin in range(0, whole, SEGMENT):
            self._encrypt(bytes(self._waiting[begin : begin + SEGMENT]))
        del self._waiting[:whole]
        return len(piece)

    def flush(self) -> None:
        """Nothing to do: a zip file asks for it."""

    def finished(self) -> Iterator[bytes]:
        """The encrypted file, in pieces; nothing can be written any more."""
        if self._waiting:
            self._encrypt(bytes(self._waiting) + bytes(-len(self._waiting) % _BLOCK))
            self._waiting.clear()
        info = self._info()
        package = Stream("EncryptedPackage", 8 + self._work.tell(), self._package())
        return compound_file([_data_spaces(), Stream("EncryptionInfo", len(info), [info]), package])

    def _encrypt(self, segment: bytes) -> None:
        vector = hashlib.sha512(self._salt + pack("<I", self._segments)).digest()[:_BLOCK]
        self._work.write(_cbc(self._key, vector, segment))
        self._segments += 1

    def _package(self) -> Iterator[bytes]:
        yield pack("<Q", self._size)
        self._work.seek(0)
        while piece := self._work.read(_CHUNK):
            yield piece

    def _info(self) -> bytes:
        """The stream EncryptionInfo: version 4.4, then the descriptor with the content's HMAC."""
        hmac_key = secrets.token_bytes(64)
        digest = hmac.new(hmac_key, digestmod="sha512")
        for piece in self._package():
            digest.update(piece)
        values = self._lock.as_dict() | {
            "hmac_key": self._for(_HMAC_KEY, hmac_key),
            "hmac_value": self._for(_HMAC_VALUE, digest.digest()),
        }
        return pack("<HHI", 4, 4, 0x40) + _INFO.format(**values).encode()

    def _for(self, purpose: bytes, value: bytes) -> str:
        return _text(_cbc(self._key, hashlib.sha512(self._salt + purpose).digest()[:_BLOCK], value))


def _cbc(key: bytes, vector: bytes, content: bytes) -> bytes:
    cipher = Cipher(algorithms.AES(key), modes.CBC(vector)).encryptor()
    return cipher.update(content) + cipher.finalize()


def _text(content: bytes) -> str:
    return base64.b64encode(content).decode()


# ---------------------------------------------- what says that it is encrypted


def _data_spaces() -> Storage:
    """The storage \\x06DataSpaces: the package was transformed by encryption (MS-OFFCRYPTO 2.1 and 2.3.4.1-3)."""
    versions = pack("<HHHHHH", 1, 0, 1, 0, 1, 0)
    head = pack("<II", 8, 1)
    entry = pack("<II", 1, 0) + _named("EncryptedPackage") + _named("StrongEncryptionDataSpace")
    definition = head + _named("StrongEncryptionTransform")
    kind = pack("<I", 1) + _named("{FF9A3F03-56EF-4613-BDD5-5A41C1D07246}")
    transform = pack("<I", 4 + len(kind)) + kind + _named("Microsoft.Container.EncryptionTransform") + versions
    primary = transform + pack("<IIII", 0, 0, 0, 4)
    return Storage(
        "\x06DataSpaces",
        [
            _stream("Version", _named("Microsoft.Container.DataSpaces") + versions),
            _stream("DataSpaceMap", head + pack("<I", 4 + len(entry)) + entry),
            Storage("DataSpaceInfo", [_stream("StrongEncryptionDataSpace", definition)]),
            Storage("TransformInfo", [Storage("StrongEncryptionTransform", [_stream("\x06Primary", primary)])]),
        ],
    )


def _stream(name: str, content: bytes) -> Stream:
    return Stream(name, len(content), [content])


def _named(text: str) -> bytes:
    """UNICODE-LP-P4: the length in bytes, the text, filled up to four bytes."""
    content = text.encode("utf-16-le")
    return pack("<I", len(content)) + content + bytes(-len(content) % 4)
