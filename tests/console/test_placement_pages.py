"""The pages of placement: a worker asks, an officer admits, each sees what is theirs."""

import re
from typing import Any
from uuid import uuid4

import pytest

from services.cases.placement_rules import RULES
from services.cases.placement_states import PlacementState
from services.console import placement_forms as forms
from services.console.texts import TEXTS
from tests.console.conftest import System, hidden

PLACE = "94.71"
LONG = re.compile(r'action="([^"]*/(accept|admit|leave)[^"]*)"')


@pytest.fixture
async def stay(system: System) -> dict[str, Any]:
    """A panti with one bed, and a new case."""
    async with system.api("cases", "panti") as officer:
        intake = {"name": "Panti Uji", "area": PLACE, "serves": [PLACE], "sexes": ["f"], "kind": "elderly"}
        code = f"panti-{uuid4().hex[:12]}"
        facility = (await officer.post("/facilities", json=intake | {"code": code})).raise_for_status().json()
        beds = {"expected_version": 1, "beds": [{"label": "A1", "sex": "f"}]}
        (await officer.post(f"/facilities/{facility['id']}/beds", json=beds)).raise_for_status()
    async with system.api("cases", "panti-peksos") as worker:
        body = {"client_kind": "person", "client_id": str(uuid4()), "area": PLACE, "way_in": "outreach"}
        body["supervisor"] = "sub-panti-ketua"  # else every supervisor of later tests is told
        case = (await worker.post("/cases", json=body)).raise_for_status().json()
    return {"case": case["id"], "facility": facility["id"]}


async def test_a_worker_asks_in_the_form_and_an_officer_admits_on_the_board(system: System, stay: Any) -> None:
    where = f"/cases/{stay['case']}/placement"
    async with system.signed_in("panti-peksos") as browser:
        page = (await browser.get(where)).text
        form = {"csrf": hidden(page, "csrf"), "key": hidden(page, "key"), "inside": "true", "kind": "elderly"}
        form |= {"sex": "f", "birth_year": "1950", "category": "lansia-telantar", "bed_kind": "regular"}
        refused = await browser.post(where, data=form)
        assert refused.status_code == 422
        assert TEXTS["id"]["problem.reason-inside-missing"] in refused.text
        assert 'value="1950"' in refused.text  # what was typed is kept
        sent = await browser.post(where, data=form | {"why_inside": "no-family", "key": "another"})
        assert sent.status_code == 303, sent.text
        page = (await browser.get(sent.headers["location"])).text
        assert TEXTS["id"]["placement_state.offered"] in page
        assert "Panti Uji" in page
        await _press(browser, page, "accept")
        assert TEXTS["id"]["placement_state.accepted"] in (await browser.get(where)).text
        board = (await browser.get("/facilities?kind=elderly&lang=en")).text
        assert "Taken or held" in board
    async with system.signed_in("panti") as browser:
        page = (await browser.get(f"/facilities/{stay['facility']}")).text
        assert "70-79" in page
        await _press(browser, page, "admit")
        page = (await browser.get(f"/facilities/{stay['facility']}")).text
        assert TEXTS["id"]["placement_state.admitted"] in page
        assert (await browser.get(where)).status_code == 403
    async with system.signed_in("panti-ketua") as browser:
        assert TEXTS["id"]["placement_state.admitted"] in (await browser.get(where)).text
    async with system.signed_in("bptsp") as browser:
        assert (await browser.get("/facilities")).status_code == 403


def test_every_code_of_the_forms_and_kinds_has_a_text() -> None:
    said = TEXTS["id"]
    tables = forms.WORKER | forms.SUPERVISOR | forms.OFFICER | forms.OVERRIDE
    for doing, fields in (tables | {"": forms.REQUEST + forms.INSIDE}).items():
        assert not doing or f"placement_do.{doing}" in said
        for field in fields:
            assert f"field.{field.name}" in said
            assert [code for code in field.choices if f"code.{code}" not in said] == []
    assert [kind for kind in (*RULES.inside, *RULES.outside) if f"placed.{kind}" not in said] == []
    assert [state for state in PlacementState if f"placement_state.{state}" not in said] == []


async def _press(browser: Any, page: str, doing: str) -> None:
    action = next(found for found, which in LONG.findall(page) if which == doing)
    form = page[page.index(f'action="{action}"') :]
    values = {name: hidden(form, name) for name in ("csrf", "expected_version", "key")}
    answer = await browser.post(action, data=values)
    assert answer.status_code == 303, answer.text
