"""Writes one sample list as CSV or XLSX, a row at a time: no file is ever held in memory."""

import csv
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import xlsxwriter

Write = Callable[[Sequence[str]], object]


@contextmanager
def open_table(path: Path) -> Iterator[Write]:
    """A function that writes a row of text cells: to a workbook if the path ends in `.xlsx`, else as CSV with `;`."""
    if path.suffix == ".xlsx":
        with _xlsx(path) as write:
            yield write
        return
    with path.open("w", encoding="utf-8", newline="") as file:
        yield csv.writer(file, delimiter=";", lineterminator="\r\n").writerow


@contextmanager
def _xlsx(path: Path) -> Iterator[Write]:
    """Text cells only: a NIK as a number would lose its last digit. Rows leave memory as they come."""
    options = {"constant_memory": True, "tmpdir": str(path.parent)}
    with xlsxwriter.Workbook(str(path), options) as book:
        book.set_properties({"title": "Daftar kota (contoh)", "created": datetime(2026, 6, 30, tzinfo=UTC)})
        sheet = book.add_worksheet("Daftar")
        at = 0

        def write(row: Sequence[str]) -> None:
            nonlocal at
            for column, text in enumerate(row):
                if text:
                    sheet.write_string(at, column, text)
            at += 1

        yield write
