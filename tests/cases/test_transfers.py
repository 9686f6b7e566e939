"""A TKSK of Jember finds somebody in Probolinggo: the case goes there, with all that is open in it, and once."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import date, timedelta
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import text

from services.cases.access import grant
from services.cases.models import Case
from services.cases.placement_models import Placement
from sinergi.auth import service_actor
from sinergi.events import ReferralCompleted, ReferralFact, ReferralRequested
from tests.cases.placing import OUTSIDE
from tests.cases.reporting import Office, act, done, offices, slug
from tests.cases.test_intake import told
from tests.cases.test_opening import approve, bind, planned
from tests.harness.stack import Running, eventually

Facts = Callable[..., Awaitable[list[tuple[str, dict[str, Any]]]]]


@pytest.fixture
async def both(cases: Running) -> AsyncIterator[tuple[Office, Office]]:
    async with offices(cases) as them:
        yield them


async def moved(office: Office, transfer: dict[str, Any], doing: str, **body: Any) -> Any:
    return await act(office.supervisor, transfer, doing, of="transfers", **body)


async def test_the_case_of_an_unknown_man_goes_from_jember_to_probolinggo(
    cases: Running, both: tuple[Office, Office], facts: Facts, publish_fact: Callable[..., Awaitable[str]]
) -> None:
    jember, probolinggo = both
    taken = await jember.take_up(await jember.screened("injury"))
    case = {"id": taken["case_id"], "version": 1}
    case = done(await bind(jember, case, str(uuid4())))
    done(await approve(jember, await planned(jember, case)))
    case = await jember.read(case["id"])
    referral, step = str(uuid4()), case["steps"][0]
    await publish_fact(heard(ReferralRequested, case, referral, reason="x", legal_basis="UU"), referral, 1)

    async def requested() -> bool:
        return bool((await jember.read(case["id"]))["steps"][0]["state"] == "requested")

    await eventually(requested)
    colleague = uuid4().hex
    async with cases.context.db.begin() as tx:
        covered = await tx.get(Case, case["id"])
        grant(covered, colleague, "dinsos-jbr", "write", "cover", None, service_actor("cases"), tx)
    transfer = await jember.offered(await jember.read(case["id"]), probolinggo)
    (coming,) = [
        one
        for one in done(await probolinggo.supervisor.get("/transfers", params={"size": 100}))["items"]
        if one["id"] == transfer["id"]
    ]
    assert (coming["summary"], coming["risk"], coming["stage"]) == ("Keluarganya di sana.", "medium", "intervensi")
    assert "client_id" not in coming
    assert (await probolinggo.supervisor.get(f"/cases/{case['id']}")).status_code == 403
    leaving = done(await jember.worker.get("/transfers", params={"way": "leaving"}))
    assert [one["id"] for one in leaving["items"]] == [transfer["id"]]

    tries = await asyncio.gather(
        *(moved(probolinggo, transfer, "accept", worker=probolinggo.worker_sub) for _ in range(4)),
        *(moved(probolinggo, transfer, "refuse", why="no-capacity") for _ in range(4)),
    )
    assert sorted(one.status_code for one in tries) == [200] + [409] * 7
    if not any(one.is_success for one in tries[:4]):  # the refusal won: offered and taken over again
        transfer = await jember.offered(await jember.read(case["id"]), probolinggo)
        done(await moved(probolinggo, transfer, "accept", worker=probolinggo.worker_sub))

    theirs = await probolinggo.read(case["id"])
    assert (theirs["agency"], theirs["area"], theirs["worker"]) == ("dinsos-pbl", "35.13", probolinggo.worker_sub)
    assert theirs["supervisor"] == probolinggo.supervisor_sub
    assert {(one["agency"], one["area"], one["worker"]) for one in theirs["tasks"] if not one["done_at"]} == {
        ("dinsos-pbl", "35.13", probolinggo.worker_sub)
    }
    await publish_fact(heard(ReferralCompleted, case, referral, outcome="coached", given_on=date.today()), referral, 2)

    async def completed() -> bool:
        return bool((await probolinggo.read(case["id"]))["steps"][0]["state"] == "completed")

    await eventually(completed)
    assert step["referral_id"] is None
    await sender_only_reads(cases, jember, theirs, colleague)
    accepted = [body for kind, body in await facts("CASES", case["id"]) if kind.endswith("transfer_accepted.v1")]
    assert [(one["agency"], one["from_agency"]) for one in accepted] == [("dinsos-pbl", "dinsos-jbr")]
    assert accepted[0]["previous_worker"] == jember.worker_sub
    assert "Keluarganya" not in str(accepted)


def heard(kind: type[ReferralFact], case: dict[str, Any], referral: str, **more: Any) -> ReferralFact:
    """A fact about the referral that Jember sent before the transfer."""
    step = case["steps"][0]
    return kind(
        referral_id=referral,
        service=step["service"],
        sender="dinsos-jbr",
        receiver="koperasi",
        desk="koperasi/pembinaan",
        area="35.09",
        client_kind="person",
        client_id=case["client_id"],
        case_id=case["id"],
        step_id=step["id"],
        by="agency",
        by_agency="koperasi",
        **more,
    )


async def sender_only_reads(cases: Running, jember: Office, case: dict[str, Any], covering: str) -> None:
    """The old worker and the old office's supervisors read for a time; nobody there writes."""
    stale = {"expected_version": case["version"], "to_agency": "dinsos-pbl", "to_area": "35.13"}
    said = stale | {"reason": "other", "summary": "x"}
    assert (await jember.worker.post(f"/cases/{case['id']}/transfers", json=said)).status_code == 403
    due = {"note": "x", "due_on": "2030-01-01"}
    assert (await jember.worker.post(f"/cases/{case['id']}/tasks", json=due)).status_code == 403
    closing = {"expected_version": case["version"], "comment": ""}
    assert (await jember.supervisor.post(f"/cases/{case['id']}/close", json=closing)).status_code == 403
    assert (await jember.read(case["id"]))["may_write"] is False
    assert (await jember.supervisor.get(f"/cases/{case['id']}")).status_code == 200
    async with cases.client("social_worker", "dinsos-jbr", "35.09", sub=covering) as colleague:
        assert (await colleague.get(f"/cases/{case['id']}")).status_code == 403
    async with cases.context.db.begin() as tx:
        ended = "UPDATE case_access SET until = now() - interval '1 second' WHERE case_id = CAST(:id AS uuid)"
        await tx.session.execute(text(ended), {"id": case["id"]})
    assert (await jember.worker.get(f"/cases/{case['id']}")).status_code == 403
    assert (await jember.supervisor.get(f"/cases/{case['id']}")).status_code == 403


