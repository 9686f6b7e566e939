"""The encrypted workbook's format: what is written opens by the password alone, whatever its size."""

import tempfile
import zipfile
from io import BytesIO

import pytest
from python_calamine import load_workbook

from services.registry.compound_file import Storage, Stream, compound_file
from services.registry.office_crypto import EncryptedFile, new_lock
from services.registry.workbook_stream import WorkbookStream
from tests.registry.office_file import WrongPassword, opened, streams

PASSWORD = "kata sandi rahasia é"


def encrypted(content: bytes, password: str = PASSWORD) -> bytes:
    lock, key = new_lock(password, spin=100)
    with tempfile.TemporaryFile() as work:
        target = EncryptedFile(lock, key, work)  # type: ignore[arg-type]
        for begin in range(0, len(content), 1000):
            target.write(content[begin : begin + 1000])
        return b"".join(target.finished())


@pytest.mark.parametrize("size", [0, 1, 16, 4087, 4088, 4096, 4097, 8192, 100_000])
def test_what_was_encrypted_opens_again_whatever_its_size(size: int) -> None:
    content = bytes(number % 251 for number in range(size))
    assert opened(encrypted(content), PASSWORD) == content


def test_another_password_does_not_open_it() -> None:
    file = encrypted(b"rahasia" * 1000)
    with pytest.raises(WrongPassword):
        opened(file, "kata sandi lain")


def test_a_changed_content_is_noticed() -> None:
    file = bytearray(encrypted(b"rahasia" * 10_000))
    file[-9000] ^= 1
    with pytest.raises(AssertionError, match="changed"):
        opened(bytes(file), PASSWORD)


def test_the_same_content_is_encrypted_differently_each_time() -> None:
    first, second = (streams(encrypted(b"rahasia" * 1000))["EncryptedPackage"] for _ in range(2))
    assert first[8:] != second[8:]
    assert b"rahasia" not in first


@pytest.mark.parametrize("size", [7 * 1024**2 - 70_000, 7 * 1024**2, 16 * 1024**2], ids=["below", "above", "far"])
def test_a_compound_file_may_be_larger_than_its_header_can_tell(size: int) -> None:
    """Above some 7 MB the places of the allocation table need sectors of their own."""
    content = bytes(range(256)) * (size // 256)
    small = Storage("Folder", [Stream("Small", 3, [b"abc"]), Stream("Other", 5, [b"de", b"fgh"])])
    file = b"".join(compound_file([small, Stream("Large", len(content), [content])]))
    assert len(file) % 512 == 0
    assert streams(file) == {"Small": b"abc", "Other": b"defgh", "Large": content}


def test_every_cell_of_a_workbook_is_text_and_none_a_formula() -> None:
    target = BytesIO()
    book = WorkbookStream(target, "31.74", ["NIK", "Nama"])
    book.write([["3174012601000001", "=cmd|' /C calc'!A0"], [None, "<Budi & 'Ani'>\x00"], ["-", "+1"]])
    book.close()
    sheet = zipfile.ZipFile(target).read("xl/worksheets/sheet1.xml").decode()
    assert "<f" not in sheet
    assert load_workbook(BytesIO(target.getvalue())).get_sheet_by_index(0).to_python() == [
        ["NIK", "Nama"],
        ["3174012601000001", "'=cmd|' /C calc'!A0"],
        ["", "<Budi & 'Ani'> "],
        ["'-", "'+1"],
    ]
