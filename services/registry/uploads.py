"""Takes an uploaded file to the files folder, on disk all the way."""

import hashlib
import os
from pathlib import Path
from typing import BinaryIO
from uuid import UUID

from services.registry.workplace import path_of

CHUNK = 1 << 20


def keep(file: BinaryIO, folder: Path, import_id: UUID) -> str:
    """Copy the file to the place of this import, whole or not at all; returns its SHA-256 in hex."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    path, digest = path_of(folder, import_id), hashlib.sha256()
    part = path.with_suffix(".part")
    try:
        with os.fdopen(os.open(part, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "wb") as copy:
            while chunk := file.read(CHUNK):
                digest.update(chunk)
                copy.write(chunk)
            copy.flush()
            os.fsync(copy.fileno())
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
    return digest.hexdigest()
