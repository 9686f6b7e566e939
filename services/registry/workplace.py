"""The files folder: lists that wait to be read, and beside each the work folder of its import. Both hold people's data.

Work folders are private (0700), removed when the import ends, and swept when a killed worker left one behind. What is
written there is written whole: under another name first, then renamed.
"""

import os
import re
import secrets
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import UUID

#: a file without an import is left alone for so long: its upload may be under way
LEFTOVER_SECONDS = 3600
_WORK = ".work"
_IMPORT = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def path_of(folder: Path, import_id: UUID) -> Path:
    """Where the file of an import lies until it was read."""
    return folder / str(import_id)


def work_of(folder: Path, import_id: UUID) -> Path:
    """The work folder of an import, made if missing."""
    work = folder / f"{import_id}{_WORK}"
    work.mkdir(parents=True, exist_ok=True, mode=0o700)
    return work


def remove(folder: Path, import_id: UUID) -> None:
    """Remove the file of an import and its work folder."""
    shutil.rmtree(folder / f"{import_id}{_WORK}", ignore_errors=True)
    path_of(folder, import_id).unlink(missing_ok=True)


def found_files(folder: Path) -> set[UUID]:
    """The ids of the imports whose files lie here, and of uploads that are under way."""
    return {UUID(path.name) for path in folder.glob("*") if _IMPORT.fullmatch(path.name)}


def remove_leftovers(folder: Path, kept: set[str], ended: set[str]) -> None:
    """Remove the files of the imports that `ended`, old files and every work folder, except of those `kept`."""
    for path in folder.glob("*"):
        if path.is_dir():
            if path.name.removesuffix(_WORK) not in kept:
                shutil.rmtree(path, ignore_errors=True)
        elif path.name in ended or (path.name not in kept and _is_old(path)):
            path.unlink(missing_ok=True)


def _is_old(path: Path) -> bool:
    return time.time() - path.stat().st_mtime > LEFTOVER_SECONDS


def spill_of(work: Path) -> Path:
    """A folder in `work`, not made yet, for what one DuckDB cannot hold: two that share one overwrite each other."""
    return work / f"spill-{secrets.token_hex(4)}"


@contextmanager
def scratch(path: Path) -> Iterator[Path]:
    """A path beside `path`, and removed after the block, that nobody else has: a worker that believes to have the lock
    may be at the same list."""
    part = path.with_name(f"{path.stem}-{secrets.token_hex(4)}.part")
    try:
        yield part
    finally:
        part.unlink(missing_ok=True)


@contextmanager
def whole(path: Path) -> Iterator[Path]:
    """A path to write to, which becomes `path` when the block has ended well: a crash leaves no half file there."""
    with scratch(path) as part:
        yield part
        _sync(part)
        part.replace(path)
        _sync(path.parent)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
