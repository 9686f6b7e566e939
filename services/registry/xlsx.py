"""Reads the first sheet of an XLSX as a stream of rows of text, in bounded memory.

Written on expat because a list comes from outside: python-calamine unpacks a whole sheet into a dense grid (two cells
at opposite corners of a sheet of 1 kB ask for 17 thousand million cells) and does not tell a formula from its stored
value. The zip's own directory is judged before anything is unpacked.
"""

import re
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path, PurePosixPath
from xml.parsers import expat

from sinergi.problems import Refused

CHUNK = 1 << 16
#: a spreadsheet program writes no longer cell
CELL_CHARACTERS = 32_767
SHEET_ROWS = 1_048_576
#: columns beyond this are not looked at
COLUMNS = 100
#: workbook.xml and its relations: names of sheets, nothing large
SMALL_PART_BYTES = 1 << 20
SHARED_STRINGS = 3_000_000
#: what a damaged, cut off, encrypted or made-up workbook raises
DAMAGE = (zipfile.BadZipFile, zlib.error, expat.ExpatError, EOFError, LookupError, ValueError, RuntimeError)


@dataclass(frozen=True, slots=True)
class Limits:
    """What an XLSX may unpack to: bytes in all, bytes per packed byte, parts."""

    unpacked_bytes: int
    ratio: int
    parts: int


