"""Who must know what becomes of a pathway: its worker, where it does not go on by itself, and at its end."""

from services.notify.rules import Rule
from sinergi.events import PathwayBlocked, PathwayCompleted, PathwayFact, PathwayStopped


def worker_of_pathway(fact: PathwayFact) -> list[str]:
    """The worker of the case, whoever that is by now; outside of any case the one who started it."""
    return [f"case:{fact.case_id}/worker" if fact.case_id else f"user:{fact.worker}"]


PATHWAYS = [
    Rule(
        PathwayBlocked,
        worker_of_pathway,
        "Alur layanan {number} menunggu keputusan Anda",
        "Langkah {step} tidak dapat dilanjutkan (alasan: {reason}). Minta lagi, lewati, atau hentikan alur.",
    ),
    Rule(
        PathwayStopped,
        worker_of_pathway,
        "Alur layanan {number} dihentikan",
        "Alur {template} berakhir sebelum tujuannya (alasan: {reason}).",
    ),
    Rule(
        PathwayCompleted,
        worker_of_pathway,
        "Alur layanan {number} selesai",
        "Semua langkah alur {template} selesai atau dilewati.",
    ),
]
