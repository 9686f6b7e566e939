"""The caseload's pages: a supervisor sees who has how much, gives a case away, and hands a whole caseload over."""

from datetime import UTC, datetime
from uuid import uuid4

import httpx2 as httpx

from tests.console.conftest import System, hidden
from tests.harness.stack import eventually


async def opened(system: System) -> str:
    """A new case of `beban-peksos`; returns its id."""
    async with system.api("cases", "beban-peksos") as api:
        body = {"client_kind": "person", "client_id": str(uuid4()), "area": "31.74.04", "way_in": "walk-in"}
        return str((await api.post("/cases", json=body)).raise_for_status().json()["id"])


async def sent(browser: httpx.AsyncClient, page: str, path: str, **fields: str) -> httpx.Response:
    """The form of that page, sent with these fields."""
    csrf = hidden((await browser.get(page)).text, "csrf")
    return await browser.post(path, data={"csrf": csrf, "key": uuid4().hex, **fields})


async def test_a_supervisor_sees_the_office_and_hands_a_caseload_over(system: System) -> None:
    case_id, heir = await opened(system), f"sub-{uuid4().hex[:8]}"
    async with system.signed_in("beban-ketua") as browser:
        page = (await browser.get("/caseload")).text
        assert "sub-beban-peksos" in page
        assert "angka kredit" in page
        kept = await sent(browser, "/caseload", "/caseload/workers", worker=heir, area="31.74", capacity="90")
        assert kept.headers["location"] == "/caseload?done=profile", kept.text
        wrong = await sent(
            browser, "/caseload", "/caseload/hand-overs", worker="sub-beban-peksos", to_workers="siapa", reason="leave"
        )
        assert wrong.status_code == 422
        assert 'value="siapa"' in wrong.text
        assert "belum dikenal di kantor Anda" in wrong.text
        planned = await sent(
            browser,
            "/caseload",
            "/caseload/hand-overs",
            worker="sub-beban-peksos",
            to_workers=heir,
            reason="retirement",
        )
        preview = planned.headers["location"]
        html = (await browser.get(preview)).text
        assert "Yang akan dipindahkan" in html
        version = hidden(html, "expected_version")
        stale = await sent(browser, preview, f"{preview}/start", expected_version="9")
        assert stale.status_code == 409
        await sent(browser, preview, f"{preview}/start", expected_version=version)

        async def done() -> bool:
            return "Selesai" in (await browser.get(preview)).text

        await eventually(done)
        listed = (await browser.get("/cases", params={"worker": heir, "q": case_id[-8:]})).text
        assert f'href="/cases/{case_id}"' in listed
    async with system.signed_in("beban-peksos") as browser:
        seen = (await browser.get(f"/cases/{case_id}")).text
        assert "Anda hanya dapat membaca kasus ini." in seen
        assert "Petugas ditetapkan" in seen
        assert (await browser.get("/caseload")).status_code == 403


async def test_a_case_is_given_to_a_suggested_worker(system: System) -> None:
    case_id, heir = await opened(system), f"sub-{uuid4().hex[:8]}"
    path = f"/cases/{case_id}/assign"
    async with system.signed_in("beban-ketua") as browser:
        await sent(browser, "/caseload", "/caseload/workers", worker=heir, area="31.74.04", capacity="90")
        html = (await browser.get(path)).text
        assert heir in html
        assert "bertugas di wilayah ini" in html
        version = hidden(html, "expected_version")
        lost = await sent(browser, path, path, worker="siapa", reason="leave", expected_version=version)
        assert lost.status_code == 422
        assert 'value="siapa"' in lost.text
        given = await sent(browser, path, path, worker=heir, reason="balance", expected_version=version)
        assert given.headers["location"] == f"{path}?done=assign"
        assert "Kasus diserahkan" in (await browser.get(given.headers["location"])).text
    async with system.signed_in("beban-peksos") as browser:
        assert "Hanya supervisor yang menugaskan kasus." in (await browser.get(path)).text


async def test_a_cover_is_arranged_and_ended(system: System) -> None:
    await opened(system)
    heir, day = f"sub-{uuid4().hex[:8]}", datetime.now(UTC).date().isoformat()
    async with system.signed_in("beban-ketua") as browser:
        await sent(browser, "/caseload", "/caseload/workers", worker=heir, area="31.74", capacity="90")
        people = {"worker": "sub-beban-peksos", "stand_in": heir}
        wrong = await sent(browser, "/caseload", "/caseload/covers", **people, starts_on="besok", ends_on=day)
        assert wrong.status_code == 422
        made = await sent(browser, "/caseload", "/caseload/covers", **people, starts_on=day, ends_on=day)
        assert made.headers["location"] == "/caseload?done=cover", made.text
        html = (await browser.get("/caseload")).text
        assert "Akhiri sekarang" in html
        end = html.split('action="/caseload/covers/')[1].split('"')[0]
        ended = await sent(browser, "/caseload", f"/caseload/covers/{end}", expected_version="1")
        assert ended.headers["location"] == "/caseload?done=end_cover", ended.text


async def test_the_list_of_cases_is_narrowed_and_says_what_is_wrong(system: System) -> None:
    case_id = await opened(system)
    async with system.signed_in("beban-ketua") as browser:
        found = await browser.get("/cases", params={"stage": "identifikasi", "risk": "none", "sort": "touched"})
        assert found.status_code == 200
        assert f'href="/cases/{case_id}"' not in (await browser.get("/cases", params={"risk": "life"})).text
        wrong = await browser.get("/cases", params={"q": "bukan nomor"})
        assert wrong.status_code == 422
        assert "Periksa isian berikut" in wrong.text
        assert 'value="bukan nomor"' in wrong.text
