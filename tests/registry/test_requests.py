"""Change requests: proposed, objected to, decided tier by tier, and never against what changed meanwhile."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from sqlalchemy import text

from tests.harness.stack import Running
from tests.registry.entering import PURPOSE, enter, fields_of, get, person, post, slug
from tests.registry.lists import TEBET, TEBET_TIMUR
from tests.registry.test_entry import Facts, told
from tests.registry.test_people import audit_of

#: who sits in each tier: a kelurahan, a kecamatan, the city's Dinsos
KELURAHAN, KECAMATAN, DINSOS = TEBET_TIMUR, TEBET, "31.74"
WHY = {"reason": "sesuai akta kelahiran", "evidence": "akta 123/2026"}


async def propose(registry: Running, who: str, scope: str = KELURAHAN, sub: str = "proposer", **fields: Any) -> Any:
    return await post(
        registry, f"/persons/{who}/requests", WHY | {"fields": fields}, "social_worker", area=scope, sub=sub
    )


async def proposed(registry: Running, scope: str = KELURAHAN, **fields: Any) -> tuple[str, str]:
    """Somebody, and an open request about him."""
    who = await enter(registry, birthplace="Jakarta")
    answer = await propose(registry, who, scope, **(fields or {"birthplace": "Bandung"}))
    assert answer.status_code == 201, answer.text
    return who, str(answer.json()["id"])


async def step(registry: Running, request: str, what: str, version: int, area: str, **more: Any) -> Any:
    who = {"role": more.pop("role", "supervisor"), "area": area, "sub": more.pop("sub", f"decider-{area}")}
    return await post(registry, f"/requests/{request}/{what}", {"expected_version": version} | more, **who)


async def approve(registry: Running, request: str, version: int, area: str, **more: Any) -> Any:
    return await step(registry, request, "approve", version, area, **more)


async def read(registry: Running, request: str) -> dict[str, Any]:
    found: dict[str, Any] = await get(registry, f"/requests/{request}")
    return found


async def test_a_request_passes_the_tiers_and_then_counts(registry: Running, facts: Facts) -> None:
    who, request = await proposed(registry, name="Nama Yang Benar")
    for version, (area, tier) in enumerate([(KELURAHAN, "kecamatan"), (KECAMATAN, "dinsos"), (DINSOS, "dinsos")], 1):
        answer = await approve(registry, request, version, area)
        assert (answer.status_code, answer.json()["tier"]) == (200, tier), answer.text
    assert answer.json()["state"] == "approved"
    found = await person(registry, who)
    assert found["name"] == "Nama Yang Benar"
    record = found["records"][-1]
    assert (record["source"], record["birth_date"], record["nik"]) == ("request", None, None)
    assert found["sources"]["name"] == record["id"]
    changed = ("sinergi.person.changed.v1", {"person_id": who, "fields": ["name"]})
    assert (await told(facts, who, 2))[1] == changed


async def test_a_request_begins_at_the_tier_of_who_proposes(registry: Running) -> None:
    tiers = [(await read(registry, (await proposed(registry, area))[1]))["tier"] for area in (KECAMATAN, DINSOS)]
    assert tiers == ["kecamatan", "dinsos"]


async def test_only_the_tier_where_it_stands_decides(registry: Running) -> None:
    _, request = await proposed(registry)
    assert slug(await approve(registry, request, 1, DINSOS)) == "not-your-tier"
    assert slug(await approve(registry, request, 1, "31.74.05.1001")) == "outside-your-area"
    assert slug(await approve(registry, request, 1, KELURAHAN, sub="proposer")) == "request-own"
    assert slug(await approve(registry, request, 1, KELURAHAN, role="social_worker")) == "not-permitted"
    assert (await read(registry, request))["tier"] == "kelurahan"


async def test_a_tier_sends_back_with_a_reason(registry: Running) -> None:
    who, request = await proposed(registry)
    assert slug(await step(registry, request, "reject", 1, KELURAHAN)) == "request-not-valid"
    answer = await step(registry, request, "reject", 1, KELURAHAN, reason="akta tidak terbaca")
    assert answer.json()["state"] == "rejected"
    assert (await read(registry, request))["steps"][0]["reason"] == "akta tidak terbaca"
    assert slug(await approve(registry, request, 2, KELURAHAN)) == "request-closed"
    assert (await propose(registry, who, birthplace="Bandung")).status_code == 201


async def test_an_objection_must_be_answered(registry: Running) -> None:
    _, request = await proposed(registry)
    objection = {"reason": "keluarga menyangkal", "role": "social_worker"}
    assert slug(await step(registry, request, "object", 1, KELURAHAN, sub="proposer", **objection)) == "request-own"
    assert (await step(registry, request, "object", 1, KELURAHAN, sub="neighbour", **objection)).status_code == 200
    assert slug(await approve(registry, request, 1, KELURAHAN)) == "version-conflict"
    assert slug(await approve(registry, request, 2, KELURAHAN)) == "objection-unanswered"
    assert (await approve(registry, request, 2, KELURAHAN, reason="akta asli dilihat")).status_code == 200
    assert [one["kind"] for one in (await read(registry, request))["steps"]] == ["objected", "approved"]


async def test_who_proposed_may_withdraw_and_nobody_else(registry: Running) -> None:
    who, request = await proposed(registry)
    body = {"reason": "salah orang", "role": "social_worker"}
    assert slug(await step(registry, request, "withdraw", 1, KELURAHAN, **body)) == "request-of-another"
    answer = await step(registry, request, "withdraw", 1, KELURAHAN, sub="proposer", **body)
    assert answer.json()["state"] == "withdrawn"
    assert (await person(registry, who))["birthplace"] == "Jakarta"


async def test_a_second_request_about_the_same_field_is_refused(registry: Running) -> None:
    who, request = await proposed(registry)
    again = await propose(registry, who, birthplace="Bogor", rt="4")
    assert (again.status_code, slug(again), again.json()["request_id"]) == (409, "request-open", request)
    assert (await propose(registry, who, rt="4")).status_code == 201


async def test_of_two_requests_about_one_field_at_once_one_is_taken(registry: Running) -> None:
    who = await enter(registry)
    answers = await asyncio.gather(*(propose(registry, who, birthplace=place) for place in ("Bogor", "Bandung")))
    assert sorted(answer.status_code for answer in answers) == [201, 409]


async def test_a_request_about_what_changed_meanwhile_is_not_approved(registry: Running) -> None:
    who, request = await proposed(registry, DINSOS, address="Jl. Usul No. 1")
    move = {"area": TEBET_TIMUR, "address": "Jl. Pindah No. 2", "on": "2026-05-01", "reason": "pindah rumah"}
    assert (await post(registry, f"/persons/{who}/move", move | {"expected_version": 1})).status_code == 200
    assert (await read(registry, request))["conflicts"] == ["address"]
    answer = await approve(registry, request, 1, DINSOS)
    assert (answer.status_code, slug(answer), answer.json()["fields"]) == (409, "request-outdated", ["address"])
    assert (await person(registry, who))["address"] == "Jl. Pindah No. 2"


async def test_a_nik_that_somebody_owns_is_not_proposed(registry: Running) -> None:
    fields = fields_of()
    owner = await enter(registry, **fields)
    answer = await propose(registry, await enter(registry), nik=fields["nik"])
    assert (slug(answer), answer.json()["person_id"]) == ("nik-known", owner)


@pytest.mark.parametrize(
    ("fields", "refusal"),
    [({}, "request-not-valid"), ({"kk": "3174010101010001"}, "request-not-valid"),
     ({"area": "31.74.01.9999"}, "fields-not-valid"), ({"birthplace": "Jakarta"}, "nothing-changes")],
    ids=["no field", "a field of the household", "no such area", "nothing new"],
)  # fmt: skip
async def test_a_request_that_makes_no_sense_is_refused(
    fields: dict[str, str], refusal: str, registry: Running
) -> None:
    who = await enter(registry, birthplace="Jakarta")
    assert slug(await propose(registry, who, **fields)) == refusal


@asynccontextmanager
async def requests_trusted_least(registry: Running) -> AsyncIterator[None]:
    """Survivorship is data: for a while a decided request counts less than an entry."""
    async with registry.context.db.begin() as tx:
        await tx.session.execute(text("UPDATE sources SET rank = 1000 WHERE code = 'request'"))
    try:
        yield
    finally:
        async with registry.context.db.begin() as tx:
            await tx.session.execute(text("UPDATE sources SET rank = 0 WHERE code = 'request'"))


async def test_a_decision_that_would_not_count_is_refused_and_stays_open(registry: Running) -> None:
    who, request = await proposed(registry, DINSOS)
    async with requests_trusted_least(registry):
        answer = await approve(registry, request, 1, DINSOS)
    assert (slug(answer), answer.json()["fields"]) == ("statement-outweighed", ["birthplace"])
    assert ((await read(registry, request))["state"], (await person(registry, who))["birthplace"]) == (
        "open",
        "Jakarta",
    )
    assert (await approve(registry, request, 1, DINSOS)).json()["state"] == "approved"


# ----------------------------------------------------------------------- queue


async def test_the_queue_shows_each_tier_its_own_masked_and_paged(registry: Running) -> None:
    who, request = await proposed(registry)
    other = (await proposed(registry))[1]
    mine = await get(registry, "/requests", "supervisor", KELURAHAN, mine=True, size=100)
    assert {request, other} <= {one["id"] for one in mine["items"]}
    (item,) = [one for one in mine["items"] if one["id"] == request]
    assert (item["fields"], item["tier"]) == (["birthplace"], "kelurahan")
    assert "*" in item["name_masked"]
    assert (await audit_of(registry, who))[0]["action"] == "request.list"
    above = await get(registry, "/requests", "supervisor", DINSOS, mine=True, size=100)
    assert request not in {one["id"] for one in above["items"]}
    page = await get(registry, "/requests", "supervisor", DINSOS, tier="kelurahan", size=1)
    assert len(page["items"]) == 1 < page["total"]
    assert (await get(registry, "/requests", "supervisor", "31.71"))["total"] == 0


async def test_reading_a_request_shows_each_value_and_is_written_down(registry: Running) -> None:
    who, request = await proposed(registry)
    found = await read(registry, request)
    assert found["changes"] == {"birthplace": {"seen": "Jakarta", "proposed": "Bandung", "now": "Jakarta"}}
    latest = (await audit_of(registry, who))[0]
    assert (latest["action"], latest["purpose"]) == ("request.read", f"{PURPOSE} (request {request})")


async def test_proposed_values_lie_sealed(registry: Running) -> None:
    nik = fields_of()["nik"]
    _, request = await proposed(registry, nik=nik)
    async with registry.context.db.engine.connect() as connection:
        row = (await connection.exec_driver_sql(f"SELECT * FROM change_requests WHERE id = '{request}'")).one()
    assert nik not in str(row)
    assert (await read(registry, request))["changes"]["nik"]["proposed"] == nik


async def test_an_area_may_have_tiers_of_its_own(registry: Running) -> None:
    tiers = {"area": "31.74.05", "tiers": [{"name": "dinsos", "depth_least": 0, "depth_most": 2}]}
    async with registry.client("operator") as client:
        assert (await client.put("/requests/tiers", json=tiers)).status_code == 200
        assert slug(await client.put("/requests/tiers", json=tiers | {"area": ""})) == "outside-your-area"
    who = await enter(registry, area="31.74.05.1001")
    answer = await propose(registry, who, "31.74.05.1001", birthplace="Bandung")
    assert answer.json()["tier"] == "dinsos"
