"""The data-quality report: each finding with its count and its list, masked, paged and written down."""

import json
from datetime import timedelta
from io import BytesIO
from typing import Any
from uuid import UUID

from python_calamine import load_workbook
from sqlalchemy import text

from services.registry.counting import recount
from services.registry.desil import is_stale, stale_before
from services.registry.findings import FINDINGS
from services.registry.verdicts_models import Review
from sinergi.db import Database, new_id
from tests.harness.stack import Running
from tests.registry.known_people import PURPOSE, TODAY, Said, household, settle
from tests.registry.lists import someone


async def get(registry: Running, path: str, status: int = 200, area: str = "31", **params: Any) -> Any:
    async with registry.client("operator", area=area) as client:
        answer = await client.get(path, params=params)
        assert answer.status_code == status, answer.text
        return answer.json()


async def found(registry: Running, *areas: str) -> dict[str, int]:
    """The report's counts of the first area's kecamatan, without those that are 0."""
    for area in areas:
        async with registry.context.db.begin() as tx:
            await recount(area, tx)
    report = await get(registry, f"/quality/{areas[0]}")
    return {one["code"]: one["count"] for one in report["findings"] if one["count"]}


async def listed(registry: Running, area: str, finding: str, **params: Any) -> list[dict[str, Any]]:
    page = await get(registry, f"/quality/{area}/{finding}", purpose=PURPOSE, **params)
    items: list[dict[str, Any]] = page["items"]
    return items


def aged(years: int) -> Any:
    return TODAY - timedelta(days=round(years * 365.25) + 3)


async def sound(db: Database, area: str, **fields: Any) -> UUID:
    """Somebody about whom there is nothing to find."""
    home = fields.pop("household_id", None) or await household(db, area)
    return await settle(db, area=area, household_id=home, **fields)


async def test_sound_people_give_no_finding(registry: Running) -> None:
    area = "31.71.01.1001"
    await sound(registry.context.db, area, said=[Said("ministry")])
    assert await found(registry, area) == {}


async def test_a_household_of_more_than_ten_is_crowded(registry: Running) -> None:
    db, area = registry.context.db, "31.71.01.1002"
    home = await household(db, area)
    for number in range(11):
        await sound(db, area, household_id=home, is_head=number == 0)
    assert await found(registry, area) == {"crowded-household": 1}
    (item,) = await listed(registry, area, "crowded-household")
    assert item == {"household_id": str(home), "area": area, "people": 11, "heads": 1}


async def test_impossible_ages_and_missing_numbers_are_found(registry: Running) -> None:
    db, area = registry.context.db, "31.71.01.1003"
    old, young = await sound(db, area, birth_date=aged(111)), await sound(db, area, birth_date=aged(9))
    bare = await sound(db, area, nik=None, kk=None, birth_date=None)
    counts = {"age-impossible": 1, "head-too-young": 1, "nik-missing": 1, "kk-missing": 1, "birth-date-missing": 1}
    assert await found(registry, area) == counts
    for finding, person in (("age-impossible", old), ("head-too-young", young), ("nik-missing", bare)):
        assert [item["id"] for item in await listed(registry, area, finding)] == [str(person)]


async def test_a_shared_nik_shows_both_people_and_a_number_only_masked(registry: Running) -> None:
    db, area, shared = registry.context.db, "31.71.01.1004", someone().nik
    owner = await sound(db, area, nik=shared)
    other = await sound(db, area, nik=shared, unmatched=True)
    assert await found(registry, area) == {"nik-shared": 2}
    items = await listed(registry, area, "nik-shared")
    assert {item["id"] for item in items} == {str(owner), str(other)}
    assert shared not in json.dumps(items)
    assert {item["nik_masked"] for item in items} == {"*" * 12 + shared[-4:]}


async def test_a_shared_nik_is_found_across_areas(registry: Running) -> None:
    db, here, there, shared = registry.context.db, "31.71.01.1005", "31.71.01.1006", someone().nik
    await sound(db, here, nik=shared)
    await sound(db, there, nik=shared, unmatched=True)
    assert await found(registry, here) == {"nik-shared": 1}
    assert await found(registry, there) == {"nik-shared": 1}


async def test_what_the_newest_list_warns_of_is_found(registry: Running) -> None:
    db, area = registry.context.db, "31.71.02.1001"
    warned = [Said("ministry", warnings=["nik-disagrees-with-sex", "kk-not-16-digits"])]
    mended = [
        Said("ministry", TODAY - timedelta(days=90), warnings=["nik-disagrees-with-birth-date"]),
        Said("ministry", TODAY - timedelta(days=1)),
    ]
    await sound(db, area, said=warned)
    await sound(db, area, said=mended)
    assert await found(registry, area) == {"nik-disagrees-with-sex": 1, "kk-not-16-digits": 1}


