"""What a pathway wants of its worker, and how it ended, is told to the worker that its case has by now."""

from collections.abc import Awaitable, Callable
from typing import Any
from uuid import uuid4

from sinergi.events import PathwayBlocked, PathwayCompleted, PathwayStopped
from tests.harness.stack import Running, eventually
from tests.notify.stories import Story

Publish = Callable[..., Awaitable[str]]


def about(**other: Any) -> dict[str, Any]:
    fields: dict[str, Any] = {
        "pathway_id": str(uuid4()), "template": "kube-naik-kelas", "template_version": 1, "agency": "dinsos",
        "area": "31.74", "worker": f"starter-{uuid4().hex[:8]}", "client_kind": "group", "client_id": str(uuid4()),
    }  # fmt: skip
    return fields | other


async def told(notify: Running, sub: str, count: int) -> list[dict[str, str]]:
    """The user's messages about pathways, oldest first, once there are so many."""

    async def there() -> list[dict[str, str]] | None:
        async with notify.client("social_worker", "dinsos", sub=sub) as client:
            items = (await client.get("/inbox?size=100")).json()["items"]
        found = [one for one in items if one["link"].startswith("/pathways/")]
        return found[::-1] if len(found) == count else None

    found: list[dict[str, str]] = await eventually(there)
    return found


async def test_the_cases_worker_hears_what_to_decide_and_how_it_ended(notify: Running, publish_fact: Publish) -> None:
    story = Story()
    await publish_fact(story.opened(), story.case_id, 1)
    same = about(case_id=story.case_id)
    await publish_fact(PathwayBlocked(**same, step="izin", reason="no-service"), same["pathway_id"], 1)
    await publish_fact(PathwayStopped(**same, reason="died", undone=["modal"]), same["pathway_id"], 2)
    blocked, stopped = await told(notify, story.worker, 2)
    assert blocked["link"] == f"/pathways/{same['pathway_id']}"
    assert "menunggu keputusan Anda" in blocked["title"]
    assert "izin" in blocked["text"]
    assert "tidak ada yang melayani" in blocked["text"]
    assert "klien meninggal" in stopped["text"]


async def test_outside_of_any_case_whoever_started_it_hears_of_it(notify: Running, publish_fact: Publish) -> None:
    same = about()
    await publish_fact(PathwayCompleted(**same, done=["pembinaan"], skipped=[]), same["pathway_id"], 1)
    (message,) = await told(notify, same["worker"], 1)
    assert message["title"].endswith("selesai")
