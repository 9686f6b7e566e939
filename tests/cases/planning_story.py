"""What tests of plans tell beside a case's story: steps that the own office sees to, and a plan's next versions."""

from typing import Any

import httpx2 as httpx
from sqlalchemy import text

from services.cases.reassessing import REASSESS
from tests.cases.story import COACHING, GOALS, Story
from tests.harness.stack import Running


def own(key: str, kind: str = "own_service", **other: Any) -> dict[str, Any]:
    """A step that our office sees to."""
    asked = {"own_service": "counselling", "aid": "sembako", "placement": "elderly-home", "visit": "monitoring"}
    return {"key": key, "goal": "skill", "stage": "intervensi", "kind": kind, "service": asked[kind]} | other


def slug(response: httpx.Response) -> tuple[int, str]:
    """The refusal's status and slug."""
    return response.status_code, response.json()["type"].rsplit(":", 1)[-1]


async def plan(story: Story) -> dict[str, Any]:
    """The plan as its worker reads it; the story knows its version then."""
    response = await story.worker.get(f"/cases/{story.case_id}/plan")
    assert response.is_success, response.text
    found: dict[str, Any] = response.json()
    story.version = found["version"]
    return found


async def next_acts(story: Story, who: httpx.AsyncClient) -> dict[str, Any]:
    """What may be done now."""
    response = await who.get(f"/cases/{story.case_id}/next")
    assert response.is_success, response.text
    found: dict[str, Any] = response.json()
    return found


async def on_step(story: Story, key: str, act: str, **body: Any) -> httpx.Response:
    """A command of the worker on a step."""
    found = await story.step(key)
    return await story.act(story.worker, f"/steps/{found['id']}/{act}", **body)


async def stepped(story: Story, key: str, act: str, **body: Any) -> None:
    """The same, which must succeed."""
    response = await on_step(story, key, act, **body)
    assert response.is_success, response.text
    story.version = response.json()["version"]


async def redraft(story: Story, *steps: dict[str, Any], **more: Any) -> httpx.Response:
    """Write the newest version anew."""
    body = {"goals": GOALS, "steps": list(steps) or [COACHING]} | more
    return await story.act(story.worker, "/plan", method="PUT", **body)


async def revised(story: Story, *steps: dict[str, Any], **more: Any) -> None:
    """The next version, with these steps, put in force."""
    await story.done(story.worker, "/plan/revise")
    story._seen(await redraft(story, *steps, **more))
    await story.done(story.worker, "/plan/submit")
    await story.done(story.supervisor, "/plan/approve")


async def open_tasks(story: Story) -> dict[str, dict[str, Any]]:
    """kind -> the case's task that is not done, besides the one to assess again, which is not the plan's."""
    found = {one["kind"]: one for one in (await story.read())["tasks"] if not one["done_at"]}
    return {kind: one for kind, one in found.items() if kind != REASSESS}


async def as_if_due(cases: Running, about: str) -> None:
    """Let the thing's alarm ring now."""
    async with cases.context.db.begin() as tx:
        moved = "UPDATE alarms SET due_at = now() - interval '1 hour' WHERE about = CAST(:id AS uuid)"
        await tx.session.execute(text(moved), {"id": about})
