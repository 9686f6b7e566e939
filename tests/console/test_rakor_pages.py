"""Obstacles and meetings in the console."""

from datetime import timedelta
from typing import Any, get_args
from uuid import uuid4

import httpx2 as httpx
import pytest

from services.cases.meetings import POINTS, MeetingState
from services.cases.obstacles import Category, ObstacleState, Severity
from services.console.rakor_pages import CATEGORIES, SEVERITIES
from services.console.texts import TEXTS
from tests.cases.meeting_story import TODAY
from tests.console.conftest import System, hidden

DUE = (TODAY + timedelta(days=7)).isoformat()


@pytest.fixture
async def case_id(system: System) -> str:
    async with system.api("cases", "rapat-peksos") as api:
        body = {"client_kind": "person", "client_id": str(uuid4()), "area": "31.74.03", "way_in": "walk-in"}
        return str((await api.post("/cases", json=body)).raise_for_status().json()["id"])


async def send(browser: httpx.AsyncClient, page: str, path: str, **fields: Any) -> httpx.Response:
    """The form at `path` of a page, sent with the page's own hidden fields."""
    html = (await browser.get(page)).text
    about = {"csrf": hidden(html, "csrf"), "key": uuid4().hex}
    form = html.partition(f'action="{path}"')[2]
    if 'name="expected_version"' in form.partition("</form>")[0]:
        about["expected_version"] = hidden(form, "expected_version")
    return await browser.post(path, data=about | fields)


def raised(**other: str) -> dict[str, str]:
    usual = {"category": "access", "severity": "high", "since": TODAY.isoformat(), "area": "31.74.03"}
    return usual | {"words": "Jembatan <putus>"} | other


def test_the_forms_offer_what_the_service_takes_in_both_languages() -> None:
    assert (set(CATEGORIES), set(SEVERITIES)) == (set(get_args(Category)), set(get_args(Severity)))
    codes = [f"rakor.category.{one}" for one in CATEGORIES] + [f"rakor.severity.{one}" for one in SEVERITIES]
    codes += [f"rakor.state.{one}" for one in (*ObstacleState, *MeetingState)] + [
        f"rakor.point.{one}" for one in POINTS
    ]
    assert [one for one in codes if one not in TEXTS["id"]] == []


async def test_a_month_from_the_obstacle_to_the_papers(system: System, case_id: str) -> None:
    page = f"/cases/{case_id}/obstacles"
    async with system.signed_in("rapat-peksos") as browser:
        wrong = await send(browser, page, page, **raised(words="NIK 3174010101900001"))
        assert (wrong.status_code, "3174010101900001</textarea>" in wrong.text) == (422, True)
        assert (await send(browser, page, page, **raised())).headers["location"] == f"{page}?done=raise_obstacle"
        similar = await send(browser, page, page, **raised(words="Jalan rusak"))
        assert similar.status_code == 409
        assert "Jembatan &lt;putus&gt;" in similar.text
        assert "Jalan rusak</textarea>" in similar.text
        one = similar.text.split(f'action="{page}/')[1].split('"')[0]
        assert (await send(browser, page, page, **raised(words="Jalan rusak", new="yes"))).status_code == 303
        assert "Jalan rusak" in (await browser.get(page)).text
        assert "Tetapkan penanggung jawab" not in (await browser.get(f"/obstacles/{one}")).text
        assert "Undang rapat" not in (await browser.get("/rakor")).text

    async with system.signed_in("rapat-ketua") as browser:
        assert "Jembatan" in (await browser.get("/obstacles?category=access&state=open")).text
        path = f"/obstacles/{one}"
        assert (await send(browser, path, f"{path}/own", owner="sub-rapat-peksos", office="rapat")).status_code == 303
        call = {"area": "31.74", "held_on": TODAY.isoformat(), "place": "Aula", "month": TODAY.isoformat()[:7]}
        meeting = (await send(browser, "/rakor", "/rakor", **call)).headers["location"].partition("?")[0]
        again = await send(browser, "/rakor", "/rakor", **call)
        assert (again.status_code, 'value="Aula"' in again.text) == (409, True)
        assert (await send(browser, meeting, f"{meeting}/hold", participants="Sri; Sudinsos\nBudi")).status_code == 303
        html = (await browser.get(meeting)).text
        assert "Sri (Sudinsos)" in html
        item = html.partition("Jembatan")[2].split(f'action="{meeting}/items/')[1].split('"')[0]
        lines = {"text": ["Perbaiki", "", ""], "worker": ["sub-rapat-peksos"] * 3, "desk": [""] * 3}
        late = await send(
            browser, meeting, f"{meeting}/items/{item}", notes="Ya", **lines, due_on=["2020-01-01", "", ""]
        )
        assert (late.status_code, "Perbaiki</textarea>" in late.text) == (422, True)
        kept = await send(browser, meeting, f"{meeting}/items/{item}", notes="Ya", **lines, due_on=[DUE, "", ""])
        assert kept.status_code == 303
        assert (await send(browser, meeting, f"{meeting}/approve")).status_code == 303
        html = (await browser.get(f"{meeting}?lang=en&done=approve")).text
        assert all(
            words in html for words in ("Minutes approved", "Done: Approve the minutes", "Perbaiki", "Decisions")
        )
        assert (await send(browser, meeting, f"{meeting}/addendum", text="Ralat")).status_code == 303
        for paper, begins in (("agenda.pdf", b"%PDF"), ("minutes.pdf", b"%PDF"), ("workbook.xlsx", b"PK")):
            assert (await browser.get(f"{meeting}/{paper}")).content.startswith(begins), paper
        assert (await browser.get(f"{meeting}/secrets.txt")).status_code == 404
        assert (await send(browser, path, f"{path}/solve")).status_code == 303

    async with system.signed_in("rapat-peksos") as browser:
        assert "Keputusan rakor" in (await browser.get("/tasks")).text
    async with system.signed_in("auditor") as browser:
        assert (await browser.get(meeting)).status_code == 403
