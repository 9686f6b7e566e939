"""What the pages say about the clocks of referrals, in Indonesian and English."""

#: key -> (Indonesian, English)
CLOCKS: dict[str, tuple[str, str]] = {
    "code.not-acknowledged": ("Tidak ditanggapi", "Never acknowledged"),
    "code.not-decided": ("Tidak diputuskan", "Never decided"),
    "state.overdue": ("Terlambat", "Overdue"),
    "state.reminded": ("Diingatkan", "Reminded"),
    "state.escalated": ("Dieskalasi", "Escalated"),
    "clock.acknowledge": ("Tanda terima", "To acknowledge"),
    "clock.decide": ("Keputusan", "To decide"),
    "clock.finish": ("Penyelesaian", "To finish"),
    "clock.review": ("Peninjauan kembali", "To review"),
    "clock.confirm": ("Konfirmasi pembatalan", "To confirm cancelling"),
    "confirm_due": ("Konfirmasi pembatalan paling lambat", "Confirm cancelling by"),
    "hold_review": ("Ditinjau kembali pada", "Review on"),
    "time_left": ("Sisa waktu (selama ditunda)", "Time left (while on hold)"),
    "working_days": ("hari kerja", "working days"),
    "hours": ("jam", "hours"),
    "only_late": ("Hanya yang terlambat", "Only what is late"),
    "clock_level": ("tingkat", "clock_level"),
}
