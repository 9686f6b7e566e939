"""Facts for rules of eligibility: codes and numbers that were asked for, audited; unknown where nothing is known."""

import json
from datetime import date
from typing import Any
from uuid import UUID, uuid4

from nats.aio.client import Client
from sqlalchemy import text

from services.registry.models import Group, GroupMember
from sinergi.db import new_id
from tests.harness.stack import Running
from tests.registry.known_people import TODAY, Said, household, merge, settle

QUARTER = f"{TODAY.year}-Q{(TODAY.month - 1) // 3 + 1}"
BORN = date(TODAY.year - 70, 1, 1)
ALL: dict[str, list[str]] = {
    "age": [], "sex": [], "desil": [], "area": [], "identity_known": [], "members": [],
    "categories": ["lansia-telantar", "gelandangan"], "disability": ["mental", "sensory"], "programmes": ["pkh"],
}  # fmt: skip


async def ask(nats: Client, client_id: UUID, facts: dict[str, list[str]] = ALL, **more: Any) -> dict[str, Any]:
    question = {
        **{"client_kind": "person", "client_id": str(client_id), "facts": facts, "purpose": "eligibility"},
        **{"asked_by": "worker-1", "agency": "dinsos", "within": "31.74", **more},
    }
    message = await nats.request("sinergi.ask.registry.facts", json.dumps(question).encode(), timeout=10)
    return dict(json.loads(message.data))


async def known(registry: Running, client: Any, person: UUID) -> None:
    """Write down a disability and aid of this person, as its office does."""
    common = {"person_id": str(person), "expected_version": 0, "reason": "asesmen"}
    disability = {"kind": "mental", "degree": "severe", "source": "surat dokter"}
    (await client.post("/disabilities", json=common | disability)).raise_for_status()
    aid = {"programme": "pkh", "period": QUARTER, "amount": 1, "giver": "dinsos", "given_on": TODAY.isoformat()}
    async with registry.client("operator") as operator:
        whose = {"person_id": str(person), "reference": uuid4().hex}
        (await operator.post("/aid", json=aid | whose)).raise_for_status()


async def test_the_facts_that_are_asked_for_are_told_as_codes_and_numbers_and_audited(
    registry: Running, nats: Client
) -> None:
    said = [Said(need="lansia-telantar"), Said(source="city", need="hiv-aids")]
    person = await settle(registry.context.db, said=said, birth_date=BORN, sex="P", desil=2, desil_period=QUARTER)
    async with registry.client("social_worker") as worker:
        await known(registry, worker, person)
    told = await ask(nats, person)
    assert told == {
        "members": 1,
        "people": [
            {
                **{"age": 70, "sex": "P", "desil": 2, "area": "31.74.01.1001", "identity_known": True},
                **{"categories": ["lansia-telantar"], "disability": ["mental"], "programmes": ["pkh"]},
            }
        ],
    }, "hiv-aids was not asked about, so it is not told"
    assert await ask(nats, person, {"age": []}) == {"members": None, "people": [{"age": 70}]}
    async with registry.context.db.begin() as tx:
        trail = text("SELECT action, purpose FROM audit WHERE subject_id = :id AND action = 'person.facts'")
        rows = [tuple(row) for row in await tx.session.execute(trail, {"id": str(person)})]
    assert rows == [("person.facts", "eligibility (agency dinsos, asked by worker-1)")] * 2


async def test_what_is_not_known_is_none_and_an_old_desil_is_not_known(registry: Running, nats: Client) -> None:
    nobody = {"birth_date": None, "sex": None, "nik": None, "desil": 2, "desil_period": "2019-Q1"}
    person = await settle(registry.context.db, **nobody)
    [facts] = (await ask(nats, person))["people"]
    assert {name for name, value in facts.items() if value is None} == {"age", "sex", "desil", "disability"}
    assert (facts["identity_known"], facts["categories"], facts["programmes"]) == (False, [], [])


async def test_of_somebody_outside_the_askers_area_nothing_is_told(registry: Running, nats: Client) -> None:
    person = await settle(registry.context.db, birth_date=BORN)
    elsewhere = await ask(nats, person, {"age": [], "members": []}, within="31.73")
    assert elsewhere == {"members": None, "people": [{"age": None}]}
    assert (await ask(nats, person, {"age": []}, within=""))["people"] == [{"age": None}]
    assert (await ask(nats, person, {"age": []}, within="*"))["people"] == [{"age": 70}]


async def test_a_group_a_household_and_the_survivor_of_a_merge_are_found(registry: Running, nats: Client) -> None:
    db = registry.context.db
    home = await household(db)
    loser, *members = [await settle(db, birth_date=BORN, household_id=home, is_head=n == 0) for n in range(4)]
    await merge(db, loser, members[0])
    group = Group(id=new_id(), version=1, kind="kube", name="KUBE", area="31.74.01", formed_by="t")
    async with db.begin() as tx:
        tx.add(group)
        await tx.session.flush()
        tx.add(*(GroupMember(group_id=group.id, person_id=one, role="anggota") for one in members))
    for kind, client in (("group", group.id), ("household", home)):
        assert await ask(nats, client, {"age": [], "members": []}, client_kind=kind) == {
            "members": 3,
            "people": [{"age": 70}] * 3,
        }
    assert (await ask(nats, loser, {"age": []}))["people"] == [{"age": 70}]


async def test_a_question_of_another_form_is_refused(registry: Running, nats: Client) -> None:
    person = await settle(registry.context.db)
    wrong: list[dict[str, Any]] = [
        *({"facts": {"name": []}}, {"facts": {"nik": []}}, {"facts": {"categories": ["a b"]}}),
        *({"agency": "NOBODY"}, {"purpose": ""}, {"client_kind": "crowd"}),
    ]
    for one in wrong:
        assert (await ask(nats, person, **one))["problem"]["status"] == 422
    assert (await ask(nats, uuid4()))["problem"]["status"] == 404
