"""Signing in by a browser: its cookie, its forms, and what is shown to nobody."""

import re
from datetime import UTC, datetime

import pytest
from sqlalchemy import update

from services.console.models import SessionRow
from tests.console.conftest import PASSWORD, System, hidden


async def test_signing_in_leads_to_the_inbox_with_a_cookie_that_no_script_reads(system: System) -> None:
    async with system.browser() as browser:
        answer = await browser.post("/login", data={"username": "bptsp", "password": PASSWORD})
        assert (answer.status_code, answer.headers["location"]) == (303, "/inbox")
        cookie = answer.headers["set-cookie"].lower()
        assert "httponly" in cookie
        assert "samesite=lax" in cookie
        assert (await browser.get("/inbox")).status_code == 200


async def test_a_wrong_password_is_told_on_the_page_without_the_password(system: System) -> None:
    async with system.browser() as browser:
        answer = await browser.post("/login", data={"username": "koperasi", "password": "wrong-secret"})
    assert answer.status_code == 401
    assert "Nama pengguna atau kata sandi salah." in answer.text
    assert "wrong-secret" not in answer.text


@pytest.mark.parametrize("path", ["/", "/inbox", "/inbox/list", "/referrals", "/cases", "/account"])
async def test_whoever_is_not_signed_in_is_asked_to(system: System, path: str) -> None:
    async with system.browser() as browser:
        answer = await browser.get(path)
        assert answer.status_code == 303
        assert answer.headers["location"].startswith("/login")
        assert (await browser.get("/live")).status_code == 401


async def test_after_signing_in_the_wanted_page_is_opened_but_never_another_site(system: System) -> None:
    login = {"username": "bptsp", "password": PASSWORD}
    async with system.browser() as browser:
        assert 'name="next" value="/referrals"' in (await browser.get("/login?next=/referrals")).text
        good = await browser.post("/login", data=login | {"next": "/referrals"})
        assert good.headers["location"] == "/referrals"
        for evil in ("https://evil.test", "//evil.test", "/\\evil.test", "javascript:alert(1)"):
            answer = await browser.post("/login", data=login | {"next": evil})
            assert answer.headers["location"] == "/inbox"


async def test_a_form_that_another_site_made_is_refused(system: System) -> None:
    async with system.signed_in("bptsp") as browser:
        for csrf in ({}, {"csrf": "guessed"}):
            answer = await browser.post("/logout", data=csrf)
            assert answer.status_code == 403
        assert (await browser.get("/inbox")).status_code == 200
        login = {"username": "bptsp", "password": PASSWORD}
        crossed = await browser.post("/login", data=login, headers={"Sec-Fetch-Site": "cross-site"})
        assert crossed.status_code == 403


async def test_after_signing_out_the_cookie_opens_nothing(system: System) -> None:
    async with system.signed_in("bptsp") as browser:
        cookie = browser.cookies["sinergi_session"]
        csrf = hidden((await browser.get("/inbox")).text, "csrf")
        assert (await browser.post("/logout", data={"csrf": csrf})).status_code == 303
        browser.cookies.set("sinergi_session", cookie)
        assert (await browser.get("/inbox")).status_code == 303


async def test_a_token_that_ends_soon_is_renewed_by_the_session(system: System) -> None:
    async with system.signed_in("bptsp") as browser:
        async with system.console.db.begin() as tx:
            ended = {"token": "ended", "token_expires_at": datetime.now(UTC)}
            await tx.session.execute(update(SessionRow).values(ended))
        assert (await browser.get("/inbox")).status_code == 200


async def test_a_session_that_has_ended_opens_nothing(system: System) -> None:
    async with system.signed_in("koperasi") as browser:
        async with system.console.db.begin() as tx:
            mine = SessionRow.sub == "sub-koperasi"
            await tx.session.execute(update(SessionRow).where(mine).values(expires_at=datetime.now(UTC)))
        assert (await browser.get("/inbox")).status_code == 303


async def test_an_auditor_may_sign_in_and_is_told_what_it_may_not_see(system: System) -> None:
    async with system.signed_in("auditor") as browser:
        assert (await browser.get("/account")).status_code == 200
        answer = await browser.get("/inbox")
        assert (answer.status_code, "Peran Anda" in answer.text) == (403, True)


async def test_the_pages_speak_english_when_asked(system: System) -> None:
    async with system.browser() as browser:
        assert "Kata sandi" in (await browser.get("/login")).text
        assert "Password" in (await browser.get("/login?lang=en")).text
        assert '<html lang="en">' in (await browser.get("/login")).text
        assert '<html lang="id">' in (await browser.get("/login?lang=xx")).text


async def test_no_page_runs_inline_code_or_anything_of_another_site(system: System) -> None:
    referral = await system.referral()
    async with system.signed_in("bptsp") as browser:
        for path in ("/login", "/inbox", "/referrals", f"/referrals/{referral}", "/account"):
            answer = await browser.get(path)
            assert "default-src 'self'" in answer.headers["content-security-policy"]
            assert answer.headers["cache-control"] == "no-store"
            assert not re.search(r"<script(?![^>]*src=)|<style|style=|onclick=|javascript:", answer.text)
            assert not re.search(r'(?:src|href)="(?:https?:)?//', answer.text)
            for asset in re.findall(r'(?:src|href)="(/static/[^"]+)"', answer.text):
                assert (await browser.get(asset)).status_code == 200
