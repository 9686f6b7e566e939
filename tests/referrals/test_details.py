"""A client's details: only what the service needs, only for the receiver, and never without a line in the ledger."""

import asyncio
import csv
import json
from collections.abc import AsyncIterator
from datetime import date, datetime, timedelta
from io import StringIO
from typing import Any
from uuid import uuid4

import pytest
from nats.aio.client import Client
from nats.aio.msg import Msg
from sqlalchemy import text

from services.referrals import commands
from services.referrals.requests import WIB, ReadDetails
from sinergi.auth import Actor
from sinergi.permissions import Role
from tests.harness.stack import Running, eventually
from tests.referrals.conftest import COACHING, Give, Send, a_referral
from tests.referrals.test_life import by_nats

Asked = list[dict[str, Any]]


@pytest.fixture
async def registry(nats: Client) -> AsyncIterator[Asked]:
    """Answers as the registry would, and with one field too many; yields what it was asked."""
    asked: Asked = []

    async def answer(message: Msg) -> None:
        asked.append(json.loads(message.data))
        person = {"name": "Sri Wahyuni", "nik": "3174014101900001", "address": "Jl. Contoh 1"}
        group = {"name": "KUBE Melati", "area": "31.74.01.1001", "members": [person]}
        client = group if asked[-1]["client_kind"] == "group" else person
        await message.respond(json.dumps({"client": client}).encode())

    subscription = await nats.subscribe("sinergi.ask.registry.disclosure", cb=answer)
    await nats.flush()
    yield asked
    await subscription.unsubscribe()


async def ledger(referrals: Running, referral_id: str, **who: str) -> list[dict[str, Any]]:
    """The ledger's lines of a referral, as an auditor reads them."""
    async with referrals.client("auditor", **who) as auditor:
        lines: list[dict[str, Any]] = (await auditor.get(f"/disclosures?referral_id={referral_id}")).json()["items"]
        return lines


async def test_the_receiver_is_shown_the_services_fields_and_the_ledger_knows(
    referrals: Running, registry: Asked, send: Send, desk: Any, nats: Client
) -> None:
    client_id = str(uuid4())
    referral = await send(client_kind="person", client_id=client_id)
    shown = (await desk.get(f"/referrals/{referral['id']}/details?purpose=first+visit")).json()
    assert shown == {"client": {"name": "Sri Wahyuni", "nik": "3174014101900001"}}
    question = {"referral_id": referral["id"], "purpose": "coaching", "idempotency_key": "k"}
    assert await by_nats(nats, "koperasi", "details", **question) == shown
    lines = await ledger(referrals, referral["id"])
    assert [(line["actor"], line["purpose"], line["fields"]) for line in lines] == [
        ("agency:koperasi", "coaching", ["name", "nik"]),
        ("desk_officer@koperasi", "first visit", ["name", "nik"]),
    ]
    assert {line["client_id"] for line in lines} == {client_id}
    assert registry[0] == {
        "client_kind": "person",
        "client_id": client_id,
        "fields": ["name", "nik"],
        "purpose": "first visit",
        "referral_id": referral["id"],
        "agency": "koperasi",
    }


async def test_of_a_group_only_the_members_fields_are_shown(registry: Asked, send: Send, desk: Any) -> None:
    referral = await send()
    shown = (await desk.get(f"/referrals/{referral['id']}/details?purpose=coaching")).json()["client"]
    assert shown["members"] == [{"name": "Sri Wahyuni", "nik": "3174014101900001"}]
    assert (shown["name"], shown["area"]) == ("KUBE Melati", "31.74.01.1001")


async def test_without_a_purpose_nothing_is_shown(registry: Asked, send: Send, desk: Any, nats: Client) -> None:
    referral = await send()
    assert (await desk.get(f"/referrals/{referral['id']}/details")).status_code == 422
    assert "problem" in await by_nats(nats, "koperasi", "details", referral_id=referral["id"])
    assert registry == []


async def test_when_the_registry_is_silent_nothing_is_shown_and_no_line_is_written(
    referrals: Running, send: Send, desk: Any
) -> None:
    referral = await send()
    answer = await desk.get(f"/referrals/{referral['id']}/details?purpose=coaching")
    assert answer.status_code == 503
    assert await ledger(referrals, referral["id"]) == []


