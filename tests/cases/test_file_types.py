"""Which files are taken, and what is left of an image."""

import random
from contextlib import suppress
from io import BytesIO

import pytest

from services.cases.file_types import recognise
from services.cases.image_metadata import without_metadata
from sinergi.problems import Refused
from tests.cases.noting import DOCX, PDF, exif, jpeg, office_file, png, segment, webp

XLSX = DOCX.replace("wordprocessingml.document", "spreadsheetml.sheet")


@pytest.mark.parametrize(
    ("content", "name", "declared"),
    [
        (PDF, "KTP.pdf", "application/pdf"),
        (jpeg(), "foto.JPG", "image/jpeg"),
        (png(), "a.png", "image/png"),
        (webp(), "a.webp", "image/webp"),
        (office_file(), "surat.docx", DOCX),
        (office_file("xl/workbook.xml"), "daftar.xlsx", XLSX),
        (b"Catatan: ibu tidak sakit\r\n", "a.txt", "text/plain; charset=utf-8"),
    ],
)
def test_a_file_is_taken_when_bytes_ending_and_declared_type_agree(content: bytes, name: str, declared: str) -> None:
    assert declared.startswith(recognise(BytesIO(content), name, declared).media_type)


@pytest.mark.parametrize(
    ("content", "name", "declared", "why"),
    [
        (PDF, "a.exe", "application/pdf", "file-type-not-allowed"),
        (PDF, "a.svg", "image/svg+xml", "file-type-not-allowed"),
        (PDF, "a", "application/pdf", "file-type-not-allowed"),
        (b"", "a.pdf", "application/pdf", "file-empty"),
        (PDF, "a.pdf", "application/octet-stream", "file-type-mismatch"),
        (PDF, "a.jpg", "image/jpeg", "file-type-mismatch"),
        (jpeg(), "a.pdf", "application/pdf", "file-type-mismatch"),
        # polyglots: an archive behind a PDF, a PDF's header in an archive, an archive behind a script
        (PDF + office_file() + b"%%EOF", "a.pdf", "application/pdf", "file-type-mismatch"),
        (office_file(**{"%PDF-1.7": b""}), "a.docx", DOCX, "file-type-mismatch"),
        (b"#!/bin/sh\n" + office_file(), "a.docx", DOCX, "file-type-mismatch"),
        (PDF.replace(b"%%EOF", b""), "a.pdf", "application/pdf", "file-type-mismatch"),
        (office_file(), "a.xlsx", XLSX, "file-type-mismatch"),
        (office_file(**{"word/vbaProject.bin": b"x"}), "a.docx", DOCX, "file-type-mismatch"),
        (office_file(**{"word/media/a": bytes(90_000_000)}), "a.docx", DOCX, "file-unpacks-too-large"),
        (office_file(**{str(number): b"" for number in range(2000)}), "a.docx", DOCX, "file-unpacks-too-large"),
        (office_file()[:-30], "a.docx", DOCX, "file-type-mismatch"),
        (b"MZ text", "a.txt", "text/plain", "file-type-mismatch"),
        (b"a\0b", "a.txt", "text/plain", "file-type-mismatch"),
        (b"\xff\xfe", "a.txt", "text/plain", "file-type-mismatch"),
        (b"cut \xe2\x82", "a.txt", "text/plain", "file-type-mismatch"),
    ],
)
def test_a_file_that_is_not_what_it_says_is_refused(content: bytes, name: str, declared: str, why: str) -> None:
    with pytest.raises(Refused) as no:
        recognise(BytesIO(content), name, declared)
    assert no.value.slug == why


def clean(content: bytes, media_type: str) -> bytes:
    return b"".join(without_metadata(BytesIO(content), media_type))


def test_a_photo_loses_place_and_comment_and_keeps_its_picture_and_its_side_up() -> None:
    kept = clean(jpeg() + b"<script>behind the end", "image/jpeg")
    assert not any(words in kept for words in (b"GPS", b"Ibu Sri", b"script"))
    assert kept.count(b"\x12\xff\x00\x34\xff\xd0\x56") == 2
    assert kept.endswith(b"\xff\xd9")
    assert b"\x01\x12\x00\x03\x00\x00\x00\x01\x00\x06" in kept  # orientation 6, alone
    assert clean(kept, "image/jpeg") == kept


def test_a_photos_picture_is_found_whole_wherever_its_chunks_are_cut() -> None:
    for length in range(256 * 1024 - 3, 256 * 1024 + 3):
        picture = bytes(length) + b"\xff\x00\xff\xd3"
        kept = clean(jpeg(b"GPS", picture), "image/jpeg")
        assert kept.count(picture) == 2
        assert b"GPS" not in kept


def test_drawings_lose_their_texts_and_webps_their_exif() -> None:
    kept = clean(png() + b"PK behind", "image/png")
    assert b"IDAT" in kept
    assert not any(words in kept for words in (b"Sri", b"GPS", b"PK"))
    kept = clean(webp() + b"PK behind", "image/webp")
    assert b"VP8 " in kept
    assert not any(words in kept for words in (b"Sri", b"GPS", b"PK"))
    assert int.from_bytes(kept[4:8], "little") == len(kept) - 8
    assert kept[20] == 0  # no flag tells of what is gone


def test_damaged_images_are_refused_and_never_fail_otherwise() -> None:
    seeds = {"image/jpeg": jpeg(), "image/png": png(), "image/webp": webp()}
    chance = random.Random(4)
    for media_type, whole in seeds.items():
        for _ in range(400):
            broken = bytearray(whole[: chance.randrange(12, len(whole))])
            broken[chance.randrange(8, len(broken))] = chance.randrange(256)
            with suppress(Refused):
                clean(bytes(broken), media_type)


def test_orientation_is_read_from_any_exif_without_fail() -> None:
    for cut in range(len(exif(b""))):
        clean(b"\xff\xd8" + segment(0xE1, exif(b"")[:cut]) + b"\xff\xd9", "image/jpeg")
