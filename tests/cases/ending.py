"""What the tests of terminasi and of what follows need: cases that are closed, and what their page shows."""

from typing import Any

import httpx2 as httpx

from tests.cases.noting import day, slug
from tests.cases.story import COACHING, Story

OUTCOMES = {"skill": "not_met", "licence": "not_met"}
SEEN = {"seen_how": "home-visit", "situation": "same", "expected_version": 0}


async def assessed(story: Story) -> None:
    """A case that can be closed, but has no plan."""
    await story.open()
    await story.assess()


async def dropped(story: Story) -> dict[str, Any]:
    """A case with an approved plan whose only step was declined; returns what a closure says about it."""
    await story.approved(COACHING)
    await story.declined("coaching")
    await story.read()
    return {"outcomes": OUTCOMES, "dropped": {"coaching": "Tidak perlu lagi"}}


async def closed(story: Story, reason: str = "moved", **more: Any) -> dict[str, Any]:
    """A case that was closed; returns its page of terminasi."""
    await assessed(story)
    await story.done(story.worker, "/closure", reason=reason, outcomes={}, **more)
    await story.done(story.supervisor, "/close", comment="Setuju")
    return await ending(story)


async def ending(story: Story, who: httpx.AsyncClient | None = None) -> dict[str, Any]:
    """The page of terminasi as the worker sees it."""
    answer = await (who or story.worker).get(f"/cases/{story.case_id}/closure")
    assert answer.is_success, answer.text
    found: dict[str, Any] = answer.json()
    story.version = found["version"]
    return found


async def looked_after(story: Story, one: dict[str, Any], path: str = "", **body: Any) -> httpx.Response:
    """Record a follow-up; `path` "/not-reached": that nobody was met."""
    about = (SEEN if not path else {"reason": "nobody-home", "expected_version": 0, "next_on": day(7)}) | body
    return await story.worker.post(f"/cases/{story.case_id}/follow-ups/{one['id']}{path}", json=about)


async def refused(story: Story, who: httpx.AsyncClient, path: str, **body: Any) -> str:
    """Why a command on the case is refused."""
    answer = await story.act(who, path, **body)
    assert answer.is_error, answer.text
    return slug(answer)


async def reopening_asked(story: Story) -> None:
    """The worker has asked to open the closed case again."""
    await story.done(story.worker, "/reopening", reason="situation-worse", note="Suami pergi lagi")
