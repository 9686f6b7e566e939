"""A pathway in the browser: started, drawn, decided on; every state has a word in both languages."""

import itertools
import re
from typing import Any
from uuid import uuid4

import httpx2 as httpx
import pytest

from services.console.pathway_graph import drawn
from services.console.pathway_pages import SKIP_REASONS, STOP_REASONS
from services.console.texts import TEXTS
from services.referrals.pathways import Shelf, Template
from services.referrals.pathways.engine import PathwayState, StepState
from tests.console.conftest import System, hidden
from tests.harness.stack import eventually

AREA = "31.74.77"
SIX = Shelf.load().all()


def as_read(template: Template) -> list[dict[str, Any]]:
    """The steps as referrals shows them."""
    return [step.model_dump(mode="json") | {"state": "waiting"} for step in template.steps]


@pytest.mark.parametrize("template", SIX, ids=[one.code for one in SIX])
def test_boxes_lie_below_what_they_wait_for_and_none_upon_another(template: Template) -> None:
    picture = drawn(as_read(template), "id")
    boxes = {box["key"]: box for box in picture["boxes"]}
    assert list(boxes)
    assert len(boxes) == len(template.steps)
    for step in template.steps:
        assert all(boxes[before]["y"] < boxes[step.key]["y"] for before in step.after.keys)
    for box in boxes.values():
        assert box["x"] >= 0
        assert box["x"] + box["w"] <= picture["width"]
        assert box["y"] >= 0
        assert box["y"] + box["h"] <= picture["height"]
    corners = [(box["x"], box["y"]) for box in boxes.values()]
    assert len(set(corners)) == len(corners)
    beside = sorted((y, x) for x, y in corners)
    assert all(y != y2 or x2 - x > boxes[template.steps[0].key]["w"] for (y, x), (y2, x2) in itertools.pairwise(beside))
    assert len(picture["lines"]) == sum(len(step.after.keys) for step in template.steps)


def test_every_state_and_reason_has_a_word_in_both_languages() -> None:
    for texts in TEXTS.values():
        assert {f"pathway.step.{state}" for state in StepState} <= set(texts)
        assert {f"pathway.state.{state}" for state in PathwayState} <= set(texts)
        assert {f"pathway.hint.{state}" for state in PathwayState} <= set(texts)
        assert {f"code.{reason}" for reason in (*SKIP_REASONS, *STOP_REASONS)} <= set(texts)


@pytest.fixture(scope="module")
async def coaching(system: System) -> None:
    """Somebody coaches groups here, and nobody licenses them."""
    async with system.api("referrals", "operator") as api:
        entry = {
            "agency": "koperasi", "desk": "koperasi/pembinaan", "name": "Pembinaan", "purpose": "coaching",
            "fields": ["name"], "areas": [AREA], "needs": ["economic"],
        }  # fmt: skip
        (await api.put("/directory/services/pembinaan-jalur", json=entry)).raise_for_status()


async def started(browser: httpx.AsyncClient, **other: str) -> httpx.Response:
    page = (await browser.get("/pathways")).text
    form = {name: hidden(page, name) for name in ("csrf", "key")}
    typed = {"template": "kube-naik-kelas", "client_kind": "group", "client_id": str(uuid4()), "area": AREA}
    return await browser.post("/pathways", data=form | typed | other)


async def shows(browser: httpx.AsyncClient, path: str, what: str) -> str:
    """The page, once it shows this."""

    async def there() -> str | None:
        html = (await browser.get(path)).text
        return html if what in html else None

    return str(await eventually(there, what=f"{path} never showed {what}"))


async def decide(browser: httpx.AsyncClient, path: str, command: str, **typed: str) -> httpx.Response:
    page = (await browser.get(path)).text
    form = {name: hidden(page, name) for name in ("csrf", "expected_version")} | {"key": uuid4().hex}
    return await browser.post(f"{path}/{command}", data=form | typed)


def referral_in(html: str) -> str:
    found = re.search(r"/referrals/([0-9a-f-]{36})", html)
    assert found
    return found[1]


async def test_a_worker_starts_one_sees_it_drawn_and_decides(system: System, coaching: None) -> None:
    async with system.signed_in("peksos") as browser, system.api("referrals", "koperasi") as desk:
        answer = await started(browser, documents="ktp, akta-kube")
        assert answer.status_code == 303, answer.text
        path = answer.headers["location"].split("?")[0]
        html = await shows(browser, path, '<g class="step-sent">')
        assert html.count("<g class=") == 5
        assert "Dirujuk" in html
        assert "Pembinaan usaha kelompok" in html
        assert "ktp, akta-kube" in html
        referral = referral_in(html)
        assert f'href="{path}"' in (await browser.get(f"/referrals/{referral}")).text
        declined = {"expected_version": 1, "reason": "refused", "text": "Tidak mau."}
        (await desk.post(f"/referrals/{referral}/decline", json=declined)).raise_for_status()
        html = (await browser.get(path)).text
        assert "Menunggu keputusan Anda" in html
        assert "Klien menolak" in html

        kept = await decide(browser, path, "skip_step", step="pembinaan", reason="other")
        assert kept.status_code == 422
        assert re.search(r'<option value="other" selected>', kept.text)
        stale = {"csrf": hidden(html, "csrf"), "expected_version": "1", "key": uuid4().hex, "step": "pembinaan"}
        assert (await browser.post(f"{path}/retry_step", data=stale)).status_code == 409
        done = await decide(browser, path, "skip_step", step="pembinaan", reason="done-elsewhere")
        assert done.headers["location"] == f"{path}?done=skip_step"
        html = await shows(browser, path, '<g class="step-failed">')  # nobody licenses here
        assert "Dilewati" in html
        assert (await decide(browser, path, "stop", reason="plan-changed")).status_code == 303
        html = (await browser.get(path + "?lang=en")).text
        assert "Stopped" in html
        assert "Passed over" in html
        assert "Ask again" not in html
        assert path in (await browser.get("/pathways?state=stopped")).text
        assert path not in (await browser.get("/pathways?state=running")).text


async def test_a_start_that_is_refused_keeps_what_was_typed(system: System, coaching: None) -> None:
    async with system.signed_in("peksos") as browser:
        client = str(uuid4())
        wrong = await started(browser, client_id=client, client_kind="person")
        assert wrong.status_code == 422
        assert "Alur ini untuk jenis klien lain" in wrong.text
        assert client in wrong.text
        first = await started(browser, client_id=client)
        assert first.status_code == 303
        again = await started(browser, client_id=client)
        assert (again.status_code, "sudah berjalan" in again.text) == (409, True)
        path = first.headers["location"].split("?")[0]
        assert (await decide(browser, path, "no_such_thing")).status_code == 404


async def test_a_desk_sees_no_pathway_and_a_supervisor_starts_none(system: System, coaching: None) -> None:
    async with system.signed_in("peksos") as browser:
        path = (await started(browser)).headers["location"].split("?")[0]
        referral = referral_in(await shows(browser, path, '<g class="step-sent">'))
    async with system.signed_in("koperasi") as desk:
        assert (await desk.get("/pathways")).status_code == 403
        assert (await desk.get(path)).status_code == 403
        assert "/pathways/" not in (await desk.get(f"/referrals/{referral}")).text
    async with system.signed_in("supervisor") as supervisor:
        page = (await supervisor.get("/pathways")).text
        assert path in page
        assert "Mulai alur layanan" not in page
        assert "Hentikan alur" in (await supervisor.get(path)).text
