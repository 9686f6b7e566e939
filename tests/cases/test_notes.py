"""Notes: written once, corrected by newer ones; confidential ones sealed, and read by few, for a purpose."""

import asyncio
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import text

from services.cases.main import the_seal_fits
from services.cases.seal import Seal, SealBroken
from tests.cases.noting import ago, certify, note, slug
from tests.cases.story import Story
from tests.harness.stack import Running

SECRET = "Ibu bercerita bahwa ia dipukul"


async def write(story: Story, who: Any = None, **other: Any) -> Any:
    return await (who or story.worker).post(f"/cases/{story.case_id}/notes", json=note(**other))


async def timeline(story: Story, who: Any = None) -> dict[str, Any]:
    answer = await (who or story.worker).get(f"/cases/{story.case_id}/timeline")
    assert answer.is_success, answer.text
    return dict(answer.json())


async def read_secret(story: Story, note_id: str, who: Any, purpose: str = "Menyusun rencana") -> Any:
    return await who.get(f"/cases/{story.case_id}/notes/{note_id}", params={"purpose": purpose})


async def test_a_note_leaves_the_case_and_its_open_forms_as_they_were(story: Story) -> None:
    await story.open()
    assert (await write(story)).status_code == 201
    await story.assess()  # at the version seen before the note
    found = await timeline(story)
    assert [(one["what"], one["text"], one["state"]) for one in found["items"]] == [
        ("note", "Rumah bersih, anak sekolah", "recorded")
    ]
    assert [one["what"] for one in (await story.read())["history"]] == ["open", "write_note", "assess"]


async def test_a_correction_is_a_newer_note_and_an_error_stays_marked(story: Story) -> None:
    await story.open()
    first = (await write(story)).json()
    newer = (await write(story, text="Anak tidak sekolah", supersedes=first["id"])).json()
    assert slug(await write(story, supersedes=first["id"])) == "note-superseded"
    assert slug(await write(story, kind="contact", supersedes=newer["id"])) == "not-your-note"
    path = f"/cases/{story.case_id}/notes/{newer['id']}/error"
    wrong = {"expected_version": 0, "error": "wrong-person"}
    assert slug(await story.worker.post(path, json=wrong | {"expected_version": 3})) == "version-conflict"
    assert (await story.worker.post(path, json=wrong)).json()["state"] == "entered_in_error"
    assert slug(await story.worker.post(path, json=wrong | {"expected_version": 1})) == "note-already-marked"
    found = {one["id"]: one for one in (await timeline(story))["items"]}
    assert found[first["id"]]["superseded_by"] == newer["id"]
    assert (found[newer["id"]]["text"], found[newer["id"]]["error"]) == ("Anak tidak sekolah", "wrong-person")


async def test_of_many_who_correct_a_note_at_once_one_does(story: Story) -> None:
    await story.open()
    first = (await write(story)).json()
    answers = await asyncio.gather(*(write(story, supersedes=first["id"]) for _ in range(8)))
    assert sorted(one.status_code for one in answers) == [201] + [409] * 7


async def test_notes_that_cannot_be_are_refused(story: Story, cases: Running) -> None:
    await story.open()
    for other in (
        {"text": ""},
        {"text": "x" * 20_001},
        {"text": "a\0"},
        {"kind": "gossip"},
        {"at": "2026-01-01T10:00:00"},
    ):
        assert (await write(story, **other)).status_code == 422, other
    assert slug(await write(story, at=ago(hours=-1))) == "in-the-future"
    assert slug(await write(story, supersedes=str(uuid4()))) == "not-found"
    other = Story(cases, story._publish)
    await other.open()
    foreign = (await write(other)).json()
    assert slug(await write(story, supersedes=foreign["id"])) == "not-found"
    await other.leave()


async def test_only_who_works_on_the_case_writes_and_only_its_supervisor_of_supervision(
    story: Story, cases: Running
) -> None:
    await story.open()
    assert slug(await write(story, kind="supervision")) == "self-approval"
    assert slug(await write(story, story.supervisor)) == "not-your-case"
    assert (await write(story, story.supervisor, kind="supervision")).status_code == 201
    people = [
        ("supervisor", {}, "supervision", "not-the-supervisor"),  # the first who acted stays
        ("social_worker", {}, "contact", "not-your-case"),
        ("social_worker", {"agency": "koperasi"}, "contact", "not-your-agency"),
        ("social_worker", {"area": "31.71"}, "contact", "outside-your-area"),
        ("auditor", {}, "contact", "not-permitted"),
        ("desk_officer", {}, "contact", "not-permitted"),
        ("operator", {}, "contact", "not-permitted"),
    ]
    for role, scope, kind, why in people:
        async with cases.client(role, sub=f"{role}-{uuid4().hex}", **scope) as other:
            assert slug(await write(story, other, kind=kind)) == why, role
            read = await other.get(f"/cases/{story.case_id}/timeline")
            assert read.is_success if role == "supervisor" else slug(read) == why, role


async def secret_of(story: Story, cases: Running) -> str:
    """A confidential note by an accredited worker; its id."""
    await story.open()
    await certify(cases, story.worker)
    answer = await write(story, text=SECRET, confidential=True)
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"])