def read_sheet(path: Path, limits: Limits) -> Iterator[tuple[int, list[str]]]:
    """Each row of the first sheet: its number as a spreadsheet counts, and its cells as text.

    A cell with a formula is given as `=` and the formula, not as its stored value; a date as its serial number.
    `Refused`: `file-too-large-unpacked`, `file-damaged`.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            _judge(archive, limits)
            strings = _shared_strings(archive)
            yield from _rows(archive, _first_sheet(archive), strings)
    except DAMAGE as wrong:
        raise Refused("file-damaged", "The workbook is damaged or cut off. Save it again and send it anew.") from wrong


def _judge(archive: zipfile.ZipFile, limits: Limits) -> None:
    """By the directory alone; a part that holds more than the directory says ends as damaged."""
    parts = archive.infolist()
    unpacked = sum(part.file_size for part in parts)
    packed = max(1, sum(part.compress_size for part in parts))
    if len(parts) > limits.parts or unpacked > limits.unpacked_bytes or unpacked > packed * limits.ratio:
        raise Refused(
            "file-too-large-unpacked",
            f"The workbook unpacks to {unpacked:,} bytes in {len(parts)} parts: too much for {packed:,} bytes.",
            unpacked_bytes=unpacked,
        )


def _first_sheet(archive: zipfile.ZipFile) -> str:
    sheet = next((one for name, one in _elements(archive, "xl/workbook.xml") if name == "sheet"), {})
    relation = next((value for name, value in sheet.items() if name.endswith(":id")), "")
    for _, one in _elements(archive, "xl/_rels/workbook.xml.rels"):
        if one.get("Id") == relation:
            return str(PurePosixPath("xl") / one["Target"]).lstrip("/")
    raise KeyError("no sheet")


def _elements(archive: zipfile.ZipFile, part: str) -> list[tuple[str, dict[str, str]]]:
    if archive.getinfo(part).file_size > SMALL_PART_BYTES:
        raise ValueError("an index part of the workbook is too large")
    found: list[tuple[str, dict[str, str]]] = []
    parser = _parser()
    parser.StartElementHandler = lambda name, attributes: found.append((_local(name), attributes))
    parser.Parse(archive.read(part), True)
    if not found:
        raise ValueError("an index part of the workbook is empty")
    return found


def _shared_strings(archive: zipfile.ZipFile) -> list[str]:
    if "xl/sharedStrings.xml" not in archive.namelist():
        return []
    reader = _Strings()
    for chunk in _chunks(archive, "xl/sharedStrings.xml"):
        reader.parser.Parse(chunk, not chunk)
        if len(reader.strings) > SHARED_STRINGS:
            raise Refused("file-too-large-unpacked", f"The workbook holds more than {SHARED_STRINGS:,} texts.")
    return reader.strings


def _rows(archive: zipfile.ZipFile, part: str, strings: list[str]) -> Iterator[tuple[int, list[str]]]:
    reader = _Sheet(strings)
    for chunk in _chunks(archive, part):
        reader.parser.Parse(chunk, not chunk)
        yield from reader.rows
        reader.rows.clear()


def _chunks(archive: zipfile.ZipFile, part: str) -> Iterator[bytes]:
    """The part in pieces, an empty one at the end."""
    with archive.open(part) as stream:
        while chunk := stream.read(CHUNK):
            yield chunk
    yield b""


class _Strings:
    """The shared strings; phonetic readings are passed over."""

    def __init__(self) -> None:
        self.strings: list[str] = []
        self._text: list[str] = []
        self._hearing = self._phonetic = False
        self.parser = _parser()
        self.parser.StartElementHandler, self.parser.EndElementHandler = self._start, self._end
        self.parser.CharacterDataHandler = self._characters

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        name = _local(name)
        self._phonetic = self._phonetic or name == "rPh"
        self._hearing = name == "t" and not self._phonetic

    def _end(self, name: str) -> None:
        name, self._hearing = _local(name), False
        if name == "rPh":
            self._phonetic = False
        elif name == "si":
            self.strings.append("".join(self._text)[: CELL_CHARACTERS + 1])
            self._text.clear()

    def _characters(self, text: str) -> None:
        if self._hearing:
            self._text.append(text)


class _Sheet:
    """A sheet: `rows` fills while the parser is fed, and whoever feeds it empties it."""

    def __init__(self, strings: list[str]) -> None:
        self.rows: list[tuple[int, list[str]]] = []
        self._strings = strings
        self._number, self._cells = 0, [""]
        self._column, self._kind, self._length = 0, "n", 0
        self._value: list[str] = []
        self._formula: list[str] | None = None
        self._into: list[str] | None = None
        self.parser = _parser()
        self.parser.StartElementHandler, self.parser.EndElementHandler = self._start, self._end
        self.parser.CharacterDataHandler = self._characters

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        name = _local(name)
        if name == "c":
            self._column = _column(attributes["r"]) if "r" in attributes else len(self._cells)
            self._kind, self._length = attributes.get("t", "n"), 0
            self._value, self._formula = [], None
        elif name in ("v", "t"):
            self._into = self._value
        elif name == "f":
            self._into = self._formula = []
        elif name == "row":
            self._number, self._cells = self._next_number(attributes), []

    def _next_number(self, attributes: dict[str, str]) -> int:
        number = int(attributes.get("r", self._number + 1))
        if not self._number < number <= SHEET_ROWS:
            raise ValueError("the rows of the sheet are not in order")
        return number

    def _end(self, name: str) -> None:
        name, self._into = _local(name), None
        if name == "c" and self._column < COLUMNS:
            self._cells.extend([""] * (self._column + 1 - len(self._cells)))
            self._cells[self._column] = self._text()
        elif name == "row":
            self.rows.append((self._number, self._cells))

    def _characters(self, text: str) -> None:
        """One character more than allowed is kept, so that the rule on long cells sees it."""
        if self._into is not None and self._length <= CELL_CHARACTERS:
            self._into.append(text[: CELL_CHARACTERS + 1 - self._length])
            self._length += len(text)

    def _text(self) -> str:
        value = "".join(self._value)
        if self._formula is not None:
            return "=" + ("".join(self._formula) or value)
        return self._strings[int(value)] if self._kind == "s" and value else value


def _parser() -> expat.XMLParserType:
    parser = expat.ParserCreate()
    parser.buffer_text = True
    parser.StartDoctypeDeclHandler = _no_doctype
    return parser


def _no_doctype(*_: object) -> None:
    raise ValueError("a workbook has no document type")


def _local(name: str) -> str:
    return name.rpartition(":")[2] if ":" in name else name


def _column(reference: str) -> int:
    """`A1` is 0, `AA7` is 26."""
    return _letters_to_number(reference.rstrip("0123456789"))


@lru_cache(maxsize=1000)
def _letters_to_number(letters: str) -> int:
    if not re.fullmatch("[A-Z]{1,3}", letters):
        raise ValueError("no cell reference")
    number = 0
    for letter in letters:
        number = number * 26 + ord(letter) - 64
    return number - 1
