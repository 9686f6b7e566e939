"""A desk answers on its page: the buttons that are allowed, no others, readable refusals, and letters."""

import json
import re
from collections.abc import AsyncIterator
from datetime import date, timedelta
from typing import Any
from uuid import uuid4

import httpx2 as httpx
import pytest
from nats.aio.client import Client
from nats.aio.msg import Msg

from services.console.forms import FORMS
from tests.console.conftest import System, hidden
from tests.referrals.disclosing import OFFICE, Registry, disclosing
from tests.referrals.timed import Time


def buttons(html: str) -> set[str]:
    return set(re.findall(r'<details class="answer answer-(\w+)"', html))


async def fields(browser: httpx.AsyncClient, referral: str) -> dict[str, str]:
    """The hidden fields of the referral's forms."""
    html = (await browser.get(f"/referrals/{referral}")).text
    return {name: hidden(html, name) for name in ("csrf", "expected_version")} | {"key": str(uuid4())}


async def give(browser: httpx.AsyncClient, referral: str, command: str, **more: Any) -> httpx.Response:
    data = await fields(browser, referral) | more
    return await browser.post(f"/referrals/{referral}/{command}", data=data)


def later(days: int) -> str:
    return (date.today() + timedelta(days=days)).isoformat()


async def test_the_buttons_are_the_actions_that_referrals_allows(system: System) -> None:
    referral = await system.referral()
    async with system.signed_in("bptsp") as browser, system.api("referrals", "bptsp") as api:
        for command, more in (("acknowledge", {}), ("accept", {"expected_on": later(7)}), ("progress", {})):
            allowed = (await api.get(f"/referrals/{referral}")).json()["actions"]
            assert buttons((await browser.get(f"/referrals/{referral}")).text) == set(allowed)
            assert (await give(browser, referral, command, **more)).status_code == 303
        assert set(allowed) <= set(FORMS)
    async with system.signed_in("peksos") as browser:
        html = (await browser.get(f"/referrals/{referral}")).text
        assert buttons(html) == {"request_cancel", "retract"}
        assert "Berjalan" in html


async def test_a_desk_accepts_and_completes_with_an_nib(system: System) -> None:
    referral = await system.referral()
    async with system.signed_in("bptsp") as browser:
        answer = await give(browser, referral, "accept", expected_on=later(7))
        assert answer.headers["location"] == f"/referrals/{referral}?done=accept"
        done = {"outcome": "licence-issued", "given_on": date.today().isoformat(), "nib": "1234567890123"}
        assert (await give(browser, referral, "complete", **done)).status_code == 303
        html = (await browser.get(f"/referrals/{referral}")).text
    assert "1234567890123" in html
    assert "Izin terbit" in html
    assert "Tidak ada tindakan untuk Anda saat ini." in html
    assert html.index("<strong>Selesai") < html.index("<strong>Disetujui") < html.index("<strong>Diminta")


async def test_a_decline_names_the_missing_documents(system: System) -> None:
    referral = await system.referral()
    async with system.signed_in("bptsp") as browser:
        why = {"reason": "missing-documents", "text": "Mohon dilengkapi"}
        documents = ["surat-domisili", "foto-usaha, npwp"]
        assert (await give(browser, referral, "decline", **why, missing_documents=documents)).status_code == 303
        html = (await browser.get(f"/referrals/{referral}")).text
    assert "surat-domisili, foto-usaha, npwp" in html
    assert "Dokumen belum lengkap" in html


async def test_whoever_comes_too_late_sees_how_it_stands_now(system: System) -> None:
    referral = await system.referral()
    async with system.signed_in("bptsp") as browser:
        stale = await fields(browser, referral)
        assert (await give(browser, referral, "acknowledge")).status_code == 303
        form = stale | {"expected_on": later(3)}
        answer = await browser.post(f"/referrals/{referral}/accept", data=form)
        assert answer.status_code == 409
        assert "sudah berubah" in answer.text
        assert f'value="{later(3)}"' in answer.text
        assert hidden(answer.text, "expected_version") != stale["expected_version"]