async def test_a_confidential_note_is_opened_by_the_accredited_who_hold_the_case_and_nobody_else(
    story: Story, cases: Running
) -> None:
    secret = await secret_of(story, cases)
    assert (await read_secret(story, secret, story.worker)).json()["text"] == SECRET
    assert slug(await read_secret(story, secret, story.supervisor)) == "not-your-case"
    await write(story, story.supervisor, kind="supervision")
    assert slug(await read_secret(story, secret, story.supervisor)) == "not-accredited"
    await certify(cases, story.supervisor)
    assert (await read_secret(story, secret, story.supervisor)).json()["text"] == SECRET
    async with cases.client("supervisor", sub=f"other-{uuid4().hex}") as other:
        await certify(cases, other)
        assert slug(await read_secret(story, secret, other)) == "not-your-case"
        found = await timeline(story, other)
        assert (found["items"][0]["kind"], found["total"], found["confidential_notes"]) == ("supervision", 1, 1)
    async with cases.client("social_worker", sub=f"other-{uuid4().hex}") as other:
        await certify(cases, other)
        assert slug(await read_secret(story, secret, other)) == "not-your-case"
    async with cases.client("auditor", sub="auditor-1") as other:
        assert slug(await read_secret(story, secret, other)) == "not-permitted"


async def test_who_was_let_into_the_case_opens_what_is_confidential_for_as_long_as_that_lasts(
    story: Story, cases: Running
) -> None:
    secret = await secret_of(story, cases)
    cover = f"cover-{uuid4().hex}"
    async with cases.client("social_worker", sub=cover) as other:
        await certify(cases, other)
        assert slug(await read_secret(story, secret, other)) == "not-your-case"
        granted = text(
            """INSERT INTO case_access (id, case_id, actor, agency, may, because, until, granted_by)
               VALUES (:id, :case, :who, 'dinsos', 'read', 'cover', now() + interval '1 day', 'boss')"""
        )
        async with cases.context.db.begin() as tx:
            await tx.session.execute(granted, {"id": uuid4(), "case": story.case_id, "who": cover})
        assert (await read_secret(story, secret, other)).json()["text"] == SECRET
        assert slug(await write(story, other)) == "not-your-case"
        async with cases.context.db.begin() as tx:
            over = text("UPDATE case_access SET until = now() - interval '1 second' WHERE actor = :who")
            await tx.session.execute(over, {"who": cover})
        assert slug(await read_secret(story, secret, other)) == "not-your-case"


async def test_a_service_with_another_key_does_not_start(cases: Running) -> None:
    right = Seal.current()
    Seal(b"1" * 32).use()
    try:
        with pytest.raises(SealBroken, match="SINERGI_NOTES_KEY_FILE"):
            async with the_seal_fits(cases.context):
                pass
    finally:
        right.use()
    async with the_seal_fits(cases.context):
        pass


async def test_a_timeline_shows_the_accredited_a_line_and_never_the_text(story: Story, cases: Running) -> None:
    await secret_of(story, cases)
    answer = await story.worker.get(f"/cases/{story.case_id}/timeline")
    assert SECRET not in answer.text
    (line,) = answer.json()["items"]
    assert (line["confidential"], line["text"], line["sealed"]) == (True, None, None)


async def test_each_reading_of_a_confidential_note_is_written_down_with_the_purpose_that_was_typed(
    story: Story, cases: Running
) -> None:
    secret = await secret_of(story, cases)
    for purpose in ("", "abc"):
        assert (await read_secret(story, secret, story.worker, purpose)).status_code == 422
    assert (await story.worker.get(f"/cases/{story.case_id}/notes/{secret}")).status_code == 422
    await read_secret(story, secret, story.worker, "Rapat kasus")
    async with cases.context.db.begin() as tx:
        trail = text("SELECT actor, purpose FROM audit WHERE action = 'note.read_confidential' AND subject_id = :id")
        rows = [tuple(row) for row in await tx.session.execute(trail, {"id": secret})]
    assert rows == [(story.worker_sub, "Rapat kasus")]


async def test_nothing_confidential_lies_in_plain_anywhere_in_the_database(story: Story, cases: Running) -> None:
    secret = await secret_of(story, cases)
    assert slug(await write(story, supersedes=secret)) == "stays-confidential"
    async with cases.context.db.begin() as tx:
        names = (
            await tx.session.scalars(text("SELECT tablename FROM pg_tables WHERE schemaname = current_schema()"))
        ).all()
        for name in names:
            words = f'SELECT count(*) FROM "{name}" AS row WHERE row::text LIKE :word OR row::text LIKE :hex'
            pattern = {"word": "%dipukul%", "hex": f"%{b'dipukul'.hex()}%"}
            assert await tx.session.scalar(text(words), pattern) == 0, name
        stored = await tx.session.scalar(text("SELECT sealed FROM notes WHERE id = :id"), {"id": secret})
    assert stored
    assert b"dipukul" not in stored
    assert len(names) > 10


async def test_a_note_that_is_sent_twice_is_written_once(story: Story) -> None:
    await story.open()
    body, key = note(), {"Idempotency-Key": uuid4().hex}
    path = f"/cases/{story.case_id}/notes"
    answers = [await story.worker.post(path, json=body, headers=key) for _ in range(2)]
    assert answers[0].json() == answers[1].json()
    assert (await timeline(story))["total"] == 1
