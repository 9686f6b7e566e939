"""Images without what cameras write into them: place, time, device, owner, comments, previews.

Only the container is read, never the picture itself: its bytes stay as they are. What stands behind the image's end is
cut off. Of JPEG's EXIF the orientation is kept, or photos from phones would lie on their side.
"""

import re
import struct
from collections.abc import Callable, Iterator
from typing import BinaryIO

from sinergi.problems import Refused

_CHUNK = 256 * 1024
#: after these follows no length; 00 is a stuffed FF, D0 to D7 are restarts inside a scan
_MARKER = re.compile(rb"\xff[^\x00\xff\xd0-\xd7]")
_SCAN, _END, _EXIF = 0xDA, 0xD9, 0xE1
#: JPEG: APP1 (EXIF, XMP), APP3 to APP13 (previews, IPTC, …), APP15, comments. Kept: JFIF, colour profile, Adobe's
_JPEG_DROPPED = {_EXIF, *range(0xE3, 0xEE), 0xEF, 0xFE}
_PNG_KEPT = {
    b"IHDR", b"PLTE", b"IDAT", b"IEND", b"tRNS", b"cHRM", b"gAMA", b"iCCP", b"sBIT", b"sRGB", b"bKGD", b"pHYs",
    b"acTL", b"fcTL", b"fdAT", b"cICP",
}  # fmt: skip
_WEBP_KEPT = {b"VP8 ", b"VP8L", b"VP8X", b"ALPH", b"ANIM", b"ANMF", b"ICCP"}
#: flags of VP8X that tell of EXIF and XMP
_WEBP_FLAGS = 0x08 | 0x04


def without_metadata(file: BinaryIO, media_type: str) -> Iterator[bytes]:
    """The image in chunks, its metadata left out; other types as they are. Refused: `file-damaged`."""
    clean = _CLEANERS.get(media_type, _as_it_is)
    try:
        yield from clean(file)
    except (struct.error, EOFError) as wrong:
        raise Refused("file-damaged", "The image is damaged or not complete. Take it again.") from wrong


def _as_it_is(file: BinaryIO) -> Iterator[bytes]:
    while chunk := file.read(_CHUNK):
        yield chunk


def _exactly(file: BinaryIO, count: int) -> bytes:
    found = file.read(count)
    if len(found) < count:
        raise EOFError
    return found


def _copied(file: BinaryIO, count: int) -> Iterator[bytes]:
    while count:
        chunk = _exactly(file, min(count, _CHUNK))
        yield chunk
        count -= len(chunk)


# -------------------------------------------------------------------- JPEG


def _jpeg(file: BinaryIO) -> Iterator[bytes]:
    yield _exactly(file, 2)
    while (marker := _next_marker(file)) != _END:
        (length,) = struct.unpack(">H", _exactly(file, 2))
        payload = _exactly(file, max(length - 2, 0))
        if marker == _EXIF and (turned := _orientation(payload)):
            yield _turned(turned)
        if marker not in _JPEG_DROPPED:
            yield bytes((0xFF, marker)) + struct.pack(">H", length) + payload
        if marker == _SCAN:
            yield from _scan(file)
    yield bytes((0xFF, _END))


def _next_marker(file: BinaryIO) -> int:
    if _exactly(file, 1) != b"\xff":
        raise EOFError
    while (marker := _exactly(file, 1)[0]) == 0xFF:  # fill bytes
        pass
    return marker


def _scan(file: BinaryIO) -> Iterator[bytes]:
    """The compressed picture to the next marker, at which the file then stands."""
    while chunk := file.read(_CHUNK):
        if found := _MARKER.search(chunk):
            yield chunk[: found.start()]
            file.seek(found.start() - len(chunk), 1)
            return
        if chunk.endswith(b"\xff") and len(chunk) > 1:  # a marker may be cut in two
            chunk = chunk[:-1]
            file.seek(-1, 1)
        yield chunk
    raise EOFError


def _orientation(exif: bytes) -> int | None:
    """The orientation (2 to 8) that EXIF tells; None when it tells none, or the usual one."""
    tiff = exif.removeprefix(b"Exif\0\0")
    order = {b"II": "<", b"MM": ">"}.get(tiff[:2])
    if order is None or len(tiff) == len(exif):
        return None
    try:
        (first,) = struct.unpack_from(f"{order}I", tiff, 4)
        (count,) = struct.unpack_from(f"{order}H", tiff, first)
        entries = [struct.unpack_from(f"{order}HHIH", tiff, first + 2 + 12 * at) for at in range(count)]
    except struct.error:
        return None
    turned = next((value for tag, kind, many, value in entries if (tag, kind, many) == (0x0112, 3, 1)), 1)
    return turned if 2 <= turned <= 8 else None


def _turned(orientation: int) -> bytes:
    """EXIF that tells the orientation alone."""
    tiff = b"MM\0*" + struct.pack(">IHHHIHHI", 8, 1, 0x0112, 3, 1, orientation, 0, 0)
    payload = b"Exif\0\0" + tiff
    return bytes((0xFF, _EXIF)) + struct.pack(">H", len(payload) + 2) + payload


# --------------------------------------------------------------------- PNG


def _png(file: BinaryIO) -> Iterator[bytes]:
    yield _exactly(file, 8)
    kind = b""
    while kind != b"IEND":
        head = _exactly(file, 8)
        length, kind = struct.unpack(">I4s", head)
        rest = _copied(file, length + 4)
        if kind in _PNG_KEPT:
            yield head
            yield from rest
        else:
            _pass_over(rest)


def _pass_over(chunks: Iterator[bytes]) -> None:
    for _ in chunks:
        pass


# -------------------------------------------------------------------- WEBP


def _webp(file: BinaryIO) -> Iterator[bytes]:
    kept = list(_webp_chunks(file))
    yield b"RIFF" + struct.pack("<I", 4 + sum(8 + length + length % 2 for _, length, _ in kept)) + b"WEBP"
    for kind, length, place in kept:
        file.seek(place)
        yield kind + struct.pack("<I", length)
        if kind == b"VP8X":
            head = _exactly(file, 1)
            yield bytes((head[0] & ~_WEBP_FLAGS,))
            yield from _copied(file, length - 1 + length % 2)
        else:
            yield from _copied(file, length + length % 2)


def _webp_chunks(file: BinaryIO) -> Iterator[tuple[bytes, int, int]]:
    """Kind, length and place of each chunk that is kept, within what the header says is the image."""
    (size,) = struct.unpack("<4xI4x", _exactly(file, 12))
    place, end = 12, 8 + size
    while place + 8 <= end:
        file.seek(place)
        kind, length = struct.unpack("<4sI", _exactly(file, 8))
        if kind == b"VP8X" and length < 10:
            raise EOFError
        if kind in _WEBP_KEPT:
            yield kind, length, place + 8
        place += 8 + length + length % 2


_CLEANERS: dict[str, Callable[[BinaryIO], Iterator[bytes]]] = {
    "image/jpeg": _jpeg,
    "image/png": _png,
    "image/webp": _webp,
}
