"""Who must know what becomes of a referral."""

from services.notify.rules import Rule, both_ends, desk, ever_higher, if_in_time, if_late, other_side, worker
from sinergi.events import (
    ReferralAccepted,
    ReferralCancelled,
    ReferralCancelRequested,
    ReferralClosed,
    ReferralCompleted,
    ReferralDeclined,
    ReferralEscalated,
    ReferralExpired,
    ReferralFailed,
    ReferralHeld,
    ReferralOverdue,
    ReferralProgressed,
    ReferralReceived,
    ReferralReminded,
    ReferralRequested,
    ReferralResumed,
    ReferralRetracted,
)

REFERRALS = [
    # referrals, to the desk that must answer
    Rule(
        ReferralRequested,
        desk,
        "Rujukan baru {number}",
        "Layanan {service} diminta oleh {sender} (prioritas {priority}). Tanggapi paling lambat {decide_due}.",
    ),
    Rule(
        ReferralCancelRequested,
        desk,
        "Pembatalan rujukan {number} diminta",
        "{sender} meminta layanan {service} dihentikan. Konfirmasikan, atau selesaikan bila sudah berjalan.",
    ),
    Rule(ReferralCancelled, other_side, "Rujukan {number} dibatalkan", "Layanan {service} tidak dilanjutkan."),
    Rule(
        ReferralRetracted,
        desk,
        "Rujukan {number} ditarik",
        "{sender} menyatakan rujukan ini salah input. Tidak perlu ditindaklanjuti.",
    ),
    Rule(
        ReferralClosed,
        desk,
        "Hasil rujukan {number} sudah dibaca",
        "{sender} telah menerima hasil layanan {service}. Terima kasih.",
    ),
    # referrals, to the worker who waits for an answer
    Rule(
        ReferralReceived,
        worker,
        "Rujukan {number} diterima loket",
        "{receiver} telah melihat permintaan layanan {service}.",
    ),
    Rule(
        ReferralAccepted,
        worker,
        "Rujukan {number} disetujui",
        "{receiver} akan memberikan layanan {service}, perkiraan selesai {expected_on}.",
    ),
    Rule(
        ReferralDeclined,
        if_in_time,
        "Rujukan {number} ditolak",
        "{receiver} menolak layanan {service} (alasan: {reason}). Tentukan langkah berikutnya.",
    ),
    Rule(
        ReferralDeclined,
        if_late,
        "PENTING: rujukan {number} dikembalikan setelah disetujui",
        "{receiver} menghentikan layanan {service} yang sudah disetujui (alasan: {reason}). Tentukan langkah "
        "berikutnya.",
    ),
    Rule(ReferralProgressed, worker, "Rujukan {number} berjalan", "{receiver} mengerjakan layanan {service}."),
    Rule(
        ReferralHeld,
        worker,
        "Rujukan {number} ditunda",
        "{receiver} menunda layanan {service}, ditinjau kembali {review_on}.",
    ),
    Rule(
        ReferralResumed,
        worker,
        "Rujukan {number} dilanjutkan",
        "{receiver} melanjutkan layanan {service}.",
    ),
    Rule(
        ReferralCompleted,
        worker,
        "Rujukan {number} selesai",
        "{receiver} telah memberikan layanan {service} pada {given_on} (hasil: {outcome}).",
    ),
    Rule(
        ReferralFailed,
        worker,
        "Rujukan {number} gagal",
        "{receiver} tidak dapat memberikan layanan {service} (alasan: {reason}). Tentukan langkah berikutnya.",
    ),
    # referrals, by the clock
    Rule(
        ReferralReminded,
        desk,
        "Pengingat: rujukan {number}",
        "Layanan {service} untuk {sender} menunggu {clock}, batas waktu {due}.",
    ),
    Rule(
        ReferralEscalated,
        ever_higher,
        "Terlambat (tingkat {level}): rujukan {number}",
        "Layanan {service} dari {receiver} untuk {sender} melewati batas waktu {clock} ({due}).",
    ),
    Rule(
        ReferralOverdue,
        both_ends,
        "Terlambat: rujukan {number}",
        "Layanan {service} dari {receiver} belum selesai pada batas waktu {due}.",
    ),
    Rule(
        ReferralExpired,
        both_ends,
        "Rujukan {number} kedaluwarsa",
        "{receiver} tidak menjawab permintaan layanan {service} sampai batas waktu {due}. Rujukan ini berakhir.",
    ),
]
