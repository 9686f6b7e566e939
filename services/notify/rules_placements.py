"""Who must know what becomes of a placement, and of a facility's capacity."""

from services.notify.rules import Rule
from sinergi.events import (
    FacilityFact,
    FacilityOverCapacity,
    FacilityWithinCapacity,
    PlacementAdmitted,
    PlacementDischarged,
    PlacementFact,
    PlacementOffered,
    PlacementReturnOverdue,
    PlacementTransferred,
)


def worker(fact: PlacementFact) -> list[str]:
    """The social worker of the case."""
    return [f"user:{fact.worker}"]


def supervisors(fact: FacilityFact) -> list[str]:
    """The supervisors of the facility's agency."""
    return [f"desk:{fact.agency}/supervisor"]


PLACEMENTS = [
    Rule(
        PlacementOffered,
        worker,
        "Tempat tidur tersedia untuk kasus {number}",
        "Tempat ditahan sampai {held_until}. Terima atau tolak tawaran ini di halaman penempatan kasus.",
    ),
    Rule(PlacementAdmitted, worker, "Klien kasus {number} masuk panti", "Klien diterima masuk panti."),
    Rule(PlacementTransferred, worker, "Klien kasus {number} pindah tempat", "Klien pindah tempat tidur atau panti."),
    Rule(
        PlacementReturnOverdue,
        worker,
        "Klien kasus {number} belum kembali ke panti",
        "Klien seharusnya kembali pada {until}.",
    ),
    Rule(PlacementDischarged, worker, "Klien kasus {number} keluar dari panti", "Rencanakan pembinaan lanjut."),
    Rule(
        FacilityOverCapacity,
        supervisors,
        "Panti {number} melebihi kapasitas",
        "Penghuni ditempatkan di luar jumlah tempat tidur.",
    ),
    Rule(
        FacilityWithinCapacity,
        supervisors,
        "Panti {number} kembali sesuai kapasitas",
        "Tidak ada lagi penghuni di luar jumlah tempat tidur.",
    ),
]
