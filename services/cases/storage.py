"""Where the bytes of attachments lie: a local folder or an S3 bucket, by one URL. What lies there is sealed.

`file:///folder` keeps files as PostgreSQL does: written beside, synced, renamed, the folder synced. `s3://bucket/prefix`
takes `?endpoint=…&region=…`; its keys come from the usual environment (AWS_ACCESS_KEY_ID, …) or the machine's role.
A file is named by an id alone and lies in one of 256 shards, so that a sweep never holds more than one of them.
"""

import asyncio
import os
import tempfile
from collections.abc import AsyncIterator, Iterable
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit
from uuid import UUID

from obstore.exceptions import BaseError
from obstore.store import LocalStore, S3Store

from sinergi.problems import Refused

#: what is older than this and known to no row was left behind by a crash
LEFTOVER = timedelta(days=1)
SHARDS = [f"{number:02x}" for number in range(256)]
_PART = ".part"
#: a piece of a multipart upload, and how many are in memory at a time
_PIECE, _AT_A_TIME = 5 * 1024**2, 2
_DOWN = (BaseError, OSError)


def shard_of(file: UUID) -> str:
    """The shard of a file: the last two digits of its id, which are random."""
    return file.hex[-2:]


class Storage:
    """Files by id. Raises `Refused` (storage-unavailable) when the store does not answer."""

    def __init__(self, store: LocalStore | S3Store, drafts: Path) -> None:
        self._store, self._drafts = store, drafts

    def draft(self, file: UUID) -> Path:
        """Where to write the file before it is kept."""
        self._drafts.mkdir(parents=True, exist_ok=True, mode=0o700)
        return self._drafts / f"{file}{_PART}"

    async def keep(self, file: UUID, draft: Path) -> None:
        """Make the written draft the file, whole or not at all; on return it is durable."""
        try:
            await self._keep(file, draft)
        except _DOWN as wrong:
            raise _unavailable() from wrong
        finally:
            await asyncio.to_thread(draft.unlink, missing_ok=True)

    async def _keep(self, file: UUID, draft: Path) -> None:
        await self._store.put_async(_key(file), draft, chunk_size=_PIECE, max_concurrency=_AT_A_TIME)

    async def read(self, file: UUID) -> AsyncIterator[bytes]:
        """The file in chunks; FileNotFoundError when it is gone."""
        try:
            found = await self._store.get_async(_key(file))
            async for chunk in found.stream(min_chunk_size=1024**2):
                yield bytes(chunk)
        except FileNotFoundError:
            raise
        except _DOWN as wrong:
            raise _unavailable() from wrong

    async def remove(self, file: UUID) -> None:
        """Remove the file; nothing to do when it is gone."""
        try:
            await self._store.delete_async(_key(file))
        except FileNotFoundError:
            return
        except _DOWN as wrong:
            raise _unavailable() from wrong

    async def shard(self, shard: str) -> dict[UUID, datetime]:
        """The files of a shard, and when each was written."""
        pages = [page async for page in self._store.list(f"{shard}/")]
        found: Iterable[Any] = (one for page in pages for one in page)
        named = {str(one["path"]).rsplit("/", 1)[-1]: one["last_modified"] for one in found}
        return {UUID(name): at for name, at in named.items() if len(name) == 36}

    def remove_old_drafts(self) -> int:
        """Remove drafts that a crash left behind; returns how many."""
        old = [one for one in self._drafts.glob(f"*{_PART}") if _written(one) < datetime.now(UTC) - LEFTOVER]
        for one in old:
            one.unlink(missing_ok=True)
        return len(old)


class Folder(Storage):
    """A local folder, which all replicas share."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        super().__init__(LocalStore(folder), folder / "drafts")
        self._folder = folder

    async def _keep(self, file: UUID, draft: Path) -> None:
        await asyncio.to_thread(self._rename, file, draft)

    def _rename(self, file: UUID, draft: Path) -> None:
        target = self._folder / _key(file)
        target.parent.mkdir(exist_ok=True, mode=0o700)
        _sync(draft)
        draft.replace(target)
        _sync(target.parent)
        _sync(self._folder)


@lru_cache(maxsize=8)
def storage_at(url: str) -> Storage:
    """The storage that a URL names. ValueError when it names none."""
    parts = urlsplit(url)
    if parts.scheme == "file" and not parts.netloc and parts.path:
        return Folder(Path(parts.path))
    if parts.scheme == "s3" and parts.netloc:
        return _bucket(
            parts.netloc, parts.path.strip("/"), {key: one[-1] for key, one in parse_qs(parts.query).items()}
        )
    raise ValueError("SINERGI_ATTACHMENTS_URL is file:///folder or s3://bucket/prefix?endpoint=…")


def _bucket(bucket: str, prefix: str, options: dict[str, str]) -> Storage:
    if unknown := options.keys() - {"endpoint", "region"}:
        raise ValueError(f"SINERGI_ATTACHMENTS_URL: unknown {', '.join(sorted(unknown))}")
    config: Any = {"region": options.get("region", "us-east-1")}
    client: Any = {"timeout": "60s"}
    if endpoint := options.get("endpoint"):
        config |= {"endpoint": endpoint, "virtual_hosted_style_request": False}
        client["allow_http"] = endpoint.startswith("http://")
    store = S3Store(bucket, prefix=prefix or None, config=config, client_options=client)
    return Storage(store, Path(tempfile.gettempdir()) / "sinergi-attachments")


def _key(file: UUID) -> str:
    return f"{shard_of(file)}/{file}"


def _written(path: Path) -> datetime:
    try:
        return datetime.fromtimestamp(path.stat().st_mtime, UTC)
    except FileNotFoundError:  # kept meanwhile
        return datetime.now(UTC)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _unavailable() -> Refused:
    return Refused("storage-unavailable", "Files cannot be kept or read now. Try again.", "unavailable")
