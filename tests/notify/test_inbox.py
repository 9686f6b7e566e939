"""Whoever must know finds a message in the inbox, once, and nobody else does."""

from collections.abc import Awaitable, Callable
from datetime import date
from typing import Any
from uuid import uuid4

import pytest

from services.notify.rules import number
from services.notify.table import RULES
from sinergi.events import CasePlanSubmitted, ImportCompleted, MeetingCalled, TaskOpened
from tests.harness.stack import Running, eventually
from tests.notify.stories import Story

Publish = Callable[..., Awaitable[str]]


async def inbox(notify: Running, size: int = 20, **who: Any) -> dict[str, Any]:
    async with notify.client(**who) as client:
        answer = await client.get("/inbox", params={"size": size})
        return answer.raise_for_status().json()  # type: ignore[no-any-return]


async def desk_inbox(notify: Running, story: Story) -> list[dict[str, Any]]:
    """What the desk's officer has about this story's referral."""
    items = (await inbox(notify, 100, role="desk_officer", agency=story.agency, sub="officer"))["items"]
    return [one for one in items if story.referral_id in one["link"]]


async def own_inbox(notify: Running, sub: str, role: str = "social_worker") -> list[dict[str, Any]]:
    return (await inbox(notify, role=role, sub=sub))["items"]  # type: ignore[no-any-return]


async def test_a_requested_referral_lies_in_the_inbox_of_its_desk(notify: Running, publish_fact: Publish) -> None:
    story = Story()
    await publish_fact(story.requested(), story.referral_id, 1)
    (message,) = await eventually(lambda: desk_inbox(notify, story))
    assert message["title"] == f"Rujukan baru {number(story.referral_id)}"
    assert message["link"] == f"/referrals/{story.referral_id}"
    assert "1 Desember 2026" in message["text"]
    assert message["read_at"] is None


async def test_a_desk_officer_sees_only_the_desks_of_the_own_agency(notify: Running, publish_fact: Publish) -> None:
    story = Story()
    await publish_fact(story.requested(), story.referral_id, 1)
    (message,) = await eventually(lambda: desk_inbox(notify, story))
    for who in (
        {"role": "desk_officer", "agency": "koperasi"},
        {"role": "desk_officer", "agency": "bpts"},
        {"role": "social_worker", "agency": "bptsp"},
        {"role": "operator", "agency": "bptsp"},
    ):
        assert message["id"] not in [one["id"] for one in (await inbox(notify, 100, **who))["items"]]
        async with notify.client(**who) as client:
            assert (await client.post(f"/inbox/{message['id']}/read")).status_code == 404


async def test_the_worker_of_the_case_hears_every_answer(notify: Running, publish_fact: Publish) -> None:
    story = Story()
    await publish_fact(story.opened(), story.case_id, 1)
    await publish_fact(story.requested(), story.referral_id, 1)
    await publish_fact(story.accepted(), story.referral_id, 2)
    await publish_fact(story.completed(), story.referral_id, 3)

    async def both() -> list[str]:
        titles = [one["title"] for one in await own_inbox(notify, story.worker)]
        return titles if len(titles) == 2 else []

    referral = number(story.referral_id)
    assert await eventually(both) == [f"Rujukan {referral} selesai", f"Rujukan {referral} disetujui"]


async def test_an_answer_that_comes_before_its_case_finds_its_worker_later(
    notify: Running, publish_fact: Publish, facts: Callable[..., Awaitable[list[Any]]]
) -> None:
    story = Story()
    await publish_fact(story.requested(), story.referral_id, 1)
    await publish_fact(story.accepted(), story.referral_id, 2)
    await eventually(lambda: desk_inbox(notify, story))
    assert await own_inbox(notify, story.worker) == []
    await publish_fact(story.opened(), story.case_id, 1)
    (message,) = await eventually(lambda: own_inbox(notify, story.worker))
    (told,) = await eventually(lambda: facts("MESSAGES", message["id"]))
    assert told[1]["recipient"] == f"user:{story.worker}"


