"""A case at hand: who may write in it, its parts, what every fact about it tells, its history."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import ScalarSelect, select

from services.cases.access import may_read, may_write
from services.cases.intake_models import Transfer
from services.cases.models import Case, Goal, History, Plan, Step
from services.cases.stages import PlanState
from sinergi.auth import Actor
from sinergi.db import Tx, new_id
from sinergi.permissions import Role
from sinergi.problems import Refused


async def own_case(case_id: UUID, expected_version: int | None, actor: Actor, tx: Tx) -> Case:
    """The case, locked for its worker or whoever covers: nobody else writes in it.

    `expected_version` None is for what does not change the case itself.
    """
    case = await _seen(case_id, actor, tx)
    await _refuse_others(case, actor, tx)
    held_by = case.worker
    case = await tx.lock(Case, case_id, expected_version)
    if case.worker != held_by:  # it was handed over while we waited for the lock
        await _refuse_others(case, actor, tx)
    return case


async def _refuse_others(case: Case, actor: Actor, tx: Tx) -> None:
    if not await may_write(case, actor, tx):
        raise Refused("not-your-case", "Another social worker holds this case.", "forbidden")


async def readable_case(case_id: UUID, actor: Actor, tx: Tx) -> Case:
    """The case, for its worker, the supervisors of its office, and whom a grant lets in. Not locked, not audited."""
    case = await tx.get(Case, case_id)
    if await may_read(case, actor, tx):
        return case
    actor.within(agencies=(case.agency,), area=case.area)
    if actor.role is Role.SOCIAL_WORKER and case.worker != actor.id:
        raise Refused("not-your-case", "Another social worker holds this case.", "forbidden")
    return case


async def supervised_case(case_id: UUID, expected_version: int | None, actor: Actor, tx: Tx) -> Case:
    """The case, locked for its supervisor: the named one, or the first of the office to act. Never its worker.

    `expected_version` None is for what does not change the case itself.
    """
    case = await _seen(case_id, actor, tx)
    not_own_work(case.worker, actor)
    if case.supervisor not in ("", actor.id):
        raise Refused("not-the-supervisor", "Another supervisor answers for this case.", "forbidden")
    case = await tx.lock(Case, case_id, expected_version)
    case.supervisor = actor.id
    return case


async def office_case(case_id: UUID, expected_version: int, actor: Actor, tx: Tx) -> Case:
    """The case, locked for any supervisor of its office and area: who works on it is the office's matter."""
    await _seen(case_id, actor, tx)
    return await tx.lock(Case, case_id, expected_version)


def not_own_work(doer: str | None, actor: Actor) -> None:
    """`Refused` (self-approval) when the actor did the work, unless the permission table lets the role approve that."""
    if doer == actor.id and not actor.may("case.approve_own"):
        raise Refused("self-approval", "Another person must approve your own work.", "forbidden")


async def _seen(case_id: UUID, actor: Actor, tx: Tx) -> Case:
    """Who comes before which version: an outsider learns neither version nor stage from a conflict."""
    case = await tx.get(Case, case_id)
    actor.within(agencies=(case.agency,), area=case.area)
    return case


async def held_by(case: Case, agency: str, tx: Tx) -> bool:
    """Whether this office holds the case, or held it before a transfer: the referrals that it sent go on as its own."""
    if case.agency == agency:
        return True
    handed_over = (Transfer.case_id == case.id, Transfer.from_agency == agency, Transfer.state == "accepted")
    return (await tx.session.scalar(select(Transfer.id).where(*handed_over).limit(1))) is not None


def told(case: Case) -> dict[str, str]:
    """What every fact about the case tells."""
    return {
        "case_id": str(case.id),
        "agency": case.agency,
        "area": case.area,
        "worker": case.worker,
        "supervisor": case.supervisor,
    }


def record(case: Case, what: str, actor: Actor, tx: Tx, note: str = "") -> None:
    """Write into the case's history what was done, and by whom."""
    who = {"actor": actor.id, "role": actor.role.value, "agency": actor.agency}
    tx.add(History(id=new_id(), case_id=case.id, what=what, note=note, **who))


async def plan_of(case: Case, tx: Tx) -> Plan | None:
    """The newest version of the case's plan, if it has one yet: being written, or in force."""
    newest = select(Plan).where(Plan.case_id == case.id).order_by(Plan.number.desc()).limit(1)
    return (await tx.session.scalars(newest)).one_or_none()


async def plan_in_force(case: Case, tx: Tx) -> Plan | None:
    """The approved version, which is carried out."""
    approved = select(Plan).where(Plan.case_id == case.id, Plan.state == PlanState.APPROVED)
    return (await tx.session.scalars(approved)).one_or_none()


async def goals_of(case: Case, tx: Tx) -> Sequence[Goal]:
    """The plan's goals in its order, without those that a later version left out."""
    ours = select(Goal).where(Goal.case_id == case.id, Goal.retired_at.is_(None))
    return (await tx.session.scalars(ours.order_by(Goal.position))).all()


async def steps_of(case: Case, tx: Tx) -> Sequence[Step]:
    """The plan's steps in its order."""
    return (await tx.session.scalars(select(Step).where(Step.case_id == case.id).order_by(Step.position))).all()


def former_case(client_kind: str, client_id: UUID) -> ScalarSelect[UUID]:
    """In SQL: the client's case that was closed last, if there is one."""
    closed = (Case.client_kind == client_kind, Case.client_id == client_id, Case.closed_at.is_not(None))
    return select(Case.id).where(*closed).order_by(Case.closed_at.desc()).limit(1).scalar_subquery()
