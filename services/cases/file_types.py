"""Which files are taken: the first bytes, the name's ending and the declared type must all say the same.

Nothing is unpacked or rendered. A file that is two things at once (a PDF with an archive behind it, an archive with a
PDF header inside its first bytes) is refused; what stands behind the end of an image is cut off (image_metadata.py).
"""

import codecs
import zipfile
from collections.abc import Callable
from pathlib import PurePath
from typing import BinaryIO, NamedTuple

from sinergi.problems import Refused

_OFFICE = "application/vnd.openxmlformats-officedocument"
_CHUNK = 256 * 1024
#: an archive's end record with the longest comment
_ZIP_TAIL = 22 + 65_535
#: readers look for a PDF's header and its end within so many bytes
_PDF_REACH = 1024


class FileType(NamedTuple):
    """A type of file: its media type, the endings and declared types that go with it, and how it is recognised."""

    media_type: str
    endings: tuple[str, ...]
    declared: tuple[str, ...]
    fits: Callable[[BinaryIO, bytes], bool]


class Limits(NamedTuple):
    """What an office file may unpack to."""

    bytes: int
    ratio: int
    parts: int


MOST = Limits(bytes=400 * 1024**2, ratio=200, parts=2000)


def recognise(file: BinaryIO, name: str, declared: str) -> FileType:
    """The type of the file; it stands at its beginning again.

    Refused: `file-type-not-allowed` for other types, `file-type-mismatch` when bytes, ending and declared type differ,
    `file-empty`, `file-unpacks-too-large`.
    """
    ending = PurePath(name).suffix.lower()
    wanted = next((one for one in TYPES if ending in one.endings), None)
    if wanted is None:
        raise Refused("file-type-not-allowed", f"These files are taken: {', '.join(ENDINGS)}.")
    head = _read_at(file, 0, _PDF_REACH)
    if not head:
        raise Refused("file-empty", "The file is empty.")
    if declared.split(";")[0].strip().lower() not in wanted.declared or not wanted.fits(file, head):
        raise Refused("file-type-mismatch", "The file's content is not what its name says. Export it again.")
    file.seek(0)
    return wanted


def _read_at(file: BinaryIO, place: int, count: int) -> bytes:
    file.seek(place)
    return file.read(count)


def _tail(file: BinaryIO, count: int) -> bytes:
    size = file.seek(0, 2)
    return _read_at(file, max(0, size - count), count)


def _is_pdf(file: BinaryIO, head: bytes) -> bool:
    tail = _tail(file, _ZIP_TAIL)
    return head.startswith(b"%PDF-") and b"%%EOF" in tail[-_PDF_REACH:] and b"PK\5\6" not in tail


def _is_jpeg(file: BinaryIO, head: bytes) -> bool:
    return head.startswith(b"\xff\xd8\xff")


def _is_png(file: BinaryIO, head: bytes) -> bool:
    return head.startswith(b"\x89PNG\r\n\x1a\n")


def _is_webp(file: BinaryIO, head: bytes) -> bool:
    return head.startswith(b"RIFF") and head[8:12] == b"WEBP"


def _is_docx(file: BinaryIO, head: bytes) -> bool:
    return _is_office(file, head, "word/document.xml")


def _is_xlsx(file: BinaryIO, head: bytes) -> bool:
    return _is_office(file, head, "xl/workbook.xml")


def _is_office(file: BinaryIO, head: bytes, main: str) -> bool:
    """An office file of the Open XML kind, without macros."""
    if not head.startswith(b"PK\3\4") or b"%PDF-" in head:
        return False
    file.seek(0)
    try:
        with zipfile.ZipFile(file) as archive:
            parts = archive.infolist()
    except (zipfile.BadZipFile, NotImplementedError, ValueError, EOFError):
        return False
    _refuse_bomb(parts)
    names = {one.filename for one in parts}
    macros = any(name.lower().endswith("vbaproject.bin") for name in names)
    starts_with_first = min((one.header_offset for one in parts), default=1) == 0
    return {"[Content_Types].xml", main} <= names and not macros and starts_with_first


def _refuse_bomb(parts: list[zipfile.ZipInfo]) -> None:
    unpacked, packed = sum(one.file_size for one in parts), sum(one.compress_size for one in parts)
    if len(parts) > MOST.parts or unpacked > MOST.bytes or unpacked > MOST.ratio * max(packed, 1):
        raise Refused("file-unpacks-too-large", "The file unpacks to far more than it holds. Save it anew.")


def _is_text(file: BinaryIO, head: bytes) -> bool:
    """UTF-8 without control characters, and no other type's beginning."""
    if head.startswith((b"PK", b"MZ", b"\x7fELF", b"#!", b"RIFF", b"GIF8")) or b"%PDF-" in head:
        return False
    file.seek(0)
    decoder = codecs.getincrementaldecoder("utf-8")()
    try:
        while chunk := file.read(_CHUNK):
            if any(char < " " and char not in "\t\n\r\f" for char in set(decoder.decode(chunk))):
                return False
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return False
    return True


#: browsers and phones declare these; "application/octet-stream" says nothing and is not enough
TYPES = (
    FileType("application/pdf", (".pdf",), ("application/pdf",), _is_pdf),
    FileType("image/jpeg", (".jpg", ".jpeg"), ("image/jpeg", "image/jpg"), _is_jpeg),
    FileType("image/png", (".png",), ("image/png",), _is_png),
    FileType("image/webp", (".webp",), ("image/webp",), _is_webp),
    FileType(f"{_OFFICE}.wordprocessingml.document", (".docx",), (f"{_OFFICE}.wordprocessingml.document",), _is_docx),
    FileType(f"{_OFFICE}.spreadsheetml.sheet", (".xlsx",), (f"{_OFFICE}.spreadsheetml.sheet",), _is_xlsx),
    FileType("text/plain", (".txt",), ("text/plain",), _is_text),
)
ENDINGS = [ending for one in TYPES for ending in one.endings]