async def test_a_return_after_acceptance_is_loud_the_supervisor_hears_it_too(
    notify: Running, publish_fact: Publish
) -> None:
    story = Story()
    await publish_fact(story.opened(), story.case_id, 1)
    await publish_fact(story.requested(), story.referral_id, 1)
    await publish_fact(story.accepted(), story.referral_id, 2)
    await publish_fact(story.declined(after_acceptance=True), story.referral_id, 3)

    async def loud() -> list[str]:
        items = await own_inbox(notify, story.supervisor, "supervisor")
        return [one["title"] for one in items if one["kind"] == "referral.declined"]

    async def both_answers() -> bool:
        kinds = [one["kind"] for one in await own_inbox(notify, story.worker)]
        return kinds == ["referral.declined", "referral.accepted"]

    assert (await eventually(loud))[0].startswith("PENTING")
    await eventually(both_answers)


@pytest.mark.parametrize("by_agency", ["dinsos", "bptsp", "core"])
async def test_whoever_cancelled_is_not_told_the_other_side_is(
    notify: Running, publish_fact: Publish, by_agency: str
) -> None:
    story = Story()
    await publish_fact(story.opened(), story.case_id, 1)
    await publish_fact(story.cancelled(by_agency), story.referral_id, 1)
    await publish_fact(story.closed(), story.referral_id, 2)  # always to the desk: then the first is handled

    expected = {"desk": by_agency != "bptsp", "worker": by_agency != "dinsos"}

    async def told() -> bool:
        at_desk = [one["kind"] for one in await desk_inbox(notify, story)]
        at_worker = [one["kind"] for one in await own_inbox(notify, story.worker)]
        told = {"desk": "referral.cancelled" in at_desk, "worker": "referral.cancelled" in at_worker}
        return "referral.closed" in at_desk and told == expected

    await eventually(told)


async def test_a_plan_that_lies_before_the_supervisor_is_told_to_the_supervisor(
    notify: Running, publish_fact: Publish
) -> None:
    story = Story()
    await publish_fact(CasePlanSubmitted(**story.case(), plan_id=str(uuid4())), story.case_id, 1)

    async def about_the_case() -> list[dict[str, Any]]:  # the office's supervisors share a desk
        found = await own_inbox(notify, story.supervisor, "supervisor")
        return [one for one in found if one["link"].endswith(story.case_id)]

    (message,) = await eventually(about_the_case)
    assert message["kind"] == "case.plan_submitted"
    assert await own_inbox(notify, story.worker) == []


async def test_without_a_named_supervisor_every_supervisor_of_the_office_is_told(
    notify: Running, publish_fact: Publish
) -> None:
    story = Story(supervisor="")
    await publish_fact(CasePlanSubmitted(**story.case(), plan_id=str(uuid4())), story.case_id, 1)

    async def told(agency: str) -> list[Any]:
        who = {"role": "supervisor", "sub": "any-supervisor", "agency": agency}
        items = (await inbox(notify, 100, **who))["items"]
        return [one for one in items if story.case_id in one["link"]]

    assert await eventually(lambda: told("dinsos"))
    assert await told("bptsp") == []


async def test_a_decision_of_a_meeting_is_told_to_whoever_does_it(notify: Running, publish_fact: Publish) -> None:
    story, task, meeting = Story(), str(uuid4()), str(uuid4())
    about = {"agency": "d" + uuid4().hex[:6], "area": "31.74"}
    task_of = {"task_id": task, "worker": story.worker, "kind": "decision", "due_on": date(2026, 12, 6)}
    await publish_fact(TaskOpened(**about, **task_of), task, 1)
    called = MeetingCalled(**about, meeting_id=meeting, kind="monthly", held_on=date(2026, 12, 1))
    await publish_fact(called, meeting, 1)
    (message,) = await eventually(lambda: own_inbox(notify, story.worker))
    assert (message["link"], "6 Desember 2026" in message["text"]) == ("/tasks", True)

    async def told(agency: str) -> list[Any]:
        items = (await inbox(notify, 100, role="supervisor", sub="any-supervisor", agency=agency))["items"]
        return [one for one in items if one["link"] == f"/rakor/{meeting}"]

    assert await eventually(lambda: told(about["agency"]))
    assert await told("bptsp") == []


