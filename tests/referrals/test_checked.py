"""What is checked before a referral goes out: for whom the service is, and whether it takes anybody now."""

import asyncio
from collections.abc import AsyncIterator
from datetime import date, timedelta
from typing import Any
from uuid import uuid4

import pytest
from nats.aio.client import Client
from sqlalchemy import text

from tests.harness.stack import Running
from tests.referrals.asked import Registry, answering
from tests.referrals.conftest import LICENCE, SOON, a_referral
from tests.referrals.test_life import by_nats
from tests.referrals.test_plans import a_plan

RULES = {"all": [{"fact": "age", "op": ">=", "value": 60}, {"fact": "desil", "op": "<=", "value": 4}]}
HOME = LICENCE | {"name": "Panti", "documents": ["ktp"], "areas": ["31.74"], "needs": ["lansia-telantar"]}
TOMORROW = (date.today() + timedelta(days=2)).isoformat()


@pytest.fixture(scope="module")
async def operator(referrals: Running) -> AsyncIterator[Any]:
    async with referrals.client("operator") as client:
        yield client


@pytest.fixture(scope="module")
async def officer(referrals: Running) -> AsyncIterator[Any]:
    async with referrals.client("desk_officer", agency="bptsp") as client:
        yield client


@pytest.fixture
async def registry(nats: Client) -> AsyncIterator[Registry]:
    async with answering(nats) as registry:
        yield registry


@pytest.fixture
async def service(operator: Any) -> Any:
    """`await service(places=…)` enters a service of its own name and returns that."""

    async def enter(capacity: dict[str, Any] | None = None, **terms: Any) -> str:
        code = f"panti-{uuid4().hex[:8]}"
        (await operator.put(f"/directory/services/{code}", json=HOME | terms)).raise_for_status()
        if capacity:
            (await operator.post(f"/directory/services/{code}/capacity", json=capacity)).raise_for_status()
        return code

    return enter


async def given(client: Any, referral: dict[str, Any], command: str, **more: Any) -> dict[str, Any]:
    """The answer of a command that is taken."""
    body = {"expected_version": referral["version"], **more}
    answer = await client.post(f"/referrals/{referral['id']}/{command}", json=body)
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


def slug(answer: Any) -> str:
    return str(answer.json().get("type", "")).removeprefix("urn:sinergi:problem:")


# ---------------------------------------------------------------- eligibility


async def test_a_client_is_judged_before_the_sending_and_only_by_the_facts_of_the_rules(
    registry: Registry, service: Any, worker: Any
) -> None:
    code = await service(eligibility=RULES)
    registry.people = [{"age": 71, "desil": 2}]
    request = a_referral(service=code, client_kind="person", documents=["ktp"])
    sent = await worker.post("/referrals", json=request)
    assert sent.status_code == 201, sent.text
    assert {"eligibility": "yes", "cannot_tell": [], "missing_documents": []}.items() <= sent.json().items()
    asked = {name: registry.asked[0][name] for name in ("facts", "purpose", "agency", "within", "client_id")}
    assert asked == {
        "facts": {"age": [], "desil": []},
        "purpose": "eligibility",
        "agency": "dinsos",
        "within": "31.74",
        "client_id": request["client_id"],
    }


async def test_who_is_not_eligible_is_not_sent_and_the_rules_that_fail_are_told(
    registry: Registry, service: Any, worker: Any, referrals: Running
) -> None:
    registry.people = [{"age": 59, "desil": 2}]
    request = a_referral(service=await service(eligibility=RULES))
    refused = await worker.post("/referrals", json=request)
    assert (refused.status_code, slug(refused)) == (422, "not-eligible")
    [rule] = refused.json()["rules"]
    assert rule["words"]["id"] == "umur paling sedikit 60"
    async with referrals.context.db.begin() as tx:
        query = text("SELECT count(*) FROM referrals WHERE client_id = :id")
        assert (await tx.session.execute(query, {"id": request["client_id"]})).scalar_one() == 0


