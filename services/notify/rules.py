"""What a rule is: when a fact comes, who is told, and in which words. The tables are rules_*.py.

Texts hold numbers, codes and dates, never what somebody typed: a free text could name a person.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, timedelta, timezone
from typing import Any

from sinergi.events import (
    CaseAssessed,
    CaseCoverArranged,
    CaseFact,
    CaseHandedOver,
    CaseLoadHandedOver,
    Event,
    FacilityFact,
    MeetingFact,
    ObstacleFact,
    ObstacleOwned,
    ReferralDeclined,
    ReferralEscalated,
    ReferralFact,
    TaskFact,
    TaskOpened,
    TaskReassigned,
)

Recipients = Callable[[Any], list[str]]

#: western Indonesian time, in which dues are told
WIB = timezone(timedelta(hours=7), "WIB")
#: the desk of the people who run the imports; a list belongs to no agency, so its fact names none
DATA_DESK = "desk:dinsos/data"
MONTHS = (
    "Januari",
    "Februari",
    "Maret",
    "April",
    "Mei",
    "Juni",
    "Juli",
    "Agustus",
    "September",
    "Oktober",
    "November",
    "Desember",
)

#: how people say the codes that stand in the texts below; a code that is not here is shown as it is
WORDS = {
    "capacity": "kapasitas penuh",
    "not-eligible": "tidak memenuhi syarat",
    "out-of-area": "di luar wilayah",
    "missing-documents": "dokumen belum lengkap",
    "wrong-service": "layanan tidak tepat",
    "refused": "klien menolak",
    "unreachable": "klien tidak dapat dihubungi",
    "moved": "klien pindah",
    "died": "klien meninggal",
    "client-withdrew": "klien mundur",
    "no-capacity": "tidak ada kapasitas",
    "other": "lainnya",
    "service-given": "layanan diberikan",
    "coaching-completed": "pembinaan selesai",
    "training-completed": "pelatihan selesai",
    "licence-issued": "izin terbit",
    "loan-granted": "pinjaman disetujui",
    "aid-given": "bantuan diberikan",
    "admitted": "diterima masuk",
    "partly-given": "diberikan sebagian",
    "expired": "tidak dijawab",
    "cancelled": "rujukan dibatalkan",
    "retracted": "rujukan ditarik",
    "no-service": "tidak ada yang melayani",
    "condition-not-met": "syaratnya tidak terpenuhi",
    "fact-not-known": "data klien belum diketahui",
    "to-take-back": "harus ditarik kembali",
    "referral-already-open": "rujukan yang sama masih terbuka",
    "nothing-done": "tidak ada langkah yang terlaksana",
    "need-met": "kebutuhan sudah terpenuhi",
    "client-moved": "klien pindah",
    "client-died": "klien meninggal",
    "plan-changed": "rencana berubah",
    "acknowledge": "tanda terima",
    "decide": "keputusan",
    "finish": "penyelesaian",
    "review": "peninjauan kembali",
    "confirm": "konfirmasi pembatalan",
    "routine": "biasa",
    "urgent": "mendesak",
    "high": "tinggi",
    "life": "mengancam jiwa",
    "budget": "anggaran",
    "facility-capacity": "kapasitas panti",
    "civil-documents": "dokumen kependudukan",
    "agency-coordination": "koordinasi OPD",
    "staff": "SDM",
    "regulation": "regulasi",
    "access": "akses wilayah",
    "duplicate-data": "data ganda",
    "programme-quota": "kuota program",
    "health-service": "layanan kesehatan",
    "retirement": "pensiun",
    "leave": "cuti",
    "transfer": "mutasi",
    "balance": "pemerataan beban",
    "ministry": "kementerian",
    "city": "kota",
}

# -------------------------------------------------------------- recipients


def worker(fact: CaseFact | ReferralFact) -> list[str]:
    """The social worker of the case; nobody for a referral outside of any case."""
    return _of_case(fact, "worker")


def supervisor(fact: CaseFact | ReferralFact) -> list[str]:
    """The supervisor of the case."""
    return _of_case(fact, "supervisor")


def people(fact: CaseFact) -> dict[str, str]:
    """The recipients who work and supervise the case; without a named supervisor, all supervisors of the office."""
    supervisor = f"user:{fact.supervisor}" if fact.supervisor else f"desk:{fact.agency}/supervisor"
    return {"worker": f"user:{fact.worker}", "supervisor": supervisor}


def desk(fact: ReferralFact) -> list[str]:
    """The receiver's desk."""
    return [f"desk:{fact.desk if '/' in fact.desk else f'{fact.receiver}/{fact.desk}'}"]


def other_side(fact: ReferralFact) -> list[str]:
    """Whoever did not do it: the worker if the receiver did, the desk if the sender did, both if the clock did."""
    return (worker(fact) if fact.by_agency != fact.sender else []) + (
        desk(fact) if fact.by_agency != fact.receiver else []
    )


def both_of_case(fact: CaseFact | ReferralFact) -> list[str]:
    """Worker and supervisor: for what is loud."""
    return worker(fact) + supervisor(fact)


def both_ends(fact: ReferralFact) -> list[str]:
    """The worker and the desk: for what neither did."""
    return worker(fact) + desk(fact)


