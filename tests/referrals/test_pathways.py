"""Pathways as they run: each step goes out when it may, a bad end is re-planned, a stop takes back, one at a time."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from uuid import uuid4

import pytest
from nats.aio.client import Client
from sqlalchemy import text

from services.referrals import pathway_firing
from tests.harness.stack import Running, eventually
from tests.referrals.asked import answering
from tests.referrals.journeys import AREA, Journey, furnish, offer

Told = Callable[[str], Awaitable[list[tuple[str, str, int]]]]
NIB = {"kind": "nib", "number": "1234567890123"}


@pytest.fixture(scope="module", autouse=True)
async def furnished(referrals: Running) -> None:
    await furnish(referrals)


@pytest.fixture
def journey(referrals: Running) -> Journey:
    return Journey(referrals)


def days_until(moment: str) -> int:
    return (datetime.fromisoformat(moment) - datetime.now(UTC)).days


async def kinds(told: Told, journey: Journey) -> list[str]:
    return [kind.split(".", 1)[1] for _, kind, _ in await told(journey.id)]


async def test_a_group_business_moves_up_from_coaching_to_capital(journey: Journey, told: Told) -> None:
    started = await journey.start(documents=["ktp"], case_id=str(uuid4()))
    assert started.status_code == 201, started.text
    await journey.goes_well("pembinaan", "coaching-completed")
    await journey.goes_well("izin", "licence-issued", NIB)
    await journey.until("sertifikasi", "skipped")  # nobody offers it here, and it is optional
    await journey.until("modal", "sent")
    step = await journey.step("modal")
    referral = (await journey.call("social_worker", "GET", f"/referrals/{step['referral_id']}")).json()
    assert (referral["service"], referral["receiver"]) == ("modal-ntb", "bank-ntb")
    assert referral["documents"] == ["nib", "ktp"]  # what the licence brought, and what the worker holds
    assert (referral["case_id"], referral["step_id"]) == ((await journey.look())["case_id"], None)
    await journey.goes_well("modal", "loan-granted")
    await journey.goes_well("pendampingan", "service-given")
    seen = await journey.ended("completed")
    assert seen["ended_at"]
    assert seen["actions"] == [action for one in seen["steps"] for action in one["actions"]] == []
    facts = await kinds(told, journey)
    assert facts[0] == "pathway.started.v1"
    assert facts[-1] == "pathway.completed.v1"
    assert (facts.count("pathway.step_fired.v1"), facts.count("pathway.step_done.v1")) == (4, 4)
    assert [version for _, _, version in await told(journey.id)] == list(range(1, seen["version"] + 1))


async def test_no_step_goes_out_before_its_time(journey: Journey) -> None:
    await journey.start()
    await journey.until("pembinaan", "sent")
    assert set((await journey.states()).values()) == {"sent", "waiting"}
    await journey.answer("pembinaan", "accept")
    assert (await journey.answer("pembinaan", "complete", 2, outcome="partly-given")).is_success
    seen = await journey.ended("blocked")  # coached in part: whether to ask for a licence is the worker's to judge
    assert [one["reason"] for one in seen["steps"] if one["state"] == "failed"] == ["condition-not-met"]
    assert (await journey.decide("retry-step", step="izin")).is_success
    await journey.until("izin", "sent")


async def test_what_one_agency_declines_another_one_is_asked_for(
    journey: Journey, referrals: Running, told: Told
) -> None:
    async with referrals.client("operator", area="*") as operator:
        second = offer("kop-lotim") | {"desk": "kop-lotim/loket"}
        (await operator.put("/directory/services/pembinaan-lotim", json=second)).raise_for_status()
    await journey.start()
    first = await journey.until("pembinaan", "sent")
    assert (await journey.answer("pembinaan", "decline", reason="out-of-area")).is_success
    other = await journey.until("pembinaan", "sent", attempt=2)
    assert {first["service"], other["service"]} == {"pembinaan-ntb", "pembinaan-lotim"}
    assert [one["service"] for one in other["referrals"]] == [first["service"], other["service"]]
    assert (await journey.answer("pembinaan", "decline", reason="out-of-area")).is_success

    async def nobody_is_left() -> bool:
        return (await kinds(told, journey)).count("pathway.replanned.v1") == 3

    await eventually(nobody_is_left)
    waiting = await journey.step("pembinaan")
    assert (waiting["state"], waiting["reason"]) == ("ready", "no-service")
    assert days_until(waiting["waits_until"]) in (29, 30)
    assert (await kinds(told, journey)).count("pathway.step_fired.v1") == 2
    assert (await journey.decide("retry-step", step="pembinaan", service="pembinaan-lotim")).is_success
    assert (await journey.until("pembinaan", "sent", attempt=3))["service"] == "pembinaan-lotim"
    async with referrals.client("operator", area="*") as operator:
        gone = second | {"needs": ["legal"]}
        (await operator.put("/directory/services/pembinaan-lotim", json=gone)).raise_for_status()


async def test_a_stop_takes_back_what_was_done_and_calls_back_what_runs(journey: Journey, told: Told) -> None:
    await journey.start()
    await journey.goes_well("pembinaan", "coaching-completed")
    await journey.goes_well("izin", "licence-issued", NIB)
    await journey.goes_well("modal", "loan-granted")
    running = await journey.until("pendampingan", "sent")
    assert (await journey.answer("pendampingan", "acknowledge")).is_success
    stopped = await journey.decide("stop", reason="client-withdrew", note="Kelompok bubar.")
    assert stopped.json()["state"] == "stopping"

    await _asked_to_stop(journey, running["referral_id"])
    assert (await journey.states())["modal"] == "done"  # one after another: nothing is undone while something runs
    assert (await journey.answer("pendampingan", "confirm_cancel", 3)).is_success
    undoing = await journey.until("modal", "undoing", attempt=2)
    referral = (await journey.call("social_worker", "GET", f"/referrals/{undoing['referral_id']}")).json()
    assert (referral["service"], referral["reason"]) == ("modal-ntb", "group-stopped")
    assert (await journey.answer("modal", "fail", 1)).status_code == 409  # it was never accepted
    assert (await journey.answer("modal", "decline", reason="wrong-service")).is_success
    await journey.until("modal", "undo_failed")
    assert (await journey.decide("skip-step", step="modal", reason="taken-back", note="Bank diberi tahu.")).is_success
    seen = await journey.ended("stopped")
    assert seen["stop_reason"] == "client-withdrew"
    assert (await journey.states())["modal"] == "compensated"
    assert (await kinds(told, journey))[-4:] == [
        "pathway.step_fired.v1", "pathway.blocked.v1", "pathway.step_undone.v1", "pathway.stopped.v1",
    ]  # fmt: skip


async def _asked_to_stop(journey: Journey, referral_id: str) -> None:
    async def asked() -> bool:
        found = (await journey.call("social_worker", "GET", f"/referrals/{referral_id}")).json()
        return bool(found["state"] == "cancel_requested" and found["cancel_reason"] == "client-withdrew")

    await eventually(asked)


async def test_what_nobody_has_seen_is_cancelled_and_a_stop_needs_no_desk(journey: Journey) -> None:
    await journey.start()
    sent = await journey.until("pembinaan", "sent")
    assert (await journey.decide("stop", reason="plan-changed")).is_success
    await journey.ended("stopped")
    referral = (await journey.call("social_worker", "GET", f"/referrals/{sent['referral_id']}")).json()
    assert referral["state"] == "cancelled"
    again = await journey.decide("stop", reason="plan-changed")
    assert (again.status_code, again.json()["type"]) == (409, "urn:sinergi:problem:pathway-ended")


async def test_the_death_of_the_client_stops_it(journey: Journey) -> None:
    await journey.start()
    await journey.until("pembinaan", "sent")
    assert (await journey.answer("pembinaan", "decline", reason="died")).is_success
    assert (await journey.ended("stopped"))["stop_reason"] == "died"


async def test_a_failure_that_nobody_foresaw_is_the_workers_to_decide(journey: Journey) -> None:
    await journey.start()
    await journey.until("pembinaan", "sent")
    await journey.answer("pembinaan", "accept")
    assert (await journey.answer("pembinaan", "fail", 2)).is_success
    assert (await journey.ended("blocked"))["actions"] == ["stop"]
    step = await journey.step("pembinaan")
    assert (step["reason"], step["actions"]) == ("unreachable", ["retry_step", "skip_step"])
    stale = await journey.decide("skip-step", version=1, step="pembinaan", reason="done-elsewhere")
    assert (stale.status_code, stale.json()["type"]) == (409, "urn:sinergi:problem:version-conflict")
    assert stale.json()["state"] == "blocked"
    assert (await journey.decide("skip-step", step="pembinaan", reason="other")).status_code == 422
    assert (await journey.decide("skip-step", step="pembinaan", reason="done-elsewhere")).is_success
    await journey.until("izin", "sent")  # its condition says: coached, or passed over
    sent = await journey.decide("skip-step", step="izin", reason="not-needed")
    assert (sent.status_code, sent.json()["type"]) == (409, "urn:sinergi:problem:step-cannot")
    assert (await journey.decide("retry-step", step="nothing")).json()["type"] == "urn:sinergi:problem:no-such-step"


async def test_outcomes_at_once_are_taken_one_after_another(referrals: Running, told: Told) -> None:
    """Two decisions and one answer in the same moment, for several pathways: one decision wins, nothing fires twice."""
    journeys = [Journey(referrals) for _ in range(5)]
    await asyncio.gather(*(one.start() for one in journeys))
    await asyncio.gather(*(one.until("pembinaan", "sent") for one in journeys))
    await asyncio.gather(*(one.answer("pembinaan", "accept") for one in journeys))

    async def at_once(one: Journey) -> list[int]:
        seen = (await one.look())["version"]
        done = one.answer("pembinaan", "complete", 2, outcome="coaching-completed")
        stops = [one.decide("stop", version=seen, reason="plan-changed") for _ in range(2)]
        return [answer.status_code for answer in await asyncio.gather(done, *stops)]

    for completed, *stops in await asyncio.gather(*(at_once(one) for one in journeys)):
        assert completed in (200, 409)
        assert sorted(stops) in ([200, 409], [409, 409])
        assert 200 in (completed, *stops)
    for one in journeys:
        facts = await told(one.id)
        assert [version for _, _, version in facts] == list(range(1, len(facts) + 1))


async def test_starting_it_twice_at_once_starts_it_once(referrals: Running) -> None:
    client = str(uuid4())
    answers = await asyncio.gather(*(Journey(referrals, client).start() for _ in range(6)))
    assert sorted(answer.status_code for answer in answers) == [201, *[409] * 5]
    (won,) = [answer.json()["id"] for answer in answers if answer.status_code == 201]
    assert {answer.json()["pathway_id"] for answer in answers if answer.status_code == 409} == {won}


async def test_a_step_goes_out_once_however_many_replicas_send(referrals: Running) -> None:
    journeys = [Journey(referrals) for _ in range(4)]
    await asyncio.gather(*(one.start() for one in journeys))

    async def replica() -> None:
        while await pathway_firing._fire_next(referrals.context):
            pass

    await asyncio.gather(*(replica() for _ in range(4)))
    for one in journeys:
        await one.until("pembinaan", "sent", attempt=1)
    async with referrals.context.db.begin() as tx:
        counted = text("SELECT client_id::text, count(*) FROM referrals WHERE client_id = ANY(:ids) GROUP BY 1")
        found = (await tx.session.execute(counted, {"ids": [one.client_id for one in journeys]})).all()
    assert {count for _, count in found} == {1}
    assert len(found) == len(journeys)


async def test_who_may_not(journey: Journey) -> None:
    for role in ("supervisor", "desk_officer", "operator", "volunteer", "auditor"):
        body = {"template": "kube-naik-kelas", "client_kind": "group", "client_id": str(uuid4()), "area": AREA}
        assert (await journey.call(role, "POST", "/pathways", body)).status_code == 403, role
    assert (await journey.start(area="31.74.01")).json()["type"] == "urn:sinergi:problem:outside-your-area"
    assert (await journey.start(client_kind="person")).json()["type"] == "urn:sinergi:problem:wrong-client-kind"
    assert (await journey.start("no-such")).json()["type"] == "urn:sinergi:problem:unknown-template"
    await journey.start()
    path = f"/pathways/{journey.id}"
    for claims in ({"agency": "dinkes"}, {"area": "31"}):
        assert (await journey.call("social_worker", "GET", path, **claims)).status_code == 403
        assert (await journey.decide("stop", reason="plan-changed", **claims)).status_code == 403
        listed = (await journey.call("social_worker", "GET", "/pathways", **claims)).json()
        assert journey.id not in [one["id"] for one in listed["items"]]
    for role in ("desk_officer", "volunteer"):
        assert (await journey.call(role, "GET", path)).status_code == 403
        assert (await journey.decide("stop", who=role, reason="plan-changed")).status_code == 403
    assert (await journey.call("supervisor", "GET", path)).status_code == 200
    assert (await journey.call("social_worker", "GET", f"/pathways/{uuid4()}")).status_code == 404
    listed = (await journey.call("social_worker", "GET", "/pathways?state=running&size=100")).json()
    assert journey.id in [one["id"] for one in listed["items"]]
    assert listed["total"] >= len(listed["items"]) > 0
    known = (await journey.call("social_worker", "GET", "/pathways/templates")).json()["items"]
    assert "odgj-telantar" in [one["code"] for one in known]


async def test_reading_one_is_written_down(journey: Journey, referrals: Running) -> None:
    await journey.start()
    await journey.look()
    async with referrals.context.db.begin() as tx:
        read = text("SELECT count(*) FROM audit WHERE action = 'pathway.read' AND subject_id = :id")
        assert await tx.session.scalar(read, {"id": journey.id}) == 1


async def test_what_the_registry_says_of_the_client_decides_and_what_it_cannot_say_the_worker_judges(
    referrals: Running, nats: Client
) -> None:
    ways = [(45, "condition-not-met"), (None, "fact-not-known")]
    async with answering(nats) as registry:
        for age, reason in ways:
            registry.people = [{"age": age, "identity_known": True}]
            journey = Journey(referrals)
            assert (await journey.start("lansia-telantar", client_kind="person")).status_code == 201
            assert (await journey.until("kesehatan", "failed"))["reason"] == reason
            assert (await journey.until("identitas", "skipped"))["reason"] == "condition-not-met"
            asked = [one for one in registry.asked if one["client_id"] == journey.client_id]
            assert {tuple(one["facts"]) for one in asked} == {("age",), ("identity_known",)}
    async with referrals.client("operator", area="*") as operator:
        health = offer("kop-ntb", needs=["health"])
        (await operator.put("/directory/services/puskesmas-ntb", json=health)).raise_for_status()

    async def retried() -> bool:  # other steps of it may move at that moment
        return bool((await journey.decide("retry-step", step="kesehatan")).is_success)

    await eventually(retried)  # the registry is not asked again: the worker has judged
    assert (await journey.until("kesehatan", "sent"))["service"] == "puskesmas-ntb"
