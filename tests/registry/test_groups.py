"""KUBE: five to twenty heads of family of one kecamatan, each office held once, nobody in two."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any
from uuid import uuid4

import pytest
from nats.aio.client import Client

from tests.harness.stack import Running
from tests.registry.conftest import HandIn
from tests.registry.lists import TEBET, ministry_csv, ministry_row, people
from tests.registry.test_people import ask, id_of

OFFICES = ["ketua", "sekretaris", "bendahara"]
Facts = Callable[..., Awaitable[list[tuple[str, dict[str, Any]]]]]


async def heads(hand_in: HandIn, registry: Running, number: int, **fields: object) -> list[str]:
    members = people(number, **fields)
    await hand_in(ministry_csv([ministry_row(one) for one in members]))
    return [await id_of(registry, one) for one in members]


def a_group(persons: list[str], roles: list[str] | None = None, area: str = TEBET) -> dict[str, Any]:
    roles = roles or OFFICES + ["anggota"] * (len(persons) - 3)
    members = [{"person_id": person, "role": role} for person, role in zip(persons, roles, strict=True)]
    return {"kind": "kube", "name": "KUBE Melati", "area": area, "members": members}


async def form(registry: Running, group: dict[str, Any], area: str = "31.74") -> Any:
    async with registry.client("operator", area=area) as client:
        return await client.post("/groups", json=group)


def slug(answer: Any) -> str:
    return str(answer.json()["type"]).rsplit(":", 1)[-1]


async def test_ten_heads_of_family_form_a_kube_and_it_is_told(hand_in: HandIn, registry: Running, facts: Facts) -> None:
    answer = await form(registry, a_group(await heads(hand_in, registry, 10)))
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


async def test_a_group_is_read_with_its_members_masked(hand_in: HandIn, registry: Running) -> None:
    persons = await heads(hand_in, registry, 5)
    group = (await form(registry, a_group(persons))).json()["id"]
    async with registry.client() as client:
        found = (await client.get(f"/groups/{group}")).json()
    assert {member["person_id"] for member in found["members"]} == set(persons)
    assert all("*" in member["name_masked"] for member in found["members"])


async def test_the_size_is_limited(hand_in: HandIn, registry: Running) -> None:
    persons = await heads(hand_in, registry, 21)
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


async def test_members_are_in_the_registry(hand_in: HandIn, registry: Running) -> None:
    persons = await heads(hand_in, registry, 4)
    assert slug(await form(registry, a_group([*persons, str(uuid4())]))) == "kube-member-unknown"


async def test_members_are_heads_of_family(hand_in: HandIn, registry: Running) -> None:
    persons = await heads(hand_in, registry, 4) + await heads(hand_in, registry, 1, relation="ANAK")
    answer = await form(registry, a_group(persons))
    assert (slug(answer), answer.json()["persons"]) == ("kube-member-not-head", persons[4:])


async def test_members_live_in_one_kecamatan(hand_in: HandIn, registry: Running) -> None:
    persons = await heads(hand_in, registry, 4) + await heads(hand_in, registry, 1, area="31.74.05.1001")
    assert slug(await form(registry, a_group(persons))) == "kube-other-district"
    assert slug(await form(registry, a_group(persons, area="31.74"))) == "kube-area-too-wide"


async def test_nobody_is_in_two_groups_even_when_both_are_formed_at_once(hand_in: HandIn, registry: Running) -> None:
    persons = await heads(hand_in, registry, 9)
    answers = await asyncio.gather(
        form(registry, a_group(persons[:5])), form(registry, a_group(list(reversed(persons[4:]))))
    )
    assert sorted(answer.status_code for answer in answers) == [201, 409]
    assert "kube-member-in-another" in {slug(answer) for answer in answers if answer.status_code == 409}


async def test_a_group_of_another_area_is_refused(hand_in: HandIn, registry: Running) -> None:
    persons = await heads(hand_in, registry, 5)
    assert slug(await form(registry, a_group(persons), area="31.71")) == "outside-your-area"


async def test_a_desk_officer_forms_no_group(registry: Running) -> None:
    async with registry.client("desk_officer", agency="koperasi", area="*") as client:
        answer = await client.post("/groups", json=a_group([str(uuid4()) for _ in range(5)]))
    assert slug(answer) == "not-permitted"


async def test_a_group_is_disclosed_with_only_the_fields_asked_for(
    hand_in: HandIn, registry: Running, nats: Client
) -> None:
    group = (await form(registry, a_group(await heads(hand_in, registry, 5)))).json()["id"]
    client = (await ask(nats, client_kind="group", client_id=group, fields=["name"]))["client"]
    assert (client["name"], client["area"], len(client["members"])) == ("KUBE Melati", TEBET, 5)
    assert all(set(member) == {"name"} for member in client["members"])
    assert "nik" not in json.dumps(client)
