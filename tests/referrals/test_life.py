"""A referral's whole life, by HTTP, by NATS commands, and by a plug-in with its agency's own NATS account."""

import json
from datetime import date
from typing import Any
from uuid import uuid4

import pytest
from nats.aio.client import Client

from sinergi import Agency, ReferralRequested
from sinergi.events import EVENTS
from tests.harness.stack import Running, Stack
from tests.referrals.conftest import CARRIES, SOON, Give, Send, a_referral


async def by_nats(nats: Client, agency: str, command: str, kind: str = "referral", **request: Any) -> dict[str, Any]:
    """The command as the server hands it on for this agency's account."""
    subject, body = f"sinergi.cmd.{agency}.{kind}.{command}", json.dumps(request).encode()
    answer: dict[str, Any] = json.loads((await nats.request(subject, body, timeout=10)).data)
    return answer


async def test_a_whole_life_by_http_is_told_and_written_down(send: Send, give: Give, worker: Any, told: Any) -> None:
    referral = await send()
    for command in ("acknowledge", "accept", "progress", "hold", "resume", "complete", "close"):
        answer = await give(command, referral)
        assert answer.status_code == 200, answer.text
        referral = answer.json()
    read = (await worker.get(f"/referrals/{referral['id']}")).json()
    facts = ["requested", "received", "accepted", "progressed", "held", "resumed", "completed", "closed"]
    assert [entry["fact"] for entry in read["timeline"]] == facts
    assert [entry["version"] for entry in read["timeline"]] == list(range(1, 9))
    assert (read["state"], read["version"], read["actions"]) == ("completed", 8, [])
    assert read["evidence"] == [{"kind": "nib", "number": "1234567890123"}]
    assert read["outcome"]["outcome"] == "service-given"
    assert read["closed_by"] == "social_worker@dinsos"
    types = [f"sinergi.referral.{fact}.v1" for fact in facts]
    assert await told(referral["id"]) == [("core koperasi", kind, n) for n, kind in enumerate(types, 1)]


async def test_a_whole_life_by_nats_commands_reaches_the_stream(
    send: Send, nats: Client, facts: Any, eventually: Any
) -> None:
    referral = await send()
    for command in ("acknowledge", "accept", "progress", "complete"):
        request = {"referral_id": referral["id"], "expected_version": referral["version"], **CARRIES[command]}
        referral = await by_nats(nats, "koperasi", command, **request, idempotency_key=str(uuid4()))
        assert "problem" not in referral
    expected = [f"sinergi.referral.{fact}.v1" for fact in ("requested", "received", "accepted")]
    expected += ["sinergi.referral.progressed.v1", "sinergi.referral.completed.v1"]
    for audience in ("core", "koperasi"):

        async def arrived(audience: str = audience) -> bool:
            return [kind for kind, _ in await facts("REFERRALS", referral["id"], audience)] == expected

        await eventually(arrived)
    assert await facts("REFERRALS", referral["id"], "bptsp") == []


async def test_a_plug_in_hears_accepts_and_completes(
    stack: Stack, referrals: Running, send: Send, worker: Any, eventually: Any
) -> None:
    agency = Agency("koperasi", stack.backend.nats_url, stack.backend.seed_file("koperasi"))
    ours = a_referral()["client_id"]

    @agency.on(ReferralRequested)
    async def coach(referral: ReferralRequested) -> None:
        if referral.client_id == ours:
            await agency.acknowledge(referral, "KOP-1")
            await agency.accept(referral, expected_on=date.fromisoformat(SOON))
            await agency.progress(referral)
            await agency.complete(referral, "coaching-completed", evidence=[])

    await agency.start()
    try:
        referral = await send(client_id=ours)

        async def completed() -> bool:
            read = (await worker.get(f"/referrals/{referral['id']}")).json()
            return bool(read["state"] == "completed")

        await eventually(completed)
    finally:
        await agency.stop()
    read = (await worker.get(f"/referrals/{referral['id']}")).json()
    assert {entry["by"] for entry in read["timeline"][1:]} == {"agency"}