async def test_the_same_form_sent_twice_is_one_command(system: System) -> None:
    referral = await system.referral()
    async with system.signed_in("bptsp") as browser:
        form = await fields(browser, referral)
        for _ in range(2):
            assert (await browser.post(f"/referrals/{referral}/acknowledge", data=form)).status_code == 303
    async with system.api("referrals", "bptsp") as api:
        assert len((await api.get(f"/referrals/{referral}")).json()["timeline"]) == 2


async def test_a_field_that_breaks_its_rule_is_named(system: System) -> None:
    referral = await system.referral()
    async with system.signed_in("bptsp") as browser:
        await give(browser, referral, "accept", expected_on=later(1))
        wrong = {"outcome": "licence-issued", "given_on": date.today().isoformat(), "nib": "12"}
        answer = await give(browser, referral, "complete", **wrong)
    assert answer.status_code == 422
    assert "Periksa isian berikut:" in answer.text
    assert 'value="12"' in answer.text


async def test_a_referral_of_another_agency_is_refused_in_words(system: System) -> None:
    referral = await system.referral()
    async with system.signed_in("koperasi") as browser:
        answer = await browser.get(f"/referrals/{referral}")
        assert (answer.status_code, "milik instansi lain" in answer.text) == (403, True)
        assert (await browser.get(f"/referrals/{uuid4()}")).status_code == 404
        assert (await browser.get("/referrals/not-an-id")).status_code == 404


async def test_an_unknown_command_is_no_page(system: System) -> None:
    referral = await system.referral()
    async with system.signed_in("bptsp") as browser:
        csrf = hidden((await browser.get(f"/referrals/{referral}")).text, "csrf")
        assert (await browser.post(f"/referrals/{referral}/explode", data={"csrf": csrf})).status_code == 404


async def test_the_clients_data_is_shown_when_asked_for_with_a_purpose(system: System, nats: Client) -> None:
    """The registry's side of the question is played here; the ledger is referrals' own."""

    async def registry(question: Msg) -> None:
        everything = {"name": "Orang Contoh", "nik": "3174000000000001", "address": "never asked for"}
        asked = json.loads(question.data)["fields"]
        client = {name: value for name, value in everything.items() if name in asked}
        await question.respond(json.dumps({"client": client}).encode())

    answering = await nats.subscribe("sinergi.ask.registry.disclosure", cb=registry)
    referral = await system.referral()
    async with system.signed_in("bptsp") as browser:
        html = (await browser.get(f"/referrals/{referral}")).text
        assert "Orang Contoh" not in html
        assert "dicatat" in html
        csrf = hidden(html, "csrf")
        path = f"/referrals/{referral}/details"
        refused = await browser.post(path, data={"csrf": csrf, "purpose": ""})
        assert refused.status_code == 422
        shown = await browser.post(path, data={"csrf": csrf, "purpose": "memeriksa izin"})
        assert "Orang Contoh" in shown.text
        assert "3174000000000001" in shown.text
        assert shown.headers["cache-control"] == "no-store"
        assert "Orang Contoh" not in (await browser.get(f"/referrals/{referral}")).text
    async with system.signed_in("peksos") as browser:
        assert 'id="client"' not in (await browser.get(f"/referrals/{referral}")).text
    async with system.api("referrals", "auditor") as api:
        assert (await api.get("/disclosures", params={"referral_id": referral})).json()["total"] == 1
    await answering.unsubscribe()


