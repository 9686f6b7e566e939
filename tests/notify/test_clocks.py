"""What a referral's clock tells climbs: those who do it, those above them, the heads of both offices."""

from collections.abc import Awaitable, Callable
from typing import Any
from uuid import uuid4

from tests.harness.stack import Running, eventually
from tests.notify.stories import Story

Publish = Callable[..., Awaitable[str]]


async def test_each_level_is_told_to_its_own_people_and_each_notice_once(
    notify: Running, publish_fact: Publish
) -> None:
    story = Story(agency=f"o{uuid4().hex[:8]}")
    await publish_fact(story.opened(), story.case_id, 1)
    for notice in (story.reminded(), *(story.escalated(level) for level in (1, 2, 3)), story.overdue()):
        event_id, aggregate = str(uuid4()), str(uuid4())
        for _ in range(2):
            await publish_fact(notice, aggregate, 1, event_id=event_id)
    await publish_fact(story.expired(), story.referral_id, 1)

    async def told(role: str, agency: str, sub: str) -> list[str]:
        async with notify.client(role, agency, sub=sub) as client:
            items = (await client.get("/inbox?size=100")).json()["items"]
        return sorted(
            one["title"].split(":")[0].split(" kedal")[-1] for one in items if story.referral_id in one["link"]
        )

    at_desk = ["Pengingat", "Terlambat", *(f"Terlambat (tingkat {level})" for level in (1, 2, 3)), "uwarsa"]

    async def everybody() -> bool:
        return (
            await told("desk_officer", story.agency, "officer") == at_desk
            and await told("social_worker", "dinsos", story.worker) == ["Terlambat", "Terlambat (tingkat 1)", "uwarsa"]
            and await told("supervisor", "dinsos", story.supervisor)
            == ["Terlambat (tingkat 2)", "Terlambat (tingkat 3)"]
            and await told("supervisor", "dinsos", "another") == ["Terlambat (tingkat 3)"]
            and await told("supervisor", "dinkes", "another") == []
        )

    await eventually(everybody)


async def test_outside_of_any_case_the_offices_supervisors_hear_of_it(notify: Running, publish_fact: Publish) -> None:
    story = Story()
    event = story.escalated(2).model_copy(update={"case_id": None})
    await publish_fact(event, str(uuid4()), 1)

    async def told() -> list[Any]:
        async with notify.client("supervisor", "dinsos", sub="any") as client:
            items = (await client.get("/inbox?size=100")).json()["items"]
        return [one for one in items if story.referral_id in one["link"]]

    (message,) = await eventually(told)
    assert "batas waktu keputusan (1 Desember 2026)" in message["text"]
