"""Opening a case, of somebody unknown too; binding them; the second case of one person; joining two."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any
from uuid import uuid4

import pytest

from tests.cases.reporting import SEEN, Office, done, offices, slug
from tests.cases.story import CALM, COACHING, GOALS, besides_duties
from tests.cases.test_intake import told
from tests.harness.stack import Running

Facts = Callable[..., Awaitable[list[tuple[str, dict[str, Any]]]]]


@pytest.fixture
async def both(cases: Running) -> AsyncIterator[tuple[Office, Office]]:
    async with offices(cases) as them:
        yield them


async def unknown_case(office: Office) -> dict[str, Any]:
    return await office.case(client_kind="unknown", client_id=None, unknown=SEEN)


async def bind(office: Office, case: dict[str, Any], person: str) -> Any:
    body = {"client_id": person, "expected_version": case["version"]}
    return await office.worker.post(f"/cases/{case['id']}/client", json=body)


async def planned(office: Office, case: dict[str, Any]) -> dict[str, Any]:
    """The case with a plan that lies before the supervisor."""
    path, steps = f"/cases/{case['id']}", [COACHING]
    for method, way, body in (
        ("POST", "/assessments", {"instrument": "general", "answers": CALM}),
        ("PUT", "/plan", {"goals": GOALS, "steps": steps}),
        ("POST", "/plan/submit", {}),
    ):
        said = body | {"expected_version": case["version"]}
        case = done(await office.worker.request(method, path + way, json=said), 201 if "assess" in way else 200)
    return case


async def approve(office: Office, case: dict[str, Any]) -> Any:
    return await office.supervisor.post(f"/cases/{case['id']}/plan/approve", json={"expected_version": case["version"]})


async def test_somebody_unknown_is_bound_before_a_referral_goes_out(both: tuple[Office, Office], facts: Facts) -> None:
    jember, _ = both
    case = await planned(jember, await unknown_case(jember))
    assert slug(await approve(jember, case)) == (409, "client-unknown")
    person = str(uuid4())
    bound = done(await bind(jember, case, person))
    assert slug(await bind(jember, bound, str(uuid4()))) == (409, "client-known")
    done(await approve(jember, bound))
    read = await jember.read(case["id"])
    assert (read["client_kind"], read["client_id"], read["steps"][0]["state"]) == ("person", person, "sent")
    seen = done(await jember.worker.get(f"/cases/{case['id']}/unknown-client"))
    assert (seen["bound_to"], seen["description"]) == (person, SEEN["description"])
    names = (
        "opened",
        "assessed",
        "plan_drafted",
        "plan_submitted",
        "client_bound",
        "plan_approved",
        "referral_planned",
    )
    bodies = await told(facts, case["id"], *(f"case.{name}" for name in names))
    assert (bodies[0]["client_kind"], bodies[0]["provisional"]) == ("person", True)
    assert (bodies[4]["previous_client_id"], bodies[6]["client_id"]) == (bodies[0]["client_id"], person)
    assert SEEN["nickname"] not in str(bodies)


async def test_two_cases_bound_to_one_person_at_once_are_told_of_each_other(both: tuple[Office, Office]) -> None:
    jember, _ = both
    person = str(uuid4())
    several = [await unknown_case(jember) for _ in range(6)]
    tries = await asyncio.gather(*(bind(jember, one, person) for one in several))
    assert sorted(one.status_code for one in tries) == [200] + [409] * 5
    (winner,) = [one.json()["id"] for one in tries if one.is_success]
    assert {one.json()["case_id"] for one in tries if not one.is_success} == {winner}


async def test_a_second_case_is_offered_and_only_colleagues_learn_more_than_the_office(
    cases: Running, both: tuple[Office, Office]
) -> None:
    jember, probolinggo = both
    client = str(uuid4())
    case = await jember.case(client_id=client)
    again = {"client_kind": "person", "client_id": client, "way_in": "walk-in"}
    theirs = await probolinggo.worker.post("/cases", json=again | {"area": "35.13"})
    assert slug(theirs) == (409, "case-already-open")
    extra = theirs.json().keys() - {"type", "title", "status", "detail"}
    assert (extra, theirs.json()["agency"]) == ({"case_id", "agency"}, "dinsos-jbr")
    ours = await jember.worker.post("/cases", json=again | {"area": "35.09"})
    assert (ours.json()["stage"], ours.json()["worker"]) == ("identifikasi", jember.worker_sub)

    offered = await probolinggo.worker.post(f"/cases/{case['id']}/offer", json={"text": "Saya temui di terminal"})
    assert offered.status_code == 201
    read = await jember.read(case["id"])
    told = [(one["kind"], one["note"]) for one in besides_duties(read["tasks"])]
    assert told == [("information-offered", "Saya temui di terminal")]
    assert read["version"] == case["version"]
    assert (await probolinggo.worker.get(f"/cases/{case['id']}")).status_code == 403
    async with cases.client("desk_officer", "bptsp", "35.09", sub=uuid4().hex) as desk:
        assert (await desk.post(f"/cases/{case['id']}/offer", json={"text": "x"})).status_code == 403
    assert (await probolinggo.worker.post(f"/cases/{uuid4()}/offer", json={"text": "x"})).status_code == 404


@pytest.mark.parametrize(
    "wrong",
    [
        {"client_id": None},
        {"client_kind": "unknown"},
        {"client_kind": "unknown", "client_id": None},
        {"unknown": SEEN},
        {"area": "31.74"},
    ],
)
async def test_a_case_has_exactly_one_client_in_the_workers_area(
    both: tuple[Office, Office], wrong: dict[str, Any]
) -> None:
    body = {"client_kind": "person", "client_id": str(uuid4()), "area": "35.09", "way_in": "walk-in"} | wrong
    assert (await both[0].worker.post("/cases", json=body)).status_code in (403, 422)


async def join(office: Office, case: dict[str, Any], into: dict[str, Any], who: Any = None) -> Any:
    body = {"expected_version": case["version"], "into": into["id"], "into_expected_version": into["version"]}
    return await (who or office.supervisor).post(f"/cases/{case['id']}/join", json=body)


async def test_the_unknown_persons_case_is_joined_to_the_one_that_was_there(
    cases: Running, both: tuple[Office, Office], facts: Facts
) -> None:
    jember, probolinggo = both
    kept, joined = await jember.case(), await unknown_case(jember)
    other = cases.client("social_worker", "dinsos-jbr", "35.09", sub="another-worker")
    due = {"note": "Antar ke puskesmas", "due_on": "2030-01-01"}
    await jember.worker.post(f"/cases/{joined['id']}/tasks", json=due)
    assert (await join(jember, joined, kept, jember.worker)).status_code == 403
    assert (await join(jember, joined, kept, probolinggo.supervisor)).status_code == 403
    assert slug(await join(jember, kept, joined)) == (422, "other-client")
    assert slug(await join(jember, joined, kept | {"version": 9})) == (409, "version-conflict")
    tries = await asyncio.gather(*(join(jember, joined, kept) for _ in range(5)))
    assert sorted(one.status_code for one in tries) == [200] + [409] * 4
    was, goes_on = await jember.read(joined["id"]), await jember.read(kept["id"])
    assert (was["closure_reason"], was["joined_to"], was["client_id"]) == ("joined", kept["id"], goes_on["client_id"])
    assert (was["stage"], besides_duties(was["tasks"]), goes_on["closed_at"]) == ("pembinaan_lanjut", [], None)
    assert [one["note"] for one in besides_duties(goes_on["tasks"])] == ["Antar ke puskesmas"]
    assert (await other.get(f"/cases/{joined['id']}")).status_code == 403
    await other.aclose()
    bodies = await told(facts, joined["id"], "case.opened", "case.joined", "case.closed")
    assert (bodies[1]["joined_to"], bodies[2]["reason"]) == (kept["id"], "joined")


async def test_a_case_whose_referral_is_under_way_is_not_the_one_that_ends(both: tuple[Office, Office]) -> None:
    jember, _ = both
    busy = await planned(jember, await jember.case())
    busy = done(await approve(jember, busy))
    busy["version"] = (await jember.read(busy["id"]))["version"]
    idle = await jember.case()
    refused = await join(jember, busy, idle)
    assert slug(refused) == (409, "steps-at-work")
    assert refused.json()["steps"] == ["coaching"]
    done(await join(jember, idle, busy))
