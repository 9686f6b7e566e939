"""Every text of the pages, in Indonesian and English. A test compares the two."""

from services.console.texts_assessments import ASSESSMENTS
from services.console.texts_caseload import CASELOAD
from services.console.texts_cases import CASES
from services.console.texts_clocks import CLOCKS
from services.console.texts_closure import CLOSURE
from services.console.texts_directory import DIRECTORY
from services.console.texts_intake import INTAKE
from services.console.texts_letters import LETTERS
from services.console.texts_notes import NOTES
from services.console.texts_pathways import PATHWAYS
from services.console.texts_placement import PLACEMENT
from services.console.texts_plans import PLANS
from services.console.texts_rakor import RAKOR
from services.console.texts_registry import REGISTRY
from services.console.texts_webhooks import WEBHOOKS
from sinergi.problems import Refused

DEFAULT = "id"

#: key -> (Indonesian, English)
_BOTH: dict[str, tuple[str, str]] = {
    "skip": ("Langsung ke isi", "Skip to content"),
    "inbox": ("Kotak masuk", "Inbox"),
    "referrals": ("Rujukan", "Referrals"),
    "cases": ("Kasus", "Cases"),
    "account": ("Akun", "Account"),
    "logout": ("Keluar", "Sign out"),
    "login": ("Masuk", "Sign in"),
    "login_lead": (
        "Satu jalan antara dinas sosial dan instansi mitra.",
        "One path between social services and their partner agencies.",
    ),
    "username": ("Nama pengguna", "User name"),
    "password": ("Kata sandi", "Password"),
    "other_language": ("English", "Bahasa Indonesia"),
    "unread": ("belum dibaca", "unread"),
    "new": ("Baru", "New"),
    "no_messages": ("Belum ada pesan.", "No messages yet."),
    "live": ("Daftar ini diperbarui otomatis.", "This list renews itself."),
    "open": ("Buka", "Open"),
    "older": ("Lebih lama", "Older"),
    "newer": ("Lebih baru", "Newer"),
    "pages": ("Halaman", "Pages"),
    "total": ("seluruhnya", "in all"),
    "error": ("Tidak dapat dilakukan", "That could not be done"),
    "back": ("Kembali ke kotak masuk", "Back to the inbox"),
    "referral": ("Rujukan", "Referral"),
    "case": ("Kasus", "Case"),
    "import": ("Impor", "Import"),
    "state": ("Status", "State"),
    "all_states": ("Semua status", "All states"),
    "filter": ("Tampilkan", "Show"),
    "service": ("Layanan", "Service"),
    "from": ("Dari", "From"),
    "to": ("Kepada", "To"),
    "area": ("Wilayah", "Area"),
    "priority": ("Prioritas", "Priority"),
    "reason": ("Alasan", "Reason"),
    "legal_basis": ("Dasar hukum", "Legal basis"),
    "documents": ("Dokumen terlampir", "Documents enclosed"),
    "documents_needed": ("Dokumen yang disyaratkan", "Documents required"),
    "requested_at": ("Diminta", "Requested"),
    "acknowledge_due": ("Batas tanda terima", "Acknowledge by"),
    "decide_due": ("Batas keputusan", "Decide by"),
    "finish_due": ("Batas selesai", "Finish by"),
    "expected_on": ("Perkiraan selesai", "Expected on"),
    "due": ("Batas waktu", "Due"),
    "replaces": ("Menggantikan rujukan", "Replaces referral"),
    "replaced_by": ("Digantikan rujukan", "Replaced by referral"),
    "outcome": ("Hasil", "Outcome"),
    "evidence": ("Bukti", "Evidence"),
    "timeline": ("Riwayat", "Timeline"),
    "answers": ("Tindakan", "Answers"),
    "no_answers": ("Tidak ada tindakan untuk Anda saat ini.", "There is nothing for you to answer now."),
    "required": ("wajib diisi", "required"),
    "choose": ("Pilih …", "Choose …"),
    "send": ("Kirim", "Send"),
    "done": ("Tersimpan:", "Done:"),
    "client": ("Data klien", "The client's data"),
    "client_logged": (
        "Setiap pembacaan data pribadi dicatat: siapa, kapan, dan untuk apa (UU 27/2022).",
        "Every reading of personal data is written down: who, when, and what for (UU 27/2022).",
    ),
    "purpose": ("Untuk keperluan apa?", "For what purpose?"),
    "show_client": ("Tampilkan data klien", "Show the client's data"),
    "members": ("Anggota", "Members"),
    "no_referrals": ("Tidak ada rujukan.", "No referrals."),
    "no_cases": ("Tidak ada kasus.", "No cases."),
    "stage": ("Tahap", "Stage"),
    "risk": ("Risiko", "Risk"),
    "steps": ("Langkah rencana", "Steps of the plan"),
    "history": ("Riwayat", "History"),
    "other_documents": (
        "Kode dokumen lain, dipisahkan koma",
        "Codes of other documents, with commas between",
    ),
    "name": ("Nama", "Name"),
    "role": ("Peran", "Role"),
    "agency": ("Instansi", "Agency"),
    # fields of forms and of a client's data
    "field.receiver_reference": ("Nomor berkas Anda (bila ada)", "Your own file number (if any)"),
    "field.expected_on": ("Perkiraan tanggal selesai", "Expected to be done on"),
    "field.business_status": ("Perkembangan", "How it goes"),
    "field.note": ("Catatan", "Note"),
    "field.outcome": ("Hasil", "Outcome"),
    "field.given_on": ("Tanggal diberikan", "Given on"),
    "field.nib": ("Nomor NIB (13 angka)", "NIB number (13 digits)"),
    "field.text": ("Penjelasan", "Explanation"),
    "field.next_step": ("Langkah berikutnya", "Next step"),
    "field.reason": ("Alasan", "Reason"),
    "field.review_on": ("Ditinjau kembali pada", "Review on"),
    "field.missing_documents": ("Dokumen yang kurang", "Missing documents"),
    "field.better_service": ("Layanan yang lebih tepat (kode)", "A better service (its code)"),
    "field.client_view": ("Tanggapan klien", "The client's word"),
    "field.purpose": ("Keperluan", "Purpose"),
    "field.expected_version": ("Versi", "Version"),
    "field.nik": ("NIK", "NIK"),
    "field.kk": ("Nomor KK", "Family card number"),
    "field.name": ("Nama", "Name"),
    "field.address": ("Alamat", "Address"),
    "field.phone": ("Telepon", "Phone"),
    "field.birth_date": ("Tanggal lahir", "Date of birth"),
    "field.birth_place": ("Tempat lahir", "Place of birth"),
    "field.sex": ("Jenis kelamin", "Sex"),
    "field.area": ("Wilayah", "Area"),
    "field.role": ("Peran", "Role"),
    "field.evidence": ("Bukti", "Evidence"),
    # commands
    "command.acknowledge": ("Tanda terima", "Acknowledge"),
    "command.accept": ("Setujui", "Accept"),
    "command.decline": ("Tolak", "Decline"),
    "command.progress": ("Catat kemajuan", "Note progress"),
    "command.hold": ("Tunda", "Put on hold"),
    "command.resume": ("Lanjutkan", "Resume"),
    "command.complete": ("Selesaikan", "Complete"),
    "command.fail": ("Nyatakan gagal", "Could not be done"),
    "command.confirm_cancel": ("Konfirmasi pembatalan", "Confirm cancelling"),
    "command.cancel": ("Batalkan", "Cancel"),
    "command.request_cancel": ("Minta pembatalan", "Ask to cancel"),
    "command.retract": ("Tarik (salah input)", "Retract (entered in error)"),
    "command.close": ("Hasil sudah dibaca", "Outcome read"),
    # states of a referral
    "state.planned": ("Direncanakan", "Planned"),
    "state.sent": ("Dikirim", "Sent"),
    "state.dropped": ("Tidak dilanjutkan", "Dropped"),
    "stage.identifikasi": ("Identifikasi", "Identification"),
    "stage.asesmen": ("Asesmen", "Assessment"),
    "stage.rencana": ("Rencana intervensi", "Plan"),
    "stage.intervensi": ("Intervensi", "Intervention"),
    "stage.pemberdayaan": ("Pemberdayaan", "Empowerment"),
    "stage.terminasi": ("Terminasi", "Termination"),
    "stage.pembinaan_lanjut": ("Pembinaan lanjut", "Follow-up"),
    "done.open": ("Kasus dibuka", "Case opened"),
    "done.assess": ("Asesmen dicatat", "Assessed"),
    "done.draft_plan": ("Rencana ditulis", "Plan written"),
    "done.submit_plan": ("Rencana diajukan", "Plan submitted"),
    "done.return_plan": ("Rencana dikembalikan", "Plan returned"),
    "done.approve_plan": ("Rencana disetujui", "Plan approved"),
    "done.resend_step": ("Langkah dikirim ulang", "Step sent again"),
    "done.drop_step": ("Langkah tidak dilanjutkan", "Step dropped"),
    "done.request_closure": ("Terminasi diajukan", "Closure requested"),
    "done.close": ("Terminasi disetujui", "Closed"),
    "step": ("Langkah", "Step"),
    "state.requested": ("Diminta", "Requested"),
    "state.received": ("Diterima loket", "Received"),
    "state.accepted": ("Disetujui", "Accepted"),
    "state.in_progress": ("Berjalan", "In progress"),
    "state.on_hold": ("Ditunda", "On hold"),
    "state.cancel_requested": ("Pembatalan diminta", "Cancel requested"),
    "state.declined": ("Ditolak", "Declined"),
    "state.cancelled": ("Dibatalkan", "Cancelled"),
    "state.completed": ("Selesai", "Completed"),
    "state.failed": ("Gagal", "Failed"),
    "state.expired": ("Kedaluwarsa", "Expired"),
    "state.entered_in_error": ("Salah input", "Entered in error"),
    # facts of the timeline that are no state
    "state.progressed": ("Ada kemajuan", "Progressed"),
    "state.held": ("Ditunda", "Held"),
    "state.resumed": ("Dilanjutkan", "Resumed"),
    "state.closed": ("Hasil dibaca pengirim", "Outcome read by the sender"),
    "state.retracted": ("Ditarik", "Retracted"),
    "state.rerouted": ("Dialihkan", "Rerouted"),
    # codes
    "code.routine": ("Biasa", "Routine"),
    "code.urgent": ("Mendesak", "Urgent"),
    "code.capacity": ("Kapasitas penuh", "No capacity"),
    "code.not-eligible": ("Tidak memenuhi syarat", "Not eligible"),
    "code.out-of-area": ("Di luar wilayah", "Out of area"),
    "code.missing-documents": ("Dokumen belum lengkap", "Documents are missing"),
    "code.wrong-service": ("Layanan tidak tepat", "Wrong service"),
    "code.refused": ("Klien menolak", "The client refused"),
    "code.unreachable": ("Klien tidak dapat dihubungi", "The client cannot be reached"),
    "code.moved": ("Klien pindah", "The client moved"),
    "code.died": ("Klien meninggal", "The client died"),
    "code.client-withdrew": ("Klien mundur", "The client withdrew"),
    "code.client-moved": ("Klien pindah", "The client moved"),
    "code.client-died": ("Klien meninggal", "The client died"),
    "code.no-capacity": ("Tidak ada kapasitas", "No capacity"),
    "code.client": ("Menunggu klien", "Waiting for the client"),
    "code.documents": ("Menunggu dokumen", "Waiting for documents"),
    "code.other-agency": ("Menunggu instansi lain", "Waiting for another agency"),
    "code.need-met": ("Kebutuhan sudah terpenuhi", "The need is met"),
    "code.plan-changed": ("Rencana berubah", "The plan changed"),
    "code.wrong-client": ("Klien keliru", "Wrong client"),
    "code.duplicate": ("Ganda", "Duplicate"),
    "code.other": ("Lainnya", "Other"),
    "code.scheduled": ("Terjadwal", "Scheduled"),
    "code.no_show": ("Klien tidak hadir", "No show"),
    "code.appointment_cancelled": ("Janji dibatalkan", "Appointment cancelled"),
    "code.visit_completed": ("Kunjungan selesai", "Visit completed"),
    "code.service-given": ("Layanan diberikan", "Service given"),
    "code.coaching-completed": ("Pembinaan selesai", "Coaching completed"),
    "code.training-completed": ("Pelatihan selesai", "Training completed"),
    "code.licence-issued": ("Izin terbit", "Licence issued"),
    "code.loan-granted": ("Pinjaman disetujui", "Loan granted"),
    "code.aid-given": ("Bantuan diberikan", "Aid given"),
    "code.admitted": ("Diterima masuk", "Admitted"),
    "code.partly-given": ("Diberikan sebagian", "Partly given"),
    "code.nib": ("NIB", "NIB"),
    "code.certificate": ("Sertifikat", "Certificate"),
    "code.loan": ("Pinjaman", "Loan"),
    "code.admission": ("Surat penerimaan", "Letter of admission"),
    "code.low": ("Rendah", "Low"),
    "code.medium": ("Sedang", "Medium"),
    "code.high": ("Tinggi", "High"),
    "code.life": ("Mengancam jiwa", "Risk to life"),
    "code.ketua": ("Ketua", "Chair"),
    "code.sekretaris": ("Sekretaris", "Secretary"),
    "code.bendahara": ("Bendahara", "Treasurer"),
    "code.anggota": ("Anggota", "Member"),
    # roles
    "role.operator": ("Operator data", "Data operator"),
    "role.social_worker": ("Pekerja sosial", "Social worker"),
    "role.supervisor": ("Supervisor", "Supervisor"),
    "role.desk_officer": ("Petugas loket", "Desk officer"),
    "role.facility_officer": ("Petugas panti", "Facility officer"),
    "role.auditor": ("Auditor", "Auditor"),
    "role.agency": ("Sistem instansi", "The agency's system"),
    "role.service": ("Sinergi", "Sinergi"),
    # refusals
    "problem.version-conflict": (
        "Data ini sudah berubah. Periksa keadaan terbaru di bawah, lalu putuskan kembali.",
        "It was changed meanwhile. Look at how it stands below, then decide again.",
    ),
    "problem.request-not-valid": ("Periksa isian berikut:", "Check these fields:"),
    "problem.not-found": ("Halaman ini tidak ada.", "There is no such page."),
    "problem.not-permitted": ("Peran Anda tidak boleh melakukan ini.", "Your role may not do this."),
    "problem.not-your-agency": ("Ini milik instansi lain.", "This belongs to another agency."),
    "problem.outside-your-area": ("Ini di luar wilayah Anda.", "This lies outside your area."),
    "problem.not-your-case": ("Kasus ini ditangani orang lain.", "Another social worker holds this case."),
    "problem.wrong-name-or-password": (
        "Nama pengguna atau kata sandi salah.",
        "The name or the password is wrong.",
    ),
    "problem.too-many-tries": (
        "Terlalu banyak percobaan. Tunggu 15 menit.",
        "Too many tries. Wait 15 minutes.",
    ),
    "problem.form-expired": (
        "Halaman sudah kedaluwarsa. Buka kembali, lalu ulangi.",
        "The page is too old. Open it again and repeat it.",
    ),
    "problem.service-unavailable": (
        "Layanan sedang tidak menjawab. Coba lagi sebentar.",
        "A service does not answer. Try again in a moment.",
    ),
}