async def test_the_list_shows_the_referrals_of_the_own_agency_by_state(system: System) -> None:
    referral = await system.referral()
    async with system.signed_in("bptsp") as browser:
        assert f"/referrals/{referral}" in (await browser.get("/referrals")).text
        assert f"/referrals/{referral}" in (await browser.get("/referrals?state=requested")).text
        assert f"/referrals/{referral}" not in (await browser.get("/referrals?state=completed")).text
        late = (await browser.get("/referrals?late=true")).text
        assert (f"/referrals/{referral}" in late, "Hanya yang terlambat" in late) == (False, True)
    async with system.signed_in("koperasi") as browser:
        assert f"/referrals/{referral}" not in (await browser.get("/referrals")).text


async def test_what_is_late_is_seen_on_the_page_and_in_the_list_until_it_is_over(system: System) -> None:
    referral, time = await system.referral(), Time(system.apps["referrals"].state.context.db)
    async with system.signed_in("bptsp") as browser:
        await time.ring(referral)
        assert '<span class="badge">Diingatkan' in (await browser.get(f"/referrals/{referral}")).text
        await time.ring(referral, times=2)
        html = (await browser.get(f"/referrals/{referral}")).text
        assert "Terlambat · tingkat 2" in html
        assert html.index("<strong>Dieskalasi") < html.index("<strong>Diingatkan") < html.index("<strong>Diminta")
        listed = (await browser.get("/referrals?late=true")).text
        assert (f"/referrals/{referral}" in listed, "Terlambat · tingkat 2" in listed) == (True, True)
        await time.ring(referral, times=2)
        html = (await browser.get(f"/referrals/{referral}")).text
        assert "Kedaluwarsa" in html
        assert "Tidak diputuskan" in html
        assert f"/referrals/{referral}" not in (await browser.get("/referrals?late=true")).text


async def test_what_is_on_hold_shows_when_it_is_looked_at_again(system: System) -> None:
    referral = await system.referral()
    async with system.signed_in("bptsp") as browser:
        for command, more in (("accept", {"expected_on": later(7)}), ("progress", {})):
            await give(browser, referral, command, **more)
        await give(browser, referral, "hold", reason="client", review_on=later(9))
        html = (await browser.get(f"/referrals/{referral}")).text
        listed = (await browser.get("/referrals?state=on_hold")).text
    assert "Ditinjau kembali pada" in html
    assert "Ditinjau kembali pada" in listed


# ------------------------------------------------------------------ letters


@pytest.fixture
async def letterheads(system: System, nats: Client) -> AsyncIterator[Registry]:
    """Dinsos and BPTSP have their letterheads; the registry's side of the question is played here."""
    async with system.api("referrals", "operator") as api:
        for code in ("dinsos", "bptsp"):
            office = OFFICE | {"office": code.upper()}
            (await api.put(f"/letters/offices/{code}", json=office)).raise_for_status()
    async with disclosing(nats) as registry:
        yield registry


def letters_of(html: str) -> list[str]:
    """The ids of the letters that can be downloaded."""
    return re.findall(r"/letters/([0-9a-f-]{36})/pdf", html)


def code_of(html: str) -> str:
    found = re.search(r'href="/verify/([a-z2-7]{26})"', html)
    assert found, "the page leads to no verification"
    return found[1]


