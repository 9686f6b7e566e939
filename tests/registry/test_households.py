"""Households split, merge, move and change their head; the No. KK has a history, and the past is kept."""

import asyncio
from typing import Any

from tests.harness.stack import Running
from tests.registry.conftest import HandIn
from tests.registry.entering import (
    HEAD,
    PURPOSE,
    enter,
    family,
    household,
    new_day,
    new_kk,
    new_name,
    person,
    post,
    slug,
)
from tests.registry.lists import KELURAHAN_ELSEWHERE, TEBET_TIMUR, ministry_csv, ministry_row, someone
from tests.registry.test_entry import Facts, told
from tests.registry.test_people import audit_of


async def change(registry: Running, house: str, what: str, role: str = "operator", **body: Any) -> Any:
    """A command on the household as it is now, since May."""
    version = (await household(registry, house))["version"]
    if other := body.get("other_id"):
        body["other_version"] = (await household(registry, other))["version"]
    why = {"expected_version": version, "on": "2026-05-01", "reason": "pecah atau gabung KK"}
    return await post(registry, f"/households/{house}/{what}", why | body, role, area="31.74")


def members(found: dict[str, Any]) -> dict[str, str]:
    return {one["person_id"]: one["relation"] for one in found["members"]}


# ----------------------------------------------------------------------- split


async def test_a_married_child_splits_off_with_a_new_kk_and_it_is_told(registry: Running, facts: Facts) -> None:
    house, (head, wife, son, bride) = await family(registry, HEAD, "ISTRI", "ANAK", "MENANTU")
    number = new_kk()
    answer = await change(
        registry, house, "split", persons=[son, bride], head_id=son, kk=number, relations={bride: "ISTRI"}
    )
    assert answer.status_code == 201, answer.text
    new = answer.json()["new_household_id"]
    old_now, new_now = await household(registry, house), await household(registry, new)
    assert members(old_now) == {head: HEAD, wife: "ISTRI"}
    assert members(new_now) == {son: HEAD, bride: "ISTRI"}
    assert (new_now["kk"], new_now["head_id"], new_now["area"]) == (number, son, TEBET_TIMUR)
    assert (await person(registry, bride))["kk"] == number
    assert new_now["numbers"] == [
        {"kk": number, "from_on": "2026-05-01", "until_on": None, "reason": "pecah atau gabung KK"}
    ]
    newcomer = "sinergi.household.changed.v1", {"household_id": house, "fields": ["members"]}
    split = {"household_id": house, "new_household_id": new, "persons": sorted([son, bride])}
    assert await told(facts, house, 4) == [*[newcomer] * 3, ("sinergi.household.split.v1", split)]
    moved = {"person_id": son, "from_area": TEBET_TIMUR, "to_area": TEBET_TIMUR, "household_id": new}
    assert (await told(facts, son, 2))[1] == ("sinergi.person.moved.v1", moved)


async def test_who_splits_off_without_a_new_kk_stays_apart_when_the_golden_record_is_made_anew(
    registry: Running,
) -> None:
    house, (_, son) = await family(registry, HEAD, "ANAK")
    new = (await change(registry, house, "split", persons=[son], head_id=son)).json()["new_household_id"]
    assert (await household(registry, new))["kk"] is None
    version = (await person(registry, son))["version"]
    move = {"area": KELURAHAN_ELSEWHERE, "on": "2026-05-02", "expected_version": version, "reason": "pindah rumah"}
    assert (await post(registry, f"/persons/{son}/move", move)).status_code == 200
    found = await person(registry, son)
    assert (found["household_id"], found["relation"], found["is_head"]) == (new, HEAD, True)


async def test_the_head_leaves_only_if_another_one_is_named(registry: Running) -> None:
    house, (head, wife, son) = await family(registry, HEAD, "ISTRI", "ANAK")
    split = {"persons": [head], "head_id": head}
    assert slug(await change(registry, house, "split", **split)) == "head-needed"
    assert (await change(registry, house, "split", **split, staying_head_id=wife)).status_code == 201
    assert members(await household(registry, house)) == {wife: HEAD, son: "ANAK"}


