"""Who must know that an agency's server does not take what it is sent."""

from services.notify.rules import DATA_DESK, Rule
from sinergi.events import WebhookFact, WebhookFailing, WebhookRefused


def operator_and_agency(fact: WebhookFact) -> list[str]:
    """The operator who can resume it, and the agency's desk, or the agency's head if it is for all desks."""
    return [DATA_DESK, f"desk:{fact.desk or f'{fact.agency}/head'}"]


WEBHOOKS = [
    Rule(
        WebhookFailing,
        operator_and_agency,
        "PENTING: webhook {number} ({agency}) berhenti",
        "Server {agency} tidak lagi menerima kiriman. {waiting} kiriman menunggu, tidak ada yang hilang. Perbaiki "
        "server itu, lalu aktifkan kembali webhook ini.",
    ),
    Rule(
        WebhookRefused,
        operator_and_agency,
        "Webhook {number} ({agency}): satu kiriman ditolak",
        "Server {agency} menolak kiriman {delivery} (jawaban {status}) sampai percobaan terakhir. Periksa server itu, "
        "lalu kirim ulang dari log.",
    ),
]
