"""Facts as cases and referrals would tell them, about new cases and referrals each time."""

from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any
from uuid import uuid4

from sinergi.events import (
    CaseOpened,
    ReferralAccepted,
    ReferralCancelled,
    ReferralClosed,
    ReferralCompleted,
    ReferralDeclined,
    ReferralEscalated,
    ReferralExpired,
    ReferralOverdue,
    ReferralReminded,
    ReferralRequested,
)


@dataclass
class Story:
    """One case with its worker, and one referral of it."""

    worker: str = field(default_factory=lambda: f"worker-{uuid4().hex[:8]}")
    supervisor: str = field(default_factory=lambda: f"supervisor-{uuid4().hex[:8]}")
    case_id: str = field(default_factory=lambda: str(uuid4()))
    referral_id: str = field(default_factory=lambda: str(uuid4()))
    desk: str = field(default_factory=lambda: f"d{uuid4().hex[:8]}")
    agency: str = "bptsp"

    def case(self) -> dict[str, Any]:
        return {
            "case_id": self.case_id,
            "agency": "dinsos",
            "area": "31.74",
            "worker": self.worker,
            "supervisor": self.supervisor,
        }

    def referral(self, by_agency: str | None = None) -> dict[str, Any]:
        return {
            "referral_id": self.referral_id,
            "service": "izin-usaha",
            "sender": "dinsos",
            "receiver": self.agency,
            "desk": self.desk,
            "area": "31.74",
            "client_kind": "person",
            "client_id": str(uuid4()),
            "case_id": self.case_id,
            "by": "desk_officer",
            "by_agency": by_agency or self.agency,
        }

    def opened(self) -> CaseOpened:
        return CaseOpened(**self.case(), client_kind="person", client_id=str(uuid4()))

    def requested(self, reason: str = "usaha") -> ReferralRequested:
        return ReferralRequested(
            **self.referral("dinsos"),
            reason=reason,
            legal_basis="public_task",
            decide_due=datetime(2026, 11, 30, 20, tzinfo=UTC),
        )

    def accepted(self) -> ReferralAccepted:
        return ReferralAccepted(**self.referral(), expected_on=date(2026, 12, 24))

    def declined(self, after_acceptance: bool = False) -> ReferralDeclined:
        return ReferralDeclined(
            **self.referral(), reason="missing_documents", side="agency", after_acceptance=after_acceptance
        )

    def completed(self) -> ReferralCompleted:
        return ReferralCompleted(**self.referral(), outcome="nib_issued", given_on=date(2026, 12, 20))

    def cancelled(self, by_agency: str) -> ReferralCancelled:
        return ReferralCancelled(**self.referral(by_agency), reason="typed by somebody")

    def clock(self) -> dict[str, Any]:
        late = {"clock": "decide", "due": datetime(2026, 11, 30, 17, tzinfo=UTC)}
        return self.referral("core") | late

    def reminded(self) -> ReferralReminded:
        return ReferralReminded(**self.clock(), referral_version=1)

    def escalated(self, level: int) -> ReferralEscalated:
        return ReferralEscalated(**self.clock(), referral_version=1, level=level)

    def overdue(self) -> ReferralOverdue:
        return ReferralOverdue(**self.clock(), referral_version=1)

    def expired(self) -> ReferralExpired:
        return ReferralExpired(**self.clock(), reason="not-decided")

    def closed(self) -> ReferralClosed:
        return ReferralClosed(**self.referral("dinsos"))
