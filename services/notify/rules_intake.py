"""Who must know of a report, of a case on its way to another office, and of what came to a case from outside."""

from services.notify.rules import Rule, both_of_case, doer, supervisor, worker
from sinergi.events import (
    CaseTransferAccepted,
    CaseTransferFact,
    CaseTransferOffered,
    CaseTransferOverdue,
    CaseTransferProposed,
    CaseTransferRefused,
    CaseTransferWithdrawn,
    IntakeFact,
    IntakeOverdue,
    IntakeReceived,
    IntakeRiskToLife,
    TaskOpened,
)

#: tasks that somebody else than the worker gives rise to
FROM_OUTSIDE = {
    "information-offered",
    "intake-joined",
    "second-open-case",
    "client-unmerged",
    "person-died",
    "death-undone",
    "client-moved",
    "client-left-regency",
    "client-data-changed",
    "household-split",
    "household-merged",
    "group-dissolved",
}


def office(fact: IntakeFact) -> list[str]:
    """The supervisors of the office."""
    return [f"desk:{fact.agency}/supervisor"]


def office_and_desk(fact: IntakeFact) -> list[str]:
    """The supervisors of the office, and its desk for reports."""
    return [*office(fact), f"desk:{fact.agency}/intake"]


def if_referred(fact: IntakeReceived) -> list[str]:
    """The supervisors of the office to which another one sent it."""
    return office(fact) if fact.referred_by else []


def other_office(fact: CaseTransferFact) -> list[str]:
    """The supervisors of the office that decides."""
    return [f"desk:{fact.to_agency}/supervisor"]


def both_offices(fact: CaseTransferFact) -> list[str]:
    """Worker and supervisor of the case, and whoever decides in the other office."""
    return [*both_of_case(fact), *other_office(fact)]


def new_and_old(fact: CaseTransferAccepted) -> list[str]:
    """The new worker, the old one, and the supervisors of the office that let the case go."""
    return [*worker(fact), f"user:{fact.previous_worker}", f"desk:{fact.from_agency}/supervisor"]


def if_from_outside(fact: TaskOpened) -> list[str]:
    """Whoever has to do it, when it came from outside."""
    return doer(fact) if fact.kind in FROM_OUTSIDE else []


INTAKE = [
    Rule(
        IntakeRiskToLife,
        office_and_desk,
        "MENGANCAM JIWA: laporan {number}",
        "Saringan awal di wilayah {area} menunjukkan risiko jiwa. Tangani sekarang.",
    ),
    Rule(
        IntakeReceived,
        if_referred,
        "Laporan {number} diteruskan kepada kantor Anda",
        "{referred_by} meneruskan sebuah laporan di wilayah {area}.",
    ),
    Rule(IntakeOverdue, office, "Laporan {number} belum disaring", "Laporan di wilayah {area} melewati batas waktu."),
    Rule(
        CaseTransferProposed,
        supervisor,
        "Alih kasus menunggu persetujuan",
        "Pekerja sosial mengusulkan kasus dialihkan ke {to_agency}.",
    ),
    Rule(
        CaseTransferOffered,
        other_office,
        "Alih kasus {number} ditawarkan",
        "{from_agency} menawarkan sebuah kasus di wilayah {to_area}. Terima atau tolak.",
    ),
    Rule(
        CaseTransferAccepted,
        new_and_old,
        "Alih kasus {number} diterima",
        "Kasus dari {from_agency} kini ditangani {to_agency}.",
    ),
    Rule(
        CaseTransferRefused,
        both_of_case,
        "Alih kasus {number} ditolak",
        "{to_agency} menolak alih kasus. Kasus tetap di kantor Anda.",
    ),
    Rule(CaseTransferWithdrawn, both_offices, "Alih kasus {number} ditarik", "{from_agency} menarik alih kasus ini."),
    Rule(
        CaseTransferOverdue,
        both_offices,
        "Alih kasus {number} belum dijawab",
        "{to_agency} belum menjawab alih kasus dari {from_agency} dalam batas waktu.",
    ),
    Rule(
        TaskOpened,
        if_from_outside,
        "Kabar baru tentang klien pada kasus {number}",
        "Ada tugas baru dari luar kasus ini. Buka daftar tugas Anda.",
    ),
]
