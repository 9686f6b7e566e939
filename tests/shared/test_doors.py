"""The HTTP door of any service: problems, idempotency keys, health, metrics, and the trace from door to door."""

import asyncio
import re
from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID, uuid4

import httpx2 as httpx
import pytest
from nats.aio.client import Client
from pydantic import SecretStr

from sinergi import Agency, ReferralRequested, bus
from sinergi.settings import Settings
from tests.harness.stack import Facts, Running, Stack, eventually
from tests.shared import probe
from tests.shared.one_page import NIK, Cable, serving

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
CALLER = {"traceparent": f"00-{TRACE}-00f067aa0ba902b7-01"}


@pytest.fixture(scope="module")
async def heard() -> list[tuple[str, str]]:
    """What the service's consumer heard."""
    return []


@pytest.fixture(scope="module")
async def service(stack: Stack, settings: Settings, heard: list[tuple[str, str]]) -> AsyncIterator[Running]:
    """The service, running in this process."""
    mine = settings.model_copy(update={"issuer": stack.issuer.url, "migrate": False})
    async with serving(mine, stack.issuer, heard) as running:
        yield running


@pytest.fixture
async def worker(service: Running) -> AsyncIterator[httpx.AsyncClient]:
    """A social worker."""
    async with service.client("social_worker") as client:
        yield client


# ------------------------------------------------------------------- problems


