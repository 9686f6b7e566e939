"""What the pages about cases and tasks say, in Indonesian and English."""

#: key -> (Indonesian, English)
CASES: dict[str, tuple[str, str]] = {
    "case_overview": ("Ringkasan", "Overview"),
    "case_pages": ("Halaman kasus", "Pages of the case"),
    "read_only": ("Anda hanya dapat membaca kasus ini.", "You can only read this case."),
    "tasks": ("Tugas", "Tasks"),
    "task": ("Tugas", "Task"),
    "no_tasks": ("Tidak ada tugas.", "Nothing to do."),
    "whose": ("Tugas siapa", "Whose tasks"),
    "whose.mine": ("Tugas saya", "My tasks"),
    "whose.office": ("Tugas kantor", "The office's tasks"),
    "only_overdue": ("Hanya yang terlambat", "Only overdue"),
    "due_on": ("Batas waktu", "Due on"),
    "overdue": ("Terlambat", "Overdue"),
    "finish_task": ("Selesai", "Done"),
    "how_done": ("Catatan (bila perlu)", "Note (if needed)"),
    "command.finish": ("Tugas selesai", "Task done"),
    "task.by-hand": ("Catatan sendiri", "Own note"),
    "task.step-declined": ("Rujukan ditolak: tentukan langkah berikutnya", "Referral declined: decide what follows"),
    "task.step-failed": ("Rujukan gagal: tentukan langkah berikutnya", "Referral failed: decide what follows"),
    "task.step-cancelled": (
        "Rujukan dibatalkan: tentukan langkah berikutnya",
        "Referral cancelled: decide what follows",
    ),
    "task.step-expired": (
        "Rujukan tidak dijawab: tentukan langkah berikutnya",
        "Referral never answered: decide what follows",
    ),
    "task.step-overdue": ("Rujukan terlambat: tanyakan kepada penerima", "Referral overdue: ask the receiver"),
    "task.step-reroute": ("Rujukan ditolak: pilih layanan lain", "Referral declined: choose another service"),
    "task.step-wait": ("Layanan penuh: tunggu, lalu kirim ulang", "The service is full: wait, then send again"),
    "task.step-add-documents": ("Lengkapi dokumen, lalu kirim ulang", "Add the documents, then send again"),
    "task.step-ask-client": ("Klien menolak: bicarakan dengan klien", "The client refused: talk with the client"),
    "task.step-find-client": ("Klien tidak dapat dihubungi: cari klien", "The client cannot be reached: look in"),
    "task.step-check-area": (
        "Klien pindah: periksa wilayah, alihkan kasus bila perlu",
        "The client moved: check the area, transfer the case if needed",
    ),
    "task.step-record-death": (
        "Klien meninggal: catat di registri setelah dipastikan",
        "The client died: record it in the registry once confirmed",
    ),
    "problem.task-done": ("Tugas ini sudah selesai.", "This task is done already."),
    "problem.not-your-task": ("Tugas ini milik orang lain.", "This task is somebody else's."),
}