def _joined(*rooms: dict[str, tuple[str, str]]) -> dict[str, tuple[str, str]]:
    """The texts of all rooms. ValueError when two of them use one key."""
    joined: dict[str, tuple[str, str]] = {}
    for room in rooms:
        if twice := sorted(joined.keys() & room):
            raise ValueError(f"texts with the same key in two rooms: {', '.join(twice)}")
        joined |= room
    return joined


_ALL = _joined(
    _BOTH,
    REGISTRY,
    CASES,
    ASSESSMENTS,
    NOTES,
    PLACEMENT,
    INTAKE,
    DIRECTORY,
    RAKOR,
    CLOSURE,
    CASELOAD,
    PLANS,
    CLOCKS,
    PATHWAYS,
    WEBHOOKS,
    LETTERS,
)
TEXTS: dict[str, dict[str, str]] = {
    lang: {key: both[place] for key, both in _ALL.items()} for place, lang in enumerate(("id", "en"))
}


def say(lang: str, key: str) -> str:
    """The text; a code that has none is shown as it is. A plain key without a text is a mistake of ours."""
    known = TEXTS[lang]
    prefix, dot, code = key.partition(".")
    return known.get(key, code) if dot else known[prefix]


def problem_text(lang: str, no: Refused) -> str:
    """What a refusal says to a person: in the page's language where we have it, with the fields that were wrong."""
    sentence = TEXTS[lang].get(f"problem.{no.slug}", no.detail)
    wrong = [str(one.get("field", "")) for one in no.extra.get("errors", [])]
    fields = [say(lang, f"field.{name.split('.')[-1] or name}") for name in dict.fromkeys(wrong)]
    return f"{sentence} {', '.join(fields)}" if fields else sentence
