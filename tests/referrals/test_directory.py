"""The directory: who offers what; and each connected agency has its consumer, also after one is deleted."""

from typing import Any

import pytest
from nats.aio.client import Client
from nats.js.errors import NotFoundError

from tests.harness.stack import Running
from tests.referrals.conftest import COACHING, LICENCE


async def has_consumer(nats: Client, agency: str) -> bool:
    """Whether the agency's durable is there, with its own filter."""
    try:
        info = await nats.jetstream().consumer_info("REFERRALS", agency)
    except NotFoundError:
        return False
    return info.config.filter_subject == f"sinergi.*.*.*.{agency}"


async def test_a_consumer_deleted_by_hand_is_there_again_within_ten_seconds(
    referrals: Running, nats: Client, eventually: Any
) -> None:
    await eventually(lambda: has_consumer(nats, "bptsp"))
    await nats.jetstream().delete_consumer("REFERRALS", "bptsp")
    await eventually(lambda: has_consumer(nats, "bptsp"), timeout=10)


async def test_an_agency_that_gets_connected_gets_its_consumer(
    referrals: Running, nats: Client, eventually: Any
) -> None:
    async with referrals.client("operator") as operator:
        entry = {"name": "Dinas Kesehatan", "kind": "opd"}
        first = (await operator.put("/directory/agencies/dinkes", json=entry)).json()
        assert not await has_consumer(nats, "dinkes")
        second = (await operator.put("/directory/agencies/dinkes", json=entry | {"connected": True})).json()
    assert second["version"] == first["version"] + 1
    await eventually(lambda: has_consumer(nats, "dinkes"), timeout=10)


async def test_a_service_is_found_as_it_was_last_put(referrals: Running, worker: Any) -> None:
    async with referrals.client("operator") as operator:
        for hours in (24, 72):
            entry = LICENCE | {"decide_hours": hours}
            assert (await operator.put("/directory/services/izin-lain", json=entry)).status_code == 200
    items = (await worker.get("/directory/services?size=100")).json()["items"]
    found = next(item for item in items if item["code"] == "izin-lain")
    assert (found["decide_hours"], found["desk"], found["agency"]) == (72, "bptsp/izin-usaha", "bptsp")


@pytest.mark.parametrize(
    ("path", "entry"),
    [
        ("services/lost", COACHING | {"agency": "nobody"}),
        ("services/lost", COACHING | {"areas": []}),
        ("services/lost", COACHING | {"desk": "bptsp/pembinaan"}),
        ("services/lost", COACHING | {"decide_hours": 0}),
        ("agencies/core", {"name": "core", "kind": "opd", "connected": True}),
        ("agencies/cases", {"name": "cases", "kind": "opd"}),
        ("agencies/UPPER", {"name": "upper", "kind": "opd"}),
    ],
)
async def test_a_wrong_entry_is_refused(path: str, entry: dict[str, Any], referrals: Running) -> None:
    async with referrals.client("operator") as operator:
        assert (await operator.put(f"/directory/{path}", json=entry)).status_code == 422


async def test_only_an_operator_writes_the_directory(worker: Any, desk: Any) -> None:
    for client in (worker, desk):
        answer = await client.put("/directory/agencies/koperasi", json={"name": "x", "kind": "opd"})
        assert answer.status_code == 403
