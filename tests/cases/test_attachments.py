"""Attachments: taken when they are what they say, kept sealed outside the database, read by who may read the case."""

import asyncio
import hashlib
import os
import tracemalloc
from datetime import UTC, datetime, timedelta
from io import BytesIO
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import text

from services.cases.storage import Storage, shard_of, storage_at
from services.cases.sweeping import Swept, sweep, sweep_shard
from tests.cases.noting import PDF, certify, jpeg, note, slug, upload, visit
from tests.cases.story import Story
from tests.harness.stack import Running, eventually


@pytest.fixture
def storage(cases: Running) -> Storage:
    return storage_at(cases.context.settings.storage_url())  # type: ignore[attr-defined]


async def read(who: Any, story: Story, attachment: str, purpose: str = "Rapat kasus") -> Any:
    return await who.get(f"/cases/{story.case_id}/attachments/{attachment}", params={"purpose": purpose})


async def listed(who: Any, story: Story) -> list[dict[str, Any]]:
    return list((await who.get(f"/cases/{story.case_id}/attachments")).json()["items"])


async def pdf(story: Story, content: bytes = PDF, **fields: Any) -> dict[str, Any]:
    answer = await upload(story.worker, story, content, "KTP Sri.pdf", "application/pdf", **fields)
    assert answer.is_success, answer.text
    return dict(answer.json())


async def stored(storage: Storage, attachment: str) -> set[UUID]:
    return set(await storage.shard(shard_of(UUID(attachment))))


async def files_of(story: Story, cases: Running) -> list[UUID]:
    async with cases.context.db.begin() as tx:
        rows = text("SELECT DISTINCT file FROM attachments WHERE case_id = :id AND removed_at IS NULL")
        return list(await tx.session.scalars(rows, {"id": story.case_id}))


async def test_a_file_comes_back_as_it_was_and_no_browser_runs_it(
    story: Story, cases: Running, storage: Storage
) -> None:
    await story.open()
    kept = await pdf(story)
    answer = await read(story.worker, story, kept["id"])
    assert answer.content == PDF
    assert answer.headers["content-disposition"] == "attachment; filename*=UTF-8''KTP%20Sri.pdf"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["content-security-policy"].endswith("sandbox")
    (row,) = await listed(story.worker, story)
    assert (row["name"], row["sha256"]) == ("KTP Sri.pdf", hashlib.sha256(PDF).hexdigest())
    raw = b"".join([chunk async for chunk in storage.read(UUID(kept["id"]))])
    assert b"%PDF" not in raw
    async with cases.context.db.begin() as tx:
        trail = text("SELECT purpose FROM audit WHERE action = 'attachment.read' AND subject_id = :id")
        assert list(await tx.session.scalars(trail, {"id": kept["id"]})) == ["Rapat kasus"]
        told = await tx.session.scalar(text("SELECT count(*) FROM outbox WHERE body::text LIKE '%KTP Sri%'"))
    assert told == 0
    history = [(one["what"], one["note"]) for one in (await story.read())["history"]]
    assert history[-1] == ("attach", "photo")


async def test_a_photos_place_is_gone_from_what_is_kept(story: Story) -> None:
    await story.open()
    answer = await upload(story.worker, story, jpeg(b"GPS -6.2"), "rumah.jpg", "image/jpeg")
    kept = await read(story.worker, story, answer.json()["id"])
    assert b"GPS" not in kept.content
    assert kept.headers["content-length"] == str(len(kept.content))


async def test_the_same_file_of_a_case_is_stored_once(story: Story, cases: Running, storage: Storage) -> None:
    await story.open()
    answers = await asyncio.gather(*(upload(story.worker, story, PDF, "a.pdf", "application/pdf") for _ in range(5)))
    assert sorted(one.status_code for one in answers) == [200] * 4 + [201]
    assert len({one.json()["id"] for one in answers}) == 1
    made = (await story.worker.post(f"/cases/{story.case_id}/visits", json=visit())).json()
    on_visit = await pdf(story, visit_id=made["id"])
    assert len(await listed(story.worker, story)) == 2
    (file,) = await files_of(story, cases)
    assert file in await stored(storage, str(file))
    (shown,) = (await story.worker.get(f"/cases/{story.case_id}/timeline")).json()["items"]
    assert [one["id"] for one in shown["attachments"]] == [on_visit["id"]]
    first = answers[0].json()["id"]
    for attachment, left in ((first, True), (on_visit["id"], False)):
        path = f"/cases/{story.case_id}/attachments/{attachment}/error"
        body = {"expected_version": 0, "error": "wrong-case"}
        assert slug(await story.worker.post(path, json=body | {"expected_version": 4})) == "version-conflict"
        assert (await story.worker.post(path, json=body)).json()["state"] == "entered_in_error"
        assert (file in await stored(storage, str(file))) is left
        assert slug(await read(story.worker, story, attachment)) == "attachment-removed"
    rows = await listed(story.worker, story)
    assert [(one["state"], one["error"], len(one["sha256"])) for one in rows] == [
        ("entered_in_error", "wrong-case", 64)
    ] * 2
    assert (await pdf(story))["new"] is True


