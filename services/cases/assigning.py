"""Who works on a case: what the office's workers can take, whom a new case suits best, and giving it to somebody."""

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert

from services.cases.access import grant
from services.cases.casefile import office_case, record, told
from services.cases.caseload_models import CaseCount, WorkerProfile
from services.cases.commands import Answer, Area, OnCase
from services.cases.models import Case
from services.cases.plans import Code
from services.cases.tasks import Sub, hand_over_tasks
from services.cases.weights import WEIGHTS
from sinergi.auth import Actor, permit
from sinergi.db import Tx, new_id
from sinergi.events import CaseAssigned, CaseHandedOver
from sinergi.problems import Refused

Reason = Literal["retirement", "leave", "transfer", "balance"]


class AssignCase(OnCase):
    """Give the case to a worker of the office. `reason` is why somebody else gives it up."""

    worker: Sub
    reason: Reason = "balance"


class KeepProfile(BaseModel):
    """What a worker can take. `expected_version` 0: there is no profile yet. The door puts the worker in."""

    model_config = ConfigDict(extra="forbid")
    actor: Sub = "-"
    expected_version: int = Field(ge=0)
    area: Area
    capacity: int = Field(WEIGHTS.capacity, ge=0, le=10_000)
    available_from: date | None = None
    available_until: date | None = None
    speaks: list[Code] = Field(default=[], max_length=20)
    specialities: list[Code] = Field(default=[], max_length=20)


@permit("caseload.assign")
async def assign_case(cmd: AssignCase, actor: Actor, tx: Tx) -> Answer:
    """The case has a (new) worker; who had it loses write at once and reads for a while.

    Refused: `worker-unknown`, `same-worker`.
    """
    case = await office_case(cmd.case_id, cmd.expected_version, actor, tx)
    if case.worker == cmd.worker:
        raise Refused("same-worker", "This worker holds the case already.", "conflict", version=case.version)
    await must_know([cmd.worker], actor, tx)
    await hand({case: cmd.worker}, cmd.reason, may_read_until(), actor, tx)
    return Answer(id=case.id, version=case.version, state=case.stage)


def may_read_until() -> datetime:
    """Until when the old worker reads what is handed over now."""
    return datetime.now(UTC) + timedelta(days=WEIGHTS.read_days)


async def hand(
    moves: Mapping[Case, str], reason: Reason, read_until: datetime, by: Actor, tx: Tx, hand_over_id: UUID | None = None
) -> None:
    """Each of these cases of one worker, locked, goes to its new one, with the worker's open tasks in it."""
    if not moves:
        return
    previous = next(iter(moves)).worker
    await hand_over_tasks({case.id: worker for case, worker in moves.items()}, previous, tx)
    for case, worker in moves.items():
        case.worker = worker
        if case.supervisor == worker:  # nobody supervises an own case
            case.supervisor = ""
        record(case, "assign", by, tx, reason if previous else "")
        if previous:
            grant(case, previous, case.agency, "read", "handed_over", read_until, by, tx)
            of_load = str(hand_over_id) if hand_over_id else None
            why = {"previous_worker": previous, "reason": reason, "read_until": read_until, "hand_over_id": of_load}
            tx.emit(CaseHandedOver(**told(case), **why), of=case)
        else:
            tx.emit(CaseAssigned(**told(case)), of=case)


async def must_know(workers: Sequence[str], actor: Actor, tx: Tx) -> None:
    """`Refused` (worker-unknown) for whom the office does not know: a slip of the pen would lose the case."""
    kept = select(WorkerProfile.actor).where(WorkerProfile.agency == actor.agency, WorkerProfile.actor.in_(workers))
    holding = select(CaseCount.worker).where(CaseCount.agency == actor.agency, CaseCount.worker.in_(workers))
    known = set((await tx.session.scalars(kept.union(holding))).all())
    if lost := sorted(set(workers) - known):
        sentence = "Your office does not know this worker: write down first what the worker can take."
        raise Refused("worker-unknown", sentence, workers=lost)


@permit("caseload.profile")
async def keep_profile(cmd: KeepProfile, actor: Actor, tx: Tx) -> dict[str, Any]:
    """Write down what a worker can take, within the supervisor's area. Refused: `version-conflict`."""
    actor.within(area=cmd.area)
    values = cmd.model_dump(exclude={"expected_version", "actor"})
    if cmd.expected_version == 0:
        profile = await _new_profile(cmd.actor, values, actor, tx)
    else:
        profile = await _profile(cmd, actor, tx)
        for name, value in values.items():
            setattr(profile, name, value)
        profile.version += 1
    return {"id": str(profile.id), "version": profile.version, "state": "kept"}


async def _new_profile(worker: str, values: dict[str, Any], actor: Actor, tx: Tx) -> WorkerProfile:
    row = insert(WorkerProfile).values(id=new_id(), version=1, agency=actor.agency, actor=worker, **values)
    made = (await tx.session.scalars(row.on_conflict_do_nothing().returning(WorkerProfile))).one_or_none()
    if made is None:
        raise Refused("version-conflict", "It was changed meanwhile. Read it again, then decide.", "conflict")
    return made


async def _profile(cmd: KeepProfile, actor: Actor, tx: Tx) -> WorkerProfile:
    ours = (WorkerProfile.agency == actor.agency, WorkerProfile.actor == cmd.actor)
    found = (await tx.session.scalars(select(WorkerProfile).where(*ours))).one_or_none()
    if found is None:
        raise Refused("not-found", "There is no such profile.", "not-found")
    actor.within(area=found.area)
    return await tx.lock(WorkerProfile, found.id, cmd.expected_version)