async def test_details_close_so_many_days_after_the_end_as_the_service_says(
    referrals: Running, registry: Asked, send: Send, give: Give, desk: Any
) -> None:
    referral = (await give("decline", await send())).json()
    path = f"/referrals/{referral['id']}/details?purpose=answering+a+complaint"
    async with referrals.client("operator") as operator:
        for days, ended, then in ((30, 29, "open"), (30, 31, "closed"), (90, 31, "closed"), (7, 8, "closed")):
            await closes_after(operator, "pembinaan-kube", days)
            await _ended(referrals, referral["id"], ended)
            answer = await desk.get(path)
            told = "open" if answer.status_code == 200 else answer.json()["type"].rsplit(":", 1)[1]
            assert told == ("open" if then == "open" else "ended-too-long-ago"), (days, ended)
        await closes_after(operator, "pembinaan-lama", 90)
        later = (await give("decline", await send(service="pembinaan-lama"))).json()
        await _ended(referrals, later["id"], 31)
        assert (await desk.get(path.replace(referral["id"], later["id"]))).status_code == 200
        refused = await operator.put("/directory/services/pembinaan-kube", json=COACHING | {"details_days": -1})
        assert refused.status_code == 422
        await closes_after(operator, "pembinaan-kube", 30)


async def closes_after(operator: Any, service: str, days: int) -> None:
    entry = COACHING | {"details_days": days}
    (await operator.put(f"/directory/services/{service}", json=entry)).raise_for_status()


async def _ended(referrals: Running, referral_id: str, days_ago: int) -> None:
    async with referrals.context.db.begin() as tx:
        age = text("UPDATE referrals SET ended_at = now() - :days * interval '1 day' WHERE id = :id")
        await tx.session.execute(age, {"id": referral_id, "days": days_ago})


async def test_a_referral_entered_in_error_shows_nothing(registry: Asked, send: Send, give: Give, desk: Any) -> None:
    referral = (await give("retract", await send())).json()
    answer = await desk.get(f"/referrals/{referral['id']}/details?purpose=coaching")
    assert (answer.status_code, registry) == (403, [])


async def test_the_ledger_is_the_auditors_own_agencys_and_areas(
    referrals: Running, registry: Asked, send: Send, desk: Any, worker: Any
) -> None:
    referral = await send()
    await desk.get(f"/referrals/{referral['id']}/details?purpose=coaching")
    assert len(await ledger(referrals, referral["id"])) == 1
    assert len(await ledger(referrals, referral["id"], agency="koperasi")) == 1
    assert await ledger(referrals, referral["id"], agency="bptsp") == []
    assert await ledger(referrals, referral["id"], area="31.71") == []
    assert (await worker.get("/disclosures")).status_code == 403
    assert (await desk.get("/disclosures")).status_code == 403


async def test_reading_a_referral_is_audited(referrals: Running, send: Send, worker: Any) -> None:
    referral = await send()
    await worker.get(f"/referrals/{referral['id']}")
    async with referrals.context.db.begin() as tx:
        row = text("SELECT actor, action FROM audit WHERE subject_kind = 'referral' AND subject_id = :id")
        read = (await tx.session.execute(row, {"id": referral["id"]})).all()
    assert read == [("social_worker@dinsos", "referral.read")]


# ----------------------------------------------------------------- consents


BY_CONSENT = {"legal_basis": "Consent of the client", "client_kind": "person"}


def slug(answer: Any) -> str:
    return str(answer.json()["type"]).rsplit(":", 1)[1]


async def agree(worker: Any, client_id: str, **other: Any) -> Any:
    said = {"client_kind": "person", "client_id": client_id, "area": "31.74.01", "given_by": "self", "evidence": "PS/7"}
    to = {} if "receiver" in other else {"service": "pembinaan-kube"}
    return await worker.post("/consents", json=said | to | other)


async def take_back(worker: Any, consent: dict[str, Any]) -> Any:
    body = {"expected_version": consent["version"]}
    return await worker.post(f"/consents/{consent['id']}/withdraw", json=body)


