"""The service `referrals` at work, with a directory of two agencies, and short ways to send and to answer."""

from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import date, timedelta
from typing import Any
from uuid import uuid4

import httpx2 as httpx
import pytest
from sqlalchemy import text

from tests.harness.stack import Running

SOON = (date.today() + timedelta(days=7)).isoformat()
COACHING = {
    "agency": "koperasi",
    "desk": "pembinaan",
    "name": "Pembinaan KUBE",
    "purpose": "coaching of a group business",
    "fields": ["name", "nik"],
    "areas": ["31.74"],
    "acknowledge_hours": 24,
    "decide_hours": 48,
}
LICENCE = {
    "agency": "bptsp",
    "desk": "izin-usaha",
    "name": "Izin usaha mikro",
    "purpose": "a micro business licence",
    "fields": ["name"],
    "documents": ["ktp", "kbli"],
    "areas": ["31"],
}

#: what each command carries at the least, beside the id and the version
CARRIES: dict[str, dict[str, Any]] = {
    "acknowledge": {"receiver_reference": "KOP/2026/17"},
    "accept": {"expected_on": SOON},
    "decline": {"reason": "capacity", "text": "Penuh sampai akhir tahun."},
    "progress": {"business_status": "scheduled", "note": "Kunjungan pertama dijadwalkan."},
    "hold": {"reason": "client", "review_on": SOON},
    "resume": {},
    "complete": {"outcome": "service-given", "evidence": [{"kind": "nib", "number": "1234567890123"}]},
    "fail": {"reason": "unreachable"},
    "cancel": {"reason": "need-met"},
    "request_cancel": {"reason": "plan-changed"},
    "confirm_cancel": {},
    "retract": {"reason": "wrong-client"},
    "close": {"client_view": "Sangat membantu."},
}

Send = Callable[..., Awaitable[dict[str, Any]]]
Give = Callable[..., Awaitable[httpx.Response]]


@pytest.fixture(scope="module")
async def referrals(run_service: Any) -> AsyncIterator[Running]:
    """The service, running in this process."""
    async with run_service("referrals") as running:
        await fill_directory(running)
        yield running


async def fill_directory(running: Running) -> None:
    """Enter two agencies and their services."""
    async with running.client("operator") as operator:
        for code, connected in (("koperasi", True), ("bptsp", True)):
            entry = {"name": code, "kind": "opd", "connected": connected}
            (await operator.put(f"/directory/agencies/{code}", json=entry)).raise_for_status()
        for code, entry in (("pembinaan-kube", COACHING), ("izin-usaha-mikro", LICENCE)):
            (await operator.put(f"/directory/services/{code}", json=entry)).raise_for_status()


@pytest.fixture(scope="module")
async def worker(referrals: Running) -> AsyncIterator[httpx.AsyncClient]:
    """A social worker of Dinsos."""
    async with referrals.client("social_worker") as client:
        yield client


@pytest.fixture(scope="module")
async def desk(referrals: Running) -> AsyncIterator[httpx.AsyncClient]:
    """An officer of Dinas Koperasi's desk."""
    async with referrals.client("desk_officer", agency="koperasi") as client:
        yield client


def a_referral(**other: Any) -> dict[str, Any]:
    """A request to send one, for a client that nobody has seen before."""
    return {
        "service": "pembinaan-kube",
        "client_kind": "group",
        "client_id": str(uuid4()),
        "area": "31.74.01",
        "reason": "group-needs-coaching",
        "legal_basis": "UU 13/2011",
        **other,
    }


@pytest.fixture(scope="module")
def send(worker: httpx.AsyncClient) -> Send:
    """`await send(service=…)` sends a referral and returns the answer."""

    async def send(**other: Any) -> dict[str, Any]:
        answer = await worker.post("/referrals", json=a_referral(**other))
        assert answer.status_code == 201, answer.text
        sent: dict[str, Any] = answer.json()
        return sent

    return send


@pytest.fixture(scope="module")
def give(worker: httpx.AsyncClient, desk: httpx.AsyncClient) -> Give:
    """`await give("accept", referral, …)` gives a command as the side whose it is, with all that it must carry."""
    senders = {"cancel", "request_cancel", "retract", "close"}

    async def give(command: str, referral: dict[str, Any], **other: Any) -> httpx.Response:
        client = worker if command in senders else desk
        body = {"expected_version": referral["version"], **CARRIES[command], **other}
        return await client.post(f"/referrals/{referral['id']}/{command.replace('_', '-')}", json=body)

    return give


@pytest.fixture(scope="module")
def told(referrals: Running) -> Callable[[str], Awaitable[list[tuple[str, str, int]]]]:
    """`await told(referral_id)` -> [(audiences, type, version)], oldest first: what its facts' outbox rows say."""
    rows = text(
        """SELECT string_agg(audience, ' ' ORDER BY seq), headers->>'ce-type', version FROM outbox
           WHERE aggregate_id = :id GROUP BY 2, 3 ORDER BY 3"""
    )

    async def told(referral_id: str) -> list[tuple[str, str, int]]:
        async with referrals.context.db.begin() as tx:
            return [tuple(row) for row in await tx.session.execute(rows, {"id": referral_id})]

    return told
