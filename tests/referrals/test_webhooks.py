"""Webhooks: signed, in order, each on its own, tried for days, and never lost."""

import asyncio
import os
from collections.abc import AsyncIterator
from functools import partial
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import text

from tests.harness.stack import Running, Stack, eventually
from tests.referrals.conftest import Give, Send, fill_directory
from tests.referrals.receivers import Receivers, delivered, log_of, make_webhook, manage, receivers_at_work, remove_all
from tests.referrals.timed import Time

SETTINGS = {"SINERGI_WEBHOOK_LOOPBACK": "true", "SINERGI_WEBHOOK_RETRY_DELAYS": "[0.05, 0.05, 0.05, 0.05]"}


@pytest.fixture(scope="module")
async def referrals(stack: Stack) -> AsyncIterator[Running]:
    """The service, whose webhooks may lead to this machine."""
    async with stack.run("referrals", **SETTINGS) as running:
        await fill_directory(running)
        yield running
    for name in SETTINGS:
        os.environ.pop(name, None)


@pytest.fixture(scope="module")
async def servers() -> AsyncIterator[Receivers]:
    """The agencies' servers."""
    async with receivers_at_work() as receivers:
        yield receivers


@pytest.fixture(autouse=True)
async def no_webhooks(referrals: Running) -> AsyncIterator[None]:
    """Each test has its own."""
    yield
    await remove_all(referrals)


@pytest.fixture
def name() -> str:
    """A server that no other test has used."""
    return uuid4().hex[:8]


async def took(servers: Receivers, name: str, *facts: str, about: str | None = None) -> None:
    """Wait until a server has taken just these facts, in this order."""

    async def all_came() -> bool:
        return len(servers.taken(name, about)) >= len(facts)

    await eventually(all_came, what=f"{name} took {servers.taken(name, about)}")
    assert [fact for fact, _ in servers.taken(name, about)] == list(facts)


async def state_of(running: Running, webhook: dict[str, Any]) -> dict[str, Any]:
    async with running.client("operator") as operator:
        found: dict[str, Any] = (await operator.get(f"/webhooks/{webhook['id']}")).json()
        return found


async def is_in(running: Running, webhook: dict[str, Any], state: str) -> None:
    async def it_is() -> bool:
        return (await state_of(running, webhook))["state"] == state

    await eventually(it_is, what=f"it never was {state}")


