"""The queue of pairs that wait for a human: closest to the line first, in one's area, and no judged pair again."""

from typing import Any
from uuid import UUID, uuid4

import pytest

from services.registry.linkage.model import FIELDS
from services.registry.reviews import common_area
from sinergi.db import Database
from tests.harness.stack import Running
from tests.registry.pairs import REASON, a_person, a_review, fresh_nik, pair
from tests.registry.test_verdicts import judge, outcomes, slug, unmerge

PURPOSE = "memeriksa pasangan"
#: where no other tests have people
CITY = "35.78"


@pytest.fixture
def db(registry: Running) -> Database:
    return registry.context.db


async def queue(registry: Running, area: str = CITY, **what: Any) -> dict[str, Any]:
    async with registry.client("operator", area=area) as client:
        answer = await client.get("/reviews", params=what)
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found


async def waiting(registry: Running, review: UUID, area: str) -> bool:
    return str(review) in {one["id"] for one in (await queue(registry, area=area, size=100))["items"]}


async def opened(registry: Running, review: UUID, **who: Any) -> Any:
    async with registry.client("operator", **{"area": CITY} | who) as client:
        return await client.get(f"/reviews/{review}", params={"purpose": PURPOSE})


async def a_pair(db: Database, area: str, **fields: Any) -> tuple[UUID, UUID, UUID]:
    one, other = await a_person(db, area=area), await a_person(db, area=area)
    return one, other, await a_review(db, one, other, area=area, **fields)


@pytest.mark.parametrize(
    ("one", "other", "both"),
    [
        ("31.74.01.1001", "31.74.01.1001", "31.74.01.1001"),
        ("31.74.01.1001", "31.74.05.1001", "31.74"),
        ("31.74.01.1001", "31.71.01.1001", "31"),
        ("31.74.01.1001", "32.01.01.2001", ""),
    ],
)
def test_a_pair_lies_in_the_smallest_area_that_holds_both(one: str, other: str, both: str) -> None:
    assert common_area(one, other) == both


async def test_the_queue_is_masked_counted_and_begins_closest_to_the_line(registry: Running, db: Database) -> None:
    area = "35.78.02.1001"
    *_, far = await a_pair(db, area, bits=5.0)
    *_, near = await a_pair(db, area, bits=-0.5)
    *_, unscored = await a_pair(db, area, bits=None, reason="nik-shared")
    found = await queue(registry, area="35.78.02")
    assert [one["id"] for one in found["items"]] == [str(near), str(far), str(unscored)]
    assert (found["total"], found["counts"]) == (3, {"nik-shared": 1, "score": 2})
    assert all("*" in person["name_masked"] for one in found["items"] for person in one["persons"])
    only = await queue(registry, area="35.78.02", reason="nik-shared", size=1)
    assert (only["total"], [one["id"] for one in only["items"]]) == (1, [str(unscored)])


async def test_a_pair_is_seen_by_whoever_may_judge_both(registry: Running, db: Database) -> None:
    one, other = await a_person(db, area="35.78.03.1001"), await a_person(db, area="35.78.04.1001")
    review = await a_review(db, one, other, area=common_area("35.78.03.1001", "35.78.04.1001"))
    assert await waiting(registry, review, "35.78")
    assert not await waiting(registry, review, "35.78.03")
    assert slug(await opened(registry, review, area="35.78.03")) == "outside-your-area"