async def test_who_cannot_be_judged_is_sent_and_the_sender_knows_that(
    registry: Registry, service: Any, worker: Any
) -> None:
    registry.people = [{"age": None, "desil": 2}]
    answer = (await worker.post("/referrals", json=a_referral(service=await service(eligibility=RULES)))).json()
    assert (answer["eligibility"], answer["missing_documents"]) == ("unknown", ["ktp"])
    assert [line["words"]["en"] for line in answer["cannot_tell"]] == ["age at least 60"]


async def test_without_the_registry_nothing_is_guessed_and_the_same_key_sends_it_later(
    registry: Registry, service: Any, worker: Any
) -> None:
    registry.people = None
    request, key = a_referral(service=await service(eligibility=RULES)), {"Idempotency-Key": uuid4().hex}
    assert (await worker.post("/referrals", json=request, headers=key)).status_code == 503
    registry.people = [{"age": 71, "desil": 2}]
    sent = await worker.post("/referrals", json=request, headers=key)
    registry.people = [{"age": 12, "desil": 2}]
    assert (await worker.post("/referrals", json=request, headers=key)).json() == sent.json()


async def test_a_verdict_from_outside_is_not_taken(service: Any, worker: Any) -> None:
    forged = a_referral(service=await service(eligibility=RULES)) | {"verdict": {"result": "yes"}}
    assert (await worker.post("/referrals", json=forged)).status_code == 422


async def test_rules_that_changed_since_the_judgement_are_judged_again(
    registry: Registry, service: Any, worker: Any, operator: Any, eventually: Any
) -> None:
    code = await service()
    assert (await worker.post("/referrals", json=a_referral(service=code))).status_code == 201
    (await operator.put(f"/directory/services/{code}", json=HOME | {"eligibility": RULES})).raise_for_status()
    registry.people = [{"age": 12, "desil": 2}]

    async def refused() -> bool:  # within the two seconds for which sending remembers the directory
        return slug(await worker.post("/referrals", json=a_referral(service=code))) == "not-eligible"

    await eventually(refused)


async def test_a_planned_referral_waits_for_its_judgement_and_comes_back_declined_when_it_must(
    registry: Registry, service: Any, publish_fact: Any, referrals: Running, eventually: Any
) -> None:
    code = await service(eligibility=RULES)
    registry.people = None  # the first try finds no registry
    plan, other = (a_plan(service=code) for _ in range(2))
    await publish_fact(plan, plan.case_id, 1)
    await eventually(lambda: _true(registry.asked))
    registry.people = [{"age": 71, "desil": 2}]
    assert (await _sent(referrals, plan.step_id, eventually))[0] == "requested"
    registry.people = [{"age": 12, "desil": 2}]
    await publish_fact(other, other.case_id, 1)
    state, outcome, sender = await _sent(referrals, other.step_id, eventually)
    assert (state, outcome["reason"], sender) == ("declined", "not-eligible", "dinsos")
    async with referrals.context.db.begin() as tx:
        assert (await tx.session.execute(text("SELECT count(*) FROM waiting_referrals"))).scalar_one() == 0
        causes = text(
            "SELECT headers->>'ce-causationid' FROM outbox "
            "JOIN referrals r ON r.id = aggregate_id WHERE r.step_id = :step"
        )
        assert all((await tx.session.scalars(causes, {"step": plan.step_id})).all())


async def _true(value: Any) -> bool:
    return bool(value)


async def _sent(referrals: Running, step: str, eventually: Any) -> Any:
    async def found() -> Any:
        async with referrals.context.db.begin() as tx:
            query = text("SELECT state, outcome, sender FROM referrals WHERE step_id = :step")
            return (await tx.session.execute(query, {"step": step})).one_or_none()

    return await eventually(found)


# ------------------------------------------------------------------- capacity


