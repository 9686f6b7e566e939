"""The assessment pages: a form from an instrument, mistakes beside the items, drafts, results and change in words."""

import re
from collections.abc import AsyncIterator
from typing import Any
from uuid import uuid4

import httpx2 as httpx
import pytest

from services.console.assessment_forms import answers_of, items_of
from services.console.charts import line_of
from sinergi.problems import Refused
from tests.console.conftest import System, hidden

CALM = {
    "basic_needs": "1",
    "health": "0",
    "family": "1",
    "economic": "0",
    "psychosocial": "0",
    "legal": "1",
    "safety": "0",
}


class Desk:
    """The worker's browser at a case of their own."""

    def __init__(self, browser: httpx.AsyncClient, case_id: str) -> None:
        self.browser, self.path = browser, f"/cases/{case_id}/assessments"

    async def open(self, path: str = "") -> str:
        answer = await self.browser.get(self.path + path)
        assert answer.status_code == 200, answer.text
        return str(answer.text)

    async def send(self, do: str, code: str = "general", **answers: str) -> httpx.Response:
        """Open the form of an instrument and send it with these answers."""
        page = await self.open(f"/fill/{code}")
        names = ("csrf", "key", "expected_version", "draft_version", "instrument_version")
        form = {name: hidden(page, name) for name in names} | {"do": do}
        return await self.browser.post(f"{self.path}/fill/{code}", data=form | answers)


@pytest.fixture
async def desk(system: System) -> AsyncIterator[Desk]:
    """A new case of a person."""
    async with system.api("cases", "peksos") as api:
        body = {"client_kind": "person", "client_id": str(uuid4()), "area": "31.74.01", "way_in": "walk-in"}
        case_id = (await api.post("/cases", json=body)).raise_for_status().json()["id"]
    async with system.signed_in("peksos") as browser:
        yield Desk(browser, case_id)


def a(answers: dict[str, str]) -> dict[str, str]:
    return {f"a.{key}": value for key, value in answers.items()}


async def test_the_instruments_that_fit_are_offered_and_each_opens_as_a_labelled_form(desk: Desk) -> None:
    page = await desk.open()
    codes = re.findall(r"/assessments/fill/([a-z-]+)", page)
    assert codes == ["child", "disability", "elderly", "family-economy", "general", "odgj-homeless"]
    for code in codes:
        form = await desk.open(f"/fill/{code}")
        assert not re.search(r"<script(?![^>]*src=)|<style|style=|onclick=", form)
        for field in re.findall(r'<(?:input|textarea) id="([^"]+)"', form):
            assert f'for="{field}"' in form
        assert form.count("<legend>") == form.count("<fieldset")
    assert "Hanya bila: “Tinggal dengan siapa?” = Sendirian" in await desk.open("/fill/elderly")
    assert "Who lives with the elder?" in await desk.open("/fill/elderly?lang=en")


async def test_mistakes_stand_beside_their_items_and_what_was_typed_stays(desk: Desk) -> None:
    answer = await desk.send("submit", **a(CALM | {"health": ""}), **{"r.safety": "Menurut <tetangga>"})
    assert answer.status_code == 422
    assert re.search(r'id="m-health">Pilih satu jawaban', answer.text)
    assert 'href="#i-health"' in answer.text
    assert 'name="a.basic_needs" value="1" checked' in answer.text
    assert "Menurut &lt;tetangga&gt;" in answer.text
    number = await desk.send("save", "elderly", **a({"falls": "banyak", "bathing": "1"}))
    assert (number.status_code, 'id="m-falls"' in number.text, 'value="banyak"' in number.text) == (422, True, True)
    not_asked = await desk.send("save", "elderly", **a({"lives_with": "alone", "carer_strain": "1"}))
    assert re.search(r'id="m-carer_strain">Pertanyaan ini tidak perlu dijawab', not_asked.text)


async def test_a_draft_is_saved_shown_again_and_submitted(desk: Desk) -> None:
    saved = await desk.send("save", **a({"safety": "2", "economic": "3"}))
    assert saved.status_code == 303, saved.text
    page = await desk.open("/fill/general")
    assert 'name="a.safety" value="2" checked' in page
    assert "Lanjutkan: Asesmen umum" in await desk.open()
    assert (await desk.send("save", **a({"safety": "3"}))).status_code == 303
    sent = await desk.send("submit", **a(CALM))
    assert sent.status_code == 303
    assert "Lanjutkan" not in await desk.open()


