"""The webhooks' pages: how a server is doing, what was sent to it, and sending again."""

import os
from collections.abc import AsyncIterator
from typing import Any

import httpx2 as httpx
import pytest

from tests.console.conftest import System, hidden
from tests.harness.stack import eventually
from tests.referrals.receivers import Receivers, receivers_at_work


@pytest.fixture(scope="module", autouse=True)
def _loopback() -> Any:
    """Webhooks may lead to this machine; read when the system starts."""
    os.environ["SINERGI_WEBHOOK_LOOPBACK"] = "true"
    yield
    os.environ.pop("SINERGI_WEBHOOK_LOOPBACK", None)


@pytest.fixture
async def server() -> AsyncIterator[Receivers]:
    async with receivers_at_work() as receivers:
        yield receivers


async def give(browser: httpx.AsyncClient, page: str, command: str, **typed: str) -> httpx.Response:
    html = (await browser.get(page)).text
    names = ("csrf", "expected_version", "key")
    return await browser.post(f"{page}/{command}", data={name: hidden(html, name) for name in names} | typed)


async def test_an_operator_sees_what_was_sent_pauses_tries_and_sends_again(system: System, server: Receivers) -> None:
    async with system.api("referrals", "operator") as api:
        made = (await api.post("/webhooks", json={"agency": "bptsp", "url": server.url("b")})).raise_for_status().json()
    page = f"/webhooks/{made['id']}"
    referral = await system.referral()

    async def delivered() -> str | None:
        html = (await browser.get(page)).text
        return html if "Diterima" in html.split('id="log"')[1].split("<tbody>")[-1] else None

    async with system.signed_in("operator") as browser:
        assert page in (await browser.get("/webhooks")).text
        html = await eventually(delivered)
        assert referral.replace("-", "")[-8:].upper() in html
        assert made["secret"] not in html
        assert (await give(browser, page, "replay")).headers["location"] == f"{page}?done=replay"
        await eventually(lambda: _came(server, 2))
        tested = await give(browser, page, "test")
        assert "Jawaban atas percobaan: 204" in tested.text
        assert (await give(browser, page, "pause")).status_code == 303
        assert "Dihentikan oleh petugas." in (await browser.get(f"{page}?lang=id")).text
        stale = await give(browser, page, "resume", expected_version="1")
        assert (stale.status_code, 'role="alert"' in stale.text) == (409, True)
        wrong = await give(browser, page, "replay", since="kemarin")
        assert (wrong.status_code, "kemarin" in wrong.text) == (422, True)
        assert (await give(browser, page, "replay", since="2099-01-01T00:00")).status_code == 303
        assert (await give(browser, page, "resume")).status_code == 303
        assert "Paused by hand" not in (await browser.get(f"{page}?state=waiting&lang=en")).text


async def _came(server: Receivers, count: int) -> bool:
    return len(server.came["b"]) >= count


async def test_a_desk_sees_its_own_agencys_webhooks_and_a_worker_none(system: System) -> None:
    async with system.api("referrals", "operator") as api:
        made = (await api.post("/webhooks", json={"agency": "bptsp", "url": "https://bptsp.example/"})).json()
    page = f"/webhooks/{made['id']}"
    async with system.signed_in("bptsp") as browser:
        assert page in (await browser.get("/webhooks")).text
        assert (await browser.get(page)).status_code == 200
    async with system.signed_in("koperasi") as browser:
        assert page not in (await browser.get("/webhooks")).text
        assert (await browser.get(page)).status_code == 403
    async with system.signed_in("peksos") as browser:
        assert (await browser.get("/webhooks")).status_code == 403
        assert 'href="/webhooks"' not in (await browser.get("/inbox")).text