def slug_of(answer: httpx.Response, status: int) -> str:
    """The problem's slug, its shape checked (RFC 9457)."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    problem = answer.json()
    assert problem["status"] == status
    assert problem["title"]
    assert problem["detail"]
    urn, slug = problem["type"].rsplit(":", 1)
    assert urn == "urn:sinergi:problem"
    return str(slug)


async def test_without_a_token_nobody_comes_in(service: Running) -> None:
    async with service.anonymous() as nobody:
        answer = await nobody.post("/things", json={"text": "x"})
    assert slug_of(answer, 401) == "not-signed-in"
    assert answer.headers["www-authenticate"] == "Bearer"


async def test_with_a_wrong_token_nobody_comes_in(service: Running) -> None:
    for wrong in ("nonsense", service.issuer.token(exp=1), service.issuer.token(aud="others")):
        async with service.anonymous({"Authorization": f"Bearer {wrong}"}) as nobody:
            answer = await nobody.post("/things", json={"text": "x"})
        assert slug_of(answer, 401) == "token-not-valid"
        assert answer.headers["www-authenticate"] == "Bearer"


async def test_a_role_that_may_not_is_forbidden(service: Running) -> None:
    async with service.client("auditor") as auditor:
        assert slug_of(await auditor.post("/things", json={"text": "x"}), 403) == "not-permitted"


async def test_what_is_not_there_is_not_found(worker: httpx.AsyncClient) -> None:
    assert slug_of(await worker.get("/nowhere"), 404) == "not-found"
    missing = await worker.post(f"/things/{uuid4()}/notes", json={"expected_version": 1, "text": "x"})
    assert slug_of(missing, 404) == "not-found"


async def test_a_method_that_is_not_there_is_told_which_are(worker: httpx.AsyncClient) -> None:
    answer = await worker.delete("/things")
    assert slug_of(answer, 405) == "method-not-allowed"
    assert answer.headers["allow"] == "POST"


async def test_the_loser_of_a_race_is_told_the_version_of_now(worker: httpx.AsyncClient) -> None:
    thing = (await worker.post("/things", json={"text": "first"})).json()
    notes = f"/things/{thing['id']}/notes"
    both = await asyncio.gather(
        *(worker.post(notes, json={"expected_version": 1, "text": who}) for who in ("left", "right"))
    )
    won, lost = sorted(both, key=lambda one: one.status_code)
    assert won.json()["version"] == 2
    assert slug_of(lost, 409) == "version-conflict"
    assert lost.json()["version"] == 2


@pytest.mark.parametrize(
    ("content", "field"),
    [
        (b'{"text": {"nik": "%s"}}' % NIK.encode(), "body.text"),
        (b'{"nik": "%s"}' % NIK.encode(), "body.text"),
        (b'{"text": "%s' % NIK.encode(), "body.9"),
        (b'"%s"' % NIK.encode(), "body"),
        (b"", "body"),
    ],
    ids=["no text", "missing", "no JSON", "no object", "nothing"],
)
async def test_a_request_that_breaks_the_rules_is_told_which_without_its_data(
    worker: httpx.AsyncClient, content: bytes, field: str
) -> None:
    answer = await worker.post("/things", content=content, headers={"Content-Type": "application/json"})
    assert slug_of(answer, 422) == "request-not-valid"
    assert NIK not in answer.text
    first = answer.json()["errors"][0]
    assert first.keys() == {"field", "rule", "message"}
    assert first["field"].startswith(field[:4])


async def test_an_id_that_is_none_is_told(worker: httpx.AsyncClient) -> None:
    answer = await worker.post("/things/17/notes", json={"expected_version": 1, "text": "x"})
    assert slug_of(answer, 422) == "request-not-valid"
    assert answer.json()["errors"][0]["field"] == "path.thing"


async def test_a_bug_of_ours_tells_nothing_of_the_data(service: Running, capfd: pytest.CaptureFixture[str]) -> None:
    token = service.issuer.token()
    transport = httpx.ASGITransport(app=service.app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
        answer = await client.post("/stumble", json={"text": NIK}, headers={"Authorization": f"Bearer {token}"})
    assert slug_of(answer, 500) == "failed"
    assert NIK not in answer.text
    logged = capfd.readouterr()
    assert NIK not in logged.err + logged.out


# ----------------------------------------------------------- idempotency keys


async def test_a_request_given_again_under_its_key_gets_its_first_answer(worker: httpx.AsyncClient) -> None:
    key, asked = {"Idempotency-Key": str(uuid4())}, {"text": str(uuid4())}
    answers = [await worker.post("/things", json=asked, headers=key) for _ in range(3)]
    assert [one.status_code for one in answers] == [201] * 3
    assert answers[0].json() == answers[1].json() == answers[2].json()


async def test_two_at_once_under_one_key_have_one_effect(service: Running, worker: httpx.AsyncClient) -> None:
    key, asked = {"Idempotency-Key": str(uuid4())}, {"text": str(uuid4())}
    answers = await asyncio.gather(*(worker.post("/things", json=asked, headers=key) for _ in range(8)))
    assert {one.status_code for one in answers} == {201}
    assert len({one.json()["id"] for one in answers}) == 1
    told = "SELECT 1 FROM outbox WHERE convert_from(body, 'UTF8')::jsonb->>'text' = :text"
    assert len(await probe.rows(service.context.db, told, text=asked["text"])) == 1


async def test_a_key_of_another_request_is_refused(worker: httpx.AsyncClient) -> None:
    key = {"Idempotency-Key": str(uuid4())}
    thing = (await worker.post("/things", json={"text": "one"}, headers=key)).json()
    assert slug_of(await worker.post("/things", json={"text": "two"}, headers=key), 409) == "idempotency-key-reused"
    other = await worker.post(f"/things/{thing['id']}/notes", json={"expected_version": 1, "text": "one"}, headers=key)
    assert slug_of(other, 409) == "idempotency-key-reused"


async def test_two_people_may_use_the_same_key(service: Running) -> None:
    key, made = {"Idempotency-Key": str(uuid4())}, set()
    for sub in ("u-1", "u-2"):
        async with service.client("social_worker", sub=sub) as client:
            made.add((await client.post("/things", json={"text": "x"}, headers=key)).json()["id"])
    assert len(made) == 2


async def test_a_key_whose_request_was_refused_may_be_used_again(worker: httpx.AsyncClient) -> None:
    thing = (await worker.post("/things", json={"text": "first"})).json()
    notes, key = f"/things/{thing['id']}/notes", {"Idempotency-Key": str(uuid4())}
    assert slug_of(await worker.post(notes, json={"expected_version": 9, "text": "x"}, headers=key), 409)
    assert (await worker.post(notes, json={"expected_version": 1, "text": "x"}, headers=key)).json()["version"] == 2


@pytest.mark.parametrize("key", ["", "x" * 201], ids=["empty", "too long"])
async def test_a_key_that_is_none_is_told(worker: httpx.AsyncClient, key: str) -> None:
    answer = await worker.post("/things", json={"text": "x"}, headers={"Idempotency-Key": key})
    assert slug_of(answer, 422) == "request-not-valid"


# --------------------------------------------------------------------- health


async def test_readiness_tells_what_is_missing_and_work_goes_on_without_nats(
    stack: Stack, settings: Settings, service: Running, nats: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A second process of the same database, on cables of its own; the first one's relay tells its facts."""
    monkeypatch.setattr(bus, "WATCH_SECONDS", 600)  # it would end this process when the consumer is gone
    broker, database = Cable(settings.nats_url), Cable(settings.asyncpg_dsn())
    await broker.mend()
    await database.mend()
    mine = settings.model_copy(
        update={
            "issuer": stack.issuer.url,
            "migrate": False,
            "nats_url": broker.through(),
            "database_url": SecretStr(database.through()),
        }
    )
    heard: list[tuple[str, str]] = []
    async with serving(mine, stack.issuer, heard, "cabled") as running, running.client() as client:
        assert await _missing(client) == []

        broker.cut()
        await eventually(lambda: _is_missing(client, ["nats"]))
        made = await client.post("/things", json={"text": "told without a broker"})
        assert made.status_code == 201
        await broker.mend()
        await eventually(lambda: _is_missing(client, []))
        await eventually(lambda: _was_heard(heard, "told without a broker"))

        database.cut()
        await eventually(lambda: _is_missing(client, ["database"]))
        answers = [await client.post("/things", json={"text": "x"}) for _ in range(3)]
        assert {slug_of(one, 503) for one in answers} == {"database-unavailable"}
        assert (await client.get("/healthz")).status_code == 200
        await database.mend()
        await eventually(lambda: _is_missing(client, []))
        assert (await client.post("/things", json={"text": "x"})).status_code == 201

        await nats.jetstream().delete_consumer("PROBE", "cabled-probe")
        await eventually(lambda: _is_missing(client, ["consumer cabled-probe"]))
    broker.cut()
    database.cut()