async def test_a_letter_is_made_downloaded_verified_replaced_and_withdrawn(
    system: System, letterheads: Registry
) -> None:
    referral = await system.referral()
    async with system.signed_in("peksos") as browser, system.browser() as anybody:
        html = (await browser.get(f"/referrals/{referral}")).text
        assert "Belum ada surat." in html
        assert "Buat surat rujukan" in html
        assert "Buat surat balasan" not in html
        made = await give(browser, referral, "letters", kind="rujukan")
        assert made.headers["location"] == f"/referrals/{referral}?done=make_letter#letters"
        html = (await browser.get(f"/referrals/{referral}?done=make_letter")).text
        assert "Wahyuni" not in html
        number = re.search(r"\d{3}/RJK/DINSOS/[IVX]+/\d{4}", html)
        assert number
        [first], code = letters_of(html), code_of(html)
        file = await give(browser, referral, f"letters/{first}/pdf")
        assert (file.headers["content-type"], file.headers["cache-control"]) == ("application/pdf", "no-store")
        assert file.content.startswith(b"%PDF-")

        page = await anybody.get(f"/verify/{code}")
        assert (page.status_code, page.headers["x-robots-tag"]) == (200, "noindex, nofollow")
        for said in (number[0], "Surat rujukan", "dinsos", "bptsp", "berlaku."):
            assert said in page.text
        for not_said in ("Wahyuni", "3174014101900001", referral, first, "Dinas Contoh"):
            assert not_said not in page.text

        again = await give(browser, referral, "letters", kind="rujukan")
        assert (again.status_code, "Surat tentang hal ini sudah ada." in again.text) == (409, True)
        assert (await give(browser, referral, "letters", kind="rujukan", replaces=first)).status_code == 303
        html = (await browser.get(f"/referrals/{referral}")).text
        [second] = letters_of(html)
        assert (second != first, "Diganti surat baru" in html) == (True, True)
        refused = await give(browser, referral, f"letters/{first}/pdf")
        assert (refused.status_code, "tidak dapat dicetak lagi" in refused.text) == (409, True)

        code = code_of(html)
        missing = await give(browser, referral, f"letters/{second}/withdraw", reason="")
        assert (missing.status_code, "Periksa isian berikut: Alasan" in missing.text) == (422, True)
        assert (await give(browser, referral, f"letters/{second}/withdraw", reason="not-sent")).status_code == 303
        html = (await browser.get(f"/referrals/{referral}")).text
        assert (letters_of(html), "Tidak jadi dikirim" in html) == ([], True)
        page = await anybody.get(f"/verify/{code}?lang=en")
        assert (page.status_code, "no longer valid since" in page.text) == (200, True)


async def test_the_receiver_prints_the_letter_it_got_and_makes_its_reply(system: System, letterheads: Registry) -> None:
    referral = await system.referral()
    async with system.signed_in("peksos") as browser:
        assert (await give(browser, referral, "letters", kind="rujukan")).status_code == 303
    async with system.signed_in("bptsp") as desk:
        html = (await desk.get(f"/referrals/{referral}")).text
        [letter] = letters_of(html)
        assert "/withdraw" not in html
        assert "Buat surat" not in html  # nothing is decided yet
        assert (await give(desk, referral, f"letters/{letter}/pdf")).status_code == 200
        taken = await give(desk, referral, f"letters/{letter}/withdraw", reason="not-sent")
        assert (taken.status_code, "milik instansi lain" in taken.text) == (403, True)
        early = await give(desk, referral, "letters", kind="balasan")
        assert (early.status_code, "tidak dapat dibuat" in early.text) == (409, True)
        assert (await give(desk, referral, "accept", expected_on="2099-01-01")).status_code == 303
        assert (await give(desk, referral, "letters", kind="balasan")).status_code == 303
        assert "/BLS/BPTSP/" in (await desk.get(f"/referrals/{referral}")).text
        letterheads.person["name"] = "Nama Lain"
        changed = await give(desk, referral, f"letters/{letter}/pdf")
        assert (changed.status_code, "Buat surat baru sebagai pengganti." in changed.text) == (409, True)


async def test_an_unknown_code_is_answered_with_one_sentence_and_a_wrong_one_asks_nobody(system: System) -> None:
    async with system.browser() as anybody:
        for code in ("a" * 26, "a" * 25, "A" * 26, "%3Cb%3E"):
            page = await anybody.get(f"/verify/{code}")
            assert (page.status_code, page.headers["x-robots-tag"]) == (404, "noindex, nofollow")
            assert "tidak ada surat dengan kode ini" in page.text
            assert "<b>" not in page.text
        assert "Sorry, no letter has this code." in (await anybody.get(f"/verify/{'a' * 26}?lang=en")).text
        assert (await anybody.post(f"/verify/{'a' * 26}")).status_code == 405
