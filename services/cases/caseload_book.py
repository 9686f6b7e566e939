"""The caseload as a workbook, for the monthly meeting: numbers, areas and stages, and nobody's name."""

from io import BytesIO
from typing import Any

import xlsxwriter

WORKERS = {
    "worker": "Pekerja sosial",
    "cases": "Kasus",
    "points": "Poin",
    "capacity": "Kapasitas",
    "life": "Mengancam jiwa",
    "high": "Risiko tinggi",
    "overdue_tasks": "Tugas terlambat",
    "waiting_plans": "Rencana menunggu",
}
CASES = {
    "number": "Nomor kasus",
    "area": "Wilayah",
    "stage": "Tahap",
    "risk": "Risiko",
    "points": "Poin",
    "worker": "Pekerja sosial",
    "opened_on": "Dibuka",
}


def workbook(workers: list[dict[str, Any]], cases: list[dict[str, Any]]) -> bytes:
    """Two sheets: what each worker has, and the open cases."""
    target = BytesIO()
    # no text is taken for a formula or a link
    options = {"strings_to_formulas": False, "strings_to_urls": False, "in_memory": True}
    with xlsxwriter.Workbook(target, options) as book:
        bold = book.add_format({"bold": True})
        _sheet(book.add_worksheet("Per pekerja sosial"), bold, WORKERS, workers)
        _sheet(book.add_worksheet("Kasus"), bold, CASES, cases)
    return target.getvalue()


def _sheet(sheet: Any, bold: Any, titles: dict[str, str], rows: list[dict[str, Any]]) -> None:
    sheet.write_row(0, 0, list(titles.values()), bold)
    for number, row in enumerate(rows, 1):
        sheet.write_row(number, 0, [row[name] for name in titles])
    sheet.freeze_panes(1, 1)
    sheet.set_column(0, len(titles) - 1, 18)
