"""A step of a plan becomes a referral; what cannot be sent comes back to the case at once."""

from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import text

from sinergi.events import CaseReferralPlanned, CaseReferralWithdrawn
from tests.harness.stack import Running
from tests.referrals.conftest import COACHING, Give, Send


def a_plan(**other: Any) -> CaseReferralPlanned:
    """A step that asks for coaching of a client that nobody has seen before."""
    fields: dict[str, Any] = {
        "case_id": str(uuid4()),
        "agency": "dinsos",
        "area": "31.74.01.1001",
        "worker": "w1",
        "supervisor": "s1",
        "step_id": str(uuid4()),
        "client_kind": "group",
        "client_id": str(uuid4()),
        "service": "pembinaan-kube",
        "reason": "group-needs-coaching",
        "legal_basis": "Permensos 2/2019",
        "priority": "routine",
        "documents": ["akta"],
    }
    return CaseReferralPlanned(**(fields | other))


Heard = Any


@pytest.fixture(scope="module")
def sent(referrals: Running, publish_fact: Any, eventually: Any) -> Heard:
    """`await sent(plan)` tells the plan and returns the (id, state) of its referrals once there is one."""
    rows = text("SELECT id::text, state FROM referrals WHERE step_id = :step ORDER BY id")

    async def sent(plan: CaseReferralPlanned, version: int = 1, **more: Any) -> list[tuple[str, str]]:
        await publish_fact(plan, plan.case_id, version, **more)

        async def there() -> list[tuple[str, str]]:
            async with referrals.context.db.begin() as tx:
                found = await tx.session.execute(rows, {"step": plan.step_id})
                return [(row[0], row[1]) for row in found]

        found: list[tuple[str, str]] = await eventually(there)
        return found

    return sent


async def test_a_planned_referral_is_sent_and_told_with_its_case_and_step(
    sent: Heard, facts: Any, eventually: Any
) -> None:
    plan = a_plan()
    [(referral_id, state)] = await sent(plan)
    assert state == "requested"
    [(kind, body)] = await eventually(lambda: facts("REFERRALS", referral_id, "koperasi"))
    assert kind == "sinergi.referral.requested.v1"
    same = ("case_id", "step_id", "client_id", "area", "service", "reason", "legal_basis", "documents")
    assert {name: body[name] for name in same} == {name: getattr(plan, name) for name in same}
    assert (body["sender"], body["receiver"], body["desk"]) == ("dinsos", "koperasi", "koperasi/pembinaan")
    assert (body["by"], body["by_agency"]) == ("service", "dinsos")


async def test_the_same_fact_twice_is_one_referral(sent: Heard, publish_fact: Any) -> None:
    plan, event_id = a_plan(), str(uuid4())
    await sent(plan, event_id=event_id)
    await publish_fact(plan, plan.case_id, 1, event_id=event_id)
    following = a_plan(case_id=plan.case_id)
    await sent(following, 2)
    assert len(await sent(a_plan(case_id=plan.case_id), 3)) == 1
    assert len(await sent(plan, 4)) == 1  # told again as a fact of its own: the step's referral is open already


@pytest.mark.parametrize(
    ("other", "reason"),
    [
        ({"service": "no-such-thing"}, "wrong-service"),
        ({"area": "35.09.01"}, "out-of-area"),
        ({"replaces": str(uuid4())}, "not-found"),
        ({"legal_basis": "consent"}, "consent-missing"),
    ],
)
async def test_what_cannot_be_sent_comes_back_declined_to_core_alone(
    other: dict[str, Any], reason: str, sent: Heard, told: Any, facts: Any, eventually: Any
) -> None:
    [(referral_id, state)] = await sent(a_plan(**other))
    assert state == "declined"
    assert await told(referral_id) == [
        ("core", "sinergi.referral.requested.v1", 1),
        ("core", "sinergi.referral.declined.v1", 2),
    ]
    heard = await eventually(lambda: facts("REFERRALS", referral_id))
    assert (heard[-1][1]["reason"], heard[-1][1]["side"]) == (reason, "agency")
    assert (heard[-1][1]["receiver"], heard[-1][1]["desk"]) == ("dinsos", "dinsos/returned")


async def test_a_second_step_for_an_open_service_comes_back(sent: Heard, told: Any) -> None:
    first = a_plan()
    await sent(first)
    [(referral_id, state)] = await sent(a_plan(client_id=first.client_id))
    assert state == "declined"
    assert len(await told(referral_id)) == 2


