"""An office's own instrument is a file in a folder: no code. It serves, supersedes, and stops the start when broken."""

import json
from collections.abc import Callable, Iterator
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any

import pytest

from services.cases.instruments import InstrumentBroken, Shelf
from services.cases.instruments.shelf import BUILT_IN
from tests.cases.story import CALM
from tests.harness.stack import Running

Run = Callable[..., AbstractAsyncContextManager[Running]]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The office's folder; afterwards the built-in instruments alone are on the shelf."""
    monkeypatch.setenv("SINERGI_INSTRUMENTS_FOLDER", str(tmp_path))
    yield tmp_path
    Shelf.load().use()


def put(folder: Path, code: str, version: int, **changes: Any) -> None:
    content = json.loads((BUILT_IN / "general.v2.json").read_text()) | {"code": code, "version": version}
    (folder / f"{code}.v{version}.json").write_text(json.dumps(content | changes))


async def test_a_new_instrument_in_a_folder_works_without_code(run_service: Run, folder: Path) -> None:
    put(folder, "disaster-camp", 1, title={"id": "Asesmen pengungsi", "en": "Displaced people"})
    put(folder, "general", 3, alarms=[])
    client = {"client_kind": "household", "client_id": "0194f0c0-0000-7000-8000-000000000001"}
    async with run_service("cases") as running, running.client() as worker:
        offered = (await worker.get("/instruments", params={"client_kind": "household"})).json()["items"]
        assert {(one["code"], one["version"]) for one in offered} >= {("disaster-camp", 1), ("general", 3)}
        case = (await worker.post("/cases", json=client | {"area": "31.74", "way_in": "walk-in"})).json()
        filled = {"instrument": "disaster-camp", "answers": CALM | {"danger_now": True}}
        answer = await worker.post(
            f"/cases/{case['id']}/assessments", json=filled | {"expected_version": case["version"]}
        )
        assert (answer.status_code, answer.json()["risk"]) == (201, "life")
        draft = {"instrument": "general", "answers": {"safety": 1}, "expected_version": 0}
        assert (await worker.put(f"/cases/{case['id']}/assessments/draft", json=draft)).is_success
        # the file is taken away, or superseded by one that asks less: what was written stays readable
        put(
            folder,
            "general",
            4,
            items=json.loads((BUILT_IN / "general.v2.json").read_text())["items"][:-2],
            domains=json.loads((BUILT_IN / "general.v2.json").read_text())["domains"][:-1],
            alarms=[],
        )
        (folder / "disaster-camp.v1.json").unlink()
        Shelf.load(folder).use()
        path = f"/cases/{case['id']}/assessments"
        found = (await worker.get(f"{path}/{answer.json()['assessment_id']}")).json()
        assert (found["risk"], found["instrument_known"], found["because"][0]["domain"]) == ("life", False, "safety")
        assert (await worker.get(f"{path}/changes")).json()["items"][0]["title"] == "disaster-camp"
        kept = (await worker.get(f"{path}/draft", params={"instrument": "general"})).json()
        assert (kept["answers"], kept["left_out"]) == ({}, ["safety"])


async def test_a_broken_file_stops_the_start_with_a_sentence(run_service: Run, folder: Path) -> None:
    put(folder, "disaster-camp", 1, items=[])
    with pytest.raises(InstrumentBroken, match=r"disaster-camp\.v1\.json: items: "):
        async with run_service("cases"):
            pass
