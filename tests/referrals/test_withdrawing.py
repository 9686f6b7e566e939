"""A worker gives up a step whose referral runs: it is cancelled, or its receiver is asked to stop."""

from typing import Any
from uuid import uuid4

from sqlalchemy import text

from sinergi.events import CaseReferralWithdrawn
from tests.harness.stack import Running
from tests.referrals.conftest import LICENCE, Give
from tests.referrals.test_plans import Heard, a_plan, sent

__all__ = ["sent"]


def withdrawn(plan: Any) -> CaseReferralWithdrawn:
    same = ("case_id", "agency", "area", "worker", "supervisor", "step_id", "client_id", "service")
    return CaseReferralWithdrawn(**{name: getattr(plan, name) for name in same}, reason="client-moved")


async def test_what_nobody_has_acknowledged_is_cancelled_at_once(
    sent: Heard, publish_fact: Any, facts: Any, eventually: Any
) -> None:
    plan = a_plan()
    [(referral_id, _)] = await sent(plan)
    event_id = await publish_fact(withdrawn(plan), plan.case_id, 2)
    await publish_fact(withdrawn(plan), plan.case_id, 2, event_id=event_id)

    async def heard() -> list[Any] | None:
        found = await facts("REFERRALS", referral_id, "koperasi")
        return found if len(found) == 2 else None

    kind, body = (await eventually(heard))[1]
    assert (kind, body["reason"]) == ("sinergi.referral.cancelled.v1", "client-moved")
    assert (body["case_id"], body["by"]) == (plan.case_id, "service")


async def test_the_receiver_of_work_that_began_is_asked_to_stop_once(
    sent: Heard, give: Give, told: Any, publish_fact: Any, eventually: Any
) -> None:
    plan = a_plan()
    [(referral_id, _)] = await sent(plan)
    assert (await give("acknowledge", {"id": referral_id, "version": 1})).is_success
    for version in (2, 3):  # told a second time, as a fact of its own: it is asked already
        await publish_fact(withdrawn(plan), plan.case_id, version)
    await sent(a_plan(case_id=plan.case_id), 4)
    kinds = [kind.split(".")[2] for _, kind, _ in await told(referral_id)]
    assert kinds == ["requested", "received", "cancel_requested"]


async def test_a_withdrawal_of_what_has_ended_or_is_another_steps_changes_nothing(
    sent: Heard, give: Give, told: Any, publish_fact: Any, referrals: Running
) -> None:
    plan, other = a_plan(), a_plan()
    [(ended, _)], [(running, _)] = await sent(plan), await sent(other)
    assert (await give("decline", {"id": ended, "version": 1})).is_success
    await publish_fact(withdrawn(plan), plan.case_id, 2)
    stranger = withdrawn(other).model_copy(update={"step_id": str(uuid4())})
    await publish_fact(stranger, other.case_id, 2)
    await sent(a_plan(case_id=plan.case_id), 3)
    await sent(a_plan(case_id=other.case_id), 3)
    assert [len(await told(one)) for one in (ended, running)] == [2, 1]


async def test_what_still_waits_for_its_clients_facts_is_never_sent(
    sent: Heard, told: Any, publish_fact: Any, referrals: Running
) -> None:
    """Nobody answers for the registry here: the plan would wait for ever."""
    code = f"panti-{uuid4().hex[:8]}"
    async with referrals.client("operator") as operator:
        terms = LICENCE | {"eligibility": {"all": [{"fact": "age", "op": ">=", "value": 60}]}}
        (await operator.put(f"/directory/services/{code}", json=terms)).raise_for_status()
    plan = a_plan(service=code)
    await publish_fact(plan, plan.case_id, 1)
    await publish_fact(withdrawn(plan), plan.case_id, 2)
    await sent(a_plan(case_id=plan.case_id), 3)  # facts of one case are heard in order: the two are done
    async with referrals.context.db.begin() as tx:
        found = text("SELECT id::text, state FROM referrals WHERE step_id = :step")
        [(referral_id, state)] = (await tx.session.execute(found, {"step": plan.step_id})).all()
    assert state == "declined"
    assert [(who, kind.split(".")[2]) for who, kind, _ in await told(referral_id)] == [
        ("core", "requested"),
        ("core", "declined"),
    ]
    async with referrals.context.db.begin() as tx:
        waiting = text("SELECT count(*) FROM waiting_referrals WHERE request->>'step_id' = :step")
        assert await tx.session.scalar(waiting, {"step": plan.step_id}) == 0