async def test_wrong_types_and_sizes_are_refused_and_nothing_is_left(
    story: Story, cases: Running, storage: Storage
) -> None:
    await story.open()
    most = cases.context.settings.attachment_max_bytes  # type: ignore[attr-defined]
    text_file = ("a.txt", "text/plain")
    for content, name, declared, why in (
        (b"MZ" + PDF, "a.exe", "application/pdf", "file-type-not-allowed"),
        (PDF, "a.pdf", "image/png", "file-type-mismatch"),
        (b"x" * (most + 1), *text_file, "file-too-large"),
        (b"x" * (most + 40_000), *text_file, "file-too-large"),
        (b"", *text_file, "file-empty"),
        (jpeg()[:-2], "a.jpg", "image/jpeg", "file-damaged"),
    ):
        answer = await upload(story.worker, story, content, name, declared)
        assert (answer.status_code, slug(answer)) == (422, why)
    assert slug(await upload(story.worker, story, PDF, "a.pdf", "application/pdf", kind="x")) == "request-not-valid"
    assert slug(await upload(story.worker, story, PDF, "a.pdf", "application/pdf", note_id="x")) == "request-not-valid"
    assert await listed(story.worker, story) == []
    assert not list(storage._drafts.glob("*"))


async def test_others_neither_attach_nor_read_nor_remove(story: Story, cases: Running) -> None:
    await story.open()
    kept = await pdf(story)
    people = [
        ("social_worker", {}, "not-your-case"),
        ("social_worker", {"agency": "koperasi"}, "not-your-agency"),
        ("supervisor", {"area": "31.71"}, "outside-your-area"),
        ("auditor", {}, "not-permitted"),
        ("operator", {}, "not-permitted"),
        ("desk_officer", {}, "not-permitted"),
    ]
    for role, scope, why in people:
        async with cases.client(role, sub=f"{role}-{uuid4().hex}", **scope) as other:
            assert slug(await upload(other, story, PDF, "a.pdf", "application/pdf")) == why, role
            assert slug(await read(other, story, kept["id"])) == why, role
            body = {"expected_version": 0, "error": "duplicate"}
            path = f"/cases/{story.case_id}/attachments/{kept['id']}/error"
            assert slug(await other.post(path, json=body)) == why, role
    other = Story(cases, story._publish)
    await other.open()
    assert slug(await read(other.worker, other, kept["id"])) == "not-found"
    await other.leave()


async def test_what_is_attached_to_a_confidential_note_is_as_closed_as_the_note(story: Story, cases: Running) -> None:
    await story.open()
    row = await certify(cases, story.worker)
    written = await story.worker.post(f"/cases/{story.case_id}/notes", json=note(confidential=True))
    kept = await pdf(story, note_id=written.json()["id"])
    assert (await read(story.worker, story, kept["id"])).content == PDF
    assert slug(await read(story.supervisor, story, kept["id"])) == "not-your-case"
    assert await listed(story.supervisor, story) == []
    body = {"expected_version": row["version"], "answer": "withdrawn"}
    async with cases.client("supervisor", sub=f"s-{uuid4().hex}") as boss:
        assert (await boss.post(f"/competence/{row['id']}/decide", json=body)).is_success
    assert slug(await read(story.worker, story, kept["id"])) == "not-accredited"
    assert await listed(story.worker, story) == []


async def test_a_crash_between_file_and_row_leaves_a_file_that_the_sweeper_takes_after_a_day(
    story: Story, cases: Running, storage: Storage
) -> None:
    await eventually(lambda: sweep(cases.context.db, storage))  # the service's own sweep at its start is over
    await story.open()
    kept = UUID((await pdf(story))["id"])
    twin = UUID(kept.hex[:8] + uuid4().hex[8:30] + kept.hex[-2:])
    for age in (timedelta(), timedelta(days=2)):
        storage.draft(twin).write_bytes(b"x")
        await storage.keep(twin, storage.draft(twin))
        path = storage._folder / shard_of(twin) / str(twin)  # type: ignore[attr-defined]
        at = (datetime.now(UTC) - age).timestamp()
        os.utime(path, (at, at))
        os.utime(path.with_name(str(kept)), (0, 0))
        swept = await sweep_shard(shard_of(twin), cases.context.db, storage)
        assert swept == Swept(removed=1 if age else 0, missing=0)
    await storage.remove(kept)
    assert await sweep_shard(shard_of(twin), cases.context.db, storage) == Swept(removed=0, missing=1)
    assert slug(await read(story.worker, story, str(kept))) == "attachment-unreadable"
    assert (await eventually(lambda: sweep(cases.context.db, storage))).missing >= 1


async def test_fifty_megabytes_go_in_and_out_in_bounded_memory(story: Story, cases: Running) -> None:
    await story.open()
    settings = cases.context.settings
    before = settings.attachment_max_bytes  # type: ignore[attr-defined]
    size = 50 * 1024**2
    file = BytesIO(b"catatan\n" * (size // 8))
    settings.attachment_max_bytes = 64 * 1024**2  # type: ignore[attr-defined]
    try:
        tracemalloc.start()
        answer = await upload(story.worker, story, file, "a.txt", "text/plain")
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    finally:
        settings.attachment_max_bytes = before  # type: ignore[attr-defined]
    assert answer.status_code == 201, answer.text
    assert peak < 24 * 1024**2
    assert (await listed(story.worker, story))[0]["size"] == size
