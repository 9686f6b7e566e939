"""The registry's pages: a list is handed in and watched, its bad rows shown, and one person is found and opened."""

import re
from typing import Any

import httpx2 as httpx
import pytest

from tests.console.conftest import System, hidden
from tests.harness.stack import eventually
from tests.registry.lists import Someone, ministry_csv, ministry_row, people, someone

PURPOSE = "verifikasi bantuan"


async def hand_in(browser: httpx.AsyncClient, rows: list[list[str]], name: str = "daftar.csv") -> str:
    """Hand in a list by the page's form; returns the address of its page when it has ended."""
    csrf = hidden((await browser.get("/imports")).text, "csrf")
    files = {"file": (name, ministry_csv(rows), "text/csv")}
    answer = await browser.post("/imports", data={"csrf": csrf, "source": "ministry"}, files=files)
    assert answer.status_code == 303, answer.text
    page = answer.headers["location"]

    async def ended() -> bool:
        return "data-progress" not in (await browser.get(page)).text

    await eventually(ended, timeout=60)
    return str(page)


async def find(browser: httpx.AsyncClient, **typed: Any) -> str:
    csrf = hidden((await browser.get("/people")).text, "csrf")
    return (await browser.post("/people", data={"csrf": csrf, "purpose": PURPOSE, **typed})).text


async def known(browser: httpx.AsyncClient, *them: Someone) -> None:
    await hand_in(browser, [ministry_row(one) for one in them])


async def test_a_list_is_handed_in_and_its_bad_rows_are_shown(system: System) -> None:
    good, bad = someone(), ministry_row(someone())
    bad[4] = "31-02-1990"
    async with system.signed_in("operator") as browser:
        page = await hand_in(browser, [ministry_row(good), bad])
        html = (await browser.get(page)).text
        listed = (await browser.get("/imports")).text
    assert "Selesai" in html
    assert re.search(r"<td>3</td><td>TGL_LAHIR</td><td>Tanggal tidak ada", html)
    assert f'href="{page}"' in listed


async def test_a_list_that_runs_tells_its_progress_until_it_ends(system: System) -> None:
    async with system.signed_in("operator") as browser:
        page = await hand_in(browser, [ministry_row(one) for one in people(20)])
        seen = []
        async with browser.stream("GET", f"{page}/progress") as stream:
            async for line in stream.aiter_lines():
                seen.append(line)
    assert "event: progress" in seen
    assert seen[-2:] == ["event: end", "data: completed"] or "data: completed" in seen


async def test_a_file_that_is_no_list_is_refused_in_words(system: System) -> None:
    async with system.signed_in("operator") as browser:
        csrf = hidden((await browser.get("/imports")).text, "csrf")
        answer = await browser.post("/imports", data={"csrf": csrf, "source": "ministry"})
    assert answer.status_code == 422
    assert "Pilih berkas dulu." in answer.text


async def test_a_person_is_found_masked_and_opened_with_its_sources(system: System) -> None:
    one = someone(name="Kartini Uji Halaman")
    async with system.signed_in("operator") as browser:
        await known(browser, one)
        html = await find(browser, text=one.nik)
        assert one.nik not in re.sub(r'<input id="text"[^>]*>', "", html)
        assert "K****** U** H******" in html
        person = re.search(r'action="(/people/[0-9a-f-]{36})"', html)
        assert person
        opened = await browser.post(person[1], data={"csrf": hidden(html, "csrf"), "purpose": PURPOSE})
    assert one.name.upper() in opened.text
    assert one.nik in opened.text
    assert "Kementerian Sosial (DTSEN)" in opened.text


async def test_nobody_is_listed_before_somebody_is_looked_for(system: System) -> None:
    async with system.signed_in("peksos") as browser:
        html = (await browser.get("/people")).text
        assert "name_masked" not in html
        assert 'action="/people/' not in html
        refused = await find(browser)
    assert "Isi NIK, nama, atau wilayah." in refused


async def test_a_forged_page_number_is_refused_in_words(system: System) -> None:
    async with system.signed_in("operator") as browser:
        csrf = hidden((await browser.get("/people")).text, "csrf")
        answer = await browser.post("/people", data={"csrf": csrf, "text": "siapa", "purpose": PURPOSE, "page": "x"})
    assert answer.status_code == 422
    assert "Halaman sudah kedaluwarsa." in answer.text


@pytest.mark.parametrize("page", ["/imports", "/people"])
async def test_a_desk_officer_of_an_agency_reads_no_registry(system: System, page: str) -> None:
    async with system.signed_in("bptsp") as browser:
        if page == "/imports":
            assert (await browser.get(page)).status_code == 403
        else:
            assert "Peran Anda tidak boleh melakukan ini." in await find(browser, text="Kartini")
