"""Facts as referrals tells them, of realistic size: outbox rows, and the same as messages."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from sinergi.cloudevents import Envelope
from sinergi.db import new_id
from sinergi.events import ReferralFact, ReferralProgressed, ReferralRequested

Row = dict[str, Any]
TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


def requested(referral: UUID) -> ReferralRequested:
    """A referral to Dinas Koperasi, as it is told."""
    now = datetime.now(UTC)
    return ReferralRequested(
        **_common(referral),
        reason="needs-coaching",
        legal_basis="UU 13/2011",
        documents=["proposal", "ktp-ketua"],
        acknowledge_due=now + timedelta(hours=24),
        decide_due=now + timedelta(hours=72),
        finish_due=now + timedelta(days=30),
    )


def rows(count: int, audience: str, versions: int = 1) -> Iterator[Row]:
    """`count` outbox rows of `count / versions` referrals: the first facts of all, then the second facts of all."""
    referrals = [new_id() for _ in range(count // versions)]
    for version in range(1, versions + 1):
        for referral in referrals:
            fact = requested(referral) if version == 1 else ReferralProgressed(**_common(referral))
            yield row(fact, referral, version, audience, str(new_id()))


def row(fact: ReferralFact, referral: UUID, version: int, audience: str, event_id: str) -> Row:
    """The fact as `Tx.emit` writes it into the outbox."""
    envelope = Envelope(
        id=event_id,
        type=fact.type(),
        source="sinergi/referrals",
        time=datetime.now(UTC),
        partitionkey=str(referral),
        sequence=version,
        correlationid=event_id,
        traceparent=TRACE,
    )
    return {
        "event_id": event_id,
        "audience": audience,
        "subject": fact.subject(audience),
        "headers": json.dumps(envelope.headers()),
        "body": fact.model_dump_json().encode(),
        "aggregate_id": str(referral),
        "version": version,
    }


def headers(one: Row) -> dict[str, str]:
    """The headers with which the relay publishes the row."""
    stored: dict[str, str] = json.loads(one["headers"])
    return stored | {"Nats-Msg-Id": f"{one['event_id']}:{one['audience']}"}


def _common(referral: UUID) -> dict[str, Any]:
    return {
        "referral_id": str(referral),
        "service": "kop-pembinaan",
        "sender": "dinsos",
        "receiver": "koperasi",
        "desk": "koperasi/pembinaan",
        "area": "31.74.05.1001",
        "client_kind": "group",
        "client_id": str(new_id()),
        "case_id": str(new_id()),
        "step_id": str(new_id()),
        "by": "social_worker",
        "by_agency": "dinsos",
    }