async def test_a_full_service_is_not_asked_and_others_with_room_are_named(
    service: Any, worker: Any, officer: Any, operator: Any
) -> None:
    code = await service({"places": 1, "places_per": "at-once"}, needs=["hiv-aids"])
    full = await service({"places": 0, "places_per": "month"}, needs=["hiv-aids"])
    free = await service({"places": 3, "places_per": "month"}, needs=["hiv-aids"])
    sent = (await worker.post("/referrals", json=a_referral(service=code))).json()
    taken = await given(officer, sent, "accept", expected_on=SOON)
    refused = await worker.post("/referrals", json=a_referral(service=code))
    assert (refused.status_code, slug(refused)) == (409, "capacity-full")
    assert [one["service"] for one in refused.json()["instead"]] == [free]
    assert (await officer.get(f"/directory/services/{code}")).json()["free_places"] == 0
    await given(officer, taken, "decline", reason="capacity", text="Penuh.")
    assert (await worker.post("/referrals", json=a_referral(service=code))).status_code == 201
    assert slug(await worker.post("/referrals", json=a_referral(service=full))) == "capacity-full"


async def test_places_of_a_month_stay_taken_when_the_work_is_done_and_places_at_once_do_not(
    service: Any, worker: Any, officer: Any
) -> None:
    by_month = await service({"places": 5, "places_per": "month"})
    at_once = await service({"places": 5, "places_per": "at-once"})
    for code in (by_month, at_once):
        sent = (await worker.post("/referrals", json=a_referral(service=code))).json()
        taken = await given(officer, sent, "accept", expected_on=SOON)
        await given(officer, taken, "complete", outcome="admitted")
    read = [(await officer.get(f"/directory/services/{code}")).json() for code in (by_month, at_once)]
    assert [one["free_places"] for one in read] == [4, 5]
    assert [one["answers_within_hours"] for one in read] == [1, 1]


async def test_a_cancel_that_is_asked_for_keeps_the_place_until_it_is_confirmed(
    service: Any, worker: Any, officer: Any
) -> None:
    code = await service({"places": 1, "places_per": "at-once"})
    sent = (await worker.post("/referrals", json=a_referral(service=code))).json()
    taken = await given(officer, sent, "accept", expected_on=SOON)
    asked = await given(worker, taken, "request-cancel", reason="client-moved")
    assert (await officer.get(f"/directory/services/{code}")).json()["running"] == 1
    await given(officer, asked, "confirm-cancel")
    assert (await officer.get(f"/directory/services/{code}")).json()["running"] == 0


async def test_many_who_accept_at_once_are_counted_one_by_one(service: Any, worker: Any, officer: Any) -> None:
    code = await service({"places": 40, "places_per": "at-once"})
    sent = [(await worker.post("/referrals", json=a_referral(service=code))).json() for _ in range(20)]
    body = {"expected_version": 1, "expected_on": SOON}
    done = await asyncio.gather(*(officer.post(f"/referrals/{one['id']}/accept", json=body) for one in sent * 2))
    assert sorted(one.status_code for one in done) == [200] * 20 + [409] * 20
    read = (await officer.get(f"/directory/services/{code}")).json()
    assert (read["running"], read["free_places"]) == (20, 20)


async def test_only_a_supervisor_sends_beyond_the_room_and_says_why(
    service: Any, worker: Any, referrals: Running
) -> None:
    code = await service({"places": 0, "places_per": "at-once"}, eligibility=RULES)
    request = a_referral(service=code, override="Nyawa terancam; panti menyanggupi lewat telepon.")
    assert (await worker.post("/referrals/anyway", json=request)).status_code == 403
    async with referrals.client("supervisor") as supervisor:
        assert (await supervisor.post("/referrals", json=a_referral(service=code))).status_code == 403
        assert (await supervisor.post("/referrals/anyway", json=a_referral(service=code))).status_code == 422
        sent = await supervisor.post("/referrals/anyway", json=request)
        assert sent.status_code == 201, sent.text
        read = (await supervisor.get(f"/referrals/{sent.json()['id']}")).json()
    assert read["timeline"][0]["note"] == request["override"]
    async with referrals.client("supervisor", area="31.73") as elsewhere:
        refused = await elsewhere.post("/referrals/anyway", json=request | {"client_id": str(uuid4())})
    assert slug(refused) == "outside-your-area"


