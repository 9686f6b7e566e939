"""Obstacles and the monthly meeting: named once, owned, decided, done or late, and on paper."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import timedelta
from io import BytesIO
from typing import Any
from uuid import uuid4

import pytest
from pypdf import PdfReader
from python_calamine import CalamineWorkbook
from sqlalchemy import text

from tests.cases.meeting_story import OBSTACLE, TODAY, Office, done, refused
from tests.harness.stack import Running, eventually

Facts = Callable[..., Awaitable[list[tuple[str, dict[str, Any]]]]]


@pytest.fixture
async def office(cases: Running) -> AsyncIterator[Office]:
    """An office of its own."""
    office = Office(cases)
    yield office
    await office.leave()


async def test_an_obstacle_met_in_two_cases_is_named_once(office: Office, facts: Facts) -> None:
    first, second = await office.case(), await office.case()
    raised = await office.raised(first)
    again = await office.worker.post("/obstacles", json=OBSTACLE | {"about": [{"kind": "case", "id": second}]})
    assert (again.status_code, again.json()["similar"]) == (409, [raised["id"]])
    similar = {"category": OBSTACLE["category"], "area": "31.74.01.1001"}
    found = await done(office.worker.get("/obstacles/similar", params=similar))
    assert [one["words"] for one in found["items"]] == [OBSTACLE["words"]]
    link = {"about": [{"kind": "case", "id": second}, {"kind": "referral", "id": str(uuid4())}]}
    for _ in range(2):  # a second time changes nothing
        await done(office.worker.post(f"/obstacles/{raised['id']}/name-again", json=link))
    one = await done(office.worker.get(f"/obstacles/{raised['id']}"))
    assert (one["cases"], one["version"], len(one["links"])) == (2, 1, 3)
    of_case = await done(office.worker.get("/obstacles", params={"case_id": second}))
    assert [one["id"] for one in of_case["items"]] == [raised["id"]]
    history = (await done(office.worker.get(f"/cases/{second}")))["history"]
    assert [one["what"] for one in history].count("raise_obstacle") == 1
    assert (await office.raised(second, new=True))["id"] != raised["id"]

    async def told() -> Any:
        return await facts("CASES", raised["id"])

    ((kind, body),) = await eventually(told)
    assert kind == "sinergi.obstacle.raised.v1"
    assert OBSTACLE["words"] not in json.dumps(body)


async def test_two_who_raise_the_same_at_once_make_one(office: Office) -> None:
    tries = [office.worker.post("/obstacles", json=OBSTACLE) for _ in range(6)]
    codes = sorted(one.status_code for one in await asyncio.gather(*tries))
    assert codes == [201, 409, 409, 409, 409, 409]


async def test_an_obstacle_goes_its_way_and_no_other(office: Office) -> None:
    raised = await office.raised()
    path = f"/obstacles/{raised['id']}"
    owned = {"expected_version": 1, "owner": "koperasi/pembinaan", "office": "koperasi"}
    assert (await refused(office.worker.post(f"{path}/own", json=owned)))[0] == 403
    assert (await done(office.chair.post(f"{path}/own", json=owned)))["state"] == "owned"
    assert (await refused(office.other.post(f"{path}/own", json=owned))) == (409, "version-conflict")
    decided = {"expected_version": 2, "decisions": [office.decision()]}
    assert (await done(office.chair.post(f"{path}/decide", json=decided)))["state"] == "decided"
    assert (await done(office.chair.post(f"{path}/own", json=owned | {"expected_version": 3})))["state"] == "decided"
    assert (await done(office.chair.post(f"{path}/solve", json={"expected_version": 4})))["state"] == "solved"
    ended = {"expected_version": 5, "reason": "Datang lagi"}
    assert (await refused(office.chair.post(f"{path}/accept", json=ended))) == (409, "wrong-obstacle-state")
    assert (await done(office.chair.get("/obstacles")))["items"] == []
    assert (await done(office.chair.post(f"{path}/reopen", json=ended)))["state"] == "reopened"
    assert (await done(office.chair.post(f"{path}/accept", json=ended | {"expected_version": 6})))[
        "state"
    ] == "accepted"


async def test_two_supervisors_who_decide_at_once_make_one_decision(office: Office) -> None:
    raised = await office.raised()
    body = {"expected_version": 1, "decisions": [office.decision()]}
    path = f"/obstacles/{raised['id']}/decide"
    tries = [who.post(path, json=body) for who in (office.chair, office.other) * 3]
    assert sorted(one.status_code for one in await asyncio.gather(*tries)) == [200, 409, 409, 409, 409, 409]
    assert len((await done(office.chair.get(f"/obstacles/{raised['id']}")))["decisions"]) == 1
    assert len((await done(office.worker.get("/tasks")))["items"]) == 1


async def test_outsiders_neither_see_nor_touch(cases: Running, office: Office) -> None:
    case, meeting = await office.case(), await office.called()
    raised = await office.raised(case)
    outsiders = {
        "another office": ("supervisor", "dinkes", "31.74", "not-your-agency"),
        "another area": ("supervisor", office.agency, "31.75", "outside-your-area"),
    }
    for who, (role, agency, area, slug) in outsiders.items():
        async with cases.client(role, agency, area, sub=uuid4().hex) as client:
            assert (await done(client.get("/obstacles", params={"state": "all"})))["items"] == [], who
            assert (await done(client.get("/meetings")))["items"] == [], who
            solve = {"expected_version": 99}  # an outsider learns no version from a conflict
            body = {"participants": [{"name": "x"}]} | solve
            for asked in (
                client.get(f"/obstacles/{raised['id']}"),
                client.post(f"/obstacles/{raised['id']}/solve", json=solve),
                client.get(f"/meetings/{meeting['id']}"),
                client.get(f"/meetings/{meeting['id']}/agenda.pdf"),
                client.get(f"/meetings/{meeting['id']}/workbook.xlsx"),
                client.post(f"/meetings/{meeting['id']}/hold", json=body),
            ):
                assert await refused(asked) == (403, slug), who
    async with cases.client("social_worker", office.agency, sub=uuid4().hex) as colleague:
        about = {"about": [{"kind": "case", "id": case}]}
        assert await refused(colleague.post("/obstacles", json=OBSTACLE | about)) == (403, "not-your-case")
        again = colleague.post(f"/obstacles/{raised['id']}/name-again", json=about)
        assert await refused(again) == (403, "not-your-case")
        called = {"area": "31.74", "held_on": TODAY.isoformat(), "place": "x"}
        assert (await refused(colleague.post("/meetings", json=called))) == (403, "not-permitted")
    async with cases.client("auditor", office.agency) as auditor:
        assert (await refused(auditor.get("/obstacles"))) == (403, "not-permitted")


async def test_what_looks_like_a_nik_comes_on_no_paper(office: Office) -> None:
    for words in ("NIK 3174010101900001", "3174 0101 0190 0001", "a\x00b", "x" * 4001, ""):
        assert (await office.worker.post("/obstacles", json=OBSTACLE | {"words": words})).status_code == 422
    later = {"since": (TODAY + timedelta(days=1)).isoformat()}
    assert (await refused(office.worker.post("/obstacles", json=OBSTACLE | later)))[1] == "in-the-future"


async def test_a_months_story(cases: Running, office: Office, facts: Facts) -> None:
    first, second = await office.case(), await office.case("31.74.02")
    raised = await office.raised(first)
    link = {"about": [{"kind": "case", "id": second}]}
    await done(office.worker.post(f"/obstacles/{raised['id']}/name-again", json=link))
    note = {"note": "Telepon RT", "due_on": TODAY.isoformat()}
    task = await done(office.worker.post(f"/cases/{first}/tasks", json=note))
    await backdate(cases, task["id"], 5)
    await crowd(cases, office)
    meeting = await office.called(month=TODAY.isoformat()[:7])
    agenda = (await office.meeting(meeting["id"]))["agenda"]
    (obstacle,) = agenda["obstacles"]["items"]
    assert (obstacle["cases"], obstacle["days"], obstacle["area"]) == (2, 40, "31.74.01")
    (late,) = agenda["late"]["items"]
    assert (late["area"], late["kind"], late["tasks"], late["days"]) == ("31.74.01", "by-hand", 1, 5)
    assert agenda["late"]["by_regency"] == [{"regency": "31.74", "tasks": 1}]
    assert (agenda["numbers"]["opened"], agenda["numbers"]["closed"]) == (2, 0)
    assert [(one["name"], one["extra"]) for one in agenda["facilities"]["items"]] == [("Panti Uji", 2)]
    assert agenda["numbers"]["stages"] == [{"stage": "identifikasi", "cases": 2}]

    held = await office.held(meeting)
    assert (await done(office.chair.get(f"/obstacles/{raised['id']}")))["state"] == "discussed"
    await office.minuted(meeting["id"], "obstacle", office.decision(), notes="Dukcapil siap jemput bola.")
    await office.minuted(meeting["id"], "other", office.decision(text="Undang PSM", desk="koperasi/pembinaan"))
    approve = {"expected_version": held["version"]}
    path = f"/meetings/{meeting['id']}/approve"
    assert await refused(office.other.post(path, json=approve)) == (403, "not-the-chair")
    assert (await done(office.chair.post(path, json=approve)))["state"] == "minuted"
    assert (await done(office.chair.get(f"/obstacles/{raised['id']}")))["state"] == "decided"
    mine = (await done(office.worker.get("/tasks")))["items"]
    decided = [one for one in mine if one["kind"] == "decision"]
    assert [(one["note"], one["case_id"]) for one in decided] == [
        ("Minta blanko ke Dukcapil", None),
        ("Undang PSM", None),
    ]

    await done(office.worker.post(f"/tasks/{decided[1]['id']}/finish", json={"expected_version": 1}))
    await backdate(cases, decided[0]["id"], 3)
    following = await office.called(days=30)
    (open_still,) = (await office.meeting(following["id"]))["agenda"]["decisions"]["items"]
    assert (open_still["text"], open_still["late"]) == ("Minta blanko ke Dukcapil", True)
    states = [one["state"] for one in (await office.meeting(meeting["id"]))["decisions"]]
    assert sorted(states) == ["done", "open"]
    # what was frozen stays as it was
    assert (await office.meeting(meeting["id"]))["agenda"] == agenda

    async def told() -> Any:
        heard = await facts("CASES", meeting["id"])
        return heard if len(heard) == 3 else None

    heard = await eventually(told)
    assert [kind.split(".")[2] for kind, _ in heard] == ["called", "held", "minuted"]
    assert heard[2][1]["decisions"] == 2
    assert "blanko" not in json.dumps(heard)


async def test_approved_minutes_do_not_change_any_more(office: Office) -> None:
    meeting = await office.held(await office.called())
    path, item = f"/meetings/{meeting['id']}", (await office.meeting(meeting["id"]))["items"][0]
    write = {"expected_version": 0, "notes": "Satu"}
    tries = [office.other.post(f"{path}/items/{item['id']}", json=write) for _ in range(4)]
    assert sorted(one.status_code for one in await asyncio.gather(*tries)) == [200, 409, 409, 409]
    early = office.decision(due_on=(TODAY - timedelta(days=1)).isoformat())
    past = {"expected_version": 1, "decisions": [early]}
    assert await refused(office.other.post(f"{path}/items/{item['id']}", json=past)) == (422, "due-in-the-past")
    assert await refused(office.chair.post(f"{path}/addenda", json={"text": "x"})) == (409, "wrong-meeting-state")
    assert await refused(office.chair.post(f"{path}/agenda", json={"expected_version": 2})) == (
        409,
        "wrong-meeting-state",
    )
    approve = {"expected_version": 2}
    twice = await asyncio.gather(*(office.chair.post(f"{path}/approve", json=approve) for _ in range(3)))
    assert sorted(one.status_code for one in twice) == [200, 409, 409]
    again = {"expected_version": 1, "notes": "Dua"}
    assert await refused(office.other.post(f"{path}/items/{item['id']}", json=again)) == (409, "minutes-approved")
    body = {"expected_version": 3, "participants": [{"name": "x"}]}
    assert await refused(office.chair.post(f"{path}/hold", json=body)) == (409, "minutes-approved")
    await done(office.chair.post(f"{path}/addenda", json={"text": "Ralat: tanggal 3"}))
    assert (await office.meeting(meeting["id"]))["addenda"][0]["text"] == "Ralat: tanggal 3"
    same_day = {"area": "31.74", "held_on": TODAY.isoformat(), "place": "x"}
    assert await refused(office.other.post("/meetings", json=same_day)) == (409, "meeting-already-called")


async def test_the_papers_say_what_was_frozen_and_name_no_client(office: Office) -> None:
    case = await office.case()
    await office.raised(case, words="=SUM(A1) #let x = 1 *tebal* $\\")
    for number in range(60):  # a table that goes over pages
        await office.raised(new=True, words=f"Kendala ke-{number} " + "panjang " * 20, category="access")
    meeting = await office.called()
    pages = await text_of(office, meeting, "agenda")
    whole = " ".join(" ".join(pages).split())
    for words in (
        "Agenda Rapat Koordinasi",
        "Tebet",
        "=SUM(A1) #let x = 1 *tebal* $\\",
        "Kendala ke-59",
        "Aula Sudinsos",
    ):
        assert words in whole, words
    assert len(pages) > 2
    assert f"Halaman 2 dari {len(pages)}" in " ".join(pages[1].split())
    assert all("Kategori" in page for page in pages[:2])  # the head of the table on each page

    await office.held(meeting)
    await office.minuted(meeting["id"], "obstacle", office.decision(), notes="Dukcapil siap.")
    minutes = " ".join(" ".join(await text_of(office, meeting, "minutes")).split())
    assert all(words in minutes for words in ("Notulen", "Dukcapil siap.", "Sri Kepala", "Rancangan", "Minta blanko"))
    one, two = [(await office.chair.get(f"/meetings/{meeting['id']}/minutes.pdf")).content for _ in range(2)]
    assert one == two

    answer = await office.chair.get(f"/meetings/{meeting['id']}/workbook.xlsx")
    book = CalamineWorkbook.from_filelike(BytesIO(answer.content))
    assert book.sheet_names == ["kendala", "terlambat", "keputusan"]
    rows = book.get_sheet_by_name("kendala").to_python()
    assert len(rows) == 62
    assert "=SUM(A1) #let x = 1 *tebal* $\\" in [row[4] for row in rows]
    assert book.get_sheet_by_name("keputusan").to_python()[1][1] == "Minta blanko ke Dukcapil"

    await office.minuted(meeting["id"], "obstacle", notes="Siap \U0001f44d, 䓗.")  # letters that the font lacks
    assert "Siap" in " ".join(await text_of(office, meeting, "minutes"))


async def text_of(office: Office, meeting: dict[str, Any], paper: str) -> list[str]:
    answer = await office.chair.get(f"/meetings/{meeting['id']}/{paper}.pdf")
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/pdf"), answer.text
    return [page.extract_text() for page in PdfReader(BytesIO(answer.content)).pages]


async def crowd(cases: Running, office: Office) -> None:
    """A facility of the office with two people more than it has beds."""
    about = {"code": f"panti-{office.agency}", "name": "Panti Uji", "kind": "elderly", "area": "31.74.01"}
    body = about | {"serves": ["31"], "sexes": ["m", "f"]}
    async with cases.client("facility_officer", office.agency) as officer:
        facility = await done(officer.post("/facilities", json=body))
    async with cases.context.db.begin() as tx:
        crowded = (
            "INSERT INTO bed_counts VALUES (CAST(:id AS uuid), 'f', 'extra', 2), (CAST(:id AS uuid), 'm', 'free', 3)"
        )
        await tx.session.execute(text(crowded), {"id": facility["id"]})


async def backdate(cases: Running, task_id: str, days: int) -> None:
    """As if its date had passed so many days ago."""
    async with cases.context.db.begin() as tx:
        for table, key in (("tasks", "id"), ("decisions", "task_id")):
            moved = f"UPDATE {table} SET due_on = :due WHERE {key} = CAST(:id AS uuid)"
            await tx.session.execute(text(moved), {"due": TODAY - timedelta(days=days), "id": task_id})
