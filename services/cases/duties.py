"""Duties: what a case's stage and risk ask of its worker by a date. They are data (duties.json); each is a task.

A duty begins when it comes to apply, ends with the act that fulfils it or when it applies no more, and begins anew
when another one of its kind takes its place: a risk that grew makes the visit due sooner.
"""

from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from pydantic import BaseModel

from services.cases.instruments import Risk
from services.cases.models import Case, Task
from services.cases.stages import Stage
from services.cases.tasks import add_task, finish, open_tasks
from sinergi.auth import Actor
from sinergi.db import Tx
from sinergi.workdays import Calendar, zone_of

ASSESS, SUBMIT, VISIT, REVIEW = "assess", "submit-plan", "visit-risk", "review-plan"


class Duty(BaseModel):
    """One rule: at these stages, under these risks (none named: any), do it within so many days or working days."""

    code: str
    kind: str
    stages: list[Stage]
    risks: list[Risk] = []
    days: int | None = None
    working_days: int | None = None

    def applies(self, case: Case) -> bool:
        """Whether the case's stage and risk ask for it."""
        return case.stage in self.stages and (not self.risks or case.risk in self.risks)

    def due_on(self, area: str) -> date:
        """The last day for it, when it begins now: the place's day."""
        now = datetime.now(UTC)
        if self.working_days is None:
            return now.astimezone(zone_of(area)).date() + timedelta(days=self.days or 0)
        return office.calendar.after(now, self.working_days, area).date() - timedelta(days=1)


class Duties(BaseModel):
    """The file: its rules, with where they come from."""

    source: str
    dated: str
    duties: list[Duty]


class Office:
    """The days on which offices work; the process sets them from its settings when it starts (main.py)."""

    calendar = Calendar()


office = Office()
DUTIES = Duties.model_validate_json(Path(__file__).with_name("duties.json").read_text()).duties


async def keep_duties(case: Case, actor: Actor, tx: Tx, *, done: Iterable[str] = (), again: Iterable[str] = ()) -> None:
    """Bring the case's duties up to its stage and risk. Call it at the end of whatever changes one of them.

    `done` are the kinds that this act fulfils, `again` those that begin anew though nothing about them changed.
    """
    wanted = {one.kind: one for one in DUTIES if one.applies(case)}
    before, now = case.duties or {}, {kind: one.code for kind, one in wanted.items()}
    changed = {kind for kind in before.keys() | now if before.get(kind) != now.get(kind)}
    case.duties = now
    for task in await _open(case, changed | set(done) | set(again), tx):
        await finish(task, actor, tx)
    for kind in sorted((changed - set(done) | set(again)) & now.keys()):
        duty = wanted[kind]
        await add_task(tx, case=case, kind=kind, reason=duty.code, due_on=duty.due_on(case.area))


async def _open(case: Case, kinds: set[str], tx: Tx) -> Iterable[Task]:
    await tx.session.flush()
    return await open_tasks(tx, Task.case_id == case.id, Task.kind.in_(kinds)) if kinds else []