async def test_the_result_says_why_and_a_second_one_shows_the_change(desk: Desk) -> None:
    sent = await desk.send("submit", **a(CALM | {"safety": "4", "danger_now": "true"}))
    result = (await desk.browser.get(sent.headers["location"])).text
    assert "Mengancam jiwa" in result
    assert "Keamanan</strong>: poin 4 ≥ ambang 4" in result
    assert "hubungi 112" in result
    assert "<svg" not in await desk.open()
    assert (await desk.send("submit", **a(CALM))).status_code == 303
    page = await desk.open()
    assert '<td class="went-better">Membaik</td>' in page
    assert re.search(r'role="img"\s+aria-label="Keamanan: [0-9-]+ 4, [0-9-]+ 0"', page)
    assert not re.search(r"<script(?![^>]*src=)|<style|style=", page)
    assert "Sudah digantikan" in (await desk.browser.get(sent.headers["location"])).text


async def test_a_form_that_is_sent_twice_is_one_assessment_and_another_office_sees_nothing(
    desk: Desk, system: System
) -> None:
    page = await desk.open("/fill/general")
    names = ("csrf", "key", "expected_version", "draft_version", "instrument_version")
    form = {name: hidden(page, name) for name in names} | {"do": "submit"} | a(CALM)
    first, second = [await desk.browser.post(f"{desk.path}/fill/general", data=form) for _ in range(2)]
    assert first.headers["location"] == second.headers["location"]
    stale = await desk.browser.post(f"{desk.path}/fill/general", data=form | {"key": "another"})
    assert (stale.status_code, 'name="a.basic_needs" value="1" checked' in stale.text) == (409, True)
    for path in ("/fill/luck", f"/{uuid4()}", "/nothing"):
        assert (await desk.browser.get(desk.path + path)).status_code in (404, 422)
    async with system.signed_in("bptsp") as other:
        for path in ("", "/fill/general", first.headers["location"].removeprefix(desk.path)):
            assert (await other.get(desk.path + path)).status_code == 403
        csrf = hidden((await other.get("/account")).text, "csrf")
        assert (await other.post(f"{desk.path}/fill/general", data=form | {"csrf": csrf})).status_code == 403


async def test_a_supervisor_reads_the_results_and_fills_in_nothing(desk: Desk, system: System) -> None:
    sent = await desk.send("submit", **a(CALM))
    async with system.signed_in("supervisor") as supervisor:
        page = await supervisor.get(desk.path)
        assert (page.status_code, "/fill/" in page.text) == (200, False)
        assert (await supervisor.get(sent.headers["location"])).status_code == 200
        assert (await supervisor.get(f"{desk.path}/fill/general")).status_code == 403


def item(kind: str, **more: Any) -> dict[str, Any]:
    return {"domains": [{"items": [{"key": "one", "kind": kind} | more]}]}


def test_what_is_typed_becomes_the_answer_that_it_means() -> None:
    yes_no = item("yes-no", choices=[{"value": True}, {"value": False}])
    assert answers_of(yes_no, {"one": "false"}) == {"one": False}
    assert answers_of(item("number"), {"one": "1.500.000"}) == {"one": 1_500_000}
    assert items_of(yes_no)[0]["key"] == "one"
    for instrument, typed in ((yes_no, "maybe"), (item("number"), "-1"), (item("number"), "²")):
        with pytest.raises(Refused) as refused:
            answers_of(instrument, {"one": typed})
        assert refused.value.extra["off_scale"] == ["one"]


def test_a_line_joins_only_what_may_be_compared() -> None:
    points = [{"score": score, "least": 0, "most": 4, "comparable": same} for score, same in ((4, False), (0, True))]
    assert line_of(points)["lines"] == [((4.0, 4.0), (116.0, 28.0))]
    broken = [*points, {"score": 2, "least": 0, "most": 9, "comparable": False}, {**points[0], "score": None}]
    assert (len(line_of(broken)["lines"]), len(line_of(broken)["dots"])) == (1, 3)
