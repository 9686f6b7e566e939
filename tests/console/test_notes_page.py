"""A case's notes, visits and files in the console."""

from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

import httpx2 as httpx
import pytest

from services.console.notes_pages import CHOICES
from services.console.texts import TEXTS
from tests.cases.noting import PDF, day, decide, note, propose
from tests.console.conftest import System, hidden


@pytest.fixture
async def case_id(system: System) -> str:
    async with system.api("cases", "peksos") as api:
        body = {"client_kind": "person", "client_id": str(uuid4()), "area": "31.74.01", "way_in": "walk-in"}
        return str((await api.post("/cases", json=body)).raise_for_status().json()["id"])


def local(**back: float) -> str:
    """A time that has passed, as a date-and-time field gives it in Jakarta."""
    return (datetime.now().astimezone() - timedelta(**back)).astimezone().strftime("%Y-%m-%dT%H:%M")


async def send(browser: httpx.AsyncClient, case_id: str, path: str, files: Any = None, **fields: Any) -> httpx.Response:
    page = (await browser.get(f"/cases/{case_id}/notes")).text
    about = {"csrf": hidden(page, "csrf"), "key": hidden(page, "key"), "case_area": hidden(page, "case_area")}
    return await browser.post(f"/cases/{case_id}/notes{path}", data=about | fields, files=files)


def test_every_choice_has_its_text_in_both_languages() -> None:
    for name, codes in CHOICES.items():
        assert all(f"notes.{name}.{code}" in TEXTS["id"] for code in codes), name


async def test_a_worker_writes_a_note_and_keeps_what_was_typed_when_it_is_refused(system: System, case_id: str) -> None:
    async with system.signed_in("peksos") as browser:
        typed = {"kind": "contact", "about": "client", "text": "Ibu <sehat>", "at": "2099-01-01T10:00"}
        refused = await send(browser, case_id, "", **typed)
        assert (refused.status_code, "belum lewat" in refused.text) == (422, True)
        assert "Ibu &lt;sehat&gt;</textarea>" in refused.text
        done = await send(browser, case_id, "", **(typed | {"at": local(days=1)}))
        assert done.headers["location"] == f"/cases/{case_id}/notes?done=note"
        page = (await browser.get(done.headers["location"])).text
        assert "Ibu &lt;sehat&gt;</p>" in page
        assert "Catatan rahasia" not in page


async def test_a_visit_is_planned_then_missed_then_made(system: System, case_id: str) -> None:
    async with system.signed_in("peksos") as browser:
        await send(browser, case_id, "/plan", purpose="monitoring", on=day(1))
        page = (await browser.get(f"/cases/{case_id}/notes")).text
        assert "Kunjungan direncanakan" in page
        planned = page.split('name="visit_id"')[1].split('value="')[2].split('"')[0]
        tried = {
            "purpose": "monitoring",
            "started_at": local(days=1, hours=2),
            "ended_at": local(days=1, hours=1),
            "place_kind": "home",
            "area": "31.74.01",
        }
        missed = tried | {"visit_id": planned, "expected_version": "0", "reason": "nobody-home", "next_on": day(2)}
        assert (await send(browser, case_id, "/missed", **missed)).status_code == 303
        made = tried | {"findings": "Sehat", "client_present": "yes", "relation": ["client", "rt-rw", ""]}
        made |= {"words": ["", "Ketua", ""], "needs": "school-kit, food"}
        assert (await send(browser, case_id, "/visit", **made)).status_code == 303
        page = (await browser.get(f"/cases/{case_id}/notes")).text
        assert all(words in page for words in ("tidak ditemui", "Pengurus RT/RW (Ketua)", "school-kit, food"))


async def test_a_confidential_note_opens_for_a_purpose_that_is_typed(system: System, case_id: str) -> None:
    async with system.api("cases", "peksos") as api, system.api("cases", "supervisor") as boss:
        await decide(boss, await propose(api), "confirmed")
        body = note(confidential=True, text="Rahasia sekali")
        secret = (await api.post(f"/cases/{case_id}/notes", json=body)).raise_for_status().json()["id"]
    async with system.signed_in("peksos") as browser:
        page = (await browser.get(f"/cases/{case_id}/notes")).text
        assert "Rahasia sekali" not in page
        assert (await send(browser, case_id, f"/{secret}/read", purpose="x")).status_code == 422
        opened = await send(browser, case_id, f"/{secret}/read", purpose="Rapat kasus")
        assert "Rahasia sekali" in opened.text
        assert "Rapat kasus" in opened.text
    async with system.signed_in("supervisor") as browser:
        page = (await browser.get(f"/cases/{case_id}/notes?lang=en")).text
        assert "Confidential notes: 1. Only certified" in page
        assert f"/notes/{secret}/read" not in page


async def test_a_file_is_attached_and_fetched(system: System, case_id: str) -> None:
    async with system.signed_in("peksos") as browser:
        wrong = await send(browser, case_id, "/file", {"file": ("a.pdf", b"MZ", "application/pdf")}, file_kind="letter")
        assert "tidak sesuai dengan namanya" in wrong.text
        nothing = await send(browser, case_id, "/file", file_kind="letter")
        assert nothing.status_code == 422
        sent = {"file": ("surat.pdf", PDF, "application/pdf")}
        assert (await send(browser, case_id, "/file", sent, file_kind="letter")).status_code == 303
        page = (await browser.get(f"/cases/{case_id}/notes")).text
        file = page.split("/notes/file/")[1].split('"')[0]
        answer = await send(browser, case_id, f"/file/{file}", purpose="Rapat kasus")
        assert answer.content == PDF
        assert "surat.pdf" in answer.headers["content-disposition"]
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert "sandbox" in answer.headers["content-security-policy"]
    async with system.signed_in("auditor") as browser:
        assert (await browser.get(f"/cases/{case_id}/notes")).status_code == 403
