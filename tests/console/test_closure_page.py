"""Terminasi, follow-ups, reopening, the case as known on a day and the worker's year in the console."""

from typing import Any
from uuid import uuid4

import httpx2 as httpx
import pytest

from services.console.closure_pages import CHOICES
from services.console.texts import TEXTS
from tests.cases.noting import day
from tests.cases.story import CALM
from tests.console.conftest import System, hidden


@pytest.fixture
async def case_id(system: System) -> str:
    async with system.api("cases", "peksos") as api:
        body = {"client_kind": "person", "client_id": str(uuid4()), "area": "31.74.01", "way_in": "walk-in"}
        opened = (await api.post("/cases", json=body)).raise_for_status().json()
        answers = {"instrument": "general", "answers": CALM, "expected_version": opened["version"]}
        (await api.post(f"/cases/{opened['id']}/assessments", json=answers)).raise_for_status()
        return str(opened["id"])


async def send(browser: httpx.AsyncClient, case_id: str, form: str, **fields: Any) -> httpx.Response:
    """Send a form of the page, as the page gave it."""
    page = (await browser.get(f"/cases/{case_id}/closure")).text
    action = f'action="/cases/{case_id}/closure/{form}"'
    assert action in page, page
    inside = page.split(action)[1 if "not_reached" not in fields else 2]
    about = {name: hidden(inside, name) for name in ("csrf", "key", "expected_version")}
    return await browser.post(f"/cases/{case_id}/closure/{form}", data=about | fields)


def test_every_choice_has_its_text_in_both_languages() -> None:
    for name, codes in CHOICES.items():
        assert all(f"closure.{name}.{code}" in TEXTS["id"] for code in codes), name


async def test_a_case_is_closed_followed_up_and_opened_again_by_its_page(system: System, case_id: str) -> None:
    async with system.signed_in("peksos") as worker, system.signed_in("supervisor") as boss:
        typed = {"reason": "other", "explanation": "Rumah <kosong>"}
        refused = await send(worker, case_id, "request", **typed)
        assert (refused.status_code, "Tulis tanggapan klien" in refused.text) == (422, True)
        assert "Rumah &lt;kosong&gt;</textarea>" in refused.text
        asked = await send(worker, case_id, "request", **typed, not_asked="not-reached")
        assert asked.headers["location"].endswith("/closure?done=ask_closure")
        returned = await send(boss, case_id, "return", comment="Cari sekali lagi")
        assert returned.status_code == 303
        page = (await worker.get(f"/cases/{case_id}/closure")).text
        assert "Cari sekali lagi" in page
        await send(worker, case_id, "request", reason="moved")
        assert "pertimbangkan pelimpahan" in (await boss.get(f"/cases/{case_id}/closure")).text
        assert (await send(boss, case_id, "close", comment="Setuju")).status_code == 303
        page = (await worker.get(f"/cases/{case_id}/closure?done=approve_closure")).text
        assert page.count("Akan datang") == 3
        first = page.split("/closure/follow-up/")[1].split('"')[0]
        seen = {"seen_how": "phone", "situation": "worse", "needs": "food, school-kit", "note": "Sakit"}
        assert (await send(worker, case_id, f"follow-up/{first}", **seen)).status_code == 303
        page = (await worker.get(f"/cases/{case_id}/closure")).text
        assert all(words in page for words in ("Memburuk", "food, school-kit", "Sakit"))
        second = page.split("/closure/follow-up/")[1].split('"')[0]
        missed = {"reason": "nobody-home", "not_reached": "", "next_on": ""}
        assert "upaya berikutnya" in (await send(worker, case_id, f"follow-up/{second}", **missed)).text
        missed["next_on"] = day(5)
        assert (await send(worker, case_id, f"follow-up/{second}", **missed)).status_code == 303
        assert (await send(worker, case_id, "reopen", reason="new-need", note="Anak sakit")).status_code == 303
        assert (await send(boss, case_id, "approve")).headers["location"].endswith("done=reopen_case")
        page = (await worker.get(f"/cases/{case_id}/closure?lang=en")).text
        assert all(words in page for words in ("Opened again", "Sent back", "Ask for termination"))


async def test_the_case_as_known_on_a_day_and_the_year_have_their_pages(system: System, case_id: str) -> None:
    async with system.signed_in("peksos") as worker:
        page = (await worker.get(f"/cases/{case_id}/history")).text
        assert all(words in page for words in ("Kasus dibuka", "Asesmen dicatat", f'value="{day(0)}"'))
        before = await worker.get(f"/cases/{case_id}/history", params={"on": day(-2)})
        assert (before.status_code, "belum dikenal" in before.text) == (404, True)
        assert (await worker.get(f"/cases/{case_id}/history", params={"on": "x"})).status_code == 422
        assert "/account/year" in (await worker.get("/account")).text
        year = (await worker.get("/account/year")).text
        assert "Kasus diambil" in year
        paper = await worker.get("/account/year/pdf", params={"of": day(0)[:4]})
        assert paper.content.startswith(b"%PDF")
        assert (await worker.get("/account/year", params={"of": "20x6"})).status_code == 422
        assert (await worker.get("/account/year", params={"worker": "sub-supervisor"})).status_code == 403
    async with system.signed_in("supervisor") as boss:
        assert "Kasus diambil" in (await boss.get("/account/year", params={"worker": "sub-peksos"})).text
    async with system.signed_in("auditor") as auditor:
        for path in (f"/cases/{case_id}/closure", f"/cases/{case_id}/history", "/account/year"):
            assert (await auditor.get(path)).status_code == 403