async def test_without_the_issuer_a_request_is_told_to_come_again(stack: Stack, settings: Settings) -> None:
    mine = settings.model_copy(update={"issuer": "http://127.0.0.1:9", "migrate": False})
    async with serving(mine, stack.issuer, [], "orphan") as running, running.client() as client:
        assert slug_of(await client.post("/things", json={"text": "x"}), 503) == "issuer-unreachable"


async def _missing(client: httpx.AsyncClient) -> list[str]:
    answer = await client.get("/readyz")
    missing: list[str] = answer.json()["missing"]
    assert answer.status_code == (503 if missing else 200)
    assert answer.json()["ready"] is not bool(missing)
    return missing


async def _is_missing(client: httpx.AsyncClient, these: list[str]) -> bool:
    return await _missing(client) == these


async def _was_heard(heard: list[tuple[str, str]], note: str) -> bool:
    return any(note == text for text, _ in heard)


async def test_metrics_hold_no_ids_and_no_personal_data(service: Running, worker: httpx.AsyncClient) -> None:
    thing = (await worker.post("/things", json={"text": NIK}, headers={"Idempotency-Key": str(uuid4())})).json()
    await worker.post(f"/things/{thing['id']}/notes", json={"expected_version": 7, "text": NIK})
    async with service.anonymous() as prometheus:
        answer = await prometheus.get("/metrics")
    assert answer.headers["content-type"].startswith("text/plain")
    assert 'sinergi_commands_refused_total{slug="version-conflict"}' in answer.text
    assert 'sinergi_events_handled_total{durable="probe-probe"}' in answer.text
    assert NIK not in answer.text
    labels = " ".join(re.findall(r"^sinergi\w*\{.*\}", answer.text, re.MULTILINE))
    assert not re.search(r"[0-9a-f]{8}-[0-9a-f]{4}-|\d{6}", labels)


