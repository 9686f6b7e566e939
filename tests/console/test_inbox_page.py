"""The inbox of a browser renews itself, for those whom the message concerns."""

import asyncio
from typing import Any

import httpx2 as httpx
import pytest
from sqlalchemy import text

from services.console.live import Live, concerns
from sinergi.auth import Actor
from sinergi.permissions import Role
from sinergi.tasks import end
from tests.console.conftest import System, hidden
from tests.harness.stack import eventually


async def hints(browser: httpx.AsyncClient, came: list[str]) -> None:
    """Collect the stream's hints until cancelled."""
    async with browser.stream("GET", "/live") as answer:
        assert answer.headers["content-type"].startswith("text/event-stream")
        async for line in answer.aiter_lines():
            if line.startswith("event:"):
                came.append(line)


async def test_a_referral_that_arrives_is_hinted_to_its_desk_and_to_no_other(system: System) -> None:
    mine: list[str] = []
    others: list[str] = []
    async with system.signed_in("bptsp") as bptsp, system.signed_in("koperasi") as koperasi:
        tasks = [asyncio.create_task(hints(bptsp, mine)), asyncio.create_task(hints(koperasi, others))]

        async def connected() -> bool:
            return bool(mine and others)

        await eventually(connected)
        referral = await system.referral()

        async def hinted() -> bool:
            return len(mine) > 1

        await eventually(hinted)
        assert f"/referrals/{referral}" in (await bptsp.get("/inbox/list")).text
        assert len(others) == 1
        await end(*tasks)


async def test_a_console_that_listens_does_not_answer_in_place_of_the_stream(system: System) -> None:
    """A listener's empty reply was once taken for the PubAck, and ended notify's relay."""
    for _ in range(8):
        await system.referral()
    db = system.apps["notify"].state.context.db

    async def all_in_the_stream() -> bool:
        async with db.begin() as tx:
            counts = await tx.session.execute(text("SELECT count(*), count(stream_seq) FROM outbox"))
            told, placed = counts.one()
        return bool(told >= 8 and told == placed)

    await eventually(all_in_the_stream)


async def test_a_message_that_is_opened_is_read_and_leads_to_its_referral(system: System) -> None:
    referral = await system.referral()
    async with system.signed_in("bptsp") as browser:

        async def arrived() -> str:
            html = (await browser.get("/inbox")).text
            return html if f"/referrals/{referral}" in html else ""

        html = await eventually(arrived)
        own = next(part for part in html.split("<li") if f"/referrals/{referral}" in part)
        assert "Baru" in own
        path = own.split('action="')[1].split('"')[0]
        form = {"csrf": hidden(html, "csrf"), "link": f"/referrals/{referral}"}
        answer = await browser.post(path, data=form)
        assert (answer.status_code, answer.headers["location"]) == (303, f"/referrals/{referral}")
        html = (await browser.get("/inbox")).text
        assert "unread" not in next(part for part in html.split("<li") if f"/referrals/{referral}" in part)
        evil = await browser.post(path, data=form | {"link": "//evil.test"})
        assert evil.headers["location"] == "/inbox"


@pytest.mark.parametrize(
    ("recipient", "role", "agency", "hears"),
    [
        ("user:me", Role.SOCIAL_WORKER, "dinsos", True),
        ("user:you", Role.SOCIAL_WORKER, "dinsos", False),
        ("desk:bptsp/izin", Role.DESK_OFFICER, "bptsp", True),
        ("desk:bptsp/izin", Role.DESK_OFFICER, "bpts", False),
        ("desk:bptsp/izin", Role.SOCIAL_WORKER, "bptsp", False),
        ("desk:dinsos/data", Role.OPERATOR, "dinsos", True),
        ("desk:dinsos/supervisor", Role.SUPERVISOR, "dinsos", True),
        ("desk:dinsos/supervisor", Role.SOCIAL_WORKER, "dinsos", False),
    ],
)
def test_a_hint_goes_to_those_whose_inbox_it_is(recipient: str, role: Role, agency: str, hears: bool) -> None:
    assert concerns(recipient, Actor("me", role, agency, "31.74")) is hears


async def test_a_browser_that_left_is_forgotten() -> None:
    live = Live()
    stream: Any = live.hints(Actor("me", Role.SUPERVISOR, "dinsos", "31.74"))
    await anext(stream)
    live.tell("user:me")
    await anext(stream)
    await stream.aclose()
    assert live._browsers == {}
