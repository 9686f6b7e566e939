"""The quality report as a workbook: the findings of the area, and of each kelurahan. It names no person."""

from io import BytesIO
from typing import Any

import xlsxwriter

from services.registry.findings import FINDINGS


def workbook(report: dict[str, Any], kelurahan: list[dict[str, Any]]) -> bytes:
    """What `quality.report` and `quality.by_kelurahan` gave, as XLSX in two sheets."""
    target = BytesIO()
    # no text is taken for a formula, a number or a link
    options = {"strings_to_formulas": False, "strings_to_urls": False, "constant_memory": False, "in_memory": True}
    with xlsxwriter.Workbook(target, options) as book:
        bold = book.add_format({"bold": True})
        _summary(book.add_worksheet("Ringkasan"), bold, report)
        _table(book.add_worksheet("Per kelurahan"), bold, kelurahan)
    return target.getvalue()


def _summary(sheet: Any, bold: Any, report: dict[str, Any]) -> None:
    head = [
        ("Laporan kualitas data", f"{report['name']} ({report['area']})"),
        ("Orang", report["people"]),
        ("KK", report["households"]),
        ("Orang per KK", report["people_per_household"]),
        ("Orang per KK se-Indonesia", report["people_per_household_nation"]),
    ]
    for row, cells in enumerate(head):
        sheet.write_row(row, 0, cells)
    sheet.write_row(len(head) + 1, 0, ("Temuan", "Jumlah"), bold)
    for row, finding in enumerate(report["findings"], len(head) + 2):
        sheet.write_row(row, 0, (finding["name"], finding["count"]))
    sheet.set_column(0, 0, 48)
    sheet.set_column(1, 1, 32)


def _table(sheet: Any, bold: Any, kelurahan: list[dict[str, Any]]) -> None:
    counted = [one for one in FINDINGS.values() if one.sql]
    titles = ("Kode", "Kelurahan/desa", "Orang", "KK", *(one.indonesian for one in counted))
    sheet.write_row(0, 0, titles, bold)
    for row, found in enumerate(kelurahan, 1):
        numbers = [found.get(key, 0) for key in ("active", "households", *(one.code for one in counted))]
        sheet.write_row(row, 0, (found["area"], found["name"] or "", *numbers))
    sheet.freeze_panes(1, 2)
    sheet.set_column(1, 1, 28)