async def test_accepting_twice_with_one_key_changes_nothing(send: Send, nats: Client, desk: Any) -> None:
    first, second = await send(), await send()
    request = {"referral_id": first["id"], "expected_version": 1, "expected_on": SOON}
    request["idempotency_key"] = str(uuid4())
    answers = [await by_nats(nats, "koperasi", "accept", **request) for _ in range(2)]
    assert answers[0] == answers[1] == {"id": first["id"], "version": 2, "state": "accepted"}
    later = request | {"expected_on": "2099-01-01"}  # a plug-in that is given the event again on another day
    assert await by_nats(nats, "koperasi", "accept", **later) == answers[0]
    body, key = {"expected_version": 1, "expected_on": SOON}, {"Idempotency-Key": str(uuid4())}
    again = [await desk.post(f"/referrals/{second['id']}/accept", json=body, headers=key) for _ in range(2)]
    assert again[0].json() == again[1].json() == {"id": second["id"], "version": 2, "state": "accepted"}


async def test_accepting_twice_without_a_key_is_a_conflict_that_tells_the_state(send: Send, give: Give) -> None:
    referral = await send()
    assert (await give("accept", referral)).status_code == 200
    problem = (await give("accept", referral)).json()
    assert (problem["status"], problem["state"], problem["version"]) == (409, "accepted", 2)


async def test_another_agency_can_neither_read_nor_answer_nor_ask_for_details(
    referrals: Running, send: Send, nats: Client
) -> None:
    referral = await send()
    async with referrals.client("desk_officer", agency="bptsp") as other:
        body = {"expected_version": 1, "expected_on": SOON}
        answers = [
            await other.get(f"/referrals/{referral['id']}"),
            await other.post(f"/referrals/{referral['id']}/accept", json=body),
            await other.get(f"/referrals/{referral['id']}/details?purpose=curiosity"),
        ]
        assert [answer.status_code for answer in answers] == [403, 403, 403]
        listed = (await other.get("/referrals")).json()["items"]
        assert referral["id"] not in [one["id"] for one in listed]
    request = {"referral_id": referral["id"], "expected_version": 1, "expected_on": SOON}
    refused = await by_nats(nats, "bptsp", "accept", **request)
    assert refused["problem"]["type"] == "urn:sinergi:problem:not-your-agency"
    refused = await by_nats(nats, "bptsp", "details", referral_id=referral["id"], purpose="curiosity")
    assert refused["problem"]["type"] == "urn:sinergi:problem:not-your-agency"


async def test_a_worker_of_another_area_or_role_is_refused(referrals: Running, send: Send) -> None:
    referral = await send()
    async with referrals.client("social_worker", area="31.71") as elsewhere:
        assert (await elsewhere.get(f"/referrals/{referral['id']}")).status_code == 403
        assert (await elsewhere.post("/referrals", json=a_referral())).status_code == 403
        assert (await elsewhere.get("/referrals")).json()["total"] == 0
    async with referrals.client("auditor") as auditor:
        assert (await auditor.get(f"/referrals/{referral['id']}")).status_code == 403
    async with referrals.anonymous() as nobody:
        assert (await nobody.get(f"/referrals/{referral['id']}")).status_code == 401


async def test_the_senders_commands_are_not_for_agencies(send: Send, nats: Client, desk: Any) -> None:
    referral = await send()
    body = {"expected_version": 1, "reason": "need-met"}
    assert (await desk.post(f"/referrals/{referral['id']}/cancel", json=body)).status_code == 403
    refused = await by_nats(nats, "koperasi", "cancel", referral_id=referral["id"], **body)
    assert refused["problem"]["type"] == "urn:sinergi:problem:unknown-command"