async def test_what_rests_on_consent_is_sent_and_read_only_while_the_consent_holds(
    referrals: Running, registry: Asked, send: Send, worker: Any, desk: Any, nats: Client
) -> None:
    client = str(uuid4())
    wanted = a_referral(client_id=client, **BY_CONSENT)
    assert slug(await worker.post("/referrals", json=wanted)) == "consent-missing"
    async with referrals.client("supervisor") as supervisor:
        anyway = await supervisor.post("/referrals/anyway", json=wanted | {"override": "Mendesak."})
        assert slug(anyway) == "consent-missing"
    consents = [(await agree(worker, client)).json() for _ in range(2)]
    referral = await send(client_id=client, **BY_CONSENT)
    path = f"/referrals/{referral['id']}/details?purpose=coaching"
    assert (await desk.get(path)).status_code == 200
    withdrawn = await take_back(worker, consents[0])
    assert (withdrawn.json()["state"], slug(await desk.get(path))) == ("withdrawn", "consent-missing")
    question = {"referral_id": referral["id"], "purpose": "coaching", "idempotency_key": "c"}
    assert (await by_nats(nats, "koperasi", "details", **question))["problem"]["type"].endswith("consent-missing")
    assert len(await ledger(referrals, referral["id"])) == 1
    assert slug(await take_back(worker, consents[0] | {"version": 2})) == "consent-withdrawn"
    assert slug(await take_back(worker, consents[1])) == "version-conflict"  # it went with the other
    assert (await agree(worker, client, receiver="koperasi", given_by="guardian")).status_code == 201
    assert (await desk.get(path)).status_code == 200
    listed = (await worker.get("/consents", params={"client_id": client})).json()
    assert [(one["receiver"], bool(one["withdrawn_at"])) for one in listed["items"]] == [
        ("koperasi", False),
        *((None, True),) * 2,
    ]


async def test_a_consent_opens_nothing_beside_its_scope_its_days_and_its_office(
    referrals: Running, registry: Asked, worker: Any
) -> None:
    client, today = str(uuid4()), date.today()
    async with referrals.client("social_worker", agency="bptsp") as stranger:
        others = [
            await agree(worker, str(uuid4())),
            await agree(worker, client, service="izin-usaha-mikro"),
            await agree(worker, client, receiver="bptsp"),
            await agree(worker, client, from_on=str(today + timedelta(days=2))),
            await agree(worker, client, from_on="2020-01-01", until_on=str(today - timedelta(days=2))),
            await agree(stranger, client),
        ]
        assert {one.status_code for one in others} == {201}
        assert (
            slug(await worker.post("/referrals", json=a_referral(client_id=client, **BY_CONSENT))) == "consent-missing"
        )
        mine = (await agree(worker, client, until_on=str(today + timedelta(days=1)))).json()
        sent = await worker.post("/referrals", json=a_referral(client_id=client, **BY_CONSENT))
        assert sent.status_code == 201
        assert slug(await take_back(stranger, mine)) == "not-your-agency"
        assert (await stranger.get("/consents", params={"client_id": client})).json()["total"] == 1


async def test_who_may_not_record_or_read_consents_and_what_is_no_consent(
    referrals: Running, worker: Any, desk: Any
) -> None:
    client = str(uuid4())
    consent = (await agree(worker, client)).json()
    assert slug(await agree(desk, client)) == "not-permitted"
    assert slug(await take_back(desk, consent)) == "not-permitted"
    assert slug(await desk.get("/consents", params={"client_id": client})) == "not-permitted"
    async with referrals.client("social_worker", area="31.71") as elsewhere:
        assert slug(await agree(elsewhere, client)) == "outside-your-area"
        assert slug(await take_back(elsewhere, consent)) == "outside-your-area"
        assert (await elsewhere.get("/consents", params={"client_id": client})).json()["total"] == 0
    for wrong, said in (
        ({"service": "nobody-gives-it"}, "no-such-service"),
        ({"receiver": "nobody"}, "no-such-agency"),
        ({"service": "pembinaan-kube", "receiver": "koperasi"}, "request-not-valid"),
        ({"evidence": "3174014101900001"}, "request-not-valid"),
        ({"given_by": "neighbour"}, "request-not-valid"),
        ({"until_on": "2020-01-01"}, "request-not-valid"),
    ):
        assert slug(await agree(worker, client, **wrong)) == said, wrong
    async with referrals.context.db.begin() as tx:
        read = text("SELECT count(*) FROM audit WHERE action = 'consent.read' AND subject_id = :id")
        assert (await tx.session.execute(read, {"id": client})).scalar_one() == 1


