"""A worker's year: evidence that is counted from the records, for those whom it concerns."""

from datetime import UTC, datetime, timedelta
from io import BytesIO
from typing import Any
from uuid import uuid4

from pypdf import PdfReader
from sqlalchemy import text

from tests.cases.ending import OUTCOMES, closed, dropped, looked_after
from tests.cases.noting import ago, certify, day, decide, note, slug, visit
from tests.cases.story import Story
from tests.harness.stack import Running

#: the year of Jakarta in which the tests run
YEAR = (datetime.now(UTC) + timedelta(hours=7)).year


async def a_year(story: Story, cases: Running) -> str:
    """Two cases, one closed with goals and one without; visits, follow-ups, a training. Returns the client's id."""
    about = await dropped(story)
    client = story.client_id
    await story.worker.post(f"/cases/{story.case_id}/visits", json=visit(started_at=ago(minutes=9), ended_at=ago()))
    await story.supervisor.post(f"/cases/{story.case_id}/notes", json=note(kind="supervision", at=ago()))
    outcomes = {"outcomes": OUTCOMES | {"skill": "met"}}
    await story.done(story.worker, "/closure", reason="moved", **(about | outcomes))
    await story.done(story.supervisor, "/close")
    story.client_id, story.version = str(uuid4()), 0
    first, second, _ = (await closed(story))["follow_ups"]
    await looked_after(story, first)
    await looked_after(story, second, "/not-reached")
    await certify(cases, story.worker)
    await a_training(story, cases)
    return client


async def a_training(story: Story, cases: Running) -> None:
    held = {"title": "Asesmen anak *dasar* #1", "organiser": "BBPPKS", "hours": 24, "held_on": day(0)}
    proposed = (await story.worker.post("/competence/trainings", json=held)).json()
    async with cases.client("supervisor", sub=uuid4().hex) as boss:
        await decide(boss, proposed, "confirmed")


async def year_of(story: Story, year: int = YEAR, path: str = "") -> Any:
    """The worker's own year."""
    answer = await story.worker.get(f"/workers/{story.worker_sub}/year/{year}{path}")
    assert answer.is_success, answer.text
    return answer


async def test_a_year_counts_what_was_done_in_it_and_the_paper_says_the_same(story: Story, cases: Running) -> None:
    client = await a_year(story, cases)
    year = (await year_of(story)).json()
    assert (year["taken_up"], year["closed"], year["trained_hours"]) == (2, 2, 24)
    assert year["taken_up_by_way_in"] == {"registry": 2}
    assert year["taken_up_by_client"] == {"group": 2}
    assert year["taken_up_by_area"] == {"31.74.01": 2}
    assert year["closed_by_reason"] == {"moved": 2}
    assert year["goals"] == {"met": 1, "not_met": 1}
    assert year["assessments"] == {"general": 2}
    assert year["plans_submitted"] == {"approve_plan": 1}
    assert (year["visits"], year["supervised"]) == ({"done": 1}, {"notes": 1})
    assert (year["follow_ups"], year["follow_ups_left"]) == ({"in_time": 1, "not_reached": 1}, {})
    assert [one["title"] for one in year["certificates"]] == ["peksos-lsps"]
    assert {str(one["case_id"])[-12:] for one in year["cases_closed"]} >= {story.case_id[-12:]}
    assert not {"points", "score", "rank"} & set(year)
    await _the_paper_says_it(story, client)
    assert (await year_of(story, YEAR - 1)).json()["taken_up"] == 0


async def _the_paper_says_it(story: Story, client: str) -> None:
    answer = await year_of(story, path="/pdf")
    assert answer.headers["content-type"] == "application/pdf"
    paper = PdfReader(BytesIO(answer.content))
    words = " ".join(page.extract_text() for page in paper.pages)
    wanted = ("Laporan Tahunan Pekerja Sosial", story.worker_sub, "Tercapai 1", "Dari registri 2", "24 jam")
    assert [one for one in wanted if one not in words] == []
    assert "Asesmen anak *dasar* #1" in words
    assert story.case_id.replace("-", "")[-8:].upper() in words
    assert client not in words
    assert b"pdfaid:part" in paper.xmp_metadata.stream.get_data()  # type: ignore[union-attr]


async def test_a_year_begins_and_ends_at_midnight_of_the_place(story: Story, cases: Running) -> None:
    await story.open()
    for at, counted in ((f"{YEAR - 1}-12-31T17:00:00Z", 1), (f"{YEAR - 1}-12-31T16:59:59Z", 0)):
        async with cases.context.db.begin() as tx:
            moved = "UPDATE history SET at = CAST(CAST(:at AS text) AS timestamptz) WHERE case_id = CAST(:id AS uuid)"
            await tx.session.execute(text(moved), {"at": at, "id": story.case_id})
        assert (await year_of(story)).json()["taken_up"] == counted
        assert (await year_of(story, YEAR - 1)).json()["taken_up"] == 1 - counted


async def test_a_year_is_its_workers_own_and_the_offices_supervisors(story: Story, cases: Running) -> None:
    await story.open()
    path = f"/workers/{story.worker_sub}/year/{YEAR}"
    assert (await story.supervisor.get(path)).json()["taken_up"] == 1
    strangers = {
        ("social_worker", "dinsos", "31.74"): "not-your-record",
        ("supervisor", "dinkes", "31.74"): "not-your-record",
        ("supervisor", "dinsos", "31.75"): "not-your-record",
        ("supervisor", "dinsos", "31.7"): "not-your-record",
        ("operator", "dinsos", "31.74"): "not-permitted",
        ("auditor", "dinsos", "31.74"): "not-permitted",
    }
    for (role, agency, area), why in strangers.items():
        async with cases.client(role, agency, area, sub=uuid4().hex) as who:
            assert slug(await who.get(path)) == why, (role, agency, area)
            assert slug(await who.get(f"{path}/pdf")) == why, (role, agency, area)
    for wrong in ("1999", "20260", "x"):
        assert (await story.worker.get(f"/workers/{story.worker_sub}/year/{wrong}")).status_code == 422
    async with cases.client("auditor") as auditor:
        trail = {"subject_kind": "worker", "subject_id": story.worker_sub}
        rows = (await auditor.get("/audit", params=trail)).json()["items"]
    assert [one["action"] for one in rows] == ["worker.read_year"]