async def test_an_agency_tells_its_own_capacity_over_nats_and_no_others(
    service: Any, nats: Client, worker: Any, officer: Any, desk: Any
) -> None:
    code = await service()
    told = {"code": code, "places": 7, "places_per": "at-once", "idempotency_key": uuid4().hex}
    done = await by_nats(nats, "bptsp", "capacity", kind="directory", **told)
    assert (await by_nats(nats, "bptsp", "capacity", kind="directory", **told)) == done
    assert (await officer.get(f"/directory/services/{code}")).json()["places"] == 7
    refused = await by_nats(nats, "koperasi", "capacity", kind="directory", **told)
    assert refused["problem"]["type"].endswith("not-your-agency")
    assert (await desk.post(f"/directory/services/{code}/capacity", json={})).status_code == 403
    assert (await worker.post(f"/directory/services/{code}/capacity", json={})).status_code == 403
    half = await officer.post(f"/directory/services/{code}/capacity", json={"places": 3})
    assert half.status_code == 422
    stale = await officer.post(f"/directory/services/{code}/capacity", json={"expected_version": 1})
    assert slug(stale) == "version-conflict"
    assert (await officer.post(f"/directory/services/{code}/capacity", json={"expected_version": 2})).status_code == 200


async def test_a_service_is_closed_for_a_time_and_opened_again(
    service: Any, officer: Any, worker: Any, eventually: Any
) -> None:
    path = f"/directory/services/{(code := await service())}"
    closed = {"until": TOMORROW, "reason": "Renovasi gedung"}
    assert (await officer.post(f"{path}/close", json=closed | {"until": "2020-01-01"})).status_code == 422
    assert (await officer.post(f"{path}/close", json=closed)).status_code == 200
    refused = await worker.post("/referrals", json=a_referral(service=code))
    assert (slug(refused), refused.json()["until"]) == ("service-closed", TOMORROW)
    assert (await officer.post(f"{path}/open", json={})).status_code == 200

    async def sent() -> bool:
        return (await worker.post("/referrals", json=a_referral(service=code))).status_code == 201

    await eventually(sent)


# ---------------------------------------------------------------------- terms


async def test_a_referral_keeps_the_terms_that_it_was_sent_under(
    service: Any, operator: Any, worker: Any, officer: Any, nats: Client, referrals: Running
) -> None:
    code = await service(fields=["name", "nik"], decide_hours=24)
    first = (await worker.post("/referrals", json=a_referral(service=code, client_kind="person"))).json()
    before = (await worker.get(f"/referrals/{first['id']}")).json()
    changed = HOME | {"fields": ["name", "address"], "decide_hours": 99}
    again = [(await operator.put(f"/directory/services/{code}", json=changed)).json() for _ in range(2)]
    assert [(one["version"], one["changed"]) for one in again] == [(2, True), (2, False)]
    assert (await worker.get(f"/referrals/{first['id']}")).json() == before
    asked: list[Any] = []

    async def disclose(message: Any) -> None:
        asked.append(message.data)
        await message.respond(b'{"client": {"name": "Sri", "nik": "1", "address": "Jl. Contoh"}}')

    subscription = await nats.subscribe("sinergi.ask.registry.disclosure", cb=disclose)
    await nats.flush()
    shown = (await officer.get(f"/referrals/{first['id']}/details?purpose=visit")).json()
    await subscription.unsubscribe()
    assert shown == {"client": {"name": "Sri"}}, "no field that was not asked for then, none that is not needed now"
    async with referrals.context.db.begin() as tx:
        rows = text("SELECT version, terms->'decide_hours' FROM service_versions WHERE service = :code ORDER BY 1")
        assert [tuple(row) for row in await tx.session.execute(rows, {"code": code})] == [(1, 24), (2, 99)]
