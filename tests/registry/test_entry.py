"""One person by hand: the likely twin is looked for first, the NIK may come later, people move and die."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import select

from services.registry.verdicts_models import Verdict
from tests.harness.stack import Running
from tests.registry.entering import PURPOSE, enter, family, fields_of, get, household, new_name, person, post, slug
from tests.registry.lists import KELURAHAN_ELSEWHERE, TEBET_TIMUR
from tests.registry.test_people import audit_of

Facts = Callable[..., Awaitable[list[tuple[str, dict[str, Any]]]]]
WHY = {"reason": "laporan keluarga", "evidence": "surat kelurahan"}


async def told(facts: Facts, aggregate: str, number: int) -> list[tuple[str, dict[str, Any]]]:
    """The facts about an aggregate, as soon as there are so many."""
    for _ in range(50):
        if len(heard := await facts("REGISTRY", aggregate)) >= number:
            break
        await asyncio.sleep(0.1)
    return heard


async def test_somebody_new_is_entered_and_it_is_told(registry: Running, facts: Facts) -> None:
    fields = fields_of(need="lansia-telantar", address="Jl. Baru No. 3", rt="3", rw="7")
    answer = await post(registry, "/persons", fields)
    assert answer.status_code == 201, answer.text
    new = answer.json()
    assert (new["version"], new["unmatched"], new["provisional"]) == (1, False, False)
    found = await person(registry, new["id"])
    assert (found["nik"], found["name"], found["rt"]) == (fields["nik"], fields["name"], "003")
    (record,) = found["records"]
    assert (record["source"], record["link"], record["need"]) == ("entry", "entry", "lansia-telantar")
    body = {"person_id": new["id"], "area": TEBET_TIMUR, "provisional": False}
    assert await told(facts, new["id"], 1) == [("sinergi.person.registered.v1", body)]


async def test_the_likely_twin_is_shown_before_a_second_record_exists(registry: Running) -> None:
    fields = fields_of()
    known = await enter(registry, **fields)
    for like in (fields, {**fields, "nik": None}, {**fields, "nik": None, "name": f"{fields['name']}a"}):
        body = {name: value for name, value in like.items() if value}
        answer = await post(registry, "/persons", body)
        assert (answer.status_code, slug(answer)) == (409, "person-likely-known"), answer.text
        assert known in {one["person_id"] for one in answer.json()["candidates"]}
        assert fields["name"].upper() not in answer.text.upper()
        assert fields["nik"] not in answer.text


async def test_a_check_shows_the_twins_masked_with_reasons_and_is_audited(registry: Running) -> None:
    fields = fields_of()
    known = await enter(registry, **fields)
    answer = await post(registry, "/persons/check", fields | {"purpose": PURPOSE})
    (item,) = answer.json()["items"]
    assert (item["person_id"], item["in_your_area"]) == (known, True)
    assert item["reasons"]
    assert fields["nik"] not in json.dumps(item)
    assert fields["name"] not in json.dumps(item)
    assert (await audit_of(registry, known))[0]["action"] == "person.check"


async def test_who_is_not_the_same_is_entered_and_the_verdict_is_remembered(registry: Running) -> None:
    fields = fields_of()
    known = await enter(registry, **fields)
    answer = await post(registry, "/persons", fields | {"not_the_same": [known]})
    new = answer.json()
    assert (answer.status_code, new["unmatched"]) == (201, True)
    pair = sorted((UUID(known), UUID(new["id"])))
    async with registry.context.db.begin() as tx:
        verdict = (await tx.session.scalars(select(Verdict).where(Verdict.low_id == pair[0]))).one()
    assert (verdict.high_id, verdict.verdict) == (pair[1], "different")


async def test_one_person_entered_twice_at_the_same_moment_is_one(registry: Running) -> None:
    fields = fields_of(nik=None)
    answers = await asyncio.gather(*(post(registry, "/persons", fields) for _ in range(3)))
    assert sorted(answer.status_code for answer in answers) == [201, 409, 409]


async def test_the_same_request_sent_twice_is_one_person(registry: Running) -> None:
    fields, headers = fields_of(), {"Idempotency-Key": "entry-twice"}
    async with registry.client("operator") as client:
        answers = [await client.post("/persons", json=fields, headers=headers) for _ in range(2)]
    assert answers[0].json() == answers[1].json()


@pytest.mark.parametrize(
    ("wrong", "rule"),
    [
        ({"area": "31.74.01.9999"}, "area-unknown"),
        ({"birth_date": "2200-01-01"}, "birth-date-in-future"),
        ({"name": "=1+1"}, "formula-in-cell"),
        ({"name": "..."}, "name-empty"),
    ],
)
async def test_an_entry_keeps_the_rules_of_a_list(wrong: dict[str, str], rule: str, registry: Running) -> None:
    answer = await post(registry, "/persons", fields_of() | wrong)
    assert slug(answer) == "fields-not-valid"
    assert [error["rule"] for error in answer.json()["errors"]] == [rule]


async def test_nobody_enters_people_of_another_area(registry: Running) -> None:
    assert slug(await post(registry, "/persons", fields_of(), area="31.71")) == "outside-your-area"
    assert slug(await post(registry, "/persons", fields_of(), role="supervisor")) == "not-permitted"


async def test_a_second_head_of_a_household_is_refused(registry: Running) -> None:
    house, _ = await family(registry, "KEPALA KELUARGA")
    number = (await household(registry, house))["kk"]
    answer = await post(registry, "/persons", fields_of(kk=number, relation="KEPALA KELUARGA"))
    assert (slug(answer), answer.json()["household_id"]) == ("household-has-head", house)


# -------------------------------------------------------------------- identity


async def unknown(registry: Running) -> str:
    known = {"skot_number": "SKOT-12/2026", "found_at": "Terminal", "estimated_birth_year": 1960}
    return await enter(registry, nik=None, name=None, birth_date=None, alias=f"Mbah {new_name()}", provisional=known)


async def test_somebody_without_name_and_nik_gets_a_provisional_identity(registry: Running) -> None:
    found = await person(registry, await unknown(registry))
    assert (found["name"], found["nik"], found["unmatched"]) == (found["alias"], None, True)
    assert found["provisional"]["skot_number"] == "SKOT-12/2026"


async def test_a_nik_is_bound_later(registry: Running, facts: Facts) -> None:
    stranger, nik = await unknown(registry), fields_of()["nik"]
    answer = await post(registry, f"/persons/{stranger}/identity", WHY | {"nik": nik, "expected_version": 1})
    assert answer.status_code == 200, answer.text
    found = await person(registry, stranger)
    assert (found["nik"], found["unmatched"]) == (nik, False)
    assert (await told(facts, stranger, 2))[1] == (
        "sinergi.person.changed.v1",
        {"person_id": stranger, "fields": ["nik"]},
    )
    again = await post(registry, f"/persons/{stranger}/identity", WHY | {"nik": nik, "expected_version": 2})
    assert slug(again) == "nik-bound"


async def test_a_nik_of_somebody_else_makes_both_one_person(registry: Running) -> None:
    fields = fields_of()
    owner, stranger = await enter(registry, **fields), await unknown(registry)
    body = WHY | {"nik": fields["nik"], "expected_version": 1}
    answer = await post(registry, f"/persons/{stranger}/identity", body)
    assert (answer.json()["state"], answer.json()["survivor_id"]) == ("merged", owner), answer.text
    again = await post(registry, f"/persons/{stranger}/death", WHY | {"died_on": "2026-06-01", "expected_version": 1})
    assert (slug(again), again.json()["survivor_id"]) == ("person-merged", owner)


async def test_who_does_not_judge_is_told_whose_nik_it_is(registry: Running) -> None:
    fields = fields_of()
    owner, stranger = await enter(registry, **fields), await unknown(registry)
    body = WHY | {"nik": fields["nik"], "expected_version": 1}
    answer = await post(registry, f"/persons/{stranger}/identity", body, "social_worker")
    assert (answer.status_code, slug(answer), answer.json()["person_id"]) == (409, "nik-known", owner)
    elsewhere = await post(registry, f"/persons/{stranger}/identity", body, area="31.71")
    assert slug(elsewhere) == "outside-your-area"


async def test_one_nik_bound_to_two_people_at_once_is_one_persons(registry: Running) -> None:
    nik, strangers = fields_of()["nik"], [await unknown(registry), await unknown(registry)]
    body = WHY | {"nik": nik, "expected_version": 1}
    answers = await asyncio.gather(*(post(registry, f"/persons/{one}/identity", body) for one in strangers))
    owned = [answer.json() for answer in answers if answer.status_code == 200]
    assert {answer.status_code for answer in answers} <= {200, 409}
    assert sum(one["state"] == "active" for one in owned) == 1, [answer.text for answer in answers]


# ----------------------------------------------------------------------- death


async def die(registry: Running, who: str, version: int, **body: Any) -> Any:
    return await post(
        registry, f"/persons/{who}/death", WHY | {"died_on": "2026-06-01", "expected_version": version} | body
    )


async def test_a_death_is_told_and_can_be_undone(registry: Running, facts: Facts) -> None:
    house, (head, wife) = await family(registry, "KEPALA KELUARGA", "ISTRI")
    answer = await die(registry, head, 1)
    assert (answer.json()["state"], answer.json()["household_needs_head"]) == ("dead", True)
    lived = await household(registry, house)
    assert ([one["person_id"] for one in lived["members"]], lived["head_id"]) == ([wife], None)
    assert [one["person_id"] for one in lived["died"]] == [head]
    undone = await post(registry, f"/persons/{head}/death/undo", WHY | {"expected_version": 2})
    assert undone.json()["state"] == "active", undone.text
    found = await person(registry, head)
    assert (found["died_on"], (await household(registry, house))["head_id"]) == (None, head)
    assert (await told(facts, head, 3))[1:] == [
        ("sinergi.person.died.v1", {"person_id": head, "died_on": "2026-06-01"}),
        ("sinergi.person.changed.v1", {"person_id": head, "fields": ["died_on"]}),
    ]


async def test_who_comes_back_from_a_wrong_death_is_no_second_head(registry: Running) -> None:
    house, (head, wife) = await family(registry, "KEPALA KELUARGA", "ISTRI")
    await die(registry, head, 1)
    version = (await household(registry, house))["version"]
    body = {"head_id": wife, "expected_version": version, "on": "2026-06-02", "reason": "kepala meninggal"}
    assert (await post(registry, f"/households/{house}/head", body)).status_code == 200
    body = WHY | {"expected_version": 2, "relation": "SUAMI"}
    assert (await post(registry, f"/persons/{head}/death/undo", body)).status_code == 200
    assert (await household(registry, house))["head_id"] == wife
    assert (await person(registry, head))["relation"] == "SUAMI"


async def test_a_death_needs_evidence_and_a_day_that_has_come(registry: Running) -> None:
    who = await enter(registry)
    assert slug(await die(registry, who, 1, evidence=None)) == "request-not-valid"
    assert slug(await die(registry, who, 1, died_on="2199-01-01")) == "date-in-future"
    assert slug(await die(registry, who, 1, died_on="1900-01-01")) == "died-before-birth"
    assert slug(await die(registry, who, 7)) == "version-conflict"
    assert (await person(registry, who))["state"] == "active"


async def test_the_dead_neither_move_nor_die_again(registry: Running) -> None:
    who = await enter(registry)
    await die(registry, who, 1)
    assert slug(await die(registry, who, 2)) == "person-dead"
    assert slug(await move(registry, who, 2)) == "person-dead"


# ------------------------------------------------------------------------ moves


async def move(registry: Running, who: str, version: int, **body: Any) -> Any:
    where = {"area": KELURAHAN_ELSEWHERE, "address": "Jl. Lain No. 9", "on": "2026-05-01"}
    return await post(registry, f"/persons/{who}/move", WHY | where | {"expected_version": version} | body)


async def test_a_child_moves_out_into_a_household_of_its_own(registry: Running, facts: Facts) -> None:
    house, (_, child) = await family(registry, "KEPALA KELUARGA", "ANAK")
    answer = await move(registry, child, 1)
    assert answer.status_code == 200, answer.text
    own = answer.json()["household_id"]
    found = await person(registry, child)
    assert own != house
    assert (found["area"], found["address"], found["household_id"]) == (KELURAHAN_ELSEWHERE, "Jl. Lain No. 9", own)
    body = {"person_id": child, "from_area": TEBET_TIMUR, "to_area": KELURAHAN_ELSEWHERE, "household_id": own}
    assert (await told(facts, child, 2))[1] == ("sinergi.person.moved.v1", body)
    (past,) = (await household(registry, house))["past_members"]
    assert (past["person_id"], past["until_on"], past["to_household_id"]) == (child, "2026-05-01", own)
    history = await get(registry, f"/persons/{child}/history")
    assert [one["kind"] for one in history["changes"]] == ["registered", "moved"]
    assert (history["changes"][1]["reason"], len(history["households"])) == (WHY["reason"], 1)


async def test_somebody_moves_into_a_household_that_is_there(registry: Running) -> None:
    _, (_, child) = await family(registry, "KEPALA KELUARGA", "ANAK")
    new, (uncle,) = await family(registry, "KEPALA KELUARGA", area=KELURAHAN_ELSEWHERE)
    body = {"household_id": new, "household_version": 0, "relation": "FAMILI LAIN"}
    assert (await move(registry, child, 1, **body)).status_code == 200
    there = await household(registry, new)
    assert {one["person_id"]: one["is_head"] for one in there["members"]} == {uncle: True, child: False}
    found = await person(registry, child)
    assert (found["kk"], found["relation"]) == (there["kk"], "FAMILI LAIN")
    late = await move(registry, uncle, 1, **body | {"household_version": 0})
    assert slug(late) == "version-conflict"


async def test_a_head_does_not_leave_the_household_behind(registry: Running) -> None:
    _, (head, _) = await family(registry, "KEPALA KELUARGA", "ANAK")
    assert slug(await move(registry, head, 1)) == "head-leaves"


async def test_who_lives_alone_takes_the_household_along(registry: Running) -> None:
    house, (alone,) = await family(registry, "KEPALA KELUARGA")
    assert (await move(registry, alone, 1)).json()["household_id"] == house
    found = await household(registry, house)
    assert (found["area"], found["head_id"], found["past_members"]) == (KELURAHAN_ELSEWHERE, alone, [])
