"""Who must know what becomes of a case."""

from services.notify.rules import (
    Rule,
    both_of_case,
    doer_and_supervisor,
    doer_unless_with_case,
    heirs,
    if_risk_is_high,
    if_single,
    stand_in,
    supervisor,
    worker,
)
from sinergi.events import (
    CaseAssessed,
    CaseAssigned,
    CaseClosed,
    CaseClosureRequested,
    CaseClosureReturned,
    CaseCoverArranged,
    CaseHandedOver,
    CaseLoadHandedOver,
    CaseOpened,
    CasePlanApproved,
    CasePlanReturned,
    CasePlanSubmitted,
    CaseReopened,
    CaseReopeningRefused,
    CaseReopeningRequested,
    CaseStageReverted,
    TaskOverdue,
    TaskReassigned,
)

CASES = [
    Rule(CaseOpened, supervisor, "Kasus baru {number}", "Kasus dibuka di wilayah {area}."),
    Rule(
        CaseAssessed,
        if_risk_is_high,
        "Risiko tinggi pada kasus {number}",
        "Asesmen menunjukkan tingkat risiko {risk}. Dahulukan kasus ini.",
    ),
    Rule(
        CasePlanSubmitted,
        supervisor,
        "Rencana intervensi menunggu persetujuan",
        "Rencana untuk kasus {number} perlu Anda periksa.",
    ),
    Rule(
        CasePlanReturned,
        worker,
        "Rencana intervensi dikembalikan",
        "Rencana untuk kasus {number} perlu diperbaiki. Catatan supervisor ada di kasus.",
    ),
    Rule(
        CasePlanApproved,
        worker,
        "Rencana intervensi disetujui",
        "Rencana untuk kasus {number} disetujui. Intervensi dapat dimulai.",
    ),
    Rule(
        CaseStageReverted,
        supervisor,
        "Kasus {number} kembali ke tahap sebelumnya",
        "Kasus kembali dari tahap {from_stage} ke {to_stage}. Alasannya ada di kasus.",
    ),
    Rule(
        CaseClosureRequested,
        supervisor,
        "Terminasi menunggu persetujuan",
        "Kasus {number} diajukan untuk terminasi.",
    ),
    Rule(
        CaseClosed,
        both_of_case,
        "Kasus {number} terminasi",
        "Tujuan tercapai: {goals_met}, sebagian: {goals_partly_met}, tidak tercapai: {goals_not_met}.",
    ),
    # after terminasi
    Rule(
        CaseClosureReturned,
        worker,
        "Terminasi dikembalikan",
        "Terminasi kasus {number} dikembalikan. Catatan supervisor ada di kasus.",
    ),
    Rule(
        CaseReopeningRequested,
        supervisor,
        "Pembukaan kembali menunggu keputusan",
        "Kasus {number} diajukan untuk dibuka kembali.",
    ),
    Rule(
        CaseReopeningRefused, worker, "Pembukaan kembali ditolak", "Kasus {number} tetap ditutup. Alasannya di kasus."
    ),
    Rule(CaseReopened, both_of_case, "Kasus {number} dibuka kembali", "Kasus berjalan lagi mulai dari asesmen."),
    # the caseload
    Rule(CaseAssigned, worker, "Kasus baru untuk Anda {number}", "Kasus di wilayah {area} ditugaskan kepada Anda."),
    Rule(
        CaseHandedOver,
        if_single,
        "Kasus {number} diserahkan kepada Anda",
        "Kasus di wilayah {area} kini Anda tangani. Alasan: {reason}.",
    ),
    Rule(
        CaseLoadHandedOver,
        heirs,
        "Serah terima kasus selesai",
        "{cases} kasus telah diserahkan kepada Anda dan rekan. Alasan: {reason}. Periksa tugas dan batas waktunya.",
    ),
    Rule(
        CaseCoverArranged,
        stand_in,
        "Anda menjadi pengganti sementara",
        "Anda menggantikan seorang rekan sampai {ends_at}: kasus dan tugasnya tampak di daftar Anda.",
    ),
    # tasks
    Rule(
        TaskReassigned,
        doer_unless_with_case,
        "Tugas dialihkan kepada Anda",
        "Sebuah tugas kini menjadi tanggung jawab Anda, batas waktu {due_on}.",
    ),
    Rule(
        TaskOverdue,
        doer_and_supervisor,
        "Tugas terlambat",
        "Sebuah tugas melewati batas waktu {due_on} dan belum selesai.",
    ),
]