async def test_the_supervisor_approves_before_the_other_office_sees_anything(
    cases: Running, both: tuple[Office, Office]
) -> None:
    jember, probolinggo = both
    case = await jember.case()
    transfer = await jember.proposed(case, probolinggo)
    assert (await probolinggo.supervisor.get(f"/transfers/{transfer['id']}")).status_code == 403
    coming = done(await probolinggo.supervisor.get("/transfers", params={"size": 100}))["items"]
    assert transfer["id"] not in {one["id"] for one in coming}
    early = await moved(probolinggo, transfer, "accept", worker="x")
    assert slug(early) == (409, "wrong-transfer-state")
    assert (await act(jember.worker, transfer, "offer", of="transfers")).status_code == 403
    again = {"reason": "moved", "summary": "x", "to_agency": "dinsos-x", "to_area": "35.14"}
    twice = await jember.worker.post(f"/cases/{case['id']}/transfers", json=again | {"expected_version": 2})
    assert slug(twice) == (409, "transfer-open")
    stale = await jember.worker.post(f"/cases/{case['id']}/transfers", json=again | {"expected_version": 1})
    assert slug(stale) == (409, "version-conflict")
    offered = done(await moved(jember, transfer, "offer"))
    outsiders = {
        "another area": ("supervisor", "dinsos-pbl", "35.14"),
        "a part of the area": ("supervisor", "dinsos-pbl", "35.13.01"),
        "a third office": ("supervisor", "dinsos-lmj", "35"),
        "no supervisor": ("social_worker", "dinsos-pbl", "35.13"),
        "no area": ("supervisor", "dinsos-pbl", ""),
    }
    for who, (role, agency, area) in outsiders.items():
        async with cases.client(role, agency, area, sub=uuid4().hex) as client:
            assert (await client.get(f"/transfers/{transfer['id']}")).status_code == 403, who
            listed = done(await client.get("/transfers", params={"size": 100}))["items"]
            assert transfer["id"] not in {one["id"] for one in listed}, who
            refused = await act(client, offered, "accept", of="transfers", worker="x")
            assert refused.status_code == 403, who
    async with cases.client("supervisor", "dinsos-pbl", "35", sub=uuid4().hex) as province_wide:
        assert done(await province_wide.get(f"/transfers/{transfer['id']}"))["may"] == ["accept", "refuse"]
    own = await moved(probolinggo, offered, "accept", worker=probolinggo.supervisor_sub)
    assert slug(own) == (422, "self-approval")
    assert done(await jember.worker.get(f"/transfers/{transfer['id']}"))["may"] == ["withdraw"]


