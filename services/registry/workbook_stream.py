"""Writes one sheet as XLSX straight into a stream, row by row: nothing of it lies anywhere in the clear.

Every cell is text (`inlineStr`), so no cell is a formula and no NIK a rounded number. xlsxwriter keeps a sheet in
temporary files until it is closed; an export must not leave people's data on a disk.
"""

import re
import zipfile
from collections.abc import Iterable, Sequence
from typing import IO, Any, cast
from xml.sax.saxutils import escape

#: Excel holds no more rows
MOST_ROWS = 1_048_576

#: what XML cannot hold
_UNWRITABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")

_TYPES = "application/vnd.openxmlformats-officedocument.spreadsheetml"
_RELATIONS = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_PACKAGE = "http://schemas.openxmlformats.org/package/2006"
_MAIN = 'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"'
_HEAD = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'
_PARTS = {
    "[Content_Types].xml": f"""<Types xmlns="{_PACKAGE}/content-types">\
<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>\
<Default Extension="xml" ContentType="application/xml"/>\
<Override PartName="/xl/workbook.xml" ContentType="{_TYPES}.sheet.main+xml"/>\
<Override PartName="/xl/styles.xml" ContentType="{_TYPES}.styles+xml"/>\
<Override PartName="/xl/worksheets/sheet1.xml" ContentType="{_TYPES}.worksheet+xml"/></Types>""",
    "_rels/.rels": f"""<Relationships xmlns="{_PACKAGE}/relationships">\
<Relationship Id="rId1" Type="{_RELATIONS}/officeDocument" Target="xl/workbook.xml"/></Relationships>""",
    "xl/_rels/workbook.xml.rels": f"""<Relationships xmlns="{_PACKAGE}/relationships">\
<Relationship Id="rId1" Type="{_RELATIONS}/worksheet" Target="worksheets/sheet1.xml"/>\
<Relationship Id="rId2" Type="{_RELATIONS}/styles" Target="styles.xml"/></Relationships>""",
    "xl/styles.xml": f"""<styleSheet {_MAIN}><fonts count="2"><font><sz val="11"/><name val="Calibri"/></font>\
<font><b/><sz val="11"/><name val="Calibri"/></font></fonts><fills count="2"><fill><patternFill patternType="none"/>\
</fill><fill><patternFill patternType="gray125"/></fill></fills><borders count="1"><border/></borders>\
<cellStyleXfs count="1"><xf/></cellStyleXfs><cellXfs count="2"><xf numFmtId="49"/><xf numFmtId="49" fontId="1" \
applyFont="1"/></cellXfs></styleSheet>""",
}
_WORKBOOK = f"""<workbook {_MAIN} xmlns:r="{_RELATIONS}"><sheets><sheet name="{{name}}" sheetId="1" r:id="rId1"/>\
</sheets></workbook>"""
_SHEET = f"""<worksheet {_MAIN}><sheetViews><sheetView workbookViewId="0"><pane ySplit="1" topLeftCell="A2" \
activePane="bottomLeft" state="frozen"/></sheetView></sheetViews><sheetFormatPr defaultRowHeight="15" \
baseColWidth="16"/><sheetData>"""


class WorkbookStream:
    """A workbook of one sheet. `target` needs `write` and `flush` alone."""

    def __init__(self, target: Any, name: str, titles: Sequence[str]) -> None:
        self._zip = zipfile.ZipFile(cast(IO[bytes], target), "w", zipfile.ZIP_DEFLATED, compresslevel=6)
        for path, content in (_PARTS | {"xl/workbook.xml": _WORKBOOK.format(name=escape(name))}).items():
            self._zip.writestr(path, _HEAD + content)
        self._sheet = self._zip.open("xl/worksheets/sheet1.xml", "w", force_zip64=False)
        self._sheet.write((_HEAD + _SHEET).encode())
        self._sheet.write(_row(titles, ' s="1"').encode())

    def write(self, rows: Iterable[Sequence[str | None]]) -> None:
        """Append rows of text; None is an empty cell."""
        self._sheet.write("".join(_row(row, "") for row in rows).encode())

    def close(self) -> None:
        """Write the end; the target stays open."""
        self._sheet.write(b"</sheetData></worksheet>")
        self._sheet.close()
        self._zip.close()


def _row(cells: Sequence[str | None], style: str) -> str:
    return f"<row>{''.join(_cell(cell, style) for cell in cells)}</row>"


def _cell(cell: str | None, style: str) -> str:
    if not cell:
        return "<c/>"
    text = escape(_UNWRITABLE.sub(" ", harmless(cell)))
    return f'<c{style} t="inlineStr"><is><t xml:space="preserve">{text}</t></is></c>'


def harmless(cell: str) -> str:
    """A text that a spreadsheet would obey, once saved as CSV and opened again, goes behind a `'`."""
    return f"'{cell}" if cell[0] in "=+-@\t\r" else cell