async def test_a_split_that_makes_no_sense_is_refused(registry: Running) -> None:
    house, (head, wife) = await family(registry, HEAD, "ISTRI")
    other, (stranger,) = await family(registry, HEAD)
    taken = (await household(registry, other))["kk"]
    split = {"persons": [wife], "head_id": wife}
    assert slug(await change(registry, house, "split", persons=[stranger], head_id=stranger)) == "not-a-member"
    assert slug(await change(registry, house, "split", persons=[head, wife], head_id=head)) == "nobody-stays"
    assert slug(await change(registry, house, "split", persons=[wife], head_id=head)) == "head-needed"
    assert slug(await change(registry, house, "split", **split, kk=taken)) == "kk-known"
    assert slug(await change(registry, house, "split", **split, on="2199-01-01")) == "date-in-future"
    assert slug(await change(registry, house, "split", **split, expected_version=9)) == "version-conflict"
    assert slug(await change(registry, house, "split", **split, role="social_worker")) == "not-permitted"
    assert members(await household(registry, house)) == {head: HEAD, wife: "ISTRI"}


async def test_of_two_splits_at_once_one_counts(registry: Running) -> None:
    house, (_, first, second) = await family(registry, HEAD, "ANAK", "ANAK")
    answers = await asyncio.gather(
        *(change(registry, house, "split", persons=[one], head_id=one) for one in (first, second))
    )
    assert sorted(answer.status_code for answer in answers) == [201, 409]
    assert len((await household(registry, house))["members"]) == 2


# ----------------------------------------------------------------------- merge


async def test_two_households_become_one_and_the_other_is_empty(registry: Running, facts: Facts) -> None:
    house, (head,) = await family(registry, HEAD)
    other, (widow, child) = await family(registry, HEAD, "ANAK", area=KELURAHAN_ELSEWHERE)
    kept, let_go = [(await household(registry, one))["kk"] for one in (house, other)]
    answer = await change(registry, house, "merge", other_id=other, relations={widow: "ISTRI"})
    assert answer.status_code == 200, answer.text
    now, then = await household(registry, house), await household(registry, other)
    assert members(now) == {head: HEAD, widow: "ISTRI", child: "ANAK"}
    assert (now["kk"], then["kk"], then["members"]) == (kept, None, [])
    assert {one["person_id"] for one in then["past_members"]} == {widow, child}
    found = await person(registry, child)
    assert (found["kk"], found["area"], found["household_id"]) == (kept, TEBET_TIMUR, house)
    assert then["numbers"] == [{"kk": let_go, "from_on": None, "until_on": "2026-05-01", "reason": "as the lists say"}]
    merged = {"household_id": house, "merged_household_id": other, "persons": sorted([widow, child])}
    assert await told(facts, house, 1) == [("sinergi.household.merged.v1", merged)]


async def test_a_household_without_kk_takes_the_others_in_a_merge(registry: Running) -> None:
    house, (_, son) = await family(registry, HEAD, "ANAK")
    new = (await change(registry, house, "split", persons=[son], head_id=son)).json()["new_household_id"]
    other, (wife,) = await family(registry, HEAD)
    number = (await household(registry, other))["kk"]
    answer = await change(registry, new, "merge", other_id=other, head_id=wife)
    assert answer.status_code == 200, answer.text
    now = await household(registry, new)
    assert (now["kk"], now["head_id"]) == (number, wife)
    assert [(await person(registry, one))["kk"] for one in (son, wife)] == [number, number]
    assert (await person(registry, son))["household_id"] == new


async def test_households_merge_from_both_sides_at_once_without_a_deadlock(registry: Running) -> None:
    (one, _), (other, _) = await family(registry, HEAD, "ANAK"), await family(registry, HEAD, "ANAK")
    answers = await asyncio.gather(
        change(registry, one, "merge", other_id=other),
        change(registry, other, "merge", other_id=one),
    )
    assert sorted(answer.status_code for answer in answers) == [200, 409]


async def test_a_household_does_not_merge_with_itself(registry: Running) -> None:
    house, _ = await family(registry, HEAD)
    assert slug(await change(registry, house, "merge", other_id=house)) == "household-itself"


# ----------------------------------------------------------------- move and head


async def test_a_household_moves_with_all_its_members_and_a_new_kk(registry: Running, facts: Facts) -> None:
    house, (head, wife) = await family(registry, HEAD, "ISTRI")
    before, after = (await household(registry, house))["kk"], new_kk()
    where = {"area": KELURAHAN_ELSEWHERE, "address": "Jl. Baru No. 2", "rt": "1", "rw": "2", "kk": after}
    answer = await change(registry, house, "move", **where)
    assert answer.status_code == 200, answer.text
    for one in (head, wife):
        found = await person(registry, one)
        assert (found["area"], found["address"], found["rt"]) == (KELURAHAN_ELSEWHERE, "Jl. Baru No. 2", "001")
        assert (found["kk"], found["household_id"]) == (after, house)
    numbers = [(one["kk"], one["from_on"], one["until_on"]) for one in (await household(registry, house))["numbers"]]
    assert numbers == [(before, None, "2026-05-01"), (after, "2026-05-01", None)]
    moved = {"person_id": wife, "from_area": TEBET_TIMUR, "to_area": KELURAHAN_ELSEWHERE, "household_id": house}
    assert (await told(facts, wife, 2))[1] == ("sinergi.person.moved.v1", moved)