async def test_a_step_sent_again_replaces_its_declined_referral(
    sent: Heard, give: Give, told: Any, eventually: Any
) -> None:
    plan = a_plan()
    [(old, _)] = await sent(plan)
    assert (await give("decline", {"id": old, "version": 1})).status_code == 200
    again = plan.model_copy(update={"replaces": old, "documents": ["akta", "kbli"]})
    await sent(again, 2)

    async def rerouted() -> bool:
        return bool((await told(old))[-1][1] == "sinergi.referral.rerouted.v1")

    await eventually(rerouted)
    assert [state for _, state in await sent(again, 3)] == ["declined", "requested"]


async def test_a_plan_that_breaks_the_rules_of_codes_is_buried_and_stops_nobody(
    sent: Heard, publish_fact: Any, nats: Any, eventually: Any
) -> None:
    wrong = a_plan(reason="the family of Budi is poor")
    event_id = await publish_fact(wrong, wrong.case_id, 1)

    async def buried() -> bool:
        last = await nats.jetstream().get_last_msg("DEAD_LETTERS", "dead.referrals-cases")
        return bool((last.headers or {}).get("ce-id") == event_id and "Budi" not in str(last.headers))

    assert (await sent(a_plan()))[0][1] == "requested"
    await eventually(buried)


async def test_a_returned_referral_shows_nobody_the_client(sent: Heard, referrals: Running) -> None:
    [(referral_id, _)] = await sent(a_plan(area="35.09.01"))
    async with referrals.client("desk_officer", agency="dinsos", area="35") as officer:
        answer = await officer.get(f"/referrals/{referral_id}/details?purpose=curiosity")
    assert answer.json()["type"] == "urn:sinergi:problem:nothing-to-disclose"


async def test_a_worker_closes_a_returned_referral(sent: Heard, referrals: Running, send: Send) -> None:
    [(referral_id, _)] = await sent(a_plan(service="no-such-thing"))
    async with referrals.client("social_worker") as worker:
        read = (await worker.get(f"/referrals/{referral_id}")).json()
        assert read["actions"] == ["close"]
        closed = await worker.post(f"/referrals/{referral_id}/close", json={"expected_version": 2})
    assert closed.status_code == 200


# ---------------------------------------------------------------- pathways


async def pathways_of(step_id: str, referrals: Running) -> list[Any]:
    columns = "id::text, template, state, worker, case_id::text, documents, stop_reason"
    rows = text(f"SELECT {columns} FROM pathways WHERE step_id = :s")
    async with referrals.context.db.begin() as tx:
        return list((await tx.session.execute(rows, {"s": step_id})).all())


async def test_a_step_that_names_a_pathway_starts_it_once_and_stops_it_when_it_is_withdrawn(
    referrals: Running, publish_fact: Any, facts: Any, eventually: Any
) -> None:
    plan = a_plan(service="pathway-kube-naik-kelas")
    for version in (1, 2):  # told twice: it runs already
        await publish_fact(plan, plan.case_id, version)
    [found] = await eventually(lambda: pathways_of(plan.step_id, referrals))
    assert (found.template, found.worker, found.case_id) == ("kube-naik-kelas", "w1", plan.case_id)
    assert found.documents == ["akta"]
    _, started = (await eventually(lambda: facts("REFERRALS", found.id, "core")))[0]
    assert (started["step_id"], started["agency"]) == (plan.step_id, "dinsos")
    same = {name: getattr(plan, name) for name in ("case_id", "agency", "area", "worker", "supervisor", "step_id")}
    other = {"client_id": plan.client_id, "service": plan.service, "reason": "client-withdrew"}
    await publish_fact(CaseReferralWithdrawn(**same, **other), plan.case_id, 3)

    async def stopped() -> bool:
        return [one.stop_reason for one in await pathways_of(plan.step_id, referrals)] == ["client-withdrew"]

    await eventually(stopped)


@pytest.mark.parametrize(("other", "reason"), [
    ({"service": "pathway-nowhere"}, "unknown-template"),
    ({"service": "pathway-"}, "request-not-valid"),
    ({"service": "pathway-kube-naik-kelas", "client_kind": "person"}, "wrong-client-kind"),
])  # fmt: skip
async def test_a_pathway_that_cannot_start_comes_back_to_the_case(
    sent: Heard, facts: Any, eventually: Any, other: dict[str, Any], reason: str
) -> None:
    [(referral, state)] = await sent(a_plan(**other))
    assert state == "declined"
    told = await eventually(lambda: facts("REFERRALS", referral, "core"))
    assert [body.get("reason") for kind, body in told if "declined" in kind] == [reason]


async def test_no_service_may_be_called_as_a_pathway_is(referrals: Running) -> None:
    async with referrals.client("operator", area="*") as client:
        body = COACHING | {"name": "x"}
        answer = await client.put("/directory/services/pathway-mine", json=body)
    assert answer.status_code == 422, answer.text