def ever_higher(fact: ReferralEscalated) -> list[str]:
    """Who hears of what is late: first those who do it, then those above them, then the heads of both offices."""
    head = f"desk:{fact.receiver}/head"
    if fact.level <= 1:
        return both_ends(fact)
    if fact.level == 2:
        return [*(supervisor(fact) or [f"desk:{fact.sender}/supervisor"]), head]
    return [f"desk:{fact.sender}/head", head]


def doer(fact: TaskFact) -> list[str]:
    """Whoever has to do the task."""
    return [f"user:{fact.worker}"] if fact.worker else []


def doer_unless_with_case(fact: TaskReassigned) -> list[str]:
    """Whoever has to do it now, unless it came along with a case: of that they hear anyway."""
    return [] if fact.with_case else doer(fact)


def if_single(fact: CaseHandedOver) -> list[str]:
    """The new worker; of a whole caseload they hear once, at its end."""
    return [] if fact.hand_over_id else worker(fact)


def heirs(fact: CaseLoadHandedOver) -> list[str]:
    """Those who took a caseload over."""
    return [f"user:{one}" for one in fact.workers]


def stand_in(fact: CaseCoverArranged) -> list[str]:
    """Who takes another one's place for a while."""
    return [f"user:{fact.stand_in}"]


def doer_and_supervisor(fact: TaskFact) -> list[str]:
    """Whoever has to do the task, and who supervises its case or office."""
    above = f"case:{fact.case_id}/supervisor" if fact.case_id else f"desk:{fact.agency}/supervisor"
    return [*doer(fact), above]


def decided_doer(fact: TaskOpened) -> list[str]:
    """Whoever a meeting gave something to do."""
    return doer(fact) if fact.kind == "decision" else []


def office(fact: ObstacleFact | MeetingFact) -> list[str]:
    """The supervisors of the office."""
    return [f"desk:{fact.agency}/supervisor"]


def owner(fact: ObstacleOwned) -> list[str]:
    """The user who answers for the obstacle now. A desk of another agency cannot open it: the office tells it."""
    return [] if "/" in fact.owner else [f"user:{fact.owner}"]


def data_desk(fact: Event) -> list[str]:
    """The data operators."""
    return [DATA_DESK]


def if_risk_is_high(fact: CaseAssessed) -> list[str]:
    """The supervisor, when the risk cannot wait."""
    return supervisor(fact) if fact.risk in ("high", "life") else []


def if_late(fact: ReferralDeclined) -> list[str]:
    """Worker and supervisor, when it had been accepted before."""
    return both_of_case(fact) if fact.after_acceptance else []


def if_in_time(fact: ReferralDeclined) -> list[str]:
    """The worker, when it had not been accepted."""
    return [] if fact.after_acceptance else worker(fact)


def _of_case(fact: CaseFact | ReferralFact, role: str) -> list[str]:
    if isinstance(fact, CaseFact):
        return [people(fact)[role]]
    return [f"case:{fact.case_id}/{role}"] if fact.case_id else []


# ----------------------------------------------------------------- a rule


@dataclass(frozen=True, slots=True)
class Rule:
    """When `event` comes, everyone in `to(event)` gets this message; `{…}` is a field of the event."""

    event: type[Event]
    to: Recipients
    title: str
    text: str

    def fill(self, fact: Event) -> tuple[str, str, str]:
        """Title, text and link (a path of the console) for this fact."""
        values = {name: _shown(value) for name, value in fact.model_dump().items()}
        path, subject = _subject(fact)
        values["number"] = number(subject)
        return self.title.format(**values), self.text.format(**values), path


def number(subject_id: str) -> str:
    """The short number that people read to each other: the random end of the id (its beginning is a clock)."""
    return subject_id.replace("-", "")[-8:].upper()


#: what a fact may be about -> its page; a transfer comes before its case, which the other office may not open
_PAGES = {
    "pathway": "/pathways",
    "transfer": "/transfers",
    "intake": "/intake",
    "referral": "/referrals",
    "case": "/cases",
    "import": "/imports",
    "obstacle": "/obstacles",
    "meeting": "/rakor",
    "webhook": "/webhooks",
}


def _subject(fact: Event) -> tuple[str, str]:
    """The console's page for what the fact is about, and its id."""
    for entity, path in _PAGES.items():
        if subject := getattr(fact, f"{entity}_id", None):
            return f"{path}/{subject}", str(subject)
    if isinstance(fact, TaskFact):
        return "/tasks", fact.task_id
    if isinstance(fact, FacilityFact):
        return f"/facilities/{fact.facility_id}", fact.facility_id
    if isinstance(fact, (CaseLoadHandedOver, CaseCoverArranged)):
        return "/cases", fact.hand_over_id if isinstance(fact, CaseLoadHandedOver) else fact.cover_id
    raise LookupError(f"{fact.name} is about nothing that has a page")


def _shown(value: Any) -> Any:
    if isinstance(value, datetime):
        value = value.astimezone(WIB)
    if isinstance(value, date):
        return f"{value.day} {MONTHS[value.month - 1]} {value.year}"
    if value is None:
        return "-"
    return WORDS.get(value, value) if isinstance(value, str) else value
