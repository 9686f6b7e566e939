"""A pair is judged, a change proposed and decided, an area looked at: each on its page."""

import re
from typing import Any
from uuid import uuid4

import httpx2 as httpx

from tests.console.conftest import System, hidden
from tests.console.test_registry_pages import PURPOSE, find, known
from tests.harness.stack import eventually
from tests.registry.lists import TEBET, TEBET_TIMUR, Someone, someone


async def person_of(browser: httpx.AsyncClient, one: Someone) -> str:
    """The address of the person's page."""
    found = re.search(r'action="(/people/[0-9a-f-]{36})"', await find(browser, text=one.nik))
    assert found
    return found[1]


async def pairs_of(system: System, one: Someone) -> list[str]:
    """The addresses of the pairs of this person and another of the same NIK that wait."""
    async with system.api("registry", "operator") as api:
        items = (await api.get("/reviews", params={"reason": "nik-shared", "size": 100})).json()["items"]
    masked = "*" * 12 + one.nik[-4:]
    return [f"/reviews/{item['id']}" for item in items if item["persons"][0]["nik_masked"] == masked]


async def post(browser: httpx.AsyncClient, page: str, to: str, **fields: Any) -> httpx.Response:
    """Send a form of a page."""
    data = {"csrf": hidden((await browser.get(page)).text, "csrf"), "key": str(uuid4()), **fields}
    return await browser.post(to, data=data)


async def test_two_rows_with_one_nik_are_compared_and_judged(system: System) -> None:
    one = someone(name="Sulastri Satu Nomor")
    other = someone(nik=one.nik, name="Bambang Nomor Sama", sex="L")
    async with system.signed_in("operator") as browser:
        await known(browser, one, other)
        queue = (await browser.get("/reviews?reason=nik-shared")).text
        assert one.nik not in queue
        (pair,) = await pairs_of(system, one)
        page = (await post(browser, pair, pair, purpose=PURPOSE)).text
        assert one.name.upper() in page
        assert other.name.upper() in page
        ticked = hidden(page, "pair")
        judged = await post(
            browser, "/reviews", "/reviews/verdicts", pair=ticked, verdict="different", reason="dua orang"
        )
        assert judged.headers["location"] == "/reviews?done=1"
    assert await pairs_of(system, one) == []


async def test_a_pair_that_was_judged_is_not_judged_against_it(system: System) -> None:
    async with system.signed_in("operator") as browser:
        nothing = await post(browser, "/reviews", "/reviews/verdicts", verdict="same", reason="sama")
        assert "Centang sedikitnya satu pasangan." in nothing.text
        forged = await post(browser, "/reviews", "/reviews/verdicts", pair="x", verdict="same", reason="sama")
        assert forged.status_code == 422


async def test_a_change_is_proposed_and_waits_for_another_to_decide(system: System) -> None:
    one = someone(name="Ratna Usul Perubahan")
    async with system.signed_in("operator") as browser:
        await known(browser, one)
        page = await person_of(browser, one)
        empty = await post(browser, "/people", f"{page}/propose", purpose=PURPOSE, reason="salah ketik")
        assert empty.status_code == 422
        sent = await post(
            browser, "/people", f"{page}/propose", purpose=PURPOSE, reason="salah ketik", address="Jl. Baru No. 2"
        )
        assert sent.headers["location"] == "/requests?mine=false"
        assert 'action="/requests/' in (await browser.get("/requests?mine=false")).text
        async with system.api("registry", "operator") as api:
            (found,) = (await api.get("/requests", params={"person_id": page.rpartition("/")[2]})).json()["items"]
        address = f"/requests/{found['id']}"
        opened = (await post(browser, "/requests", address, purpose=PURPOSE)).text
        assert "Jl. Baru No. 2" in opened
        own = await post(
            browser, "/requests", f"{address}/approve", purpose=PURPOSE,
            expected_version=hidden(opened, "expected_version"), reason="",
        )  # fmt: skip
        assert own.status_code == 403
        assert re.search(r"Usul (ini menunggu jenjang lain|sendiri tidak boleh)", own.text)


async def test_an_area_is_counted_and_its_quality_told_with_lists(system: System) -> None:
    lost = someone(nik="", name="Tanpa Nomor Induk")
    async with system.signed_in("operator") as browser:
        await known(browser, lost)

        async def counted() -> bool:
            return bool(re.search(r"tanpa NIK</dt><dd>[1-9]", (await browser.get(f"/areas/{TEBET_TIMUR}")).text))

        await eventually(counted, timeout=30)
        assert "Tebet Timur" in (await browser.get(f"/areas/{TEBET}")).text
        quality = (await browser.get(f"/areas/{TEBET}/quality")).text
        listed = re.search(r'action="(/areas/[0-9.]+/quality/[a-z-]*nik[a-z-]*)"', quality)
        assert listed
        people = await post(browser, f"/areas/{TEBET}/quality", listed[1], purpose=PURPOSE)
        assert people.status_code == 200
        assert lost.name.upper() not in people.text
        workbook = await browser.get(f"/areas/{TEBET}/quality.xlsx")
        assert workbook.content[:2] == b"PK"


async def test_the_kecamatans_list_is_made_encrypted_and_downloaded(system: System) -> None:
    one = someone(name="Wati Daftar Kecamatan")
    async with system.signed_in("operator") as browser:
        await known(browser, one)
        asked = {"purpose": "daftar KSDSK", "password": "kata-sandi-panjang"}
        answer = await post(browser, f"/areas/{TEBET}", f"/areas/{TEBET}/export", **asked)
        assert answer.headers["location"] == "/exports"

        async def ready() -> Any:
            return re.search(r'href="(/exports/[0-9a-f-]{36}/file)"', (await browser.get("/exports")).text)

        file = await browser.get((await eventually(ready, timeout=60))[1])
        assert file.content[:8] == bytes.fromhex("d0cf11e0a1b11ae1"), "an encrypted workbook is an OLE compound file"
        assert one.name.upper().encode() not in file.content


async def test_an_area_of_another_city_is_refused_in_words(system: System) -> None:
    async with system.signed_in("peksos") as browser:
        assert "Ini di luar wilayah Anda." in (await browser.get("/areas/31.71")).text
