"""Who must know about obstacles, meetings and what they decide."""

from services.notify.rules import Rule, decided_doer, office, owner
from sinergi.events import MeetingCalled, MeetingMinuted, ObstacleOwned, ObstacleReopened, TaskOpened

RAKOR = [
    Rule(
        ObstacleOwned,
        owner,
        "Anda penanggung jawab kendala {number}",
        "Kendala {category} di wilayah {area} kini menjadi tanggung jawab Anda.",
    ),
    Rule(
        ObstacleReopened,
        office,
        "Kendala {number} dibuka kembali",
        "Kendala {category} di wilayah {area} ada lagi.",
    ),
    Rule(
        MeetingCalled,
        office,
        "Rakor {held_on}",
        "Rapat koordinasi wilayah {area} pada {held_on}. Agenda sudah tersedia.",
    ),
    Rule(
        MeetingMinuted,
        office,
        "Notulen rakor {held_on} disetujui",
        "Rapat koordinasi wilayah {area}: {decisions} keputusan menjadi tugas.",
    ),
    Rule(
        TaskOpened,
        decided_doer,
        "Keputusan rakor untuk Anda",
        "Sebuah keputusan menjadi tugas Anda, batas waktu {due_on}.",
    ),
]