async def test_a_refused_or_withdrawn_transfer_leaves_the_case_where_it_was(both: tuple[Office, Office]) -> None:
    jember, probolinggo = both
    case = await jember.case()
    refused = done(await moved(probolinggo, await jember.offered(case, probolinggo), "refuse", why="not-our-area"))
    assert refused["state"] == "refused"
    case = await jember.read(case["id"])
    assert (case["agency"], case["worker"]) == ("dinsos-jbr", jember.worker_sub)
    assert (await probolinggo.supervisor.get(f"/transfers/{refused['id']}")).status_code == 403
    second = await jember.proposed(case, probolinggo)
    done(await act(jember.worker, second, "withdraw", of="transfers", note="Keluarga datang sendiri"))
    found = done(await jember.worker.get(f"/cases/{case['id']}/transfers"))
    assert [(one["state"], one["why"]) for one in found["items"]] == [("withdrawn", None), ("refused", "not-our-area")]
    done_already = await moved(jember, second | {"version": 2}, "offer")
    assert slug(done_already) == (409, "wrong-transfer-state")


async def test_a_transfer_that_nobody_answers_is_overdue_after_working_days(
    cases: Running, both: tuple[Office, Office], facts: Facts
) -> None:
    jember, probolinggo = both
    case = await jember.case()
    transfer = await jember.offered(case, probolinggo)
    answered = await jember.offered(await jember.case(), probolinggo)
    done(await moved(probolinggo, answered, "refuse", why="other"))
    read = done(await probolinggo.supervisor.get(f"/transfers/{transfer['id']}"))
    assert date.fromisoformat(read["answer_by"][:10]) >= date.today() + timedelta(days=5)
    async with cases.context.db.begin() as tx:
        late = "UPDATE alarms SET due_at = now() - interval '1 hour' WHERE about = ANY(CAST(:ids AS uuid[]))"
        changed = await tx.session.execute(text(late), {"ids": [transfer["id"], answered["id"]]})
        assert changed.rowcount == 1  # type: ignore[attr-defined]
    names = ("opened", "transfer_proposed", "transfer_offered", "transfer_overdue")
    await told(facts, case["id"], *(f"case.{name}" for name in names))
    assert done(await probolinggo.supervisor.get(f"/transfers/{transfer['id']}"))["overdue"] is True


async def test_placements_follow_a_transferred_case_and_keep_it_from_being_joined_away(
    cases: Running, both: tuple[Office, Office]
) -> None:
    jember, probolinggo = both
    case = await jember.case()
    placed = done(await jember.worker.post(f"/cases/{case['id']}/placements", json=OUTSIDE), 201)
    case, other = await jember.read(case["id"]), await jember.case()
    body = {"into": other["id"], "into_expected_version": other["version"], "expected_version": case["version"]}
    refused = await jember.supervisor.post(f"/cases/{case['id']}/join", json=body)
    assert slug(refused) == (409, "placement-open")
    transfer = await jember.offered(case, probolinggo)
    done(await moved(probolinggo, transfer, "accept", worker=probolinggo.worker_sub))

    async def followed() -> bool:
        async with cases.context.db.begin() as tx:
            placement = await tx.get(Placement, placed["id"])
            return (placement.agency, placement.area) == ("dinsos-pbl", "35.13")

    await eventually(followed)
