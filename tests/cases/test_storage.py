"""One suite over a folder and over S3 (moto's server, a process of its own): files are kept whole, read, gone."""

import asyncio
import os
import subprocess
import sys
import tracemalloc
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from io import BytesIO
from pathlib import Path
from uuid import UUID, uuid4

import httpx2 as httpx
import pytest

from services.cases.seal import PIECE, Seal, SealBroken
from services.cases.storage import Storage, shard_of, storage_at
from sinergi.problems import Refused
from sinergi_operator.processes import free_port
from tests.harness.stack import eventually

SEAL = Seal(bytes(32))


@pytest.fixture(scope="module")
async def s3() -> AsyncIterator[str]:
    """The endpoint of an S3 server with the bucket `berkas`."""
    port = free_port()
    keys = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"}
    os.environ.update(keys)
    moto = [sys.executable, "-m", "moto.server", "-p", str(port)]
    server = await asyncio.create_subprocess_exec(*moto, stderr=subprocess.DEVNULL)
    url = f"http://127.0.0.1:{port}"

    async def answers() -> bool:
        try:
            async with httpx.AsyncClient() as client:
                return (await client.put(f"{url}/berkas")).is_success
        except httpx.HTTPError:
            return False

    await eventually(answers, timeout=40)
    yield url
    server.kill()
    await server.wait()


@pytest.fixture(params=["folder", "s3"])
def storage(request: pytest.FixtureRequest, tmp_path: Path) -> Storage:
    if request.param == "folder":
        return storage_at(tmp_path.as_uri())
    return storage_at(f"s3://berkas/{uuid4()}?endpoint={request.getfixturevalue('s3')}")


async def kept(storage: Storage, content: bytes) -> UUID:
    file = uuid4()
    storage.draft(file).write_bytes(content)
    await storage.keep(file, storage.draft(file))
    return file


async def read(storage: Storage, file: UUID) -> bytes:
    return b"".join([chunk async for chunk in storage.read(file)])


async def test_a_file_is_kept_read_listed_and_removed(storage: Storage) -> None:
    content = os.urandom(11 * 1024**2)
    file = await kept(storage, content)
    assert await read(storage, file) == content
    assert not storage.draft(file).exists()
    (listed,) = [at for name, at in (await storage.shard(shard_of(file))).items() if name == file]
    assert abs(datetime.now(UTC) - listed) < timedelta(minutes=1)
    await storage.remove(file)
    await storage.remove(file)
    assert file not in await storage.shard(shard_of(file))
    with pytest.raises(FileNotFoundError):
        await read(storage, file)


async def test_a_store_that_is_away_is_a_refusal(tmp_path: Path, s3: str) -> None:
    nowhere = storage_at("s3://no-such-bucket?endpoint=" + s3)
    with pytest.raises(Refused, match="storage-unavailable"):
        await kept(nowhere, b"x")
    (tmp_path / "drafts").mkdir()
    folder = storage_at(tmp_path.as_uri())
    with pytest.raises(Refused, match="storage-unavailable"):
        await folder.keep(uuid4(), tmp_path / "not-there")


@pytest.mark.parametrize("url", ["", "ftp://x/y", "file://host/x", "s3://", "s3://bucket?endpiont=http://x", "/tmp/x"])
def test_a_url_that_names_no_storage_is_told_at_once(url: str) -> None:
    with pytest.raises(ValueError, match="SINERGI_ATTACHMENTS_URL"):
        storage_at(url)


def test_old_drafts_go_and_new_ones_stay(tmp_path: Path) -> None:
    storage = storage_at(tmp_path.as_uri())
    old, new = storage.draft(uuid4()), storage.draft(uuid4())
    old.write_bytes(b"x")
    new.write_bytes(b"x")
    os.utime(old, (0, 0))
    assert storage.remove_old_drafts() == 1
    assert (old.exists(), new.exists()) == (False, True)


async def stream(content: bytes, size: int) -> AsyncIterator[bytes]:
    for place in range(0, len(content), size):
        yield content[place : place + size]


async def opened(sealed: bytes, name: str = "a", size: int = 1000) -> bytes:
    return b"".join([piece async for piece in SEAL.open_pieces(stream(sealed, size), name)])


@pytest.mark.parametrize("length", [0, 1, PIECE - 1, PIECE, PIECE + 1, 3 * PIECE])
async def test_sealed_files_open_whole_and_only_whole(length: int) -> None:
    content = os.urandom(length)
    sealed = b"".join(SEAL.pieces(BytesIO(content), "a"))
    assert await opened(sealed) == content
    assert length < 32 or content[:32] not in sealed
    one = PIECE + 16
    swapped = sealed[:7] + sealed[7 + one : 7 + 2 * one] + sealed[7 : 7 + one] + sealed[7 + 2 * one :]
    broken = [sealed[:-1], sealed + b"x", sealed[:7], b"", sealed[:-20]] + ([swapped] if length > 2 * PIECE else [])
    cut_at_a_piece = [sealed[: 7 + one]] if length > PIECE else []
    for other in broken + cut_at_a_piece:
        with pytest.raises(SealBroken):
            await opened(other, size=300_000)
    with pytest.raises(SealBroken):
        await opened(sealed, "b", size=300_000)


def test_texts_open_under_their_own_name_and_key_only() -> None:
    sealed = SEAL.close("Rahasia", "note:1")
    assert SEAL.open(sealed, "note:1") == "Rahasia"
    assert b"Rahasia" not in sealed
    for seal, name, what in [(SEAL, "note:2", sealed), (Seal(b"1" * 32), "note:1", sealed), (SEAL, "note:1", b"")]:
        with pytest.raises(SealBroken):
            seal.open(what, name)


class Endless:
    """50 MB that nobody holds."""

    def __init__(self) -> None:
        self.left = 50 * 1024**2

    def read(self, count: int) -> bytes:
        given = min(count, self.left)
        self.left -= given
        return bytes(given)


@pytest.fixture
def memory() -> Iterator[None]:
    tracemalloc.start()
    yield
    tracemalloc.stop()


async def test_fifty_megabytes_are_sealed_and_opened_in_bounded_memory(memory: None, tmp_path: Path) -> None:
    storage, file = storage_at(tmp_path.as_uri()), uuid4()

    def seal() -> None:
        with storage.draft(file).open("wb") as out:
            for piece in SEAL.pieces(Endless(), "big"):
                out.write(piece)

    await asyncio.to_thread(seal)
    await storage.keep(file, storage.draft(file))
    size = 0
    async for piece in SEAL.open_pieces(storage.read(file), "big"):
        size += len(piece)
    assert size == 50 * 1024**2
    assert tracemalloc.get_traced_memory()[1] < 8 * 1024**2
