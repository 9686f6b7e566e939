"""The worker's year on paper: A4, Indonesian, PDF/A-2b, set by Typst with the fonts that come with it."""

import json
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import typst

_TEMPLATE = Path(__file__).parent / "templates" / "year.typ"

#: what the codes are called on paper; one that is not here is shown as it is
WORDS = {
    "walk-in": "Datang sendiri",
    "registry": "Dari registri",
    "outreach": "Penjangkauan",
    "complaint": "Pengaduan",
    "other-regency": "Dari kabupaten/kota lain",
    "person": "Perorangan",
    "household": "Keluarga",
    "group": "Kelompok (KUBE)",
    "goals-met": "Tujuan tercapai",
    "moved": "Klien pindah",
    "died": "Klien meninggal",
    "refused": "Klien menolak",
    "referred-onwards": "Dirujuk lanjut",
    "other": "Lainnya",
    "met": "Tercapai",
    "partly_met": "Tercapai sebagian",
    "not_met": "Tidak tercapai",
    "approve_plan": "Rencana disetujui",
    "return_plan": "Rencana dikembalikan",
    "waiting": "Menunggu keputusan",
    "done": "Dilakukan",
    "visit_missed": "Klien tidak ditemui",
    "in_time": "Tepat waktu",
    "late": "Terlambat dicatat",
    "not_reached": "Klien tidak dijumpai",
    "overdue": "Lewat batas, belum dilakukan",
    "close": "Terminasi disetujui",
    "return_closure": "Terminasi dikembalikan",
    "reopen": "Kasus dibuka kembali",
    "refuse_reopening": "Pembukaan kembali ditolak",
    "notes": "Catatan supervisi pada kasus",
    "peksos-lsps": "Sertifikat kompetensi pekerja sosial (LSPS)",
    "peksos-str": "STR pekerja sosial",
    "tks-lsps": "Sertifikat tenaga kesejahteraan sosial (LSPS)",
    "penyuluh-lsps": "Sertifikat penyuluh sosial (LSPS)",
}


def year_pdf(report: dict[str, Any]) -> bytes:
    """The report of `year_report.read_year` as a PDF. Takes a tenth of a second of CPU: call it in a thread."""
    zone = ZoneInfo(report["zone"])
    shown = json.loads(json.dumps(report, default=lambda one: _day(one, zone)))
    # a visit's code means something else among goals
    shown["visits"] = {"visit_missed" if code == "not_met" else code: n for code, n in report["visits"].items()}
    inputs = {"report": json.dumps(shown), "words": json.dumps(WORDS)}
    made = typst.compile(
        _TEMPLATE,
        ignore_system_fonts=True,
        format="pdf",
        sys_inputs=inputs,
        pdf_standards="a-2b",
        timestamp=report["made_at"].replace(microsecond=0),
    )
    assert isinstance(made, bytes)
    return made


def _day(value: Any, zone: ZoneInfo) -> str:
    if isinstance(value, datetime):
        return value.astimezone(zone).strftime("%d-%m-%Y")
    return value.strftime("%d-%m-%Y") if hasattr(value, "strftime") else str(value).replace("-", "")[-8:].upper()