async def test_a_pair_is_opened_side_by_side_with_each_field_explained(registry: Running, db: Database) -> None:
    nik, area = fresh_nik(), "35.78.02.1002"
    one = await a_person(db, area=area, nik=nik, name="Siti Aminah")
    other = await a_person(db, area=area, nik=nik, name="Joko")
    review = await a_review(db, one, other, area=area, levels=[0, None, 4, 3, None, None, 1], reason="nik")
    found = (await opened(registry, review, sub="clerk-9")).json()
    assert [(side["name"], side["nik"]) for side in found["persons"]] == [("Siti Aminah", nik), ("Joko", nik)]
    assert found["persons"][0]["provenance"]["name"]["source"] == "ministry"
    assert [told["field"] for told in found["explanation"]][: len(FIELDS) + 1] == ["odds", *FIELDS]
    assert found["explanation"][3]["text_id"] == "NIK sama"
    assert found["reason_text"]["id"]
    async with registry.client("auditor") as client:
        for person in (one, other):
            trail = (await client.get("/audit", params={"subject_id": str(person)})).json()["items"]
            assert (trail[0]["action"], trail[0]["actor"], trail[0]["purpose"]) == ("review.read", "clerk-9", PURPOSE)


async def test_a_pair_that_was_never_compared_has_no_explanation(registry: Running, db: Database) -> None:
    *_, review = await a_pair(db, "35.78.02.1003", levels=None, reason="nik-shared")
    assert (await opened(registry, review)).json()["explanation"] == []


async def test_a_judged_pair_leaves_the_queue_and_comes_back_when_the_verdict_is_withdrawn(
    registry: Running, db: Database
) -> None:
    area = "35.78.06.1001"
    one, other, review = await a_pair(db, area)
    await judge(registry, pair(one, other, "different"), area=CITY)
    assert not await waiting(registry, review, area)
    (said,) = (await opened(registry, review)).json()["verdicts"]
    async with registry.client("operator", area=CITY) as client:
        await client.post(f"/verdicts/{said['id']}/undo", json={"reason": REASON})
    assert await waiting(registry, review, area)


async def test_a_pair_that_others_decided_leaves_the_queue(registry: Running, db: Database) -> None:
    area = "35.78.06.1002"
    a, b, c, d = [await a_person(db, area=area) for _ in range(4)]
    same, apart = await a_review(db, a, c, area=area), await a_review(db, a, d, area=area)
    await judge(registry, pair(a, b), pair(b, c), pair(d, c, "different"), area=CITY)
    assert not await waiting(registry, same, area)
    assert not await waiting(registry, apart, area)
    await unmerge(registry, db, b, area=CITY)
    assert await waiting(registry, same, area)
    assert await waiting(registry, apart, area)


async def test_a_merged_person_is_shown_as_the_survivor(registry: Running, db: Database) -> None:
    area = "35.78.06.1003"
    a, b, c = [await a_person(db, area=area, name=name) for name in ("Ani Lengkap", "Ani", "Ina")]
    review = await a_review(db, b, c, area=area)
    await judge(registry, pair(a, b), area=CITY)
    sides = (await opened(registry, review)).json()["persons"]
    assert [(side["id"], side["name"]) for side in sides] == [(str(b), "Ani Lengkap"), (str(c), "Ina")]


async def test_whoever_is_unsure_leaves_the_pair_in_the_queue_with_that_reason(registry: Running, db: Database) -> None:
    area = "35.78.07.1001"
    one, other, review = await a_pair(db, area)
    a, b = await a_person(db, area=area), await a_person(db, area=area)
    assert outcomes(await judge(registry, pair(one, other, "unsure"), pair(a, b, "unsure"), area=CITY)) == [
        "applied",
        "applied",
    ]
    found = await queue(registry, area=area)
    assert (found["counts"], str(review) in {one["id"] for one in found["items"]}) == ({"unsure": 2}, True)
    assert outcomes(await judge(registry, pair(one, other, "different"), pair(one, other, "unsure"), area=CITY)) == [
        "applied",
        "verdict-known",
    ]


async def test_a_review_of_nobody_is_not_found(registry: Running) -> None:
    assert slug(await opened(registry, uuid4())) == "not-found"


@pytest.mark.parametrize("role", ["social_worker", "desk_officer"])
async def test_the_queue_is_not_for_everybody(registry: Running, role: str) -> None:
    async with registry.client(role, area="*") as client:
        assert (await client.get("/reviews")).status_code == 403
        assert (await client.get(f"/persons/{uuid4()}/verdicts")).status_code == 403
