"""Writes a compound file (MS-CFB, version 3): the container in which Office keeps an encrypted workbook.

Everything's size is known before, so it is given out from beginning to end, in pieces, in bounded memory.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import chain
from struct import pack

SECTOR, MINI_SECTOR, SMALL = 512, 64, 4096
_ENTRY = 128
_IN_HEADER = 109
_PER_SECTOR = SECTOR // 4
_FREE, _END, _FAT, _DIFAT = 0xFFFFFFFF, 0xFFFFFFFE, 0xFFFFFFFD, 0xFFFFFFFC
_NONE = 0xFFFFFFFF
_STORAGE, _STREAM, _ROOT = 1, 2, 5
_BLACK = 1


@dataclass(slots=True)
class Stream:
    """A stream to write: its name inside its storage, its bytes in pieces, and how many they are."""

    name: str
    size: int
    content: Iterable[bytes]


@dataclass(slots=True)
class Storage:
    """A folder of streams and storages."""

    name: str
    members: "list[Stream | Storage]" = field(default_factory=list)


@dataclass(slots=True)
class _Entry:
    """A directory entry: the places of its neighbours, and where its content begins."""

    name: str
    kind: int
    left: int = _NONE
    right: int = _NONE
    child: int = _NONE
    start: int = 0
    size: int = 0

    def packed(self) -> bytes:
        name = (self.name + "\0").encode("utf-16-le")
        links = pack("<HBBIII", len(name), self.kind, _BLACK, self.left, self.right, self.child)
        return name.ljust(64, b"\0") + links + bytes(36) + pack("<IQ", self.start, self.size)


def compound_file(members: "Sequence[Stream | Storage]") -> Iterator[bytes]:
    """The whole file with these members in its root. A stream's content is asked for once, in order."""
    entries, streams = _directory(members)
    small = [(entry, stream) for entry, stream in streams if stream.size < SMALL]
    large = [(entry, stream) for entry, stream in streams if stream.size >= SMALL]
    mini = bytearray()
    mini_fat: list[int] = []
    for entry, stream in small:
        entry.start, entry.size = (len(mini_fat) if stream.size else _END), stream.size
        content = b"".join(stream.content)
        mini += content + bytes(-len(content) % MINI_SECTOR)
        mini_fat += _chained(len(mini_fat), _sectors(len(content), MINI_SECTOR))
    sizes = [len(entries) * _ENTRY, len(mini_fat) * 4, len(mini), *(stream.size for _, stream in large)]
    fat, fat_sectors, difat_sectors, starts = _fat([_sectors(size) for size in sizes])
    entries[0].start, entries[0].size = starts[2], len(mini)
    for (entry, stream), start in zip(large, starts[3:], strict=True):
        entry.start, entry.size = start, stream.size
    yield _header(fat_sectors, difat_sectors, starts, _sectors(sizes[1]))
    yield _numbers(fat)
    yield from _difat(fat_sectors, difat_sectors)
    yield from _whole([b"".join(entry.packed() for entry in entries)], _empty_entry())
    yield from _whole([_numbers(mini_fat)], pack("<I", _FREE))
    yield from _whole([bytes(mini)], b"\0")
    for _, stream in large:
        yield from _whole(stream.content, b"\0")


# ------------------------------------------------------------------- directory


def _directory(members: "Sequence[Stream | Storage]") -> tuple[list[_Entry], list[tuple[_Entry, Stream]]]:
    entries = [_Entry("Root Entry", _ROOT)]
    streams: list[tuple[_Entry, Stream]] = []
    entries[0].child = _put(members, entries, streams)
    return entries, streams


def _put(members: "Sequence[Stream | Storage]", entries: list[_Entry], streams: list[tuple[_Entry, Stream]]) -> int:
    """Put the members of one storage as a balanced tree (all black, as MS-CFB 2.6.4 allows); returns its root."""
    ordered = sorted(members, key=lambda one: (len(one.name), one.name.upper()))
    if not ordered:
        return _NONE
    middle = len(ordered) // 2
    member, place = ordered[middle], len(entries)
    entry = _Entry(member.name, _STREAM if isinstance(member, Stream) else _STORAGE)
    entries.append(entry)
    if isinstance(member, Stream):
        streams.append((entry, member))
    else:
        entry.child = _put(member.members, entries, streams)
    entry.left = _put(ordered[:middle], entries, streams)
    entry.right = _put(ordered[middle + 1 :], entries, streams)
    return place


def _empty_entry() -> bytes:
    """What fills the directory's last sector: entries that are not used."""
    return bytes(68) + pack("<III", _NONE, _NONE, _NONE) + bytes(48)


# --------------------------------------------------------------------- sectors


def _fat(parts: Sequence[int]) -> tuple[list[int], int, int, list[int]]:
    """The allocation table for parts of so many sectors, which lie behind the table itself; and where each begins."""
    fat_sectors, difat_sectors = 0, 0
    while (needed := fat_sectors + difat_sectors + sum(parts)) > fat_sectors * _PER_SECTOR:
        fat_sectors = max(fat_sectors + 1, -(-needed // _PER_SECTOR))
        difat_sectors = -(-max(0, fat_sectors - _IN_HEADER) // (_PER_SECTOR - 1))
    fat = [_FAT] * fat_sectors + [_DIFAT] * difat_sectors
    starts = []
    for sectors in parts:
        starts.append(len(fat) if sectors else _END)
        fat += _chained(len(fat), sectors)
    return fat + [_FREE] * (fat_sectors * _PER_SECTOR - len(fat)), fat_sectors, difat_sectors, starts


def _chained(start: int, sectors: int) -> list[int]:
    return [*range(start + 1, start + sectors), _END] if sectors else []


def _sectors(size: int, sector: int = SECTOR) -> int:
    return -(-size // sector)


def _header(fat_sectors: int, difat_sectors: int, starts: Sequence[int], mini_fat_sectors: int) -> bytes:
    head = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(16) + pack("<HHHHH", 0x3E, 3, 0xFFFE, 9, 6) + bytes(6)
    head += pack("<IIIII", 0, fat_sectors, starts[0], 0, SMALL)
    head += pack("<II", starts[1], mini_fat_sectors)
    head += pack("<II", fat_sectors if difat_sectors else _END, difat_sectors)
    first = list(range(min(fat_sectors, _IN_HEADER)))
    return head + _numbers(first + [_FREE] * (_IN_HEADER - len(first)))


def _difat(fat_sectors: int, difat_sectors: int) -> Iterator[bytes]:
    """Where the allocation table's sectors lie that the header has no room for: a chain of sectors of places."""
    rest = list(range(_IN_HEADER, fat_sectors))
    for number in range(difat_sectors):
        places, rest = rest[: _PER_SECTOR - 1], rest[_PER_SECTOR - 1 :]
        following = fat_sectors + number + 1 if number + 1 < difat_sectors else _END
        yield _numbers(places + [_FREE] * (_PER_SECTOR - 1 - len(places)) + [following])


def _numbers(numbers: Sequence[int]) -> bytes:
    return pack(f"<{len(numbers)}I", *numbers)


def _whole(content: Iterable[bytes], filling: bytes) -> Iterator[bytes]:
    """The content, and what fills its last sector."""
    size = 0
    for piece in chain(content):
        size += len(piece)
        yield piece
    missing = -size % SECTOR
    yield filling * (missing // len(filling))
