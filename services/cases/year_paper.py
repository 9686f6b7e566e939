"""The worker's year as the template `year.typ` prints it: A4, Indonesian."""

import json
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

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


def year_paper(report: dict[str, Any]) -> dict[str, Any]:
    """The report of `year_report.read_year` as the template takes it: days as they are written here, and words."""
    zone = ZoneInfo(report["zone"])
    shown = json.loads(json.dumps(report, default=lambda one: _day(one, zone)))
    # a visit's code means something else among goals
    shown["visits"] = {"visit_missed" if code == "not_met" else code: n for code, n in report["visits"].items()}
    return {"report": shown, "words": WORDS}


def _day(value: Any, zone: ZoneInfo) -> str:
    if isinstance(value, datetime):
        return value.astimezone(zone).strftime("%d-%m-%Y")
    return value.strftime("%d-%m-%Y") if hasattr(value, "strftime") else str(value).replace("-", "")[-8:].upper()