async def test_a_withdrawal_waits_for_the_reading_that_was_there_first(
    referrals: Running, registry: Asked, send: Send, worker: Any, desk: Any
) -> None:
    client = str(uuid4())
    consent = (await agree(worker, client)).json()
    referral = await send(client_id=client, **BY_CONSENT)
    officer = Actor("officer", Role.DESK_OFFICER, "koperasi", "*")
    database = referrals.context.db

    async def waits() -> bool:
        waiting = (
            "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE '%FROM consents%'"
        )
        async with database.begin() as tx:
            return bool((await tx.session.execute(text(waiting))).scalar_one())

    async with database.begin(officer) as tx:
        reading = ReadDetails(referral_id=referral["id"], purpose="coaching")
        await commands.record_disclosure(reading, officer, tx)
        withdrawal = asyncio.create_task(take_back(worker, consent))
        await eventually(waits)
        assert not withdrawal.done()
    assert (await withdrawal).status_code == 200
    answers = await asyncio.gather(*(take_back(worker, consent | {"version": 2}) for _ in range(4)))
    assert {slug(one) for one in answers} == {"consent-withdrawn"}
    assert slug(await desk.get(f"/referrals/{referral['id']}/details?purpose=coaching")) == "consent-missing"


# ------------------------------------------------------------------- ledger


async def test_an_auditor_filters_the_ledger_and_takes_a_period_of_it_out(
    referrals: Running, registry: Asked, send: Send, desk: Any
) -> None:
    referral, today = await send(client_kind="person"), datetime.now(WIB).date()
    for purpose in ("=1+1", "first visit"):
        await desk.get(f"/referrals/{referral['id']}/details", params={"purpose": purpose})
    async with referrals.client("auditor") as auditor:
        for asked, count in (
            ({}, 2),
            ({"actor": "desk_officer@koperasi", "agency": "koperasi"}, 2),
            ({"actor": "somebody else"}, 0),
            ({"agency": "bptsp"}, 0),
            ({"from_on": str(today), "until_on": str(today)}, 2),
            ({"until_on": str(today - timedelta(days=1))}, 0),
            ({"from_on": str(today + timedelta(days=1))}, 0),
        ):
            found = (await auditor.get("/disclosures", params={"referral_id": referral["id"], **asked})).json()
            assert found["total"] == count, asked
        period = {"referral_id": referral["id"], "from_on": str(today), "until_on": str(today)}
        file = await auditor.get("/disclosures.csv", params=period)
        first, second = csv.DictReader(StringIO(file.text))
        assert (first["purpose"], second["purpose"]) == ("'=1+1", "first visit")
        assert (first["fields"], first["sender"], first["letter_id"]) == ("name nik", "dinsos", "")
        assert datetime.fromisoformat(first["at"]).date() == today
        assert "Wahyuni" not in file.text
        too_long = period | {"from_on": str(today - timedelta(days=366))}
        assert slug(await auditor.get("/disclosures.csv", params=too_long)) == "request-not-valid"
        assert slug(await auditor.get("/disclosures.csv")) == "request-not-valid"
    assert slug(await desk.get("/disclosures.csv", params=period)) == "not-permitted"
    async with referrals.client("auditor", agency="bptsp") as other:
        assert len((await other.get("/disclosures.csv", params=period)).text.splitlines()) == 1


async def test_a_client_is_told_who_saw_what_and_how_often(
    referrals: Running, registry: Asked, send: Send, worker: Any, desk: Any
) -> None:
    client = str(uuid4())
    await agree(worker, client)
    referral = await send(client_id=client, **BY_CONSENT)
    for purpose in ("visit", "visit", "coaching"):
        (await desk.get(f"/referrals/{referral['id']}/details?purpose={purpose}")).raise_for_status()
    path = f"/clients/{client}/disclosures"
    async with referrals.client("supervisor") as supervisor:
        told = (await supervisor.get(path)).json()
    shown = [(one["agency"], one["service"], one["purpose"], one["fields"], one["times"]) for one in told["shown"]]
    assert shown == [
        ("koperasi", "pembinaan-kube", "coaching", ["name", "nik"], 1),
        ("koperasi", "pembinaan-kube", "visit", ["name", "nik"], 2),
    ]
    assert told["shown"][1]["first_at"] < told["shown"][1]["last_at"] <= told["as_of"]
    assert [one["given_by"] for one in told["consents"]] == ["self"]
    assert "desk_officer" not in json.dumps(told)
    for who, many in ((referrals.client("auditor", agency="bptsp"), 0), (referrals.client("auditor", area="31.71"), 0)):
        async with who as other:
            assert len((await other.get(path)).json()["shown"]) == many
    assert slug(await worker.get(path)) == "not-permitted"
    assert slug(await desk.get(path)) == "not-permitted"
