"""The directory's pages: who can help is found and explained, a desk sets its room, a workbook is handed in."""

import re
from typing import Any
from uuid import uuid4

import httpx2 as httpx

from tests.console.conftest import System, hidden
from tests.registry.known_people import settle

RULES = {"all": [{"fact": "desil", "op": "<=", "value": 4}]}


async def enter(system: System, code: str, **more: Any) -> str:
    entry = {
        **{"agency": "bptsp", "desk": "izin-usaha", "name": f"Layanan {code}", "purpose": "Membantu"},
        **{"fields": ["name"], "areas": ["31.74"], "needs": ["pengemis"], **more},
    }
    async with system.api("referrals", "operator") as api:
        (await api.put(f"/directory/services/{code}", json=entry)).raise_for_status()
    return f"/directory/services/{code}"


async def find(browser: httpx.AsyncClient, **typed: str) -> str:
    csrf = hidden((await browser.get("/directory")).text, "csrf")
    return (await browser.post("/directory", data={"csrf": csrf, "area": "31.74.01", "need": "pengemis", **typed})).text


async def give(browser: httpx.AsyncClient, page: str, command: str, **typed: str) -> httpx.Response:
    html = (await browser.get(page)).text
    names = ("csrf", "expected_version", "key")
    return await browser.post(f"{page}/{command}", data={name: hidden(html, name) for name in names} | typed)


async def test_a_worker_finds_who_can_help_and_reads_why_in_both_languages(system: System) -> None:
    await enter(system, "kios-modal", eligibility=RULES)
    apps: Any = system.apps["registry"]
    client = await settle(apps.state.context.db, desil=9, desil_period=None, area="31.74.01.1001")
    async with system.signed_in("peksos") as browser:
        html = await find(browser)
        assert "Layanan kios-modal" in html
        assert "Belum dapat dipastikan" in html
        judged = await find(browser, client_id=str(client))
        assert "Tidak memenuhi: desil paling banyak 4" in judged
        assert "Usulkan pembaruan desil." in judged
        browser.cookies.set("lang", "en")
        assert "Does not hold: desil at most 4" in await find(browser, client_id=str(client))
        browser.cookies.set("lang", "id")
        assert "celah layanan" in await find(browser, need="pemulung")
        kept = await find(browser, client_id="Budi", area="31.74.02")
    assert re.search(r'role="alert">[^<]*Nomor klien', kept)
    assert 'value="31.74.02"' in kept
    assert 'value="Budi"' in kept


async def test_a_desk_sets_its_room_and_closes_and_opens_its_service(system: System) -> None:
    page = await enter(system, f"kursus-{uuid4().hex[:6]}")
    async with system.signed_in("bptsp") as browser:
        assert page in (await browser.get("/directory")).text
        assert (await give(browser, page, "capacity", places="7", places_per="month")).status_code == 303
        assert "7 kosong sekarang / 7 per bulan" in (await browser.get(f"{page}?done=1")).text
        stale = {"csrf": hidden((await browser.get(page)).text, "csrf"), "expected_version": "1", "places": "9"}
        refused = await browser.post(f"{page}/capacity", data=stale | {"places_per": "month", "key": "k"})
        assert refused.status_code == 409
        assert 'value="9"' in refused.text
        past = await give(browser, page, "close", until="2020-01-01", reason="Renovasi")
        assert "Pilih hari ini atau sesudahnya." in past.text
        assert 'value="Renovasi"' in past.text
        assert (await give(browser, page, "close", until="2999-01-01", reason="Renovasi")).status_code == 303
        assert "Tutup sampai 01-01-2999" in (await browser.get(page)).text
        assert (await give(browser, page, "open")).status_code == 303
        assert (await give(browser, page, "capacity", places="")).status_code == 303
        assert "Tanpa batas" in (await browser.get(page)).text
    async with system.signed_in("koperasi") as other:
        html = (await other.get(page)).text
        assert "Ubah kapasitas" not in html
        forged = {"csrf": hidden(html, "csrf"), "expected_version": "1", "places": "1", "places_per": "month"}
        assert (await other.post(f"{page}/capacity", data=forged)).status_code == 403


async def test_the_operator_hands_a_workbook_in_and_whoever_plans_sees_the_gaps(system: System) -> None:
    async with system.signed_in("operator") as browser:
        book = (await browser.get("/directory/workbook.xlsx")).content
        csrf = hidden((await browser.get("/directory/workbook")).text, "csrf")
        told = await browser.post(
            "/directory/workbook", data={"csrf": csrf, "dry_run": "yes"}, files={"file": ("d.xlsx", book)}
        )
        assert "tidak ada yang disimpan" in told.text
        damaged = await browser.post("/directory/workbook", data={"csrf": csrf}, files={"file": ("d.xlsx", b"no")})
        assert (damaged.status_code, "bukan buku kerja" in damaged.text) == (422, True)
    async with system.signed_in("supervisor") as browser:
        gaps = (await browser.get("/directory/gaps")).text
        assert "Tidak ada layanan" in gaps
        assert (await browser.get("/directory/gaps.xlsx?area=31.74")).content[:2] == b"PK"
        assert (await browser.get("/directory/workbook.xlsx")).status_code == 403
    async with system.signed_in("peksos") as browser:
        assert (await browser.get("/directory/gaps")).status_code == 403
