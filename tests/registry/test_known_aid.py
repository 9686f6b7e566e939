"""The aid ledger: who already gets what, nothing twice, and who may leave; organisations of an area."""

import asyncio
import json
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest

from services.registry.counting import recount
from services.registry.programmes import BUILT_IN, Programmes, months, overlap
from tests.harness.stack import Running
from tests.registry.known_people import TODAY, Said, household, merge, settle
from tests.registry.test_known_needs import get, post


def given(person: UUID | None = None, **more: Any) -> dict[str, Any]:
    shared = {"programme": "pkh", "period": "2026-Q1", "amount": 750_000, "giver": "kemensos", "reference": "SP2D-1"}
    whose = {"person_id": str(person)} if person else {}
    return shared | whose | {"given_on": (TODAY - timedelta(days=30)).isoformat()} | more


async def ledger(registry: Running, person: UUID) -> dict[str, Any]:
    found: dict[str, Any] = await get(registry, f"/persons/{person}/aid")
    return found


async def test_aid_is_written_down_and_read_with_the_households(registry: Running) -> None:
    db = registry.context.db
    home = await household(db)
    head, child = await settle(db, household_id=home), await settle(db, household_id=home, is_head=False)
    await post(registry, "/aid", given(head))
    goods = {"programme": "sembako", "period": "2026-01", "kind": "beras 10 kg", "amount": None}
    await post(registry, "/aid", given(household_id=str(home), **goods))
    items = (await ledger(registry, child))["items"]
    assert sorted((one["programme"], one["whose"], one["amount"]) for one in items) == [
        ("pkh", "member", 750_000),
        ("sembako", "household", None),
    ]


async def test_a_household_programme_is_refused_to_a_second_member_of_the_household(registry: Running) -> None:
    db = registry.context.db
    home = await household(db)
    head, child = await settle(db, household_id=home), await settle(db, household_id=home, is_head=False)
    entry = (await post(registry, "/aid", given(head)))["id"]
    for body in (given(child, reference="SP2D-2"), given(household_id=str(home))):
        refused = await post(registry, "/aid", body)
        assert refused["type"] == "urn:sinergi:problem:aid-twice"
        assert refused["entries"] == [entry]
    assert "id" in await post(registry, "/aid", given(child, period="2026-Q2"))


async def test_a_personal_programme_is_given_to_each_member_once(registry: Running) -> None:
    db = registry.context.db
    home = await household(db)
    head, child = await settle(db, household_id=home), await settle(db, household_id=home, is_head=False)
    premium = {"programme": "pbi-jk", "period": "2026-03", "amount": 42_000}
    assert "id" in await post(registry, "/aid", given(head, **premium))
    assert "id" in await post(registry, "/aid", given(child, **premium))
    assert (await post(registry, "/aid", given(child, **premium)))["type"] == "urn:sinergi:problem:aid-twice"


async def test_what_a_merged_person_got_counts_for_the_survivor(registry: Running) -> None:
    db = registry.context.db
    survivor, loser = await settle(db), await settle(db)
    await post(registry, "/aid", given(loser))
    await merge(db, loser, survivor)
    assert (await post(registry, "/aid", given(survivor)))["type"] == "urn:sinergi:problem:aid-twice"
    assert (await post(registry, "/aid", given(loser)))["type"] == "urn:sinergi:problem:aid-twice"


async def test_a_merge_that_brings_two_entries_together_shows_the_double(registry: Running) -> None:
    db = registry.context.db
    survivor, loser = await settle(db), await settle(db)
    entries = [(await post(registry, "/aid", given(one)))["id"] for one in (survivor, loser)]
    assert (await ledger(registry, survivor))["doubles"] == []
    await merge(db, loser, survivor)
    (double,) = (await ledger(registry, survivor))["doubles"]
    assert sorted(double) == sorted(entries)


async def test_programmes_that_exclude_each_other_are_refused_until_somebody_says_why(registry: Running) -> None:
    person = await settle(registry.context.db)
    await post(registry, "/aid", given(person))
    village = {"programme": "blt-desa", "period": "2026-02", "amount": 300_000}
    refused = await post(registry, "/aid", given(person, **village))
    assert (refused["type"], refused["programmes"]) == ("urn:sinergi:problem:aid-excluded", ["pkh"])
    flagged = await post(registry, "/aid", given(person, **village, despite="keputusan musyawarah desa"))
    assert flagged["excluded_by"] == ["pkh"]
    assert "id" in await post(registry, "/aid", given(person, **village | {"period": "2026-04"}))


async def test_of_two_clerks_who_give_the_same_at_once_one_is_refused(registry: Running) -> None:
    db = registry.context.db
    home = await household(db)
    members = [await settle(db, household_id=home) for _ in range(4)]
    answers = await asyncio.gather(*(post(registry, "/aid", given(one)) for one in members))
    assert sorted("id" in answer for answer in answers) == [False, False, False, True]


async def test_a_withdrawn_entry_stays_readable_and_makes_room(registry: Running) -> None:
    person = await settle(registry.context.db)
    entry = (await post(registry, "/aid", given(person)))["id"]
    gone = {"entry_id": entry, "reason": "salah orang"}
    assert await post(registry, "/aid/withdraw", gone) == {"id": entry}
    assert (await post(registry, "/aid/withdraw", gone))["type"] == "urn:sinergi:problem:aid-withdrawn"
    assert "id" in await post(registry, "/aid", given(person))
    items = (await ledger(registry, person))["items"]
    assert sorted(one["withdrawn_reason"] or "" for one in items) == ["", "salah orang"]


