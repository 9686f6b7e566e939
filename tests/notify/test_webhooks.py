"""A server that takes nothing is no silence: the operator and its agency are told."""

from collections.abc import Awaitable, Callable
from typing import Any
from uuid import uuid4

from sinergi.events import WebhookFailing, WebhookRefused
from tests.harness.stack import Running, eventually

Publish = Callable[..., Awaitable[str]]


async def test_the_operator_and_the_agency_hear_of_a_server_that_takes_nothing(
    notify: Running, publish_fact: Publish
) -> None:
    whole, one_desk = str(uuid4()), str(uuid4())
    failing = WebhookFailing(webhook_id=whole, agency="koperasi", reason="unreachable", waiting=17)
    given_up = {"delivery": 4, "event_type": "sinergi.referral.requested.v1", "status": 400}
    refused = WebhookRefused(webhook_id=one_desk, agency="koperasi", desk="koperasi/pembinaan", **given_up)
    for fact in (failing, refused):
        await publish_fact(fact, str(uuid4()), 1)

    async def told(role: str, agency: str) -> dict[str, Any]:
        async with notify.client(role, agency) as client:
            items = (await client.get("/inbox?size=100")).json()["items"]
        return {one["link"].rsplit("/", 1)[1]: one for one in items if one["link"].startswith("/webhooks/")}

    async def both() -> dict[str, Any] | None:
        found = await told("operator", "dinsos")
        return found if found.keys() >= {whole, one_desk} else None

    found = await eventually(both)
    assert "17 kiriman menunggu" in found[whole]["text"]
    assert "jawaban 400" in found[one_desk]["text"]
    assert (await told("desk_officer", "koperasi")).keys() >= {whole, one_desk}
    assert await told("desk_officer", "bptsp") == {}
    assert await told("social_worker", "dinsos") == {}