# ---------------------------------------------------------------------- trace


async def test_a_trace_goes_from_the_request_through_the_outbox_to_the_handler(
    service: Running, worker: httpx.AsyncClient, nats: Client, heard: list[tuple[str, str]]
) -> None:
    made = (await worker.post("/things", json={"text": "traced"}, headers=CALLER)).json()
    await eventually(lambda: _was_heard(heard, "traced"))
    row = (
        await probe.rows(service.context.db, "SELECT headers FROM outbox WHERE aggregate_id = :id", id=UUID(made["id"]))
    )[0]
    assert row.headers["ce-traceparent"].split("-")[1] == TRACE
    assert row.headers["ce-traceparent"] != CALLER["traceparent"], "the service's own span is between"
    assert {trace.split("-")[1] for text, trace in heard if text == "traced"} == {TRACE}
    assert len(await Facts(nats).of("PROBE", made["id"])) == 1


async def test_a_trace_goes_to_an_agency_and_comes_back_in_its_command(stack: Stack, run_service: Any) -> None:
    """Through the real referrals: one trace from the social worker's click to the agency's answer."""
    agency = Agency("koperasi", stack.backend.nats_url, stack.backend.seed_file("koperasi"))
    mine = f"traced-{uuid4().hex[:8]}"

    @agency.on(ReferralRequested)
    async def answer(referral: ReferralRequested) -> None:
        if referral.service == mine:
            await agency.acknowledge(referral, receiver_reference="17/2026")

    async with run_service("referrals") as referrals, referrals.client("operator") as operator:
        await _offer(operator, mine)
        await agency.start()
        async with referrals.client() as worker:
            sent = await worker.post("/referrals", json=_referral(mine), headers=CALLER)
            assert sent.status_code == 201, sent.text
        facts = await eventually(lambda: _two_facts(referrals, sent.json()["id"]))
        await agency.stop()
    assert {headers["ce-traceparent"].split("-")[1] for headers in facts} == {TRACE}
    assert len({headers["ce-traceparent"] for headers in facts}) == 2, "each side has its own span"


async def _offer(operator: httpx.AsyncClient, service: str) -> None:
    agency = {"name": "Dinas Koperasi", "kind": "opd", "connected": True}
    (await operator.put("/directory/agencies/koperasi", json=agency)).raise_for_status()
    entry = {
        "agency": "koperasi",
        "desk": "pembinaan",
        "name": "Pembinaan KUBE",
        "purpose": "coaching of a group business",
        "fields": ["name"],
        "areas": ["31.74"],
    }
    (await operator.put(f"/directory/services/{service}", json=entry)).raise_for_status()


def _referral(service: str) -> dict[str, str]:
    return {
        "service": service,
        "client_kind": "group",
        "client_id": str(uuid4()),
        "area": "31.74.01",
        "reason": "group-needs-coaching",
        "legal_basis": "UU 13/2011",
    }


async def _two_facts(referrals: Running, referral: str) -> list[dict[str, str]]:
    rows = await probe.rows(
        referrals.context.db,
        "SELECT headers FROM outbox WHERE aggregate_id = :id AND audience = 'core' ORDER BY seq",
        id=UUID(referral),
    )
    return [row.headers for row in rows] if len(rows) == 2 else []