async def alerts(running: Running, webhook: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    """The facts that were told about a webhook."""
    rows = text(
        """SELECT headers->>'ce-type', convert_from(body, 'UTF8')::jsonb FROM outbox
           WHERE convert_from(body, 'UTF8')::jsonb->>'webhook_id' = :id AND audience = 'core' ORDER BY seq"""
    )
    async with running.context.db.begin() as tx:
        return [tuple(row) for row in await tx.session.execute(rows, {"id": webhook["id"]})]


# ---------------------------------------------------------------- what comes


async def test_facts_come_as_signed_cloud_events_in_their_order_to_those_whom_they_concern(
    referrals: Running, servers: Receivers, send: Send, give: Give, name: str
) -> None:
    made = await make_webhook(referrals, servers.url(name))
    await make_webhook(
        referrals, servers.url(f"{name}-desk"), desk="koperasi/pembinaan", events=["referral.accepted.v1"]
    )
    await make_webhook(referrals, servers.url(f"{name}-other"), agency="bptsp")
    sent = await send()
    received = (await give("acknowledge", sent)).json()
    await give("accept", received)
    await took(servers, name, "requested", "received", "accepted")
    await took(servers, f"{name}-desk", "accepted")
    assert servers.came[f"{name}-other"] == []

    first = servers.came[name][0]
    assert first.headers["content-type"] == "application/cloudevents+json"
    assert first.headers["webhook-id"] == first.event["id"]
    assert first.is_signed_by(made["secret"])
    assert not first.is_signed_by("whsec_" + "A" * 43 + "=")
    assert {key: first.event[key] for key in ("specversion", "type", "partitionkey", "sequence")} == {
        "specversion": "1.0",
        "type": "sinergi.referral.requested.v1",
        "partitionkey": sent["id"],
        "sequence": "1",
    }
    assert first.event["data"]["service"] == "pembinaan-kube"
    log = await delivered(referrals, made, 3)
    assert [(one["state"], one["tries"], one["status"]) for one in log] == [("delivered", 1, 204)] * 3
    assert all("body" not in one and one["ms"] >= 0 for one in log)


async def test_what_a_clock_tells_comes_too_numbered_by_itself(
    referrals: Running, servers: Receivers, send: Send, name: str
) -> None:
    await make_webhook(referrals, servers.url(name))
    await make_webhook(referrals, servers.url(f"{name}-late"), events=["referral.escalated.v1"])
    sent = await send()
    await Time(referrals.context.db).ring(sent["id"], times=2)
    await took(servers, f"{name}-late", "escalated")
    await eventually(partial(_has_come, servers, name, 3))
    events = {came.event["type"].split(".")[2]: came.event for came in servers.came[name]}
    assert events.keys() == {"requested", "reminded", "escalated"}
    for notice in (events["reminded"], events["escalated"]):
        assert (notice["data"]["referral_id"], notice["data"]["referral_version"]) == (sent["id"], sent["version"])
        assert (notice["sequence"], notice["partitionkey"] == sent["id"]) == ("1", False)


async def _has_come(servers: Receivers, name: str, count: int) -> bool:
    return len(servers.taken(name)) >= count


async def test_one_that_is_slow_and_one_that_is_not_there_hold_up_nobody_but_themselves(
    referrals: Running, servers: Receivers, send: Send, name: str
) -> None:
    open_the_door = asyncio.Event()

    async def hang() -> int:
        await open_the_door.wait()
        return 204

    servers.behaviours[f"{name}-slow"] = hang
    for server in ("good-1", "good-2", "slow"):
        await make_webhook(referrals, servers.url(f"{name}-{server}"))
    dead = await make_webhook(referrals, "http://127.0.0.1:9/dead")
    await asyncio.gather(*(send() for _ in range(10)))
    for server in ("good-1", "good-2"):
        await took(servers, f"{name}-{server}", *["requested"] * 10)
    assert len(servers.came[f"{name}-slow"]) == 1
    assert servers.taken(f"{name}-slow") == []
    open_the_door.set()
    await took(servers, f"{name}-slow", *["requested"] * 10)
    assert {one["problem"] for one in await log_of(referrals, dead) if one["tries"]} == {"connection"}


# ------------------------------------------------------------- trying again


async def test_a_try_that_fails_is_made_again_and_what_follows_in_its_referral_waits(
    referrals: Running, servers: Receivers, send: Send, give: Give, name: str
) -> None:
    servers.answers(name, 503, 429, 204)
    made = await make_webhook(referrals, servers.url(name))
    await give("acknowledge", await send())
    await took(servers, name, "requested", "received")
    ids = [one.headers["webhook-id"] for one in servers.came[name]]
    assert len(set(ids[:3])) == 1
    assert ids[3] != ids[0]
    assert (await delivered(referrals, made, 2))[1]["tries"] == 3
    assert (await state_of(referrals, made))["failures"] == 0


async def test_what_a_server_does_not_want_is_given_up_alone_aloud_and_can_be_replayed(
    referrals: Running, servers: Receivers, send: Send, name: str
) -> None:
    servers.answers(name, 400)
    made = await make_webhook(referrals, servers.url(name))
    refused = await send()

    async def given_up() -> list[dict[str, Any]]:
        return await log_of(referrals, made, state="failed")

    (failed,) = await eventually(given_up)
    assert (failed["tries"], failed["status"], failed["aggregate_id"]) == (5, 400, refused["id"])
    ((kind, body),) = await alerts(referrals, made)
    assert (kind, body["status"], body["delivery"]) == ("sinergi.webhook.refused.v1", 400, failed["seq"])
    servers.answers(name, 204)
    other = await send()
    await took(servers, name, "requested", about=other["id"])
    assert (await manage(referrals, made, "replay", delivery=failed["seq"])).json() == {"count": 1}
    await took(servers, name, "requested", about=refused["id"])
    assert (await state_of(referrals, made))["state"] == "active"


async def test_a_server_that_was_away_for_too_long_is_told_of_and_gets_everything_afterwards(
    referrals: Running, servers: Receivers, send: Send, give: Give, name: str
) -> None:
    servers.answers(name, 500)
    made = await make_webhook(referrals, servers.url(name))
    sent = await send()
    await is_in(referrals, made, "failing")
    await give("acknowledge", sent)
    ((kind, body),) = await alerts(referrals, made)
    assert (kind, body["reason"], body["agency"], body["waiting"]) == (
        "sinergi.webhook.failing.v1",
        "unreachable",
        "koperasi",
        1,
    )
    servers.answers(name, 204)
    tries = len(servers.came[name])
    found = await state_of(referrals, made)
    assert (found["waiting"], found["failed"], len(servers.came[name])) == (2, 0, tries)
    async with referrals.client("operator") as operator:
        stale = {"expected_version": made["version"]}
        assert (await operator.post(f"/webhooks/{made['id']}/pause", json=stale)).status_code == 409
    assert (await manage(referrals, made, "resume")).json()["state"] == "active"
    await took(servers, name, "requested", "received")


async def test_a_server_that_says_gone_is_left_alone_at_once(
    referrals: Running, servers: Receivers, send: Send, name: str
) -> None:
    servers.answers(name, 410)
    made = await make_webhook(referrals, servers.url(name))
    await send()
    await is_in(referrals, made, "paused")
    assert [body["reason"] for _, body in await alerts(referrals, made)] == ["gone"]
    assert len(servers.came[name]) == 1


async def test_a_paused_webhook_is_sent_nothing_and_loses_nothing(
    referrals: Running, servers: Receivers, send: Send, name: str
) -> None:
    made = await make_webhook(referrals, servers.url(name))
    seen = await make_webhook(referrals, servers.url(f"{name}-seen"))
    assert (await manage(referrals, made, "pause")).json()["state"] == "paused"
    await send()
    await took(servers, f"{name}-seen", "requested")
    assert servers.came[name] == []
    await manage(referrals, made, "resume")
    await took(servers, name, "requested")
    assert (await manage(referrals, seen, "remove")).json()["state"] == "removed"
    assert (await manage(referrals, seen, "resume")).json()["title"] == "Webhook removed"


async def test_a_replay_brings_all_since_a_moment_again_under_the_same_ids_and_in_order(
    referrals: Running, servers: Receivers, send: Send, give: Give, name: str
) -> None:
    made = await make_webhook(referrals, servers.url(name))
    early = await send()
    await took(servers, name, "requested")
    moment = (await delivered(referrals, made, 1))[0]["tried_at"]
    late = await send()
    await give("acknowledge", late)
    await delivered(referrals, made, 3)
    assert (await manage(referrals, made, "replay", since=moment)).json() == {"count": 2}
    await took(servers, name, "requested", "received", "requested", "received", about=late["id"])
    await delivered(referrals, made, 3)
    assert (await manage(referrals, made, "replay", everything=True)).json() == {"count": 3}
    await took(servers, name, "requested", "requested", about=early["id"])
    ids = [one.headers["webhook-id"] for one in servers.came[name]]
    assert len(set(ids)) == 3


async def test_a_redirect_is_not_followed_and_a_long_answer_is_not_read(
    referrals: Running, servers: Receivers, send: Send, name: str
) -> None:
    servers.answer = ([(b"location", servers.url(f"{name}-inside").encode())], b"x" * 10_000_000)
    servers.answers(name, 302, 302, 200)
    made = await make_webhook(referrals, servers.url(name))
    await send()
    await took(servers, name, "requested")
    servers.answer = ([], b"")
    assert servers.came[f"{name}-inside"] == []
    assert [(one["tries"], one["status"]) for one in await delivered(referrals, made, 1)] == [(3, 200)]


# ------------------------------------------------------------------ secrets


async def test_while_a_secret_is_exchanged_both_sign_and_afterwards_the_new_one_alone(
    referrals: Running, servers: Receivers, send: Send, name: str
) -> None:
    made = await make_webhook(referrals, servers.url(name))
    new = (await manage(referrals, made, "rotate", keep_hours=1)).json()["secret"]
    await send()
    await took(servers, name, "requested")
    assert servers.came[name][0].is_signed_by(made["secret"])
    assert servers.came[name][0].is_signed_by(new)
    newest = (await manage(referrals, made, "rotate", keep_hours=0)).json()["secret"]
    await send()
    await took(servers, name, "requested", "requested")
    signed = [servers.came[name][1].is_signed_by(one) for one in (made["secret"], new, newest)]
    assert signed == [False, False, True]


async def test_a_secret_is_shown_once_and_lies_nowhere(referrals: Running, servers: Receivers, name: str) -> None:
    body = {"agency": "koperasi", "url": servers.url(name)}
    async with referrals.client("operator") as operator:
        first = await operator.post("/webhooks", json=body, headers={"Idempotency-Key": name})
        again = await operator.post("/webhooks", json=body, headers={"Idempotency-Key": name})
        read = await operator.get(f"/webhooks/{first.json()['id']}")
    assert first.json() == again.json()
    assert first.json()["secret"].startswith("whsec_")
    assert "whsec_" not in read.text
    kept = text("SELECT count(*) FROM answered WHERE answer::text LIKE '%whsec%'")
    async with referrals.context.db.begin() as tx:
        assert await tx.session.scalar(kept) == 0


async def test_a_test_says_at_once_what_became_of_it(referrals: Running, servers: Receivers, name: str) -> None:
    servers.answers(name, 418)
    made = await make_webhook(referrals, servers.url(name))
    tested = (await manage(referrals, made, "test")).json()
    assert (tested["status"], tested["problem"]) == (418, None)
    assert servers.came[name][0].event["type"] == "sinergi.webhook.test"
    assert servers.came[name][0].is_signed_by(made["secret"])
    nobody = await make_webhook(referrals, "http://127.0.0.1:9/dead")
    assert (await manage(referrals, nobody, "test")).json()["problem"] == "connection"


# ------------------------------------------------------------------ who may


async def test_a_desk_manages_its_own_agencys_webhooks_and_sees_no_others(
    referrals: Running, servers: Receivers, name: str
) -> None:
    made = await make_webhook(referrals, servers.url(name))
    one = f"/webhooks/{made['id']}"
    async with (
        referrals.client("desk_officer", agency="koperasi") as own,
        referrals.client("desk_officer", agency="bptsp") as other,
        referrals.client("social_worker") as worker,
    ):
        body = {"agency": "koperasi", "url": servers.url(name)}
        assert [(await who.post("/webhooks", json=body)).status_code for who in (own, other, worker)] == [403] * 3
        for path in (one, f"{one}/deliveries"):
            assert [(await who.get(path)).status_code for who in (own, other, worker)] == [200, 403, 403]
        assert [len((await who.get("/webhooks")).json()["items"]) for who in (own, other)] == [1, 0]
        seen = {"expected_version": made["version"]}
        for command, given in (("pause", seen), ("replay", {"everything": True}), ("test", {})):
            assert (await other.post(f"{one}/{command}", json=given)).status_code == 403
            assert (await worker.post(f"{one}/{command}", json=given)).status_code == 403
            assert (await own.post(f"{one}/{command}", json=given)).status_code == 200
        for command in ("rotate", "remove", "change"):
            given = seen | ({"url": servers.url(name)} if command == "change" else {})
            assert (await own.post(f"{one}/{command}", json=given)).status_code == 403


@pytest.mark.parametrize(
    ("body", "slug"),
    [
        ({"agency": "nobody"}, "no-such-agency"),
        ({"desk": "koperasi/not-there"}, "no-such-desk"),
        ({"desk": "bptsp/izin-usaha"}, "request-not-valid"),
        ({"events": ["case.opened.v1"]}, "request-not-valid"),
        ({"url": "http://desk.example.org/"}, "webhook-url-not-allowed"),
        ({"url": "https://10.0.0.1/"}, "webhook-url-not-allowed"),
    ],
    ids=lambda value: str(value),
)
async def test_what_cannot_be_is_not_made(referrals: Running, body: dict[str, Any], slug: str) -> None:
    async with referrals.client("operator") as operator:
        answer = await operator.post("/webhooks", json={"agency": "koperasi", "url": "https://a.example/", **body})
    assert answer.status_code == 422
    assert answer.json()["type"].endswith(slug)


async def test_a_command_on_a_stale_page_is_refused_and_there_are_not_more_than_ten(
    referrals: Running, servers: Receivers, name: str
) -> None:
    made = [await make_webhook(referrals, servers.url(name)) for _ in range(10)]
    async with referrals.client("operator") as operator:
        one = f"/webhooks/{made[0]['id']}"
        stale = {"expected_version": 1}
        pauses = await asyncio.gather(*(operator.post(f"{one}/pause", json=stale) for _ in range(5)))
        assert sorted(answer.status_code for answer in pauses) == [200, 409, 409, 409, 409]
        many = await operator.post("/webhooks", json={"agency": "koperasi", "url": servers.url(name)})
    assert many.json()["type"].endswith("too-many-webhooks")
