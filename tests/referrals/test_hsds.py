"""The open directory says what HSDS asks for, to anybody, and nothing that is not public."""

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from jsonschema import Draft202012Validator, FormatChecker

from tests.harness.stack import Running
from tests.referrals.conftest import LICENCE

SCHEMAS = json.loads((Path(__file__).parents[1] / "data" / "hsds" / "hsds.json").read_text())
DESK = {
    "name": "Loket izin usaha",
    "receives": "console",
    "area": "31.74.01.1001",
    "channels": [
        {"kind": "phone", "value": "+62 21 555 0100", "public": True},
        {"kind": "whatsapp", "value": "+62 811 555 0101"},
        {"kind": "email", "value": "loket@bptsp.example", "public": True},
        {"kind": "phone", "value": "+62 21 555 0199"},
        {"kind": "address", "value": "Jl. Contoh 1", "public": True},
    ],
    "opening": [{"day": "MO", "opens": "08:00", "closes": "15:00"}],
}
RULES = {
    "all": [
        {"fact": "age", "op": ">=", "value": 18},
        {"any": [{"fact": "desil", "op": "<=", "value": 4}, {"fact": "sex", "op": "any_of", "value": ["P"]}]},
    ]
}


def valid(name: str, document: Any) -> Any:
    schema = {"$ref": f"#/$defs/{name}", **SCHEMAS}
    wrong = list(Draft202012Validator(schema, format_checker=FormatChecker()).iter_errors(document))
    assert wrong == []
    return document


@pytest.fixture(scope="module")
async def anybody(referrals: Running) -> AsyncIterator[Any]:
    async with referrals.client("operator") as operator:
        (await operator.put("/directory/desks/bptsp/izin-usaha", json=DESK)).raise_for_status()
        entry = LICENCE | {"eligibility": RULES, "areas": ["31.74", "*"], "needs": ["economic"]}
        (await operator.put("/directory/services/izin-terbuka", json=entry)).raise_for_status()
        capacity = {"places": 12, "places_per": "month"}
        (await operator.post("/directory/services/izin-terbuka/capacity", json=capacity)).raise_for_status()
    async with referrals.anonymous() as client:
        yield client


async def test_the_base_says_which_version_it_is(anybody: Any) -> None:
    assert valid("api", (await anybody.get("/hsds/")).json())["version"] == "3.1"


async def test_each_page_and_each_service_is_valid_and_ids_are_stable(anybody: Any) -> None:
    first = valid("page", (await anybody.get("/hsds/services?per_page=2")).json())
    assert (first["first_page"], first["last_page"], first["size"], first["page_number"]) == (True, False, 2, 1)
    pages = [
        (await anybody.get(f"/hsds/services?per_page=2&page={page + 1}")).json() for page in range(first["total_pages"])
    ]
    listed = [one for page in pages for one in valid("page", page)["contents"]]
    assert (len({one["id"] for one in listed}), pages[-1]["last_page"]) == (first["total_items"], True)
    for one in listed:
        whole = valid("service", (await anybody.get(f"/hsds/services/{one['id']}")).json())
        assert (whole["id"], whole["name"]) == (one["id"], one["name"])
    beyond = valid("page", (await anybody.get("/hsds/services?page=99")).json())
    assert (beyond["empty"], beyond["contents"]) == (True, [])
    assert (await anybody.get(f"/hsds/services/{uuid4()}")).status_code == 404
    assert (await anybody.get("/hsds/services?per_page=1000")).status_code == 422


async def test_a_service_is_told_with_its_place_hours_papers_room_and_whom_it_is_for(
    anybody: Any, referrals: Running
) -> None:
    everything = (await anybody.get("/hsds/services?per_page=100")).json()["contents"]
    service_id = next(one["id"] for one in everything if one.get("minimum_age") == 18)
    whole = (await anybody.get(f"/hsds/services/{service_id}")).json()
    assert whole["eligibility_description"] == (
        "umur paling sedikit 18; desil paling banyak 4 atau jenis kelamin salah satu dari: perempuan"
    )
    assert [one["name"] for one in whole["service_areas"]] == ["Kota Administrasi Jakarta Selatan", "Indonesia"]
    assert [(one["available"], one["maximum"]) for one in whole["capacities"]] == [(12, 12)]
    assert [one["document"] for one in whole["required_documents"]] == ["ktp", "kbli"]
    assert [(one["byday"], one["opens_at"]) for one in whole["schedules"]] == [("MO", "08:00:00")]
    assert [one["number"] for one in whole["phones"]] == ["+62 21 555 0100"]
    said = json.dumps(whole)
    assert not any(secret in said for secret in ("0101", "0199", "nik", "izin-usaha"))
    async with referrals.client("operator") as operator:
        closed = {"until": "2999-01-01", "reason": "Pindah"}
        (await operator.post("/directory/services/izin-terbuka/close", json=closed)).raise_for_status()
    assert (
        valid("service", (await anybody.get(f"/hsds/services/{service_id}")).json())["status"] == "temporarily closed"
    )
