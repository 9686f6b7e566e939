"""The task to assess again: the instrument says after how many days for each risk; it ends with the case's work."""

from datetime import datetime, timedelta

from services.cases.instruments import Instrument, Risk
from services.cases.models import Case, Task
from services.cases.tasks import add_task, finish, open_tasks
from sinergi.auth import Actor
from sinergi.db import Tx
from sinergi.workdays import zone_of

REASSESS = "reassess"


async def plan_the_next(case: Case, used: Instrument, risk: Risk, actor: Actor, tx: Tx) -> None:
    """It was assessed now: the old task is done, and the risk says when the next is due (calendar days, the area's)."""
    for task in await open_tasks(tx, Task.case_id == case.id, Task.kind == REASSESS, Task.reason == used.code):
        await finish(task, actor, tx)
    if days := used.reassess_days.get(risk):
        due = datetime.now(zone_of(case.area)).date() + timedelta(days=days)
        await add_task(tx, case=case, kind=REASSESS, reason=used.code, due_on=due)


async def plan_no_more(case: Case, actor: Actor, tx: Tx) -> None:
    """The case is closed: nothing is assessed again."""
    for task in await open_tasks(tx, Task.case_id == case.id, Task.kind == REASSESS):
        await finish(task, actor, tx)