@pytest.mark.parametrize(
    ("command", "wrong"),
    [
        ("accept", {"expected_on": "soon"}),
        ("accept", {"unknown": 1}),
        ("accept", {"expected_version": 0}),
        ("acknowledge", {"receiver_reference": "3174010101900001"}),
        ("decline", {"reason": "missing-documents"}),
        ("decline", {"reason": "no-such-reason"}),
        ("decline", {"text": ""}),
        ("decline", {"text": "penuh\0"}),
        ("fail", {"reason": "other"}),
        ("complete", {"outcome": "other"}),
        ("complete", {"given_on": "2999-01-01"}),
        ("complete", {"amount": 5}),
        ("complete", {"evidence": [{"kind": "nib", "number": "123"}]}),
        ("complete", {"evidence": [{"kind": "rumour"}]}),
    ],
)
async def test_a_command_without_what_it_must_carry_is_refused_at_both_doors(
    command: str, wrong: dict[str, Any], send: Send, give: Give, nats: Client
) -> None:
    referral = await send()
    over_http = await give(command, referral, **wrong)
    assert over_http.status_code == 422
    assert over_http.json()["type"] == "urn:sinergi:problem:request-not-valid"
    request = {"referral_id": referral["id"], "expected_version": 1, **CARRIES[command], **wrong}
    over_nats = (await by_nats(nats, "koperasi", command, **request))["problem"]
    assert over_nats["type"] == "urn:sinergi:problem:request-not-valid"
    assert over_nats["errors"]


async def test_a_decline_tells_the_side_and_whether_it_came_after_acceptance(
    send: Send, give: Give, facts: Any, eventually: Any
) -> None:
    early, late = await send(), await send()
    await give("decline", early, reason="missing-documents", missing_documents=["kbli"])
    await give("decline", (await give("accept", late)).json(), reason="moved")

    async def declined(referral: dict[str, Any]) -> dict[str, Any] | None:
        heard = await facts("REFERRALS", referral["id"])
        return next((body for kind, body in heard if kind == "sinergi.referral.declined.v1"), None)

    first = await eventually(lambda: declined(early))
    assert (first["side"], first["missing_documents"], first["after_acceptance"]) == ("agency", ["kbli"], False)
    second = await eventually(lambda: declined(late))
    assert (second["side"], second["after_acceptance"]) == ("client", True)


async def test_declining_a_requested_cancel_cancels_with_the_senders_reason(
    send: Send, give: Give, worker: Any
) -> None:
    referral = (await give("accept", await send())).json()
    referral = (await give("request_cancel", referral)).json()
    assert (await give("decline", referral)).json()["state"] == "cancelled"
    read = (await worker.get(f"/referrals/{referral['id']}")).json()
    assert (read["timeline"][-1]["fact"], read["timeline"][-1]["reason"]) == ("cancelled", "plan-changed")


async def test_an_outcome_is_closed_once(send: Send, give: Give) -> None:
    referral = (await give("close", (await give("decline", await send())).json())).json()
    again = await give("close", referral)
    assert (again.status_code, again.json()["type"]) == (409, "urn:sinergi:problem:already-closed")


async def test_events_carry_neither_texts_nor_evidence_numbers(
    send: Send, give: Give, facts: Any, eventually: Any
) -> None:
    referral = await send()
    for command in ("accept", "progress", "complete", "close"):
        referral = (await give(command, referral)).json()

    async def all_told() -> Any:
        heard = await facts("REFERRALS", referral["id"], "koperasi")
        return heard if len(heard) == referral["version"] else None

    everything = json.dumps(await eventually(all_told))
    for secret in ("1234567890123", "Kunjungan pertama", "Sangat membantu", "text", "note"):
        assert secret not in everything


def test_no_referral_event_has_a_field_for_a_person_or_a_free_text() -> None:
    personal = {"name", "nik", "no_kk", "address", "birth_date", "phone", "text", "note", "number", "comment"}
    for kind, event in EVENTS.items():
        if kind.startswith("sinergi.referral."):
            assert not personal & event.model_fields.keys(), kind
