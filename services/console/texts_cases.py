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
    "problem.task-done": ("Tugas ini sudah selesai.", "This task is done already."),
    "problem.not-your-task": ("Tugas ini milik orang lain.", "This task is somebody else's."),
}