@pytest.mark.parametrize(
    ("wrong", "problem"),
    [
        ({"programme": "kartu-ajaib"}, "programme-unknown"),
        ({"period": "2026-01"}, "period-unknown"),
        ({"amount": 1.5}, "request-not-valid"),
        ({"amount": -1}, "request-not-valid"),
        ({"amount": None}, "request-not-valid"),
        ({"household_id": str(UUID(int=1))}, "request-not-valid"),
        ({"given_on": "2999-01-01"}, "day-in-future"),
    ],
    ids=lambda value: "-".join(value) if isinstance(value, dict) else value,
)
async def test_an_entry_that_breaks_a_rule_is_refused(wrong: dict[str, Any], problem: str, registry: Running) -> None:
    person = await settle(registry.context.db)
    assert (await post(registry, "/aid", given(person, **wrong)))["type"] == f"urn:sinergi:problem:{problem}"


async def test_aid_outside_the_area_or_by_a_social_worker_is_not_written(registry: Running) -> None:
    person = await settle(registry.context.db)
    refused = await post(registry, "/aid", given(person), area="31.71")
    assert refused["type"] == "urn:sinergi:problem:outside-your-area"
    refused = await post(registry, "/aid", given(person), role="social_worker")
    assert refused["type"] == "urn:sinergi:problem:not-permitted"


def test_periods_that_share_a_month_overlap() -> None:
    assert list(months("2026-Q1")) == [24312, 24313, 24314]
    assert overlap("2026", "2026-12")
    assert overlap("2026-03", "2026-Q1")
    assert not overlap("2026-04", "2026-Q1")


def test_every_programme_that_is_excluded_is_known() -> None:
    known = Programmes.load().by_code
    assert {code for one in known.values() for code in one.excludes} <= set(known)


def test_a_file_of_ones_own_takes_the_place_of_the_built_in_programmes(tmp_path: Path) -> None:
    content = json.loads(BUILT_IN.read_text())
    local = content["programmes"][0] | {"code": "kartu-lansia", "excludes": ["pkh"], "desil_to": 6}
    path = tmp_path / "programmes.json"
    path.write_text(json.dumps({"programmes": [content["programmes"][0], local]}))
    own = Programmes.load(path)
    assert (set(own.by_code), own.get("kartu-lansia").desil_to) == ({"pkh", "kartu-lansia"}, 6)
    assert own.excluded_by(own.get("pkh")) == {"kartu-lansia"}  # whoever of the two names it


# --------------------------------------------------------------------- leaving


def ranked(*desils: int) -> list[Said]:
    """Desils of the periods 2026-Q1, 2026-Q2, …"""
    return [Said("ministry", desil=desil, period=f"2026-Q{number}") for number, desil in enumerate(desils, 1)]


async def test_who_lies_above_the_cut_off_for_two_periods_is_proposed_to_leave(registry: Running) -> None:
    db, area = registry.context.db, "31.74.02.1001"
    leaves = await settle(db, area=area, said=ranked(4, 5, 6))
    stays = await settle(db, area=area, said=ranked(5, 6, 4))
    once = await settle(db, area=area, said=ranked(6))
    for person in (leaves, stays, once):
        await post(registry, "/aid", given(person))
    await settle(db, area=area, said=ranked(7, 8))  # gets nothing, so leaves nothing
    async with db.begin() as tx:
        await recount(area, tx)
    found = await get(registry, "/areas/31.74.02/graduation", "operator", programme="pkh")
    assert ([item["id"] for item in found["items"]], found["total"]) == ([str(leaves)], 1)
    counts = (await get_plain(registry, "/areas/31.74.02/counts"))["counts"]
    assert (counts["graduation"], counts["aid"]) == ({"pkh": 1}, {"pkh": 3})


async def get_plain(registry: Running, path: str) -> dict[str, Any]:
    async with registry.client("operator", area="31.74") as client:
        found: dict[str, Any] = (await client.get(path)).json()
        return found


# --------------------------------------------------------------- organisations


def organisation(**more: Any) -> dict[str, Any]:
    name = f"Karang Taruna {uuid4().hex[:8]}"
    shared = {"kind": "karang-taruna", "name": name, "area": "31.74.03.1001", "services": ["pelatihan"]}
    return shared | {"contact": "021-555"} | more


async def listed(registry: Running, **what: Any) -> dict[str, Any]:
    async with registry.client("social_worker", area="31.74") as client:
        answer = await client.get("/organisations", params={"area": "31.74.03", **what})
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found


async def test_an_organisation_is_written_changed_and_listed_by_area(registry: Running) -> None:
    first, second = organisation(), organisation(kind="lks")
    made = await post(registry, "/organisations", first)
    await post(registry, "/organisations", second)
    assert (await listed(registry))["kinds"] == {"karang-taruna": 1, "lks": 1}
    (item,) = (await listed(registry, kind="karang-taruna"))["items"]
    assert (item["name"], item["services"], item["kind_name"]) == (first["name"], ["pelatihan"], "Karang Taruna")
    named = {"organisation_id": made["id"], "expected_version": 1}
    changed = await post(registry, "/organisations/change", first | named | {"active": False})
    assert changed["version"] == 2
    assert (await listed(registry))["kinds"] == {"lks": 1}
    late = await post(registry, "/organisations/change", first | named)
    assert late["type"] == "urn:sinergi:problem:version-conflict"


async def test_an_organisation_twice_unknown_or_elsewhere_is_refused(registry: Running) -> None:
    body = organisation()
    await post(registry, "/organisations", body)
    for wrong, problem in (
        (body | {"name": body["name"].upper()}, "organisation-known"),
        (organisation(kind="ormas"), "request-not-valid"),
        (organisation(area="31.74.99"), "area-unknown"),
        (organisation(area="31.71.01"), "outside-your-area"),
    ):
        assert (await post(registry, "/organisations", wrong))["type"] == f"urn:sinergi:problem:{problem}"