async def test_a_desil_older_than_two_periods_is_stale(registry: Running) -> None:
    db, area = registry.context.db, "31.71.02.1002"
    await sound(db, area, desil=2, desil_period=stale_before(TODAY))
    stale = await sound(db, area, desil=2, desil_period="2020-Q1")
    await sound(db, area, desil=2, desil_period=None)
    assert await found(registry, area) == {"desil-stale": 1, "desil-without-period": 1}
    assert [item["id"] for item in await listed(registry, area, "desil-stale")] == [str(stale)]
    assert (is_stale("2020-Q1"), is_stale(stale_before(TODAY)), is_stale("lama")) == (True, False, None)


async def test_households_without_a_head_or_with_two_are_found(registry: Running) -> None:
    db, area = registry.context.db, "31.71.02.1003"
    headless, doubled = await household(db, area), await household(db, area)
    await settle(db, area=area, household_id=headless, is_head=False)
    for _ in range(2):
        await settle(db, area=area, household_id=doubled)
    assert await found(registry, area) == {"household-without-head": 1, "household-with-two-heads": 1}


async def test_pairs_that_wait_for_a_verdict_are_found(registry: Running) -> None:
    db, area = registry.context.db, "31.71.02.1004"
    low, high = sorted([await sound(db, area), await sound(db, area)])
    review = Review(id=new_id(), low_id=low, high_id=high, reason="score", area=area, bits=2.0)
    async with db.begin() as tx:
        tx.add(review)
    assert await found(registry, area) == {"duplicates-waiting": 1}
    (item,) = await listed(registry, area, "duplicates-waiting")
    assert (item["id"], item["low_id"], item["high_id"]) == (str(review.id), str(low), str(high))


async def test_kelurahan_without_anybody_are_gaps(registry: Running) -> None:
    area = "31.71.03.1001"
    await sound(registry.context.db, area)
    async with registry.context.db.begin() as tx:
        await recount(area, tx)
    report = await get(registry, "/quality/31.71.03")
    gaps = next(one["count"] for one in report["findings"] if one["code"] == "area-gap")
    items = await listed(registry, "31.71.03", "area-gap", size=100)
    assert gaps == len(items) > 0
    assert area not in {item["area"] for item in items}


async def test_a_list_goes_on_from_kelurahan_to_kelurahan(registry: Running) -> None:
    db, areas = registry.context.db, ("31.71.04.1001", "31.71.04.1002", "31.71.04.1003")
    people = [[await sound(db, area, nik=None) for _ in range(3)] for area in areas]
    await found(registry, *areas)
    pages = [await listed(registry, "31.71.04", "nik-missing", size=4, page=page) for page in (1, 2, 3, 4)]
    assert [len(page) for page in pages] == [4, 4, 1, 0]
    assert [item["id"] for page in pages for item in page] == [str(one) for area in people for one in sorted(area)]


async def test_a_list_leaves_audit_rows_and_needs_a_purpose(registry: Running) -> None:
    area = "31.71.05.1001"
    person = await sound(registry.context.db, area, nik=None)
    await found(registry, area)
    await get(registry, f"/quality/{area}/nik-missing", 422)
    await listed(registry, area, "nik-missing")
    async with registry.context.db.begin() as tx:
        trail = text("SELECT action, purpose FROM audit WHERE subject_id = :id")
        assert (await tx.session.execute(trail, {"id": str(person)})).all() == [("person.search", PURPOSE)]


async def test_reports_and_lists_stay_inside_the_area(registry: Running) -> None:
    for path in ("/quality/31.71", "/quality/31.71/nik-missing", "/quality/31.71.xlsx"):
        refused = await get(registry, path, 403, area="31.74", purpose=PURPOSE)
        assert refused["type"] == "urn:sinergi:problem:outside-your-area"
    unknown = await get(registry, "/quality/31.71/nik-lucky", 404, purpose=PURPOSE)
    assert unknown["type"] == "urn:sinergi:problem:finding-unknown"


async def test_the_report_is_a_workbook_that_names_nobody(registry: Running) -> None:
    area = "31.71.06.1001"
    await sound(registry.context.db, area, nik=None)
    await found(registry, area)
    async with registry.client("operator", area="31") as client:
        answer = await client.get("/quality/31.71.06.xlsx")
    book = load_workbook(BytesIO(answer.content))
    assert book.sheet_names == ["Ringkasan", "Per kelurahan"]
    summary = {row[0]: row[1] for row in book.get_sheet_by_index(0).to_python()}
    assert summary[FINDINGS["nik-missing"].indonesian] == 1
    header, row = book.get_sheet_by_index(1).to_python()[:2]
    assert dict(zip(header, row, strict=True))["Orang tanpa NIK"] == 1
    assert row[0] == area