async def test_a_finished_import_is_told_to_the_data_operators(notify: Running, publish_fact: Publish) -> None:
    number_of_good = 1_000_000 + int(uuid4().hex[:6], 16)
    done = ImportCompleted(
        import_id=str(uuid4()),
        source="city",
        rows_good=number_of_good,
        rows_bad=3,
        persons_new=1,
        persons_matched=2,
    )
    await publish_fact(done, done.import_id, 1)

    async def told() -> list[Any]:
        items = (await inbox(notify, 100, role="operator", sub="op"))["items"]
        return [one for one in items if str(number_of_good) in one["text"]]

    assert await eventually(told)


async def test_the_same_fact_told_twice_is_one_message(notify: Running, publish_fact: Publish) -> None:
    story, event_id = Story(), str(uuid4())
    await publish_fact(story.requested(), story.referral_id, 1, event_id=event_id)
    await publish_fact(story.requested(), story.referral_id, 1, event_id=event_id)
    await publish_fact(story.closed(), story.referral_id, 2)

    async def closed() -> bool:
        return "referral.closed" in [one["kind"] for one in await desk_inbox(notify, story)]

    await eventually(closed)
    kinds = [one["kind"] for one in await desk_inbox(notify, story)]
    assert sorted(kinds) == ["referral.closed", "referral.requested"]


async def test_a_message_that_was_read_is_no_longer_unread(notify: Running, publish_fact: Publish) -> None:
    story = Story()
    await publish_fact(story.opened(), story.case_id, 1)
    await publish_fact(story.accepted(), story.referral_id, 1)
    (message,) = await eventually(lambda: own_inbox(notify, story.worker))
    async with notify.client(sub=story.worker) as client:
        assert (await client.get("/inbox?unread=true")).json()["unread"] == 1
        assert (await client.post(f"/inbox/{message['id']}/read")).json()["state"] == "read"
        assert (await client.post(f"/inbox/{message['id']}/read")).status_code == 200
        after = (await client.get("/inbox?unread=true")).json()
        assert (after["items"], after["total"], after["unread"]) == ([], 0, 0)
        assert (await client.get("/inbox")).json()["total"] == 1


async def test_the_inbox_comes_in_pages_of_at_most_a_hundred(notify: Running, publish_fact: Publish) -> None:
    story = Story()
    await publish_fact(story.opened(), story.case_id, 1)
    for version in range(1, 6):
        await publish_fact(story.accepted(), story.referral_id, version)

    async def all_five() -> bool:
        return len(await own_inbox(notify, story.worker)) == 5

    await eventually(all_five)
    async with notify.client(sub=story.worker) as client:
        pages = [(await client.get(f"/inbox?size=2&page={page}")).json() for page in (1, 2, 3)]
        assert [len(page["items"]) for page in pages] == [2, 2, 1]
        assert len({one["id"] for page in pages for one in page["items"]}) == 5
        assert (await client.get("/inbox?size=101")).status_code == 422


async def test_an_auditor_and_a_stranger_have_no_inbox(notify: Running) -> None:
    async with notify.client(role="auditor") as client:
        assert (await client.get("/inbox")).status_code == 403
    async with notify.anonymous() as client:
        assert (await client.get("/inbox")).status_code == 401


async def test_what_somebody_typed_never_reaches_a_message(notify: Running, publish_fact: Publish) -> None:
    story = Story()
    await publish_fact(story.requested("Siti Aminah, NIK 3174094107800001"), story.referral_id, 1)
    (message,) = await eventually(lambda: desk_inbox(notify, story))
    assert "Siti" not in str(message)
    assert "3174094107800001" not in str(message)


def test_every_text_of_the_table_uses_only_codes_numbers_and_dates() -> None:
    handed = {"case.handed_over.v1", "case.load_handed_over.v1"}
    pathways = {"pathway.blocked.v1", "pathway.stopped.v1"}
    coded = {"referral.declined.v1", "referral.failed.v1", *handed, *pathways}  # whose reason is one of a list
    for rule in RULES:
        texts = rule.title + rule.text
        assert "{client" not in texts
        assert "{legal_basis}" not in texts
        assert rule.event.name in coded or "{reason}" not in texts
        assert "{by}" not in texts
