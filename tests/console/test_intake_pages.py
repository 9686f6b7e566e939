"""Reports, opening, transfers in the browser: what a worker on a phone does, and what a refusal leaves on the page."""

import re
from typing import Any
from uuid import uuid4

import httpx2 as httpx

from services.cases.ways_in import ways_in
from services.console import intake_forms
from services.console.texts import TEXTS
from tests.console.conftest import System, hidden

REPORT = {
    "account": "Tidur di emperan, kaki terluka",
    "seen_at": "2026-01-05T06:30",
    "place_area": "31.74.09",
    "place": "Terminal",
    "needs": ["health", "shelter"],
    "description": "Laki-laki, janggut panjang",
    "nickname": "Mbah Jenggot",
    "way_in": "outreach",
    "reporter": "tksk",
    "area": "31.74",
}


async def send(browser: httpx.AsyncClient, page: str, to: str, **fields: Any) -> httpx.Response:
    """Send the form of a page that posts to an address."""
    html = (await browser.get(page)).text
    form = html.split(f'action="{to}"')[1].split("</form>")[0]
    names = re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', form)
    return await browser.post(to, data=dict(names) | fields)


async def entered(browser: httpx.AsyncClient, **other: Any) -> str:
    """The address of a new report."""
    answer = await send(browser, "/intake", "/intake", **(REPORT | other))
    assert answer.status_code == 303, answer.text
    return str(answer.headers["location"])


def answers(*yes: str) -> dict[str, str]:
    keys = [one.key for one in ways_in().screening.questions]
    return {f"answer-{key}": "yes" if key in yes else "no" for key in keys}


async def test_a_report_is_entered_screened_and_taken_up(system: System) -> None:
    async with system.signed_in("peksos") as browser:
        page = await entered(browser)
        html = (await browser.get(page)).text
        assert "05-01-2026 06.30 WIB" in html
        assert "Mbah Jenggot" in html
        assert f'action="{page}/take-up"' not in html
        some = answers("injury")
        del some["answer-danger"]
        refused = await send(browser, page, f"{page}/screen", **some)
        assert refused.status_code == 422
        assert refused.text.count("Jawab pertanyaan ini.") == 1
        assert re.search(r'name="answer-injury" value="yes" required checked', refused.text)
        assert (await send(browser, page, f"{page}/screen", **answers("injury"))).status_code == 303
        queue = (await browser.get("/intake")).text
        assert queue.index("Mengancam jiwa") < queue.index("luka atau sakit berat")
        taken = await send(browser, page, f"{page}/take-up", area="31.74.09")
        case = taken.headers["location"]
        assert case.endswith("?done=intake-take-up")
        html = (await browser.get(case)).text
        assert "Ambil menjadi kasus" in html
        assert "Mengancam jiwa: tangani hari ini" in html
        own = case.split("?")[0]
        html = (await browser.get(f"{own}/client")).text
        assert "Laki-laki, janggut panjang" in html
        wrong = await send(browser, f"{own}/client", f"{own}/client", person="Mbah")
        assert (wrong.status_code, "Salin alamat halamannya." in wrong.text) == (422, True)
        bound = await send(browser, f"{own}/client", f"{own}/client", person=f"https://x/people/{uuid4()}?a=1")
        assert bound.headers["location"] == f"{own}/client?done=bind"


async def test_a_wrong_report_is_shown_again_with_what_was_typed(system: System) -> None:
    async with system.signed_in("peksos") as browser:
        refused = await send(browser, "/intake", "/intake", **(REPORT | {"place_area": "Tebet"}))
    assert refused.status_code == 422
    assert "Kode wilayah tempat dilihat" in refused.text
    assert "Tidur di emperan, kaki terluka</textarea>" in refused.text
    assert re.search(r'name="needs" value="shelter" checked', refused.text)


async def test_the_page_of_a_volunteer_is_the_form_and_their_own_reports(system: System) -> None:
    async with system.signed_in("peksos") as browser:
        others = (await entered(browser)).rsplit("/", 1)[1]
    async with system.signed_in("relawan") as browser:
        assert await entered(browser) == "/intake?done=intake-receive"
        html = (await browser.get("/intake?done=intake-receive")).text
        assert "Laporan diterima" in html
        assert html.count('<li class="card') == 1
        assert f"/intake/{others}" not in html
        assert (await browser.get(f"/intake/{others}")).status_code == 403


async def test_for_a_client_with_an_open_case_the_holder_is_told_instead(system: System) -> None:
    client = str(uuid4())
    start = f"/open-case?kind=person&id={client}&area=31.74.01"
    async with system.signed_in("peksos") as browser:
        opened = await send(browser, start, "/open-case", way_in="walk-in", area="31.74.01")
        case = opened.headers["location"].split("?")[0]
        again = await send(browser, start, "/open-case", way_in="walk-in", area="31.74.01")
        assert again.status_code == 409
        assert "Klien ini sudah punya kasus yang berjalan." in again.text
        assert f'href="{case}"' in again.text
        path = f"/open-case/{case.rsplit('/', 1)[1]}/offer"
        assert f'action="{path}"' in again.text
        sent = await browser.post(path, data={"csrf": hidden(again.text, "csrf"), "text": "Terlihat di pasar"})
        assert sent.status_code == 303
        assert "Terlihat di pasar" in (await browser.get("/tasks")).text


async def test_a_case_is_proposed_offered_and_withdrawn(system: System) -> None:
    async with system.signed_in("peksos") as browser:
        start = f"/open-case?kind=person&id={uuid4()}&area=31.74.01"
        case = (await send(browser, start, "/open-case", way_in="walk-in", area="31.74.01")).headers["location"]
        page = f"{case.split('?')[0]}/transfer"
        said = {"to_agency": "dinsos", "to_area": "35.13", "reason": "lives-there", "summary": "Keluarga di sana"}
        refused = await send(browser, page, page, **said)
        assert refused.status_code in (409, 422)
        assert "Pilih kantor lain." in refused.text
        assert "Keluarga di sana</textarea>" in refused.text
        assert (await send(browser, page, page, **(said | {"to_agency": "dinsos-pbl"}))).status_code == 303
        assert "Menunggu supervisor" in (await browser.get(page)).text
    async with system.signed_in("supervisor") as browser:
        listed = (await browser.get("/transfers?way=leaving")).text
        transfer = re.search(r'href="(/transfers/[0-9a-f-]{36})"', listed)
        assert transfer
        assert (await send(browser, transfer[1], f"{transfer[1]}/offer")).status_code == 303
        assert "Dijawab paling lambat" in (await browser.get(page)).text
        gone = await send(browser, transfer[1], f"{transfer[1]}/withdraw", note="Keluarga datang")
        assert gone.headers["location"] == f"{page}?done=transfer-withdraw"
        assert "Keluarga datang" in (await browser.get(page)).text
        assert "Tidak ada alih kasus." in (await browser.get("/transfers")).text


def test_every_choice_and_question_has_a_text() -> None:
    lists = {
        "way_in": intake_forms.WAYS_IN,
        "reporter": intake_forms.REPORTERS,
        "need_seen": intake_forms.NEEDS,
        "intake_reason": intake_forms.CLOSING,
        "transfer_reason": intake_forms.REASONS,
        "transfer_why": intake_forms.REFUSALS,
        "screen": [one.key for one in ways_in().screening.questions],
    }
    assert [
        f"{name}.{code}" for name, codes in lists.items() for code in codes if f"{name}.{code}" not in TEXTS["id"]
    ] == []
