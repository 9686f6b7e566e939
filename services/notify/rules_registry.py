"""Who must know what the registry tells."""

from services.notify.rules import Rule, data_desk
from sinergi.events import ImportCompleted

REGISTRY = [
    Rule(
        ImportCompleted,
        data_desk,
        "Impor data selesai",
        "Daftar {source}: {rows_good} baris baik, {rows_bad} baris bermasalah; {persons_new} orang baru, "
        "{persons_matched} sudah terdaftar.",
    ),
]
