"""Certificates and trainings: proposed by one, confirmed by another; only what is confirmed and valid gives a right."""

from typing import Any
from uuid import uuid4

from sqlalchemy import text

from services.cases.competence import trained_hours
from tests.cases.noting import certify, day, decide, note, propose, slug
from tests.cases.story import Story
from tests.harness.stack import Running


async def confidential(story: Story) -> str:
    """What becomes of a confidential note: `written`, or why not."""
    answer = await story.worker.post(f"/cases/{story.case_id}/notes", json=note(confidential=True))
    return "written" if answer.status_code == 201 else slug(answer)


async def test_only_a_confirmed_certificate_that_accredits_and_is_valid_today_opens_what_is_confidential(
    story: Story, cases: Running
) -> None:
    await story.open()
    assert await confidential(story) == "not-accredited"
    row = await propose(story.worker)
    assert await confidential(story) == "not-accredited"
    for other in (
        {"kind": "tks-lsps"},
        {"valid_from": day(-800), "valid_until": day(-1)},
        {"valid_from": day(1)},
    ):
        await certify(cases, story.worker, **other)
        assert await confidential(story) == "not-accredited", other
    row = await decide(story.supervisor, row, "confirmed")
    assert await confidential(story) == "written"
    await decide(story.supervisor, row, "withdrawn")
    assert await confidential(story) == "not-accredited"
    await certify(cases, story.worker, valid_until=day(0))
    assert await confidential(story) == "written"


async def test_nobody_confirms_their_own_record_nor_what_they_proposed_nor_another_offices(
    story: Story, cases: Running
) -> None:
    own = await propose(story.supervisor)

    async def refused(who: Any, row: dict[str, Any], version: int = 0) -> str:
        body = {"expected_version": version, "answer": "confirmed"}
        return slug(await who.post(f"/competence/{row['id']}/decide", json=body))

    assert await refused(story.supervisor, own) == "self-approval"
    assert await refused(story.worker, own) == "not-permitted"
    for scope, why in (({"agency": "koperasi"}, "not-your-agency"), ({"area": "31.71"}, "outside-your-area")):
        async with cases.client("supervisor", sub=f"s-{uuid4().hex}", **scope) as other:
            assert await refused(other, own) == why
    async with cases.client("supervisor", sub=f"s-{uuid4().hex}") as other:
        assert await refused(other, own, 5) == "version-conflict"
        await decide(other, own, "rejected")
        assert await refused(other, own, 1) == "wrong-competence-state"


async def test_an_operator_enters_for_others_and_workers_for_themselves(story: Story, cases: Running) -> None:
    async with cases.client("operator", sub="operator-1") as operator:
        row = await propose(operator, worker=story.worker_sub)
        body = {"kind": "peksos-lsps", "number": "1", "issuer": "LSPS", "valid_from": day(0)}
        assert slug(await operator.post("/competence/certificates", json=body)) == "worker-missing"
        bad = await operator.post("/competence/certificates", json=body | {"worker": "x", "valid_until": day(-1)})
        assert bad.status_code == 422
    await decide(story.supervisor, row, "confirmed")
    found = (await story.worker.get("/competence")).json()
    assert (found["total"], found["accredited"], found["items"][0]["state"]) == (1, True, "confirmed")
    other = await story.worker.post("/competence/certificates", json=body | {"worker": "somebody-else"})
    assert slug(other) == "not-your-record"
    assert slug(await story.worker.get("/competence?worker=somebody-else")) == "not-your-record"
    assert slug(await story.worker.get("/competence?waiting=true")) == "not-your-record"
    assert (await story.supervisor.get("/competence?waiting=true&size=100")).is_success
    assert (await story.supervisor.get(f"/competence?worker={story.worker_sub}")).json()["total"] == 1


async def test_the_hours_of_confirmed_trainings_are_counted_by_year(story: Story, cases: Running) -> None:
    body = {"title": "Manajemen kasus", "organiser": "BBPPKS", "hours": 40, "held_on": day(-1)}
    assert (
        slug(await story.worker.post("/competence/trainings", json=body | {"held_on": day(2)})) == "training-in-future"
    )
    rows = [(await story.worker.post("/competence/trainings", json=body)).json() for _ in range(2)]
    await decide(story.supervisor, rows[0], "confirmed")
    year = int(day(-1)[:4])
    async with cases.context.db.begin() as tx:
        assert await trained_hours(story.worker_sub, "dinsos", year, tx) == 40
        assert await trained_hours(story.worker_sub, "dinsos", year - 1, tx) == 0


async def test_a_volunteer_sees_nothing_here(story: Story, cases: Running) -> None:
    await story.open()
    case = f"/cases/{story.case_id}"
    async with cases.client("volunteer", sub="volunteer-1") as volunteer:
        paths = ["/cases", case, f"{case}/timeline", f"{case}/attachments", "/competence", "/tasks"]
        assert [slug(await volunteer.get(path)) for path in paths] == ["not-permitted"] * len(paths)
        assert slug(await volunteer.post(f"{case}/notes", json=note())) == "not-permitted"


async def test_reading_a_workers_record_leaves_a_trace(story: Story, cases: Running) -> None:
    await propose(story.worker)
    await story.supervisor.get(f"/competence?worker={story.worker_sub}")
    async with cases.context.db.begin() as tx:
        trail = text("SELECT count(*) FROM audit WHERE action = 'competence.read' AND subject_id = :worker")
        assert await tx.session.scalar(trail, {"worker": story.worker_sub}) == 1
