"""The whole path of a case with its three roles, and outsiders who see nothing of it at any of its stages.

Roles: the social worker, the supervisor, and the officer of a facility in which a person of the case is placed.
"""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from datetime import date
from typing import Any
from uuid import uuid4

import httpx2 as httpx
import pytest

from sinergi.events import ReferralCompleted
from tests.cases.noting import visit
from tests.cases.placing import Province
from tests.cases.story import COACHING, Story
from tests.harness.stack import Running

#: what can be read of a case; each room of casework has its page here
PAGES = (
    "", "/card", "/assessments", "/assessments/changes", "/plan", "/next", "/timeline", "/attachments", "/placements",
    "/closure", "/transfers",
)  # fmt: skip
OUTSIDERS = {
    "a colleague who does not hold it": ("social_worker", "dinsos", "31.74"),
    "a supervisor of another kecamatan": ("supervisor", "dinsos", "31.74.02"),
    "a supervisor of another office": ("supervisor", "dinsos-pbl", "35.13"),
    "an agency's desk": ("desk_officer", "koperasi", "31.74"),
    "a facility's officer": ("facility_officer", "dinsos-dki", "31"),
    "a volunteer": ("volunteer", "dinsos", "31.74"),
    "the data operator": ("operator", "dinsos", "31.74"),
}


class Watched(Story):
    """The story of a case; after each act nobody but its people can read any page of it, or find it in a list."""

    outsiders: dict[str, httpx.AsyncClient]

    async def done(self, who: httpx.AsyncClient, path: str, **more: Any) -> dict[str, Any]:
        answer = await super().done(who, path, **more)
        await self.nobody_else_sees()
        return answer

    async def nobody_else_sees(self) -> None:
        """Each page refuses each outsider, and no list of theirs names the case."""
        for name, outsider in self.outsiders.items():
            for page in PAGES:
                refused = await outsider.get(f"/cases/{self.case_id}{page}")
                assert refused.status_code == 403, f"{name} reads {page or 'the case'}"
                assert self.client_id not in refused.text
            for listed in ("/cases", "/tasks", "/plans"):
                found = await outsider.get(listed, params={"size": 100})
                assert self.case_id not in found.text, f"{name} finds it in {listed}"


@pytest.fixture
async def story(cases: Running, publish_fact: Callable[..., Awaitable[str]]) -> AsyncIterator[Watched]:
    story = Watched(cases, publish_fact)
    async with AsyncExitStack() as clients:
        story.outsiders = {
            name: await clients.enter_async_context(cases.client(*who, sub=f"outsider-{uuid4().hex}"))
            for name, who in OUTSIDERS.items()
        }
        yield story
    await story.leave()


async def test_the_people_of_a_case_walk_its_path_and_nobody_else_sees_it(story: Watched) -> None:
    await story.open()
    await story.assess()
    await story.draft(COACHING)
    await story.done(story.worker, "/plan/submit")
    await story.done(story.supervisor, "/plan/return", comment="Tambahkan target")
    await story.draft(COACHING)
    await story.done(story.worker, "/plan/submit")
    await story.done(story.supervisor, "/plan/approve", comment="Baik")
    referral = await story.requested("coaching")
    given = {"outcome": "coached", "given_on": date.today(), "evidence": []}
    await story.fact(ReferralCompleted, "coaching", referral, 2, **given)
    await story.until("coaching", "completed")
    await _visited(story)
    await story.read()
    outcomes = {"skill": "met", "licence": "partly_met"}
    await story.done(story.worker, "/closure", reason="goals-met", outcomes=outcomes, client_view="Puas")
    closed = await story.done(story.supervisor, "/close", comment="Setuju")
    assert closed["state"] == "pembinaan_lanjut"
    assert {one["kind"] for one in (await story.read())["tasks"] if not one["done_at"]} == {"follow-up"}


@pytest.fixture
async def province(cases: Running) -> AsyncIterator[Province]:
    province = Province(cases)
    yield province
    await province.leave()


async def _visited(story: Watched) -> None:
    answer = await story.worker.post(f"/cases/{story.case_id}/visits", json=visit())
    assert answer.status_code == 201, answer.text
    await story.nobody_else_sees()


async def test_a_facilitys_officer_works_with_a_card_and_never_sees_the_case(province: Province) -> None:
    facility = await province.facility("f")
    placement = await province.admitted(facility)
    case_id = str((await province.row(placement["id"]))["case_id"])
    for page in PAGES:
        assert (await province.officer.get(f"/cases/{case_id}{page}")).status_code == 403, page
    shown = (await province.officer.get(f"/facilities/{facility}")).text
    assert case_id.replace("-", "")[-8:].upper() in shown
    assert case_id not in shown