async def test_a_new_kk_alone_is_no_move(registry: Running, facts: Facts) -> None:
    house, (head,) = await family(registry, HEAD)
    assert slug(await change(registry, house, "move")) == "area-missing"
    assert (await change(registry, house, "move", kk=new_kk())).status_code == 200
    assert [kind for kind, _ in await told(facts, head, 2)][1] == "sinergi.person.changed.v1"


async def test_another_member_becomes_the_head(registry: Running, facts: Facts) -> None:
    house, (head, wife, son) = await family(registry, HEAD, "ISTRI", "ANAK")
    assert slug(await change(registry, house, "head", head_id=await enter(registry))) == "not-a-member"
    answer = await change(registry, house, "head", head_id=wife, old_head_is="SUAMI")
    assert answer.status_code == 200, answer.text
    now = await household(registry, house)
    assert (now["head_id"], members(now)) == (wife, {wife: HEAD, head: "SUAMI", son: "ANAK"})
    changes = [body["fields"] for _, body in await told(facts, house, 3)]
    assert changes == [["members"], ["members"], ["head"]]
    changed = {"person_id": head, "fields": ["is_head", "relation"]}
    assert (await told(facts, head, 2))[1] == ("sinergi.person.changed.v1", changed)


# --------------------------------------------------------------------- reading


async def find(registry: Running, kk: str, area: str = "31.74") -> list[dict[str, Any]]:
    answer = await post(registry, "/households/search", {"kk": kk, "purpose": PURPOSE}, area=area)
    assert answer.status_code == 200, answer.text
    items: list[dict[str, Any]] = answer.json()["items"]
    return items


async def test_a_household_is_found_by_its_kk_of_today_and_of_the_past(registry: Running) -> None:
    house, _ = await family(registry, HEAD)
    before, after = (await household(registry, house))["kk"], new_kk()
    await change(registry, house, "move", kk=after)
    assert [(one["id"], one["now"]) for one in await find(registry, before)] == [(house, False)]
    assert [(one["id"], one["now"]) for one in await find(registry, after)] == [(house, True)]
    assert await find(registry, after, area="31.71") == []


async def test_reading_a_household_is_written_down_for_each_member(registry: Running) -> None:
    house, (head, wife) = await family(registry, HEAD, "ISTRI")
    await household(registry, house)
    for one in (head, wife):
        latest = (await audit_of(registry, one))[0]
        assert (latest["action"], latest["purpose"]) == ("household.read", f"{PURPOSE} (household {house})")
    async with registry.client("operator", area="31.71") as client:
        answer = await client.get(f"/households/{house}", params={"purpose": PURPOSE})
    assert slug(answer) == "outside-your-area"


async def test_since_when_somebody_was_where_is_kept_from_change_to_change(registry: Running) -> None:
    house, (head, son) = await family(registry, HEAD, "ANAK")
    new = (await change(registry, house, "split", persons=[son], head_id=son)).json()["new_household_id"]
    answer = await change(registry, house, "merge", other_id=new, on="2026-06-01")
    assert answer.status_code == 200, answer.text
    (past,) = (await household(registry, new))["past_members"]
    assert (past["person_id"], past["from_on"], past["until_on"]) == (son, "2026-05-01", "2026-06-01")
    assert members(await household(registry, house)) == {head: HEAD, son: "FAMILI LAIN"}


async def test_a_late_list_with_the_old_kk_puts_nobody_back(hand_in: HandIn, registry: Running) -> None:
    one = someone(name=new_name(), born=new_day(), relation="ANAK")
    house, _ = await family(registry, HEAD, kk=one.kk)
    fields = {"nik": one.nik, "name": one.name, "birth_date": one.born.isoformat(), "sex": one.sex, "kk": one.kk}
    son = await enter(registry, **fields, relation="ANAK")
    new = (await change(registry, house, "split", persons=[son], head_id=son)).json()["new_household_id"]
    done = await hand_in(ministry_csv([ministry_row(one)]))
    assert (done["rows_good"], done["persons_new"]) == (1, 0)
    found = await person(registry, son)
    assert (len(found["records"]), found["household_id"], found["is_head"]) == (3, new, True)
