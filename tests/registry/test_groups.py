"""KUBE: five to twenty heads of family of one kecamatan, each office held once, nobody in two."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any
from uuid import uuid4

import pytest
from nats.aio.client import Client

from tests.harness.stack import Running
from tests.registry.entering import HEAD, enter, new_kk, post, slug
from tests.registry.lists import TEBET, TEBET_TIMUR
from tests.registry.test_people import ask

OFFICES = ["ketua", "sekretaris", "bendahara"]
Facts = Callable[..., Awaitable[list[tuple[str, dict[str, Any]]]]]


async def heads(registry: Running, number: int, area: str = TEBET_TIMUR, relation: str = HEAD) -> list[str]:
    return [await enter(registry, kk=new_kk(), relation=relation, area=area) for _ in range(number)]


def a_group(persons: list[str], roles: list[str] | None = None, area: str = TEBET) -> dict[str, Any]:
    roles = roles or OFFICES + ["anggota"] * (len(persons) - 3)
    members = [{"person_id": person, "role": role} for person, role in zip(persons, roles, strict=True)]
    return {"kind": "kube", "name": "KUBE Melati", "area": area, "members": members}


async def form(registry: Running, group: dict[str, Any], area: str = "31.74") -> Any:
    async with registry.client("operator", area=area) as client:
        return await client.post("/groups", json=group)


async def test_ten_heads_of_family_form_a_kube_and_it_is_told(registry: Running, facts: Facts) -> None:
    answer = await form(registry, a_group(await heads(registry, 10)))
    assert (answer.status_code, answer.json()["version"], answer.json()["state"]) == (201, 1, "formed")

    async def told() -> list[tuple[str, dict[str, Any]]]:
        return await facts("REGISTRY", answer.json()["id"])

    for _ in range(50):
        if heard := await told():
            break
        await asyncio.sleep(0.1)
    assert heard == [
        (
            "sinergi.group.formed.v1",
            {"group_id": answer.json()["id"], "kind": "kube", "area": TEBET, "members": 10},
        )
    ]


async def test_a_group_is_read_with_its_members_masked(registry: Running) -> None:
    persons = await heads(registry, 5)
    group = (await form(registry, a_group(persons))).json()["id"]
    async with registry.client() as client:
        found = (await client.get(f"/groups/{group}")).json()
    assert {member["person_id"] for member in found["members"]} == set(persons)
    assert all("*" in member["name_masked"] for member in found["members"])


async def test_the_size_is_limited(registry: Running) -> None:
    persons = await heads(registry, 21)
    few, many = await form(registry, a_group(persons[:4])), await form(registry, a_group(persons))
    assert (slug(few), slug(many)) == ("kube-too-small", "kube-too-large")
    assert "Permensos" in few.json()["legal_basis"]


@pytest.mark.parametrize(
    "roles",
    [["ketua", "ketua", "sekretaris", "bendahara", "anggota"], ["ketua", "sekretaris", *["anggota"] * 3]],
)
async def test_each_office_is_held_exactly_once(roles: list[str], registry: Running) -> None:
    persons = [str(uuid4()) for _ in range(5)]
    assert slug(await form(registry, a_group(persons, roles))) == "kube-roles"


async def test_nobody_is_named_twice(registry: Running) -> None:
    persons = [str(uuid4()) for _ in range(4)]
    assert slug(await form(registry, a_group([*persons, persons[0]]))) == "kube-member-twice"


async def test_members_are_in_the_registry(registry: Running) -> None:
    persons = await heads(registry, 4)
    assert slug(await form(registry, a_group([*persons, str(uuid4())]))) == "kube-member-unknown"


async def test_members_are_heads_of_family(registry: Running) -> None:
    persons = await heads(registry, 4) + await heads(registry, 1, relation="ANAK")
    answer = await form(registry, a_group(persons))
    assert (slug(answer), answer.json()["persons"]) == ("kube-member-not-head", persons[4:])


async def test_members_live_in_one_kecamatan(registry: Running) -> None:
    persons = await heads(registry, 4) + await heads(registry, 1, area="31.74.05.1001")
    assert slug(await form(registry, a_group(persons))) == "kube-other-district"
    assert slug(await form(registry, a_group(persons, area="31.74"))) == "kube-area-too-wide"


async def test_nobody_who_has_died_is_a_member(registry: Running) -> None:
    persons = await heads(registry, 5)
    death = {"died_on": "2026-06-01", "expected_version": 1, "reason": "sakit", "evidence": "akta kematian"}
    assert (await post(registry, f"/persons/{persons[4]}/death", death)).status_code == 200
    answer = await form(registry, a_group(persons))
    assert (slug(answer), answer.json()["persons"]) == ("kube-member-gone", persons[4:])


async def test_nobody_is_in_two_groups_even_when_both_are_formed_at_once(registry: Running) -> None:
    persons = await heads(registry, 9)
    answers = await asyncio.gather(
        form(registry, a_group(persons[:5])), form(registry, a_group(list(reversed(persons[4:]))))
    )
    assert sorted(answer.status_code for answer in answers) == [201, 409]
    assert "kube-member-in-another" in {slug(answer) for answer in answers if answer.status_code == 409}


async def test_a_group_of_another_area_is_refused(registry: Running) -> None:
    persons = await heads(registry, 5)
    assert slug(await form(registry, a_group(persons), area="31.71")) == "outside-your-area"


async def test_a_desk_officer_forms_no_group(registry: Running) -> None:
    async with registry.client("desk_officer", agency="koperasi", area="*") as client:
        answer = await client.post("/groups", json=a_group([str(uuid4()) for _ in range(5)]))
    assert slug(answer) == "not-permitted"


async def test_a_group_is_disclosed_with_only_the_fields_asked_for(registry: Running, nats: Client) -> None:
    group = (await form(registry, a_group(await heads(registry, 5)))).json()["id"]
    client = (await ask(nats, client_kind="group", client_id=group, fields=["name"]))["client"]
    assert (client["name"], client["area"], len(client["members"])) == ("KUBE Melati", TEBET, 5)
    assert all(set(member) == {"name"} for member in client["members"])
    assert "nik" not in json.dumps(client)


# ------------------------------------------------------- after it was formed


async def change(registry: Running, group: str, what: str, version: int = 1, **body: Any) -> Any:
    async with registry.client("operator") as client:
        why = {"expected_version": version, "reason": "keputusan musyawarah"}
        return await client.post(f"/groups/{group}/{what}", json=why | body)


async def test_a_member_is_replaced_and_may_join_another_group(registry: Running, facts: Facts) -> None:
    persons = await heads(registry, 10)
    group = (await form(registry, a_group(persons[:5]))).json()["id"]
    join = [{"person_id": persons[5], "role": "ketua"}]
    answer = await change(registry, group, "members", leave=persons[:1], join=join)
    assert (answer.status_code, answer.json()["version"]) == (200, 2), answer.text
    async with registry.client() as client:
        found = (await client.get(f"/groups/{group}")).json()
    assert {one["person_id"]: one["role"] for one in found["members"]}[persons[5]] == "ketua"
    assert persons[0] not in {one["person_id"] for one in found["members"]}
    assert (await form(registry, a_group([persons[0], *persons[6:]]))).status_code == 201
    await told_last(facts, group, "sinergi.group.changed.v1", {"group_id": group, "members": 5})


async def told_last(facts: Facts, group: str, kind: str, body: dict[str, Any]) -> None:
    for _ in range(50):
        heard = await facts("REGISTRY", group)
        if heard and heard[-1] == (kind, body):
            return
        await asyncio.sleep(0.1)
    raise AssertionError(heard)


async def test_a_replacement_keeps_the_rules_of_the_forming(registry: Running) -> None:
    persons = await heads(registry, 7)
    child = await heads(registry, 1, relation="ANAK")
    group = (await form(registry, a_group(persons[:5]))).json()["id"]

    async def refused(leave: list[str], *join: tuple[str, str]) -> str:
        members = [{"person_id": person, "role": role} for person, role in join]
        return slug(await change(registry, group, "members", leave=leave, join=members))

    assert await refused(persons[4:5]) == "kube-too-small"
    assert await refused(persons[:1], (persons[5], "anggota")) == "kube-roles"
    assert await refused(persons[4:5], (child[0], "anggota")) == "kube-member-not-head"
    assert await refused(persons[5:6], (persons[6], "anggota")) == "kube-not-a-member"
    assert await refused([], (persons[4], "anggota")) == "kube-member-twice"


async def test_a_group_is_dissolved_and_its_members_are_free(registry: Running, facts: Facts) -> None:
    persons = await heads(registry, 5)
    group = (await form(registry, a_group(persons))).json()["id"]
    assert slug(await change(registry, group, "dissolve", version=7)) == "version-conflict"
    assert (await change(registry, group, "dissolve")).json()["state"] == "dissolved"
    assert slug(await change(registry, group, "dissolve", version=2)) == "group-dissolved"
    await told_last(facts, group, "sinergi.group.dissolved.v1", {"group_id": group})
    assert (await form(registry, a_group(persons))).status_code == 201


async def test_an_area_may_have_a_rule_of_its_own_with_its_legal_basis(registry: Running) -> None:
    district, village = "31.74.05", "31.74.05.1001"
    rule = {
        **{"area": district, "from_on": "2026-01-01", "least": 10, "most": 10, "source": "contoh untuk pengujian"},
        "legal_basis": "Peraturan daerah contoh",
    }
    persons = await heads(registry, 10, area=village)
    async with registry.client("operator") as client:
        assert slug(await client.put("/group-limits", json=rule | {"area": ""})) == "outside-your-area"
        assert (await client.put("/group-limits", json=rule)).status_code == 200
        found = (await client.get("/group-limits", params={"area": village})).json()
        assert (found["least"], found["legal_basis"]) == (10, "Peraturan daerah contoh")
        assert (await client.get("/group-limits", params={"area": TEBET})).json()["least"] == 5
    few = await form(registry, a_group(persons[:5], area=district))
    assert (slug(few), few.json()["legal_basis"]) == ("kube-too-small", "Peraturan daerah contoh")
    assert (await form(registry, a_group(persons, area=district))).status_code == 201


async def test_groups_are_listed_by_area_and_name(registry: Running) -> None:
    group = a_group(await heads(registry, 5)) | {"name": "KUBE Anggrek Unik"}
    made = (await form(registry, group)).json()["id"]
    async with registry.client() as client:
        found = (await client.get("/groups", params={"area": TEBET, "name": "unik anggrek"})).json()
        assert (found["total"], found["items"][0]["id"], found["items"][0]["members"]) == (1, made, 5)
        paged = (await client.get("/groups", params={"area": TEBET, "size": 1})).json()
        assert len(paged["items"]) == 1 < paged["total"]
    async with registry.client(area="31.71") as client:
        assert (await client.get("/groups", params={"name": "Anggrek"})).json()["total"] == 0
